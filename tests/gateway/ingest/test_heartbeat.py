"""A heartbeat counts when it is this run's own and came back; the way through a broker: test_receive.py."""

import time

import pytest

from gateway.ingest.heartbeat import HEARTBEATS, Heartbeat


def test_one_that_came_back_tells_its_age_and_way() -> None:
    heartbeat = Heartbeat("gateway")
    assert heartbeat.topic == f"{HEARTBEATS}/gateway/heartbeat"
    assert heartbeat.age() == float("inf") and heartbeat.round_trip is None
    before = time.monotonic()
    heartbeat.take(heartbeat.payload())
    assert before <= heartbeat.newest <= time.monotonic()
    assert 0 <= heartbeat.round_trip <= time.monotonic() - before


def test_an_older_one_makes_none_older() -> None:
    heartbeat = Heartbeat("gateway")
    older, newer = heartbeat.payload(), heartbeat.payload()
    heartbeat.take(newer)
    newest = heartbeat.newest
    heartbeat.take(older)
    assert heartbeat.newest == newest


@pytest.mark.parametrize("payload", [b"", b"x", b"\xff\xfe", b"9" * 5000, b"0123456789abcdef 1"])
def test_whatever_else_comes_changes_nothing(payload) -> None:
    heartbeat = Heartbeat("gateway")
    for other in (payload, Heartbeat("gateway").payload(), heartbeat.payload().split()[0] + b" x"):
        heartbeat.take(other)
    assert heartbeat.round_trip is None
