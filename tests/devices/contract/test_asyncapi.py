"""The AsyncAPI document agrees with the topics, models and decoders."""

import json
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest

from devices.contract.asyncapi import document
from devices.contract.diary import decode_diary
from devices.contract.orders import Answer, parse_order
from devices.contract.payloads import decode
from devices.contract.topics import DOWN, UP, parse
from tests.programs import one_at_a_time

DOCUMENT = document()
WRITTEN = Path(__file__).parents[3] / "devices" / "asyncapi.json"
PARSER = "@asyncapi/parser@3.6.6"
CACHE = Path.home() / ".cache" / "hoiquan-tests" / PARSER.replace("/", "-")


def resolved(found):
    """The part of the document that a $ref points at."""
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
    assert json.loads(WRITTEN.read_text("utf-8")) == json.loads(json.dumps(DOCUMENT))


def test_asyncapis_own_parser_3_6_finds_no_fault():
    """The parser's only remark is that 3.1 is newer."""
    npm = shutil.which("npm") or pytest.skip("npm is not here (apt-get install npm)")
    with one_at_a_time(CACHE):
        if not (CACHE / "node_modules").is_dir():
            command = [npm, "install", "--no-save", "--ignore-scripts", "--prefix", str(CACHE), PARSER]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
            if done.returncode:
                pytest.skip(f"npm could not install {PARSER}")
    script = f"""
        const {{ Parser }} = require({json.dumps(str(CACHE / "node_modules" / "@asyncapi" / "parser"))});
        const text = require("fs").readFileSync(process.argv[1], "utf8");
        new Parser().parse(text).then(({{ document, diagnostics }}) => console.log(JSON.stringify(
            {{ version: document && document.version(), codes: diagnostics.map(one => one.code) }})));
    """
    command = ["node", "-e", script, str(WRITTEN)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert json.loads(done.stdout) == {"version": "3.0.0", "codes": ["asyncapi-latest-version"]}, done.stderr
