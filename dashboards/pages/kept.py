"""What changes with the minute and takes its time to read is read before anybody asks for it.

each few seconds ─► read ─► kept ─► whoever asks
                              └─ too old, none yet, or it says nothing: read for whoever asks first,
                                 and those who asked before that reading began have it too
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from devices.access.database import RegistryAway
from devices.errors import CONTENT
from gateway.stores.store import RetryLater

EVERY = 10.0  # seconds between two readings
OLD = 30.0  # seconds after which nothing kept is shown any more: the reading is held up, or has ended
log = logging.getLogger(__name__)
T = TypeVar("T")


class Kept(Generic[T]):
    """What `read` gave lately; it may raise RetryLater. For several threads.

    Of what `says` nothing nobody is shown an old one: before the first count there is none to be late for.
    """

    def __init__(self, read: Callable[[], T], says: Callable[[T], bool] = lambda _: True) -> None:
        self._read = read
        self._says = says
        self._reading = threading.Lock()
        self._newest: tuple[float, T] | None = None

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
            thread.join()

    def get(self) -> T:
        """What was read at most OLD seconds ago. Raises what reading it raises."""
        asked = time.monotonic()
        if (known := self._fit(asked)) is None:
            with self._reading:
                known = self._fit(asked) or self._again()
        return known[1]

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                with self._reading:
                    self._again()
            except (RetryLater, RegistryAway) as error:  # whoever asks is told
                log.warning("what the page shows waits: %s", error)
            except CONTENT:  # the next reading may do
                log.exception("what the page shows cannot be read")
            stop.wait(EVERY)

    def _again(self) -> tuple[float, T]:
        began = time.monotonic()
        self._newest = began, self._read()
        return self._newest

    def _fit(self, asked: float) -> tuple[float, T] | None:
        """The newest, for whoever asked at that moment; None where it is to be read again."""
        newest = self._newest
        if newest is None:
            return None
        young = self._says(newest[1]) and time.monotonic() - newest[0] < OLD
        return newest if young or newest[0] > asked else None
