"""A season's EPCIS 2.0 events are valid by the official schema, and by rules that a schema cannot express."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from devices.clock import epoch_ms
from devices.contract.diary import Correction, Handling
from devices.contract.signals import CIRCULAR, SIGNALS
from devices.pilots.pilot import Pilot
from devices.pilots.places import Community
from sim.season import diary
from tests.vectors import published
from traceability.digital_link import LotKey
from traceability.exchange.reader import problems
from traceability.records import epcis
from traceability.records.conditions import SENSED, Conditions
from traceability.records.shelf import Shelf
from traceability.sealing import seal
from traceability.sealing.seal import Sealer

SAID = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def season(sealer: Sealer, pilot: Pilot, tmp_path: Path) -> list[dict[str, Any]]:
    """The documents of every lot of ten months in four communities."""
    fill(sealer, pilot, pilot.communities[:4])
    return list(documents(tmp_path))


def fill(
    sealer: Sealer, pilot: Pilot, communities: Sequence[Community], months: tuple[int, int] = (1, 11)
) -> None:
    """Seal the diaries of 2026 that the simulator writes, with one correction each."""
    span = tuple(epoch_ms(datetime(2026, month, 1, tzinfo=UTC)) for month in months)
    for community in communities:
        device = pilot.fleet[f"{community.id}-diary-01"]
        events = diary(1, pilot, community, *span)
        sealer.keep((device, event) for event in events)
        if handled := next((e for e in events if isinstance(e, Handling)), None):
            sealer.keep([(device, wrong(handled.id, handled.ts, handled.crop))])
    while sealed := sealer.seal_pending():
        sealer.note_published(sealed)


def wrong(of: str, ts: datetime, crop: str) -> Correction:
    return Correction(
        event="correction", id=f"{of}-mend", ts=ts, plot="plot-1", crop=crop, of=of, reason="gõ nhầm",
        changes={"quantity_kg": 1.0},
    )  # fmt: skip


def documents(folder: Path) -> Iterator[dict[str, Any]]:
    shelf = Shelf(folder)
    for row in seal.lots(folder, 10_000):
        assert row["refused"] == ""
        key = LotKey(str(row["gtin"]), str(row["lot"]))
        yield shelf.epcis(key, seal.read(folder, key) or b"")


def test_a_season_is_valid(season: list[dict[str, Any]]) -> None:
    schema = jsonschema.Draft7Validator(json.loads(published("epcis/epcis-json-schema.json").read_text()))
    said: Counter[tuple[str, str, str]] = Counter()
    for document in season:
        schema.validate(document)
        assert problems(document) == []
        events = document["epcisBody"]["eventList"]
        assert len({event["eventID"] for event in events}) == len(events)
        said.update((e["type"], e.get("action", ""), e["bizStep"].rsplit("/")[-1]) for e in events)
    assert len(season) > 20
    assert set(said) == {
        ("ObjectEvent", "ADD", "commissioning"),
        ("ObjectEvent", "OBSERVE", "input"),
        ("ObjectEvent", "OBSERVE", "irrigation"),
        ("ObjectEvent", "OBSERVE", "pest_observation"),
        ("ObjectEvent", "OBSERVE", "sensor_reporting"),
        ("TransformationEvent", "", "commissioning"),
        ("TransformationEvent", "", "packing"),
        ("AggregationEvent", "ADD", "loading"),
        ("ObjectEvent", "OBSERVE", "shipping"),
    }


def test_what_was_sensed_is_said_in_the_type_and_unit_of_the_table() -> None:
    day = ["2026-11-20", 0.0, 24_000.0, 98_000.0, 144]
    grew = Conditions(0, 86_400_000, 1, 0, 1.0, 0.0, {signal: [day] for signal in SENSED}, 144, "ab" * 32)
    speaker = epcis.Speaker(
        "https://example.org/01/1/10/L", "https://example.org", "https://example.org/p", UTC
    )
    document = speaker.document(speaker.sensed(grew, SAID), SAID)
    jsonschema.validate(document, json.loads(published("epcis/epcis-json-schema.json").read_text()))
    ((element,),) = (event["sensorElementList"] for event in document["epcisBody"]["eventList"])
    reports = {report["hoiquan:signal"]: report for report in element["sensorReport"]}
    assert {name: (one["type"], one["uom"]) for name, one in reports.items()} == {
        name: (SIGNALS[name].epcis, SIGNALS[name].unece) for name in SENSED
    }
    assert reports["illuminance"] == {
        "type": "Illuminance", "uom": "LUX", "hoiquan:signal": "illuminance",
        "minValue": 0.0, "meanValue": 24_000.0, "maxValue": 98_000.0,
    }  # fmt: skip


def test_a_direction_is_no_growing_condition() -> None:
    """A day's row has lowest, mean and highest, and a direction has none of them."""
    assert not CIRCULAR & set(SENSED)


def test_goods_are_followed_from_crop_to_consignment(season: list[dict[str, Any]]) -> None:
    """Whatever an event takes in, an earlier event has made."""
    for document in season:
        events = document["epcisBody"]["eventList"]
        made = {row["epcClass"] for event in events for row in event.get("inputQuantityList", [])
                if row["epcClass"].endswith(".crop")}  # fmt: skip
        assert len(made) == 1, "of one plot"
        for event in events:
            for row in event.get("inputQuantityList", []) + event.get("childQuantityList", []):
                assert row["epcClass"] in made, event
            made |= {row["epcClass"] for row in event.get("outputQuantityList", [])}


def test_a_correction_declares_the_wrong_event_and_names_the_right_one(season: list[dict[str, Any]]) -> None:
    declared = 0
    for document in season:
        events = {event["eventID"]: event for event in document["epcisBody"]["eventList"]}
        for event in list(events.values()):
            if "errorDeclaration" in event:
                declared += 1
                for name in event["errorDeclaration"]["correctiveEventIDs"]:
                    right = events[name]
                    assert right["type"] == event["type"] and "errorDeclaration" not in right
                    assert right["outputQuantityList"][0]["quantity"] == 1.0
    assert declared == 4
