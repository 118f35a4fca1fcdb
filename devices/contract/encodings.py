"""Tells which of the contract's encodings a payload has (JSON, SenML in JSON or CBOR), and decodes it."""

import json
import re
from typing import Literal

from devices.contract import payloads, senml
from devices.contract.payloads import MAX_BYTES, MAX_INTEGER, Telemetry

Encoding = Literal["json", "list", "senml-json", "senml-cbor"]
_BOOT = re.compile(r"[\x21-\x7e]{1,64}")
_CBOR_ARRAY = range(0x80, 0xA0)  # a pack is an array; no JSON text begins with one of these bytes


def encoding(payload: bytes) -> Encoding:
    """The encoding, by the first bytes and whether the text names values; all else is taken for bad JSON."""
    first = payload[:1]
    if first == b"{":  # the usual case
        return "json"
    if (first and first[0] in _CBOR_ARRAY) or payload.startswith(senml.SELF_DESCRIBED):
        return "senml-cbor"
    if payload[:64].lstrip()[:1] == b"[":
        return "list" if b'"values"' in payload else "senml-json"
    return "json"


def decode(payload: bytes, device: str) -> list[Telemetry]:
    """Decode a telemetry message of `device`: one reading, or those of a batch. Raises PayloadError."""
    match encoding(payload):
        case "json":
            return [payloads.decode(payload)]
        case "list":
            return payloads.decode_list(payload)
        case "senml-json":
            return senml.decode_json(payload, device)
        case "senml-cbor":
            return senml.decode_cbor(payload, device)


def numbers(payload: bytes) -> list[tuple[str, int]]:
    """(boot, seq) of a refused message, as far as they can be read: a message that came is not missing."""
    if len(payload) > MAX_BYTES:
        return []
    try:
        data = json.loads(payload)
    except (ValueError, RecursionError):
        return []
    pairs = []
    for one in data if isinstance(data, list) else [data]:
        if isinstance(one, dict):
            boot, seq = one.get("boot"), one.get("seq")
            if (
                isinstance(boot, str)
                and type(seq) is int
                and 0 <= seq <= MAX_INTEGER
                and _BOOT.fullmatch(boot)
            ):
                pairs.append((boot, seq))
    return pairs
