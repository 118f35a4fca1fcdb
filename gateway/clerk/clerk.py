"""The clerk: runs each sheet of the paperwork in turn, and again where the store could not take it."""

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
from gateway.stores.waiting import Waiting

BOOKS_EVERY = 10.0  # seconds between two rounds of the clerk
INDICATORS_EVERY = 60.0
AGAIN = 5.0  # seconds of each round that are spent on recounting past days
YEAR_MS = 366 * DAY_MS
LATE_MS = HOUR_MS  # an act may be recorded this much later than its own time
WRITTEN = 1000  # points in one write
STEPS = 40  # steps of tidying the quarantine, after each write of the books


class Clerk:
    """Writes what the boards need besides the readings, in a round every `every` seconds.

    `devices` returns the devices that may send now, `spans` the periods in which devices were allowed to.
    `figures` returns the fields beside the books, `openings` writes how often lots were opened, `acts`
    returns who did what since a time. `forget` deletes a few old refused messages and returns how many.
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
        openings: Callable[[Store, int], None] = lambda *_: None,
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
        self._waiting = Waiting("the paperwork waits")
        self._held_up: set[str] = set()  # sheets that wait; not every round has every sheet
        self._acts_until = 0  # epoch ms up to which acts are in the store
        self._forget = forget
        self._faults = faults or Faults()
        self._every = every
        self._due = threading.Event()
        self._due.set()
        self._again: Iterator[object] | None = None  # the running recount of past days

    def past_changed(self) -> None:
        """Request a recount of past days, because something of an earlier day was stored."""
        self._due.set()

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. When the store does not answer, the next round tries again."""
        next_indicators = 0.0
        while not stop.is_set():
            self._attempt("books", lambda: self.books.write(now_ms()))
            self._attempt("tidying", self.tidy)
            if time.monotonic() >= next_indicators or (self._due.is_set() and self._again is None):
                next_indicators = time.monotonic() + INDICATORS_EVERY
                self._attempt("indicators", lambda: self.indicators.write(now_ms()))
                self._attempt("hours", self.write_hours)
                self._attempt("openings", lambda: self.write_openings(now_ms()))
                self._attempt("acts", lambda: self.write_acts(now_ms()))
            self._attempt("recount", lambda: self.count_again(stop))
            if not self._held_up:
                self._waiting.over()
            stop.wait(self._every)

    def _attempt(self, name: str, sheet: Callable[[], None]) -> None:
        """Run one sheet. Its errors do not stop the other sheets, and the next round runs it again."""
        self._held_up.discard(name)
        try:
            sheet()
        # of refused points: the store took the rest; these are our defect to fix
        except (RejectPoints, RetryLater, SpoolFull, RegistryAway) as error:
            self._held_up.add(name)
            self._waiting.on(error)
        except CONTENT as error:  # somebody's bad input, or a defect: the other sheets go on
            self._faults.add("paperwork", error)

    def tidy(self) -> None:
        """Delete old refused messages in small steps: a writer of the spool waits for one step at most."""
        for _ in range(STEPS):
            if not self._forget():
                return

    def count_again(self, stop: threading.Event) -> None:
        """Recount past days for AGAIN seconds: a month of a large pilot takes minutes, and the books must not
        wait for it. If readings of past days arrive during a recount, another one follows.
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
        """Write hourly sums. If readings came late, request a recount of the indicators of those days."""
        if self.hours.write(now_ms()):
            self.past_changed()

    def write_openings(self, at: int) -> None:
        """Write how often lots were opened, up to epoch ms `at`."""
        self._openings(self._store, at)

    def write_acts(self, at: int) -> None:
        """Write the acts since the previous call, up to epoch ms `at`; the first call goes back a year."""
        acts = self._acts(max(self._acts_until - LATE_MS, at - YEAR_MS))
        for first in range(0, len(acts), WRITTEN):
            self._store.write(acts[first : first + WRITTEN])
        self._acts_until = at
