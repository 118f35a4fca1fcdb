"""Where a value stands in a device's message: `messages[measurementId=4102].measurementValue`.

    name            a member of an object; in a list: of the first element with it and the rest of the path
    'any [name]'    the same, for a name that has one of . [ ] ' = , ! in it ('' is one quote)
    [0]  [-1]       an element of a list
    [type=soil]     the first element of a list (or of lists in it) whose `type` is soil, or the object itself
                    if its is; several conditions with commas; a.b=1 looks deeper, a!=1 is true without a, too
    [type=soil][-1] the last of these elements

Values are compared as text: 4102 and "4102" are the same, true is true.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from devices.texts import Mendable, Misuse

MISSING: Any = object()
_TOKEN = re.compile(r"'((?:[^']|'')*)'|(!=|[.\[\]=,])|([^.\[\]'=,!]+|!)")


class PathError(Misuse):
    """The text is no path; the sentence says what is wrong with it."""


class Name(NamedTuple):
    """A member of an object."""

    name: str


class Index(NamedTuple):
    """An element of a list."""

    at: int


class Which(NamedTuple):
    """The objects that meet all conditions: names, equal or not, value."""

    conditions: tuple[tuple[tuple[str, ...], bool, str], ...]


Path = tuple[Name | Index | Which, ...]


def parse(text: str) -> Path:
    """The steps of a path. Raises PathError."""
    words = _Words(text)
    steps: list[Name | Index | Which] = []
    while not words.over:
        if words.sign("["):
            steps.append(_bracket(words))
        else:
            if steps:
                words.expect(".")
            steps.append(Name(words.word("name")))
    if not steps:
        raise PathError("probe.path_empty")
    return tuple(steps)


def _bracket(words: "_Words") -> Index | Which:
    first = words.word("number_or_name")
    if re.fullmatch(r"-?\d{1,6}", first) and words.sign("]"):
        return Index(int(first))
    conditions = []
    while True:
        names = [first]
        while words.sign("."):
            names.append(words.word("name"))
        equal = not words.sign("!=")
        if equal:
            words.expect("=")
        conditions.append((tuple(names), equal, words.word("value")))
        if not words.sign(","):
            break
        first = words.word("name")
    words.expect("]")
    return Which(tuple(conditions))


class _Words:
    """The pieces of a path, taken one after another."""

    def __init__(self, text: str) -> None:
        self._text, self._pieces, self._at = text, list(_tokens(text)), 0

    @property
    def over(self) -> bool:
        return self._at >= len(self._pieces)

    def sign(self, wanted: str) -> bool:
        """Whether that sign comes next; if so, it is taken."""
        if self.over or self._pieces[self._at] != (wanted, False):
            return False
        self._at += 1
        return True

    def expect(self, wanted: str) -> None:
        if not self.sign(wanted):
            raise self._missing(wanted)

    def word(self, what: str) -> str:
        if self.over or not self._pieces[self._at][1]:
            raise self._missing(Mendable(f"probe.path_{what}"))
        self._at += 1
        return self._pieces[self._at - 1][0]

    def _missing(self, what: str | Mendable) -> PathError:
        before = "".join(piece for piece, _ in self._pieces[: self._at])
        return PathError("probe.path_missing", what=what, path=self._text, before=before)


def find(data: Any, path: Path, at: int = 0) -> Any:
    """The value at a path, or MISSING. In a list: the value in the first element where the whole rest of the
    path leads to one.
    """
    for place in range(at, len(path)):
        step = path[place]
        if isinstance(step, Index):
            if not isinstance(data, list) or not -len(data) <= step.at < len(data):
                return MISSING
            data = data[step.at]
        elif isinstance(data, list):
            some = (one for one in elements(data) if isinstance(one, dict) and _fits(one, step))
            if isinstance(step, Which) and place + 1 < len(path) and isinstance(path[place + 1], Index):
                return find(list(some), path, place + 1)
            rest = place + isinstance(step, Which)  # a name is still to be followed, a condition is met
            values = (find(one, path, rest) for one in some)
            return next((one for one in values if one is not MISSING), MISSING)
        elif not isinstance(data, dict) or not _fits(data, step):
            return MISSING
        elif isinstance(step, Name):
            data = data[step.name]
    return data


def getter(path: Path) -> Callable[[Any], Any]:
    """`find` prepared for one path: most lead through objects by names, in every message."""
    first = path[0].conditions if isinstance(path[0], Which) else ()
    start = 1 if first and all(len(names) == 1 for names, _, _ in first) else 0
    names = tuple(step.name for step in path[start:] if isinstance(step, Name))
    if len(names) < len(path) - start:
        return lambda data: find(data, path)
    conditions = tuple((keys[0], equal, value) for keys, equal, value in first)

    def get(data: Any) -> Any:
        if type(data) is not dict:
            return find(data, path)
        for name, equal, value in conditions:
            one = data.get(name, MISSING)
            if (
                (one if type(one) is str else None if one is MISSING else written(one)) == value
            ) is not equal:
                return MISSING
        whole = data
        for name in names:
            if type(data) is not dict:
                return find(whole, path)
            data = data.get(name, MISSING)
            if data is MISSING:
                return MISSING
        return data

    return get


def written(value: Any) -> str:
    """A value as text, for comparing: true, 4102, soil."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def quoted(name: str) -> str:
    """A name as a path writes it, in quotes if it needs them."""
    return "'" + name.replace("'", "''") + "'" if re.search(r"[.\[\]'=,!]|^\s|\s$|^$", name) else name


def elements(some: list[Any]) -> Iterator[Any]:
    """The elements of a list, and of the lists in it."""
    for one in some:
        if isinstance(one, list):
            yield from elements(one)
        else:
            yield one


def _fits(one: dict[str, Any], step: Name | Which) -> bool:
    if isinstance(step, Name):
        return step.name in one
    return all((_says(one, names) == value) is equal for names, equal, value in step.conditions)


def _says(one: Any, names: tuple[str, ...]) -> str | None:
    for name in names:
        if not isinstance(one, dict) or name not in one:
            return None
        one = one[name]
    return written(one)


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    """The pieces of a path, and whether each is a name or a value."""
    at = 0
    while at < len(text):
        piece = _TOKEN.match(text, at)
        if piece is None:
            raise PathError("probe.path_quote", at=at + 1, path=text)
        at = piece.end()
        quote, sign, bare = piece.groups()
        yield (sign, False) if sign else (quote.replace("''", "'") if bare is None else bare, True)
