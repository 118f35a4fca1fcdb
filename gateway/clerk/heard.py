"""When each device was last heard, and what it said of its battery.

What all of them said last is asked for once an hour; meanwhile what was said since is added to it. Of
fourteen thousand devices InfluxDB takes twenty seconds over the one, and two over the other.
"""

from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS
from devices.pilots.pilot import Pilot
from gateway.indicators.standing import BATTERY, Heard
from gateway.stores.points import Value
from gateway.stores.store import AT_ONCE, Store

BACK_MS = (
    7 * DAY_MS
)  # within which readings are asked for; of what is older the clerk wrote down when it came
WRITTEN_MS = 60 * DAY_MS  # and how far back that is asked for, once
WHOLE_MS = HOUR_MS  # after which all are asked for again
LATE_MS = 20 * MINUTE_MS  # by which a reading may be stored late, and is heard of at once
SAID = ("telemetry", "telemetry_flagged")  # a device whose values are all doubted speaks, too

Said = dict[str, tuple[int, Value]]  # by field: epoch ms and value


class LastHeard:
    """Of all devices of a pilot. Who was heard once is not forgotten: one that is dead stays so until it is
    revoked, however long that takes.
    """

    def __init__(self, store: Store, pilot: Pilot) -> None:
        self._store, self._where = store, {"pilot": pilot.pilot}
        self._seen: dict[str, int] = {}  # device → epoch ms
        self._battery: dict[str, Said] = {}
        self._whole = self._looked = 0  # epoch ms at which all were asked for, and the news

    def at(self, at: int) -> dict[str, Heard]:
        """Devices heard before epoch ms `at`; what they said of their battery in the last days. Raises
        RetryLater.
        """
        if at < self._looked:  # a clock that was put back has heard nothing yet
            self._seen, self._whole = {}, 0
        if not 0 <= at - self._whole < WHOLE_MS or not self._news(at):
            self._all(at)
        self._looked, since = at, at - BACK_MS
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
        }

    def _all(self, at: int) -> None:
        written = {} if self._seen else self._written(at)
        newest = [self._store.latest(measurement, self._where, at - BACK_MS) for measurement in SAID]
        self._seen, self._battery, self._whole = self._seen | written, {}, at
        for measurement, some in zip(SAID, newest, strict=True):
            for latest in some:
                self._add(measurement, latest.tags.get("device", ""), latest.fields)

    def _written(self, at: int) -> dict[str, int]:
        """When each was heard last, as it was written down."""
        return {
            latest.tags.get("device", ""): int(latest.fields["last_seen"][1])
            for latest in self._store.latest("device", self._where, at - WRITTEN_MS)
            if "last_seen" in latest.fields
        }

    def _news(self, at: int) -> bool:
        """Add what was said since the last look; False: that is too much."""
        few = True
        for measurement in SAID:
            # what is ahead by a clock that is fast is there, too
            start, stop = self._looked - LATE_MS, at + DAY_MS
            points = self._store.series(measurement, self._where, start, stop, AT_ONCE)
            for _, tags, fields, time in points:
                said = {name: (time, value) for name, value in fields.items()}
                self._add(measurement, dict(tags).get("device", ""), said)
            few = few and len(points) < AT_ONCE
        return few

    def _add(self, measurement: str, device: str, said: Said) -> None:
        if not said:  # fields of a version to come alone
            return
        seen = max(time for time, _ in said.values())
        self._seen[device] = max(seen, self._seen.get(device, seen))
        if measurement != SAID[0]:
            return
        for name in BATTERY:
            if name in said:
                known = self._battery.setdefault(device, {})
                known[name] = max(said[name], known.get(name, said[name]), key=lambda one: one[0])
