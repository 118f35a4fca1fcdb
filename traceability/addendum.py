"""What came after a lot was sealed: packing, shipping, a split or merge, a correction, a recall, and an input
that should have been known before.

Each is a document of its own beside the record, canonical bytes and a leaf in the log like it; `of` is the
hash of the record it belongs to. Nothing that was sealed is ever written again: original and correction
both stand.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from devices.bounds import AHEAD, DAY_MS, epoch_ms, midnight
from devices.diary import (
    Correction,
    DiaryEvent,
    Handling,
    Harvest,
    Input,
    Merge,
    Packing,
    Revocation,
    Shipping,
    Split,
    corrected,
    decode_diary,
)
from devices.payloads import PayloadError
from devices.pilot import Pilot
from devices.places import FIRST
from traceability import lot, record
from traceability.digital_link import LotKey
from traceability.epcis import Speaker, kilograms
from traceability.season import Basis

ROUNDING = 1e-6  # kilograms


class Refused(ValueError):
    """The event cannot be sealed; `reason` is a key of the catalogue `lot.*`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def folder_of(records: Path, key: LotKey) -> Path:
    """Where a lot's addenda stand, one file an event."""
    return records / key.gtin / key.lot


def read_all(records: Path, key: LotKey) -> list[tuple[str, bytes]]:
    """(event id, canonical bytes) of each addendum of the lot."""
    folder = folder_of(records, key)
    return [(path.stem, path.read_bytes()) for path in sorted(folder.glob("*.json"))]


def whole_epcis(content: dict[str, Any], addenda: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The EPCIS document of a lot up to now: its record's, and the events of its addenda."""
    events = {}
    for one in (content, *addenda):
        for event in one["epcis"]["epcisBody"]["eventList"]:
            events[event["eventID"]] = event  # a correction says the wrong one again, declared wrong
    document: dict[str, Any] = content["epcis"]
    return document | {"epcisBody": {"eventList": list(events.values())}}


def check_quantity(event: Handling | Input, total_kg: float, used: Mapping[str, float]) -> None:
    """Raise Refused where more is handled than there is. `used`: kilograms by kind of event so far."""
    gone = used.get("split", 0.0) + used.get("merge", 0.0)
    packed, shipped = used.get("packing", 0.0), used.get("shipping", 0.0)
    match event:
        case Packing():
            needed = packed + gone + event.quantity_kg
        case Shipping():
            needed = shipped + gone + event.quantity_kg
        case Split():
            needed = max(packed, shipped) + gone + sum(event.parts)
        case Merge():
            needed = max(packed, shipped) + gone + total_kg
        case _:
            return
    if needed > total_kg + ROUNDING:
        raise Refused("more_than_lot")


def weight(event: Handling | Input, total_kg: float) -> float:
    """Kilograms of the lot that the event handles."""
    match event:
        case Packing() | Shipping():
            return event.quantity_kg
        case Split():
            return sum(event.parts)
        case Merge():
            return total_kg
    return 0.0


def build(
    pilot: Pilot,
    base_url: str,
    data: bytes,
    event: Handling | Input,
    earlier: Iterable[dict[str, Any]],
    children: Sequence[tuple[LotKey, float]] = (),
    rests: Basis | None = None,
) -> dict[str, Any]:
    """The addendum to the lot whose record is `data`. `earlier` are the addenda that it has, `children` the
    lots that a split or merge makes, with their kilograms; `rests`: for a correction, what the lot's harvest
    rests on now (None: it came out of a split or merge). Raises Refused.
    """
    content, before = json.loads(data), list(earlier)  # our own bytes: their form needs no look
    key = LotKey(content["gtin"], content["lot"])
    speaker = record.speaker_of(pilot, content["producer"]["community"], key, base_url)
    packed = any(one["event"]["event"] == "packing" for one in before)
    correction = None
    match event:
        case Correction():
            correction, said = _correction(pilot, content, event, before, speaker, rests)
        case Revocation():
            said = [speaker.recalled(event.id, event.ts, event.reason)]
        case Split() | Merge():
            inputs = [kilograms(speaker.link, weight(event, content["quantity_kg"]["value"]))]
            outputs = [kilograms(f"{base_url}{child.path}", amount) for child, amount in children]
            said = [speaker.made(event.id, event.ts, inputs, outputs)]
        case _:
            said = speaker.said(event, packed=packed)
    return {
        "format": record.ADDENDUM,
        "gtin": key.gtin,
        "lot": key.lot,
        "pilot": pilot.pilot,
        "simulated": content["simulated"],
        "of": {"sha256": hashlib.sha256(data).hexdigest()},
        "event": event.model_dump(mode="json", exclude_none=True),
        "known": "declared",
        "correction": correction,
        # an input that was written down too late: the harvest was inside its interval
        "breaks": "pre_harvest_interval" if isinstance(event, Input) else "",
        "lots": [{"gtin": child.gtin, "lot": child.lot, "quantity_kg": amount} for child, amount in children],
        "epcis": speaker.document(said, event.ts),
    }


def _correction(
    pilot: Pilot, content: dict[str, Any], event: Correction, before: list[dict[str, Any]], speaker: Speaker,
    rests: Basis | None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:  # fmt: skip
    """What the event was and is, and whether the lot could have been sealed like this (`breaks`)."""
    looked_at = content.get("intervals", record.NONE_NAMED)["rows"]
    rows = looked_at + content["events"]["rows"] + [one["event"] for one in before]
    events = {row["id"]: decode_diary(json.dumps(row).encode()) for row in rows}
    for one in before:  # corrected twice: what is wrong now is what the first correction said
        if one["correction"] is not None:
            after = decode_diary(json.dumps(one["correction"]["after"]).encode())
            events[after.id] = after
    wrong = events.get(event.of)
    if wrong is None:
        raise Refused("nothing_to_correct")
    try:
        right = corrected(wrong, event)
    except PayloadError:
        raise Refused("bad_correction") from None
    _in_order(pilot, content, wrong, right, events, event)
    said = speaker.corrected(
        wrong, right, event.id, event.ts, packed=any(one["event"]["event"] == "packing" for one in before)
    )
    return {
        "before": wrong.model_dump(mode="json", exclude_none=True),
        "after": right.model_dump(mode="json", exclude_none=True),
        "breaks": _breaks(pilot, content, events | {event.of: right}, rests),
    }, said


def _in_order(
    pilot: Pilot, content: dict[str, Any], wrong: DiaryEvent, right: DiaryEvent,
    events: Mapping[str, DiaryEvent], event: Correction,
) -> None:  # fmt: skip
    """A correction keeps the order and the bounds that the entry itself had to keep. Raises Refused."""
    if right.ts == wrong.ts:
        return
    place = pilot.place.get(content["producer"]["community"])
    older = content["simulated"] or getattr(right, "older", None) or place is None
    first = FIRST if older or place is None else place.joined
    last = (event.ts.astimezone(pilot.zone) + AHEAD).date()
    if not midnight(first, pilot.zone) <= epoch_ms(right.ts) < midnight(last, pilot.zone) + DAY_MS:
        raise Refused("bad_date")
    now = [*(one for one in events.values() if one.id != right.id), right]
    harvested = [epoch_ms(one.ts) for one in now if isinstance(one, Harvest)]
    handled = [epoch_ms(one.ts) for one in now if isinstance(one, Packing | Shipping)]
    if harvested and handled and min(handled) < min(harvested):
        raise Refused("before_harvest")


def _breaks(
    pilot: Pilot, content: dict[str, Any], events: Mapping[str, DiaryEvent], rests: Basis | None
) -> str:
    """Why the lot would not have been sealed with these events."""
    community = pilot.producers.get(content["producer"]["community"])
    product = pilot.product_of(content["gtin"])
    harvest = next((e for e in events.values() if isinstance(e, Harvest)), None)
    if community is None or product is None or harvest is None:
        return ""
    inputs = tuple(e for e in events.values() if isinstance(e, Input) and e.pre_harvest_days)
    known = {one.id for one in inputs}
    others = tuple(one for one in rests.holding if one.id not in known) if rests is not None else ()
    picked = rests.picked if rests is not None else ()
    area = pilot.records.area(harvest.area_code) if harvest.area_code is not None else None
    return lot.refusal(
        community, product, harvest, Basis(0, (), (), (*inputs, *others), picked), area, pilot.zone
    )
