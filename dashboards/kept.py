"""Pages that are made before anybody asks: whoever opens one does not wait for the store.

each few seconds ─► make ─► kept ─► whoever asks
                              └─ too old, or none yet: made for whoever asks first, the others wait for it
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from gateway.store import RetryLater

EVERY = 10.0  # seconds between two makings
OLD = 30.0  # seconds after which a page is not shown any more: the making is held up, or has ended
log = logging.getLogger(__name__)


class Kept:
    """Pages by their name, one of `names`; `make` may raise RetryLater. For several threads."""

    def __init__(self, make: Callable[[str], str], names: Sequence[str]) -> None:
        self._make = make
        self._names = names
        self._pages: dict[str, tuple[float, str]] = {}
        self._making = {name: threading.Lock() for name in names}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Make all pages again and again in a thread of its own."""
        stop = threading.Event()
        thread = threading.Thread(target=self._run, args=(stop,), name="pages", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def get(self, name: str) -> str:
        """The page, at most OLD seconds old. Raises what making it raises."""
        if (page := self._young(name)) is None:
            with self._making[name]:
                page = self._young(name) or self._made(name)
        return page

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            for name in self._names:
                try:
                    with self._making[name]:
                        self._made(name)
                except RetryLater as error:  # whoever asks is told
                    log.warning("the page waits: %s", error)
            stop.wait(EVERY)

    def _made(self, name: str) -> str:
        began = time.monotonic()
        page = self._make(name)
        self._pages[name] = began, page
        return page

    def _young(self, name: str) -> str | None:
        made, page = self._pages.get(name, (-OLD, ""))
        return page if time.monotonic() - made < OLD else None
