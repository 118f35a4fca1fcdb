"""What a refused message says of its device's clock does not stay: later readings are judged without it."""

import json

import pytest

from gateway.ingest.decode import Decoder
from gateway.ingest.message import Message
from tests.gateway.ports import DEVICES, NOW

TOPIC = "hoiquan/v1/p/c/d1/telemetry"
MINUTE, DAY = 60_000, 86_400_000


class Node:
    """What a decoder makes of d1's messages, one each minute."""

    def __init__(self):
        self.decoder = Decoder("p", DEVICES.get)
        self.now = NOW

    def sends(self, *records, refused=False):
        """Each record: boot, seq, how old its time is, and a value; returns the readings' ages and doubts."""
        self.now += MINUTE
        told = [
            {"boot": boot, "seq": seq, "ts": self.now - ago, "values": {name: value}}
            for boot, seq, ago, name, value in records
        ]
        body = json.dumps(told if len(told) > 1 else told[0]).encode()
        done = self.decoder.decode([Message(TOPIC, body, self.now)])
        assert bool(done.refused) == refused, done.refused
        return [(self.now - one.time, one.device_time is not None) for one in done.readings]


@pytest.fixture
def node():
    """It has run for an hour with a right clock."""
    made = Node()
    for seq in range(60):
        assert made.sends(("b1", seq, 0, "soil_moisture", 30.0 + seq / 10)) == [(0, False)]
    return made


def test_a_new_boot_with_a_clock_that_leapt_back_is_not_believed(node):
    assert node.sends(("b2", 0, 2 * DAY, "soil_moisture", 1.0)) == [(0, True)]
    assert node.sends(("b2", 1, 2 * DAY, "soil_moisture", 2.0)) == [(0, True)]


def test_nor_is_it_where_the_first_messages_of_that_boot_were_refused(node):
    node.sends(("b2", 0, 2 * DAY, "soil_moistur", 1.0), refused=True)
    node.sends(("b2", 1, 2 * DAY, "soil_moistur", 2.0), refused=True)
    assert node.sends(("b2", 2, 2 * DAY, "soil_moisture", 3.0)) == [(0, True)]
    assert node.decoder.missing() == {}


def test_a_boot_that_was_refused_does_not_hide_that_another_ones_clock_leapt_back(node):
    assert node.sends(("b2", 0, 2 * DAY, "soil_moisture", 1.0)) == [(0, True)]
    clash = "b1", 59, MINUTE * 3, "soil_moisture", 77.0
    node.sends(("b3", 0, 3 * DAY, "soil_moisture", 1.0), clash, refused=True)
    assert node.sends(("b2", 1, 2 * DAY, "soil_moisture", 2.0)) == [(0, True)]


def test_a_right_clock_is_believed_after_a_refused_message(node):
    node.sends(("b2", 0, 2 * DAY, "soil_moistur", 1.0), refused=True)
    assert node.sends(("b2", 1, 0, "soil_moisture", 3.0)) == [(0, False)]
    assert node.sends(("b2", 0, 0, "soil_moisture", 4.0)) == [(0, False)], "it was refused: it may come anew"
    assert node.decoder.missing() == {}
