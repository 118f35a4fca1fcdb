"""When each device was last heard, and what it said of its battery.

What all of them said last is asked for once an hour; meanwhile what was said since is added to it: each
minute all that is of that minute, and of what came late what almost all devices say. Who says nothing of it
and comes late is heard within ten minutes. Of fourteen thousand devices InfluxDB takes fourteen seconds over
the first, two over all news, and some tenths of one over the last.
"""

from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS
from devices.pilots.pilot import Pilot
from gateway.indicators.standing import BATTERY, Heard
from gateway.stores.points import SAID, WIDEST, Value
from gateway.stores.store import AT_ONCE, Store

# within which readings are asked for; of what is older the clerk wrote down when it came
BACK_MS = 7 * DAY_MS
WRITTEN_MS = 60 * DAY_MS  # and how far back that is asked for, once
WHOLE_MS = HOUR_MS  # after which all are asked for again
FULL_MS = 10 * MINUTE_MS  # and after which all that was said since, be it of what few say
LATE_MS = 20 * MINUTE_MS  # by which a reading may be stored late, and is heard of at once
PROMPT_MS = MINUTE_MS  # the same where it says nothing that almost all say

Said = dict[str, tuple[int, Value]]  # by field: epoch ms and value


class LastHeard:
    """Of all devices of a pilot. Who was heard once is not forgotten: one that is dead stays so until it is
    revoked, however long that takes.
    """

    def __init__(self, store: Store, pilot: Pilot) -> None:
        self._store, self._where = store, {"pilot": pilot.pilot}
        self._seen: dict[str, int] = {}  # device → epoch ms
        self._battery: dict[str, Said] = {}
        # epoch ms at which all were asked for, all news, and any
        self._whole = self._full = self._looked = 0

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
        self._seen, self._battery, self._whole, self._full = self._seen | written, {}, at, at
        for measurement, some in zip(SAID, newest, strict=True):
            for latest in some:
                self._add(measurement, latest.tags.get("device", ""), latest.fields)

    def _written(self, at: int) -> dict[str, int]:
        """When each was heard last, as it was written down."""
        return {
            latest.tags.get("device", ""): int(latest.fields["last_seen"][1])
            for latest in self._store.latest("device", self._where, at - WRITTEN_MS, only=["last_seen"])
            if "last_seen" in latest.fields
        }

    def _news(self, at: int) -> bool:
        """Add what was said since the last look; False: that is too much."""
        full = at - self._full >= FULL_MS
        late, prompt = (self._full if full else self._looked) - LATE_MS, self._looked - PROMPT_MS
        telemetry, *others = SAID
        few = [self._since(measurement, late, at) for measurement in others]
        if full:
            few.append(self._since(telemetry, late, at))
        else:
            few += [self._since(telemetry, late, at, (WIDEST, *BATTERY)), self._since(telemetry, prompt, at)]
        if full and all(few):
            self._full = at
        return all(few)

    def _since(self, measurement: str, start: int, at: int, only: tuple[str, ...] = ()) -> bool:
        """Add what was said from epoch ms `start` on; False: that is too much."""
        # what is ahead by a clock that is fast is there, too
        points = self._store.series(measurement, self._where, start, at + DAY_MS, AT_ONCE, only=only)
        for _, tags, fields, time in points:
            said = {name: (time, value) for name, value in fields.items()}
            self._add(measurement, dict(tags).get("device", ""), said)
        return len(points) < AT_ONCE

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
