"""Reads what the pages, the report and the open data show from the store.

Everything is plain data: the templates of the pages and the API only write it down.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS, day_of, midnight_of, moment_of, now_ms
from devices.contract.models import DIARY
from devices.contract.quality import Flag
from devices.contract.reading import Device
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import INDICATORS, SHARE, Pilot, TargetPoint
from devices.pilots.scenario import Scenario
from gateway.indicators.count import Evaluation
from gateway.indicators.course import Forecast, forecasts, required
from gateway.stores.points import FLAG_TRUE, READINGS, Point, Tags, whole
from gateway.stores.store import Latest, Store, all_points

BOOKS = ("received", "stored", "duplicate", "quarantined", "spooled")  # the first is the sum of the others
TREND_DAYS = 30
ALARM = {"state", "level", "severe", "since", "looked", "text", "text_en"}  # the fields that every alarm has
WATCHED_MS = 5 * MINUTE_MS  # age of the watch's last look at most; it looks each minute
ACCURACY_KM = 5.0  # assumption: of every place's point in a pilot file
GEOJSON = "application/geo+json"


class Lots(Protocol):
    """Gives the newest lots, harvests or recalls, at most `limit`, of one community where it is named."""

    def __call__(self, limit: int, community: str = "", /) -> list[dict[str, object]]: ...


def nobody_s(_: int, __: str = "", /) -> list[dict[str, object]]:
    """No lots, for a pilot where nobody keeps a diary."""
    return []


@dataclass(frozen=True, slots=True)
class Indicator:
    """One target: `value` and `targets` in the indicator's own unit (a count, or a share 0 to 1).

    `trend` is (epoch ms, value), oldest first; `at` is the moment of `value`, epoch ms.
    """

    id: str
    value: float
    real: float
    simulated: float
    at: int
    due: TargetPoint
    targets: tuple[TargetPoint, ...]
    trend: tuple[tuple[int, float], ...]
    required: float  # what the line between the dated targets asks for when the day of `at` is over
    forecasts: tuple[Forecast, ...]

    @property
    def gap(self) -> float:
        return self.value - self.due.at_least

    @property
    def reached(self) -> bool:
        """Whether the value reaches the target that is due, or exceeds it where the target is “over”."""
        return self.gap > 0 or (self.gap == 0 and not self.due.strictly_over)

    @property
    def share(self) -> bool:
        return self.id == SHARE


@dataclass(frozen=True, slots=True)
class DeviceNow:
    """The newest values of a device: signal → (epoch ms, value). `flagged` has the doubted ones and why."""

    device: str
    community: str
    model: str
    simulated: bool
    seen: int
    values: dict[str, tuple[int, float]]
    flagged: dict[str, tuple[int, float, str]]


class Written(NamedTuple):
    """A number that a gateway wrote about itself; `time` is epoch ms."""

    time: int
    value: int


class AlarmNow(NamedTuple):
    """An alarm that the gateway's watch found at its last look.

    `place` is "" where a gateway or the whole pilot is in alarm. `since` is epoch ms; `vi` and `en` say what
    is in alarm and by how much; `simulated` says whether its devices are, None where only some are,
    or where it is of none.
    """

    place: str
    quantity: str
    level: str
    severe: bool
    since: int
    vi: str
    en: str
    simulated: bool | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The places that count for one indicator, and those that miss it: id → what it has of what it needs."""

    members: dict[str, str]
    missed: dict[str, str]


def balanced(books: Mapping[str, int]) -> bool:
    """Whether every message that was received is accounted for."""
    received, *accounted = (books.get(name, 0) for name in BOOKS)
    return received == sum(accounted)


class Figures:
    """Reads the store for people.

    `lots` gives the newest lots, `recalls` the newest recalls, `harvests` the newest harvests (by default,
    all lots are harvests), `evaluated` who counts at a moment, `roster` the devices that may speak (by
    default, the pilot's own fleet). `played` is the scenario of a rehearsal; then `now` gives its last
    moment, trends cover its `trend_days`, and `rehearsal` is its name. `registry_url` says where data is kept
    that has to outlive this process; None: nowhere.
    """

    def __init__(
        self,
        store: Store,
        pilot: Pilot,
        lots: Lots,
        evaluated: Callable[[int], Evaluation],
        now: Callable[[], int] | None = None,
        played: Scenario | None = None,
        trend_days: int = TREND_DAYS,
        roster: Callable[[], Iterable[Device]] | None = None,
        registry_url: str | Path | None = None,
        recalls: Lots = nobody_s,
        harvests: Lots | None = None,
    ) -> None:
        self.store = store
        self.pilot = pilot
        self.lots = lots
        self.recalls = recalls
        self.harvests = harvests or lots
        self._evaluated = evaluated
        self.now = now or now_ms
        self.played = played
        self.rehearsal = None if played is None else played.name
        self.trend_days = trend_days
        self.roster = roster or pilot.fleet.values
        self.registry_url = registry_url

    def indicators(self, now: int, since: int | None = None) -> list[Indicator]:
        """The indicators computed from `since` on (by default, within the trend's days), up to `now`."""
        where = {"pilot": self.pilot.pilot}
        since = now - self.trend_days * DAY_MS if since is None else since
        rows = [*whole(all_points(self.store, "kpi", where, since, now + 1), "value")]
        result = []
        for name in INDICATORS:
            mine = [point for point in rows if dict(point.tags)["indicator"] == name]
            if not mine:
                continue
            newest = next(whole(mine, "value_real", "value_simulated"), mine[0])
            target = self.pilot.target(name)
            day = day_of(newest.time, self.pilot.zone)  # a value is compared with what was due then
            result.append(
                Indicator(
                    name,
                    float(newest.fields["value"]),
                    float(newest.fields.get("value_real", 0.0)),
                    float(newest.fields.get("value_simulated", 0.0)),
                    newest.time,
                    target.due(day),
                    target.points,
                    tuple((point.time, float(point.fields["value"])) for point in reversed(mine)),
                    required(target, day),
                    tuple(forecasts(self.pilot, name, float(newest.fields["value"]), day)),
                )
            )
        return result

    def devices(self, now: int, **where: str) -> list[DeviceNow]:
        """Devices heard within a day: real ones first; of each kind, the last heard first."""
        return self.heard(now, DAY_MS, **where)

    def heard(self, now: int, back: int, **where: str) -> list[DeviceNow]:
        """Devices heard within `back` ms, in the same order."""
        wanted, since = {"pilot": self.pilot.pilot, **where}, now - back
        return gathered(*(self.store.latest(name, wanted, since) for name in READINGS))

    def alarms(self, now: int, **where: str) -> list[AlarmNow]:
        """The alarms that fire now, the highest level first; none where no gateway watches."""
        wanted = {"pilot": self.pilot.pilot, **where}
        rows = all_points(self.store, "alarm_now", wanted, now - WATCHED_MS - HOUR_MS, now + HOUR_MS)
        newest: dict[Tags, Point] = {}  # of each alarm; one that is just being written lacks fields
        for row in whole(rows, *ALARM):
            newest.setdefault(row.tags, row)
        firing = []
        for row in newest.values():
            tags, fields = dict(row.tags), row.fields
            if fields["state"] == "firing" and int(fields["looked"]) >= now - WATCHED_MS:
                firing.append(
                    AlarmNow(
                        tags.get("community", ""), tags["quantity"], str(fields["level"]),
                        bool(fields["severe"]), int(fields["since"]), str(fields["text"]),
                        str(fields["text_en"]),
                        True if fields.get("simulated") else False if fields.get("real") else None,
                    )
                )  # fmt: skip
        return sorted(firing, key=lambda one: (-len(one.level), not one.severe, one.place, one.quantity))

    def gateways(self, now: int) -> dict[str, dict[str, Written]]:
        """Gateway → the newest value of each field of `gateway`, for each that wrote within a day."""
        return {
            latest.tags.get("instance", ""): {
                name: Written(at, int(value)) for name, (at, value) in latest.fields.items()
            }
            for latest in sorted(
                self.store.latest("gateway", {}, now - DAY_MS),
                key=lambda latest: latest.tags.get("instance", ""),
            )
        }

    def books(self, now: int) -> dict[str, int]:
        """The newest books of all gateways, added up; empty where no gateway wrote any within a day."""
        gateways = self.gateways(now).values()
        if not gateways:
            return {}
        return {name: sum(one[name].value for one in gateways if name in one) for name in BOOKS}

    def evaluation(self, now: int) -> Evaluation:
        """Who counts at this moment, and who just misses. Counting again takes its time."""
        return self._evaluated(now)

    def standing(self, now: int, indicators: Iterable[Indicator] | None = None) -> dict[str, Standing]:
        """Indicator → who of the pilot's places counts, as the clerk stored it with the newest of the
        `indicators` (read here where not given); counted again where he has stored none.
        """
        newest = max(
            (one.at for one in (self.indicators(now) if indicators is None else indicators)), default=now
        )
        midnight = midnight_of(day_of(newest, self.pilot.zone), self.pilot.zone)
        where = {"pilot": self.pilot.pilot}
        written = all_points(self.store, "standing", where, midnight, now + 1)
        standings: dict[str, Standing] = {}
        last = 0
        for point in whole(written, "counted", "has"):
            last = last or point.time
            if point.time < last:  # a point of an earlier count
                break
            labels = dict(point.tags)
            one = standings.setdefault(labels["indicator"], Standing({}, {}))
            kept = one.members if point.fields["counted"] else one.missed
            kept[labels["community"]] = str(point.fields["has"])
        if standings:
            return standings
        return {
            count.indicator: Standing(dict.fromkeys(count.members, ""), dict(count.missed))
            for count in self.evaluation(now).counts
        }


def gathered(believed: Iterable[Latest], doubted: Iterable[Latest]) -> list[DeviceNow]:
    """The devices of these rows of the two measurements in READINGS, in the order of `sensors`."""
    believed, doubted = ([one for one in some if "device" in one.tags] for some in (believed, doubted))
    by_id: dict[str, DeviceNow] = {}
    for latest in believed:
        _device(by_id, latest).values.update(
            {name: (at, float(value)) for name, (at, value) in latest.fields.items() if name in SIGNALS}
        )
    for latest in doubted:
        # a leap that turned out to be a step is believed in the end: its flag is no longer SUSPECT
        _, flag = latest.fields.get("flag", (0, 0))  # no flag yet: the point is just being written
        if "value" in latest.fields and int(flag) >= Flag.SUSPECT:
            at, value = latest.fields["value"]
            signal, reason = latest.tags["signal"], latest.tags["reason"]
            flagged = _device(by_id, latest).flagged
            flagged[signal] = max(flagged.get(signal, (at, float(value), reason)), (at, float(value), reason))
    return sensors(by_id)


def sensors(by_id: dict[str, DeviceNow]) -> list[DeviceNow]:
    """The devices in the order of display, without those that keep a diary."""
    return sorted((one for one in by_id.values() if one.model != DIARY), key=_order)


def _order(device: DeviceNow) -> tuple[bool, int, str]:
    """Sort key: real devices first; of each kind, the last heard first."""
    return device.simulated, -device.seen, device.device


def _device(by_id: dict[str, DeviceNow], latest: Latest) -> DeviceNow:
    tags = latest.tags
    seen = max(at for at, _ in latest.fields.values())
    known = by_id.get(tags["device"])
    if known is None or known.seen < seen:
        values, flagged = (known.values, known.flagged) if known else ({}, {})
        known = DeviceNow(
            tags["device"],
            tags.get("community", ""),  # a point of another program may lack a tag
            tags.get("model", ""),
            tags.get("simulated") == FLAG_TRUE,
            seen,
            values,
            flagged,
        )
        by_id[tags["device"]] = known
    return known


def point(lon: float, lat: float) -> dict[str, Any]:
    """A point of WGS 84 (degrees) as GeoJSON, RFC 7946."""
    return {"type": "Point", "coordinates": [lon, lat]}


def iso(ms: int) -> str:
    """RFC 3339 in UTC."""
    return moment_of(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def device_json(device: DeviceNow) -> dict[str, Any]:
    """A device as the open data gives it; every value with its unit and time."""
    return {
        "device": device.device,
        "community": device.community,
        "model": device.model,
        "simulated": device.simulated,
        "last_seen": iso(device.seen),
        "values": {
            name: {"value": value, "unit": SIGNALS[name].unit, "time": iso(at)}
            for name, (at, value) in sorted(device.values.items())
        },
        "flagged": {
            name: {"value": value, "unit": SIGNALS[name].unit, "time": iso(at), "reason": reason}
            for name, (at, value, reason) in sorted(device.flagged.items())
        },
    }
