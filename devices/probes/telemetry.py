"""Turns a device's message into what was measured, by the probe that reads it or by the contract itself.

an uplink      the probe that the device is enrolled with ─► the tag hoiquan-probe ─► the profile's, if the
               object has a field of it ─► the contract's own names ─► `normalized` ─► refused
its own topic  the probe that the device is enrolled with, unless the message is in the contract's form
"""

import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any

from devices.contract import encodings
from devices.contract.payloads import FIELDS, MAX_EXACT, PayloadError, Telemetry
from devices.contract.reading import Device
from devices.contract.signals import SIGNALS
from devices.probes.envelope import Envelope, Uplink, parsed_json, uplink_json
from devices.probes.probe import Probe
from devices.probes.reader import COMMA, MANY, PLACE, TRUTH, UNIT, Reader, Unread
from devices.probes.shelf import Shelf

_NORMALIZED = "normalized"
_GROUPS = frozenset({"air", "soil", "water", "wind", "rain", "leaf", "metering", "channels", "sound", "tank"})
# names at the top of the open codecs' objects: vocabulary.schema.json of 0.2.2, and the device's maker
_VOCABULARY = _GROUPS | {
    "action", "analog", "battery", "batteryPercent", "device", "history", "hvac", "linear", "make",
    "model", "people", "plant", "position", "power", "pressure", "pulse", "temperature", "tilt", "time",
    "vibration",
}  # fmt: skip
MOST_NAMES = 40  # names of a frame that are compared for a slip of the pen, half a millisecond each
# why a field that is there cannot be told ─► the reason for which its message is refused
UNCLEAR = {COMMA: "comma", UNIT: "unread_unit", PLACE: "no_place_value", TRUTH: "truth", MANY: "many"}

_NOWHERE: dict[str, float] = {}


class Probes:
    """Reads messages of devices that do not speak the contract, by the probes of a shelf. `counted`: all
    messages of a device come here, so that counters can tell what came since; false where gateways share the
    messages.
    """

    def __init__(self, shelf: Shelf, *, counted: bool = True) -> None:
        self.shelf, self._counted = shelf, counted

    def telemetry(self, payload: bytes, device: Device, envelope: Envelope | None) -> list[Telemetry]:
        """Decode a device's message: from its own topic, or out of a network server's envelope. Raises
        PayloadError.
        """
        if envelope is not None:
            return [self.uplink(envelope.open(uplink_json(payload)), device)]
        if device.probe is not None:
            return self.message(payload, device)
        return encodings.decode(payload, device.device)

    def message(self, payload: bytes, device: Device) -> list[Telemetry]:
        """Decode a message from the own topic of a device that has a probe. Raises PayloadError."""
        first = payload[:1]
        if first not in (b"{", b"[") and payload[:64].lstrip()[:1] not in (b"{", b"["):
            return encodings.decode(payload, device.device)
        data = parsed_json(payload)
        reader = self._own(data, device)
        if reader is None:
            return encodings.decode(payload, device.device)
        return [self._timed(reader, one, device) for one in _objects(reader, data)]

    def uplink(self, uplink: Uplink, device: Device) -> Telemetry:
        """Decode an uplink of a device. Raises PayloadError."""
        reader, data, named = self._reading(uplink, device)
        if reader is not None:
            read = self._telemetry(reader, data, device)
        else:
            read = Telemetry(contract_values(data), None, None, None)
        values = read.values
        if named and not values and not read.totals:  # a frame of configuration is no reading
            return Telemetry({}, uplink.time, uplink.counter, uplink.session, 0, uplink.identity)
        if uplink.rssi is not None and "rssi" not in values:
            values = {**values, "rssi": uplink.rssi}
        return Telemetry(values, uplink.time, uplink.counter, uplink.session, 0, uplink.identity, read.totals)

    def unread(self, payload: bytes, device: Device, envelope: Envelope | None) -> tuple[Unread, ...]:
        """What the probe that reads a good message names, but could not read."""
        reader, objects = self._read_by(payload, device, envelope)
        if reader is None:
            return ()
        place = dict(device.site)
        return tuple(dict.fromkeys(unread for one in objects for unread in reader.read(one, place).unread))

    def unknown_to(self, payload: bytes, device: Device, envelope: Envelope | None) -> Probe | None:
        """The probe that reads a good message, if the message has none of its fields."""
        reader, objects = self._read_by(payload, device, envelope)
        return None if reader is None or any(map(reader.names, objects)) else reader.probe

    def time_field(self, encoding: str, device: Device, envelope: Envelope | None) -> str:
        """Where the time stands in a good message of that encoding (see `findings`)."""
        if envelope is not None:
            return envelope.time_field
        if encoding == "probe" and (clock := self._enrolled(device).probe.time) is not None:
            return clock.path
        return "bt" if encoding.startswith("senml") else "ts"

    def _read_by(
        self, payload: bytes, device: Device, envelope: Envelope | None
    ) -> tuple[Reader | None, Sequence[Any]]:
        """The reader of a good message (None: the contract), and the objects that it reads."""
        try:
            data = parsed_json(payload)
        except PayloadError:  # SenML in CBOR
            return None, ()
        if envelope is not None:
            reader, data, _ = self._reading(envelope.open(data), device)
            return reader, (data,)
        reader = self._own(data, device)
        return reader, () if reader is None else _objects(reader, data)

    def _reading(self, uplink: Uplink, device: Device) -> tuple[Reader | None, Mapping[str, Any], bool]:
        """The reader of an uplink (None: the contract), the object that it reads, and whether the device or
        the profile named this reader. Raises PayloadError.
        """
        if not uplink.data and not uplink.normalized:
            raise PayloadError("no_object")
        data = uplink.data or {"normalized_payload": None}  # no object: only the normalised one can be read
        reader = self._chosen(uplink, uplink.data or {}, device)
        if reader is not None:
            own = reader.probe.id == _NORMALIZED and uplink.normalized  # the server has normalised it
            return reader, uplink.normalized if own else data, True
        if _unknown(data) is not None:
            if uplink.normalized and self._normalized().names(uplink.normalized):
                return self._normalized(), uplink.normalized, False
            if _grouped(data) and self._normalized().names(data):
                return self._normalized(), data, False
        return None, data, False

    def _chosen(self, uplink: Uplink, data: Mapping[str, Any], device: Device) -> Reader | None:
        if device.probe is not None:
            return self._enrolled(device)
        if uplink.probe:
            return self._of(uplink.probe)
        named = self.shelf.of_profile(uplink.profile, uplink.maker) if uplink.profile else None
        reader = self.shelf.reader(named) if named is not None else None
        if reader is None or not data:
            return None
        if data.keys() <= _VOCABULARY and _grouped(data):
            return self._normalized()  # the profile has a model's name, but its codec gives normalised words
        if not reader.names(data):
            return reader if _configures(data) else None
        return reader

    def _own(self, data: Any, device: Device) -> Reader | None:
        """The reader of a message from the own topic of a device that has a probe; None: the contract."""
        reader = self._enrolled(device)
        contract = speaks_contract(data) or (_contract(data) and not reader.names(data))
        return None if contract else reader

    def _enrolled(self, device: Device) -> Reader:
        if device.probe is None:
            raise PayloadError("no_probe", "")
        return self._of(device.probe)

    def _of(self, probe: str) -> Reader:
        reader = self.shelf.reader(probe)
        if reader is None:
            raise PayloadError("no_probe", probe)
        return reader

    def _normalized(self) -> Reader:
        return self._of(_NORMALIZED)

    def _timed(self, reader: Reader, data: Any, device: Device) -> Telemetry:
        """`_telemetry`, with the time that the object says; where nothing was measured none is needed."""
        read = self._telemetry(reader, data, device)
        return read._replace(time=reader.time(data)) if read.values or read.totals else read

    def _telemetry(self, reader: Reader, data: Any, device: Device) -> Telemetry:
        measured = reader.read(data, dict(device.site) if device.site else _NOWHERE)
        for one in measured.unread:
            measured_else = one.signal in measured.values or one.signal in measured.totals
            if one.why in UNCLEAR and one.value and not measured_else:
                raise PayloadError(UNCLEAR[one.why], f"{one.path} {one.value}")
        if not measured.totals or not self._counted:
            return Telemetry(measured.values, None, None, None)
        totals = {
            name: (f"{kind} {reader.probe.id}", total) for name, (kind, total) in measured.totals.items()
        }
        return Telemetry(measured.values, None, None, None, totals=totals)


def _objects(reader: Reader, data: Any) -> Sequence[Any]:
    """The objects of a message on the device's own topic: of a list its elements, if the probe has times."""
    return data if reader.probe.time is not None and isinstance(data, list) and data else (data,)


def contract_values(data: Mapping[str, Any]) -> dict[str, float]:
    """Values by signal, of an object that has the contract's names. Raises PayloadError."""
    if (unknown := _unknown(data)) is not None:
        raise PayloadError("unknown_signal", unknown)
    values: dict[str, float] = {}
    for name, value in data.items():
        if value is None:
            continue
        if type(value) is not float and type(value) is not int:
            raise PayloadError("not_a_number", name)
        if not math.isfinite(value):
            raise PayloadError("not_finite", name)
        if not -MAX_EXACT <= value <= MAX_EXACT:
            raise PayloadError("too_big", name)
        values[name] = float(value)
    return values


def _unknown(data: Mapping[str, Any]) -> str | None:
    return next((name for name in data if name not in SIGNALS), None)


def _configures(data: Mapping[str, Any]) -> bool:
    """Whether an object has neither names of ours nor slips of the pen for them: a frame of another kind."""
    if _grouped(data) or _unknown(data) is None:
        return False
    if any(name in SIGNALS for name in data):
        return False
    return not any(get_close_matches(name, SIGNALS, 1, 0.8) for name in islice(data, MOST_NAMES))


def _grouped(data: Mapping[str, Any]) -> bool:
    """Whether an object has a group of the normalised words; `battery` alone is a word of many makers."""
    return any(isinstance(data.get(word), dict | list) for word in _GROUPS)


def speaks_contract(data: Any) -> bool:
    """Whether a JSON message has the contract's form and names only signals: then it needs no probe file."""
    some = data if isinstance(data, list) else [data]
    return bool(some) and all(
        isinstance(one, dict) and _contract(one) and one["values"].keys() <= SIGNALS.keys() for one in some
    )


def _contract(data: Any) -> bool:
    """Whether a message has the contract's own form: a JSON object, a list of these, or SenML."""
    if isinstance(data, dict):
        return isinstance(data.get("values"), dict) and data.keys() <= FIELDS
    some = data if isinstance(data, list) else []
    if not some or not all(isinstance(one, dict) for one in some):
        return False
    return bool({"values", "n", "bn"} & some[0].keys())  # a pack's first record names those behind it
