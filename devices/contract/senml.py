"""SenML (RFC 8428, units also of RFC 8798): decodes a pack of records, in JSON or CBOR, into readings.

A record's full name is the base name and the record's own. It ends with a signal's id; the part before names
the sender: nothing, a URN (RFC 9039), the id of the device that the topic names, or a maker's serial. Values
are converted to the signal's unit. Records of the same time become one reading.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from io import BytesIO
from typing import Any

import cbor2

from devices.contract.payloads import (
    MAX_EXACT,
    PayloadError,
    Telemetry,
    not_json,
    refuse_large,
    refuse_repeated_names,
)
from devices.contract.signals import SIGNALS, SWITCHES
from devices.contract.topics import ID

VERSION = 10  # RFC 8428, 4.4
SELF_DESCRIBED = b"\xd9\xd9\xf7"  # a tag that only says "this is CBOR" (RFC 8949, 3.4.6)
ABSOLUTE = 2**28  # seconds; a smaller time is relative to now (RFC 8428, 4.5.3)
OLDEST = 366 * 86_400  # Assumption: seconds; no node keeps a value longer than a year before it sends it
# CBOR has numbers for the names (RFC 8428, table 6).
_LABELS = {-1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs",
           0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd"}  # fmt: skip
# (SenML unit, signal's UCUM unit) → a factor, and the offset that is added afterwards.
_CONVERT: dict[tuple[str, str], tuple[float, float]] = {
    ("K", "Cel"): (1, -273.15),
    ("%", "%"): (1, 0), ("%RH", "%"): (1, 0), ("%EL", "%"): (1, 0),
    ("/", "%"): (100, 0), ("/100", "%"): (1, 0), ("/1000", "%"): (0.1, 0),
    ("Pa", "hPa"): (0.01, 0),
    ("m", "mm"): (1000, 0), ("mm", "m"): (0.001, 0), ("cm", "m"): (0.01, 0), ("cm", "mm"): (10, 0),
    ("km/h", "m/s"): (1 / 3.6, 0),
    ("/1000", "[ppm]"): (1000, 0), ("/", "[ppm]"): (1e6, 0),
    ("S/m", "dS/m"): (10, 0),
    ("kg/m3", "g/L"): (1, 0), ("kg/m3", "mg/L"): (1000, 0),
    ("mV", "V"): (0.001, 0),
    ("dBW", "dB[mW]"): (1, 30),
    ("Wh", "kW.h"): (0.001, 0), ("J", "kW.h"): (1 / 3.6e6, 0),
    ("/", "1"): (1, 0),
    ("rad", "deg"): (180 / math.pi, 0),
    ("l", "m3"): (0.001, 0),
    ("m/h", "mm/h"): (1000, 0), ("m/s", "mm/h"): (3.6e6, 0),
    ("kg/m3", "ug/m3"): (1e9, 0),
    ("dB", "dB[SPL]"): (1, 0), ("Bspl", "dB[SPL]"): (10, 0),
}  # fmt: skip
# a sub-name (RFC 9039: urn:dev:…_soil_moisture), and a serial that ends with "-"
_JOINED = re.compile(r"(urn:dev:[a-z0-9]+:[^_:/]+(?=_)|(?!urn:).+(?=-))[_-](\w+)")
_POSITION = frozenset({"lat", "lon", "alt", "latitude", "longitude", "altitude"})
_BASE_NUMBERS = ("bt", "bv", "bs")
_VALUES = frozenset({"v", "vs", "vb", "vd"})
_REGULAR = _VALUES | {"n", "u", "s", "t", "ut"}  # a record without any of them only sets base values


def decode_json(payload: bytes, device: str) -> list[Telemetry]:
    """Decode a pack in JSON. `device`: the id in the topic. Raises PayloadError."""
    refuse_large(payload)
    try:
        text = payload.decode("utf-8")  # json would guess the encoding of bytes
        pack = json.loads(text)
        if "\\u" in text:  # an escape may be half a surrogate pair, which no store and no log can write
            json.dumps(pack, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise not_json(payload) from None
    refuse_repeated_names(payload)
    return _resolve(pack, device)


def decode_cbor(payload: bytes, device: str) -> list[Telemetry]:
    """Decode a pack in CBOR. `device`: the id in the topic. Raises PayloadError."""
    refuse_large(payload)
    rest = BytesIO(payload.removeprefix(SELF_DESCRIBED))
    try:
        pack = cbor2.load(rest, allow_duplicate_keys=False)  # else the last of two is kept silently
    # a tag's own decoder may raise any error that Python's types raise
    except (cbor2.CBORError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
        raise PayloadError("not_cbor") from None
    if rest.read(1):  # a second pack, which would be lost
        raise PayloadError("not_cbor")
    if not isinstance(pack, list):
        raise PayloadError("not_senml", "pack")
    return _resolve([_named(record) for record in pack], device)


def _named(record: Any) -> Any:
    """A CBOR record with JSON's names."""
    if not isinstance(record, Mapping):
        return record
    try:
        named = {_LABELS.get(label, label): value for label, value in record.items()}
    except TypeError:
        raise PayloadError("not_senml", "label") from None
    if len(named) < len(record):  # the same field by its label and by its name
        raise PayloadError("repeated_name", "label")
    return named


def _resolve(pack: Any, device: str) -> list[Telemetry]:
    if not isinstance(pack, list):
        raise PayloadError("not_senml", "pack")
    base: dict[str, Any] = {"bn": "", "bu": None, "bt": 0.0}
    values_at: dict[float, dict[str, float]] = {}
    for record in pack:
        if not isinstance(record, Mapping):
            raise PayloadError("not_senml", "record")
        _rebase(base, record)
        if record.keys().isdisjoint(_REGULAR):
            continue  # the record only sets base values
        whole = base["bn"] + _text(record, "n", "")
        kind = _kind(record, base, whole)
        sender, name = _split(whole)
        unit = _text(record, "u", base["bu"]) or base["bu"]  # "" counts as not given
        if kind == "s" or _is_beside(record, kind, name, unit):
            continue
        if name not in SIGNALS:
            raise PayloadError("unknown_signal", name or whole)
        if _is_foreign(sender, device, base):
            raise PayloadError("foreign_name", sender)
        value = _value(record, kind, base.get("bv", 0.0), name)
        seconds = base["bt"] + _number(record, "t", 0.0)
        values = values_at.setdefault(seconds, {})
        if name in values:
            raise PayloadError("repeated_name", name)
        values[name] = _converted(name, value, unit)
    if not values_at:
        raise PayloadError("no_values")
    return [_telemetry(seconds, values) for seconds, values in sorted(values_at.items())]


def _telemetry(seconds: float, values: dict[str, float]) -> Telemetry:
    if abs(seconds) * 1000 > MAX_EXACT:
        raise PayloadError("bad_time", "t")
    if seconds >= ABSOLUTE:
        return Telemetry(values, round(seconds * 1000), None, None)
    if not -OLDEST <= seconds <= 0:  # 0 to ABSOLUTE is the future
        raise PayloadError("bad_time", "t")
    return Telemetry(values, None, None, None, round(-seconds * 1000))


def _rebase(base: dict[str, Any], record: Mapping[Any, Any]) -> None:
    for name in record:
        if isinstance(name, str) and name.endswith("_"):  # refused unless it is understood
            raise PayloadError("unknown_field", name)
    version = _number(record, "bver", base.get("bver", VERSION))
    if version > VERSION or version != base.setdefault("bver", version):  # the same for all records
        raise PayloadError("not_senml", "bver")
    base["bn"] = _text(record, "bn", base["bn"])
    base["bu"] = _text(record, "bu", base["bu"])
    for name in _BASE_NUMBERS:
        if name in record:
            base[name] = _number(record, name, 0.0)


def _kind(record: Mapping[Any, Any], base: Mapping[str, Any], name: str) -> str:
    """The field that holds the value, or "s" for a sum without a value. A sum is the integral of the values
    over time, in the unit times seconds (RFC 8428, 4.2), and not a counter (section 10), so it is no signal
    of ours.
    """
    fields = sorted(record.keys() & _VALUES)
    if len(fields) > 1:
        raise PayloadError("not_senml", ", ".join(fields))
    if fields:
        return str(fields[0])
    if "s" not in record and "bv" in base:
        return "v"  # with a base value, a missing v is 0 (4.5.4)
    if "s" not in record and "bs" not in base:
        raise PayloadError("missing_value", name)
    _number(record, "s", 0.0, name)
    return "s"


def _split(name: str) -> tuple[str, str]:
    """Split a whole name into the sender and the signal that it ends with, or what stands in its place."""
    cut = max(name.rfind(mark) for mark in ":/") + 1
    sender, signal = name[:cut].rstrip(":/"), name[cut:]
    if signal not in SIGNALS and (joined := _JOINED.fullmatch(name)) and joined[2] in SIGNALS:
        return joined[1], joined[2]
    return sender, signal


def _is_beside(record: Mapping[Any, Any], kind: str, name: str, unit: str | None) -> bool:
    """Whether a record is the sender's position, or text or data that is no signal: such records may stand
    beside measurements. A number or a boolean under an unknown name may not: it may be meant as a signal of
    ours.
    """
    if unit in ("lat", "lon") or name in _POSITION:  # the unit, under a sensor's own name: RFC 8428, 5.1.3
        return True
    return name not in SIGNALS and kind in ("vs", "vd") and isinstance(record[kind], str | bytes)


def _is_foreign(sender: str, device: str, base: dict[str, Any]) -> bool:
    """Whether a name is another sender's. The topic says who sends, so a serial beside it is accepted.
    Foreign are a name that could be another device's id, a word without a digit ("Max:salinity"), and a
    second serial, because a pack with two serials has two senders.
    """
    named = sender.rpartition("/")[2]
    if not sender or sender.startswith("urn:") or named == device:
        return False
    if ID.fullmatch(named) or not re.search("[0-9]", named):
        return True
    return bool(base.setdefault("serial", sender) != sender)


def _value(record: Mapping[Any, Any], kind: str, base: float, name: str) -> float:
    if kind == "v":
        return base + _number(record, "v", 0.0, name)
    if kind == "vb" and name in SWITCHES and isinstance(record["vb"], bool):
        return float(record["vb"])
    raise PayloadError("null_in_senml" if record[kind] is None else "not_a_number", name)


def _converted(name: str, value: float, unit: str | None) -> float:
    signal = SIGNALS[name]
    if unit and unit != signal.senml:
        if (unit, signal.unit) not in _CONVERT:
            raise PayloadError("wrong_unit", f"{name}: {unit}")
        scale, offset = _CONVERT[unit, signal.unit]
        # a product of decimals has digits that nobody measured: 0.3 K * 1000
        value = float(f"{value * scale + offset:.12g}")
    if abs(value) > MAX_EXACT:
        raise PayloadError("too_big", name)
    return value


def _number(record: Mapping[Any, Any], name: str, default: float, label: str = "") -> float:
    value = record.get(name, default)
    if value is None:
        raise PayloadError("null_in_senml", label or name)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):  # CBOR has decimals
        raise PayloadError("not_a_number", label or name)
    try:
        number = float(value)
    except OverflowError:
        raise PayloadError("too_big", label or name) from None
    except ValueError:  # a signalling NaN
        raise PayloadError("not_finite", label or name) from None
    if not math.isfinite(number):
        raise PayloadError("not_finite", label or name)
    return number


def _text(record: Mapping[Any, Any], name: str, default: Any) -> Any:
    value = record.get(name, default)
    if value is not default and not isinstance(value, str):
        raise PayloadError("not_senml", name)
    return value


def units() -> Iterable[tuple[str, str]]:
    """Pairs of a SenML unit and the signal table's unit that it is accepted for: for the contract's page."""
    own = {(signal.senml, signal.unit) for signal in SIGNALS.values() if signal.senml}
    return sorted({*own, *_CONVERT})
