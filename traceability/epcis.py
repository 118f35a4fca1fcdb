"""The lot as an EPCIS 2.0 document (JSON-LD), for systems that speak GS1's language.

The harvest is an ObjectEvent ADD that commissions the lot, with `ilmd`; what was sensed on the plot is
an ObjectEvent OBSERVE with sensor reports. `deviceID`, `rawData` and the like stand in
`sensorMetadata` alone: the standard forbids them in both places and its schema does not catch it.
"""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from devices.signals import SIGNALS
from traceability.conditions import Conditions

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"


def document(
    link: str, vocabulary: str, place: str, quantity_kg: float, harvested: datetime, grew: Conditions
) -> dict[str, Any]:
    """The document of a lot. `link` is its Digital Link URI, `vocabulary` the prefix of our own terms,
    `place` the URI of the community; `harvested` has a zone.
    """
    quantity = [{"epcClass": link, "quantity": quantity_kg, "uom": "KGM"}]
    events: list[dict[str, Any]] = [
        _event(link, "harvest", harvested)
        | {
            "action": "ADD",
            "bizStep": "commissioning",
            "disposition": "active",
            "quantityList": quantity,
            "readPoint": {"id": place},
            "bizLocation": {"id": place},
            "ilmd": {"hoiquan:harvested": _time(harvested)},
        }
    ]
    if grew.daily:
        zone = harvested.tzinfo or UTC
        element = {
            "sensorMetadata": {
                "startTime": _time(datetime.fromtimestamp(grew.start / 1000, zone)),
                "endTime": _time(datetime.fromtimestamp(grew.stop / 1000, zone)),
                "dataProcessingMethod": f"{vocabulary}daily-summary",
            },
            "sensorReport": [_report(signal, rows) for signal, rows in grew.daily.items()],
        }
        events.append(
            _event(link, "sensed", harvested)
            | {
                "action": "OBSERVE",
                "bizStep": "sensor_reporting",
                "quantityList": quantity,
                "readPoint": {"id": place},
                "sensorElementList": [element],
            }
        )
    return {
        "@context": [CONTEXT, {"hoiquan": vocabulary}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": _time(harvested),
        "epcisBody": {"eventList": events},
    }


def _event(link: str, name: str, at: datetime) -> dict[str, Any]:
    offset = at.utcoffset() or timedelta(0)
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return {
        "type": "ObjectEvent",
        "eventID": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{link}#{name}')}",
        "eventTime": _time(at),
        "eventTimeZoneOffset": f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}",
    }


def _report(signal: str, rows: list[list[Any]]) -> dict[str, Any]:
    number = sum(row[4] for row in rows)
    return {
        "type": SIGNALS[signal].epcis,
        "minValue": min(row[1] for row in rows),
        "meanValue": round(sum(row[2] * row[4] for row in rows) / number, 3),
        "maxValue": max(row[3] for row in rows),
        "uom": SIGNALS[signal].unece,
        "hoiquan:signal": signal,
    }


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
