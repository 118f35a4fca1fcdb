"""What is read ahead: nobody waits for the store, and nobody sees what is old."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from types import SimpleNamespace

import pytest

from dashboards.pages import kept
from dashboards.pages.kept import Kept
from gateway.stores.store import RetryLater
from tests.servers import until


class Reading:
    """Counts how often it is read; may be held up, or fail."""

    def __init__(self):
        self.times = 0
        self.error = None
        self.go = threading.Event()
        self.go.set()

    def __call__(self):
        self.go.wait(60)
        if self.error is not None:
            raise self.error
        self.times += 1
        return self.times


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(kept.time, "monotonic", lambda: now[0])
    return now


def test_it_is_read_once_for_all_who_ask_at_the_same_time():
    reading = Reading()
    reading.go.clear()
    made = Kept(reading)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(made.get) for _ in range(8)]
        reading.go.set()
        assert {one.result() for one in asked} == {1}


def test_what_is_too_old_is_not_shown(clock):
    made = Kept(Reading())
    assert made.get() == 1
    clock[0] += kept.OLD - 0.1
    assert made.get() == 1
    clock[0] += 0.1
    assert made.get() == 2


def test_what_says_nothing_is_not_kept(clock):
    reading = Reading()
    made = Kept(reading, lambda number: number > 2)
    assert [made.get() for _ in range(5)] == [1, 2, 3, 3, 3]


def test_while_it_runs_it_is_there_before_anybody_asks(monkeypatch):
    monkeypatch.setattr(kept, "EVERY", 0.01)
    reading = Reading()
    made = Kept(reading)
    with made.running():
        until(lambda: reading.times > 5, "it is read again and again")
        reading.go.clear()  # from here on the store does not answer any more
        assert made.get() >= 5
        reading.go.set()
    times = reading.times
    assert made.get() == times, "it has ended, and what it read last is there"


def test_a_store_that_is_away_is_told_to_who_asks_and_it_is_back_with_it(monkeypatch):
    monkeypatch.setattr(kept, "EVERY", 0.01)
    reading = Reading()
    reading.error = RetryLater("down")
    made = Kept(reading)
    with made.running():
        with pytest.raises(RetryLater):
            made.get()
        reading.error = None
        until(lambda: reading.times, "it is read again")
        assert made.get() >= 1


def test_who_asked_before_a_reading_began_has_it_too(monkeypatch):
    asked, began = set(), []

    def tick():
        now = next(ticks)
        asked.add(threading.get_ident())
        return now

    def read():
        began.append(True)
        while len(asked) < 8:
            threading.Event().wait(0.01)
        return len(began)

    ticks = count()
    monkeypatch.setattr(kept.time, "monotonic", tick)
    made = Kept(read, lambda _: False)
    with ThreadPoolExecutor(8) as pool:
        answers = [one.result() for one in [pool.submit(made.get) for _ in range(8)]]
    assert sorted(answers) == [1, 2, 2, 2, 2, 2, 2, 2], (
        "seven came while the first read, and one of them read"
    )


def test_what_fails_while_others_wait_has_failed_for_all_of_them(monkeypatch):
    asked, tried = set(), []

    def tick():
        asked.add(threading.get_ident())
        return next(ticks)

    def read():
        tried.append(True)
        until(lambda: len(asked) == 8, "all have asked")
        raise RetryLater("down")

    ticks = count()
    monkeypatch.setattr(kept, "time", SimpleNamespace(monotonic=tick))
    made = Kept(read)
    with ThreadPoolExecutor(8) as pool:
        answers = [one.exception() for one in [pool.submit(made.get) for _ in range(8)]]
    assert all(isinstance(one, RetryLater) for one in answers)
    assert len(tried) == 1, "a store that is away is not asked by each of them"


def test_a_failure_is_told_as_it_was_read_ahead(monkeypatch):
    reading = Reading()
    made = Kept(reading)
    with made.running():
        assert made.get() == 1
    reading.error = RetryLater("down")
    monkeypatch.setattr(kept, "AGAIN", 60.0)
    with made.running():
        until(lambda: made._newest.error is not None, "the store is away")
        reading.go.clear()  # nobody who asks reads it himself
        for _ in range(3):
            with pytest.raises(RetryLater, match="down"):
                made.get()
        reading.go.set()


def test_nobody_waits_for_ever_and_neither_does_the_end(monkeypatch):
    monkeypatch.setattr(kept, "PATIENCE", 0.05)
    monkeypatch.setattr(kept, "LEAVE", 0.05)
    reading = Reading()
    reading.go.clear()
    made = Kept(reading)
    with made.running(), pytest.raises(RetryLater, match=r"has not answered for 0\.05 s"):
        made.get()
    reading.go.set()


def test_what_is_live_is_read_each_moment_while_somebody_watches(monkeypatch):
    monkeypatch.setattr(kept, "AGAIN", 0.01)
    reading = Reading()
    made = Kept(reading, live=True)
    with made.running():
        assert threading.Event().wait(0.1) is False and reading.times == 0, "nobody asked yet"
        made.get()
        until(lambda: reading.times > 5, "it is read again and again")
        monkeypatch.setattr(kept, "WATCHED", 0.0)
        until(lambda: made._asked < kept.time.monotonic(), "nobody watches any more")
        threading.Event().wait(0.1)
        times = reading.times
        threading.Event().wait(0.1)
        assert reading.times == times


def test_what_is_live_and_was_not_watched_is_read_for_who_asks(clock):
    made = Kept(Reading(), live=True)
    assert [made.get(), made.get()] == [1, 1]
    clock[0] += 2 * kept.AGAIN
    assert made.get() == 2
