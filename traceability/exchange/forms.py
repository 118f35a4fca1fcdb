"""Forms of EPCIS 2.0 in JSON: the fields of each object and their allowed values, after GS1's JSON schema.

A check yields what is wrong with a value, and where. The tables at the end are forms made of checks.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from math import isfinite
from typing import Any

from devices.texts import Mendable
from traceability.exchange import words

URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
# URIs in the style of CBV 1.2 or of GS1's web vocabulary do not count as somebody's own words
CBV_1, WEB = (
    re.compile(r"urn:epcglobal:cbv|https?://ns\.gs1\.org/cbv/"),
    re.compile(r"https?://(www\.)?gs1\.org/voc/"),
)
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
SHOWN = 60  # characters of a wrong value that a sentence shows

Wrongs = Iterator[Mendable]
Check = Callable[[str, Any], Wrongs]  # (path of a value, the value) → what is wrong with it
Fields = Mapping[str, Check]


def shown(value: object) -> str:
    """A value as a sentence shows it."""
    literal = repr(value)
    return literal if len(literal) <= SHOWN else f"{literal[: SHOWN - 1]}…"


def wrong(where: str, key: str, **values: object) -> Mendable:
    """What is wrong at a path of the document; `key` is of the catalogue's group `epcis`."""
    return Mendable("epcis.at", where=where.removeprefix("."), why=Mendable(f"epcis.{key}", **values))


def missing(*paths: str) -> Mendable:
    """What is missing, by its path."""
    return Mendable("epcis.missing", names=", ".join(one.removeprefix(".") for one in paths))


class Form:
    """An object of the standard: its fields, the required ones, and whether extensions are allowed."""

    def __init__(self, fields: Fields, needed: tuple[str, ...] = (), *, more: bool = True) -> None:
        self.fields, self.needed, self.more = fields, needed, more

    def __call__(self, where: str, value: Any) -> Wrongs:
        if not isinstance(value, dict):
            yield wrong(where, "no_object", value=shown(value))
            return
        for name in self.needed:
            if value.get(name) is None:
                yield missing(f"{where}.{name}")
        for name, one in value.items():
            if one is None and name in self.needed:
                continue
            if name in self.fields:
                yield from self.fields[name](f"{where}.{name}", one)
            elif not self.more:
                yield wrong(f"{where}.{name}", "no_field")
            elif not URI.fullmatch(name):
                yield wrong(f"{where}.{name}", "no_own_field")


def _uri(where: str, value: Any) -> Wrongs:
    if not isinstance(value, str) or not URI.fullmatch(value):
        yield wrong(where, "no_uri", value=shown(value))


def _moment(where: str, value: Any) -> Wrongs:
    good = isinstance(value, str) and MOMENT.fullmatch(value) is not None
    if good:
        try:
            datetime.fromisoformat(value.upper())
        except ValueError:
            good = False
    if not good:
        yield wrong(where, "no_moment", value=shown(value))


def _number(where: str, value: Any) -> Wrongs:
    # any int is fine: isfinite would fail on one that is longer than a float
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole and not (isinstance(value, float) and isfinite(value)):
        yield wrong(where, "no_number", value=shown(value))


def _text(where: str, value: Any) -> Wrongs:
    if not isinstance(value, str):
        yield wrong(where, "no_text", value=shown(value))


def _any(_where: str, _value: Any) -> Wrongs:
    yield from ()


def _like(pattern: str, example: str) -> Check:
    def check(where: str, value: Any) -> Wrongs:
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
            yield wrong(where, "no_form", value=shown(value), example=example)

    return check


def _word(known: frozenset[str], old: re.Pattern[str] = CBV_1) -> Check:
    def check(where: str, value: Any) -> Wrongs:
        if isinstance(value, str) and (value in known or (URI.fullmatch(value) and not old.match(value))):
            return
        some = ", ".join(sorted(known)[:3])
        yield wrong(where, "no_word", value=shown(value), some=some)

    return check


def _list(inner: Check, least: int = 0) -> Check:
    def check(where: str, value: Any) -> Wrongs:
        if not isinstance(value, list):
            yield wrong(where, "no_list", value=shown(value))
            return
        if len(value) < least:
            yield wrong(where, "empty")
        for n, one in enumerate(value):
            yield from inner(f"{where}[{n}]", one)

    return check


def _set(inner: Check, least: int = 0) -> Check:
    """A check for a list without duplicates."""

    def check(where: str, value: Any) -> Wrongs:
        yield from _list(inner, least)(where, value)
        if isinstance(value, list):
            texts = [one for one in value if isinstance(one, str)]
            for one in sorted({one for one in texts if texts.count(one) > 1}):
                yield wrong(where, "twice", value=shown(one))

    return check


def _context(where: str, value: Any) -> Wrongs:
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, dict):
            yield from _uri(where, one)


def _certificates(where: str, value: Any) -> Wrongs:
    yield from _list(_uri)(where, value) if isinstance(value, list) else _uri(where, value)


def _truth(where: str, value: Any) -> Wrongs:
    if not isinstance(value, bool):
        yield wrong(where, "no_truth", value=shown(value))


_ID = Form({"id": _uri}, ("id",))
_STEP, _STATE, _SIDE = _word(words.STEPS), _word(words.DISPOSITIONS), _word(words.SIDES)
_EPCS = _set(_uri)
_QUANTITIES = _list(
    Form(
        {"epcClass": _uri, "quantity": _number, "uom": _like("[A-Z0-9]{2,3}", "KGM (UN/ECE Rec. 20)")},
        ("epcClass",), more=False,
    )
)  # fmt: skip
_DEVICE: Fields = {
    "time": _moment, "deviceID": _uri, "deviceMetadata": _uri, "rawData": _uri, "dataProcessingMethod": _uri,
    "bizRules": _uri,
}  # fmt: skip
_VALUES = ("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue")
_REPORT = Form({
    **_DEVICE, **dict.fromkeys(_VALUES, _number), "exception": _word(words.ALERTS, WEB),
    "type": _like(rf"\w+|{URI.pattern}", "Temperature, https://…"), "microorganism": _uri,
    "chemicalSubstance": _uri, "coordinateReferenceSystem": _uri, "component": _word(words.COMPONENTS),
    "stringValue": _text, "booleanValue": _truth, "hexBinaryValue": _like("[A-Fa-f0-9]+", "0A1F"),
    "uriValue": _uri, "uom": _text,
})  # fmt: skip
_SENSOR = Form(
    {
        "type": _text,  # from JSON-LD; GS1's examples have it
        "sensorMetadata": Form({**_DEVICE, "startTime": _moment, "endTime": _moment}),
        "sensorReport": _list(_REPORT, 1),
    },
    ("sensorReport",),
)
_EVENT: Fields = {
    "@context": _context, "type": _text, "eventTime": _moment, "recordTime": _moment,
    "eventTimeZoneOffset": _like(r"[+-]((0\d|1[0-3]):[0-5]\d|14:00)", "+07:00"), "eventID": _uri,
    "certificationInfo": _certificates,
    "errorDeclaration": Form(
        {"declarationTime": _moment, "reason": _word(words.REASONS), "correctiveEventIDs": _list(_uri)},
        ("declarationTime",),
    ),
}  # fmt: skip
_WHY: Fields = {
    "action": _any, "bizStep": _STEP, "disposition": _STATE, "readPoint": _ID, "bizLocation": _ID,
    "persistentDisposition": Form({"set": _set(_STATE, 1), "unset": _set(_STATE, 1)}, more=False),
    "bizTransactionList": _list(
        Form({"type": _word(words.TRANSACTIONS), "bizTransaction": _uri}, ("bizTransaction",), more=False)
    ),
    "sourceList": _list(Form({"type": _SIDE, "source": _uri}, ("type", "source"), more=False)),
    "destinationList": _list(Form({"type": _SIDE, "destination": _uri}, ("type", "destination"), more=False)),
    "sensorElementList": _list(_SENSOR),
}  # fmt: skip
_CHILDREN: Fields = {"parentID": _uri, "childEPCs": _EPCS, "childQuantityList": _QUANTITIES}
_THINGS: Fields = {"epcList": _EPCS, "quantityList": _QUANTITIES}
_CHANGED: Fields = {
    "inputEPCList": _EPCS, "inputQuantityList": _QUANTITIES, "outputEPCList": _EPCS,
    "outputQuantityList": _QUANTITIES,
}  # fmt: skip
_WHEN = ("eventTime", "eventTimeZoneOffset")
EVENTS = {
    "ObjectEvent": Form({**_EVENT, **_WHY, **_THINGS, "ilmd": Form({})}, _WHEN),
    "AggregationEvent": Form({**_EVENT, **_WHY, **_CHILDREN}, _WHEN),
    "AssociationEvent": Form({**_EVENT, **_WHY, **_CHILDREN}, (*_WHEN, "parentID")),
    "TransactionEvent": Form({**_EVENT, **_WHY, **_THINGS, "parentID": _uri}, (*_WHEN, "bizTransactionList")),
    "TransformationEvent": Form(
        {**_EVENT, **_WHY, **_CHANGED, "transformationID": _uri, "ilmd": Form({})}, _WHEN
    ),
}
OWN = Form(_EVENT, _WHEN)  # an event of somebody's own type, whose other fields are free
_LATER = Form({"eventList": _list(_any), "vocabularyList": _list(_any)}, ("eventList",))
_HEAD: Fields = {
    "@context": _context, "id": _like(rf"{URI.pattern}|_:\w+", "https://example.org/1"), "type": _text,
    "schemaVersion": _text, "creationDate": _moment,
}  # fmt: skip
DOCUMENT = Form(
    {**_HEAD, "instanceIdentifier": _text, "sender": _text, "receiver": _text, "epcisHeader": _any,
     "epcisBody": Form({"eventList": _list(_any)}, ("eventList",))},
    ("@context", "schemaVersion", "creationDate", "epcisBody"),
)  # fmt: skip
_RESULTS = Form(
    {"queryName": _text, "subscriptionID": _text, "resultsBody": _LATER}, ("queryName", "resultsBody")
)
QUERY = Form(
    {**_HEAD, "epcisBody": Form({"queryResults": _RESULTS}, ("queryResults",))}, ("@context", "epcisBody")
)
