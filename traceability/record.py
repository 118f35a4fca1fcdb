"""The sealed record of a lot: everything its page shows, as canonical bytes (RFC 8785).

`known` says of each part how it is known: `declared` by the group, `sensed` by devices, `certified` by
somebody else. The log's entry is a hash of the exact bytes and not the bytes, so that the log betrays
no lot to those who have not scanned it.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import rfc8785

from devices.diary import DiaryEvent, Harvest
from devices.pilot import Community, Pilot, Product
from traceability.conditions import Conditions
from traceability.digital_link import LotKey
from traceability.epcis import document

FORMAT = "hoiquan.record.v1"
KINDS = {"hoi-quan": "Hội quán", "htx": "HTX"}


class RecordError(ValueError):
    """The bytes are not a record of ours; the sentence says why."""


def build(
    pilot: Pilot,
    community: Community,
    product: Product,
    key: LotKey,
    harvest: Harvest,
    events: Sequence[DiaryEvent],
    grew: Conditions,
    base_url: str,
    *,
    simulated: bool,
) -> dict[str, Any]:
    """The record as JSON data. The seven items of Circular 02/2024/TT-BKHCN are `product.name`,
    `product.image`, `producer.name`, `producer.address`, `times`, `marks` and `expiry`.
    """
    zone, least = pilot.zone, pilot.records.min_coverage
    area = pilot.records.area(harvest.area_code) if harvest.area_code is not None else None
    address = [community.commune_old, community.commune_new, pilot.name.vi]
    return {
        "format": FORMAT,
        "gtin": key.gtin,
        "lot": key.lot,
        "pilot": pilot.pilot,
        "simulated": simulated,
        "fictional": community.fictional,
        "product": {
            "name": product.name.model_dump(),
            "crop": product.crop,
            "image": {"kind": "illustration"},
            "known": "declared",
        },
        "producer": {
            "name": f"{KINDS[community.kind]} {community.name}",
            "address": ", ".join(part for part in address if part),
            "community": community.id,
            "known": "declared",
        },
        "times": {
            "harvested": harvest.ts.astimezone(zone).isoformat(timespec="seconds"),
            "known": "declared",
        },
        "marks": {"gtin": key.gtin, "lot": key.lot, "known": "declared"},
        "expiry": None,
        "quantity_kg": {"value": harvest.quantity_kg, "known": "declared"},
        "events": {
            "rows": [event.model_dump(mode="json", exclude_none=True) for event in events],
            "known": "declared",
        },
        "conditions": {
            "scope": "community",
            "start": grew.start,
            "stop": grew.stop,
            "devices": grew.devices,
            "devices_simulated": grew.simulated,
            "coverage": grew.coverage,
            "flagged": grew.flagged,
            "daily": grew.daily,
            "raw_rows": grew.raw_rows,
            "raw_sha256": grew.raw_sha256,
            "coverage_least": least,
            "known": "sensed" if grew.daily and grew.coverage >= least else "not_sensed",
        },
        "certificates": {
            "rows": [
                c.model_dump(mode="json", exclude={"community"}, exclude_none=True)
                for c in pilot.records.certificates_of(
                    community.id, product.crop, harvest.ts.astimezone(zone).date()
                )
            ],
            "known": "certified",
        },
        "planting_area": area.model_dump(mode="json", exclude={"community"}, exclude_none=True)
        | {"known": "certified"}
        if area is not None
        else None,
        "corrects": None,
        "epcis": document(
            f"{base_url}{key.path}",
            f"{base_url}/vocabulary/",
            f"{base_url}/community/{community.id}",
            harvest.quantity_kg,
            harvest.ts.astimezone(zone),
            grew,
        ),
    }


def canonical(record: dict[str, Any]) -> bytes:
    """The one spelling of a record that is hashed and kept."""
    return rfc8785.dumps(record)


def entry(data: bytes) -> bytes:
    """What the log holds for a record's canonical bytes."""
    return f"{FORMAT}\nsha256:{hashlib.sha256(data).hexdigest()}\n".encode()


def parse(data: bytes) -> dict[str, Any]:
    """A record from its bytes, which must be the canonical ones. Raises RecordError."""
    try:
        record = json.loads(data)
        same = canonical(record) == data
    except (ValueError, RecursionError, rfc8785.CanonicalizationError) as error:
        raise RecordError(f"not a record: {error}") from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise RecordError(f"not a record of format {FORMAT}")
    if not same:
        raise RecordError(
            "the bytes are not in canonical form (RFC 8785): they were written by something else"
        )
    return record
