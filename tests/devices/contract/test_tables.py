"""The tables that a sensor's maker reads agree with the code."""

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema
import pytest

from devices.contract.payloads import PayloadError, decode
from devices.contract.signals import SIGNALS
from devices.contract.tables import generated, makers, payload_schema
from devices.probes.shelf import Shelf

FOLDER = Path(__file__).parents[3] / "devices"


def test_generated_parts_are_fresh() -> None:
    right = generated(FOLDER)
    assert {name: (FOLDER / name).read_text("utf-8") for name in right} == right, "run: make build"


def test_makers_of_the_page_are_those_of_the_probe_files() -> None:
    known = [kept.probe for kept in Shelf().probes.values() if kept.probe.models]
    assert set(makers()) == {probe.maker for probe in known}
    assert sum(makers().values()) == sum(len(probe.models) for probe in known)


def test_every_json_example_of_telemetry_is_accepted() -> None:
    readme = (FOLDER / "README.md").read_text("utf-8")
    examples = [e for e in re.findall(r"```json\n(.*?)\n```", readme, re.S) if '"values"' in e]
    assert len(examples) >= 2
    for example in examples:
        assert decode(example.encode()).values


@pytest.mark.parametrize(
    ("payload", "good"),
    [
        ({"values": {"soil_moisture": 31.5}}, True),
        ({"ts": "2026-11-21T10:00:00Z", "seq": 1, "boot": "a", "values": {"rssi": -80}}, True),
        ({"values": {}}, False),
        ({"values": {"nonsense": 1}}, False),
        ({"values": {"soil_moisture": "31.5"}}, False),
        ({"values": {"soil_moisture": 31.5}, "battery": 3.7}, False),
        ({"seq": -1, "values": {"soil_moisture": 31.5}}, False),
    ],
)
def test_schema_and_decoder_agree(payload: dict[str, object], good: bool) -> None:
    by_schema = jsonschema.Draft202012Validator(json.loads(payload_schema())).is_valid(payload)
    try:
        decode(json.dumps(payload).encode())
        by_decoder = True
    except PayloadError:
        by_decoder = False
    assert by_schema is by_decoder is good


def test_the_schema_says_what_it_is_of_which_dialect() -> None:
    schema = json.loads((FOLDER / "telemetry.schema.json").read_text("utf-8"))
    assert jsonschema.validators.validator_for(schema) is jsonschema.Draft202012Validator
    jsonschema.Draft202012Validator.check_schema(schema)
    assert urlsplit(schema["$id"]).scheme == "urn"


def test_every_signal_has_both_names_and_prints_its_resolution() -> None:
    for signal in SIGNALS.values():
        assert signal.vi and signal.en
        assert round(signal.resolution, signal.decimals) == signal.resolution
