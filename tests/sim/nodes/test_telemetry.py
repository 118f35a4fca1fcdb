"""Readings have the model's signals, the contract's form, and times that the contract accepts."""

from datetime import UTC, datetime

from devices.clock import DAY_MS
from devices.contract.models import MODELS
from devices.contract.payloads import decode
from devices.contract.signals import SIGNALS
from sim.nodes.node import Node
from sim.nodes.telemetry import believed, encode_reading
from sim.run import history, pieces

START = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp() * 1000)


def test_readings_are_of_the_model_plausible_and_accepted(nodes: list[Node]) -> None:
    for node, readings in history(pieces(nodes, START, START + DAY_MS // 8)):
        for reading in readings:
            assert tuple(reading.values) == MODELS[node.device.model].signals
            for name, value in reading.values.items():
                signal = SIGNALS[name]
                assert signal.low <= value <= signal.high
                assert value == round(value, signal.decimals)
            told = decode(encode_reading(reading))
            assert (told.time, told.seq, told.boot, told.values) == (
                reading.time, reading.seq, node.telemetry.boot, reading.values,
            )  # fmt: skip


def test_what_the_contract_believes() -> None:
    arrives = START
    claims = [START, START - 90 * DAY_MS, START + 300_000, START + 300_001, 5000, -1]
    times, claimed = believed(claims, [arrives] * len(claims))
    assert times == [START, START - 90 * DAY_MS, START + 300_000, START, START, START]
    assert claimed == [None, None, None, START + 300_001, 5000, None]
