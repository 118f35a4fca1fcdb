"""Counts the three indicators by the rules of the pilot file.

`evaluate` depends only on the store's content and a moment, so any past day can be counted again. It lists
who counted, so that an officer can defend the number. Real and simulated devices are also counted apart:
`value` counts both, `real` and `simulated` one kind each.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from devices.clock import DAY_MS, HOUR_MS, day_of, midnight_of
from devices.contract.models import DIARY
from devices.contract.reading import Device
from devices.pilots.pilot import SHARE, Pilot
from gateway.indicators.course import ahead, required
from gateway.indicators.coverage import Coverage
from gateway.stores.points import FLAG_TRUE, Point, tags, whole
from gateway.stores.store import Store, all_points


@dataclass(frozen=True, slots=True)
class Count:
    """One indicator at one moment. `members` are the ids that counted. `missed` are the others, each with
    what it has of what it needs ("2/3"); a village with its silent services.
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
        """Value less target; below zero is the shortfall."""
        return self.value - self.target


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All indicators at epoch ms `at`, and the coverage of every device over the rule's window. Unless it
    has `begun`, a count is 0 perhaps only because nothing was measured yet. Who counts many moments asks
    `Coverage.begun` first.
    """

    at: int
    counts: tuple[Count, ...]
    coverage: dict[str, float]
    begun: bool = True


def harvested(store: Store, where: Mapping[str, str], start: int, stop: int) -> Iterator[Point]:
    """Yield the points of `lot` in [start, stop) epoch ms that are a harvest, newest first.

    They have `quantity` and `simulated`. Left out are lots from a split or merge, which have no `quantity`
    because their harvest has it, and slots that a lot left for another time: their `quantity` is 0.
    """
    points = whole(all_points(store, "lot", where, start, stop), "quantity", "simulated")
    return (point for point in points if float(point.fields["quantity"]) > 0)


class SealTimes:
    """The times of sealed harvests in [start, stop) epoch ms, read once and used for many days."""

    def __init__(self, store: Store, pilot: Pilot, start: int, stop: int) -> None:
        self._times: dict[tuple[str, bool], list[int]] = {}  # (community, simulated diary?) → sorted times
        for point in reversed([*harvested(store, {"pilot": pilot.pilot}, start, stop)]):
            key = dict(point.tags)["community"], bool(point.fields["simulated"])
            self._times.setdefault(key, []).append(point.time)

    def within(self, start: int, stop: int) -> dict[str, set[bool]]:
        """Communities with a harvest in [start, stop) → whether simulated diaries wrote it: one or both."""
        kinds: dict[str, set[bool]] = {}
        for (community, simulated), times in self._times.items():
            if bisect_left(times, start) < bisect_left(times, stop):
                kinds.setdefault(community, set()).add(simulated)
        return kinds


def share_window(pilot: Pilot, day: date) -> int:
    """Epoch ms from which lots count on `day`."""
    return midnight_of(day - timedelta(days=pilot.rules.traceability_share.window_days), pilot.zone)


def coverage_window(pilot: Pilot, at: int) -> int:
    """The beginning, in epoch ms, of the coverage window that ends at epoch ms `at`."""
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
    """Count the indicators at epoch ms `at`. `moved` are the devices that stood in another community within
    the coverage window: what they sent from there counts for neither community. Callers that count many
    moments pass `sealed` (covering at least the share's window) and `covered`; with `lately` the coverage may
    be slightly old. Raises RetryLater if the store does not answer.
    """
    by_name = {device.device: device for device in devices}
    day = day_of(at, pilot.zone)
    sealed = SealTimes(store, pilot, share_window(pilot, day), at) if sealed is None else sealed
    begun = True
    if covered is None:
        covered = Coverage(store, pilot)
        coverage, begun = covered.once(at), covered.begun(at)
    else:
        coverage = covered.lately(at) if lately else covered.until(at)
    coverage = coverage | covered.in_place(
        [by_name[name] for name in moved if name in by_name and name in coverage], at
    )
    iot = _iot_communities(pilot, by_name, coverage, day)
    villages = _smart_villages(store, pilot, at, day)
    return Evaluation(at, (iot, villages, share(pilot, sealed, at)), coverage, begun)


def share(pilot: Pilot, sealed: SealTimes, at: int) -> Count:
    """Count the traceability share at epoch ms `at`; `sealed` covers at least its window."""
    day = day_of(at, pilot.zone)
    return _traceability_share(pilot, sealed.within(share_window(pilot, day), at), day)


def points(pilot: Pilot, evaluation: Evaluation) -> list[Point]:
    """Return the evaluation as points of `kpi`."""
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
                "path": path,
                "course": ahead(count.indicator, count.value, path),
            },
            evaluation.at,
        )
        for count in evaluation.counts
        for path in (required(pilot.target(count.indicator), day_of(evaluation.at, pilot.zone)),)
    ]


def roster(pilot: Pilot, at: int) -> list[Point]:
    """Return communities and dated targets as points, so that a community without readings is shown too."""
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


def _iot_communities(pilot: Pilot, fleet: dict[str, Device], coverage: dict[str, float], day: date) -> Count:
    rule = pilot.rules.iot_communities
    good: dict[str, list[bool]] = {}  # community → whether simulated, for each device with enough coverage
    for name, share in coverage.items():
        device = fleet.get(name)
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
        # filter by village: villages are few, devices elsewhere many
        where = {"pilot": pilot.pilot, "community": village.id}
        has: dict[str, set[bool]] = {signal: set() for signal in wants}  # whether its senders are simulated
        heard = store.summary("telemetry", wants, where, at - window, at, window, at, only=())
        for signal, series in heard.items():
            for one in series:
                labels = dict(one)
                if labels.get("model") != DIARY:
                    # a point written by somebody else may lack the tag; it then counts as real
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
