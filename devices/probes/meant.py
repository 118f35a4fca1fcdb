"""Guesses what was meant by something that the contract refuses: the name, value, unit or field that fits.

Each guess is tried with the gateway's own decoder; a guess that it would refuse is not offered.
"""

import json
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from devices.clock import AHEAD_MS, HOUR_MS, YEAR_2020_MS
from devices.contract import payloads
from devices.contract.payloads import FIELDS, SECONDS, PayloadError
from devices.contract.signals import SIGNALS, SWITCHES, Signal
from devices.probes.learn import SENTINELS
from devices.probes.number import TwoWays, number_in
from devices.probes.probe import as_share
from devices.probes.units import UNITS, convert
from devices.texts import spelt, with_unit

FILLER = {"values": {"rssi": -80}}  # a good message, to try one other field in
# Makers' names for the fields of a message. Other names of signals are not guessed: `battery` is per cent for
# most makers and volts for many, `p` is pressure or phosphorus. A probe file says which, and in which unit.
ALIASES = {
    "timestamp": "ts", "time": "ts", "sequence": "seq", "counter": "seq", "fcnt": "seq", "data": "values",
    "measurements": "values", "readings": "values", "boot_id": "boot",
}  # fmt: skip
# signal's unit → what makers send instead: its name for people, and its unit (units.py), or a factor if it is
# no unit: a device's own whole numbers, a sign that was left out.
_OTHER_UNITS: dict[str, tuple[tuple[str, str | float], ...]] = {
    "Cel": (("K", "K"), ("°F", "[degF]"), ("1/10 °C", 0.1)),
    "hPa": (("Pa", "Pa"), ("kPa", "kPa")),
    "%": (("0…1", "1"), ("‰", "[ppth]")),
    "V": (("mV", "mV"),),
    "m": (("mm", "mm"), ("cm", "cm")),
    "dS/m": (("µS/cm", "uS/cm"),),
    "g/L": (("mg/L", "mg/L"),),
    "[pH]": (("1/100 pH", 0.01), ("1/10 pH", 0.1)),
    "dB[mW]": (("-dBm", -1.0),),
    "1": (("%", "%"),),
}
Phrase = tuple[str, dict[str, object]]  # a key of the catalogue, and its values
VIETNAM_MS = 7 * HOUR_MS  # by which its time is ahead of UTC
FULL = 100  # per cent: a battery's voltage out of range up to this is its level
_SECONDS = 10  # digits of an epoch time of now in seconds
_OF_A_MS = {16: 1000, 19: 1_000_000}  # by digits of one in micro- and nanoseconds: how many are 1 ms


def refusal_of(message: Any) -> PayloadError | None:
    """Why the gateway refuses this JSON message; None if it takes it."""
    try:
        payloads.decode(json.dumps(message).encode())
    except PayloadError as error:
        return error
    return None


def value_meant(signal: str, value: Any) -> dict[str, Any]:
    """The value as it would be right under this name, as {name: value}; {} if there is none."""
    number = _number(value, signal) if signal in SIGNALS else None
    return {} if number is None or refusal_of({"values": {signal: number}}) else {signal: number}


def _number(value: Any, signal: str) -> float | None:
    """The number that was meant: "31,5" and "31.5 %" are 31.5, an actuator's true is 1."""
    if isinstance(value, bool):
        return int(value) if signal in SWITCHES else None
    if isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        return _number(value.get("value"), signal)
    if isinstance(value, list) and len(value) == 1:
        return _number(value[0], signal)
    if not isinstance(value, str):
        return None
    with suppress(TwoWays):
        number, unit = number_in(value) or (math.nan, "")
        if math.isfinite(number) and unit in ("", SIGNALS[signal].shown_unit, SIGNALS[signal].unit, "%", "C"):
            return int(number) if number.is_integer() else number
    return None


def field_meant(name: str, value: Any, now: int) -> dict[str, Any]:
    """`ts`, `seq` or `boot` as it would be right at epoch ms `now`; {} if it is best left out."""
    guesses: list[Any] = []
    if name == "ts" and isinstance(value, int) and not isinstance(value, bool):
        value = _milliseconds(value)  # seconds and microseconds are accepted as they are, but not believed
    elif name == "ts" and isinstance(value, str):
        cut = value.strip().replace(" ", "T", 1)
        guesses = [cut, *_zoned(cut, now), *_zoned(f"{cut}:00", now)]
        guesses += [_milliseconds(int(cut))] if re.fullmatch("[0-9]{10,19}", cut) else []
    elif name == "ts" and isinstance(value, float) and math.isfinite(value):
        guesses = [int(value * 1000) if int(value) in SECONDS else int(value)]
    elif name == "seq" and isinstance(value, str | float):
        guesses = [int(value)] if str(value).strip().removesuffix(".0").isdecimal() else []
    elif name == "boot" and isinstance(value, int) and not isinstance(value, bool):
        guesses = [str(value)]
    elif name == "boot" and isinstance(value, str):
        guesses = ["".join(value.split())[:64]]
    right = (
        guess for guess in [value, *guesses] if name in FIELDS and not refusal_of(FILLER | {name: guess})
    )
    fitting = next(right, None)
    return {} if fitting is None else {name: fitting}


def _milliseconds(number: int) -> int:
    """An epoch time in ms; a number that has not as many digits as the time of now in some unit stays."""
    digits = len(str(number)) if number > 0 else 0
    return number * 1000 if digits == _SECONDS else number // _OF_A_MS.get(digits, 1)


def _zoned(text: str, now: int) -> list[str]:
    """A time without a zone in both zones: UTC first if it then is that of now, else Vietnam's."""
    with suppress(PayloadError):
        if abs(payloads.parse_time(f"{text}Z") - now) <= AHEAD_MS:
            return [f"{text}Z"]
    return [f"{text}+07:00"]


def clock_meant(time: int, now: int, *, senml: bool) -> Phrase | None:
    """What a device seems to send in place of its time, and what to send. `time`: as the gateway read it, and
    `now`, epoch ms; `senml`: it came in a SenML pack, whose times are in seconds.
    """
    if not senml and time in SECONDS:
        return "check.clock_seconds", {"value": time * 1000}
    if not senml and YEAR_2020_MS <= time // 1000 <= now + AHEAD_MS:
        return "check.clock_fine", {"value": time // 1000}
    if senml and YEAR_2020_MS <= time // 1000 <= now + AHEAD_MS:
        return "check.clock_milliseconds", {"value": time // 1_000_000}
    if abs(time - now - VIETNAM_MS) <= AHEAD_MS:
        return "check.clock_local", {}
    return ("check.clock_utc", {}) if abs(now - time - VIETNAM_MS) <= AHEAD_MS else None


def value_doubted(name: str, value: float) -> tuple[str, tuple[Phrase, ...]]:
    """Why a value of the signal `name` was probably not meant, as a reason and as phrases: none if nothing
    speaks against it.
    """
    signal = SIGNALS[name]
    if not signal.low <= value <= signal.high:
        doubt: Phrase = ("check.range", {
            "field": name, "value": spelt(value), "low": spelt(signal.low),
            "high": with_unit(spelt(signal.high), signal.shown_unit),
        })  # fmt: skip
        sentinel: Phrase = ("check.sentinel", {"value": spelt(value)})
        guess = other_unit(signal, value)
        return "gross_range", (doubt, *[sentinel] * (value in SENTINELS), *([guess] if guess else ()))
    if as_share(name, value):
        right = with_unit(spelt(round(value * 100, signal.decimals)), signal.shown_unit)
        return "share", (("check.share", {"value": spelt(value), "right": right}),)
    return "", ()


def other_unit(signal: Signal, value: float) -> Phrase | None:
    """The unit that the value seems to be in, and the value to send instead; of several units, all."""
    if signal.unit == "V" and 0 < value <= FULL:
        return "check.as_level", {}
    fitting: dict[str, str] = {}
    for name, other in _OTHER_UNITS.get(signal.unit, ()):
        own = UNITS[signal.unit]
        if isinstance(other, float) and (value in SENTINELS or not float(value).is_integer()):
            continue
        right = value * other if isinstance(other, float) else convert(value, UNITS[other], own)
        right = round(right, signal.decimals)
        if signal.low <= right <= signal.high:
            fitting[name] = with_unit(spelt(right), signal.shown_unit)
    if len(fitting) > 1:
        return "check.other_units", {"units": ", ".join(f"{unit} → {fitting[unit]}" for unit in fitting)}
    for unit, shown in fitting.items():
        return "check.other_unit", {"unit": unit, "value": shown}
    return None


def name_meant(name: str) -> str:
    """The field or signal that a name spells in another way (soilMoisture, Soil-Moisture), or ""."""
    bare = re.sub(r"(?<=[a-z])(?=[A-Z])|[ -]+", "_", name.strip()).lower()
    bare = ALIASES.get(bare, bare)
    return bare if bare in SIGNALS or bare in FIELDS else ""
