"""Growing conditions of a community, out of the store (the port `traceability.conditions.Grew`)."""

import hashlib

from devices.pilot import Pilot
from devices.quality import Flag
from gateway.indicators import DAY_MS, HOUR_MS, MANY, local_day, local_midnight
from gateway.points import FLAG_TRUE
from gateway.store import Store
from traceability.conditions import SENSED, Conditions

TOTALS = frozenset({"rainfall"})  # a reading is a part of the day's sum, and a day's row is that sum a gauge


class Growth:
    """Reads conditions of the places of one pilot."""

    def __init__(self, store: Store, pilot: Pilot) -> None:
        self._store = store
        self._pilot = pilot

    def conditions(self, community: str, start: int, stop: int) -> Conditions:
        where = {"pilot": self._pilot.pilot, "community": community}
        coverage = self._store.coverage(where, start, stop, HOUR_MS)
        if not coverage:  # nobody measured: nothing more to ask the store for
            return Conditions(start, stop, 0, 0, 0.0, 0.0, {}, 0, hashlib.sha256().hexdigest())
        good = values = 0
        raw = hashlib.sha256()
        simulated: set[str] = set()
        for point in self._store.series("telemetry", where, start, stop, 20 * MANY):
            tags = dict(point.tags)
            if tags.get("simulated") == FLAG_TRUE:
                simulated.add(tags["device"])
            values += len(point.fields)
            good += 1
            fields = ",".join(f"{name}={point.fields[name]!r}" for name in sorted(point.fields))
            raw.update(f"{point.time} {tags['device']} {fields}\n".encode())
        doubted = self._store.series("telemetry_flagged", where, start, stop, MANY)
        flagged = sum(int(point.fields["flag"]) >= Flag.SUSPECT for point in doubted)
        return Conditions(
            start,
            stop,
            devices=len(coverage),
            simulated=len(simulated),
            coverage=round(sum(coverage.values()) / len(coverage), 4) if coverage else 0.0,
            flagged=round(flagged / (flagged + values), 4) if values else 0.0,
            daily={signal: rows for signal in SENSED if (rows := self._daily(signal, where, start, stop))},
            raw_rows=good,
            raw_sha256=raw.hexdigest(),
        )

    def _daily(
        self, signal: str, where: dict[str, str], start: int, stop: int
    ) -> list[list[str | float | int]]:
        midnight = local_midnight(self._pilot, local_day(self._pilot, start))
        days: dict[int, list[tuple[float, float, float, int]]] = {}
        for buckets in self._store.summary(
            "telemetry", signal, where, start, stop, DAY_MS, midnight
        ).values():
            for bucket in buckets:
                row = (bucket.low, bucket.mean, bucket.high, bucket.number)
                if signal in TOTALS:
                    total = bucket.mean * bucket.number
                    row = (total, total, total, bucket.number)
                days.setdefault(bucket.time, []).append(row)
        result: list[list[str | float | int]] = []
        for time, rows in sorted(days.items()):
            number = sum(row[3] for row in rows)
            mean = sum(row[1] * row[3] for row in rows) / number
            low, high = min(row[0] for row in rows), max(row[2] for row in rows)
            day = local_day(self._pilot, time).isoformat()
            result.append([day, round(low, 3), round(mean, 3), round(high, 3), number])
        return result
