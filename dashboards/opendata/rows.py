"""The rows of the open data, as OpenAPI describes them. Units are UCUM; "1" is a count or a ratio."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import get_args

from pydantic import BaseModel, ConfigDict, Field


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Refused(_Row):
    """A refusal; `detail` says why."""

    detail: str


class Missed(_Row):
    """A place that does not count towards the target; `has` says what it has of what it needs."""

    id: str
    has: str


class ForecastRow(_Row):
    """The forecast for the end of `year`: its median, and the range from low to high that holds 80 % of
    the outcomes.
    """

    year: int
    value: float
    low: float
    high: float


class IndicatorRow(_Row):
    """One target. `path` is what is required when the day of `time` is over: the straight line between the
    dated targets, rounded down for a count.
    """

    indicator: str
    unit: str
    value: float
    value_real: float
    value_simulated: float
    target: float
    target_over: bool = Field(description="true if the value has to be over the target, not only reach it")
    target_up_to: float | None = Field(
        description="upper end of a target that is a range; null if it is none"
    )
    target_year: int
    gap: float = Field(description="value less target; below zero is the shortfall")
    path: float
    time: datetime
    counted: list[str]
    missed: list[Missed]
    forecast: list[ForecastRow]


class CommunityRow(_Row):
    """A group or village. `lat` and `lon` are WGS 84, good to `accuracy_km` kilometres."""

    id: str
    kind: str
    name: str
    commune_old: str
    commune_new: str | None
    commune_assumed: bool = Field(description="true if the new commune is an assumption, to be confirmed")
    lat: float
    lon: float
    unit: str = Field(description="unit of lat and lon")
    accuracy_km: float
    joined: date
    fictional: bool
    products: list[str]


class SeriesRow(_Row):
    """One step of one device's signal: lowest, mean and highest of `number` believed values.

    A direction (`wind_direction`) has no lowest and no highest, and its mean is that of its vectors.
    """

    time: datetime
    device: str
    community: str
    simulated: bool
    signal: str
    unit: str
    low: float | None = Field(description="lowest value; null for a direction")
    mean: float | None = Field(description="mean; for a direction, of its vectors: null if they cancel out")
    high: float | None = Field(description="highest value; null for a direction")
    number: int


class Quantity(_Row):
    value: float
    unit: str


class LotRow(_Row):
    """A harvest, without the code of its lot; with the code on a label, its record can be looked up."""

    community: str
    gtin: str
    time: datetime
    quantity: Quantity
    coverage: float | None = Field(
        description="how well readings cover its growing time, 0 to 1; null if it was not sealed"
    )
    unit: str = Field(description="unit of coverage")
    sealed: bool
    simulated: bool = Field(description="true if the diary is simulated: nothing was harvested")
    recalled: bool = Field(description="true if the lot was recalled: nobody is to eat or sell it")


class Value(_Row):
    value: float
    unit: str
    time: datetime


class Doubted(Value):
    reason: str


class DeviceRow(_Row):
    """A device heard within the last day, with its newest values; `flagged` has those not believed."""

    device: str
    community: str
    model: str
    simulated: bool
    last_seen: datetime
    values: dict[str, Value]
    flagged: dict[str, Doubted]


class Licence(_Row):
    id: str
    name: str
    url: str


class Page(_Row):
    """Which rows this page has: `total` is the number of all rows, `next` the address of the next page."""

    limit: int
    offset: int
    total: int
    next: str | None


class _Answer(_Row):
    licence: Licence
    attribution: str
    time: datetime
    rehearsal: str | None = Field(
        None, description="name of the scenario that was played, of which nothing happened; null if none was"
    )
    page: Page


class Indicators(_Answer):
    rows: list[IndicatorRow]


class Communities(_Answer):
    rows: list[CommunityRow]


class Series(_Answer):
    rows: list[SeriesRow]


class Lots(_Answer):
    rows: list[LotRow]


class Devices(_Answer):
    rows: list[DeviceRow]


def columns(model: type[BaseModel], parts: Mapping[str, Iterable[str]] = MappingProxyType({})) -> list[str]:
    """The columns of a row as CSV: its fields, and those of a nested row as `part.field`. `parts` gives the
    keys of each field that is a dictionary.
    """
    names: list[str] = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if name in parts:
            (_, held) = get_args(kind)
            names += [f"{name}.{part}.{one}" for part in parts[name] for one in columns(held)]
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            names += [f"{name}.{one}" for one in columns(kind)]
        else:
            names.append(name)
    return names
