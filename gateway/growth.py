"""Growing conditions of a community, out of the store (the port `traceability.conditions.Grew`)."""

import hashlib
from collections.abc import Iterable
from itertools import chain

from devices.pilot import Pilot
from devices.quality import Flag
from gateway.indicators import DAY_MS, HOUR_MS, MANY, local_day, local_midnight
from gateway.points import FLAG_TRUE
from gateway.store import Bucket, Store
from traceability.conditions import SENSED, Conditions

TOTALS = frozenset({"rainfall"})  # a reading is a part of the day's sum, and a day's row is that sum a gauge


class Growth:
    """Reads conditions of the places of one pilot."""

    def __init__(self, store: Store, pilot: Pilot) -> None:
        self._store = store
        self._pilot = pilot

    def conditions(self, community: str, start: int, stop: int) -> Conditions:
        where = {"pilot": self._pilot.pilot, "community": community}
        rows = self._store.series("telemetry", where, start, stop, 20 * MANY)
        if not rows:  # nobody measured: nothing more to ask the store for
            return Conditions(start, stop, 0, 0, 0.0, 0.0, {}, 0, hashlib.sha256().hexdigest())
        values = 0
        raw = hashlib.sha256()
        hours: dict[str, set[int]] = {}  # device → those of the time from start to stop that have a row
        simulated: set[str] = set()
        for _, place, fields, time in rows:
            tags = dict(place)
            device = tags["device"]
            if tags.get("simulated") == FLAG_TRUE:
                simulated.add(device)
            values += len(fields)
            hours.setdefault(device, set()).add((time - start) // HOUR_MS)
            said = ",".join([f"{name}={value!r}" for name, value in sorted(fields.items())])
            raw.update(f"{time} {device} {said}\n".encode())
        doubted = self._store.series("telemetry_flagged", where, start, stop, MANY)
        flagged = sum(int(point.fields["flag"]) >= Flag.SUSPECT for point in doubted)
        slots = max(1, -(-(stop - start) // HOUR_MS))
        return Conditions(
            start,
            stop,
            devices=len(hours),
            simulated=len(simulated),
            coverage=round(sum(map(len, hours.values())) / len(hours) / slots, 4),
            flagged=round(flagged / (flagged + values), 4) if values else 0.0,
            daily=self._daily(where, start, stop),
            raw_rows=len(rows),
            raw_sha256=raw.hexdigest(),
        )

    def _daily(
        self, where: dict[str, str], start: int, stop: int
    ) -> dict[str, list[list[str | float | int]]]:
        midnight = local_midnight(self._pilot, local_day(self._pilot, start))
        found = self._store.summary("telemetry", SENSED, where, start, stop, DAY_MS, midnight)
        return {
            signal: self._rows(found[signal].values(), total=signal in TOTALS)
            for signal in SENSED
            if signal in found
        }

    def _rows(self, series: Iterable[list[Bucket]], *, total: bool) -> list[list[str | float | int]]:
        """One row a day of several devices' days."""
        days: dict[int, list[Bucket]] = {}
        for bucket in chain.from_iterable(series):
            whole = bucket.mean * bucket.number
            day = Bucket(bucket.time, whole, whole, whole, bucket.number) if total else bucket
            days.setdefault(bucket.time, []).append(day)
        result: list[list[str | float | int]] = []
        for time, those in sorted(days.items()):
            number = sum(one.number for one in those)
            mean = sum(one.mean * one.number for one in those) / number
            low, high = min(one.low for one in those), max(one.high for one in those)
            name = local_day(self._pilot, time).isoformat()
            result.append([name, round(low, 3), round(mean, 3), round(high, 3), number])
        return result
