"""What changes with the minute and takes its time to read is read before anybody asks for it.

a thread: each few seconds ─► read ─► outcome: what it gave, or why it failed ─► whoever asks
          at once ◄─ too old, none yet, or it says nothing: who asks waits for the next, but not for long

What machines ask for now and then (`OnDemand`) is read when the first of them asks.
"""

import logging
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, NamedTuple, TypeVar

from devices.access.database import RegistryAway
from devices.errors import CONTENT
from gateway.stores.store import RetryLater

EVERY = 8.0  # seconds from one reading to the next, where it takes little
AGAIN = 1.0  # the same of what is live, of a reading that failed, and the least
OLD = 20.0  # seconds after which what takes little is not shown any more: the reading is held up
LIVE = 2.0  # the same of what is live
REST = 2.0  # times what a reading took that its thread rests at least: a machine that is busy has others too
AGES = 6.0  # times the same, after which what takes so long is too old: nobody waits for the next meanwhile
WATCHED = 30.0  # seconds after which nobody watches a page any more: it would have asked again, twice
PATIENCE = 10.0  # seconds that somebody waits for what is being read
LEAVE = 1.0  # seconds that the end waits for a reading; a store that hangs would hold it up for longer
AWAY = (RetryLater, RegistryAway)
FAILS = (*AWAY, *CONTENT, OSError, sqlite3.Error)  # what a reading may raise; the next may do
log = logging.getLogger(__name__)
T = TypeVar("T")


class Outcome(NamedTuple, Generic[T]):
    """A reading: when it began and ended (s, monotonic), and what it gave, or why it failed."""

    began: float
    ended: float
    given: T | None
    error: Exception | None

    @property
    def took(self) -> float:
        """Seconds; none where it failed: a store that hangs is asked again soon."""
        return self.ended - self.began if self.error is None else 0.0

    def get(self) -> T:
        if self.error is not None:
            raise self.error
        assert self.given is not None
        return self.given


class Kept(Generic[T]):
    """What `read` gave lately; it may raise RetryLater. For several threads.

    `live`: it is read each second, but only while somebody asks. `after`: it is read when that has been.
    """

    def __init__(
        self, read: Callable[[], T], *, live: bool = False, after: "Kept[Any] | None" = None
    ) -> None:
        self._read = read
        self._live = live
        self._before = after
        self._followers: list[Kept[Any]] = []  # what is read after this, while it runs
        self._runs = False
        self._started = math.inf  # when it was started; s, monotonic
        self._asked = -math.inf  # when somebody asked last; s, monotonic
        self._changed = threading.Condition()  # notified when one of these changes, and of the end
        self._newest: Outcome[T] | None = None
        self._wanted = False  # somebody waits for the next
        self._behind = False  # what it is read after has been read since its thread looked last

    @contextmanager
    def running(self) -> Iterator[None]:
        """Read again and again in a thread of its own."""
        stop = threading.Event()
        thread = threading.Thread(target=self._run, args=(stop,), name="kept", daemon=True)
        self._runs, self._started = True, time.monotonic()
        if self._before is not None:
            self._before._followers.append(self)
        thread.start()
        try:
            yield
        finally:
            if self._before is not None:
                self._before._followers.remove(self)
            stop.set()
            with self._changed:
                self._changed.notify_all()
            thread.join(LEAVE)

    def get(self, *, anew: bool = False) -> T:
        """What was read lately, or `anew` from now on; where nothing runs, now. Raises what reading raises,
        and RetryLater where that takes too long.
        """
        asked = self._asked = time.monotonic()
        if not self._runs:
            return self._read()
        if (known := self._fit(asked, anew=anew)) is None:
            with self._changed:
                known = self._changed.wait_for(lambda: self._awaited(asked, anew=anew), PATIENCE)
        if known is None:
            raise held_up()
        return known.get()

    def known(self, patience: float = 0.0) -> T | None:
        """The newest reading, or None where there is none yet. In the first `patience` seconds after the
        start the caller waits for the first reading; later nobody waits. Raises what reading raised.
        """
        asked = self._asked = time.monotonic()
        if self.begins and (left := self._started + patience - asked) > 0:
            with self._changed:
                self._changed.wait_for(lambda: not self.begins, left)
        fit = self._fit(asked)
        return None if fit is None else fit.get()

    @property
    def begins(self) -> bool:
        """Whether it runs, and the first reading is not there yet."""
        return self._runs and self._newest is None

    def _run(self, stop: threading.Event) -> None:
        failed = False
        try:
            if self._before is not None:
                self._await_first(self._before, stop)
            while not stop.is_set():
                if not self._live or time.monotonic() - self._asked < WATCHED:
                    error = self._again().error
                    if error is not None and not failed and not stop.is_set():  # who asks is told each time
                        log.warning("pages wait: %s", error, exc_info=not isinstance(error, AWAY))
                    failed = error is not None
                if self._before is not None and (newest := self._newest) is not None:
                    stop.wait(REST * newest.took)  # whoever wants it, or has read what comes before
                self._rest(stop, self._due())
        finally:
            self._runs = False

    def _again(self) -> Outcome[T]:
        newest = _outcome(self._read)
        with self._changed:
            self._newest = newest
            self._wanted = False  # whom it does not suit wants the next
            self._changed.notify_all()
        for follower in tuple(self._followers):
            with follower._changed:
                follower._behind = True
                follower._changed.notify_all()
        return newest

    def _awaited(self, asked: float, *, anew: bool) -> Outcome[T] | None:
        """What fits; else it is to be read at once."""
        known = self._fit(asked, anew=anew)
        if known is None and not self._wanted:
            self._wanted = True
            self._changed.notify_all()
        return known

    def _rest(self, stop: threading.Event, seconds: float) -> None:
        """Until somebody waits, what it is read after has been read, or the end; at most so long."""
        with self._changed:
            self._changed.wait_for(lambda: stop.is_set() or self._behind or self._wanted, seconds)
            self._behind = False

    def _await_first(self, before: "Kept[Any]", stop: threading.Event) -> None:
        """Wait for the first reading of what comes before, however long that takes."""
        while before.begins and not stop.is_set():
            with self._changed:
                self._changed.wait_for(lambda: stop.is_set() or self._behind, AGAIN)
        self._behind = False

    def _due(self) -> float:
        """Seconds until the next reading."""
        newest = self._newest
        if self._live or newest is None or newest.error is not None:
            return AGAIN
        every = newest.began + (EVERY if self._before is None else OLD) - time.monotonic()
        return max(AGAIN, every, REST * newest.took)

    def _takes(self) -> float:
        """Seconds that a reading takes, with those of what it is read after."""
        own = self._newest.took if self._newest is not None else 0.0
        return own + (self._before._takes() if self._before is not None else 0.0)

    def _fit(self, asked: float, *, anew: bool = False) -> Outcome[T] | None:
        """The newest, for whoever asked at that moment; None where it is to be read again."""
        newest = self._newest
        if newest is None:
            return None
        # what was read before somebody asked may lack what he looks for; what failed meanwhile failed for all
        meanwhile = (newest.began if newest.error is None else newest.ended) > asked
        young = time.monotonic() - newest.began < max(LIVE if self._live else OLD, AGES * self._takes())
        return newest if meanwhile or (young and not anew) else None


class OnDemand(Generic[T]):
    """What `read` gave in the last OLD seconds, for what is not asked for all day: no thread reads it ahead.
    Whoever asks first reads; those who ask meanwhile have it too. For several threads.
    """

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._reading = threading.Lock()
        self._newest: Outcome[T] | None = None

    def get(self) -> T:
        """Raises what reading raises, and RetryLater where another's takes too long."""
        asked = time.monotonic()
        known = self._fit(asked)
        if known is None:
            if not self._reading.acquire(timeout=PATIENCE):
                raise held_up()
            try:
                known = self._fit(asked) or self._again()
            finally:
                self._reading.release()
        return known.get()

    def _again(self) -> Outcome[T]:
        self._newest = newest = _outcome(self._read)
        return newest

    def _fit(self, asked: float) -> Outcome[T] | None:
        """The newest, for whoever asked at that moment; what failed, for those alone who waited for it."""
        newest = self._newest
        if newest is None:
            return None
        young = newest.error is None and time.monotonic() - newest.began < OLD
        return newest if young or newest.ended > asked else None


def held_up() -> RetryLater:
    """What is told to who has waited for a reading as long as anybody does."""
    return RetryLater("store.slow", seconds=round(PATIENCE))


def _outcome(read: Callable[[], T]) -> Outcome[T]:
    began = time.monotonic()
    try:
        given, error = read(), None
    except FAILS as raised:
        given, error = None, raised
    return Outcome(began, time.monotonic(), given, error)
