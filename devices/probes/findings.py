"""What is wrong with a payload, field by field, and what would be right: for people who program a node.

    bytes ─► which encoding ─► each field alone ─► findings ─► the payload as it would be right
                                └ judged by the gateway's own decoder

A decoder stops at the first error. Here every field, record and element is put into an otherwise good message
and decoded, so that each finding is what the gateway would do, and all of them come at once.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from devices.clock import AHEAD_MS, YEAR_2020_MS
from devices.contract import encodings, senml
from devices.contract.payloads import FIELDS, PayloadError, Telemetry
from devices.contract.reading import Device
from devices.contract.signals import SIGNALS
from devices.probes.envelope import Envelope, envelopes, parsed_json, server
from devices.probes.meant import (
    FILLER,
    Phrase,
    clock_meant,
    field_meant,
    name_meant,
    refusal_of,
    value_doubted,
    value_meant,
)  # fmt: skip
from devices.probes.telemetry import UNCLEAR, Probes, contract_values
from devices.texts import shown, text

Encoding = str  # json, list, senml-json, senml-cbor, probe, or the id of a network server's envelope
FITTING, FIELDS_SHOWN = 4, 12  # probe files, and fields of one, that are named at most
EXAMPLE: dict[str, Any] = {"values": {"soil_moisture": 31.5}}


class Finding(NamedTuple):
    """Something to mend. `field`: where it stands; `refused`: whether the message is refused for it, or else
    stored with something that was not meant. `phrases`: catalogue keys with their values, first the cause,
    then the mend.
    """

    field: str
    refused: bool
    reason: str
    phrases: tuple[Phrase, ...]

    def sentence(self, lang: str) -> str:
        """Field, cause and mend, for a person."""
        parts = [text(key, lang, **values) for key, values in self.phrases]
        place = text("check.whole", lang) if self.field == "" else shown(self.field)
        return f"{place}: {' '.join(parts)}"


class Examined(NamedTuple):
    """All findings about a payload. `right`: the same payload as the gateway would take it, as JSON text; an
    example if it is no JSON; "" if nothing is to be mended, or nothing can be guessed.
    """

    encoding: Encoding
    findings: tuple[Finding, ...]
    right: str

    @property
    def refused(self) -> bool:
        return any(finding.refused for finding in self.findings)


def examine(
    payload: bytes, device: Device, now: int, probes: Probes, envelope: Envelope | None = None
) -> Examined:
    """Examine a message of `device` as of epoch ms `now`; `envelope`: the network server that sent it on."""
    encoding = _encoding(payload, device, envelope)
    try:
        messages = probes.telemetry(payload, device, envelope)
    except PayloadError as error:
        findings, mended = _wrong(payload, device, encoding, error, probes, envelope, now)
        right = _written(mended)
        return Examined(encoding, tuple(findings), right)
    newest = max((one.time for one in messages if one.time is not None), default=None)
    doubts: list[Finding] = []
    for place, one in enumerate(messages):
        listed = encoding == "list" or (encoding == "probe" and len(messages) > 1)
        at = f"[{place}]." if listed else ""
        doubts += _doubts(one, at)
        if one.time is not None:
            field = at + probes.time_field(encoding, device, envelope)
            doubts += _clock(one.time, now, field, encoding, envelope, newest=one.time == newest)
        if (one.seq is None) != (one.boot is None):
            alone = "boot" if one.seq is None else "seq"
            doubts.append(Finding(f"{at}{alone}", False, "alone", ((f"check.{alone}_alone", {}),)))
    return Examined(encoding, (*_unread(payload, device, probes, envelope), *doubts), "")


def server_of(payload: bytes) -> Envelope:
    """The network server whose form a message has; ChirpStack if it has none."""
    try:
        data = parsed_json(payload)
    except PayloadError:
        return envelopes()[0]
    return server(data) or envelopes()[0]


def _encoding(payload: bytes, device: Device, envelope: Envelope | None) -> Encoding:
    if envelope is not None:
        return envelope.id
    encoding = encodings.encoding(payload)
    if encoding != "senml-cbor" and device.probe is not None and b'"values"' not in payload:
        return "probe"
    return encoding


def _unread(payload: bytes, device: Device, probes: Probes, envelope: Envelope | None) -> Iterator[Finding]:
    """The fields that a probe file names but could not read."""
    if envelope is None and device.probe is None:
        return
    if (probe := probes.unknown_to(payload, device, envelope)) is not None:
        paths = [path for wording in probe.readings.values() for path in wording.at]
        named = ", ".join([*paths[:FIELDS_SHOWN], *["…"] * (len(paths) > FIELDS_SHOWN)])
        yield Finding("", False, "no_field", (("check.no_field", {"probe": probe.id, "fields": named}),))
    for one in probes.unread(payload, device, envelope):
        values: dict[str, object] = {"signal": one.signal, "path": one.path, "value": one.value}
        yield Finding(one.path[:120], False, "unread", ((one.why, values),))


def _wrong(
    payload: bytes,
    device: Device,
    encoding: Encoding,
    error: PayloadError,
    probes: Probes,
    envelope: Envelope | None,
    now: int,
) -> tuple[list[Finding], Any]:
    """All errors of a refused payload, and the payload without them (None: no guess)."""
    try:
        if encoding == "senml-cbor" or error.reason in ("too_large", "not_json"):
            json.loads(payload)
            raise ValueError
        data = json.loads(payload)
    except (ValueError, RecursionError) as cause:
        return [_whole(error, cause)], EXAMPLE if error.reason == "not_json" else None
    findings: list[Finding] = []
    if encoding == "senml-json" and isinstance(data, list):
        findings = list(_records(data, device.device))
        mended: Any = None
    elif envelope is not None:
        findings = [] if error.reason in UNCLEAR.values() else list(_object(data, device, probes, envelope))
        mended = None
    elif encoding == "probe":
        mended = None
    elif isinstance(data, dict) and len(data) > 1 and _of_maker(data):
        return [_refusal("", error, _fitting(data, probes))], None
    elif isinstance(data, dict) and isinstance(values := data.get("values"), dict) and _of_maker(values, 3):
        return [_refusal("values", error, _fitting(values, probes))], None
    elif encoding == "list" and isinstance(data, list):
        mended = []
        for place, one in enumerate(data):
            inner, good = _message(one, f"[{place}].", now)
            findings += inner
            mended += [good] if good["values"] is not EXAMPLE["values"] else []
        mended = mended or [EXAMPLE]
    else:
        findings, mended = _message(data, "", now)
    if not any(finding.reason == error.reason for finding in findings):  # of the whole, as a repeated name
        findings.append(_refusal(error.field, error))
        mended = None if error.reason == "repeated_name" else mended  # which of the two was meant?
    return findings, mended


def _of_maker(data: Mapping[str, Any], few: int = 0) -> bool:
    """Whether the names are a maker's own, no slips of the pen: more than `few` mean nothing to us, and more
    than three for each that means a signal.
    """
    meant = [name_meant(name) for name in data]
    strange, signals = meant.count(""), sum(name in SIGNALS for name in meant)
    return "values" not in meant and strange > max(few, 3 * signals)


def _message(data: Any, at: str, now: int) -> tuple[list[Finding], dict[str, Any]]:
    """The findings of one JSON message, and the message as it would be right."""
    if not isinstance(data, dict):
        error = refusal_of(data)
        return [_refusal(at.rstrip("."), error)] if error else [], EXAMPLE
    values = data.get("values")
    findings, measured = _measured(values, at) if isinstance(values, dict) else ([], {})
    if "values" in data and not isinstance(values, dict) and (error := refusal_of({"values": values})):
        findings.append(_refusal(f"{at}values", error))
    right: dict[str, Any] = {}
    for name, value in data.items():
        if name == "values":
            continue
        error = refusal_of(FILLER | {name: value})
        if error is None:
            right[name] = value
            continue
        meant = name if name in SIGNALS or name in FIELDS else name_meant(name)
        if meant in SIGNALS:  # beside "values" instead of in it
            moved = value_meant(meant, value)
            measured = moved | measured
            findings.append(
                _refusal(at + name, error, ("check.move", {"value": _bare(moved) or f'"{meant}"'}))
            )
        elif meant == "values" and isinstance(value, dict):
            inner, more = _measured(value, at)
            measured = more | measured
            findings += [_refusal(at + name, error, ("check.write", {"value": '"values"'})), *inner]
        else:
            kept = field_meant(meant, value, now)
            right |= kept if meant == name or meant not in data else {}
            otherwise = "check.leave_out" if meant or isinstance(value, str | bool | None) else "check.name"
            findings.append(_refusal(at + name, error, _hint(kept, otherwise)))
    if not measured and not findings and (error := refusal_of({"values": {}})):
        findings.append(_refusal(f"{at}values", error))
    return findings, {"values": measured or EXAMPLE["values"], **right}


def _measured(values: Mapping[str, Any], at: str) -> tuple[list[Finding], dict[str, Any]]:
    """The findings of a message's values, and the values as they would be right."""
    findings: list[Finding] = []
    right: dict[str, Any] = {}
    for name, value in values.items():
        error = refusal_of({"values": {name: value}})
        mended = (
            {name: value}
            if error is None
            else value_meant(name if name in SIGNALS else name_meant(name), value)
        )
        right |= mended
        if error:
            otherwise = "check.name" if error.reason == "unknown_signal" else "check.leave_out"
            findings.append(_refusal(f"{at}values.{name}", error, _hint(mended, otherwise)))
    return findings, right


def _records(pack: list[Any], device: str) -> Iterator[Finding]:
    """The findings of a SenML pack: each record is decoded with the base values that hold at its place."""
    base: dict[str, Any] = {}
    for place, record in enumerate(pack):
        if not isinstance(record, dict):
            yield _refusal(f"[{place}]", PayloadError("not_senml", "record"))
            continue
        bases = {key: value for key, value in record.items() if key.startswith("b")}
        error = _pack([{**base, **bases, "n": "rssi", "u": "dBm", "v": -80}], device)
        if error is None:
            base.update(bases)
            error = _pack([{**base, **record}], device) if record.keys() - bases.keys() else None
        if error and error.reason != "no_values":  # a sum, a text or a position alone, which is ignored
            name = record.get("n", "")
            label = f"[{place}].{name}" if isinstance(name, str) and name else f"[{place}]"
            yield _refusal(label, error, _senml_hint(error, record))


def _pack(pack: list[Any], device: str) -> PayloadError | None:
    try:
        senml.decode_json(json.dumps(pack).encode(), device)
    except PayloadError as error:
        return error
    return None


def _senml_hint(error: PayloadError, record: Mapping[str, Any]) -> Phrase | None:
    """The units that would be taken, or the name that would."""
    name = str(record.get("n", "")).rpartition(":")[2].rpartition("/")[2]
    if error.reason == "unknown_signal" and name_meant(name) in SIGNALS:
        return "check.write", {"value": f'"n":"{name_meant(name)}"'}
    if error.reason != "wrong_unit" or name not in SIGNALS:
        return None
    taken = [unit for unit, ucum in senml.units() if unit and ucum == SIGNALS[name].unit]
    return ("check.units", {"units": ", ".join(taken)}) if taken else ("check.no_unit", {})


def _object(data: Any, device: Device, probes: Probes, envelope: Envelope) -> Iterator[Finding]:
    """The findings of an uplink: what is wrong around the values, then with each value."""
    try:
        uplink = envelope.open(data)
    except PayloadError as error:
        yield _refusal(error.field, error)
        return
    for name, value in (uplink.data or {}).items():
        try:
            contract_values({name: value})
        except PayloadError as error:
            meant = name if name in SIGNALS else name_meant(name)
            mended = value_meant(meant, value)
            yield _refusal(f"object.{name}", error, _hint(mended) if mended else None)
    if uplink.data and not uplink.data.keys() <= SIGNALS.keys() and device.probe is None:
        yield Finding("", True, "unknown_signal", (_fitting(uplink.data, probes),))


def _fitting(data: Any, probes: Probes) -> Phrase:
    """The probe files that name the fields of a maker's message, or how to write one."""
    fitting = probes.shelf.fitting(data)
    return ("check.probes_fit", {"probes": ", ".join(fitting[:FITTING])}) if fitting else ("check.learn", {})


def _doubts(message: Telemetry, at: str) -> Iterator[Finding]:
    """Values that are stored, but were probably not meant."""
    for name, value in message.values.items():
        reason, phrases = value_doubted(name, value)
        if phrases:
            yield Finding(f"{at}values.{name}", False, reason, phrases)


def _clock(
    time: int, now: int, field: str, encoding: Encoding, envelope: Envelope | None, *, newest: bool
) -> Iterator[Finding]:
    """A time that is not believed, or is believed though a clock in the wrong zone would say the same.
    `newest`: no other reading of the message is later, so that it may be of now.
    """
    senml = encoding.startswith("senml")
    guess = clock_meant(time, now, senml=senml)
    if envelope is not None:
        mend: Phrase = ("check.clock_server", {"server": envelope.name})
    else:
        mend = guess or ("check.clock_set", {"field": field})
    if time > now + AHEAD_MS or time < YEAR_2020_MS:
        wrong = "check.clock_old" if time < YEAR_2020_MS else "check.clock_ahead"
        yield Finding(field, False, "clock", ((wrong, {}), mend))
    elif guess is not None and newest and envelope is None:
        yield Finding(field, False, "behind", (guess,))


def _hint(mended: Mapping[str, Any], otherwise: str = "check.leave_out") -> Phrase:
    """Advice to write something else, or to leave it out."""
    return ("check.write", {"value": _bare(mended)}) if mended else (otherwise, {})


def _whole(error: PayloadError, cause: Exception) -> Finding:
    """The finding about a payload that cannot be taken apart."""
    hint: Phrase | None = None
    if isinstance(cause, json.JSONDecodeError):
        hint = ("check.at", {"line": cause.lineno, "column": cause.colno})
    return _refusal("", error, hint)


def _refusal(field: str, error: PayloadError, hint: Phrase | None = None) -> Finding:
    cause: Phrase = (f"rejected.{error.reason}", {"field": error.field})
    return Finding(field[:120], True, error.reason, (cause, *([hint] if hint else ())))


def _bare(fields: Mapping[str, Any]) -> str:
    """The fields as they stand inside the braces."""
    return _written(fields)[1:-1]


def _written(message: Any) -> str:
    return "" if message is None else json.dumps(message, ensure_ascii=False, separators=(",", ":"))
