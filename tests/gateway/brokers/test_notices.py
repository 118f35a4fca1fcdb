"""Only Mosquitto's notices about itself are noted. With a real broker: intake/test_receive.py."""

from devices.contract.topics import DENIED
from gateway.brokers import notices as module
from gateway.brokers.notices import DROPPED, ERRORS, LOG, OFTEN, WITHIN, Notices


def test_it_knows_nothing_before_the_broker_speaks() -> None:
    notices = Notices()
    assert (notices.dropped, notices.refused_logins) == (None, None)
    assert not notices.take("hoiquan/v1/p/c/d/telemetry", b"7")
    assert (notices.dropped, notices.refused_logins) == (None, None)


def test_the_newest_count_of_dropped_messages_holds() -> None:
    notices = Notices()
    for payload in (b"3", b"12", b"", b"many", b"-1"):
        assert notices.take(DROPPED, payload)
    assert notices.dropped == 12


def test_refused_logins_are_counted_off_the_log() -> None:
    notices = Notices()
    assert notices.take(LOG, b"1795856846: New connection from 127.0.0.1:1234 on port 1883.")
    assert notices.refused_logins == 0
    for _ in range(2):
        notices.take(LOG, b"1795856846: Client guesser disconnected, not authorised.")
    assert notices.refused_logins == 2


def cut_off(account: str) -> bytes:
    return f"1796050867: Client {account} already connected, closing old connection.".encode()


def test_an_account_whose_connections_cut_each_other_off_is_named_once(monkeypatch) -> None:
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    notices = Notices()
    for topic in [LOG, ERRORS] * OFTEN:
        assert notices.take(topic, cut_off("my-esp32"))
        assert notices.take(topic, b"1796050867: Client my-esp32 disconnected.")
    assert (notices.crowded(), notices.crowded()) == ([f"{DENIED}/my-esp32/"], [])
    now += module.AGAIN
    for _ in range(OFTEN):
        notices.take(ERRORS, cut_off("my-esp32"))
    assert notices.crowded() == [f"{DENIED}/my-esp32/"]


def test_a_machine_that_connects_anew_now_and_then_is_not_named(monkeypatch) -> None:
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    notices = Notices()
    for _ in range(3 * OFTEN):
        notices.take(ERRORS, cut_off("my-esp32"))
        now += WITHIN / (OFTEN - 1) + 1
    assert notices.crowded() == []
