"""What a node may put into a telemetry message: JSON, version 1 of the contract.

    bytes ─► encodings.decode ─► payloads (JSON, one or a list) | senml (JSON, CBOR) ─► Telemetry

Every decoder turns bytes into `Telemetry` or raises `PayloadError`, nothing else.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, NamedTuple, Required

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from devices.clock import epoch_ms
from devices.contract.signals import SIGNALS
from devices.texts import shown, text

MAX_BYTES = 16 * 1024
FIELDS = frozenset({"values", "ts", "seq", "boot"})  # of a message
MAX_EXACT = 2**53  # beyond it a double skips whole numbers, and no quantity of ours comes near
MAX_INTEGER = 2**63 - 1
SECONDS = range(1_000_000_000, 10_000_000_000)  # epoch seconds of 2001 to 2286; as milliseconds they are 1970


class PayloadError(ValueError):
    """The payload is refused. `reason` is a key of the catalogue, `field` names what is wrong."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason, field)
        self.reason = reason
        # A hostile field name must not fill a log, a quarantine or a reply, nor move an operator's cursor.
        self.field = shown(field[:80])[:80]

    def sentence(self, lang: str = "en") -> str:
        """Cause and mend, for a person."""
        return text(f"rejected.{self.reason}", lang, field=self.field)

    def __str__(self) -> str:
        return self.sentence()


class Telemetry(NamedTuple):
    """What was measured at one moment. `time`: epoch milliseconds as the device claims; None from a device
    without a clock, which then measured `ago` milliseconds before it sent the message. `identity`: a network
    server's id of the message, "" if there is none. `totals`: counters, by the signal that is computed from
    them: each one's kind (`total`, `daily`) and its count.
    """

    values: dict[str, float]
    time: int | None
    seq: int | None
    boot: str | None
    ago: int = 0
    identity: str = ""
    totals: dict[str, tuple[str, float]] | None = None


Value = Annotated[float, Field(allow_inf_nan=False, ge=-MAX_EXACT, le=MAX_EXACT)]
_Time = str | int | None
_Seq = Annotated[int, Field(ge=0, le=MAX_INTEGER)] | None
_Boot = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")] | None


# a dict suffices, and takes half a model's time to make
class _Message(TypedDict, total=False):
    __pydantic_config__ = ConfigDict(strict=True, extra="forbid")  # type: ignore[misc]

    values: Required[dict[str, Value]]
    ts: _Time
    seq: _Seq
    boot: _Boot


class _WithNulls(TypedDict, total=False):
    """The whole contract, nulls included. Few nodes send null: what `_Message` refuses is tried as this."""

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid")  # type: ignore[misc]

    values: Required[dict[str, Value | None]]
    ts: _Time
    seq: _Seq
    boot: _Boot


_with_nulls = TypeAdapter(_WithNulls)
_parse = TypeAdapter(_Message).validator.validate_json
_parse_list = TypeAdapter(list[_Message]).validator.validate_json
_parse_nulls = _with_nulls.validator.validate_json
_parse_list_nulls = TypeAdapter(list[_WithNulls]).validator.validate_json
_known = frozenset(SIGNALS)


def decode(payload: bytes) -> Telemetry:
    """Decode one JSON object. Raises PayloadError."""
    refuse_large(payload)
    try:
        message = _parse(payload)
    except ValidationError:
        return _measured([_again(_parse_nulls, payload)], payload)[0]
    if payload.count(b'"') != _quotes(message):
        refuse_repeated_names(payload)
    return _telemetry(message)


def decode_list(payload: bytes) -> list[Telemetry]:
    """Decode a JSON list of such objects, from a node that empties its buffer. Raises PayloadError."""
    refuse_large(payload)
    try:
        messages = _parse_list(payload)
    except ValidationError:
        return _measured(_again(_parse_list_nulls, payload), payload)
    if not messages:
        raise PayloadError("no_values")
    if payload.count(b'"') != sum(map(_quotes, messages)):
        refuse_repeated_names(payload)
    return list(map(_telemetry, messages))


def _telemetry(message: _Message) -> Telemetry:
    values = message["values"]
    if not values:
        raise PayloadError("no_values")
    if not _known.issuperset(values):
        raise PayloadError("unknown_signal", next(name for name in values if name not in _known))
    time = message.get("ts")
    if isinstance(time, str):
        time = parse_time(time)
    elif time is not None and not -MAX_EXACT <= time <= MAX_EXACT:
        raise PayloadError("bad_time", "ts")
    # `Telemetry.__new__` would take twice the time
    return tuple.__new__(Telemetry, (values, time, message.get("seq"), message.get("boot"), 0, "", None))


def _measured(messages: list[Any], payload: bytes) -> list[Telemetry]:
    """The messages without null values, which were not measured; a message may be left without any value."""
    if payload.count(b'"') != sum(map(_quotes, messages)):
        refuse_repeated_names(payload)
    return [
        telemetry._replace(
            values={name: value for name, value in telemetry.values.items() if value is not None}
        )
        for telemetry in map(_telemetry, messages)
    ]


def _again(parse: Callable[[bytes], Any], payload: bytes) -> Any:
    """Parse with nulls what the strict parser refused. Raises PayloadError."""
    try:
        return parse(payload)
    except ValidationError as error:
        raise _explain(error, payload) from None


def refuse_large(payload: bytes) -> None:
    """Raise PayloadError for a payload over the contract's limit."""
    if len(payload) > MAX_BYTES:
        raise PayloadError("too_large", str(len(payload)))


def schema() -> dict[str, Any]:
    """JSON Schema of a message, nulls included."""
    return _with_nulls.json_schema()


def parse_time(value: str) -> int:
    """RFC 3339 text to epoch milliseconds. Raises PayloadError."""
    try:
        # fromisoformat also takes week dates, dates without a time and missing separators: RFC 3339 does not
        marks = value[4:5] + value[7:8] + value[13:14] + value[16:17]
        if len(value) < 20 or marks != "--::" or value[10] not in "Tt ":
            raise ValueError(value)
        moment = datetime.fromisoformat(value.upper())
        if moment.tzinfo is None:
            raise ValueError(value)
        return epoch_ms(moment)
    except (ValueError, OverflowError):
        raise PayloadError("bad_time", value) from None


def not_json(payload: bytes) -> PayloadError:
    """Why a payload is no JSON. A NUL among the first four bytes means another character set, and one in what
    does not begin as JSON no text at all, such as Protobuf.
    """
    at = payload.find(b"\0")
    text = payload.lstrip()[:1] in (b"{", b"[")
    return PayloadError("nul_byte", str(at)) if at > 3 and text else PayloadError("not_json")


def _quotes(message: _Message) -> int:
    """The number of quotes that a message's JSON needs; if its text has more, a name may be repeated."""
    strings = len(message) + len(message["values"]) + isinstance(message.get("ts"), str)
    return 2 * (strings + (message.get("boot") is not None))


def refuse_repeated_names(payload: bytes) -> None:
    """Parse the text again with every name kept, and raise PayloadError if a name is repeated: JSON parsers
    keep the last of two equal names silently, and the first value would be lost.
    """

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for name, value in items:
            if name in fields:
                raise PayloadError("repeated_name", name)
            fields[name] = value
        return fields

    try:
        json.loads(payload, object_pairs_hook=pairs)
    except PayloadError:
        raise
    except (ValueError, RecursionError):  # in a part that nobody reads
        raise not_json(payload) from None


_BY_TYPE = {
    "missing": "no_values",
    "extra_forbidden": "unknown_field",
    "finite_number": "not_finite",
    "greater_than_equal": "too_big",
    "less_than_equal": "too_big",
    "float_type": "not_a_number",
    "dict_type": "values_not_object",
}


def _explain(error: ValidationError, payload: bytes) -> PayloadError:
    """The first error, as a reason of ours. A union (`ts`) reports one error per branch."""
    first = error.errors(include_url=False, include_context=False)[0]
    value = first["input"]
    if first["type"] == "json_invalid":
        return not_json(payload)
    # the position in a list of messages does not matter: the whole list is refused
    where = [str(part) for part in first["loc"] if not isinstance(part, int)]
    if not where and first["type"] == "dict_type":
        return PayloadError("not_object")
    top = where[0] if where else ""
    if top == "ts":
        seconds = isinstance(value, float) and SECONDS.start <= value < SECONDS.stop
        return PayloadError("time_in_seconds", str(value)) if seconds else PayloadError("bad_time", "ts")
    if top == "seq":
        return PayloadError("bad_seq", "seq")
    if top == "boot":
        return PayloadError("bad_boot", "boot")
    if top == "values" and len(where) > 1 and where[1] not in SIGNALS and where[-1] != "[key]":
        return PayloadError("unknown_signal", where[1])
    if where == ["values"] and value is None:
        return PayloadError("values_null")
    field = where[1] if top == "values" and len(where) > 1 else top
    return PayloadError(_BY_TYPE.get(first["type"], "not_json"), field)
