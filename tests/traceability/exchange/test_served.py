"""The events that others are given of a lot: in order, with names and ids that their tools understand."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from devices.contract.diary import decode_diary
from devices.pilots.pilot import Pilot
from tests.traceability.conftest import GREW, HARVESTED, Grower, harvest, sprayed, write
from traceability.exchange.event_hash import prehash
from traceability.exchange.reader import problems
from traceability.records.shelf import Shelf
from traceability.sealing import seal
from traceability.sealing.seal import Sealed, Sealer

DOMAIN = "https://nong-san.example"


def sealed_by(
    folder: Path, pilot: Pilot, base_url: str, *later: dict[str, Any], simulated: bool = True
) -> Sealed:
    """A lot of 850 kg sealed with this address, and then these later entries."""
    sealer = Sealer(folder, pilot, Grower(GREW), base_url, "example.org/log")
    device = replace(pilot.fleet["tam-que-diary-01"], simulated=simulated)
    write(sealer, device, sprayed(6, 3))
    done = write(sealer, device, harvest())
    assert done is not None
    for hours, event in enumerate(later, 1):
        whole = {"plot": "plot-1", "crop": "mango", "ts": (HARVESTED + timedelta(hours=hours)).isoformat()}
        sealer.keep([(device, decode_diary(json.dumps(whole | event).encode()))])
        sealer.seal_pending()
    sealer.close()
    return done


def given(folder: Path, lot: Sealed) -> dict[str, Any]:
    return Shelf(folder).epcis(lot.key, seal.read(folder, lot.key) or b"", DOMAIN)


@pytest.mark.parametrize("simulated", [True, False])
def test_each_event_of_a_rehearsal_says_so(tmp_path: Path, pilot: Pilot, simulated: bool) -> None:
    """Systems that capture events keep no document around them."""
    later = {"event": "packing", "id": "pack-1", "quantity_kg": 100.0, "packages": 20}
    lot = sealed_by(tmp_path, pilot, DOMAIN, later, simulated=simulated)
    document = given(tmp_path, lot)
    events = document["epcisBody"]["eventList"]
    assert len(events) > 2 and problems(document) == []
    assert {event.get("hoiquan:simulated") for event in events} == {"true" if simulated else None}


def test_links_are_of_one_domain_whichever_host_sealed(tmp_path: Path, pilot: Pilot) -> None:
    lot = sealed_by(tmp_path, pilot, "http://localhost:8080")
    document = given(tmp_path, lot)
    said = json.dumps(document)
    assert list(document) == ["@context", "type", "schemaVersion", "creationDate", "epcisBody"]
    assert "localhost" not in said and "#" not in said
    assert document["@context"][1] == {"hoiquan": f"{DOMAIN}/vocabulary/"}
    assert problems(document) == []
    events = document["epcisBody"]["eventList"]
    assert all(next(iter(event)) == "type" for event in events)
    cut = next(event for event in events if event["type"] == "TransformationEvent")
    assert cut["outputQuantityList"][0]["epcClass"] == f"{DOMAIN}{lot.key.path}"
    assert cut["inputQuantityList"][0]["epcClass"] == f"{DOMAIN}/class/{lot.key.gtin}.{lot.key.lot}.crop"
    assert cut["readPoint"]["id"] == f"{DOMAIN}/loc/tam-que"
    record = seal.read(tmp_path, lot.key) or b""
    assert b"http://localhost:8080/01/" in record and b"#crop" in record, "what is sealed stays as it was"


def test_extensions_of_sensors_stand_at_the_event(tmp_path: Path, pilot: Pilot) -> None:
    document = given(tmp_path, sealed_by(tmp_path, pilot, "http://localhost:8080"))
    (event,) = [one for one in document["epcisBody"]["eventList"] if "sensorElementList" in one]
    (element,) = event["sensorElementList"]
    assert event["hoiquan:coverage"] == GREW.coverage
    assert "hoiquan" not in json.dumps(element).replace(f"{DOMAIN}/vocabulary", "")
    assert {report["deviceMetadata"] for report in element["sensorReport"]} == {
        f"{DOMAIN}/vocabulary/signal/{name}" for name in GREW.daily
    }


def test_yes_is_a_text_that_all_tools_spell_alike(tmp_path: Path, pilot: Pilot) -> None:
    """GS1 Germany's tool (1.9.3) finds the same hash of the text; of a JSON true it makes True."""
    sealer = Sealer(tmp_path, pilot, Grower(GREW), "https://example.org", "example.org/log")
    device = pilot.fleet["tam-que-diary-01"]
    write(sealer, device, sprayed(6, 3).model_copy(update={"older": True}))
    lot = write(sealer, device, harvest())
    sealer.close()
    assert lot is not None
    (put,) = (one for one in given(tmp_path, lot)["epcisBody"]["eventList"] if "hoiquan:older" in one)
    assert put["hoiquan:older"] == "true" and b'"hoiquan:older":true' in (seal.read(tmp_path, lot.key) or b"")
    assert "older=true{" in prehash(put, {"hoiquan": f"{DOMAIN}/vocabulary/"})


def mend(id: str, kilograms: float) -> dict[str, Any]:
    changes = {"quantity_kg": kilograms}
    return {"event": "correction", "id": id, "of": "mango-1", "reason": "cân lại", "changes": changes}


def test_what_is_put_right_twice_is_a_chain(tmp_path: Path, pilot: Pilot) -> None:
    """Also when the value returns to its first: all events but the last are declared wrong."""
    lot = sealed_by(tmp_path, pilot, "http://localhost:8080", mend("m-1", 800), mend("m-2", 850))
    events = [event for event in given(tmp_path, lot)["epcisBody"]["eventList"] if "ilmd" in event]
    assert [event["outputQuantityList"][0]["quantity"] for event in events] == [850, 800, 850]
    names = [event["eventID"] for event in events]
    assert len(set(names)) == 3
    assert [event.get("errorDeclaration", {}).get("correctiveEventIDs") for event in events] == [
        [names[1]], [names[2]], None,
    ]  # fmt: skip
    assert [event.get("hoiquan:corrects") for event in events] == [None, names[0], names[1]]


def test_a_server_that_moved_says_the_same(tmp_path: Path, pilot: Pilot) -> None:
    """Entries that were sealed with another address name the same goods."""
    lot = sealed_by(tmp_path, pilot, "http://localhost:8080")
    device = pilot.fleet["tam-que-diary-01"]
    moved = Sealer(tmp_path, pilot, Grower(GREW), "https://sau.example", "example.org/log")
    pack = {"event": "packing", "id": "pack-1", "plot": "plot-1", "crop": "mango", "quantity_kg": 800}
    pack |= {"ts": (HARVESTED + timedelta(hours=1)).isoformat(), "packages": 160}
    moved.keep([(device, decode_diary(json.dumps(pack).encode()))])
    moved.seal_pending()
    moved.close()
    said = json.dumps(given(tmp_path, lot))
    assert "packages" in said and "sau.example" not in said and "localhost" not in said
