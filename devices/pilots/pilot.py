"""A pilot file: one province's targets, places, fleets and rules. A new province is a new file.

`load` reads `devices/pilots/{name}.yaml` (or a path) and raises PilotError with file, field, cause
and mend. Everything an officer could be asked to defend carries `source` or `assumption`.
"""

import hashlib
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator, model_validator

from devices.contract.models import DIARY, MODELS
from devices.contract.reading import Device
from devices.contract.signals import SIGNALS
from devices.contract.topics import Id
from devices.pilots import written
from devices.pilots.adopters import Adopters
from devices.pilots.advice import Advising
from devices.pilots.alarms import Alarms
from devices.pilots.certificates import Records
from devices.pilots.names import Names
from devices.pilots.places import PLOTS, Community, Place, Product, Service, Village
from devices.pilots.reporting import ReportDay, ReportForm, Review
from devices.pilots.written import Defended, Written
from devices.texts import Misuse, spelt

HERE = Path(__file__).parent
PROBES_A_PLOT = 2  # assumption: two simulated probes stand in one plot, as neighbours
Indicator = Literal["iot_communities", "smart_villages", "traceability_share"]
INDICATORS: tuple[Indicator, ...] = get_args(Indicator)
SHARE: Indicator = "traceability_share"  # the one that is a share and no count


class PilotError(Misuse):
    """The pilot file cannot be used; the sentence names file, field, cause and mend."""


class TargetPoint(Written):
    """What is to be reached by the end of `year`: a count, or a share between 0 and 1."""

    year: int
    at_least: float
    up_to: float | None = None
    strictly_over: bool = False


class Target(Defended):
    """The dated targets of one indicator. `assumption`: which of them the plan does not name."""

    indicator: Indicator
    points: tuple[TargetPoint, ...] = Field(min_length=1)

    @field_validator("points")
    @classmethod
    def _in_order(cls, points: tuple[TargetPoint, ...]) -> tuple[TargetPoint, ...]:
        return tuple(sorted(points, key=lambda point: point.year))

    def due(self, day: date) -> TargetPoint:
        """The point that is in force on `day`: the first whose year has not ended, else the last."""
        return next((point for point in self.points if day.year <= point.year), self.points[-1])


class IotRule(Written):
    """A community counts if `min_devices` devices have at least `min_coverage` over `window_days`."""

    min_devices: int = Field(ge=1)
    min_coverage: float = Field(gt=0, le=1)
    window_days: int = Field(ge=1, le=366)
    slot_minutes: int = Field(ge=1, le=1440)


class VillageRule(Written):
    """A village counts if every required service reported within the last `window_hours`."""

    window_hours: int = Field(ge=1, le=8784)


class ShareRule(Written):
    """An organisation counts if it sealed a lot within the last `window_days`."""

    window_days: int = Field(ge=1, le=3660)


class Rules(Written):
    """How each indicator is computed."""

    iot_communities: IotRule
    smart_villages: VillageRule
    traceability_share: ShareRule


class Organisations(Written):
    """How many hội quán and cooperatives (HTX) there were in a year: the share's denominator."""

    year: int
    hoi_quan: int = Field(ge=0)
    htx: int = Field(ge=0)
    source: str | None = None
    assumption: str | None = None


class Limit(Written):
    """What is believed of a signal in this pilot, or of one `device` alone, instead of the signal table's
    limits. `rate`: the largest change a minute, in the signal's unit; `flat_hours` without a change are
    suspect.
    """

    signal: str
    device: Id | None = None
    low: float | None = None
    high: float | None = None
    rate: Annotated[float, Field(gt=0)] | None = None
    flat_hours: Annotated[float, Field(gt=0)] | None = None
    source: str | None = None
    assumption: str | None = None

    @model_validator(mode="after")
    def _known(self) -> "Limit":
        if self.signal not in SIGNALS:
            raise Misuse("pilot.no_signal", signal=self.signal)
        signal = SIGNALS[self.signal]
        low = signal.low if self.low is None else self.low
        high = signal.high if self.high is None else self.high
        if low >= high:
            raise Misuse("pilot.low_high", low=spelt(low), high=spelt(high))
        return self


class Pilot(Written):
    """A whole pilot file."""

    pilot: Id
    name: Names
    time_zone: str
    merged: date | None = Field(
        None, description="the day from which communes are `commune_new`; before it nobody knew those names"
    )
    reports: tuple[ReportDay, ...]
    reviews: tuple[Review, ...] = ()
    report_form: ReportForm
    targets: tuple[Target, ...]
    rules: Rules
    organisations: tuple[Organisations, ...] = Field(min_length=1)
    services: tuple[Service, ...] = Field(min_length=1)
    communities: tuple[Community, ...]
    villages: tuple[Village, ...]
    adopters: Adopters | None = None
    checks: tuple[Limit, ...] = ()
    records: Records = Records()
    alarms: Alarms | None = None
    advice: Advising = Advising()

    @model_validator(mode="after")
    def _consistent(self) -> "Pilot":
        if self.time_zone not in available_timezones():
            raise Misuse("pilot.no_zone", zone=self.time_zone)
        for indicator in INDICATORS:
            if not any(target.indicator == indicator for target in self.targets):
                raise Misuse("pilot.no_target", indicator=indicator)
        ids = [place.id for place in self.places]
        for place in ids:
            if ids.count(place) > 1:
                raise Misuse("pilot.twice", where="communities, villages", id=place)
        gtins: set[str] = set()
        invented = {one.id for one in _invented(self)}
        for community in self.communities:
            if community.id in invented:
                raise Misuse("pilot.adopter_s_id", id=community.id)
            for product in community.products:
                if product.gtin in gtins:
                    raise Misuse("pilot.gtin_twice", id=community.id, gtin=product.gtin)
                gtins.add(product.gtin)
                if product.gtin[-1] != gtin_check_digit(product.gtin[:-1]):
                    digit = gtin_check_digit(product.gtin[:-1])
                    raise Misuse("pilot.gtin_digit", id=community.id, gtin=product.gtin, digit=digit)
        self.records.check({c.id: {product.crop for product in c.products} for c in self.communities})
        known = {service.id for service in self.services}
        for village in self.villages:
            if unknown := set(village.services) - known:
                raise Misuse(
                    "pilot.no_service", id=village.id, unknown=", ".join(sorted(unknown)),
                    there=", ".join(sorted(known)),
                )  # fmt: skip
        return self

    @model_validator(mode="after")
    def _alarmed(self) -> "Pilot":
        if self.alarms is not None:
            self.alarms.require([place.id for place in self.places])
        for rule in self.advice.rules:
            grown = [one.id for one in self.communities if {p.crop for p in one.products} & set(rule.crops)]
            for when in rule.when:
                for place in grown if when.level is not None else ():
                    levels = None if self.alarms is None else self.alarms.of(when.signal, place)
                    if levels is None or when.level not in dict(levels.named()):
                        raise Misuse(
                            "pilot.no_level", rule=rule.id, place=place, level=when.level, signal=when.signal
                        )
        return self

    @model_validator(mode="after")
    def _automatic(self) -> "Pilot":
        for name in self.advice.automatic.communities:
            if all(community.id != name for community in self.communities):
                raise Misuse("pilot.automatic_nowhere", id=name)
        return self

    def changed(self, **fields: object) -> "Pilot":
        """The same pilot with other values of these fields. It is built and checked anew: a copy would keep
        what was derived from the old ones. Raises pydantic's ValidationError.
        """
        return Pilot.model_validate({name: getattr(self, name) for name in Pilot.model_fields} | fields)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def communes(self, place: Place, day: date) -> list[str]:
        """The names of a place's commune on a day: the old one, then the new one if there was one by then."""
        new = place.commune_new if self.merged is None or day >= self.merged else None
        return [place.commune_old, *([new] if new else [])]

    def commune(self, place: Place, day: date) -> str:
        """The name of a place's commune on a day. Once communes are merged, a place whose new commune is not
        known has the old name without its district, marked as old ("cũ") as people say it.
        """
        *_, name = self.communes(place, day)
        if self.merged is None or day < self.merged or place.commune_new is not None:
            return name
        return f"{name.partition(', ')[0]} (cũ)"

    @property
    def places(self) -> tuple[Place, ...]:
        """Communities and villages: a topic's {community} is one of either."""
        return (*self.communities, *self.villages)

    @cached_property
    def place(self) -> dict[str, Place]:
        return {place.id: place for place in self.places}

    @cached_property
    def producers(self) -> dict[str, Community]:
        """All who may seal lots, by id: the communities, and the invented organisations."""
        return {c.id: c for c in (*self.communities, *_invented(self))}

    def product_of(self, gtin: str) -> Product | None:
        """The product that is sold under a GTIN."""
        sold = (grower.product(gtin) for grower in self.producers.values())
        return next((product for product in sold if product is not None), None)

    def target(self, indicator: str) -> Target:
        return next(target for target in self.targets if target.indicator == indicator)

    def organisations_of(self, year: int) -> Organisations:
        """The count of `year`, else of the nearest earlier year, else of the first year."""
        rows = sorted(self.organisations, key=lambda row: row.year)
        return next((row for row in reversed(rows) if row.year <= year), rows[0])

    @cached_property
    def fleet(self) -> dict[str, Device]:
        """Every simulated device of the file, by id: `{place}-{model}-{nn}`."""
        return {
            device.device: device
            for place in (*self.producers.values(), *self.villages)
            for model, count in {**place.fleet, DIARY: isinstance(place, Community)}.items()
            for device in (
                Device(
                    self.pilot, place.id, f"{place.id}-{model}-{number:02}", model, simulated=True,
                    plot=f"plot-{plot_of(number)}" if MODELS[model].on_plot else None,
                )
                for number in range(1, count + 1)
            )
        }  # fmt: skip

    @cached_property
    def fleet_mark(self) -> str:
        """SHA-256 of the fleet's ids: another fleet has another mark."""
        return hashlib.sha256("\n".join(self.fleet).encode()).hexdigest()


def plot_of(number: int) -> int:
    """The number of the plot on which a place's simulated node with this number stands."""
    return (number - 1) // PROBES_A_PLOT % PLOTS + 1


def _invented(pilot: Pilot) -> list[Community]:
    adopters = pilot.adopters
    if adopters is None or not pilot.communities:
        return []
    where = pilot.communities[0]
    communities = []
    for kind, count in (("hoi-quan", adopters.hoi_quan), ("htx", adopters.htx)):
        for number in range(1, count + 1):
            body = f"0200{1 if kind == 'htx' else 2}{number:08}"
            product = Product(
                crop=adopters.crop,
                name=adopters.name,
                gtin=body + gtin_check_digit(body),
                yield_kg_ha=adopters.yield_kg_ha,
                calendar=adopters.calendar,
                assumption=adopters.assumption,
            )
            communities.append(
                Community(
                    id=f"{kind}-{number:03}",
                    name=f"{number:03} (giả định)",
                    commune_old=pilot.name.vi,
                    lat=where.lat,
                    lon=where.lon,
                    joined=date(2020, 1, 1),
                    fictional=True,
                    assumption=adopters.assumption,
                    kind="htx" if kind == "htx" else "hoi-quan",
                    products=(product,),
                )
            )
    return communities


def gtin_check_digit(body: str) -> str:
    """The last digit of a GTIN whose other 13 digits are `body` (GS1 General Specifications 7.9)."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(body))
    return str(-total % 10)


def load(name: str) -> Pilot:
    """The pilot called `name` (a file of devices/pilots, or a path). Raises PilotError."""
    try:
        return written.read(name, HERE, Pilot)
    except written.FileError as error:
        raise PilotError(error.key, **error.values) from None
