"""EPCIS 2.0: what a season says is valid by the official schema and by what the schema cannot express."""

import json
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from devices.contract.diary import Correction, Handling
from devices.contract.signals import CIRCULAR, SIGNALS
from devices.pilots.pilot import Pilot
from sim.season import diary
from tests.vectors import files, published
from traceability.digital_link import LotKey
from traceability.records import epcis
from traceability.records.conditions import SENSED, Conditions
from traceability.records.shelf import Shelf
from traceability.sealing import seal
from traceability.sealing.seal import Sealer

SAID = datetime(2026, 11, 21, tzinfo=UTC)
SEASON = tuple(round(datetime(2026, m, 1, tzinfo=UTC).timestamp() * 1000) for m in (6, 10))


@pytest.fixture
def season(sealer: Sealer, pilot: Pilot, tmp_path: Path) -> list[dict[str, Any]]:
    """The documents of every lot of four months in four communities."""
    for community in pilot.communities[:4]:
        device = pilot.fleet[f"{community.id}-diary-01"]
        events = diary(1, pilot, community, *SEASON)
        sealer.keep((device, event) for event in events)
        handled = next(e for e in events if isinstance(e, Handling))
        sealer.keep([(device, wrong(handled.id, handled.ts, handled.crop))])
    while sealed := sealer.seal_pending():
        sealer.told(sealed)
    return list(documents(tmp_path))


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
        assert epcis.problems(document) == []
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
    """A day's row is lowest, mean and highest, of which a direction has none."""
    assert not CIRCULAR & set(SENSED)


def test_goods_are_followed_from_crop_to_consignment(season: list[dict[str, Any]]) -> None:
    """What an event takes, an event before it has made."""
    for document in season:
        made = {"crop"}
        for event in document["epcisBody"]["eventList"]:
            taken = event.get("inputQuantityList", []) + event.get("childQuantityList", [])
            for row in taken:
                part = row["epcClass"].partition("#")[2]
                assert part in made, event
            made |= {row["epcClass"].partition("#")[2] for row in event.get("outputQuantityList", [])}


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


@pytest.mark.parametrize("name", files("epcis/*.jsonld"))
def test_the_schema_s_examples_are_read(name: str) -> None:
    assert epcis.problems(json.loads(published(name).read_text("utf-8"))) == []


@pytest.fixture
def whole() -> dict[str, Any]:
    element = {
        "sensorMetadata": {"deviceID": "urn:x", "startTime": "2026-01-01T00:00:00Z"},
        "sensorReport": [{"type": "Temperature", "value": 1.0}],
    }
    event = {
        "type": "ObjectEvent", "action": "OBSERVE", "eventTime": "2026-01-01T00:00:00Z",
        "eventTimeZoneOffset": "+07:00", "epcList": ["urn:x"], "sensorElementList": [element],
    }  # fmt: skip
    return {"type": "EPCISDocument", "schemaVersion": "2.0", "epcisBody": {"eventList": [event]}}


@pytest.mark.parametrize("name", epcis.EITHER)
def test_what_may_stand_in_one_place_alone(whole: dict[str, Any], name: str) -> None:
    element = whole["epcisBody"]["eventList"][0]["sensorElementList"][0]
    element["sensorMetadata"][name] = "urn:x"
    assert epcis.problems(whole) == []
    element["sensorReport"][0][name] = "urn:x"
    (sentence,) = epcis.problems(whole)
    assert sentence.startswith(f"event 0: {name} stands in")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ilmd": {}}, "event 0: ilmd belongs"),
        ({"type": "TransformationEvent"}, "event 0: a TransformationEvent has no action"),
        ({"action": "CREATE"}, "event 0: action 'CREATE'"),
        ({"eventTime": None}, "event 0: eventTime is missing"),
        ({"epcList": [], "sensorElementList": []}, "event 0: it names no goods"),
        ({"type": "QuantityEvent"}, "event 0: its type 'QuantityEvent'"),
    ],
)
def test_a_wrong_event_is_refused_with_its_reason(
    whole: dict[str, Any], change: dict[str, Any], sentence: str
) -> None:
    spoilt = deepcopy(whole)
    spoilt["epcisBody"]["eventList"][0] |= change
    assert any(found.startswith(sentence) for found in epcis.problems(spoilt))


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"type": "EPCISQueryDocument"}, {"type": "EPCISDocument", "schemaVersion": "1.2"},
     {"type": "EPCISDocument", "schemaVersion": "2.0"},
     {"type": "EPCISDocument", "schemaVersion": "2.0", "epcisBody": {"eventList": [1]}}],
)  # fmt: skip
def test_what_is_no_document_is_refused_with_its_reason(document: object) -> None:
    (sentence,) = epcis.problems(document)
    assert ":" in sentence
