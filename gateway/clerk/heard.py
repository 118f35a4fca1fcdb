"""When each device was last heard, and what it last sent about its battery.

    read each           what                                                          InfluxDB, 14,000 devices
    hour                the latest values of all devices                              5 s
    ten minutes         all fields since the last such read, and 20 minutes before    2 s
    minute              of the last 20 minutes, doubted values and COMMON fields; of
                        the last minute, all fields of models that also send points
                        without any of these                                          some tenths of a second

So a late reading without a common field is found within ten minutes, as is the first such reading of a model.
"""

from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS
from devices.pilots.pilot import Pilot
from gateway.indicators.standing import BATTERY, Contact
from gateway.stores.points import READINGS, WIDEST
from gateway.stores.store import AT_ONCE, Fields, Store

# how far back readings are read; the clerk wrote down when older ones were last heard
BACK_MS = 7 * DAY_MS
WRITTEN_MS = 60 * DAY_MS  # how far back those `last_seen` rows are read, once after a start
WHOLE_MS = HOUR_MS  # between two reads of the latest values of all devices
FULL_MS = 10 * MINUTE_MS  # between two reads of all new readings with all their fields
COMMON = (WIDEST, *BATTERY)  # fields that almost all devices send with every reading
MODELS = 20  # more models than this are asked about all at once
# a reading of a common field may be stored this late and is still found within a minute
LATE_MS = 20 * MINUTE_MS
PROMPT_MS = MINUTE_MS  # the same for a reading without any common field


class LastHeard:
    """Remembers when each device of a pilot was last heard. A device is never dropped: a dead one stays
    silent until it is revoked, however long that takes.
    """

    def __init__(self, store: Store, pilot: Pilot) -> None:
        self._store, self._where = store, {"pilot": pilot.pilot}
        self._last_seen: dict[str, int] = {}  # device → epoch ms
        self._battery: dict[str, Fields] = {}
        self._bare = set[str]()  # models that send points without a common field
        # epoch ms of the last hourly read, the last ten-minute read, and the last read of any kind
        self._whole = self._full = self._looked = 0

    def at(self, at: int) -> dict[str, Contact]:
        """Return the devices heard before epoch ms `at`, each with its battery values of the last BACK_MS.
        Raises RetryLater.
        """
        if at < self._looked:  # the clock was put back: forget what was heard in its future
            self._last_seen, self._whole = {}, 0
        if not 0 <= at - self._whole < WHOLE_MS or not self._news(at):
            self._all(at)
        self._looked, since = at, at - BACK_MS
        return {
            device: Contact(
                last_seen,
                {
                    name: float(value)
                    for name, (time, value) in self._battery.get(device, {}).items()
                    if time >= since
                },
            )
            for device, last_seen in self._last_seen.items()
        }

    def _all(self, at: int) -> None:
        written = {} if self._last_seen else self._written(at)
        newest = [self._store.latest(measurement, self._where, at - BACK_MS) for measurement in READINGS]
        self._last_seen, self._battery, self._whole, self._full = self._last_seen | written, {}, at, at
        self._bare.clear()
        for measurement, some in zip(READINGS, newest, strict=True):
            for latest in some:
                self._add(measurement, latest.tags.get("device", ""), latest.fields)
        for latest in newest[0]:
            last = max((time for time, _ in latest.fields.values()), default=0)
            if all(latest.fields.get(name, (0, 0))[0] < last for name in COMMON):
                self._bare.add(latest.tags.get("model", ""))

    def _written(self, at: int) -> dict[str, int]:
        """Return each device's last `last_seen`, as the clerk wrote it down."""
        return {
            latest.tags.get("device", ""): int(latest.fields["last_seen"][1])
            for latest in self._store.latest("device", self._where, at - WRITTEN_MS, only=["last_seen"])
            if "last_seen" in latest.fields
        }

    def _news(self, at: int) -> bool:
        """Add what was sent since the last look. Returns False if that is more than one answer holds."""
        full = at - self._full >= FULL_MS
        late, prompt = (self._full if full else self._looked) - LATE_MS, self._looked - PROMPT_MS
        telemetry, *others = READINGS
        few = [self._since(measurement, late, at) for measurement in others]
        if full:
            few.append(self._since(telemetry, late, at))
        else:
            few.append(self._since(telemetry, late, at, COMMON))
            # a series without a model is somebody else's: no store finds it by that
            every = len(self._bare) > MODELS or "" in self._bare
            models = [None] if every else sorted(self._bare)
            few += [self._since(telemetry, prompt, at, model=model) for model in models]
        if full and all(few):
            self._full = at
        return all(few)

    def _since(
        self, measurement: str, start: int, at: int, only: tuple[str, ...] = (), *,
        model: str | None = None,
    ) -> bool:  # fmt: skip
        """Add what was sent from epoch ms `start` on. Returns False if that is more than one answer holds."""
        where = self._where if model is None else self._where | {"model": model}
        # one day ahead, for devices whose clock is fast
        points = self._store.series(measurement, where, start, at + DAY_MS, AT_ONCE, only=only)
        for _, tags, fields, time in points:
            if measurement == READINGS[0] and fields.keys().isdisjoint(COMMON):
                self._bare.add(dict(tags).get("model", ""))
            timed = {name: (time, value) for name, value in fields.items()}
            self._add(measurement, dict(tags).get("device", ""), timed)
        return len(points) < AT_ONCE

    def _add(self, measurement: str, device: str, fields: Fields) -> None:
        if not fields:  # all fields come from a newer version
            return
        newest = max(time for time, _ in fields.values())
        self._last_seen[device] = max(newest, self._last_seen.get(device, newest))
        if measurement != READINGS[0]:
            return
        for name in BATTERY:
            if name in fields:
                battery = self._battery.setdefault(device, {})
                battery[name] = max(fields[name], battery.get(name, fields[name]), key=lambda one: one[0])
