"""Reads a maker's object in our signals and units: a pure function of a probe and an object.

    object ─► path ─► number (or text with one) ─► unit ─► times, plus ─► value, or a counter's total

Fields that the probe does not name are ignored; null, text without a number and a sentinel are "not
measured". What is there but cannot be told is none of these: a number that can be read in two ways (COMMA),
in no unit of its signal (UNIT), or without the value of the place that it needs (PLACE); true or false where
a number belongs (TRUTH); a list or an object (MANY). Its message is refused.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from devices.contract.payloads import MAX_EXACT, SECONDS, PayloadError, parse_time
from devices.contract.signals import CIRCULAR, SIGNALS, SWITCHES, heading
from devices.probes.number import LONGEST, TwoWays, number_in
from devices.probes.path import MISSING, Path, find, getter, written
from devices.probes.probe import Probe, UnitBeside, Wording, parsed
from devices.probes.units import Unit, convert, unit_of

_EPOCH = re.compile(r"\d{10}|\d{13}", re.ASCII).fullmatch
_BARE = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?", re.ASCII).fullmatch

# why a field that is there is not read
COMMA, UNIT, PLACE = "unread.comma", "unread.unit", "unread.place"
TRUTH, MANY = "unread.truth", "unread.many"
NamedGetter = tuple[str, Callable[[Any], Any]]  # a path as it is written, and its getter


class Unread(NamedTuple):
    """A field that is there but gives no value: `why` is a key of the catalogue (`unread.*`)."""

    signal: str
    path: str
    why: str
    value: str = ""


class Measurements(NamedTuple):
    """The contents of an object: values by signal, in its unit; totals of counters by signal, each a kind and
    an amount; and fields that are there but could not be read. All empty: no reading of this probe.
    """

    values: dict[str, float]
    totals: dict[str, tuple[str, float]]
    unread: tuple[Unread, ...]

    @property
    def empty(self) -> bool:
        return not self.values and not self.totals


class Reader:
    """Reads objects by one probe."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self._rules = [_Rule(name, wording) for name, wording in probe.readings.items()]
        self._time = None if probe.time is None else getter(parsed(probe.time.path))

    def read(self, data: Any, place: Mapping[str, float]) -> Measurements:
        """Read an object. `place`: values of the place, as enrolment set them."""
        values: dict[str, float] = {}
        totals: dict[str, tuple[str, float]] = {}
        unread: list[Unread] = []
        for rule in self._rules:
            value = rule.value(data, place, unread)
            if value is None:
                continue
            if rule.counter is not None:
                totals[rule.signal] = rule.counter, value
            else:
                values[rule.signal] = value
        return Measurements(values, totals, tuple(unread))

    def time(self, data: Any) -> int | None:
        """When an object says it was measured, epoch ms; None if it does not. Raises PayloadError."""
        clock = self.probe.time
        raw = MISSING if clock is None or self._time is None else self._time(data)
        if clock is None or raw is MISSING or raw is None or raw == "":
            return None
        number = int(raw) if isinstance(raw, str) and _EPOCH(raw) else raw
        if isinstance(number, int | float) and not isinstance(number, bool) and abs(number) <= MAX_EXACT:
            return round(number * 1000 if SECONDS.start <= number < SECONDS.stop else number)
        text = raw.strip().replace(" ", "T", 1) if isinstance(raw, str) else ""
        for zone in ("", clock.zone or ""):
            with suppress(PayloadError):
                return parse_time(text + zone)
        raise PayloadError("probe_time", f"{clock.path} {raw}")

    def names(self, data: Any) -> bool:
        """Whether the object has any field of the probe, measured or not."""
        return any(get(data) is not MISSING for rule in self._rules for _, get in rule.getters)


class _Rule:
    """One signal's wording, prepared for reading."""

    def __init__(self, signal: str, wording: Wording) -> None:
        self.signal, self.counter = signal, wording.counter
        self.getters = tuple((text, getter(parsed(text))) for text in wording.at)
        self._wanted = _known(SIGNALS[signal].unit)
        self._beside: Path | None = None
        self._unit: Unit | None = self._wanted  # a bare number's unit; None if it stands beside it
        if isinstance(wording.unit, UnitBeside):
            self._beside, self._unit = parsed(wording.unit.path), None
        elif wording.unit is not None:
            self._unit = _known(wording.unit)
        self._times, self._plus, self._join = wording.times, wording.plus, wording.join
        self._low, self._high = wording.between or (-math.inf, math.inf)
        self._clamp = wording.clamp
        self._below_zero = wording.below_zero
        self._numbers = frozenset(one for one in wording.no if not isinstance(one, str | bool))
        self._words = frozenset(written(one) for one in wording.no if isinstance(one, str | bool))
        self._plain = self._times == 1.0 and self._plus == 0.0
        self._same = self._unit == self._wanted  # a bare number is in our unit
        self._circular = signal in CIRCULAR
        self._as_it_is = (
            self._same and self._plain and not self._circular and not self._clamp and not self._below_zero
        )

    def value(self, data: Any, place: Mapping[str, float], unread: list[Unread]) -> float | None:
        """The value in the signal's unit; None if nothing is measured."""
        if self._join is None:
            return self._first(data, place, unread, self.getters)
        parts = [self._first(data, place, unread, (one,)) for one in self.getters]
        measured = [part for part in parts if part is not None]
        if len(measured) < len(parts):
            return None
        return float(f"{sum(measured) / (len(measured) if self._join == 'mean' else 1):.12g}")

    def _first(
        self, data: Any, place: Mapping[str, float], unread: list[Unread], getters: Iterable[NamedGetter]
    ) -> float | None:
        for text, get in getters:
            raw = get(data)
            if raw is MISSING or raw is None:
                continue
            unit, number = self._unit, raw
            kind = type(raw)
            if kind is str and _BARE(raw) and raw not in self._words:  # the usual text: a number alone
                number, kind = float(raw), float
            if kind is not float and kind is not int:
                read = self._other(raw, text, unread)
                if read is None:
                    continue
                number, unit = read
            if number in self._numbers or not self._low <= number <= self._high:
                continue
            if unit is None:
                unit = self._unit_beside(data, text, unread)
            if unit is None:
                continue
            if abs(number) > MAX_EXACT:
                unread.append(Unread(self.signal, text, "unread.no_number", str(number)[:LONGEST]))
                continue
            if self._as_it_is and unit is self._unit:
                return float(number)
            if number < 0 and self._below_zero:
                number = float(f"{number + self._below_zero:.12g}")
            if self._clamp is not None:
                number = min(max(number, self._clamp[0]), self._clamp[1])
            return self._ours(number, unit, place, text, unread)
        return None

    def _other(self, raw: Any, text: str, unread: list[Unread]) -> tuple[float, Unit | None] | None:
        """Number and unit of a raw value that is no number; None if it gives none."""
        if isinstance(raw, bool) and self.signal in SWITCHES:
            return float(raw), self._wanted
        if isinstance(raw, str | bool) and written(raw) in self._words:
            return None
        if isinstance(raw, str):
            return self._spelt(raw, text, unread)
        why, shown = TRUTH if isinstance(raw, bool) else MANY, json.dumps(raw, ensure_ascii=False)
        unread.append(Unread(self.signal, text, why, shown[:LONGEST]))
        return None

    def _ours(
        self, number: float, unit: Unit, place: Mapping[str, float], text: str, unread: list[Unread]
    ) -> float | None:
        same = self._same if unit is self._unit else unit == self._wanted
        value = number if same else convert(number, unit, self._wanted)
        if self._plain:
            return heading(value) if self._circular else float(value)
        if isinstance(self._plus, str):
            plus = place.get(self._plus)
            if plus is None:
                unread.append(Unread(self.signal, text, PLACE, self._plus))
                return None
        else:
            plus = self._plus
        value = float(f"{value * self._times + plus:.12g}")
        if not abs(value) <= MAX_EXACT:
            unread.append(Unread(self.signal, text, "unread.no_number", str(number)[:LONGEST]))
            return None
        return heading(value) if self._circular else value

    def _spelt(self, raw: str, text: str, unread: list[Unread]) -> tuple[float, Unit | None] | None:
        """Number and unit of a text; None if it has none."""
        try:
            spelt = number_in(raw)
        except TwoWays:
            unread.append(Unread(self.signal, text, COMMA, raw))
            return None
        if spelt is None:
            unread.append(Unread(self.signal, text, "unread.no_number", raw[:LONGEST]))
            return None
        number, word = spelt
        if not word:
            return number, self._unit
        unit = None if word[0].isdigit() else unit_of(word)  # "31 1" is two numbers
        if unit is None or unit.dimension != self._wanted.dimension:
            unread.append(Unread(self.signal, text, UNIT, word))
            return None
        return number, unit

    def _unit_beside(self, data: Any, text: str, unread: list[Unread]) -> Unit | None:
        """The unit that stands beside the number."""
        word = find(data, self._beside or ())
        unit = unit_of(word) if isinstance(word, str) else None
        if unit is None or unit.dimension != self._wanted.dimension:
            beside = "" if word is MISSING or word is None else str(word)[:32]
            unread.append(Unread(self.signal, text, UNIT, beside))
            return None
        return unit


def _known(text: str) -> Unit:
    unit = unit_of(text)
    if unit is None:
        raise KeyError(text)
    return unit
