"""When each device was last heard, and what it said of its battery.

What all of them said last is asked for once an hour; meanwhile what was said since is added to it. Of
fourteen thousand devices InfluxDB takes twenty seconds over the one, and two over the other.
"""

from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS
from devices.pilots.pilot import Pilot
from gateway.indicators.count import MANY
from gateway.indicators.standing import BATTERY, Heard
from gateway.stores.points import Value
from gateway.stores.store import Store

HEARD_MS = 7 * DAY_MS  # within which a device was heard
WHOLE_MS = HOUR_MS  # after which all are asked for again
LATE_MS = 20 * MINUTE_MS  # by which a reading may be stored late, and is heard of at once

Said = dict[str, tuple[int, Value]]  # by field: epoch ms and value


class LastHeard:
    """Of all devices of a pilot."""

    def __init__(self, store: Store, pilot: Pilot) -> None:
        self._store, self._where = store, {"pilot": pilot.pilot}
        self._seen: dict[str, int] = {}  # device → epoch ms
        self._battery: dict[str, Said] = {}
        self._whole = self._looked = 0  # epoch ms at which all were asked for, and the news

    def at(self, at: int) -> dict[str, Heard]:
        """Devices heard within the last days before epoch ms `at`. Raises RetryLater."""
        # a clock that was put back has heard nothing yet
        if not 0 <= at - self._whole < WHOLE_MS or at < self._looked or not self._news(at):
            self._all(at)
        self._looked, since = at, at - HEARD_MS
        return {
            device: Heard(
                seen,
                {
                    name: float(value)
                    for name, (time, value) in self._battery.get(device, {}).items()
                    if time >= since
                },
            )
            for device, seen in self._seen.items()
            if seen >= since
        }

    def _all(self, at: int) -> None:
        newest = self._store.latest("telemetry", self._where, at - HEARD_MS)
        self._seen, self._battery, self._whole = {}, {}, at
        for latest in newest:
            self._add(latest.tags.get("device", ""), latest.fields)

    def _news(self, at: int) -> bool:
        """Add what was said since the last look; False: that is too much."""
        # what is ahead by a clock that is fast is there, too
        points = self._store.series("telemetry", self._where, self._looked - LATE_MS, at + DAY_MS, MANY)
        for _, tags, fields, time in points:
            self._add(dict(tags).get("device", ""), {name: (time, value) for name, value in fields.items()})
        return len(points) < MANY

    def _add(self, device: str, said: Said) -> None:
        seen = max(time for time, _ in said.values())
        self._seen[device] = max(seen, self._seen.get(device, seen))
        for name in BATTERY:
            if name in said:
                known = self._battery.setdefault(device, {})
                known[name] = max(said[name], known.get(name, said[name]), key=lambda one: one[0])
