"""The curves of every place, read anew in the background at each tick.

recent ─► of each place, what is measured there ─► week.weeks ─► known ─► place.py
                                                    └─ not known yet: read for the first reader, others wait
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import NamedTuple

from dashboards.figures import Figures
from dashboards.kept import AWAY, LEAVE, PATIENCE, Kept, held_up
from dashboards.pages import week
from dashboards.pages.lately import Lately
from dashboards.pages.measured import SIGNALS, measured
from devices.clock import MINUTE_MS
from devices.errors import CONTENT

TICK_MS = 10 * MINUTE_MS  # nodes report every ten minutes: a curve is drawn anew as often
EVERY = 5.0  # seconds between two checks for a new tick
REST = 3.0  # times what a reading took that the thread rests at least
PAUSE = 0.1  # seconds of rest between two places, for readers of pages and for other users of the store


class Drawn(NamedTuple):
    """The weeks of a place before epoch ms `end`, of these `signals`; `read` is when they were read."""

    signals: week.ByModel
    end: int
    read: int
    weeks: Mapping[str, week.Week]


class Curves:
    """The curves of all places. For several threads."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._reading = threading.Lock()
        self._known: dict[str, Drawn] = {}

    @contextmanager
    def running(self, recent: Kept[Lately]) -> Iterator[None]:
        """Read the curves again and again in a thread of its own; `recent` tells what is measured where."""
        stop = threading.Event()
        thread = threading.Thread(target=self._run, args=(recent, stop), name="curves", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(LEAVE)

    def of(self, place: str, signals: week.ByModel, now: int) -> Drawn:
        """The curves of a place before the end of this tick or, while these are read, of the tick before.
        Where these are not known either, they are read here, by one reader at a time. Raises RetryLater.
        """
        end = _end(now)
        if (known := self._fit(place, signals, end - TICK_MS)) is not None:
            return known
        if not self._reading.acquire(timeout=PATIENCE):
            raise held_up()
        try:
            return self._fit(place, signals, end - TICK_MS) or self._read(place, signals, end, now)
        finally:
            self._reading.release()

    def _read(self, place: str, signals: week.ByModel, end: int, now: int) -> Drawn:
        weeks = week.weeks(self._figures, place, signals, end)
        known = self._known[place] = Drawn(signals, end, now, weeks)
        return known

    def _fit(self, place: str, signals: week.ByModel, end: int) -> Drawn | None:
        known = self._known.get(place)
        return known if known is not None and known.signals == signals and known.end >= end else None

    def _run(self, recent: Kept[Lately], stop: threading.Event) -> None:
        while not stop.is_set():
            with suppress(*AWAY, *CONTENT):  # a reader who asks for these curves gets the error
                for place in self._figures.pilot.place:
                    devices, now = recent.get().devices.get(place, []), self._figures.now()
                    present = measured(devices, place, self._figures.pilot, now, SIGNALS)
                    signals = week.signals_by_model(devices, [one.signal for one in present])
                    began = time.monotonic()
                    if self._fit(place, signals, _end(now)) is None:
                        with self._reading:  # what a page reads now goes first
                            began = time.monotonic()
                        # without the lock: a reader of another place does not wait for this
                        self._read(place, signals, _end(now), now)
                    if stop.wait(max(PAUSE, REST * (time.monotonic() - began))):
                        return
            stop.wait(EVERY)


def _end(now: int) -> int:
    """The end of the tick that contains epoch ms `now`."""
    return (now // TICK_MS + 1) * TICK_MS
