"""Where a pilot is and what grows there: communities with plots and products, villages with services."""

from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from devices.contract.models import MODELS
from devices.contract.signals import SIGNALS
from devices.contract.topics import Id
from devices.pilots.calendar import Crop
from devices.pilots.names import Names
from devices.pilots.written import Written
from devices.texts import Misuse, rounded, spelt

PLOTS = 8  # assumption: plots of a place; a larger fleet shares them, as each is years of physics in memory
FIRST, LAST = date(2000, 1, 1), date(2100, 1, 1)  # assumption: no day in a file lies outside


def _believable(day: date) -> date:
    if not FIRST <= day < LAST:
        raise Misuse("pilot.day", first=str(FIRST), last=str(LAST))
    return day


Day = Annotated[date, AfterValidator(_believable)]


class Place(Written):
    """A place on the map: old commune and district, the commune since July 2025, a point ±5 km.
    `behind_sluices`: the sluices of a project keep the sea's salt from its canals.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]  # room for a model and a number in device ids
    name: str
    commune_old: str
    commune_new: str | None = None
    lat: float = Field(ge=8, le=24)
    lon: float = Field(ge=102, le=110)
    joined: Day
    fictional: bool = False
    behind_sluices: bool = False
    source: str | None = None
    assumption: str | None = None
    fleet: dict[str, Annotated[int, Field(ge=0, le=1000)]] = Field({})

    @field_validator("fleet")
    @classmethod
    def _models(cls, fleet: dict[str, int]) -> dict[str, int]:
        for model in fleet:
            if model not in MODELS:
                raise Misuse("pilot.no_model", model=model, there=", ".join(sorted(MODELS)))
        return fleet

    @property
    def commune_assumed(self) -> bool:
        """Whether the new commune is to be confirmed: `assumption` names it among what is assumed."""
        return self.commune_new is not None and "commune" in (self.assumption or "")


class Product(Written):
    """What a community sells under a GTIN. `yield_kg_ha`: the most that a hectare gives in a season of
    `season_days`, all harvests together (assumption where a file does not say: one crop a year). `calendar`:
    when the product is grown, and what its crops give in a rehearsal.
    """

    crop: Id
    name: Names
    gtin: Annotated[str, Field(pattern=r"^\d{14}$")]
    yield_kg_ha: float = Field(gt=0)
    season_days: int = Field(default=365, ge=1, le=366)
    calendar: tuple[Crop, ...] = Field(min_length=1)
    assumption: str

    @model_validator(mode="before")
    @classmethod
    def _calendar(cls, written: Any) -> Any:
        if isinstance(written, dict) and "every_days" in written:
            raise Misuse("pilot.every_days")
        return written

    @model_validator(mode="after")
    def _within(self) -> "Product":
        most = sum(crop.times * crop.kg_ha[1] for crop in self.calendar)
        most = most if self.season_days >= 365 else max(crop.kg_ha[1] for crop in self.calendar)
        if most > self.yield_kg_ha:
            raise Misuse("pilot.too_much", most=spelt(rounded(most, 4)), cap=spelt(self.yield_kg_ha))
        return self

    @property
    def every_days(self) -> int:
        """The fewest days between two harvests; a harvest grew for at least so long."""
        return min(crop.nearest for crop in self.calendar)


class Plot(Written):
    """A field of a community, as its diary names it."""

    id: Id
    area_ha: float = Field(gt=0)


class Community(Place):
    """A hội quán of the pilot. Without `plots` it has plot-1 to plot-8, which share its area."""

    kind: Literal["hoi-quan", "htx"] = "hoi-quan"
    products: tuple[Product, ...] = ()
    area_ha: float = Field(default=1.0, gt=0)
    plots: tuple[Plot, ...] = ()

    @model_validator(mode="after")
    def _measured(self) -> "Community":
        ids = [plot.id for plot in self.plots]
        for plot in ids:
            if ids.count(plot) > 1:
                raise Misuse("pilot.twice", where=f"communities.{self.id}.plots", id=plot)
        total = sum(plot.area_ha for plot in self.plots)
        if total > self.area_ha * (1 + 1e-9):
            raise Misuse(
                "pilot.too_wide", id=self.id, total=spelt(rounded(total, 4)), area=spelt(self.area_ha)
            )
        return self

    @cached_property
    def hectares(self) -> dict[str, float]:
        """Plot → the most hectares that it can have; the community has no other plot."""
        if self.plots:
            return {plot.id: plot.area_ha for plot in self.plots}
        return {f"plot-{number}": self.area_ha for number in range(1, PLOTS + 1)}

    def product(self, gtin: str) -> Product | None:
        """The product that the community sells under a GTIN."""
        return next((product for product in self.products if product.gtin == gtin), None)


class Village(Place):
    """A smart village. The devices that carry a service's signals report the service."""

    services: tuple[str, ...] = Field(min_length=1)


class Service(Written):
    """A service that a village offers; it reports once all of `signals` arrived."""

    id: Id
    name: Names
    signals: tuple[str, ...] = Field(min_length=1)

    @field_validator("signals")
    @classmethod
    def _known(cls, signals: tuple[str, ...]) -> tuple[str, ...]:
        for signal in signals:
            if signal not in SIGNALS:
                raise Misuse("pilot.no_signal", signal=signal)
        return signals
