"""Reads data that changes with the minute and takes a while to read, in the background before anybody asks.

a thread: each few seconds ─► read ─► outcome: what it gave, or why it failed ─► requests
          at once ◄─ too old, none yet, or wanted anew: a request waits for the next, but not for long

Data that machines ask for now and then (`OnDemand`) is read when the first of them asks.
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

EVERY = 8.0  # seconds from the beginning of one reading to the next, where a reading is quick
AGAIN = 1.0  # the same for live data and after a failed reading; the shortest pause of all
OLD = 20.0  # age in seconds at which quick data is not shown any more: its next reading is held up
LIVE = 2.0  # the same for live data
REST = 2.0  # times what a reading took: how long its thread rests at least, as a busy machine has other work
AGES = 6.0  # times the same: data is shown up to this age, so that no request waits for a slow reading
WATCHED = 30.0  # seconds without a request after which nobody watches a page: it would have asked twice
PATIENCE = 10.0  # seconds that a request waits for a reading
LEAVE = 1.0  # seconds that the end waits for a reading; a store that hangs would hold it up for longer
AWAY = (RetryLater, RegistryAway)
FAILS = (*AWAY, *CONTENT, OSError, sqlite3.Error)  # what a reading may raise; the next reading may succeed
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
        """Seconds that the reading took; 0 where it failed, so that a hanging store is asked again soon."""
        return self.ended - self.began if self.error is None else 0.0

    def get(self) -> T:
        if self.error is not None:
            raise self.error
        assert self.given is not None
        return self.given


class Kept(Generic[T]):
    """What `read` gave lately; `read` may raise RetryLater. For several threads.

    `live`: it is read each second, but only while requests come. `after`: it is read whenever that was.
    """

    def __init__(
        self, read: Callable[[], T], *, live: bool = False, after: "Kept[Any] | None" = None
    ) -> None:
        self._read = read
        self._live = live
        self._before = after
        self._followers: list[Kept[Any]] = []  # those that are read after this one, while they run
        self._runs = False
        self._started = math.inf  # when it was started; s, monotonic
        self._asked = -math.inf  # when the last request came; s, monotonic
        self._changed = threading.Condition()  # notified when a field below changes, and at the end
        self._newest: Outcome[T] | None = None
        self._wanted = False  # a request waits for the next reading
        self._behind = False  # `after` has been read since this one's thread last looked

    @contextmanager
    def running(self) -> Iterator[None]:
        """Read again and again in a thread of its own."""
        stop = threading.Event()
        thread = threading.Thread(target=self._run, args=(stop,), name="kept", daemon=True)
        self._started, self._runs = time.monotonic(), True
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
        """What was read lately, or with `anew` what is read from now on; where no thread runs, it is read
        here. Raises what `read` raised, and RetryLater where that takes longer than PATIENCE.
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
        """Whether the thread runs and its first reading has not ended yet."""
        return self._runs and self._newest is None

    def _run(self, stop: threading.Event) -> None:
        failed = False
        try:
            if self._before is not None:
                self._await_first(self._before, stop)
            while not stop.is_set():
                if not self._live or time.monotonic() - self._asked < WATCHED:
                    error = self._again().error
                    if error is not None and not failed and not stop.is_set():  # each request gets the error
                        log.warning("pages wait: %s", error, exc_info=not isinstance(error, AWAY))
                    failed = error is not None
                if self._before is not None and (newest := self._newest) is not None:
                    stop.wait(REST * newest.took)  # even if a request waits, or `after` has been read
                self._rest(stop, self._due())
        finally:
            self._runs = False

    def _again(self) -> Outcome[T]:
        newest = _outcome(self._read)
        with self._changed:
            self._newest = newest
            self._wanted = False  # a request that this does not suit sets it again
            self._changed.notify_all()
        for follower in tuple(self._followers):
            with follower._changed:
                follower._behind = True
                follower._changed.notify_all()
        return newest

    def _awaited(self, asked: float, *, anew: bool) -> Outcome[T] | None:
        """The outcome that suits a request, else the thread reads at once. The caller holds `_changed`."""
        known = self._fit(asked, anew=anew)
        if known is None and not self._wanted:
            self._wanted = True
            self._changed.notify_all()
        return known

    def _rest(self, stop: threading.Event, seconds: float) -> None:
        """Wait until a request waits, `after` has been read, or the end comes; at most `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: stop.is_set() or self._behind or self._wanted, seconds)
            self._behind = False

    def _await_first(self, before: "Kept[Any]", stop: threading.Event) -> None:
        """Wait for the first reading of `before`, however long it takes."""
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
        """Seconds that a reading takes, together with those that it comes after."""
        own = self._newest.took if self._newest is not None else 0.0
        return own + (self._before._takes() if self._before is not None else 0.0)

    def _fit(self, asked: float, *, anew: bool = False) -> Outcome[T] | None:
        """The newest outcome, if it suits a request of the moment `asked`; None where a new one is due."""
        newest = self._newest
        if newest is None:
            return None
        # a reading that began before a request may lack what is looked for; a failure since then is for all
        meanwhile = (newest.began if newest.error is None else newest.ended) > asked
        young = time.monotonic() - newest.began < max(LIVE if self._live else OLD, AGES * self._takes())
        return newest if meanwhile or (young and not anew) else None


class OnDemand(Generic[T]):
    """What `read` gave in the last OLD seconds, for data that is not asked for all day: no thread reads it
    ahead. The first request reads, and requests that come meanwhile share its outcome. For several threads.
    """

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._reading = threading.Lock()
        self._newest: Outcome[T] | None = None

    def get(self) -> T:
        """Raises what `read` raises, and RetryLater where another request's reading takes too long."""
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
        """The newest outcome, if it suits a request of the moment `asked`; a failure suits waiting ones."""
        newest = self._newest
        if newest is None:
            return None
        young = newest.error is None and time.monotonic() - newest.began < OLD
        return newest if young or newest.ended > asked else None


def held_up() -> RetryLater:
    """The error for a request that has waited for a reading as long as any request does."""
    return RetryLater("store.slow", seconds=round(PATIENCE))


def _outcome(read: Callable[[], T]) -> Outcome[T]:
    began = time.monotonic()
    try:
        given, error = read(), None
    except FAILS as raised:
        given, error = None, raised
    return Outcome(began, time.monotonic(), given, error)
