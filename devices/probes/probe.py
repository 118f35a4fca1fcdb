"""A probe: how one kind of a maker's device words what we call signals. Facts only, in YAML; no code.

    id: acme-lse01                         # ids are a-z, 0-9 and -
    maker: Acme
    models: [lse01]                        # as The Things Network's device repository names them
    profiles: ["LSE01"]                    # as ChirpStack's device profile may be called
    readings:
      soil_moisture: {from: water_SOIL, unit: "%"}
      water_level:   {from: distance, unit: mm, times: -1, plus: height}
      rainfall:      {from: dayRain, counter: daily}
    example:                               # invented numbers in the maker's form, and what they mean
      - says: {water_SOIL: "31.20"}
        means: {soil_moisture: 31.2}

`from`: a path (path.py), or several, of which the first that has a number counts; `join: sum` adds all of
them up (tariffs of a meter), `join: mean` takes their mean. `unit`: the unit of the maker's number, or
`{from: path}` if it stands beside the number; a unit in the text itself ("0.25dS/m") wins over both. The
number is then multiplied by `times`, and `plus` is added: a number in the signal's unit, or the name of a
value of the place that enrolment sets. `not`: numbers, words, true or false that mean "not measured";
`between: [low, high]`: so do all outside. `clamp: [low, high]`: a number outside becomes that end (an index
that a dry leaf brings below 0). `below_zero`: what to add to a negative number that a decoder gets wrong by
one step. `counter`: `total` counts since ever, `daily` since midnight.

`time`, beside `readings`: the path to when a message of the device's own topic was measured, or {from: path,
zone: "+07:00"} if the text there has no zone. A list is then a message an element. Without it a message is
stamped on arrival; a network server's message has its server's time.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from devices.contract.signals import SIGNALS
from devices.contract.topics import Id
from devices.probes.path import Path, PathError, parse
from devices.probes.units import Unit, spellings, unit_of
from devices.texts import Mendable

# A number of these says nothing without its unit: makers use two or more units (see the units' page).
AMBIGUOUS = frozenset({
    "soil_ec", "water_ec", "water_level", "water_volume", "air_pressure", "energy", "battery_voltage",
    "battery_level", *(name for name in SIGNALS if name.startswith("soil_moisture")),
})  # fmt: skip
VOLUMES = "m3/m3"  # a share in which only the contents of the ground are measured
MOISTURES = frozenset(name for name in SIGNALS if name.startswith("soil_moisture"))
COUNTED = frozenset({"rainfall", "pest_count"})  # ours are since the last reading: a total becomes that
AtPath = BeforeValidator(lambda value: {"from": value} if isinstance(value, str) else value)
PlaceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Number = Annotated[float, Field(allow_inf_nan=False)]
Listed = BeforeValidator(lambda value: value if isinstance(value, list) else [value])  # one stands for a list


class ProbeFault(Mendable, ValueError):
    """A field of a probe file cannot be as it is; the sentence says why, and what to do."""


class Written(BaseModel):
    """A part of such a file: it refuses unknown keys, and does not change later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class UnitBeside(Written):
    """A unit that stands in the message: `path` leads to its text."""

    path: str = Field(alias="from")

    @field_validator("path")
    @classmethod
    def _path(cls, text: str) -> str:
        parsed(text)
        return text


class Clock(Written):
    """Where a message says when it was measured: RFC 3339, or seconds or milliseconds since 1970. `zone` is
    that of a text that has none.
    """

    path: str = Field(alias="from")
    zone: Annotated[str, Field(pattern=r"^(Z|[+-]\d\d:\d\d)$")] | None = None

    @field_validator("path")
    @classmethod
    def _path(cls, text: str) -> str:
        parsed(text)
        return text


class Wording(Written):
    """How one signal is worded. See the module."""

    at: Annotated[list[str], Listed, Field(alias="from", min_length=1)]
    unit: str | UnitBeside | None = None
    times: Number = 1.0
    plus: Number | PlaceName = 0.0
    no: Annotated[list[Number | str | bool], Listed] = Field(default=[], alias="not")
    counter: Literal["total", "daily"] | None = None
    join: Literal["sum", "mean"] | None = None
    between: Annotated[list[Number], Field(min_length=2, max_length=2)] | None = None
    clamp: Annotated[list[Number], Field(min_length=2, max_length=2)] | None = None
    below_zero: Number = 0.0

    @field_validator("at")
    @classmethod
    def _paths(cls, some: list[str]) -> list[str]:
        for text in some:
            parsed(text)
        return some

    @field_validator("between", "clamp")
    @classmethod
    def _ends(cls, ends: list[float] | None) -> list[float] | None:
        if ends is not None and ends[0] > ends[1]:  # else no number would be read, or always one end
            raise ProbeFault("probe.value", why=f"{ends[0]:g} > {ends[1]:g}")
        return ends

    @field_validator("unit")
    @classmethod
    def _known(cls, unit: str | UnitBeside | None) -> str | UnitBeside | None:
        if isinstance(unit, str) and unit_of(unit) is None:
            raise ProbeFault("probe.no_unit", unit=unit)
        return unit


class Example(Written):
    """What a device may send, and what that means in our signals and units; for a counter, its total."""

    says: Any
    means: dict[str, float]


class Probe(Written):
    """One kind of device of a maker. See the module."""

    id: Id
    maker: str
    models: list[str] = []
    profiles: list[str] = []
    note: str = ""
    time: Annotated[Clock | None, AtPath] = None
    readings: dict[str, Wording] = Field(min_length=1)
    example: list[Example] = []

    @field_validator("readings")
    @classmethod
    def _signals(cls, readings: dict[str, Wording]) -> dict[str, Wording]:
        for name, wording in readings.items():
            _check_wording(name, wording)
        return readings

    @model_validator(mode="after")
    def _shown(self) -> "Probe":
        for place, one in enumerate(self.example):
            for name in one.means:
                if name not in self.readings:
                    raise ProbeFault("probe.example_other", signal=name, at=("example", place, "means"))
        return self

    @property
    def place_values(self) -> tuple[str, ...]:
        """The names of the values that enrolment has to set: height, …"""
        return tuple(dict.fromkeys(one.plus for one in self.readings.values() if isinstance(one.plus, str)))


def _check_wording(name: str, wording: Wording) -> None:
    """Raise ProbeFault if `wording` cannot be the wording of the signal `name`."""
    signal = SIGNALS.get(name)
    if signal is None:
        raise ProbeFault("probe.no_signal", signal=name)
    if wording.unit is None and name in AMBIGUOUS:
        raise ProbeFault("probe.needs_unit", signal=name, units=", ".join(units_for(name)))
    if isinstance(wording.unit, str) and _unit(wording.unit).dimension != _unit(signal.unit).dimension:
        units = ", ".join(units_for(name))
        raise ProbeFault("probe.other_unit", signal=name, unit=wording.unit, units=units)
    if wording.counter is not None and name not in COUNTED:
        raise ProbeFault("probe.no_counter", signal=name, counted=", ".join(sorted(COUNTED)))
    if wording.times == 0:
        raise ProbeFault("probe.times", signal=name)


def as_share(signal: str, value: float) -> bool:
    """Whether a moisture in per cent is rather a share of 1: soil is hardly ever as dry as that."""
    return signal in MOISTURES and 0 < value < 1


def units_for(signal: str) -> list[str]:
    """The UCUM names of the units that a signal may be given in."""
    names = spellings(_unit(SIGNALS[signal].unit).dimension)
    return [name for name in names if name != VOLUMES or signal in MOISTURES]


def _unit(text: str) -> Unit:
    unit = unit_of(text)
    if unit is None:
        raise ProbeFault("probe.no_unit", unit=text)
    return unit


def parsed(text: str) -> Path:
    """Parse a path. Raises ProbeFault."""
    try:
        return parse(text)
    except PathError as error:
        raise ProbeFault("probe.bad_path", why=error) from None
