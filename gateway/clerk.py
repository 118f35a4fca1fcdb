"""The gateway's regular paperwork: the books, the roster, the indicators, the state of each device."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta

from devices.pilot import Pilot
from devices.reading import Device
from gateway.indicators import (
    DAY_MS,
    MINUTE_MS,
    Coverage,
    Evaluation,
    Lots,
    evaluate,
    local_day,
    local_midnight,
    points,
    roster,
    share_window,
)
from gateway.points import Point, tags
from gateway.spool import Books, SpoolFull
from gateway.standing import alarms, forecast, left_behind
from gateway.store import RejectPoints, RetryLater, Store

log = logging.getLogger(__name__)
BOOKS_EVERY = 10.0  # seconds
INDICATORS_EVERY = 60.0
STEPS = 40  # of the quarantine's tidying, each time the books are written
BACKFILL_DAYS = 30
LEFT_DAYS = 366  # how far back a day leaves more than its indicators: a report is of a year
RECENT_MS = 7 * DAY_MS
WRITTEN = 1000  # points of a recount in one write


class Clerk:
    """Writes what the boards need beside the readings. `devices` gives all that may speak, `figures` what
    stands beside the books; `forget` lets some old refused messages go, and says how many.
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
        forget: Callable[[], int] = int,
    ) -> None:
        self._store = store
        self._pilot = pilot
        self._instance = instance
        self._books = books
        self._devices = devices
        self._figures = figures
        self._forget = forget
        self._levels = alarms(pilot)  # they do not change while we run: written once
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
        return True

    def write_books(self) -> None:
        """One point of `gateway`."""
        books, now = self._books(), now_ms()
        fields: dict[str, float | int | str | bool] = {
            "received": books.received,
            "stored": books.stored,
            "duplicate": books.duplicate,
            "quarantined": books.quarantined,
            "spooled": books.spooled,
            "forgotten": books.forgotten,
            "lag_ms": max(0, now - books.oldest) if books.oldest is not None else 0,
            **self._figures(),
        }
        self._store.write([Point("gateway", tags(instance=self._instance), fields, now)])

    def tidy(self) -> None:
        """Let old refused messages go, in small steps: whoever spools waits for one of them at most."""
        for _ in range(STEPS):
            if not self._forget():
                return

    def write_indicators(self, at: int) -> None:
        """Roster, indicators and devices as they are at epoch ms `at`."""
        evaluation = evaluate(self._store, self._pilot, self._devices(), at)
        midnight = local_midnight(self._pilot, local_day(self._pilot, at))
        self._store.write(
            [
                *roster(self._pilot, at),
                *self._levels,
                *points(self._pilot, evaluation),
                *left_behind(self._store, self._pilot, self._devices(), evaluation),
                *forecast(self._pilot, evaluation),
                *self._device_points(evaluation.coverage, at, midnight),
            ]
        )
        self._levels = []

    def backfill(self, at: int, stop: threading.Event) -> None:
        """Indicators at the end of each of the last days whose window has readings."""
        today = local_day(self._pilot, at)
        first = today - timedelta(days=BACKFILL_DAYS)
        for _ in recount(self._store, self._pilot, self._devices(), first, today):
            if stop.is_set():
                return

    def _device_points(self, coverage: dict[str, float], at: int, midnight: int) -> list[Point]:
        """One point a device and day, written over as the day goes on."""
        last: dict[str, tuple[int, float | None]] = {}
        for found in self._store.latest("telemetry", {"pilot": self._pilot.pilot}, at - RECENT_MS):
            seen = max(time for time, _ in found.fields.values())
            battery = found.fields.get("battery_voltage")
            last[found.tags.get("device", "")] = (seen, float(battery[1]) if battery else None)
        result = []
        for device in self._devices():
            if device.device not in last:
                continue
            seen, voltage = last[device.device]
            fields: dict[str, float | int | str | bool] = {
                "last_seen": seen,
                "silent_minutes": max(0, at - seen) // MINUTE_MS,
                "coverage": coverage.get(device.device, 0.0),
            }
            if voltage is not None:
                fields["battery_voltage"] = voltage
            where = tags(pilot=device.pilot, community=device.community, device=device.device)
            result.append(Point("device", where, fields, midnight))
        return result


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


def now_ms() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000
