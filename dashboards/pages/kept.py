"""What changes with the minute and takes its time to read is read before anybody asks for it.

each few seconds ─► read ─► outcome: what it gave, or why it failed ─► whoever asks
                              └─ too old, none yet, or it says nothing: read for whoever asks first, and those
                                 who wait meanwhile have it too; who waits for too long is told so
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, NamedTuple, TypeVar

from devices.access.database import RegistryAway
from devices.errors import CONTENT
from gateway.stores.store import RetryLater

EVERY = 8.0  # seconds from one reading to the next: with what it takes nothing shown is older than ten
AGAIN = 1.0  # the same of what is live; and of a reading that failed, or took longer than EVERY
OLD = 20.0  # seconds after which nothing kept is shown any more: the reading is held up, or has ended
WATCHED = 30.0  # seconds after which nobody watches a page any more: it would have asked again, twice
PATIENCE = 10.0  # seconds that somebody waits for what is being read
LEAVE = 1.0  # seconds that the end waits for a reading; a store that hangs would hold it up for longer
AWAY = (RetryLater, RegistryAway)
log = logging.getLogger(__name__)
T = TypeVar("T")


class Outcome(NamedTuple, Generic[T]):
    """A reading: when it began and ended (s, monotonic), and what it gave, or why it failed."""

    began: float
    ended: float
    given: T | None
    error: Exception | None

    def get(self) -> T:
        if self.error is not None:
            raise self.error
        assert self.given is not None
        return self.given


class Kept(Generic[T]):
    """What `read` gave lately; it may raise RetryLater. For several threads.

    Of what `says` nothing nobody is shown an old one: before the first count there is none to be late for.
    `live`: it is read each second, but only while somebody asks, and as soon as that is too old.
    """

    def __init__(
        self, read: Callable[[], T], says: Callable[[T], bool] = lambda _: True, *, live: bool = False
    ) -> None:
        self._read = read
        self._says = says
        self._live = live
        self._asked = -math.inf  # when somebody asked last; s, monotonic
        self._reading = threading.Lock()
        self._newest: Outcome[T] | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Read again and again in a thread of its own."""
        stop = threading.Event()
        thread = threading.Thread(target=self._run, args=(stop,), name="kept", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(LEAVE)

    def get(self) -> T:
        """What was read lately. Raises what reading it raises, and RetryLater where that takes too long."""
        asked = self._asked = time.monotonic()
        if (known := self._fit(asked)) is None:
            if not self._reading.acquire(timeout=PATIENCE):
                raise RetryLater(f"the store has not answered for {PATIENCE:g} s")
            try:
                known = self._fit(asked) or self._again()
            finally:
                self._reading.release()
        return known.get()

    def _run(self, stop: threading.Event) -> None:
        failed = False
        while not stop.wait(self._rest()):
            if self._live and time.monotonic() - self._asked > WATCHED:
                continue
            with self._reading:
                newest = self._again()
            error = newest.error
            if error is not None and not failed and not stop.is_set():  # whoever asks is told each time
                log.warning("what the page shows waits: %s", error, exc_info=not isinstance(error, AWAY))
            failed = error is not None

    def _rest(self) -> float:
        """Seconds until the next reading."""
        newest = self._newest
        if self._live or (newest is not None and newest.error is not None):
            return AGAIN
        return 0.0 if newest is None else max(AGAIN, newest.began + EVERY - time.monotonic())

    def _again(self) -> Outcome[T]:
        began = time.monotonic()
        try:
            newest = Outcome(began, 0.0, self._read(), None)
        except (*AWAY, *CONTENT) as error:  # the next reading may do
            newest = Outcome(began, 0.0, None, error)
        self._newest = newest = newest._replace(ended=time.monotonic())
        return newest

    def _fit(self, asked: float) -> Outcome[T] | None:
        """The newest, for whoever asked at that moment; None where it is to be read again."""
        newest = self._newest
        if newest is None:
            return None
        # what was read before somebody asked may lack what he looks for; what failed meanwhile failed for all
        meanwhile = (newest.began if newest.error is None else newest.ended) > asked
        young = time.monotonic() - newest.began < (2 * AGAIN if self._live else OLD)
        speaks = newest.given is None or self._says(newest.given)
        return newest if meanwhile or (young and speaks) else None
