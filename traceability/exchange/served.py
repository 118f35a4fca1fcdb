"""A lot's EPCIS document as it is given to others, made of the documents in its record and its addenda.

    sealed documents ─► links of one domain, goods and places in CBV's forms ─► one list of events
                                             each known by its hash ◄─ event_hash.py ◄─┘

What is sealed stays as it is: its keys stand in the order of their letters, its links name the server that
sealed it, and crop and packages are parts (`#crop`) of the lot's link. Tools that others wrote read a prefix
before they know it where `@context` comes late, and take a link with a part for no GS1 link.
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
)  # before the body, for those who read as it comes
LINKS = ("epcClass", "epcList", "parentID", "id", "bizStep", "dataProcessingMethod")  # fields that hold links
OURS, CORRECTS = "hoiquan", "hoiquan:corrects"


def served(sealed: Sequence[Mapping[str, Any]], canonical: str) -> dict[str, Any]:
    """The document of a lot: the record's, and those of its addenda in their order. Its links are below
    `canonical`, an http(s) address without a slash at its end, whichever server sealed or serves it.

    An event's `eventID` is its hash, so that the same event said twice is one. An event that puts another
    right names it in `hoiquan:corrects`: what is put right twice may come back to what it was, and is then
    another event.
    """
    prefixes = {OURS: f"{canonical}/vocabulary/"}
    said, mends = _said(sealed, canonical)
    names: dict[str, str] = {}  # of each event its id as sealed, and its hash
    for name, event in said.items():
        if name in mends:
            event[CORRECTS] = names[mends[name]]
        names[name] = event["eventID"] = event_id(event, prefixes)
    for event in said.values():
        if declared := event.get("errorDeclaration"):
            rights = [names[name] for name in declared["correctiveEventIDs"]]
            event["errorDeclaration"] = declared | {"correctiveEventIDs": rights}
    events = list({event["eventID"]: event for event in said.values()}.values())
    head = {name: sealed[0][name] for name in HEAD} | {"@context": [sealed[0]["@context"][0], prefixes]}
    return head | {"epcisBody": {"eventList": events}}


def _said(sealed: Sequence[Mapping[str, Any]], canonical: str) -> tuple[dict[str, Event], dict[str, str]]:
    """Events by their id as sealed; and of each that puts another right, which. A correction says the wrong
    event again under its first id, as it held by then: what is declared wrong is the one that held.
    """
    said: dict[str, Event] = {}
    holds: dict[str, str] = {}
    mends: dict[str, str] = {}
    for document in sealed:
        base = document["@context"][1][OURS].removesuffix("/vocabulary/")
        events = document["epcisBody"]["eventList"]
        for event in events:
            name = event["eventID"]
            if "errorDeclaration" in event and holds.get(name, name) in said:
                said[holds.get(name, name)]["errorDeclaration"] = event["errorDeclaration"]
            else:
                said[name] = _moved(event, base, canonical)
        for event in events:
            name = event["eventID"]
            for right in event.get("errorDeclaration", {}).get("correctiveEventIDs", ()):
                if said[right]["type"] == event["type"]:
                    mends[right] = holds.get(name, name)
                    holds[name] = right
    return said, mends


def _moved(event: Event, base: str, canonical: str) -> Event:
    """The event with links of the canonical domain; beside each sensor what describes it, in the standard's
    own field, and what goes for all of them at the event: there every tool finds an extension.
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
        case bool():  # tools that find hashes spell it each in its own way, and a text all alike
            return "true" if value else "false"
    return value


def _link(link: str, base: str, canonical: str) -> str:
    """CBV 2.0 has forms for what is no trade item: /class/ for goods, /obj/ a thing, /loc/ a place."""
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
