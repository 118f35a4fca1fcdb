"""The books of a gateway, written as one point of the measurement `gateway` every five minutes."""

from collections.abc import Callable, Mapping

from devices.clock import DAY_MS
from gateway.control.alarms.rules import SLOT_MS  # one point's time; it is overwritten until that is over
from gateway.ingest.message import Books
from gateway.stores.points import Point, Value, tags
from gateway.stores.store import Store

RECENT_MS = 7 * DAY_MS  # how far back the last point from before a restart is looked for


class BookSheet:
    """Writes the book points. `books` returns the books, `figures` further fields for the same point."""

    def __init__(
        self, store: Store, instance: str, books: Callable[[], Books], figures: Callable[[], dict[str, int]]
    ) -> None:
        self._store, self._instance = store, instance
        self._books, self._figures = books, figures
        self._newest: tuple[int, Mapping[str, Value]] | None = None  # the newest point: time and fields

    def write(self, at: int) -> None:
        """Write the point of the slot around epoch ms `at`: the books as they stand, the messages that
        arrived and were stored within the slot, and the longest lag within it.
        """
        books, time = self._books(), at // SLOT_MS * SLOT_MS
        begun, last = self._newest or self._written(at)
        lag = max(0, at - books.oldest) if books.oldest is not None else 0
        fields: dict[str, Value] = {
            "received": books.received,
            "stored": books.stored,
            "duplicate": books.duplicate,
            "quarantined": books.quarantined,
            "spooled": books.spooled,
            "forgotten": books.forgotten,
            "arrived": _growth(books.received, last.get("received")),
            "kept": _growth(books.stored, last.get("stored")),
            "lag_ms": lag,
            **self._figures(),
        }
        if begun == time:
            fields["arrived"] = int(fields["arrived"]) + int(last.get("arrived", 0))
            fields["kept"] = int(fields["kept"]) + int(last.get("kept", 0))
            fields["lag_ms"] = max(lag, int(last.get("lag_ms", 0)))
        self._store.write([Point("gateway", tags(instance=self._instance), fields, time)])
        self._newest = time, fields

    def _written(self, at: int) -> tuple[int, Mapping[str, Value]]:
        """Return the last point of the run before, so that messages counted since then are not left out."""
        points = self._store.series("gateway", {"instance": self._instance}, at - RECENT_MS, at + 1, 1)
        return (points[0].time, points[0].fields) if points else (0, {})


def _growth(now: int, before: Value | None) -> int:
    """Return how much a counter has grown. A counter that fell has started again from 0."""
    if before is None:
        return 0
    return now - int(before) if now >= int(before) else now
