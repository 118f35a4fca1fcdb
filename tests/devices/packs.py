"""SenML packs, and the result that each must have in JSON and in CBOR alike."""

import json

import cbor2

from devices.contract.payloads import PayloadError, Telemetry
from devices.contract.senml import decode_cbor, decode_json

DEVICE = "probe"
T = 1_795_219_200  # seconds, 21 November 2026
LABELS = {"bver": -1, "bn": -2, "bt": -3, "bu": -4, "bv": -5, "bs": -6, "n": 0, "u": 1, "v": 2, "vs": 3,
          "vb": 4, "s": 5, "t": 6, "ut": 7, "vd": 8}  # RFC 8428, table 4  # fmt: skip
MOISTURE = {"n": "soil_moisture", "v": 31.5}


def in_cbor(pack):
    return cbor2.dumps(
        [
            {LABELS.get(k, k): v for k, v in record.items()} if isinstance(record, dict) else record
            for record in pack
        ]
    )


def outcome(decode, payload):
    """The result of decoding a payload, or the reason and field for which it is refused."""
    try:
        return decode(payload, DEVICE)
    except PayloadError as error:
        return error.reason, error.field


def resolved(*pack):
    """The result of a pack, in which both representations must agree."""
    said = outcome(decode_json, json.dumps(pack).encode())
    assert said == outcome(decode_cbor, in_cbor(pack))
    return said


def dated(seconds, **values):
    return Telemetry(values, round(seconds * 1000), None, None)


def undated(ago=0, **values):
    return Telemetry(values, None, None, None, ago)
