"""Checks an EPCIS 2.0 document of any origin, and reads its events.

document ─► head ─► events ─► each by the form of its type (forms.py, words.py) ─► sentences: where and what
                           └► rules of the standard that GS1's JSON schema does not cover

Accepts an EPCISDocument, an EPCISQueryDocument and a single event. A field without a prefix belongs to the
standard: one that is not in its form is refused, so that a misspelt field does not pass as an extension.
"""

import re
from collections.abc import Mapping
from typing import Any

from devices.texts import Mendable
from traceability.exchange.forms import DOCUMENT, EVENTS, OWN, QUERY, URI, Wrongs, missing, shown, wrong

ACTIONS = ("ADD", "OBSERVE", "DELETE")
THINGS, CHILDREN = ("epcList", "quantityList"), ("childEPCs", "childQuantityList")
EITHER = ("time", "deviceID", "rawData", "dataProcessingMethod", "deviceMetadata")


def problems(document: object) -> list[Mendable]:
    """The faults of an EPCIS 2.0 document, one sentence each, the place first; [] if there are none."""
    if not isinstance(document, dict):
        return [Mendable("epcis.document", why=Mendable("epcis.no_json"))]
    kind = document.get("type")
    if kind not in ("EPCISDocument", "EPCISQueryDocument"):
        if isinstance(kind, str) and kind in EVENTS:
            every = [*([] if "@context" in document else [missing("@context")]), *_event(document)]
            return [Mendable("epcis.one_event", why=one) for one in every]
        return [Mendable("epcis.document", why=Mendable("epcis.no_type", value=shown(kind)))]
    version = document.get("schemaVersion", "2.0" if kind == "EPCISQueryDocument" else None)
    if not isinstance(version, str) or not re.fullmatch(r"2(\.\d+)*", version, re.ASCII):
        return [wrong("schemaVersion", "version", value=shown(version))]
    head = QUERY if kind == "EPCISQueryDocument" else DOCUMENT
    if absent := [name for name in head.needed if name not in document]:
        return [Mendable("epcis.document", why=missing(*absent))]
    if faults := list(head("", document)):
        return faults
    return [
        Mendable("epcis.event", number=n, why=one)
        for n, event in enumerate(events(document))
        for one in _event(event)
    ]


def events(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The events of a document that has no faults."""
    body = document.get("epcisBody")
    if body is None:
        return [dict(document)]
    event_list: list[dict[str, Any]] = body.get("queryResults", {}).get("resultsBody", body)["eventList"]
    return event_list


def _event(event: object) -> Wrongs:
    if not isinstance(event, dict):
        yield Mendable("epcis.no_event", value=shown(event))
        return
    kind = event.get("type")
    if not isinstance(kind, str) or (kind not in EVENTS and not URI.fullmatch(kind)):
        yield Mendable("epcis.no_event_type", value=shown(kind), there=", ".join(EVENTS))
        return
    form = EVENTS.get(kind, OWN)
    yield from form("", event)
    if kind not in EVENTS:
        return
    if kind == "TransformationEvent":
        if "action" in event:
            yield Mendable("epcis.action_of_none")
    elif event.get("action") not in ACTIONS:
        yield Mendable("epcis.no_action", value=shown(event.get("action")), there=", ".join(ACTIONS))
    yield from _goods(kind, event)
    if "ilmd" in event and kind != "TransformationEvent" and event.get("action") != "ADD":
        yield Mendable("epcis.ilmd")
    yield from _twice(event)


def _goods(kind: str, event: Mapping[str, Any]) -> Wrongs:
    """Check that the event names its goods."""
    if kind == "TransformationEvent":
        into = any(event.get(name) for name in ("inputEPCList", "inputQuantityList"))
        out = any(event.get(name) for name in ("outputEPCList", "outputQuantityList"))
        if not ((into and out) or ("transformationID" in event and (into or out))):
            yield Mendable("epcis.no_change")
        return
    lists = THINGS if kind in ("ObjectEvent", "TransactionEvent") else CHILDREN
    if any(event.get(name) for name in lists) or "epcList" in event:
        return
    if kind == "ObjectEvent":
        if not (event.get("sensorElementList") and "readPoint" in event):
            yield Mendable("epcis.no_object_seen", lists=", ".join(lists))
    elif event.get("action") != "DELETE":
        yield Mendable("epcis.no_goods", lists=", ".join(lists))


def _twice(event: Mapping[str, Any]) -> Wrongs:
    """EPCIS 2.0, 7.3.7: a field that holds for all reports stands in their metadata, and in no report."""
    elements = event.get("sensorElementList")
    for element in elements if isinstance(elements, list) else ():
        metadata, reports = (element.get(name) if isinstance(element, dict) else None
                             for name in ("sensorMetadata", "sensorReport"))  # fmt: skip
        if isinstance(metadata, dict) and isinstance(reports, list):
            for name in EITHER:
                if name in metadata and any(isinstance(one, dict) and name in one for one in reports):
                    yield Mendable("epcis.both", name=name)
