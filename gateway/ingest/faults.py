"""Defects of our own code that content triggered: counted, logged once, never the end of a gateway."""

import logging
import threading
from collections import Counter

from devices.errors import error_text

log = logging.getLogger(__name__)


class Faults:
    """Counts, by part, what our own code stumbled over and set aside (a message, an event) or left undone (a
    sheet of the paperwork). Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._last: dict[str, str] = {}

    def add(self, part: str, error: BaseException | str, number: int = 1) -> None:
        """Count a fault; log it, with its trace if any, unless the part's last fault had the same text."""
        text = error_text(error) if isinstance(error, BaseException) else error
        with self._lock:
            self._counts[part] += number
            repeated = self._last.get(part) == text
            self._last[part] = text
        if not repeated:
            trace = error if isinstance(error, BaseException) else None
            log.error("a defect of this program (%s), which is said once: %s", part, text, exc_info=trace)

    def counts(self) -> dict[str, int]:
        """How many faults each part had."""
        with self._lock:
            return dict(self._counts)

    def text(self) -> str:
        """One line per part: how many faults, and the newest error."""
        with self._lock:
            return "".join(f"{part}: {self._counts[part]} × {error}\n" for part, error in self._last.items())
