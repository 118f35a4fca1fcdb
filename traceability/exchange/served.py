"""A lot's EPCIS document as we serve it, made from the documents in its record and its addenda.

    sealed documents ─► links of one domain, goods and places in CBV's forms ─► one list of events
                                             each known by its hash ◄─ event_hash.py ◄─┘

The sealed documents stay as they are: their keys are in alphabetical order, their links name the server that
sealed them, and crop and packages are fragments (`#crop`) of the lot's link. Tools of other makers read a
prefix before they know it if `@context` comes late, and do not take a link with a fragment for a GS1 link.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from traceability.exchange.event_hash import event_id

Event = dict[str, Any]
HEAD = (
    "@context",
    "type",
    "schemaVersion",
    "creationDate",
)  # before the body, for parsers that read a stream
LINKS = ("epcClass", "epcList", "parentID", "id", "bizStep", "dataProcessingMethod")  # fields that hold links
OURS, CORRECTS, SIMULATED = "hoiquan", "hoiquan:corrects", "hoiquan:simulated"


def served(sealed: Sequence[Mapping[str, Any]], canonical: str, *, simulated: bool) -> dict[str, Any]:
    """The document of a lot, from the record's document and those of its addenda in their order.

    Its links are below `canonical`, an http(s) address without a slash at its end, whichever server sealed or
    serves it. An event's `eventID` is its hash, so that an event stated twice is one event. An event that
    corrects another names it in `hoiquan:corrects`: an event corrected twice may end up as it first was, and
    must still be a different event. Each event of a `simulated` lot has `hoiquan:simulated`, as other
    tools keep events, not documents.
    """
    prefixes = {OURS: f"{canonical}/vocabulary/"}
    by_id, mends = _by_id(sealed, canonical)
    names: dict[str, str] = {}  # for each event, the id it was sealed with → its hash
    for name, event in by_id.items():
        if simulated:
            event[SIMULATED] = "true"
        if name in mends:
            event[CORRECTS] = names[mends[name]]
        names[name] = event["eventID"] = event_id(event, prefixes)
    for event in by_id.values():
        if declared := event.get("errorDeclaration"):
            rights = [names[name] for name in declared["correctiveEventIDs"]]
            event["errorDeclaration"] = declared | {"correctiveEventIDs": rights}
    events = list({event["eventID"]: event for event in by_id.values()}.values())
    head = {name: sealed[0][name] for name in HEAD} | {"@context": [sealed[0]["@context"][0], prefixes]}
    return head | {"epcisBody": {"eventList": events}}


def _by_id(sealed: Sequence[Mapping[str, Any]], canonical: str) -> tuple[dict[str, Event], dict[str, str]]:
    """Events by the id they were sealed with, and for each correcting event, the event that it corrects.

    A correction repeats the wrong event under its first id, as it held by then. The error declaration goes to
    the event that held at that time.
    """
    by_id: dict[str, Event] = {}
    holds: dict[str, str] = {}
    mends: dict[str, str] = {}
    for document in sealed:
        base = document["@context"][1][OURS].removesuffix("/vocabulary/")
        events = document["epcisBody"]["eventList"]
        for event in events:
            name = event["eventID"]
            if "errorDeclaration" in event and holds.get(name, name) in by_id:
                by_id[holds.get(name, name)]["errorDeclaration"] = event["errorDeclaration"]
            else:
                by_id[name] = _moved(event, base, canonical)
        for event in events:
            name = event["eventID"]
            for right in event.get("errorDeclaration", {}).get("correctiveEventIDs", ()):
                if by_id[right]["type"] == event["type"]:
                    mends[right] = holds.get(name, name)
                    holds[name] = right
    return by_id, mends


def _moved(event: Event, base: str, canonical: str) -> Event:
    """The event with links of the canonical domain.

    Each sensor report names its signal in the standard's own field, and extensions that hold for all reports
    move to the event: every tool finds extensions there.
    """
    moved: Event = {"type": event["type"], **_renamed(event, base, canonical)}
    for element in moved.get("sensorElementList", ()):
        metadata, reports = element["sensorMetadata"], element["sensorReport"]
        moved |= {name: metadata.pop(name) for name in list(metadata) if ":" in name}
        for report in reports:
            report["deviceMetadata"] = f"{canonical}/vocabulary/signal/{report.pop(f'{OURS}:signal')}"
    return moved


def _renamed(value: Any, base: str, canonical: str, name: str = "") -> Any:
    match value:
        case dict():
            return {inner: _renamed(one, base, canonical, inner) for inner, one in value.items()}
        case list():
            return [_renamed(one, base, canonical, name) for one in value]
        case str() if name in LINKS:
            return _link(value, base, canonical)
        case bool():  # tools spell a boolean differently when hashing, but a text alike
            return "true" if value else "false"
    return value


def _link(link: str, base: str, canonical: str) -> str:
    """The link below `canonical`. CBV 2.0 has forms for what is no trade item: /class/ for goods, /obj/ for a
    thing, /loc/ for a place.
    """
    if link.startswith("urn:uuid:"):
        return f"{canonical}/obj/{link.removeprefix('urn:uuid:')}"
    if not link.startswith(f"{base}/"):
        return link
    path, _, part = link.removeprefix(base).partition("#")
    if part:
        return f"{canonical}/class/{'.'.join(path.split('/')[2::2])}.{part}"
    if path.startswith("/community/"):
        return f"{canonical}/loc/{path.removeprefix('/community/')}"
    return canonical + path
