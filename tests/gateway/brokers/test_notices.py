"""Only Mosquitto's notices about itself are noted. With a real broker: intake/test_receive.py."""

from gateway.brokers.notices import DROPPED, LOG, Notices


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
