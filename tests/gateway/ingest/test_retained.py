"""A retained message comes again at every subscription: refused each time, filed and logged once."""

import pytest

from gateway.control.answers import Answers
from gateway.ingest.decode import Decoder
from gateway.ingest.message import Message
from gateway.ingest.spool import NEWEST
from tests.gateway.ports import DEVICES, NOW, FakeStore, build, drain, telemetry


class Gateway:
    """One that is started anew, and hears what the broker keeps for new subscribers."""

    def __init__(self, spool):
        self.spool, self.store, self.known, self.starts = spool, FakeStore(), dict(DEVICES), 0

    def starts_with(self, *messages):
        """Returns the reasons that were sent down."""
        self.starts += 1
        pipeline, receiver = build(self.spool, self.store, lookup=self.known.get)
        arrival = NOW + self.starts * 86_400_000
        self.spool.append([m._replace(arrival=arrival, retained=True) for m in messages])
        drain(pipeline, self.spool)
        assert self.spool.books().balanced
        self.rates = pipeline.telling.rates
        return [answer["reason"] for _, answer in receiver.sent]

    def filed(self):
        return [(row.reason, row.payload) for row in reversed(self.spool.quarantined())]


@pytest.fixture
def gateway(spool):
    return Gateway(spool)


STATUS = Message("hoiquan/v1/p/c/gone/status", b'{"state":"offline"}', NOW)


@pytest.mark.parametrize(
    ("message", "reason"), [(telemetry(1), "retained"), (STATUS, "unknown_device")], ids=["reading", "status"]
)
def test_it_is_filed_and_logged_once_and_told_each_time(gateway, caplog, message, reason):
    for _ in range(3):
        assert gateway.starts_with(message) == [reason]
    assert gateway.filed() == [(reason, message.payload)]
    books = gateway.spool.books()
    assert (books.received, books.duplicate, books.quarantined) == (3, 2, 1)
    assert caplog.text.count("refused: ") == 1
    community = "c" if reason == "retained" else ""
    assert gateway.rates == {(community, "duplicate"): 1}


def test_another_payload_and_another_reason_are_filed(gateway):
    one, other = telemetry(1), telemetry(2)
    gateway.known.clear()
    gateway.starts_with(one)
    gateway.known.update(DEVICES)
    gateway.starts_with(one, other)
    gateway.starts_with(one, other)
    assert gateway.filed() == [
        ("unknown_device", one.payload), ("retained", one.payload), ("retained", other.payload)
    ]  # fmt: skip


def test_what_was_replayed_is_not_filed_anew(gateway):
    gateway.starts_with(telemetry(1))
    gateway.spool.release([row.id for row in gateway.spool.quarantined()])
    gateway.starts_with(telemetry(1))
    assert gateway.store.values() == [1] and len(gateway.filed()) == 1
    assert gateway.spool.books().quarantined == 0


def test_what_is_not_retained_is_filed_each_time(gateway):
    bad = telemetry(1)._replace(payload=b"rubbish")
    for _ in range(2):
        gateway.spool.append([bad])
        drain(build(gateway.spool, gateway.store)[0], gateway.spool)
    assert gateway.filed() == [("not_json", b"rubbish")] * 2


def test_it_is_found_among_the_newest_of_its_topic(gateway):
    flood = [telemetry(n) for n in range(NEWEST + 1)]
    gateway.starts_with(*flood)
    gateway.starts_with(flood[1])
    assert len(gateway.filed()) == 100 and gateway.spool.books().quarantined == NEWEST + 1


def test_an_answer_to_no_command_is_filed_once(spool):
    pipeline, receiver = build(spool, FakeStore())
    answer = Message("hoiquan/v1/p/c/d1/result", b'{"id":"x","ok":true}', NOW, retained=True)

    class Nothing:
        def answered(self, *_):
            return None

    answers = Answers(spool, Decoder("p", DEVICES.get), Nothing, pipeline.telling)
    for _ in range(2):
        spool.append([answer])
        assert answers.keep_some()
    assert [row.reason for row in spool.quarantined()] == ["unknown_command"]
    assert spool.books().balanced and len(receiver.sent) == 2
