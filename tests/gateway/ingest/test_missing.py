"""Readings that never arrive are counted as missing, on a network that loses some for good for any time."""

from datetime import UTC, datetime

import numpy as np

from devices.clock import DAY_MS
from devices.pilots.pilot import load
from gateway.ingest.decode import Decoder
from gateway.ingest.message import Message
from sim.nodes.telemetry import encode_reading
from sim.run import fleet

PILOT = load("dong-thap")
START = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp() * 1000)
STOP = START + 30 * DAY_MS


def test_what_a_month_of_lora_loses_is_missing():
    """Numbers between the first and the last to arrive: lost by the radio or with the mast, or never sent."""
    there = [node for node in fleet(3, PILOT, level="normal") if node.since < START]
    decoder = Decoder(PILOT, PILOT.fleet.get)
    expected, most = {}, 0
    for node in there[:24]:
        deliveries = list(node.deliveries(START, STOP))
        sent = [(at, d) for d in deliveries for at in (d.arrives, d.again) if at]
        topic = f"hoiquan/v1/dong-thap/{node.device.community}/{node.device.device}/telemetry"
        messages = [
            Message(topic, encode_reading(d.reading, d.clock), at)
            for at, d in sorted(sent, key=lambda one: one[0])
        ]
        for first in range(0, len(messages), 500):
            assert not decoder.decode(messages[first : first + 500]).refused
        seqs = np.array([d.reading.seq for d in deliveries])
        gone = int(seqs.max() - seqs.min() + 1 - len(np.unique(seqs)))
        most = max(most, gone)
        if gone:
            expected[node.device.device] = gone
    assert most > 200, "more holes than are remembered"
    assert decoder.missing() == expected
