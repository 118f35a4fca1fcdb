"""Growing conditions of a plot, out of the store (the port `traceability.records.conditions.Grew`).

    rows of the community ─► without those of other plots ─► hash, hours, values ─► daily rows

Which device stands where is asked of the registry, as it is when a lot is sealed: a device that was moved
takes its earlier readings along. One that stands there and says nothing is asked for all the same.
"""

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from statistics import fmean

from devices.access.registry import Enrolled
from devices.clock import DAY_MS, HOUR_MS, day_of, midnight_of
from devices.contract.models import MODELS
from devices.contract.quality import Flag
from devices.pilots.pilot import Pilot
from gateway.stores.points import FLAG_TRUE, Point, Tags, whole
from gateway.stores.store import Store, all_points
from traceability.records.conditions import SENSED, Conditions

TOTALS = frozenset({"rainfall"})  # a reading is a part of the day's sum, and a day's row is that sum a gauge
_SENSED = frozenset(SENSED)
Sensed = dict[tuple[str, int, str], "array[float]"]  # (signal, day, device) → its values


class Growth:
    """Reads conditions of the places of one pilot. `plots` says on which plot a device stands, and by itself
    knows the simulated ones; a device that it does not name measures for its whole community. `stood`: the
    real devices of a community's plot, and since when.
    """

    def __init__(
        self,
        store: Store,
        pilot: Pilot,
        plots: Callable[[], Mapping[str, str]] | None = None,
        stood: Callable[[str, str], Iterable[Enrolled]] = lambda *_: (),
    ) -> None:
        self._store = store
        self._pilot = pilot
        self._plots = plots or (lambda: pilot.plots)
        self._stood = stood

    def conditions(self, community: str, plot: str, start: int, stop: int) -> Conditions:
        where = {"pilot": self._pilot.pilot, "community": community}
        plots = self._plots()

        def elsewhere(place: Tags) -> bool:
            return plots.get(dict(place)["device"], plot) != plot

        rows = values = 0
        raw = hashlib.sha256()
        hours: dict[str, set[int]] = {}  # device → those of the time from start to stop that have a row
        simulated: set[str] = set()
        sensed: Sensed = {}
        midnight = midnight_of(day_of(start, self._pilot.zone), self._pilot.zone)
        for _, place, fields, time in self._newest_first(where, start, stop):
            if elsewhere(place):
                continue
            rows += 1
            tags = dict(place)
            device, day = tags["device"], (time - midnight) // DAY_MS
            if tags.get("simulated") == FLAG_TRUE:
                simulated.add(device)
            values += len(fields)
            hours.setdefault(device, set()).add((time - start) // HOUR_MS)
            ordered = sorted(fields.items())
            raw.update(
                f"{time} {device} {','.join([f'{name}={value!r}' for name, value in ordered])}\n".encode()
            )
            for name, value in ordered:
                if name in _SENSED and isinstance(value, float):
                    sensed.setdefault((name, day, device), array("d")).append(value)
        if not rows:  # nobody measured: nothing more to ask the store for
            return Conditions(start, stop, 0, 0, 0.0, 0.0, {}, 0, raw.hexdigest())
        doubted = all_points(self._store, "telemetry_flagged", where, start, stop)
        flagged = sum(
            int(point.fields["flag"]) >= Flag.SUSPECT
            for point in whole(doubted, "flag")
            if not elsewhere(point.tags)
        )
        slots = max(1, -(-(stop - start) // HOUR_MS))
        own = {device for _, _, device in sensed if device in plots}  # a pump alone senses nothing
        known = {signal for signal, _, device in sensed if device in own}
        sensed = {key: values for key, values in sensed.items() if key[2] in own or key[0] not in known}
        due = {
            one.device.device: range(
                max(0, one.enrolled - start) // HOUR_MS,
                slots if one.revoked is None else min(slots, max(0, one.revoked - start) // HOUR_MS),
            )
            for one in self._stood(community, plot)
            if _SENSED & set(MODELS[one.device.model].signals)
        }
        due = {device: there for device, there in due.items() if there}
        counted = own | due.keys() or hours.keys()
        return Conditions(
            start,
            stop,
            devices=len(hours),
            simulated=len(simulated),
            coverage=round(_coverage({one: hours.get(one, set()) for one in counted}, due, slots), 4),
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
            yield from all_points(self._store, "telemetry", where, since, stop)
            stop = since

    def _daily(self, sensed: Sensed, midnight: int) -> dict[str, list[list[str | float | int]]]:
        """Signal → one row a day of all devices' values; days are the pilot's, counted from `midnight`."""
        days: dict[tuple[str, int], list[Sequence[float]]] = {}  # (signal, day) → one entry a device
        for (signal, day, _), values in sensed.items():
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


def _coverage(hours: Mapping[str, set[int]], due: Mapping[str, range], slots: int) -> float:
    """Mean over the hours 0 … `slots` - 1 of the share of devices that reported: of those that reported then
    or were `due`, which is always where nothing is said of it.
    """
    asked: Counter[int] = Counter()
    heard: Counter[int] = Counter()
    for device, reported in hours.items():
        asked.update(reported.union(due.get(device, range(slots))))
        heard.update(reported)
    return sum(heard[hour] / asked[hour] for hour in heard) / slots
