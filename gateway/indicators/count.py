"""The three indicators, counted by the rules that stand in the pilot file.

`evaluate` is a function of what the store holds and of a moment: any past day can be counted again.
It lists who counted, so that an officer can defend the number. Real and simulated devices are also
counted apart: `value` is with both, `real` and `simulated` with one kind alone.
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS, day_of, midnight_of
from devices.contract.models import DIARY
from devices.contract.reading import Device
from devices.pilots.pilot import SHARE, Pilot
from gateway.indicators.course import asked
from gateway.stores.points import FLAG_TRUE, Point, tags, whole
from gateway.stores.store import Store, all_points

SHARE_OF_TIME = 0.01  # that asking for the coverage may take of a gateway that runs
TURN = 2.0  # seconds of asking for it after which the rest waits for the next time


@dataclass(frozen=True, slots=True)
class Count:
    """One indicator at one moment. `members` are the ids that counted; `missed` those that did not,
    with what they had of what they need ("2/3"); a village with the services that are silent.
    """

    indicator: str
    value: float
    real: float
    simulated: float
    target: float
    members: tuple[str, ...]
    missed: tuple[tuple[str, str], ...]

    @property
    def gap(self) -> float:
        """Value less target: below zero is what is still missing."""
        return self.value - self.target


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All indicators at epoch ms `at`, and the coverage of every device over the rule's window."""

    at: int
    counts: tuple[Count, ...]
    coverage: dict[str, float]


def harvested(store: Store, where: Mapping[str, str], start: int, stop: int) -> Iterator[Point]:
    """Points of `lot` in [start, stop) epoch ms that are a harvest, newest first: with its `quantity`, and
    whether it is `simulated`. What came out of a split or merge was harvested before, and has none; where a
    lot has left for another time there is nothing left of it.
    """
    points = whole(all_points(store, "lot", where, start, stop), "quantity", "simulated")
    return (point for point in points if float(point.fields["quantity"]) > 0)


class SealTimes:
    """When whose harvests were sealed, in [start, stop) epoch ms: asked for once, counted for many days."""

    def __init__(self, store: Store, pilot: Pilot, start: int, stop: int) -> None:
        self._times: dict[tuple[str, bool], list[int]] = {}  # community, was its diary simulated? → sorted
        for point in reversed([*harvested(store, {"pilot": pilot.pilot}, start, stop)]):
            key = dict(point.tags)["community"], bool(point.fields["simulated"])
            self._times.setdefault(key, []).append(point.time)

    def within(self, start: int, stop: int) -> dict[str, set[bool]]:
        """Communities with a lot in [start, stop), and the kinds of diary that those are of."""
        kinds: dict[str, set[bool]] = {}
        for (community, simulated), times in self._times.items():
            if bisect_left(times, start) < bisect_left(times, stop):
                kinds.setdefault(community, set()).add(simulated)
        return kinds


class Coverage:
    """How much of the rule's window each device covered. Windows that end on the days of a row share most of
    their days: each day is asked for once, and a window of whole days put together from them.
    """

    def __init__(self, store: Store, pilot: Pilot) -> None:
        rule = pilot.rules.iot_communities
        self._store = store
        self._where = {"pilot": pilot.pilot}
        self._window = rule.window_days * DAY_MS
        self._slot = rule.slot_minutes * MINUTE_MS
        self._slots = DAY_MS // self._slot  # of a day
        self._known: dict[str, float] | None = None
        self._at = 0  # epoch ms of which it is
        self._again = 0.0  # when it is asked for again, s, monotonic
        self._asking: int | None = None  # epoch ms of which it is being asked for
        self._left: list[int] = []  # days of it that are still to be asked for
        self._took = 0.0  # what it took so far, s
        # one more than a window: the day that joins must not push out one that is about to be asked for
        self._of_day = lru_cache(maxsize=rule.window_days + 1)(self._ask_day)

    def until(self, at: int) -> dict[str, float]:
        """Device → share of the slots of the window before epoch ms `at` that have a reading of it."""
        days, whole = self._days(at), self._window // self._slot
        if not days:
            return self._store.coverage(self._where, at - self._window, at, self._slot)
        filled: Counter[str] = Counter()
        for day in days:
            filled.update(self._of_day(day))
        return {device: slots / whole for device, slots in filled.items()}

    def once(self, at: int) -> dict[str, float]:
        """The same, for who counts this moment alone: where devices speak seldom, a window that is asked for
        at once costs InfluxDB half of what its days do, and where they speak often, more.
        """
        days = self._days(at)
        first = self._of_day(days[0]) if days else {}
        if 2 * sum(first.values()) < self._slots * len(first):
            return self._store.coverage(self._where, at - self._window, at, self._slot)
        return self.until(at)

    def lately(self, at: int) -> dict[str, float]:
        """The same, as it was asked for lately: a window of days hardly changes within a minute, and of ten
        thousand devices it takes a minute. What it takes is at most a SHARE_OF_TIME of the time, and of one
        call no more than a TURN and a day's answer, once there is an earlier window. Days that were answered
        stand when a later one is not: the next call goes on there. Raises RetryLater.
        """
        before = time.monotonic()
        known = self._known
        if known is None or before >= self._again or abs(at - self._at) >= self._slot:
            if self._asking is None or not 0 <= at - self._asking < self._slot:
                self._asking, self._left, self._took = at, [*self._days(at)], 0.0
                self._of_day.cache_clear()  # readings that come late count the next time
            try:
                while self._left:
                    self._of_day(self._left[0])
                    del self._left[0]
                    if self._left and known is not None and time.monotonic() - before > TURN:
                        return known
                known = self.until(self._asking)
            finally:
                self._took += time.monotonic() - before
            self._known, self._at, self._asking = known, self._asking, None
            self._again = time.monotonic() + self._took / SHARE_OF_TIME
        return known

    def in_place(self, devices: Iterable[Device], at: int) -> dict[str, float]:
        """The same of these devices, with readings of where they stand now alone. They are few: each place of
        theirs is asked for.
        """
        places: dict[str, list[str]] = {}
        for device in devices:
            places.setdefault(device.community, []).append(device.device)
        found = {}
        for place, names in places.items():
            where = self._where | {"community": place}
            shares = self._store.coverage(where, at - self._window, at, self._slot)
            found.update({name: shares.get(name, 0.0) for name in names})
        return found

    def begun(self, at: int) -> bool:
        """Whether there are readings of the first day of the window before epoch ms `at`."""
        return bool(self._of_day(at - self._window))

    def _days(self, at: int) -> range:
        """Where the days of the window before epoch ms `at` begin; none where they are not whole slots."""
        return range(0) if DAY_MS % self._slot else range(at - self._window, at, DAY_MS)

    def _ask_day(self, start: int) -> dict[str, int]:
        """Device → slots of the day from epoch ms `start` that have a reading of it."""
        shares = self._store.coverage(self._where, start, start + DAY_MS, self._slot)
        return {device: round(share * self._slots) for device, share in shares.items()}


def share_window(pilot: Pilot, day: date) -> int:
    """Epoch ms from which lots count on `day`."""
    return midnight_of(day - timedelta(days=pilot.rules.traceability_share.window_days), pilot.zone)


def coverage_window(pilot: Pilot, at: int) -> int:
    """Epoch ms from which a device's coverage is of at epoch ms `at`."""
    return at - pilot.rules.iot_communities.window_days * DAY_MS


def evaluate(
    store: Store,
    pilot: Pilot,
    devices: Iterable[Device],
    at: int,
    sealed: SealTimes | None = None,
    covered: Coverage | None = None,
    *,
    lately: bool = False,
    moved: Collection[str] = (),
) -> Evaluation:
    """Count the indicators at epoch ms `at`. `moved`: those of the devices that stood in another community
    within the window of coverage: what they sent from there counts for neither. `sealed` (of the share's
    window at least) and `covered` are for those who count many moments; `lately`: whose coverage may be of a
    moment ago. Raises RetryLater where the store does not answer.
    """
    known = {device.device: device for device in devices}
    day = day_of(at, pilot.zone)
    sealed = SealTimes(store, pilot, share_window(pilot, day), at) if sealed is None else sealed
    if covered is None:
        covered = Coverage(store, pilot)
        coverage = covered.once(at)
    else:
        coverage = covered.lately(at) if lately else covered.until(at)
    coverage = coverage | covered.in_place(
        [known[name] for name in moved if name in known and name in coverage], at
    )
    iot = _iot_communities(pilot, known, coverage, day)
    villages = _smart_villages(store, pilot, at, day)
    return Evaluation(at, (iot, villages, share(pilot, sealed, at)), coverage)


def share(pilot: Pilot, sealed: SealTimes, at: int) -> Count:
    """The share of traceability at epoch ms `at`; `sealed` of its window at least."""
    day = day_of(at, pilot.zone)
    return _traceability_share(pilot, sealed.within(share_window(pilot, day), at), day)


def points(pilot: Pilot, evaluation: Evaluation) -> list[Point]:
    """The evaluation as points of `kpi`."""
    day = day_of(evaluation.at, pilot.zone)
    return [
        Point(
            "kpi",
            tags(pilot=pilot.pilot, indicator=count.indicator),
            {
                "value": float(count.value),
                "target": float(count.target),
                "gap": float(count.gap),
                "value_real": float(count.real),
                "value_simulated": float(count.simulated),
                "path": asked(pilot.target(count.indicator), day),
            },
            evaluation.at,
        )
        for count in evaluation.counts
    ]


def roster(pilot: Pilot, at: int) -> list[Point]:
    """Communities and dated targets as data: a community without a reading appears nowhere otherwise."""
    day = day_of(at, pilot.zone)
    midnight = midnight_of(day, pilot.zone)
    result = [
        Point(
            "community",
            tags(pilot=pilot.pilot, community=community.id),
            {
                "name": community.name,
                "commune": pilot.commune(community, day),
                "kind": community.kind,
                "lat": community.lat,
                "lon": community.lon,
                "joined": community.joined.isoformat(),
                "products": ", ".join(product.name.vi for product in community.products) or "-",
                "fictional": community.fictional,
                "active": community.joined <= day,
            },
            midnight,
        )
        for community in pilot.communities
    ]
    for target in pilot.targets:
        for point in target.points:
            where = tags(pilot=pilot.pilot, indicator=target.indicator, year=str(point.year))
            due = midnight_of(date(point.year, 12, 31), pilot.zone)
            fields = {"value": float(point.at_least)}
            if point.up_to is not None:
                fields["up_to"] = float(point.up_to)
            result.append(Point("kpi_target", where, fields, due))
    return result


def _iot_communities(pilot: Pilot, known: dict[str, Device], coverage: dict[str, float], day: date) -> Count:
    rule = pilot.rules.iot_communities
    good: dict[str, list[bool]] = {}  # community → one entry a device that is good enough: is it simulated?
    for name, share in coverage.items():
        device = known.get(name)
        if device is not None and device.model != DIARY and share >= rule.min_coverage:
            good.setdefault(device.community, []).append(device.simulated)
    members, missed = [], []
    real = simulated = 0
    for community in pilot.communities:
        if community.joined > day:
            continue
        kinds = good.get(community.id, [])
        real += kinds.count(False) >= rule.min_devices
        simulated += kinds.count(True) >= rule.min_devices
        if len(kinds) >= rule.min_devices:
            members.append(community.id)
        else:
            missed.append((community.id, f"{len(kinds)}/{rule.min_devices}"))
    target = pilot.target("iot_communities").due(day).at_least
    return Count("iot_communities", len(members), real, simulated, target, tuple(members), tuple(missed))


def _smart_villages(store: Store, pilot: Pilot, at: int, day: date) -> Count:
    window = pilot.rules.smart_villages.window_hours * HOUR_MS
    services = {service.id: service.signals for service in pilot.services}
    members, missed = [], []
    real = simulated = 0
    for village in pilot.villages:
        if village.joined > day:
            continue
        wants = sorted({signal for service in village.services for signal in services[service]})
        # villages are few, and devices elsewhere many
        where = {"pilot": pilot.pilot, "community": village.id}
        has: dict[str, set[bool]] = {signal: set() for signal in wants}  # kinds of device that sent it
        for signal, series in store.summary("telemetry", wants, where, at - window, at, window, at).items():
            for one in series:
                labels = dict(one)
                if labels.get("model") != DIARY:
                    # somebody else's point may lack a tag: it is no simulated device's
                    has[signal].add(labels.get("simulated") == FLAG_TRUE)
        real += all(False in kinds for kinds in has.values())
        simulated += all(True in kinds for kinds in has.values())
        silent = [
            service for service in village.services if any(not has[signal] for signal in services[service])
        ]
        if silent:
            missed.append((village.id, ", ".join(silent)))
        else:
            members.append(village.id)
    target = pilot.target("smart_villages").due(day).at_least
    return Count("smart_villages", len(members), real, simulated, target, tuple(members), tuple(missed))


def _traceability_share(pilot: Pilot, kinds: dict[str, set[bool]], day: date) -> Count:
    organisations = pilot.organisations_of(day.year)
    everyone = organisations.hoi_quan + organisations.htx
    shares = [
        len(those) / everyone if everyone else 0.0
        for those in (
            kinds,
            [one for one, kept in kinds.items() if False in kept],
            [one for one, kept in kinds.items() if True in kept],
        )
    ]
    target = pilot.target(SHARE).due(day).at_least
    missed = [(one.id, "0/1") for one in pilot.communities if one.joined <= day and one.id not in kinds]
    return Count(SHARE, shares[0], shares[1], shares[2], target, tuple(sorted(kinds)), tuple(missed))
