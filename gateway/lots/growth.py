"""Growing conditions of a plot, read from the store (the port `traceability.records.conditions.Grew`).

    rows of the community ─► without those of other plots ─► hash, hours, values ─► daily rows

The registry says which device stood where, and when. A device that was enrolled again elsewhere leaves its
earlier readings where they were measured. A real sensor that is enrolled on the plot counts in the coverage
even if it sends nothing.
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

# a reading is part of the day's sum; the day's row summarises one sum a gauge
TOTALS = frozenset({"rainfall"})
_SENSED = frozenset(SENSED)
# (signal, day, device, on the plot?) → its values
Sensed = dict[tuple[str, int, str, bool], "array[float]"]


class Growth:
    """Reads the conditions of one pilot's plots. `spans` returns when each device was enrolled, and on which
    plot; without it only the simulated devices are known. A device without a plot measures for its whole
    community.
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
        plots = _Plots(spans)
        rows = values = 0
        raw = hashlib.sha256()
        # device → the hours since `start` that have a row: any row, and rows measured on the plot
        hours: dict[str, set[int]] = {}
        own_hours: dict[str, set[int]] = {}
        simulated: set[str] = set()
        sensed: Sensed = {}
        midnight = midnight_of(day_of(start, self._pilot.zone), self._pilot.zone)
        for row in self._newest_first(where, start, stop):
            if (row_plot := plots.on(row)) not in (plot, None):
                continue
            rows += 1
            _, place, fields, time = row
            tags, on_plot = dict(place), row_plot is not None
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
        if not rows:  # nothing was measured, so there is nothing more to query
            return Conditions(start, stop, 0, 0, 0.0, 0.0, {}, 0, raw.hexdigest())
        doubted = _of_devices(all_points(self._store, "telemetry_flagged", where, start, stop))
        flagged = sum(
            int(point.fields["flag"]) >= Flag.SUSPECT
            for point in whole(doubted, "flag")
            if plots.on(point) in (plot, None)
        )
        slots = max(1, -(-(stop - start) // HOUR_MS))
        # devices that sensed something on the plot; a pump only reports its state
        own = {device for _, _, device, on_plot in sensed if on_plot}
        own_signals = {signal for signal, _, _, on_plot in sensed if on_plot}
        sensed = {key: values for key, values in sensed.items() if key[3] or key[0] not in own_signals}
        due: dict[str, set[int]] = {}
        for one in spans:
            if one.device.simulated or one.device.plot != plot or not _senses(one.device.model):
                continue
            last = slots if one.revoked is None else min(slots, max(0, one.revoked - start) // HOUR_MS)
            if span := range(max(0, one.enrolled - start) // HOUR_MS, last):
                due.setdefault(one.device.device, set()).update(span)
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
        """Yield the readings of [start, stop), newest first, with a week of them in memory."""
        while stop > start:
            since = max(start, stop - 7 * DAY_MS)
            yield from _of_devices(all_points(self._store, "telemetry", where, since, stop))
            stop = since

    def _daily(self, sensed: Sensed, midnight: int) -> dict[str, list[list[str | float | int]]]:
        """Signal → one row a day over all devices' values. Days are the pilot's, counted from `midnight`."""
        days: dict[tuple[str, int], list[Sequence[float]]] = {}  # (signal, day) → one entry a device
        for (signal, day, _, _), values in sensed.items():
            # a total has one value a device and day: the sum, repeated once for every reading
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
    """Leave out points that no device sent."""
    return (point for point in points if any(name == "device" for name, _ in point.tags))


class _Plots:
    """The plots on which devices of one community stood, from their enrolment spans."""

    def __init__(self, spans: Iterable[Enrolled]) -> None:
        self._spans: dict[str, list[Enrolled]] = {}
        for one in sorted(spans, key=lambda one: one.enrolled):
            self._spans.setdefault(one.device.device, []).append(one)

    def on(self, row: Point) -> str | None:
        """Return the plot where `row` was measured; None if the device stood on no plot. A row measured while
        the device was not enrolled was sent later from its memory: it belongs to the next enrolment, or else
        to the last.
        """
        spans = self._spans.get(dict(row.tags)["device"], ())
        for one in spans:
            if one.revoked is None or row.time < one.revoked:
                return one.device.plot
        return spans[-1].device.plot if spans else None


def _senses(model: str) -> bool:
    return not _SENSED.isdisjoint(MODELS[model].signals)


def _coverage(hours: Mapping[str, set[int]], due: Mapping[str, set[int]], slots: int) -> float:
    """Return the mean share of devices that reported, over the hours 0 … `slots` - 1.

    The share of an hour is among the devices that reported in it or were `due` in it. A device that is not in
    `due` was due in every hour.
    """
    expected: Counter[int] = Counter()
    reports: Counter[int] = Counter()
    for device, reported in hours.items():
        expected.update(reported.union(due.get(device, range(slots))))
        reports.update(reported)
    return sum(reports[hour] / expected[hour] for hour in reports) / slots
