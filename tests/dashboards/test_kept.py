"""Values read ahead: no visitor reads the store, none waits for long, and none sees old values."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dashboards import kept
from dashboards.kept import Kept, OnDemand
from gateway.stores.store import RetryLater
from tests.servers import until


class Reading:
    """A read function that counts its tries and successes; it can be held up, or made to fail."""

    def __init__(self):
        self.tries = self.times = 0
        self.error = None
        self.go = threading.Event()
        self.go.set()

    def __call__(self):
        self.tries += 1
        self.go.wait(60)
        if self.error is not None:
            raise self.error
        self.times += 1
        return self.times


@pytest.fixture
def reading():
    made = Reading()
    yield made
    made.go.set()  # so that no thread is left behind


@pytest.fixture
def quick(monkeypatch):
    for name in ("EVERY", "AGAIN"):
        monkeypatch.setattr(kept, name, 0.01)


@pytest.fixture
def once(monkeypatch):
    """The value is read at its start, and then only for a visitor who waits."""
    for name in ("EVERY", "AGAIN"):
        monkeypatch.setattr(kept, name, 600.0)


def test_where_nothing_runs_it_is_read_for_who_asks(reading):
    made = Kept(reading)
    assert [made.get(), made.get()] == [1, 2]


@pytest.mark.usefixtures("quick")
def test_while_it_runs_it_is_there_before_anybody_asks(reading):
    made = Kept(reading)
    with made.running():
        until(lambda: reading.times > 5, "it is read again and again")
        reading.go.clear()  # from here on the store does not answer
        assert made.get() >= 5
        reading.go.set()
    assert made.get() == reading.times, "it has ended, and who asks reads"


@pytest.mark.usefixtures("once")
def test_it_is_read_once_for_all_who_wait_for_the_first(reading):
    reading.go.clear()
    made = Kept(reading)
    with made.running(), ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(made.get) for _ in range(8)]
        reading.go.set()
        assert {one.result() for one in asked} == {1}


@pytest.mark.usefixtures("once")
def test_what_is_too_old_is_not_shown(reading, monkeypatch):
    made = Kept(reading)
    with made.running():
        assert [made.get(), made.get()] == [1, 1]
        monkeypatch.setattr(kept, "OLD", 0.0)
        monkeypatch.setattr(kept, "AGES", 0.0)  # on a busy machine even this reading may have taken long
        assert made.get() == 2


@pytest.mark.usefixtures("once")
def test_who_wants_it_anew_is_shown_none_from_before_he_asked(reading):
    made = Kept(reading)
    with made.running():
        until(lambda: reading.times == 1, "the first is there")
        assert [made.get(anew=True) for _ in range(3)] == [2, 3, 4]
        assert made.get() == 4


@pytest.mark.usefixtures("quick")
def test_a_store_that_is_away_is_told_to_who_asks_and_it_is_back_with_it(reading):
    reading.error = RetryLater("store.silent", error="down")
    made = Kept(reading)
    with made.running():
        with pytest.raises(RetryLater, match="down"):
            made.get()
        reading.error = None
        until(lambda: reading.times > 1, "it is read again, and the first of it is there")
        assert made.get() >= 1


@pytest.mark.usefixtures("once")
@pytest.mark.parametrize(
    "error", [RetryLater("store.slow", seconds=9), ValueError("nobody thought of it"), OSError("disk")]
)
def test_what_failed_has_failed_for_all_who_ask(reading, error):
    reading.error = error
    made = Kept(reading)
    with made.running(), ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(made.get) for _ in range(24)]
        assert all(one.exception() is error for one in asked)
    assert reading.tries == 1, "a store that is away is not asked by each of them"


@pytest.mark.usefixtures("quick")
def test_an_outage_is_logged_once(reading, caplog):
    reading.error = RetryLater("store.silent", error="down")
    with Kept(reading).running():
        until(lambda: reading.tries > 5, "it is tried again and again")
    assert [one.getMessage() for one in caplog.records] == ["pages wait: InfluxDB does not answer: down"]


def test_nobody_waits_for_ever_and_neither_does_the_end(reading, monkeypatch):
    for name in ("PATIENCE", "LEAVE"):
        monkeypatch.setattr(kept, name, 0.05)
    reading.go.clear()
    made = Kept(reading)
    with made.running(), pytest.raises(RetryLater, match="has not answered"):
        made.get()


def test_a_thread_that_died_leaves_the_reading_to_who_asks(reading, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    reading.error = MemoryError()
    made = Kept(reading)
    with made.running():
        until(lambda: not made._runs, "it has died")
        reading.error = None
        assert made.get() == 1


def test_what_is_live_is_read_while_somebody_watches(reading, monkeypatch):
    monkeypatch.setattr(kept, "AGAIN", 0.01)
    made = Kept(reading, live=True)
    with made.running():
        threading.Event().wait(0.1)
        assert reading.tries == 0, "nobody has asked"
        assert made.get() >= 1  # on a busy machine it is read once more before he hears of it
        until(lambda: reading.times > 5, "it is read again and again")
        monkeypatch.setattr(kept, "WATCHED", 0.0)
        times = reading.times
        threading.Event().wait(0.2)
        assert reading.times <= times + 1, "nobody watches any more, and what had begun has ended"


@pytest.mark.usefixtures("once")
def test_what_is_live_and_was_not_watched_is_read_at_once_for_who_asks(reading, monkeypatch):
    made = Kept(reading, live=True)
    with made.running():
        assert [made.get(), made.get()] == [1, 1]
        monkeypatch.setattr(kept, "LIVE", 0.0)
        assert made.get() == 2


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(kept.time, "monotonic", lambda: now[0])
    return now


def test_what_is_asked_now_and_then_is_read_once_for_those_who_ask_at_the_same_time(clock):
    reading = Reading()
    reading.go.clear()
    made = OnDemand(reading)
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(made.get) for _ in range(8)]
        reading.go.set()
        assert {one.result() for one in waiting} == {1}
    clock[0] += kept.OLD - 0.1
    assert made.get() == 1
    clock[0] += 0.1
    assert made.get() == 2


def test_what_failed_is_told_to_those_who_waited_and_tried_again_for_the_next(clock):
    reading = Reading()
    made = OnDemand(reading)
    reading.error = RetryLater("store.silent", error="the store is away")
    with pytest.raises(RetryLater, match="away"):
        made.get()
    reading.error = None
    clock[0] += 0.001
    assert made.get() == 1


def test_nobody_waits_for_ever_for_what_another_reads(monkeypatch):
    monkeypatch.setattr(kept, "PATIENCE", 0.05)
    reading = Reading()
    reading.go.clear()
    made = OnDemand(reading)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(made.get)
        until(made._reading.locked, "the first reads")
        with pytest.raises(RetryLater, match="has not answered"):
            made.get()
        reading.go.set()
        assert first.result() == 1


@pytest.mark.usefixtures("quick")
def test_what_is_read_after_another_is_read_when_that_was_and_not_by_the_clock(monkeypatch):
    monkeypatch.setattr(kept, "OLD", 600.0)
    first, second = Reading(), Reading()
    before = Kept(first)
    after = Kept(second, after=before)
    first.go.clear()
    assert not after.begins and after.known() is None
    with before.running(), after.running():
        until(lambda: first.tries, "the first is being read")
        assert before.begins and after.begins and not second.tries, "it waits for it"
        first.go.set()
        until(lambda: second.times >= 5, "it follows")
        assert after.known() is not None and not after.begins


def test_what_was_read_meanwhile_is_followed_too(monkeypatch):
    """While the second is being read the first is read again; the second read has not seen that."""
    monkeypatch.setattr(kept, "EVERY", 600.0)
    monkeypatch.setattr(kept, "OLD", 600.0)
    monkeypatch.setattr(kept, "AGAIN", 0.01)
    first, second = Reading(), Reading()
    before = Kept(first)
    after = Kept(second, after=before)
    second.go.clear()
    with before.running(), after.running():
        until(lambda: second.tries == 1, "the second is being read")
        assert before.get(anew=True) == 2
        second.go.set()
        until(lambda: second.times == 2, "it follows what it has missed")


def test_what_has_ended_follows_nobody():
    before = Kept(Reading())
    with before.running():
        for _ in range(3):
            with Kept(Reading(), after=before).running():
                assert len(before._followers) == 1
        assert not before._followers


@pytest.mark.usefixtures("once")
def test_nobody_waits_for_the_next_of_what_takes_long(reading, monkeypatch):
    """In a province of ten thousand devices, on a busy machine, a read takes longer than OLD."""
    monkeypatch.setattr(kept, "OLD", 0.0)
    monkeypatch.setattr(kept, "AGES", 1e9)
    made = Kept(reading)
    after = Kept(Reading(), after=made)
    with made.running(), after.running():
        assert [made.get(), made.get()] == [1, 1]
        assert after.get() and after.known() is not None
    assert reading.times == 1


def test_only_the_first_seconds_after_the_start_are_waited_for(reading, monkeypatch):
    """The first read of a large store takes longer than that; later visitors are answered at once."""
    reading.go.clear()
    made = Kept(reading)
    with made.running():
        assert made.known(0.01) is None

        def waited(*_):
            raise AssertionError("he waits")

        with monkeypatch.context() as patched:
            patched.setattr(made._changed, "wait_for", waited)
            assert made.known(0.01) is None
        reading.go.set()
        assert made.known(60.0) == 1
