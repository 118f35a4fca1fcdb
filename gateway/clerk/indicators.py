"""The roster, the indicators and the state of each device, now and at the end of days that are past."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta

from devices.access.registry import Enrolled, moved
from devices.clock import HOUR_MS, day_of, midnight_of
from devices.contract.reading import Device
from devices.pilots.pilot import SHARE, Pilot
from gateway.clerk.heard import LastHeard
from gateway.indicators.count import (
    Count,
    Coverage,
    Evaluation,
    SealTimes,
    coverage_window,
    evaluate,
    points,
    roster,
    share,
    share_window,
)
from gateway.indicators.standing import alarms, forecast, left_behind, reports
from gateway.stores.points import Point
from gateway.stores.store import Store, all_points

COUNTED_MS = HOUR_MS  # after which indicators are written that are what they were
BACKFILL_DAYS = 30
LEFT_DAYS = 366  # how far back a day leaves more than its indicators: a report is of a year
WRITTEN = 1000  # points of a recount in one write


class IndicatorSheet:
    """`devices` gives all that may speak, `spans` who might when."""

    def __init__(
        self,
        store: Store,
        pilot: Pilot,
        devices: Callable[[], list[Device]],
        spans: Callable[[], Sequence[Enrolled]],
    ) -> None:
        self._store, self._pilot, self._devices, self._spans = store, pilot, devices, spans
        self._levels = alarms(pilot)  # they do not change while we run: written once
        self._covered, self._heard = Coverage(store, pilot), LastHeard(store, pilot)
        self._counted: tuple[int, tuple[Count, ...]] = 0, ()  # when, and what was written

    def write(self, at: int) -> None:
        """Roster, indicators and devices as they are at epoch ms `at`."""
        elsewhere = moved(self._spans(), coverage_window(self._pilot, at), at)
        evaluation = evaluate(
            self._store, self._pilot, self._devices(), at, covered=self._covered, lately=True, moved=elsewhere
        )
        written, counts = self._counted
        changed = evaluation.counts != counts or at - written >= COUNTED_MS
        self._store.write(
            [
                *roster(self._pilot, at),
                *self._levels,
                *reports(self._pilot, at),
                *(points(self._pilot, evaluation) if changed else ()),
                *left_behind(self._store, self._pilot, self._devices(), evaluation, self._heard.at(at)),
                *forecast(self._pilot, evaluation),
            ]
        )
        self._levels = []
        if changed:
            self._counted = at, evaluation.counts

    def backfill(self, at: int) -> Iterator[date]:
        """Indicators at the end of each of the last days whose window has readings, and today's share: a
        harvest that is sealed now may have been an hour ago. Yields each day once it is stored.
        """
        today = day_of(at, self._pilot.zone)
        first = today - timedelta(days=BACKFILL_DAYS)
        yield from recount(self._store, self._pilot, self._spans(), first, today)
        sealed = SealTimes(self._store, self._pilot, share_window(self._pilot, today), at + 1)
        where = {"pilot": self._pilot.pilot, "indicator": SHARE}
        for counted in all_points(self._store, "kpi", where, midnight_of(today, self._pilot.zone), at + 1):
            again = Evaluation(counted.time, (share(self._pilot, sealed, counted.time),), {})
            self._store.write(points(self._pilot, again))


def recount(store: Store, pilot: Pilot, spans: Sequence[Enrolled], first: date, last: date) -> Iterator[date]:
    """Count the indicators again at the end of each day from `first` to before `last`, newest first,
    and store them; yields each day once it is stored. A day is counted by those who might speak at its end,
    where they were enrolled then: who leaves, joins or moves later changes nothing of it. One whose window
    began before there were readings is left out: a count over days at which nobody had looked would say 0.
    """
    sealed = SealTimes(store, pilot, share_window(pilot, first), midnight_of(last, pilot.zone))
    covered = Coverage(store, pilot)
    counted: list[Point] = []
    done: list[date] = []
    for back in range((last - first).days):
        day = last - timedelta(days=back + 1)
        end = midnight_of(day + timedelta(days=1), pilot.zone) - 1  # still of the day that ends
        if covered.begun(end):
            devices = [one.device for one in spans if one.at(end)]
            elsewhere = moved(spans, coverage_window(pilot, end), end)
            evaluation = evaluate(store, pilot, devices, end, sealed, covered, moved=elsewhere)
            counted += points(pilot, evaluation)
            if back < LEFT_DAYS:
                counted += left_behind(store, pilot, devices, evaluation)
        done.append(day)
        if len(counted) >= WRITTEN or day == first:
            if counted:
                store.write(counted)
                counted.clear()
            yield from done
            done.clear()
