"""The language of `$filter`: parses a text into a tree of conditions.

or ─► and ─► not ─► comparison, call or (…) ─► operands: path, number, 'text', time, interval, geography'…'
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from dashboards.sta import shapes
from dashboards.sta.sets import BadQuery
from devices.clock import epoch_ms

MOST_TOKENS = 400
DEEPEST = 20  # nested brackets, `not` and functions
COMPARISONS = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
CALLS = {  # name → number of operands; functions of two are conditions
    "startswith": 2, "endswith": 2, "substringof": 2, "contains": 2, "geo.intersects": 2, "st_intersects": 2,
    "st_within": 2,
    "tolower": 1, "toupper": 1, "length": 1,
}  # fmt: skip
CONDITIONS = frozenset(name for name, operands in CALLS.items() if operands == 2)
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
TOKEN = re.compile(
    rf"""\s*(?:(?P<geo>geography\s*'[^']*')|(?P<text>'(?:[^']|'')*')|(?P<time>{_TIME}(?:/{_TIME})?)
    |(?P<number>[+-]?\d{{1,30}}(?:\.\d{{1,30}})?(?:[eE][+-]?\d{{1,3}})?(?![\w.-]))
    |(?P<name>@?[A-Za-z_][\w.]*(?:/@?[\w.-]+)*)
    |(?P<mark>[(),]))""",
    re.VERBOSE,
)


class Time(NamedTuple):
    """A moment, or an interval, in epoch ms."""

    start: int
    end: int


class Path(NamedTuple):
    """A path to a property: `result`, `Datastream/id`, `location/type`."""

    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant."""

    value: "float | str | bool | Time | shapes.Shape | None"


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    operands: "tuple[Operand, ...]"


@dataclass(frozen=True, slots=True)
class Compare:
    left: "Operand"
    sign: str
    right: "Operand"


@dataclass(frozen=True, slots=True)
class Both:
    """All of them hold."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Either:
    """One of them holds."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    part: "Condition"


Operand = Path | Literal | Call
Condition = Compare | Call | Both | Either | Not


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def parse(text: str) -> Condition:
    """The condition that a filter states. Raises BadQuery."""
    tokens = _tokens(text)
    parser = _Parser(text, tokens)
    condition = parser.either()
    if parser.left():
        raise parser.unexpected()
    return condition


def moment(text: str) -> int:
    """Epoch ms of RFC 3339 with a zone. Raises BadQuery."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadQuery(f"{text!r} is no time: {error}") from error
    if read.tzinfo is None:
        raise BadQuery(f"{text}: write the time with a zone, such as 2026-11-21T00:00:00+07:00")
    return epoch_ms(read)


def interval(text: str) -> Time:
    """A time, or two times with / between them. Raises BadQuery."""
    first, slash, second = text.partition("/")
    start = moment(first)
    return Time(start, moment(second) if slash else start)


def _tokens(text: str) -> list[_Token]:
    # an unescaped + of a zone arrives as a blank
    text = re.sub(r"(T\d\d:\d\d(?::\d\d(?:\.\d+)?)?) (\d\d:?\d\d)(?=$|[\s/),])", r"\1+\2", text)
    tokens, at = [], 0
    end = len(text.rstrip())
    while at < end:
        match = TOKEN.match(text, at)
        if match is None:
            raise BadQuery(f"$filter: {text[at : at + 20]!r} is not understood")
        kind = str(match.lastgroup)
        tokens.append(_Token(kind, match.group(kind), at))
        at = match.end()
        if len(tokens) > MOST_TOKENS:
            raise BadQuery(f"$filter: more than {MOST_TOKENS} words")
    return tokens


class _Parser:
    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def left(self) -> bool:
        return self._at < len(self._tokens)

    def unexpected(self) -> BadQuery:
        if not self.left():
            return BadQuery(f"$filter={self._text!r} ends too early")
        return BadQuery(f"$filter: {self._tokens[self._at].text!r} is not expected there")

    def either(self) -> Condition:
        parts = self._joined("or", self._both)
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self) -> Condition:
        parts = self._joined("and", self._not)
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _joined(self, word: str, one: Callable[[], Condition]) -> list[Condition]:
        parts = [one()]
        while self._takes("name", word):
            parts.append(one())
        return parts

    def _not(self) -> Condition:
        if self._takes("name", "not"):
            with self._deeper():
                return Not(self._not())
        if self._takes("mark", "("):
            with self._deeper():
                inside = self.either()
            self._require(")")
            return inside
        left = self._operand()
        if isinstance(left, Call) and left.name in CONDITIONS:
            if self._takes("name", "eq"):  # `startswith(…) eq true`, as some clients write it
                return left if self._boolean() else Not(left)
            return left
        sign = self._next("name").text
        if sign not in COMPARISONS:
            self._at -= 1
            raise self.unexpected()
        return Compare(left, sign, self._operand())

    def _boolean(self) -> bool:
        word = self._next("name").text
        if word not in ("true", "false"):
            self._at -= 1
            raise self.unexpected()
        return word == "true"

    def _operand(self) -> Operand:
        if not self.left():
            raise self.unexpected()
        kind, text, _ = self._tokens[self._at]
        self._at += 1
        match kind:
            case "text":
                return Literal(text[1:-1].replace("''", "'"))
            case "number":
                return Literal(float(text) if re.search(r"[.eE]", text) else int(text))
            case "time":
                return Literal(interval(text))
            case "geo":
                return Literal(shapes.parse(text.partition("'")[2][:-1]))
            case "name" if text in ("true", "false", "null"):
                return Literal({"true": True, "false": False, "null": None}[text])
            case "name" if self._takes("mark", "("):
                return self._call(text)
            case "name" if text not in COMPARISONS | {"and", "or", "not"}:
                return Path(tuple(text.split("/")))
        self._at -= 1
        raise self.unexpected()

    def _call(self, name: str) -> Call:
        lower = name.lower()
        if lower not in CALLS:
            raise BadQuery(f"$filter: there is no function {name}; there are {', '.join(CALLS)}")
        with self._deeper():
            operands = [self._operand()]
            while self._takes("mark", ","):
                operands.append(self._operand())
        self._require(")")
        if len(operands) != CALLS[lower]:
            raise BadQuery(f"$filter: {name} takes {CALLS[lower]} operands")
        return Call(lower, tuple(operands))

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > DEEPEST:
            raise BadQuery(f"$filter: more than {DEEPEST} brackets, `not` or functions in one another")
        yield
        self._depth -= 1

    def _takes(self, kind: str, text: str) -> bool:
        if self.left() and self._tokens[self._at][:2] == (kind, text):
            self._at += 1
            return True
        return False

    def _require(self, mark: str) -> None:
        if not self._takes("mark", mark):
            raise self.unexpected()

    def _next(self, kind: str) -> _Token:
        if not self.left() or self._tokens[self._at].kind != kind:
            raise self.unexpected()
        self._at += 1
        return self._tokens[self._at - 1]
