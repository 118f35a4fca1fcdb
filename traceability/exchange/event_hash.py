"""The hash of an EPCIS event that other tools compute too: CBV 2.0, section 8.9, the EPCIS Event Hash ID.

event ─► its fields in the standard's order, links and times in one spelling ─► pre-hash string ─► ni:///sha-256;…

Implements the standard's rules only for what our events contain: no sources, transactions or URN identifiers.
Two independent tools compute the same hashes; tests/traceability/exchange/test_event_hash.py names them.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

VERSION = "CBV2.0"
CBV, VOCABULARY = "https://ref.gs1.org/cbv/", "https://gs1.org/voc/"
ID = "https://id.gs1.org"  # the domain of Digital Links in a pre-hash string
DIGITAL_LINK = re.compile(r"https?://[^/]+(/01/[0-9]{14}(?:/10/[^/?#]+)?)(?:\?.*)?")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
GOODS = ("epcClass", "quantity", "uom")
METADATA = ("time", "startTime", "endTime", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod",
            "bizRules")  # fmt: skip
REPORT = ("type", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "time", "value",
          "minValue", "maxValue", "meanValue", "uom")  # fmt: skip
# fields in the standard's order, each with the order of its own fields
ORDER: Mapping[str, tuple[str, ...]] = {
    "eventTime": (), "eventTimeZoneOffset": (), "epcList": (), "parentID": (), "quantityList": GOODS,
    "childQuantityList": GOODS, "inputQuantityList": GOODS, "outputQuantityList": GOODS, "action": (),
    "bizStep": (), "disposition": (), "readPoint": ("id",), "bizLocation": ("id",),
}  # fmt: skip
TERMS = {"bizStep": f"{CBV}BizStep-", "disposition": f"{CBV}Disp-", "type": VOCABULARY}
TIMES = ("eventTime", "startTime", "endTime", "time")


def event_id(event: Mapping[str, Any], prefixes: Mapping[str, str]) -> str:
    """The hash as an `eventID`. `prefixes` are the extension prefixes of the document's `@context`."""
    digest = hashlib.sha256(prehash(event, prefixes).encode()).hexdigest()
    return f"ni:///sha-256;{digest}?ver={VERSION}"


def prehash(event: Mapping[str, Any], prefixes: Mapping[str, str]) -> str:
    """The string that is hashed. It excludes the event's own id and its error declaration."""
    return "".join(_parts(event, prefixes))


def _parts(event: Mapping[str, Any], prefixes: Mapping[str, str]) -> Iterator[str]:
    yield f"eventType={event['type']}"
    for name, inner in ORDER.items():
        if name in event:
            yield _field(name, event[name], inner)
    if "sensorElementList" in event:
        yield "sensorElementList" + "".join(sorted(map(_sensed, event["sensorElementList"])))
    if "ilmd" in event:
        yield "ilmd" + _extensions(event["ilmd"], prefixes)
    yield _extensions(event, prefixes)


def _field(name: str, value: Any, inner: tuple[str, ...]) -> str:
    match value:
        case list() if inner:
            return name + "".join(sorted("quantityElement" + _inside(one, inner) for one in value))
        case list():
            return name + "".join(sorted(f"epc={_link(one)}" for one in value))
        case dict():
            return name + _inside(value, inner)
    return f"{name}={_value(name, value)}"


def _inside(value: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return "".join(f"{name}={_value(name, value[name])}" for name in names if name in value)


def _sensed(element: Mapping[str, Any]) -> str:
    metadata = "sensorMetadata" + _inside(element["sensorMetadata"], METADATA)
    reports = sorted("sensorReport" + _inside(report, REPORT) for report in element["sensorReport"])
    return "sensorElement" + metadata + "".join(reports)


def _extensions(value: Mapping[str, Any], prefixes: Mapping[str, str]) -> str:
    """Extension fields with their prefixes written out, and their values, which are all plain."""
    parted = [(*name.partition(":"), one) for name, one in value.items() if ":" in name]
    return "".join(
        sorted(f"{{{prefixes[prefix]}}}{name}={_value('', one)}" for prefix, _, name, one in parted)
    )


def _value(name: str, value: Any) -> str:
    if isinstance(value, int | float) or NUMBER.fullmatch(value):
        number = float(value)  # every tool treats a text that reads as a number as a number
        return str(int(number)) if number == int(number) else str(number)
    if name in TIMES:
        at = datetime.fromisoformat(value).astimezone(UTC)
        return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"
    if name in TERMS and ":" not in value:
        return TERMS[name] + str(value)
    return _link(value.strip())


def _link(value: str) -> str:
    known = DIGITAL_LINK.fullmatch(value)
    return ID + known[1] if known else value
