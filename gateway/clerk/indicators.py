"""The roster, the indicators and the state of each device, for now and for the end of past days."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta

from devices.access.registry import Enrolled, moved
from devices.clock import HOUR_MS, day_of, midnight_of
from devices.contract.reading import Device
from devices.pilots.pilot import SHARE, Pilot
from gateway.clerk.heard import LastHeard
from gateway.indicators.count import (
    Count,
    Evaluation,
    SealTimes,
    coverage_window,
    evaluate,
    points,
    roster,
    share,
    share_window,
)
from gateway.indicators.coverage import Coverage
from gateway.indicators.standing import alarms, forecast, left_behind, reports, tells_more
from gateway.stores.points import Point, Tags
from gateway.stores.store import Store, all_points

COUNTED_MS = HOUR_MS  # unchanged indicators are written again after this time
BACKFILL_DAYS = 30
WRITTEN = 1000  # points of a recount in one write


class IndicatorSheet:
    """Writes the indicators. `devices` returns the devices that may send now, `spans` when devices might."""

    def __init__(
        self,
        store: Store,
        pilot: Pilot,
        devices: Callable[[], list[Device]],
        spans: Callable[[], Sequence[Enrolled]],
    ) -> None:
        self._store, self._pilot, self._devices, self._spans = store, pilot, devices, spans
        self._levels = alarms(pilot)  # they do not change while the gateway runs: written once
        self._covered, self._last_heard = Coverage(store, pilot), LastHeard(store, pilot)
        self._rows: dict[Tags, Point] = {}  # the row of each device that is in the store
        self._counted: tuple[int, tuple[Count, ...]] = 0, ()  # the time and the counts of the last write

    def write(self, at: int) -> None:
        """Write roster, indicators and devices as they are at epoch ms `at`."""
        elsewhere = moved(self._spans(), coverage_window(self._pilot, at), at)
        evaluation = evaluate(
            self._store, self._pilot, self._devices(), at, covered=self._covered, lately=True, moved=elsewhere
        )
        left = left_behind(self._store, self._pilot, self._devices(), evaluation, self._last_heard.at(at))
        left = [
            one for one in left if one.measurement != "device" or tells_more(one, self._rows.get(one.tags))
        ]
        written, counts = self._counted
        changed = evaluation.counts != counts or at - written >= COUNTED_MS
        self._store.write(
            [
                *roster(self._pilot, at),
                *self._levels,
                *reports(self._pilot, at),
                *(points(self._pilot, evaluation) if changed else ()),
                *left,
                *forecast(self._pilot, evaluation),
            ]
        )
        self._levels = []
        self._rows |= {one.tags: one for one in left if one.measurement == "device"}
        if changed:
            self._counted = at, evaluation.counts

    def backfill(self, at: int) -> Iterator[date]:
        """Recount the last days, and the traceability share of today's points.

        Yields each day once it is stored; days before the first full coverage window are skipped. The share
        of today's points is recounted because a harvest that is sealed now may bear a time of an hour ago.
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
    """Recount and store the indicators at the end of each day from `first` to before `last`, newest first.

    Yields each day once it is stored. A day counts the devices that were enrolled at its end, where they
    stood then, so devices that leave, join or move later do not change it. A day whose window began before
    the first readings is skipped: its count would be 0 only because nothing was measured yet.
    """
    sealed = SealTimes(store, pilot, share_window(pilot, first), midnight_of(last, pilot.zone))
    covered = Coverage(store, pilot)
    counted: list[Point] = []
    days: list[date] = []
    for back in range(1, (last - first).days + 1):
        day = last - timedelta(days=back)
        end = midnight_of(day + timedelta(days=1), pilot.zone) - 1  # the last millisecond of that day
        if covered.begun(end):
            devices = [one.device for one in spans if one.at(end)]
            elsewhere = moved(spans, coverage_window(pilot, end), end)
            evaluation = evaluate(store, pilot, devices, end, sealed, covered, moved=elsewhere)
            counted += points(pilot, evaluation)
            counted += left_behind(store, pilot, devices, evaluation)
        days.append(day)
        if len(counted) >= WRITTEN or day == first:
            if counted:
                store.write(counted)
                counted.clear()
            yield from days
            days.clear()
