"""Where a value stands in what a device says: `messages[measurementId=4102].measurementValue`.

    name            of an object; in a list: of the first element that has it
    'any [name]'    the same, where a name has one of . [ ] ' = , in it ('' is one quote)
    [0]  [-1]       the element of a list
    [type=soil]     the first element of a list (or of lists in it) that says so, or the object itself that
                    does; several conditions with commas

Values are compared as they would be written: 4102 and "4102" are the same, true is true.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

MISSING: Any = object()
_TOKEN = re.compile(r"'((?:[^']|'')*)'|([^.\[\]'=,]+)|([.\[\]=,])")


class PathError(ValueError):
    """It is no path; the sentence says what is wrong with it."""


class Name(NamedTuple):
    """A member of an object."""

    name: str


class Index(NamedTuple):
    """An element of a list."""

    at: int


class Which(NamedTuple):
    """What says all of these."""

    conditions: tuple[tuple[str, str], ...]


Path = tuple[Name | Index | Which, ...]


def parse(text: str) -> Path:
    """The steps of a path. Raises PathError."""
    tokens = list(_tokens(text))
    steps: list[Name | Index | Which] = []
    at = 0

    def word(expected: str) -> str:
        nonlocal at
        if at >= len(tokens) or not tokens[at][1]:
            raise PathError(f"{expected} is missing in {text!r} behind {_before(tokens, at)!r}")
        at += 1
        return tokens[at - 1][0]

    def mark(expected: str) -> None:
        nonlocal at
        if at >= len(tokens) or tokens[at] != (expected, False):
            raise PathError(f"{expected} is missing in {text!r} behind {_before(tokens, at)!r}")
        at += 1

    while at < len(tokens):
        if tokens[at] == ("[", False):
            at += 1
            first = word("a number or a name")
            if re.fullmatch(r"-?\d{1,6}", first):
                steps.append(Index(int(first)))
            else:
                conditions = []
                while True:
                    mark("=")
                    conditions.append((first, word("a value")))
                    if at < len(tokens) and tokens[at] == (",", False):
                        at += 1
                        first = word("a name")
                        continue
                    break
                steps.append(Which(tuple(conditions)))
            mark("]")
        else:
            if steps:
                mark(".")
            steps.append(Name(word("a name")))
    if not steps:
        raise PathError("a path is missing")
    return tuple(steps)


def find(data: Any, path: Path) -> Any:
    """What stands there, or MISSING."""
    for step in path:
        if isinstance(step, Name):
            if isinstance(data, list):
                data = next(
                    (one for one in elements(data) if isinstance(one, dict) and step.name in one), None
                )
            if not isinstance(data, dict) or step.name not in data:
                return MISSING
            data = data[step.name]
        elif isinstance(step, Index):
            if not isinstance(data, list) or not -len(data) <= step.at < len(data):
                return MISSING
            data = data[step.at]
        else:
            some = elements(data) if isinstance(data, list) else (data,)
            data = next((one for one in some if isinstance(one, dict) and _says(one, step)), MISSING)
            if data is MISSING:
                return MISSING
    return data


def written(value: Any) -> str:
    """A value as it is compared: true, 4102, soil."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)


def quoted(name: str) -> str:
    """A name as a path has it."""
    return "'" + name.replace("'", "''") + "'" if re.search(r"[.\[\]'=,]|^\s|\s$|^$", name) else name


def elements(some: list[Any]) -> Iterator[Any]:
    """The elements of a list, and of the lists in it."""
    for one in some:
        if isinstance(one, list):
            yield from elements(one)
        else:
            yield one


def _objects(some: list[Any]) -> Iterator[dict[str, Any]]:
    return (one for one in elements(some) if isinstance(one, dict))


def _says(one: dict[str, Any], step: Which) -> bool:
    return all(name in one and written(one[name]) == value for name, value in step.conditions)


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    """Pieces of a path, and whether each is a name or a value."""
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise PathError(f"the quote at {at + 1} in {text!r} has no end")
        at = found.end()
        whole, bare, sign = found.groups()
        yield (sign, False) if sign else ((whole or "").replace("''", "'") if bare is None else bare, True)


def _before(tokens: list[tuple[str, bool]], at: int) -> str:
    return "".join(piece for piece, _ in tokens[:at])
