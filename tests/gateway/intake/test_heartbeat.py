"""Only a heartbeat of this run that came back counts. Through a real broker: test_receive.py."""

import time

import pytest

from gateway.intake.heartbeat import HEARTBEATS, Heartbeat


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


def test_one_to_the_group_goes_back_to_its_sender_whoever_gets_it() -> None:
    ours, theirs = Heartbeat("gateway", "village"), Heartbeat("gateway-2", "village")
    assert ours.shared == theirs.shared != Heartbeat("gateway", "other").shared
    assert Heartbeat("gateway").shared == ""
    before = time.monotonic()
    payload = ours.to_group()
    assert theirs.from_group(payload) == ours.from_group(payload) == ours.topic
    assert ours.shared_newest < before
    ours.take(payload)
    theirs.take(payload)
    assert ours.shared_newest >= before > theirs.shared_newest
    assert ours.age() == float("inf"), "it is none of the other kind"


@pytest.mark.parametrize("payload", [b"", b"my-esp32 x 1", b"gateway/+/x 1", b"\xff\xfe", b"x" * 5000])
def test_what_no_gateway_sent_to_the_group_goes_nowhere(payload) -> None:
    assert Heartbeat("gateway", "village").from_group(payload) == ""
