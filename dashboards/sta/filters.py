"""Tests entities against a condition, and takes from it which times and datastream have to be read.

A path may lead to several values (a Thing's Datastreams); one that meets the condition is enough. A missing
value meets none. Of an interval the beginning counts: `ge` midnight and `lt` the next give a day's hours.
"""

from collections.abc import Callable, Iterator
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from dashboards.sta import shapes
from dashboards.sta.grammar import (
    Both,
    Call,
    Compare,
    Condition,
    Either,
    Literal,
    Not,
    Operand,
    Path,
    Time,
    interval,
)
from dashboards.sta.hours import Span
from dashboards.sta.sets import IDS, TIMES, BadQuery, Entity, require_path
from devices.clock import HOUR_MS

Look = Callable[[Entity, tuple[str, ...]], list[Any]]
SIGNS: dict[str, Callable[[Any, Any], bool]] = {"eq": eq, "ne": ne, "gt": gt, "ge": ge, "lt": lt, "le": le}
_MIRRORED = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}
_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "substringof": lambda part, whole: part in whole,
    "contains": lambda whole, part: part in whole,
}


def require_known(condition: Condition, set_name: str) -> None:
    """Raise BadQuery where the condition names a property that the set does not have."""
    for path in _paths(condition):
        require_path(set_name, path)


def blind(condition: Condition) -> int:
    """The number of parts of the condition that read nothing of an entity, but take time for each one."""
    match condition:
        case Both(parts) | Either(parts):
            return sum(map(blind, parts))
        case Not(part):
            return 1 + blind(part)
    return 0 if any(_paths(condition)) else 1


def meets(condition: Condition, entity: Entity, look: Look) -> bool:
    """Whether the entity meets the condition; `look` finds the values that a path leads to."""
    match condition:
        case Both(parts):
            return all(meets(part, entity, look) for part in parts)
        case Either(parts):
            return any(meets(part, entity, look) for part in parts)
        case Not(part):
            return not meets(part, entity, look)
        case Compare(left, sign, right):
            rights = _values(right, entity, look)
            timely = _timely(left) or _timely(right)
            return any(
                _compared(one, sign, other, timely) for one in _values(left, entity, look) for other in rights
            )
        case Call(name, (first, second)):
            seconds = _values(second, entity, look)
            return any(_called(name, one, other) for one in _values(first, entity, look) for other in seconds)
    raise BadQuery("$filter: a function without a comparison is no condition")


def span(condition: Condition | None) -> Span:
    """The times within which an observation must begin. The span may be wider than the condition asks, as
    `meets` tests each observation.
    """
    times = Span()
    for part in _conjuncts(condition):
        match part:
            case Compare(Path((name,)), sign, Literal(Time() as time)) if name in TIMES:
                times = times.within(_bound(sign, time))
            case Compare(Literal(Time() as time), sign, Path((name,))) if name in TIMES:
                times = times.within(_bound(_MIRRORED.get(sign, sign), time))
    return times


def streams(condition: Condition | None) -> int | None:
    """The number of the one Datastream that the condition asks for, None where it asks for no single one."""
    for part in _conjuncts(condition):
        match part:
            case Compare(Path(("Datastream", name)), "eq", Literal(int() as number)) if name in IDS:
                return number
    return None


def _bound(sign: str, time: Time) -> Span:
    match sign:
        case "gt" | "ge":
            return Span(start=time.start - HOUR_MS)  # a resultTime is up to an hour after the beginning
        case "lt" | "le":
            return Span(stop=time.end + 1)
        case "eq":
            return Span(time.start - HOUR_MS, time.end + 1)
    return Span()


def _conjuncts(condition: Condition | None) -> Iterator[Condition]:
    if isinstance(condition, Both):
        for part in condition.parts:
            yield from _conjuncts(part)
    elif condition is not None:
        yield condition


def _paths(part: Condition | Operand) -> Iterator[tuple[str, ...]]:
    match part:
        case Path(steps):
            yield steps
        case Both(parts) | Either(parts):
            for one in parts:
                yield from _paths(one)
        case Not(one):
            yield from _paths(one)
        case Compare(left, _, right):
            yield from _paths(left)
            yield from _paths(right)
        case Call(_, operands):
            for operand in operands:
                yield from _paths(operand)


def _timely(operand: Operand) -> bool:
    return isinstance(operand, Path) and operand.steps[-1] in TIMES


def _values(operand: Operand, entity: Entity, look: Look) -> list[Any]:
    match operand:
        case Literal(value):
            return [value]
        case Path(steps):
            return look(entity, steps)
        case Call(name, (one,)):
            texts = [value for value in _values(one, entity, look) if isinstance(value, str)]
            if name == "length":
                return [len(text) for text in texts]
            return [text.lower() if name == "tolower" else text.upper() for text in texts]
    raise BadQuery(f"$filter: {operand.name} gives no value")


def _compared(one: Any, sign: str, other: Any, timely: bool) -> bool:
    if timely:  # some clients quote times, so that they arrive as texts
        one, other = (interval(value) if isinstance(value, str) else value for value in (one, other))
    if isinstance(one, Time) and isinstance(other, Time):
        return SIGNS[sign](one.start, other.start)
    if one is None or other is None:
        return sign == "eq" if one is other else sign == "ne"
    numbers = _number(one) and _number(other)
    if not numbers and type(one) is not type(other):
        return sign == "ne"
    if isinstance(one, dict | list | bool | shapes.Shape) and sign not in ("eq", "ne"):
        return False
    return SIGNS[sign](one, other)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _called(name: str, one: Any, other: Any) -> bool:
    if name in _TEXTS:
        return isinstance(one, str) and isinstance(other, str) and _TEXTS[name](one, other)
    shape, value = (one, other) if isinstance(one, shapes.Shape) else (other, one)
    at = shapes.of_geojson(value)
    return isinstance(shape, shapes.Shape) and at is not None and shape.covers(at)
