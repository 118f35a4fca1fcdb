"""The AsyncAPI document says what the topics, models and decoders do."""

import json
from pathlib import Path

import jsonschema
import pytest

from devices.contract.asyncapi import document
from devices.contract.diary import decode_diary
from devices.contract.orders import Answer, parse_order
from devices.contract.payloads import decode
from devices.contract.topics import DOWN, UP, parse

DOCUMENT = document()


def resolved(found):
    """What a $ref of the document points at."""
    while isinstance(found, dict) and "$ref" in found:
        target = DOCUMENT
        for part in found["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        found = target
    return found


def refs(found):
    if isinstance(found, dict):
        if "$ref" in found:
            yield found
        for value in found.values():
            yield from refs(value)
    elif isinstance(found, list):
        for value in found:
            yield from refs(value)


def test_every_reference_leads_somewhere():
    found = list(refs(DOCUMENT))
    assert len(found) > 20
    assert all(resolved(one) for one in found)


def test_a_device_sends_what_goes_up_and_hears_what_comes_down():
    operations = DOCUMENT["operations"]
    assert {kind for kind, one in operations.items() if one["action"] == "send"} == UP
    assert {kind for kind, one in operations.items() if one["action"] == "receive"} == DOWN
    for kind, one in operations.items():
        address = resolved(one["channel"])["address"]
        topic = address.format(pilot="p", community="c", device="d")
        assert parse(topic).kind == kind


@pytest.mark.parametrize("kind", sorted(UP | DOWN))
def test_each_example_fits_its_schema_and_its_decoder(kind):
    message = resolved(DOCUMENT["components"]["messages"][kind])
    schema = {"$ref": f"#/components/schemas/{kind}", "components": DOCUMENT["components"]}
    validator = jsonschema.Draft202012Validator(schema)
    for example in message["examples"]:
        validator.validate(example["payload"])
        payload = json.dumps(example["payload"]).encode()
        if kind == "telemetry":
            decode(payload)
        elif kind == "diary":
            decode_diary(payload)
        elif kind == "command":
            parse_order(payload)
        elif kind == "result":
            Answer.model_validate_json(payload)
    assert not validator.is_valid({"nonsense": 1})


def test_it_is_written_beside_the_contract():
    path = Path(__file__).parents[3] / "devices" / "asyncapi.json"
    assert json.loads(path.read_text("utf-8")) == json.loads(json.dumps(DOCUMENT))
