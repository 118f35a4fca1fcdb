"""Growing conditions of a plot, out of the store (the port `traceability.records.conditions.Grew`).

    rows of the community ─► without those of other plots ─► hash, hours, values ─► daily rows

Which device stood where, and when, is asked of the registry: one that was enrolled again elsewhere leaves its
earlier readings where they were measured. One that stands there and says nothing is asked for all the same.
"""

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from statistics import fmean

from devices.access.registry import Enrolled, always
from devices.clock import DAY_MS, HOUR_MS, day_of, midnight_of
from devices.contract.models import MODELS
from devices.contract.quality import Flag
from devices.pilots.pilot import Pilot
from gateway.stores.points import FLAG_TRUE, Point, whole
from gateway.stores.store import Store, all_points
from traceability.records.conditions import SENSED, Conditions

TOTALS = frozenset({"rainfall"})  # a reading is a part of the day's sum, and a day's row is that sum a gauge
_SENSED = frozenset(SENSED)
# (signal, day, device, on the plot?) → its values
Sensed = dict[tuple[str, int, str, bool], "array[float]"]


class Growth:
    """Reads conditions of the places of one pilot. `spans` says when which device might speak, and on which
    plot it stood then; without it the simulated ones alone are known. One that stands on none measures for
    its whole community.
    """

    def __init__(
        self, store: Store, pilot: Pilot, spans: Callable[[], Iterable[Enrolled]] | None = None
    ) -> None:
        self._store = store
        self._pilot = pilot
        self._spans = spans or (lambda: always(pilot.fleet.values()))

    def conditions(self, community: str, plot: str, start: int, stop: int) -> Conditions:
        where = {"pilot": self._pilot.pilot, "community": community}
        spans = [one for one in self._spans() if one.device.community == community]
        stood = _Stood(spans)
        rows = values = 0
        raw = hashlib.sha256()
        # device → hours of the time from start to stop that have a row: of any, and of those on the plot
        hours: dict[str, set[int]] = {}
        own_hours: dict[str, set[int]] = {}
        simulated: set[str] = set()
        sensed: Sensed = {}
        midnight = midnight_of(day_of(start, self._pilot.zone), self._pilot.zone)
        for row in self._newest_first(where, start, stop):
            if (there := stood.on(row)) not in (plot, None):
                continue
            rows += 1
            _, place, fields, time = row
            tags, on_plot = dict(place), there is not None
            device, day = tags["device"], (time - midnight) // DAY_MS
            if tags.get("simulated") == FLAG_TRUE:
                simulated.add(device)
            values += len(fields)
            for some in (hours, own_hours) if on_plot else (hours,):
                some.setdefault(device, set()).add((time - start) // HOUR_MS)
            ordered = sorted(fields.items())
            raw.update(
                f"{time} {device} {','.join([f'{name}={value!r}' for name, value in ordered])}\n".encode()
            )
            for name, value in ordered:
                if name in _SENSED and isinstance(value, float):
                    sensed.setdefault((name, day, device, on_plot), array("d")).append(value)
        if not rows:  # nobody measured: nothing more to ask the store for
            return Conditions(start, stop, 0, 0, 0.0, 0.0, {}, 0, raw.hexdigest())
        doubted = _of_devices(all_points(self._store, "telemetry_flagged", where, start, stop))
        flagged = sum(
            int(point.fields["flag"]) >= Flag.SUSPECT
            for point in whole(doubted, "flag")
            if stood.on(point) in (plot, None)
        )
        slots = max(1, -(-(stop - start) // HOUR_MS))
        own = {device for _, _, device, on_plot in sensed if on_plot}  # a pump alone senses nothing
        known = {signal for signal, _, _, on_plot in sensed if on_plot}
        sensed = {key: values for key, values in sensed.items() if key[3] or key[0] not in known}
        due: dict[str, set[int]] = {}
        for one in spans:
            if one.device.simulated or one.device.plot != plot or not _senses(one.device.model):
                continue
            last = slots if one.revoked is None else min(slots, max(0, one.revoked - start) // HOUR_MS)
            if asked := range(max(0, one.enrolled - start) // HOUR_MS, last):
                due.setdefault(one.device.device, set()).update(asked)
        counted = {device: own_hours.get(device, set()) for device in own | due.keys()} or hours
        return Conditions(
            start,
            stop,
            devices=len(hours),
            simulated=len(simulated),
            coverage=round(_coverage(counted, due, slots), 4),
            flagged=round(flagged / (flagged + values), 4) if values else 0.0,
            daily=self._daily(sensed, midnight),
            raw_rows=rows,
            raw_sha256=raw.hexdigest(),
            on_plot=len(own),
        )

    def _newest_first(self, where: Mapping[str, str], start: int, stop: int) -> Iterator[Point]:
        """The readings of [start, stop), a week of them in memory."""
        while stop > start:
            since = max(start, stop - 7 * DAY_MS)
            yield from _of_devices(all_points(self._store, "telemetry", where, since, stop))
            stop = since

    def _daily(self, sensed: Sensed, midnight: int) -> dict[str, list[list[str | float | int]]]:
        """Signal → one row a day of all devices' values; days are the pilot's, counted from `midnight`."""
        days: dict[tuple[str, int], list[Sequence[float]]] = {}  # (signal, day) → one entry a device
        for (signal, day, _, _), values in sensed.items():
            # of a total there is one value a device and day: it stands as often as it was read
            part: Sequence[float] = [sum(values)] * len(values) if signal in TOTALS else values
            days.setdefault((signal, day), []).append(part)
        rows: dict[str, list[list[str | float | int]]] = {signal: [] for signal in SENSED}
        for (signal, day), parts in sorted(days.items()):
            every = list(chain.from_iterable(parts))
            name = day_of(midnight + day * DAY_MS, self._pilot.zone).isoformat()
            low, mean, high = min(every), fmean(every), max(every)
            rows[signal].append([name, round(low, 3), round(mean, 3), round(high, 3), len(every)])
        return {signal: those for signal, those in rows.items() if those}


def _of_devices(points: Iterable[Point]) -> Iterator[Point]:
    """Without somebody else's, that no device said."""
    return (point for point in points if any(name == "device" for name, _ in point.tags))


class _Stood:
    """On which plot devices of one community stood, out of their spans."""

    def __init__(self, spans: Iterable[Enrolled]) -> None:
        self._spans: dict[str, list[Enrolled]] = {}
        for one in sorted(spans, key=lambda one: one.enrolled):
            self._spans.setdefault(one.device.device, []).append(one)

    def on(self, row: Point) -> str | None:
        """Where this was measured; None: the device stood on no plot. What was measured when it might not
        speak came later, out of its memory: under the next enrolment, or where there is none, under the last.
        """
        spans = self._spans.get(dict(row.tags)["device"], ())
        for one in spans:
            if one.revoked is None or row.time < one.revoked:
                return one.device.plot
        return spans[-1].device.plot if spans else None


def _senses(model: str) -> bool:
    return not _SENSED.isdisjoint(MODELS[model].signals)


def _coverage(hours: Mapping[str, set[int]], due: Mapping[str, set[int]], slots: int) -> float:
    """Mean over the hours 0 … `slots` - 1 of the share of devices that reported: of those that reported then
    or were `due`, which is always where nothing is said of it.
    """
    asked: Counter[int] = Counter()
    heard: Counter[int] = Counter()
    for device, reported in hours.items():
        asked.update(reported.union(due.get(device, range(slots))))
        heard.update(reported)
    return sum(heard[hour] / asked[hour] for hour in heard) / slots
