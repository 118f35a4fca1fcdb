"""What each rule finds in the store: a number for each place, device or gateway. Times are epoch ms."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from math import fsum

from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS
from devices.contract.reading import Device
from devices.pilots.pilot import Pilot
from gateway.control.alarms.rules import BOOKS_MS, LOOK_BACK_MS, SLOT_MS, Query, Rule
from gateway.control.alarms.states import Key, Number
from gateway.stores.points import FLAG_FALSE, FLAG_TRUE, Tags
from gateway.stores.store import Bucket, Latest, Store, all_points

COUNTED_MS = 25 * HOUR_MS  # how far back a device's minutes of silence are read
COURSE_MS = 2 * DAY_MS  # how far back an indicator is read
FEW = 200  # places that are queried one by one; a week of all of ten thousand devices takes InfluxDB 15 s
ACCOUNTED = ("stored", "duplicate", "quarantined", "spooled")
Worst = tuple[int, float, float]  # hour, lowest and highest reading in it
_NONE: dict[str, Worst] = {}
Gauges = tuple[str, str, str]  # signal, place, and FLAG_FALSE for real gauges or FLAG_TRUE for simulated ones


class Numbers:
    """Reads the rules' numbers from a store, as seldom as it can.

        each minute  the last two hours of all gauges
        each hour    the past week of the gauges that are silent, and the clerk's rows of each device
        each day     which gauges sent within the week: 4 s of InfluxDB for ten thousand devices

    A gauge that empties its buffer appears with its next current reading.
    """

    def __init__(self, store: Store, pilot: Pilot, rules: Iterable[Rule]) -> None:
        self._store = store
        self._pilot = pilot
        self._rules = list(rules)
        self._where = {"pilot": pilot.pilot}
        self._signals = list(dict.fromkeys(rule.gauge.signal for rule in self._rules if rule.gauge))
        self._hours_of: dict[Gauges, dict[str, Worst]] = {}  # the newest hour that has readings, by device
        self._rows: dict[Key, int] = {}  # on how many days the device had a row
        self._shares: dict[Key, float] = {}  # its newest coverage
        self._minutes: dict[Key, float] = {}  # how long it has been silent, in minutes
        # devices that may send now → FLAG_TRUE for simulated ones; None: unknown, so all count
        self._speaking: dict[Key, str] | None = None
        # epoch ms of the last daily, hourly and minutely read
        self._whole = self._hourly = self._read = 0

    def look(self, at: int, speaking: Iterable[Device] | None = None) -> dict[str, dict[Key, Number]]:
        """Return what each rule finds at `at`. Only devices in `speaking`, which may send now, count; if it
        is None, all in the store count. Raises RetryLater.
        """
        self._speaking = None if speaking is None else {
            Key(one.community, one.device): FLAG_TRUE if one.simulated else FLAG_FALSE for one in speaking
        }  # fmt: skip
        # read all after a pause of an hour, or when the clock was put back: hours in its future must be
        # forgotten
        whole = not (0 <= at - self._whole < DAY_MS and 0 <= at - self._read < HOUR_MS)
        hourly = whole or not 0 <= at - self._hourly < HOUR_MS
        self._hours(at, hourly=hourly, whole=whole)
        self._written(at, whole=hourly)
        self._read = at
        self._hourly, self._whole = at if hourly else self._hourly, at if whole else self._whole
        lookups: dict[Query, Callable[[int], dict[Key, Number]]] = {
            "silent": self._silent, "coverage": self._coverage, "books": self._books,
            "gateway": self._writing, "quarantine": self._quarantine, "spool": self._spool,
        }  # fmt: skip
        shared = {name: ask(at) for name, ask in lookups.items()}
        course = self._course(at)
        numbers = {}
        for rule in self._rules:
            if rule.gauge is not None:
                numbers[rule.id] = self._levels(rule, at)
            elif rule.query == "course":
                numbers[rule.id] = {Key(): course[rule.quantity]} if rule.quantity in course else {}
            else:
                # the rule `store`: the store has answered
                numbers[rule.id] = shared.get(rule.query, {Key(): Number(0)})
        return numbers

    def _levels(self, rule: Rule, at: int) -> dict[Key, Number]:
        numbers = {}
        gauge = rule.gauge
        assert gauge is not None
        running = at // HOUR_MS * HOUR_MS
        for place in rule.places:
            for flag in (FLAG_FALSE, FLAG_TRUE):  # where real ones measure, simulated ones do not count
                recent = [
                    one
                    for one in self._hours_of.get((gauge.signal, place, flag), _NONE).items()
                    if one[1][0] > at - LOOK_BACK_MS - HOUR_MS
                ]
                hours = [worst for device, worst in recent if self._speaks(Key(place, device), flag)]
                if recent:
                    numbers[Key(place)] = Number(None)
                if hours:
                    over = gauge.when == "over"
                    value, hour = max((high if over else -low, hour) for hour, low, high in hours)
                    now = int(hour == running)
                    numbers[Key(place)] = Number(value if over else -value, now, flag == FLAG_TRUE)
                    break
        return numbers

    def _speaks(self, one: Key, flag: str = "") -> bool:
        """Return whether a device may send now, and with a `flag` whether it is real or simulated as that
        says. A revoked device says nothing about its place any more.
        """
        if self._speaking is None:
            return True
        own_flag = self._speaking.get(one)
        return own_flag is not None and flag in ("", own_flag)

    def _simulated(self, one: Key) -> bool:
        """Return whether a device that may send now is simulated."""
        return self._speaking is not None and self._speaking.get(one) == FLAG_TRUE

    def _hours(self, at: int, *, hourly: bool, whole: bool) -> None:
        if not self._signals:
            return
        hour = at // HOUR_MS * HOUR_MS
        newest = self._read_hours(self._where, hour - HOUR_MS, at, {})
        if hourly:
            week = hour - LOOK_BACK_MS
            silent = self._silent_places(hour, at) if whole else self._fallen_silent(newest, hour)
            if len(silent) > FEW:
                newest = self._read_hours(self._where, week, at, {})
            else:
                for place in silent:
                    self._read_hours(self._where | {"community": place}, week, at, newest)
        if whole:
            self._hours_of = {}
        for gauges, hours in newest.items():
            self._hours_of.setdefault(gauges, {}).update(hours)

    def _read_hours(
        self, where: Mapping[str, str], start: int, at: int, newest: dict[Gauges, dict[str, Worst]]
    ) -> dict[Gauges, dict[str, Worst]]:
        """Add the newest hour of each gauge's device from epoch ms `start` to `at`."""
        only = ["low", "high"]
        summary = self._store.summary("telemetry", self._signals, where, start, at + 1, HOUR_MS, only=only)
        _add(newest, summary)
        return newest

    def _silent_places(self, hour: int, at: int) -> set[str]:
        """Return the places with a gauge that sent within the week but not from the hour before epoch ms
        `hour` to `at`, or whose newest reading is later than `at` by its clock, which hides what it sent
        before.
        """
        newest = self._store.latest("telemetry", self._where, hour - LOOK_BACK_MS, only=self._signals)
        return {
            place
            for of in newest
            if not all(hour - HOUR_MS <= time <= at for time, _ in of.fields.values())
            if (place := of.tags.get("community"))
        }

    def _fallen_silent(self, newest: Mapping[Gauges, Mapping[str, Worst]], hour: int) -> set[str]:
        """Return the places of known gauges that sent within the week and are not in `newest`."""
        return {
            gauges[1]
            for gauges, hours in self._hours_of.items()
            for device, (spoke, _, _) in hours.items()
            if spoke >= hour - LOOK_BACK_MS and device not in newest.get(gauges, _NONE)
            if gauges[1]
        }

    def _written(self, at: int, *, whole: bool) -> None:
        """Read what the clerk wrote about each device."""
        window = self._pilot.rules.iot_communities.window_days
        if whole:
            # a day has one row, and reading the rows costs InfluxDB a tenth of what a sum over them does
            start, rows, newest = at - (window + 2) * DAY_MS, Counter[Key](), dict[Key, float]()
            for point in all_points(self._store, "device", self._where, start, at + 1, only=["coverage"]):
                key = _device(dict(point.tags))
                rows[key] += 1
                newest.setdefault(key, float(point.fields["coverage"]))
            self._rows, self._shares = rows, newest
        self._minutes = {}
        shares: dict[Key, float] = {}
        for point in all_points(
            self._store, "device", self._where, at - COUNTED_MS, at + 1, only=["silent_minutes", "coverage"]
        ):
            key = _device(dict(point.tags))
            if "silent_minutes" in point.fields:
                self._minutes.setdefault(key, float(point.fields["silent_minutes"]))
            if "coverage" in point.fields:
                shares.setdefault(key, float(point.fields["coverage"]))
        self._shares |= shares

    def _silent(self, _: int) -> dict[Key, Number]:
        return {
            key: Number(minutes / 60 if self._speaks(key) else None, simulated=self._simulated(key))
            for key, minutes in self._minutes.items()
        }

    def _coverage(self, _: int) -> dict[Key, Number]:
        """The mean over the devices of a place that had a row on more days than the window is long."""
        window = self._pilot.rules.iot_communities.window_days
        shares: dict[Key, list[float]] = {}
        kinds: dict[Key, set[bool]] = {}  # whether the devices of a place are simulated
        for key, share in self._shares.items():
            if self._rows.get(key, 0) > window:
                some = shares.setdefault(Key(key.place), [])
                if self._speaks(key):
                    some.append(share)
                    kinds.setdefault(Key(key.place), set()).add(self._simulated(key))
        return {
            place: Number(100 * fsum(some) / len(some), simulated=_alike(kinds[place]))
            if some
            else Number(None)
            for place, some in shares.items()
        }

    def _books(self, at: int) -> dict[Key, Number]:
        numbers = {}
        for of in self._store.latest("gateway", {}, at - BOOKS_MS):
            whole, *parts = (_number(of, name) for name in ("received", *ACCOUNTED))
            if whole is not None and None not in parts:
                numbers[_gateway(of.tags)] = Number(whole - sum(part or 0 for part in parts))
        return numbers

    def _writing(self, at: int) -> dict[Key, Number]:
        since = at // SLOT_MS * SLOT_MS - SLOT_MS
        day = self._store.summary("gateway", ["received"], {}, at - DAY_MS, at + 1, SLOT_MS)
        return {
            _gateway(dict(tags)): Number(sum(bucket.number for bucket in buckets if bucket.time >= since))
            for tags, buckets in day.get("received", {}).items()
        }

    def _spool(self, at: int) -> dict[Key, Number]:
        return {
            _gateway(of.tags): Number(lag / MINUTE_MS)
            for of in self._store.latest("gateway", {}, at - BOOKS_MS)
            if (lag := _number(of, "lag_ms")) is not None
        }

    def _quarantine(self, at: int) -> dict[Key, Number]:
        """Messages added to the quarantine within the hour; a fall, as messages are tried again, adds 0."""
        previous: dict[Key, float] = {}
        added: dict[Key, float] = {}
        for point in reversed([*all_points(self._store, "gateway", {}, at - HOUR_MS, at + 1)]):
            key, number = _gateway(dict(point.tags)), point.fields.get("quarantined")
            if isinstance(number, int | float):
                added[key] = added.get(key, 0) + max(0, number - previous.get(key, number))
                previous[key] = number
        return {key: Number(number) for key, number in added.items()}

    def _course(self, at: int) -> dict[str, Number]:
        """By indicator: its value less what its path requires, as pages show both."""
        return {
            of.tags.get("indicator", ""): Number(course)
            for of in self._store.latest("kpi", self._where, at - COURSE_MS)
            if (course := _number(of, "course")) is not None
        }


def _add(newest: dict[Gauges, dict[str, Worst]], summary: Mapping[str, Mapping[Tags, list[Bucket]]]) -> None:
    """Keep the newest hour of each gauge's device."""
    for signal, series in summary.items():
        for tags, buckets in series.items():
            of = dict(tags)
            gauges = signal, of.get("community", ""), of.get("simulated", FLAG_FALSE)
            hours, device = newest.setdefault(gauges, {}), of.get("device", "")
            for bucket in buckets:
                worst = hours.get(device)
                if worst is None or bucket.time > worst[0]:
                    hours[device] = bucket.time, bucket.low, bucket.high
                elif bucket.time == worst[0]:
                    hours[device] = worst[0], min(worst[1], bucket.low), max(worst[2], bucket.high)


def _alike(kinds: Collection[bool]) -> bool | None:
    """Return the one of `kinds` if there is one alone, else None."""
    return next(iter(kinds)) if len(kinds) == 1 else None


def _device(tags: Mapping[str, str]) -> Key:
    return Key(tags.get("community", ""), tags.get("device", ""))


def _gateway(tags: Mapping[str, str]) -> Key:
    return Key(tags.get("instance", ""))


def _number(of: Latest, field: str) -> float | None:
    """Return the newest value of a field as a number, if it is one."""
    _, value = of.fields.get(field, (0, ""))
    return float(value) if isinstance(value, int | float) else None
