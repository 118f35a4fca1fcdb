"""What every series of a measurement said last, for who asks again and again.

    all of it, once ─► and what was said since ─► all of it, once that has become cheap enough

Of fourteen thousand devices InfluxDB takes fourteen seconds over the first, and one over the second. A small
store is asked for all of it each time.
"""

import time
from collections.abc import Mapping

from devices.clock import DAY_MS, MINUTE_MS
from gateway.stores.points import Tags, Value
from gateway.stores.store import AT_ONCE, Latest, Store

QUICK = 1.0  # seconds: what takes less is asked for each time
SHARE_OF_TIME = 0.02  # that asking for all of it may take otherwise
LATE_MS = 5 * MINUTE_MS  # by which a point may be stored late, and is news


class Newest:
    """The newest values of a measurement's series whose tags contain `where`, within `back` ms. A point that
    comes later than LATE_MS is there when all is asked for next. For one thread at a time.
    """

    def __init__(self, store: Store, measurement: str, where: Mapping[str, str], back: int) -> None:
        self._store, self._measurement, self._where, self._back = store, measurement, where, back
        self._said: dict[Tags, dict[str, tuple[int, Value]]] = {}
        self._looked = 0  # epoch ms of the last look
        self._again = 0.0  # when all is asked for again, s, monotonic

    def at(self, at: int) -> list[Latest]:
        """As of epoch ms `at`; also what is ahead by a clock that is fast. Raises RetryLater."""
        # a clock that was put back has heard nothing yet
        if time.monotonic() >= self._again or at < self._looked or not self._news(at):
            self._all(at)
        self._looked, since = at, at - self._back
        return [
            Latest(dict(tags), there)
            for tags, fields in self._said.items()
            if (there := {name: one for name, one in fields.items() if one[0] >= since})
        ]

    def _all(self, at: int) -> None:
        before = time.monotonic()
        latest = self._store.latest(self._measurement, self._where, at - self._back)
        self._said = {tuple(sorted(one.tags.items())): dict(one.fields) for one in latest}
        took = time.monotonic() - before
        self._again = time.monotonic() + (took / SHARE_OF_TIME if took > QUICK else 0.0)

    def _news(self, at: int) -> bool:
        """Add what was said since the last look; False: that is too much."""
        start, stop = self._looked - LATE_MS, at + DAY_MS
        points = self._store.series(self._measurement, self._where, start, stop, AT_ONCE)
        for point in points:
            fields = self._said.setdefault(point.tags, {})
            for name, value in point.fields.items():
                if name not in fields or point.time >= fields[name][0]:  # a flag may be written over
                    fields[name] = point.time, value
        return len(points) < AT_ONCE
