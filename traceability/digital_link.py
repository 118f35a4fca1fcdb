"""GS1 Digital Link URIs (URI syntax 1.6): `/01/{gtin}/10/{lot}`, and every other key that GS1 identifies.

path ─► pairs ─► key? qualifiers in order? ─► values in the form of the standard (biip), check digits ─► Link
"""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from devices.errors import UserError
from devices.pilots.pilot import gtin_check_digit

LOT = re.compile(r"[A-Z0-9-]{1,20}")  # a subset of GS1's 82 characters that needs no escaping and reads aloud
ANY_LOT = re.compile(r"[!-z]{1,20}")  # other makers' lots: those 82 characters, and the few between them
GTIN, VARIANT, LOT_KEY = "01", "22", "10"
# primary key → its qualifiers in order, each of which may be left out; (01) has two such rows
QUALIFIERS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "00": (), GTIN: ((VARIANT, LOT_KEY, "21"), ("235",)), "253": (), "255": (), "401": (), "402": (),
    "414": (("254",), ("7040",)), "415": (("8020",),), "417": (("7040",),), "8003": (), "8004": (("7040",),),
    "8006": ((VARIANT, LOT_KEY, "21"),), "8010": (("8011",),), "8013": (), "8017": (("8019",),),
    "8018": (("8019",),),
}  # fmt: skip
# number of digits of a value up to and including its check digit: GS1 General Specifications, 7.9.1
CHECKED = {
    "00": 18, "01": 14, "02": 14, "253": 13, "255": 13, "402": 17, "410": 13, "411": 13, "412": 13, "413": 13,
    "414": 13, "415": 13, "416": 13, "417": 13, "8003": 14, "8006": 14, "8017": 18, "8018": 18, "8026": 14,
}  # fmt: skip
NOT_IN_A_LINK = "8200"  # may not stand in a Digital Link: it is an address itself


class DigitalLinkError(UserError):
    """The link cannot identify anything. `reason` is a key of the catalogue `page.*`, `values` fill it."""

    def __init__(self, reason: str, **values: str) -> None:
        super().__init__(reason)
        self.reason, self.values = reason, values


class LotKey(NamedTuple):
    """GTIN and lot, as on a label."""

    gtin: str
    lot: str

    @property
    def path(self) -> str:
        return f"/01/{self.gtin}/10/{self.lot}"


class Link(NamedTuple):
    """A parsed Digital Link: a primary key, its value, and its qualifiers."""

    key: str
    value: str
    qualifiers: Mapping[str, str]


def parse(gtin: str, lot: str) -> LotKey:
    """The lot key of a scanned link. Raises DigitalLinkError."""
    _check_gtin(gtin)
    if not LOT.fullmatch(lot):
        raise DigitalLinkError("bad_lot")
    return LotKey(gtin, lot)


def product_path(gtin: str) -> str:
    """The path of a product's link. Raises DigitalLinkError."""
    _check_gtin(gtin)
    return f"/{GTIN}/{gtin}"


def read(path: str, query: str = "") -> Link:
    """Parse the path and query string of a Digital Link, both as sent (%-escaped). Raises DigitalLinkError.

    A slash at the end is accepted.
    """
    parts = [_unescaped(part) for part in path.removeprefix("/").removesuffix("/").split("/")]
    key = parts[0]
    if key not in QUALIFIERS:
        raise DigitalLinkError("bad_key", name=key)
    if len(parts) % 2:
        raise DigitalLinkError("bad_pair", part=parts[-1])
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    names = [name for name, _ in pairs[1:]]
    rows = [row for row in QUALIFIERS[key] if _in_order(names, row)]
    if names and not rows:
        allowed = ", ".join(f"({name})" for row in QUALIFIERS[key] for name in row) or "–"
        raise DigitalLinkError(
            "bad_qualifier", name=key, names=", ".join(f"({n})" for n in names), allowed=allowed
        )
    for name, value in pairs:
        _check(name, value)
    excluded = {NOT_IN_A_LINK, key, *(name for row in rows for name in row)}  # may not stand in the query
    for name, value in parse_qsl(query, keep_blank_values=True):
        if re.fullmatch("[0-9]+", name):  # names made of digits are GS1's
            if name in excluded:
                raise DigitalLinkError("bad_attribute", name=name)
            _check(name, value)
            excluded.add(name)
    return Link(key, pairs[0][1], dict(pairs[1:]))


def _in_order(names: list[str], row: tuple[str, ...]) -> bool:
    rest = iter(row)
    return all(name in rest for name in names)


def _unescaped(part: str) -> str:
    try:
        return unquote(part, errors="strict")
    except UnicodeDecodeError:
        raise DigitalLinkError("bad_value", name="%", value=part) from None


SPANS = frozenset({"7007"})  # application identifiers with one day, or a first and a last day (YYMMDD)


def _check(name: str, value: str) -> None:
    """Raise DigitalLinkError unless the value has the form that GS1 prescribes for it."""
    from biip import ParseError  # imported late: its table is slow to load, and labels need none of it
    from biip.checksums import gs1_standard_check_digit
    from biip.gs1_element_strings import GS1ElementString

    if name == GTIN:
        _check_gtin(value)
        return
    # biip reads both days as one moment: findings/biip-reads-a-harvest-as-a-time.sh
    if name in SPANS and len(value) == 12:
        _check(name, value[:6])
        _check(name, value[6:])
        return
    try:
        element = GS1ElementString.parse(name + value)
    except ParseError:
        raise DigitalLinkError("bad_value", name=name, value=value) from None
    if element.ai.ai != name:
        raise DigitalLinkError("bad_attribute", name=name)
    end = CHECKED.get(name, 0)
    if end and str(gs1_standard_check_digit(value[: end - 1])) != value[end - 1]:
        raise DigitalLinkError("bad_check", name=name, value=value)


def _check_gtin(gtin: str) -> None:
    if not re.fullmatch(r"[0-9]{14}", gtin):
        raise DigitalLinkError("bad_gtin")
    if gtin_check_digit(gtin[:13]) != gtin[13]:
        raise DigitalLinkError("bad_check_digit")
