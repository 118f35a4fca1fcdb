"""The query options of an address: `$filter $orderby $top $skip $count $select $expand`, nested ones too.

Clients write `$` as it is or as %24, and blanks as + or %20: all four are read alike.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote_plus

from dashboards.sta import filters, grammar
from dashboards.sta.grammar import Condition
from dashboards.sta.sets import FIELDS, IDS, SELF, WAYS, BadQuery, require_path

USUAL, MOST = 100, 1000  # entities a page
FURTHEST = 1_000_000
LONGEST = 8000  # characters of a query
DEEPEST = 5  # levels of $expand in $expand


@dataclass(frozen=True, slots=True)
class Options:
    """The options for one set. `pairs` are as the client wrote them, for the address of the next page."""

    pairs: tuple[tuple[str, str], ...] = ()
    filter: Condition | None = None
    orderby: tuple[tuple[tuple[str, ...], bool], ...] = ()  # path, and whether downwards
    top: int = USUAL
    skip: int = 0
    count: bool = False
    select: tuple[str, ...] = ()
    expand: "dict[str, Options]" = field(default_factory=dict)

    def following(self) -> str:
        """The query of the page after this one."""
        pairs = [(name, value) for name, value in self.pairs if name != "$skip"]
        pairs.append(("$skip", str(self.skip + self.top)))
        return "&".join(f"{name}={quote(value, safe='/():,')}" for name, value in pairs)


def of_query(query: str, set_name: str) -> Options:
    """The options in an address's query. Raises BadQuery."""
    if len(query) > LONGEST:
        raise BadQuery(f"the query is longer than {LONGEST} characters")
    pairs = []
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        pairs.append((unquote_plus(name), unquote_plus(value)))
    return parse(pairs, set_name)


def parse(pairs: Iterable[tuple[str, str]], set_name: str, depth: int = 0) -> Options:
    """Options for a set. Raises BadQuery."""
    pairs = tuple(pairs)
    options = Options(pairs)
    for name, value in pairs:
        options = _with(options, name, value.strip(), set_name, depth)
    if len({name for name, _ in pairs}) < len(pairs):
        raise BadQuery("an option is given twice")
    return options


def _with(options: Options, name: str, value: str, set_name: str, depth: int) -> Options:
    match name:
        case "$top":
            return replace(options, top=min(_whole(name, value), MOST))
        case "$skip":
            skip = _whole(name, value)
            if skip > FURTHEST:
                raise BadQuery(f"$skip={skip}: more than {FURTHEST}")
            return replace(options, skip=skip)
        case "$count":
            if value not in ("true", "false"):
                raise BadQuery(f"$count={value}: write true or false")
            return replace(options, count=value == "true")
        case "$filter":
            condition = grammar.parse(value)
            filters.require_known(condition, set_name)
            return replace(options, filter=condition)
        case "$orderby":
            return replace(options, orderby=tuple(_order(one, set_name) for one in value.split(",")))
        case "$select":
            return replace(options, select=tuple(_selected(one, set_name) for one in value.split(",")))
        case "$expand":
            return replace(options, expand=_expanded(value, set_name, depth))
        case "$resultFormat" if value == "default":
            return options
    raise BadQuery(f"{name}={value}: there are $filter, $orderby, $top, $skip, $count, $select and $expand")


def _whole(name: str, value: str) -> int:
    if not re.fullmatch(r"\d{1,9}", value):
        raise BadQuery(f"{name}={value}: write a whole number from 0 on")
    return int(value)


def _order(text: str, set_name: str) -> tuple[tuple[str, ...], bool]:
    words = text.split()
    down = [word.lower() for word in words[1:]]  # frost_sta_client writes DESC
    if not words or down not in ([], ["asc"], ["desc"]):
        raise BadQuery(f"$orderby={text}: write a property, then asc or desc")
    path = tuple(words[0].split("/"))
    require_path(set_name, path)
    return path, down == ["desc"]


def _selected(text: str, set_name: str) -> str:
    name = text.strip()
    if name in IDS:
        return "@iot.id"
    if name not in (*FIELDS[set_name], *WAYS[set_name], SELF):
        raise BadQuery(
            f"$select={name}: {set_name} have id, {', '.join((*FIELDS[set_name], *WAYS[set_name]))}"
        )
    return name


def _expanded(text: str, set_name: str, depth: int) -> dict[str, Options]:
    if depth >= DEEPEST:
        raise BadQuery(f"$expand: deeper than {DEEPEST}")
    pairs_of: dict[str, list[tuple[str, str]]] = {}  # collected first, so that each way is parsed once
    for item in _split(text, ","):
        match = re.fullmatch(r"\s*(\w+)((?:/\w+)*)\s*(?:\((.*)\))?\s*", item, re.DOTALL)
        way = WAYS[set_name].get(match[1]) if match else None
        if match is None or way is None:
            raise BadQuery(f"$expand={item.strip()}: {set_name} lead to {', '.join(WAYS[set_name])}")
        pairs = [_pair(part) for part in _split(match[3] or "", ";") if part.strip()]
        if match[2]:  # Datastreams/Sensor(…) is Datastreams($expand=Sensor(…))
            inner = match[2][1:] + (f"({match[3]})" if match[3] else "")
            before = pairs_of.get(match[1])  # the same way was named before, to expand something else
            pairs = [("$expand", inner)] if before is None else _merged(before, inner)
        pairs_of[match[1]] = pairs
    return {name: parse(pairs, WAYS[set_name][name].target, depth + 1) for name, pairs in pairs_of.items()}


def _merged(pairs: Iterable[tuple[str, str]], expand: str) -> list[tuple[str, str]]:
    kept = dict(pairs)
    kept["$expand"] = ",".join(filter(None, (kept.get("$expand"), expand)))
    return list(kept.items())


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value


def _split(text: str, mark: str) -> list[str]:
    """Split the text at marks that stand outside brackets and quotes. Raises BadQuery."""
    parts, level, quoted = [""], 0, False
    for character in text:
        if character == "'":
            quoted = not quoted
        elif not quoted:
            level += {"(": 1, ")": -1}.get(character, 0)
            if level < 0:
                break
        if character == mark and level == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    if level or quoted:
        raise BadQuery(f"$expand={text}: a bracket or a quote is not closed")
    return parts
