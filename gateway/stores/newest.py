"""The newest values of every series of a measurement, for callers that ask again and again.

    all values, once ─► then only the points since ─► all again, seldom enough to cost little

For fourteen thousand devices InfluxDB takes four seconds for all values, and one second for the points since.
A small store is asked for all of them each time.
"""

import time
from collections.abc import Mapping

from devices.clock import DAY_MS, MINUTE_MS
from gateway.stores.store import AT_ONCE, BySeries, Latest, Store

QUICK = 1.0  # seconds: if asking for all values takes no longer, they are asked for each time
SHARE_OF_TIME = 0.02  # share of the time that asking for all values may take otherwise
RESUMED = 60.0  # seconds after `resume` until all values are asked for
LATE_MS = 5 * MINUTE_MS  # points that are stored so late are still found as news


class Newest:
    """The newest values of a measurement's series whose tags contain `where`, within `back` ms. A point
    stored later than LATE_MS shows when all values are next asked for. For one thread at a time.
    """

    def __init__(self, store: Store, measurement: str, where: Mapping[str, str], back: int) -> None:
        self._store, self._measurement, self._where, self._back = store, measurement, where, back
        self._said: BySeries = {}
        self._looked = 0  # epoch ms of the last look
        self._again = 0.0  # when all values are asked for again, s, monotonic
        self._unsaved = False

    def at(self, at: int) -> list[Latest]:
        """The newest values at epoch ms `at`, and those ahead of it from fast clocks. Raises RetryLater."""
        # if our clock was put back, the time of the last look tells nothing: ask for all
        if time.monotonic() >= self._again or at < self._looked or not self._news(at):
            self._all(at)
        self._looked, since = at, at - self._back
        return [
            Latest(dict(tags), there)
            for tags, fields in self._said.items()
            if (there := {name: one for name, one in fields.items() if one[0] >= since})
        ]

    def resume(self, series: BySeries, looked: int) -> None:
        """Start from values of an earlier run, complete up to epoch ms `looked` but for late points."""
        self._said, self._looked, self._again = series, looked, time.monotonic() + RESUMED

    def unsaved(self) -> tuple[BySeries, int] | None:
        """The values, and the epoch ms up to which they are complete, if all were read since the last call
        and that took long: for `resume` at the next start.
        """
        if not self._unsaved:
            return None
        self._unsaved = False
        return self._said, self._looked

    def _all(self, at: int) -> None:
        before = time.monotonic()
        latest = self._store.latest(self._measurement, self._where, at - self._back)
        self._said = {tuple(sorted(one.tags.items())): dict(one.fields) for one in latest}
        took = time.monotonic() - before
        self._unsaved = took > QUICK
        self._again = time.monotonic() + (took / SHARE_OF_TIME if self._unsaved else 0.0)

    def _news(self, at: int) -> bool:
        """Add the points since the last look; False if they are too many."""
        start, stop = self._looked - LATE_MS, at + DAY_MS
        points = self._store.series(self._measurement, self._where, start, stop, AT_ONCE)
        for point in points:
            fields = self._said.setdefault(point.tags, {})
            for name, value in point.fields.items():
                if name not in fields or point.time >= fields[name][0]:  # a flag may be overwritten
                    fields[name] = point.time, value
        return len(points) < AT_ONCE
