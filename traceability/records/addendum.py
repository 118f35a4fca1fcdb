"""Addenda: what happened to a lot after it was sealed.

That is packing, shipping, a split or merge, a correction, a recall, or an input that was written down too
late. Each addendum is a document of its own beside the record: canonical bytes and a leaf in the log, like
the record. Its `of` is the hash of the record it belongs to. Nothing sealed is ever rewritten: the original
and its correction both stand.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from devices.contract.diary import (
    Correction,
    DiaryEvent,
    Handling,
    Input,
    Merge,
    Packing,
    Revocation,
    Shipping,
    Split,
)
from devices.pilots.pilot import Pilot
from traceability.digital_link import LotKey
from traceability.records import record, story
from traceability.records.epcis import kilograms


class Refused(ValueError):
    """The event cannot be sealed; `reason` is a key of the catalogue `lot.*`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def folder_of(records: Path, key: LotKey) -> Path:
    """The folder of a lot's addenda, one file an event."""
    return records / key.gtin / key.lot


def read_all(records: Path, key: LotKey) -> list[tuple[str, bytes]]:
    """(event id, canonical bytes) of each addendum of the lot."""
    folder = folder_of(records, key)
    return [(path.stem, path.read_bytes()) for path in sorted(folder.glob("*.json"))]


def check_quantity(event: DiaryEvent, total_kg: float, used: Mapping[str, float]) -> None:
    """Raise Refused where the event handles more than is left of the lot.

    `used`: kilograms handled so far, by kind of event. For a harvest, `total_kg` is the harvested weight.
    """
    handles = not isinstance(event, Correction | Revocation | Input)
    if handles and weight(event, total_kg) > room(event.event, total_kg, used) + story.ROUNDING:
        nothing_left = isinstance(event, Handling) and total_kg - _gone(used) < story.ROUNDING
        raise Refused("passed_on" if nothing_left else "more_than_lot")


def room(kind: str, total_kg: float, used: Mapping[str, float]) -> float:
    """Kilograms of a lot that an event of this kind may still handle.

    Packing and shipping do not reduce each other: packed goods may be shipped, and shipped goods packed.
    Goods that go into another lot may be neither packed nor shipped.
    """
    packed, shipped = used.get("packing", 0.0), used.get("shipping", 0.0)
    taken = {"packing": packed, "shipping": shipped}.get(kind, max(packed, shipped))
    return total_kg - _gone(used) - taken


def _gone(used: Mapping[str, float]) -> float:
    """Kilograms that went into other lots."""
    return used.get("split", 0.0) + used.get("merge", 0.0)


def check_whole(later: Sequence[Mapping[str, Any]]) -> None:
    """Raise Refused for a split or merge of a lot that was recalled or should not have been sealed: such a
    lot gets no new code. `later`: the lot's addenda.
    """
    if story.recalled(later):
        raise Refused("recalled")
    if story.breaks(later):
        raise Refused("broken")


def takes(kind: str, total_kg: float, used: Mapping[str, float], later: Sequence[Mapping[str, Any]]) -> bool:
    """Whether some of a lot may be packed, shipped or split, or all of it merged."""
    if kind in ("split", "merge"):
        try:
            check_whole(later)
        except Refused:
            return False
    return room(kind, total_kg, used) > (total_kg - story.ROUNDING if kind == "merge" else story.ROUNDING)


def weight(event: DiaryEvent, total_kg: float) -> float:
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
    parents: Sequence[tuple[LotKey, float]],
    children: Sequence[tuple[LotKey, float]],
    sides: tuple[DiaryEvent, DiaryEvent] | None,
    breaks: str,
) -> dict[str, Any]:
    """Build the addendum to the lot whose record is `data`.

    `earlier` are the lot's addenda so far. `parents` are the lots that go into a split or merge and
    `children` the lots that it makes, with their kilograms. `sides` are the entry before and after a
    correction; `breaks` is why the lot would not be sealed as is known now.
    """
    content, before = json.loads(data), list(earlier)  # our own bytes: no check of their form
    key = LotKey(content["gtin"], content["lot"])
    speaker = record.speaker_of(pilot, content["producer"]["community"], key, base_url)
    packed = any(one["event"]["event"] == "packing" for one in before)
    correction = None
    match event:
        case Correction():
            assert sides is not None
            wrong, right = sides
            events = speaker.corrected(wrong, right, event.id, event.ts, packed=packed)
            correction = {
                "before": wrong.model_dump(mode="json", exclude_none=True),
                "after": right.model_dump(mode="json", exclude_none=True),
                "breaks": breaks,
            }
        case Revocation():
            events = [speaker.recalled(event.id, event.ts, event.reason)]
        case Split() | Merge():
            inputs, outputs = (
                [kilograms(f"{base_url}{lot.path}", amount) for lot, amount in lots]
                for lots in (parents, children)
            )
            # the addenda of all lots involved carry the same event, with the same id
            first = record.speaker_of(pilot, content["producer"]["community"], parents[0][0], base_url)
            events = [first.repackaged(event.id, event.ts, inputs, outputs)]
        case _:
            events = speaker.written(event, packed=packed)
    right = sides[1] if sides is not None else event
    house = pilot.records.house(right.house_code or "") if isinstance(right, Packing) else None
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
        "breaks": (breaks or "pre_harvest_interval") if isinstance(event, Input) else "",
        "lots": [{"gtin": child.gtin, "lot": child.lot, "quantity_kg": amount} for child, amount in children],
        "epcis": speaker.document(events, event.ts),
    } | ({} if house is None else {"packing_house": record.certified(house)})
