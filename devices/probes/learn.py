"""What a device sends, and which of it is which signal: lists fields, proposes signals, writes a probe file.

    messages ─► fields (path, last number, unit if the message has it) ─► proposals within the device's model
             ─► a person says which is meant, and in which unit ─► Choice ─► the text of a probe file

A name is only a hint: nothing is used that nobody confirmed, and where makers use several units, the person
is asked for the unit. Numbers by which probes say "nothing is connected" are no values.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

import yaml

from devices.clock import YEAR_2020_MS
from devices.contract.models import MODELS
from devices.contract.payloads import MAX_EXACT
from devices.contract.signals import SIGNALS
from devices.probes.number import TwoWays, number_in
from devices.probes.path import Which, elements, find, parse, quoted, written
from devices.probes.probe import AMBIGUOUS, COUNTED, as_share, units_for
from devices.probes.units import UNITS, Unit, convert, ucum, unit_of

# Numbers that makers' decoders give when nothing is connected or measured: the ends of integers, the
# DS18B20's 85 °C at power-on and -127 °C without a sensor. A field takes another number from other messages
# if there is one.
SENTINELS = frozenset({
    85.0, -127.0, 127.0, 327.67, -327.68, 3276.7, -3276.8, 6553.5, 655.35, 65535.0, 65534.0, 32767.0,
    -32768.0, -999.0, -9999.0, 9999.0, 999.9, -273.15, -273.2,
})  # fmt: skip
USUAL = (85.0, -127.0, 327.67, 655.35, 3276.7, 6553.5, 65535.0, -999.0)  # the sentinels that a new file names
_MARKS = ("type", "label", "id", "measurementId", "name", "variable", "channel", "sensor", "kind")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|%|°")
# A file may leave out the unit of these; for an unknown maker it is asked: km/h and knots, inches.
_UNIT_ASKED = frozenset({"wind_speed", "rainfall", "rain_rate"})
_TIME = re.compile(r"\s*20\d\d-\d\d-\d\d[T ]\d\d:\d\d").match
_YEAR_2100_MS = 4_102_444_800_000
_MEDIA = ("air", "soil", "water", "leaf")
MOST = 100  # fields that are looked at, at most
LEAVES = 2000  # values of a message that are looked at, at most
LONGEST = 100  # characters of a path, at most: no real field has a longer name
# Words by signal, the surest first: a field whose name has all words of one entry may be meant. Only hints.
_HINTS: dict[str, tuple[str, ...]] = {
    "air_temperature": ("air temp", "ambient temp", "temp", "tempc", "t"),
    "relative_humidity": ("humidity", "hum", "humi", "rh", "h"),
    "air_pressure": ("air pres", "barom", "baro", "atmospheric pressure", "pressure", "press", "p"),
    "rainfall": ("rainfall", "rain", "precipitation", "precip"),
    "rain_rate": ("rain rate", "rain intensity", "intensity"),
    "wind_speed": ("wind speed", "windspeed", "wind"),
    "wind_direction": ("wind dir", "wind direction", "winddirection", "direction"),
    "solar_radiation": ("solar", "radiation", "irradiance", "tsr", "par"),
    "illuminance": ("lux", "illuminance", "illum", "light", "luminosity"),
    "leaf_wetness": ("leaf wet", "leaf moisture", "wetness"),
    "co2": ("co 2", "co2", "carbon"),
    "soil_moisture": ("soil moist", "vwc", "water soil", "soil humidity", "moisture", "humidity", "moist"),
    "soil_temperature": ("soil temp", "temp soil", "soil t", "temp", "temperature", "tempc"),
    "soil_ec": ("soil ec", "conduct soil", "conductivity", "conduct", "ec"),
    "soil_ph": ("soil ph", "ph"),
    "soil_nitrogen": ("nitrogen", "n"),
    "soil_phosphorus": ("phosphorus", "p"),
    "soil_potassium": ("potassium", "k"),
    "water_level": ("water level", "level", "depth", "distance", "water depth"),
    "water_temperature": ("water temp", "temp water", "temp", "temperature", "tempc"),
    "water_ph": ("water ph", "ph"),
    "water_ec": ("water ec", "conductivity", "conduct", "ec"),
    "salinity": ("salinity", "sal"),
    "turbidity": ("turbidity", "ntu", "turb"),
    "dissolved_oxygen": ("dissolved oxygen", "oxygen", "do"),
    "ammonia": ("ammonia", "nh 3", "nh3"),
    "pest_count": ("pest", "insect", "count"),
    "battery_voltage": ("bat v", "bat voltage", "battery voltage", "vbat", "volt", "vdd", "battery", "bat"),
    "battery_level": ("battery level", "battery percent", "battery", "bat", "batt"),
    "energy": ("energy", "kwh", "wh"),
    "water_volume": ("volume", "consumption", "water volume"),
    "pm2_5": ("pm 2 5", "pm 25", "pm2"),
    "pm10": ("pm 10",),
    "noise": ("noise", "sound", "laeq"),
    "rssi": ("rssi",),
}


class Field(NamedTuple):
    """A number in what a device sends: its path, its last value, its unit if the message tells it (else ""),
    and whether it was never anything but a sentinel.
    """

    path: str
    number: float
    unit: str
    sentinel: bool


class Choice(NamedTuple):
    """A person's choice for a signal: the field's path, its unit ("": the unit in the text), a counter's
    kind, and whether it is a distance down from the mounting height.
    """

    path: str
    unit: str = ""
    counter: str = ""
    down: bool = False


class Meant(NamedTuple):
    """A number taken as one unit: its value as it would be stored, and whether that is plausible."""

    unit: str
    value: float
    plausible: bool


def fields(messages: Sequence[Any]) -> list[Field]:
    """The numbers in the messages, in the order in which they stand."""
    known: dict[str, Field] = {}
    for message in messages:
        for path, raw in islice(_leaves(message, ""), LEAVES):
            number, unit = _number(raw)
            if number is None or not path or (path not in known and len(known) == MOST):
                continue  # a bare number has no path
            unit = unit or _beside(message, path)
            before = known.get(path)
            sentinel = number in SENTINELS and (before is None or before.sentinel)
            if before is not None and number in SENTINELS:
                number = before.number if not before.sentinel else number
            known[path] = Field(path, number, unit, sentinel)
    return list(known.values())


def time_in(message: Any) -> str | None:
    """The path of what looks like the time of a message; None if nothing does. A hint, no more. In a list,
    which is several messages to a file with a time, it finds none.
    """
    if isinstance(message, list):
        return None
    for path, raw in islice(_leaves(message, ""), LEAVES):
        since = raw if type(raw) is int else 0  # 1970, in seconds or ms
        if (isinstance(raw, str) and _TIME(raw)) or any(
            YEAR_2020_MS <= ms < _YEAR_2100_MS for ms in (since, since * 1000)
        ):
            return path or None
    return None


def signals_of(model: str) -> tuple[str, ...]:
    """The signals that a real device of that model may have."""
    return (*MODELS[model].signals, *MODELS[model].more)


def proposals(some: Sequence[Field], model: str) -> dict[str, Field]:
    """Signal → the field that may be meant: each field for one signal, the surest match first. Of equal ones
    the shorter name: more letters tell something apart (tempf and tempinf, humidity and humidityin).
    """
    scored: list[tuple[int, int, int, int, str, Field]] = []
    for place, field in enumerate(some):
        words = [word.lower() for word in _WORD.findall(field.path)]
        for order, signal in enumerate(signals_of(model)):
            rank = None if _elsewhere(words, signal) else _rank(words, signal)
            fits = not field.unit or _dimension(field.unit) == _dimension(SIGNALS[signal].unit)
            fits = fits and not (signal == "battery_level" and _volts(field))
            if (
                rank is not None
                and fits
                and not field.sentinel
                and any(one.plausible for one in meant(field, signal))
            ):
                scored.append((rank, len(field.path), place, order, signal, field))
    chosen: dict[str, Field] = {}
    for *_, signal, field in sorted(scored, key=lambda one: one[:4]):
        if signal not in chosen and field not in chosen.values():
            chosen[signal] = field
    return {signal: chosen[signal] for signal in signals_of(model) if signal in chosen}


def meant(field: Field, signal: str) -> list[Meant]:
    """What the field's number would be, by unit: its own if that is known, else each possible one."""
    row = SIGNALS[signal]
    wanted = UNITS[row.unit]
    units = [field.unit] if field.unit else units_for(signal)
    values = []
    for unit in units:
        value = convert(field.number, UNITS[unit], wanted)
        plausible = row.low <= value <= row.high and not as_share(signal, value)
        values.append(Meant(unit, value, signal in COUNTED or plausible))
    return values


def asks_unit(field: Field, signal: str) -> bool:
    """Whether a person has to name the unit."""
    return not field.unit and (signal in AMBIGUOUS or signal in _UNIT_ASKED)


def text_of(probe: str, maker: str, choices: Mapping[str, Choice]) -> str:
    """The text of a probe file."""
    readings: dict[str, dict[str, Any]] = {}
    for signal, choice in choices.items():
        reading: dict[str, Any] = {"from": choice.path}
        if choice.unit:
            reading["unit"] = choice.unit
        if choice.down:
            reading |= {"times": -1, "plus": "height"}
        if choice.counter:
            reading["counter"] = choice.counter
        impossible = [one for one in USUAL if _impossible(one, signal, choice)]
        if impossible:
            reading["not"] = impossible
        readings[signal] = reading
    head = yaml.safe_dump({"id": probe, "maker": maker}, sort_keys=False, allow_unicode=True)
    rows = [f"  {signal}: {_flow(reading)}\n" for signal, reading in readings.items()]
    return head + "readings:\n" + "".join(rows)


def _flow(data: Any) -> str:
    return yaml.safe_dump(
        data, default_flow_style=True, sort_keys=False, allow_unicode=True, width=1000
    ).strip()


def _impossible(number: float, signal: str, choice: Choice) -> bool:
    """Whether a sentinel cannot be a value of the signal in that unit, or hardly."""
    row = SIGNALS[signal]
    unit = unit_of(choice.unit or row.unit)
    if signal in COUNTED or choice.down or unit is None:
        return False
    return not row.low <= convert(number, unit, UNITS[row.unit]) <= row.high


def _volts(field: Field) -> bool:
    """Whether a battery's number is rather volts than per cent: in a cell's range, or with a fraction."""
    number = field.number
    return not field.unit and (1.5 <= number <= 5 or (number < 30 and not number.is_integer()))


def _rank(words: Sequence[str], signal: str) -> int | None:
    for rank, hint in enumerate(_HINTS.get(signal, ())):
        if all(
            any(word == part or (len(part) > 2 and word.startswith(part)) for word in words)
            for part in hint.split()
        ):
            return rank
    return None


def _elsewhere(words: Sequence[str], signal: str) -> bool:
    """Whether a name says another quantity: soilT is no temperature of the air, and rainrate no rain."""
    if signal == "rainfall" and any("rate" in word or "intensity" in word for word in words):
        return True
    medium = signal.partition("_")[0]
    mine = medium if medium in _MEDIA else "air" if signal in ("co2", "relative_humidity") else ""
    media = {one for one in _MEDIA if one in words}
    if {"water", "soil"} <= media:  # the water in the soil
        media.discard("water")
    return bool(mine and media) and mine not in media


def _leaves(data: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Each path that leads to one value, and the value."""
    if len(path) > LONGEST:
        return
    if isinstance(data, dict):
        for name, value in data.items():
            yield from _leaves(value, f"{path}.{quoted(name)}" if path else quoted(name))
    elif isinstance(data, list):
        marks = _marks(data)
        for place, one in enumerate(data):
            mark = _mark(marks, one)
            yield from _leaves(one, f"{path}[{mark}]" if mark else f"{path}[{place}]")
    else:
        yield path, data


def _marks(some: list[Any]) -> Counter[tuple[str, str]]:
    """How often each mark occurs in a list and in the lists in it, where a path looks, too."""
    objects = [one for one in elements(some) if isinstance(one, dict)]
    return Counter((name, written(one[name])) for one in objects for name in _MARKS if name in one)


def _mark(marks: Counter[tuple[str, str]], one: Any) -> str:
    """The condition that tells an element of a list from the others, whatever their order, or ""."""
    if not isinstance(one, dict):
        return ""
    for name in _MARKS:
        value = one.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and marks[name, written(value)] == 1:
            return f"{quoted(name)}={quoted(written(value))}"
    return ""


def _number(raw: Any) -> tuple[float | None, str]:
    if isinstance(raw, bool) or raw is None:
        return None, ""
    if isinstance(raw, int | float):
        return (float(raw), "") if abs(raw) <= MAX_EXACT else (None, "")
    with suppress(TwoWays):
        if isinstance(raw, str) and (spelt := number_in(raw)) is not None:
            number, unit = spelt
            return (number, ucum(unit)) if not unit or unit_of(unit) else (None, "")
    return None, ""


def _beside(message: Any, path: str) -> str:
    """The unit that the message has beside a value."""
    steps = parse(path)
    if len(steps) < 2 or isinstance(steps[-1], Which):
        return ""
    around = find(message, steps[:-1])
    word = around.get("unit", around.get("Unit")) if isinstance(around, dict) else None
    return ucum(word) if isinstance(word, str) and unit_of(word) is not None else ""


def _dimension(text: str) -> str:
    unit: Unit | None = unit_of(text)
    return unit.dimension if unit is not None else ""
