"""Which of the contract's encodings is it? JSON, SenML in JSON or CBOR by their content; ChirpStack by topic.

ChirpStack v4 publishes uplinks on `application/{id}/device/{devEUI}/event/up`: `object`, which the device
profile's codec made, holds values by signal id; `devAddr` changes at every join and `fCnt` counts since.
"""

import json
import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devices.contract import payloads, senml
from devices.contract.payloads import (
    MAX_BYTES,
    MAX_INTEGER,
    PayloadError,
    Telemetry,
    Value,
    not_json,
    refuse_large,
    refuse_repeated_names,
)
from devices.contract.signals import SIGNALS

UPLINK = re.compile(r"application/[^/]{1,64}/device/([0-9a-fA-F]{16})/event/up")
_BOOT = re.compile(r"[\x21-\x7e]{1,64}")
_CBOR_ARRAY = range(0x80, 0xA0)  # a pack is an array; no JSON text begins with one of these bytes


def decode(payload: bytes, device: str) -> list[Telemetry]:
    """A message of telemetry of `device`: one reading, or those of a batch. Raises PayloadError."""
    first = payload[:1]
    if first == b"{":  # the usual case
        return [payloads.decode(payload)]
    if (first and first[0] in _CBOR_ARRAY) or payload.startswith(senml.SELF_DESCRIBED):
        return senml.decode_cbor(payload, device)
    if payload[:64].lstrip()[:1] == b"[":
        if b'"values"' in payload:
            return payloads.decode_list(payload)
        return senml.decode_json(payload, device)
    return [payloads.decode(payload)]


class _Reception(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    rssi: Value | None = None


class _Uplink(BaseModel):
    """What is read of an uplink; ChirpStack says more, and later versions may say still more."""

    model_config = ConfigDict(strict=True, extra="ignore")

    deduplicationId: Annotated[str, Field(max_length=64)] | None = None  # of all gateways that heard it
    time: str | None = None
    devAddr: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{8}$")]  # ChirpStack's name
    fCnt: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0  # before 4.1 a 0 was left out
    object: dict[str, Value | None] | None = None  # of a value: not measured
    rxInfo: list[_Reception] = []


def uplink(payload: bytes) -> list[Telemetry]:
    """A ChirpStack v4 uplink. Raises PayloadError."""
    refuse_large(payload)
    try:
        event = _Uplink.model_validate_json(payload)
    except ValidationError as error:
        raise _explain(error, payload) from None
    refuse_repeated_names(payload)
    if not event.object:
        raise PayloadError("no_object")
    unknown = [name for name in event.object if name not in SIGNALS]
    if unknown:
        raise PayloadError("unknown_signal", unknown[0])
    values = {name: value for name, value in event.object.items() if value is not None}
    heard = [one.rssi for one in event.rxInfo if one.rssi is not None]
    if heard and "rssi" not in values:
        values = {**values, "rssi": max(heard)}
    time = None if event.time is None else payloads.parse_time(event.time)
    # a server may use a name again after years, or for what it hears again: with its time it is one message
    identity = f"{event.deduplicationId} {time} {event.fCnt}" if event.deduplicationId else ""
    return [Telemetry(values, time, event.fCnt, event.devAddr.lower(), identity=identity)]


def numbers(payload: bytes) -> list[tuple[str, int]]:
    """(boot, seq) of what is refused, as far as it can be made out: a message that came is not missing."""
    if len(payload) > MAX_BYTES:
        return []
    try:
        told = json.loads(payload)
    except (ValueError, RecursionError):
        return []
    found = []
    for one in told if isinstance(told, list) else [told]:
        if isinstance(one, dict):
            boot, seq = (
                one.get(ours, one.get(theirs)) for ours, theirs in (("boot", "devAddr"), ("seq", "fCnt"))
            )
            if (
                isinstance(boot, str)
                and type(seq) is int
                and 0 <= seq <= MAX_INTEGER
                and _BOOT.fullmatch(boot)
            ):
                found.append((boot.lower() if "devAddr" in one else boot, seq))
    return found


_BY_TYPE = {
    "finite_number": "not_finite",
    "greater_than_equal": "too_big",
    "less_than_equal": "too_big",
}


def _explain(error: ValidationError, payload: bytes) -> PayloadError:
    first: Any = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = [str(part) for part in first["loc"]]
    if first["type"] == "json_invalid":
        return not_json(payload)
    if where[:1] == ["object"] and len(where) > 1:
        name = where[1]
        if name not in SIGNALS:
            return PayloadError("unknown_signal", name)
        return PayloadError(_BY_TYPE.get(first["type"], "not_a_number"), name)
    return PayloadError("bad_uplink", ".".join(where) or "uplink")
