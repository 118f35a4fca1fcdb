"""The clerk: does each sheet of the paperwork in its turn, and again where the store could not take it."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from devices.access.database import RegistryAway
from devices.access.registry import Enrolled
from devices.clock import DAY_MS, HOUR_MS, now_ms
from devices.contract.reading import Device
from devices.errors import CONTENT
from devices.pilots.pilot import Pilot
from gateway.clerk.books import BookSheet
from gateway.clerk.hours import HourSheet
from gateway.clerk.indicators import IndicatorSheet
from gateway.ingest.faults import Faults
from gateway.ingest.message import Books
from gateway.ingest.spoolfile import SpoolFull
from gateway.stores.points import Point
from gateway.stores.store import RejectPoints, RetryLater, Store

log = logging.getLogger(__name__)
BOOKS_EVERY = 10.0  # seconds; the clerk does its round as often
INDICATORS_EVERY = 60.0
AGAIN = 5.0  # seconds of a round in which days that are past are counted again
YEAR_MS = 366 * DAY_MS
LATE_MS = HOUR_MS  # by which an act may be written down later than the moment that it bears
WRITTEN = 1000  # points in one write
STEPS = 40  # of the quarantine's tidying, each time the books are written


class Clerk:
    """Writes what the boards need beside the readings. `devices` gives all that may speak, `spans` who might
    when, `figures` what stands beside the books, `openings` how often lots were looked at, `acts` who did
    what since then; `forget` lets some old refused messages go, and says how many. A round begins `every` so
    many seconds.
    """

    def __init__(
        self,
        store: Store,
        pilot: Pilot,
        instance: str,
        books: Callable[[], Books],
        devices: Callable[[], list[Device]],
        spans: Callable[[], Sequence[Enrolled]],
        *,
        figures: Callable[[], dict[str, int]] = dict,
        openings: Callable[[int], list[Point]] = lambda _: [],
        acts: Callable[[int], list[Point]] = lambda _: [],
        forget: Callable[[], int] = int,
        faults: Faults | None = None,
        every: float = BOOKS_EVERY,
    ) -> None:
        self.books = BookSheet(store, instance, books, figures)
        self.indicators = IndicatorSheet(store, pilot, devices, spans)
        self.hours = HourSheet(store, pilot)
        self._store = store
        self._openings = openings
        self._acts = acts
        self._told = 0  # epoch ms up to which acts are in the store
        self._forget = forget
        self._faults = faults or Faults()
        self._every = every
        self._due = threading.Event()
        self._due.set()
        self._again: Iterator[object] | None = None  # days that are being counted again

    def past_changed(self) -> None:
        """Something was stored that happened on an earlier day: count those days again."""
        self._due.set()

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. A store that does not answer is asked again next time."""
        next_indicators = 0.0
        while not stop.is_set():
            self._attempt(lambda: self.books.write(now_ms()))
            self._attempt(self.tidy)
            if time.monotonic() >= next_indicators or (self._due.is_set() and self._again is None):
                next_indicators = time.monotonic() + INDICATORS_EVERY
                self._attempt(lambda: self.indicators.write(now_ms()))
                self._attempt(self.write_hours)
                self._attempt(lambda: self.write_openings(now_ms()))
                self._attempt(lambda: self.write_acts(now_ms()))
            self._attempt(lambda: self.count_again(stop))
            stop.wait(self._every)

    def _attempt(self, sheet: Callable[[], None]) -> None:
        """Do one sheet; what holds it up holds up no other, and it comes round again."""
        try:
            sheet()
        except RejectPoints as error:  # what remains of it is stored; the refused points are ours to mend
            log.warning("the store refuses %d points of the paperwork: %s", len(error.bad), error)
        except (RetryLater, SpoolFull, RegistryAway) as error:
            log.warning("the paperwork waits: %s", error)
        except CONTENT as error:  # what somebody wrote, or a defect: the other sheets go on
            self._faults.add("paperwork", error)

    def tidy(self) -> None:
        """Let old refused messages go, in small steps: whoever spools waits for one of them at most."""
        for _ in range(STEPS):
            if not self._forget():
                return

    def count_again(self, stop: threading.Event) -> None:
        """Count earlier days again, for some seconds: of a large pilot a month takes minutes, and the books
        are not to wait for it. What changed meanwhile is due once more at the end.
        """
        if self._again is None and self._due.is_set():
            self._due.clear()
            self._again = self.indicators.backfill(now_ms())
        until = time.monotonic() + AGAIN
        try:
            while self._again is not None and not stop.is_set():
                if next(self._again, None) is None:
                    self._again = None
                if time.monotonic() >= until:
                    break
        except (RetryLater, RegistryAway):
            self._again = None
            self.past_changed()
            raise

    def write_hours(self) -> None:
        """Sums by the hour; where readings came late, indicators of those days are due, too."""
        if self.hours.write(now_ms()):
            self.past_changed()

    def write_openings(self, at: int) -> None:
        """How often lots were looked at, up to epoch ms `at`."""
        if opened := self._openings(at):
            self._store.write(opened)

    def write_acts(self, at: int) -> None:
        """Who did what since the last time before epoch ms `at`; at first, within a year."""
        acts = self._acts(max(self._told - LATE_MS, at - YEAR_MS))
        for first in range(0, len(acts), WRITTEN):
            self._store.write(acts[first : first + WRITTEN])
        self._told = at
