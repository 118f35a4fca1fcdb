"""Defects of our own that content brought to light: counted, told once, never the end of a gateway."""

import logging
import threading
from collections import Counter

from devices.errors import said

log = logging.getLogger(__name__)


class Faults:
    """Counts by part: what was set aside (a message, an event) or left undone (a sheet of the paperwork)
    because our own code stumbled over it. Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._said: dict[str, str] = {}

    def add(self, part: str, error: BaseException | str, number: int = 1) -> None:
        """Count a fault; a new one of this part is logged, with its trace where there is one."""
        text = said(error) if isinstance(error, BaseException) else error
        with self._lock:
            self._counts[part] += number
            known = self._said.get(part) == text
            self._said[part] = text
        if not known:
            trace = error if isinstance(error, BaseException) else None
            log.error("a defect of this program (%s), which is said once: %s", part, text, exc_info=trace)

    def counts(self) -> dict[str, int]:
        """By part."""
        with self._lock:
            return dict(self._counts)

    def text(self) -> str:
        """A line a part: how often, and the newest error."""
        with self._lock:
            return "".join(f"{part}: {self._counts[part]} × {error}\n" for part, error in self._said.items())
