"""The gateway's regular paperwork: the books, the roster, the indicators, the state of each device."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta

from devices.contract.reading import Device
from devices.errors import CONTENT
from devices.pilots.pilot import Pilot
from gateway.indicators.count import (
    DAY_MS,
    HOUR_MS,
    MANY,
    MINUTE_MS,
    SHARE,
    Count,
    Coverage,
    Evaluation,
    Lots,
    evaluate,
    local_day,
    local_midnight,
    points,
    roster,
    share,
    share_window,
)
from gateway.indicators.hourly import WEEK_MS, catch_up, roll
from gateway.indicators.standing import Heard, alarms, forecast, left_behind
from gateway.ingest.faults import Faults
from gateway.ingest.message import Books
from gateway.ingest.spoolfile import SpoolFull
from gateway.stores.points import Point, Value, tags
from gateway.stores.store import RejectPoints, RetryLater, Store

log = logging.getLogger(__name__)
BOOKS_EVERY = 10.0  # seconds
SLOT_MS = (
    5 * MINUTE_MS
)  # of one point of the books, which is written over until they are past: a year is read
INDICATORS_EVERY = 60.0
COUNTED_MS = HOUR_MS  # after which indicators are written that are what they were
STEPS = 40  # of the quarantine's tidying, each time the books are written
BACKFILL_DAYS = 30
LEFT_DAYS = 366  # how far back a day leaves more than its indicators: a report is of a year
RECENT_MS = 7 * DAY_MS
WRITTEN = 1000  # points of a recount in one write
HOURS_MS = 2 * HOUR_MS  # whose hours are counted each time
WEEKS = LEFT_DAYS // 7 + 1  # one of which is looked at each time: all within an hour


class Clerk:
    """Writes what the boards need beside the readings. `devices` gives all that may speak, `figures` what
    stands beside the books, `openings` how often lots were looked at; `forget` lets some old refused messages
    go, and says how many.
    """

    def __init__(
        self,
        store: Store,
        pilot: Pilot,
        instance: str,
        books: Callable[[], Books],
        devices: Callable[[], list[Device]],
        *,
        figures: Callable[[], dict[str, int]] = dict,
        openings: Callable[[int], list[Point]] = lambda _: [],
        forget: Callable[[], int] = int,
        faults: Faults | None = None,
    ) -> None:
        self._faults = faults or Faults()
        self._store = store
        self._pilot = pilot
        self._instance = instance
        self._books = books
        self._devices = devices
        self._figures = figures
        self._openings = openings
        self._forget = forget
        self._levels = alarms(pilot)  # they do not change while we run: written once
        self._sheet: tuple[int, Mapping[str, Value]] | None = None  # the newest point of the books
        self._counted: tuple[int, tuple[Count, ...]] = 0, ()  # when, and what was written
        self._week = 0  # how many weeks back hours are looked at next
        self._due = threading.Event()
        self._due.set()

    def past_changed(self) -> None:
        """Something was stored that happened on an earlier day: count those days again."""
        self._due.set()

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. A store that does not answer is asked again next time."""
        next_indicators = 0.0
        while not stop.is_set():
            self._attempt(self.write_books)
            self._attempt(self.tidy)
            if time.monotonic() >= next_indicators or self._due.is_set():
                next_indicators = time.monotonic() + INDICATORS_EVERY
                self._attempt(lambda: self.write_indicators(now_ms()))
                self._attempt(lambda: self.write_hours(now_ms()))
                self._attempt(lambda: self.write_openings(now_ms()))
            if self._due.is_set():
                self._due.clear()
                if not self._attempt(lambda: self.backfill(now_ms(), stop)):
                    self._due.set()
            stop.wait(BOOKS_EVERY)

    def _attempt(self, sheet: Callable[[], None]) -> bool:
        """Do one sheet of the paperwork; what holds it up holds up no other. False: try it again."""
        try:
            sheet()
        except RejectPoints as error:  # what remains of it is stored; the refused points are ours to mend
            log.warning("the store refuses %d points of the paperwork: %s", len(error.bad), error)
        except (RetryLater, SpoolFull) as error:
            log.warning("the paperwork waits: %s", error)
            return False
        except CONTENT as error:  # what somebody wrote, or a defect: the other sheets go on
            self._faults.add("paperwork", error)
        return True

    def write_books(self) -> None:
        """The point of `gateway` of these minutes: the books as they stand, what arrived and was stored
        within the minutes, and their longest lag.
        """
        books, now = self._books(), now_ms()
        time = now // SLOT_MS * SLOT_MS
        begun, last = self._sheet or self._newest_sheet(now)
        lag = max(0, now - books.oldest) if books.oldest is not None else 0
        fields: dict[str, Value] = {
            "received": books.received,
            "stored": books.stored,
            "duplicate": books.duplicate,
            "quarantined": books.quarantined,
            "spooled": books.spooled,
            "forgotten": books.forgotten,
            "arrived": _more(books.received, last.get("received")),
            "kept": _more(books.stored, last.get("stored")),
            "lag_ms": lag,
            **self._figures(),
        }
        if begun == time:
            fields["arrived"] = int(fields["arrived"]) + int(last.get("arrived", 0))
            fields["kept"] = int(fields["kept"]) + int(last.get("kept", 0))
            fields["lag_ms"] = max(lag, int(last.get("lag_ms", 0)))
        self._store.write([Point("gateway", tags(instance=self._instance), fields, time)])
        self._sheet = time, fields

    def _newest_sheet(self, now: int) -> tuple[int, Mapping[str, Value]]:
        """What was written before we started: what came meanwhile is not left out."""
        found = self._store.series("gateway", {"instance": self._instance}, now - RECENT_MS, now + 1, 1)
        return (found[0].time, found[0].fields) if found else (0, {})

    def tidy(self) -> None:
        """Let old refused messages go, in small steps: whoever spools waits for one of them at most."""
        for _ in range(STEPS):
            if not self._forget():
                return

    def write_indicators(self, at: int) -> None:
        """Roster, indicators and devices as they are at epoch ms `at`."""
        evaluation = evaluate(self._store, self._pilot, self._devices(), at)
        written, counts = self._counted
        changed = evaluation.counts != counts or at - written >= COUNTED_MS
        self._store.write(
            [
                *roster(self._pilot, at),
                *self._levels,
                *(points(self._pilot, evaluation) if changed else ()),
                *left_behind(self._store, self._pilot, self._devices(), evaluation, self._heard(at)),
                *forecast(self._pilot, evaluation),
            ]
        )
        self._levels = []
        if changed:
            self._counted = at, evaluation.counts

    def write_hours(self, at: int) -> None:
        """The last hours before epoch ms `at`; and of the weeks before, each in its turn, those hours that
        readings came to late.
        """
        roll(self._store, self._pilot, at - HOURS_MS, at)
        catch_up(self._store, self._pilot, at - self._week * WEEK_MS)
        self._week = (self._week + 1) % WEEKS

    def write_openings(self, at: int) -> None:
        """How often lots were looked at, up to epoch ms `at`."""
        if opened := self._openings(at):
            self._store.write(opened)

    def backfill(self, at: int, stop: threading.Event) -> None:
        """Indicators at the end of each of the last days whose window has readings, and today's share: a
        harvest that is sealed now may have been an hour ago.
        """
        today = local_day(self._pilot, at)
        first = today - timedelta(days=BACKFILL_DAYS)
        for _ in recount(self._store, self._pilot, self._devices(), first, today):
            if stop.is_set():
                return
        lots = Lots(self._store, self._pilot, share_window(self._pilot, today), at + 1)
        where = {"pilot": self._pilot.pilot, "indicator": SHARE}
        for counted in self._store.series("kpi", where, local_midnight(self._pilot, today), at + 1, MANY):
            again = Evaluation(counted.time, (share(self._pilot, lots, counted.time),), {})
            self._store.write(points(self._pilot, again))

    def _heard(self, at: int) -> dict[str, Heard]:
        """Devices heard within the last days before epoch ms `at`."""
        found = {}
        for latest in self._store.latest("telemetry", {"pilot": self._pilot.pilot}, at - RECENT_MS):
            battery = latest.fields.get("battery_voltage")
            seen = max(time for time, _ in latest.fields.values())
            found[latest.tags.get("device", "")] = Heard(seen, float(battery[1]) if battery else None)
        return found


def recount(
    store: Store, pilot: Pilot, devices: list[Device], first: date, last: date
) -> Iterator[Evaluation]:
    """Count the indicators again at the end of each day from `first` to before `last`, newest first,
    and store them. A day whose window began before there were readings is left out: a count over days
    at which nobody had looked would say 0.
    """
    lots = Lots(store, pilot, share_window(pilot, first), local_midnight(pilot, last))
    covered = Coverage(store, pilot)
    counted: list[Point] = []
    for back in range((last - first).days):
        end = local_midnight(pilot, last - timedelta(days=back)) - 1  # still of the day that ends
        if covered.begun(end):
            evaluation = evaluate(store, pilot, devices, end, lots, covered)
            counted += points(pilot, evaluation)
            if back < LEFT_DAYS:
                counted += left_behind(store, pilot, devices, evaluation)
            if len(counted) >= WRITTEN:
                store.write(counted)
                counted.clear()
            yield evaluation
    if counted:
        store.write(counted)


def _more(now: int, before: Value | None) -> int:
    """By how much a counter has grown; one that fell began anew."""
    if before is None:
        return 0
    return now - int(before) if now >= int(before) else now


def now_ms() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000
