"""The sealed record of a lot: everything its page shows, as canonical bytes (RFC 8785).

`known` says for each part how it is known: `declared` by the group, `sensed` by devices, or `certified` by
somebody else. The log's entry is a hash of the exact bytes, not the bytes themselves, so the log reveals no
lot to people who have not scanned its label.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import rfc8785

from devices.contract.diary import Harvest, Merge, Split
from devices.errors import UserError
from devices.pilots.certificates import PackingHouse, PlantingArea
from devices.pilots.pilot import Pilot
from devices.pilots.places import Community, Product
from traceability.diary.season import LOOK_BACK_DAYS, Basis
from traceability.digital_link import LotKey
from traceability.records.conditions import Conditions
from traceability.records.epcis import Speaker

FORMAT = "hoiquan.record.v1"
ADDENDUM = "hoiquan.addendum.v1"  # format of an addendum, see addendum.py
NOT_SENSED = {"scope": "community", "devices": 0, "devices_on_plot": 0, "devices_simulated": 0,
              "coverage": 0.0, "flagged": 0.0, "daily": {}, "raw_rows": 0, "raw_sha256": "",
              "known": "not_sensed"}  # fmt: skip
NONE_NAMED: dict[str, Any] = {"days": 0, "rows": [], "known": "declared"}  # in records of earlier versions
KINDS = {"hoi-quan": "Hội quán", "htx": "HTX"}


class RecordError(UserError):
    """The bytes are not one of our records; the sentence says why."""


def build(
    pilot: Pilot,
    community: Community,
    product: Product,
    key: LotKey,
    harvest: Harvest,
    rests: Basis,
    grew: Conditions,
    base_url: str,
    *,
    simulated: bool,
) -> dict[str, Any]:
    """The record as JSON data.

    The seven items of Circular 02/2024/TT-BKHCN are `product.name`, `product.image`, `producer.name`,
    `producer.address`, `times`, `marks` and `expiry`. `intervals` lists every input with a pre-harvest
    interval that was put on the plot in the LOOK_BACK_DAYS before the harvest; all of them were checked.
    """
    zone, least, events = pilot.zone, pilot.records.min_coverage, rests.events
    area = pilot.records.area(harvest.area_code) if harvest.area_code is not None else None
    speaker = speaker_of(pilot, community.id, key, base_url)
    epcis = [one for event in events for one in speaker.written(event)] + speaker.sensed(grew, harvest.ts)
    *before, commune = pilot.communes(community, harvest.ts.astimezone(zone).date())
    address = ", ".join((commune, pilot.name.vi))
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
            "image": {"kind": "photo", "sha256": harvest.photos[0]}
            if harvest.photos
            else {"kind": "illustration"},
            "known": "declared",
        },
        "producer": {
            "name": f"{KINDS[community.kind]} {community.name}",
            "address": f"{address} (trước đây: {before[0]})" if before else address,
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
        "intervals": {
            "days": LOOK_BACK_DAYS,
            "rows": [event.model_dump(mode="json", exclude_none=True) for event in rests.inputs],
            "known": "declared",
        },
        "conditions": {
            "scope": "plot" if grew.on_plot else "community",
            "plot": harvest.plot,
            "start": grew.start,
            "stop": grew.stop,
            "devices": grew.devices,
            "devices_on_plot": grew.on_plot,
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
        "planting_area": certified(area) if area is not None else None,
        "made_from": [],
        "epcis": speaker.document(epcis, harvest.ts),
    }


def certified(code: PlantingArea | PackingHouse) -> dict[str, Any]:
    """A code that somebody else issued, marked `certified`."""
    return code.model_dump(mode="json", exclude={"community"}, exclude_none=True) | {"known": "certified"}


def speaker_of(pilot: Pilot, community: str, key: LotKey, base_url: str) -> Speaker:
    """The Speaker that makes a lot's EPCIS events."""
    return Speaker(f"{base_url}{key.path}", base_url, f"{base_url}/community/{community}", pilot.zone)


class Parent(NamedTuple):
    """A lot from which another is made: its record with corrected entries, the canonical bytes of the record
    as sealed, and its weight as corrected.
    """

    content: dict[str, Any]
    data: bytes
    kilograms: float


def derived(
    parents: Sequence[Parent], key: LotKey, event: Split | Merge, quantity_kg: float, harvested: datetime,
    epcis: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """The record of a lot made by a split (a part of one lot) or a merge (several lots as one).

    `harvested` is the time of the last harvest in it, as corrected. The record repeats what holds for all the
    parents; how each of them grew stands in its own record.
    """
    records = [parent.content for parent in parents]
    first = records[0]
    same = all(one["planting_area"] == first["planting_area"] for one in records)
    certified = [row for row in first["certificates"]["rows"]
                 if all(row in one["certificates"]["rows"] for one in records)]  # fmt: skip
    alone = len(records) == 1
    rows = _once(row for one in records for row in one["events"]["rows"])
    inputs = _once(row for one in records for row in one.get("intervals", NONE_NAMED)["rows"])
    row = event.model_dump(mode="json", exclude_none=True)
    return first | {
        "lot": key.lot,
        "simulated": any(one["simulated"] for one in records),
        "times": first["times"] | {"harvested": harvested.isoformat(timespec="seconds")},
        "marks": first["marks"] | {"lot": key.lot},
        "quantity_kg": {"value": quantity_kg, "known": "declared"},
        "events": {"rows": [*rows, row], "known": "declared"},
        "intervals": first.get("intervals", NONE_NAMED) | {"rows": inputs},
        "conditions": first["conditions"] if alone else first["conditions"] | NOT_SENSED,
        "certificates": {"rows": certified, "known": "certified"},
        "planting_area": first["planting_area"] if same else None,
        "made_from": [
            {"gtin": one["gtin"], "lot": one["lot"], "quantity_kg": weight,
             "sha256": hashlib.sha256(data).hexdigest()}
            for one, data, weight in parents
        ],
        "epcis": epcis,
    }  # fmt: skip


def coverage(content: dict[str, Any]) -> float | None:
    """How much of a lot's growing was measured; None for a merged lot, whose parents' records say it."""
    conditions = content["conditions"]
    return float(conditions["coverage"]) if conditions["raw_sha256"] else None


def _once(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entries in order of time, each once, though several lots may share them."""
    known = {row["id"]: row for row in rows}
    return sorted(known.values(), key=lambda row: (datetime.fromisoformat(row["ts"]), row["id"]))


def canonical(record: dict[str, Any]) -> bytes:
    """The one byte form of a record that is hashed and stored."""
    return rfc8785.dumps(record)


def entry(data: bytes) -> bytes:
    """The log's entry for the canonical bytes of a record or an addendum."""
    return f"{FORMAT}\nsha256:{hashlib.sha256(data).hexdigest()}\n".encode()


def parse(data: bytes) -> dict[str, Any]:
    """Parse a record or addendum from its bytes, which must be canonical. Raises RecordError."""
    try:
        record = json.loads(data)
        same = canonical(record) == data
    except json.JSONDecodeError as error:
        raise RecordError(f"not JSON from line {error.lineno}, column {error.colno} on") from None
    except (ValueError, RecursionError, rfc8785.CanonicalizationError) as error:
        raise RecordError(f"not a record: {error}") from None
    if not isinstance(record, dict) or record.get("format") not in (FORMAT, ADDENDUM):
        raise RecordError(f"not a record of format {FORMAT} or {ADDENDUM}")
    if not same:
        raise RecordError(
            "the bytes are not in canonical form (RFC 8785): they were written by something else"
        )
    return record
