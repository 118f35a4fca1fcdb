"""From messages to readings: whose is it, what does it say, was it here before, is its time credible?

Nothing here does I/O, and every exception of a payload is a refusal with a reason; one bad message
never touches the next. Diary events and states pass through to those who keep them.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from devices import topics
from devices.diary import DiaryEvent, decode_diary
from devices.encodings import UPLINK, decode, uplink
from devices.models import DIARY
from devices.payloads import PayloadError, Telemetry
from devices.reading import Device, Reading
from gateway.seen import Repeats, Seen
from gateway.spool import Message, Refusal

AHEAD_MS = 5 * 60 * 1000  # a device's clock may run this far ahead of ours
YEAR_2020_MS = 1_577_836_800_000
_READINGS = frozenset({"telemetry", "uplink"})


class Written(NamedTuple):
    """A diary event and who wrote it down."""

    device: Device
    event: DiaryEvent


class State(NamedTuple):
    """A node came or went; `time` is epoch ms of arrival. The broker repeats a `retained` one at every
    subscription, so it does not say that the node was heard.
    """

    device: Device
    online: bool
    time: int
    retained: bool


@dataclass(slots=True)
class Decoded:
    """What a batch of messages says. `source` gives for each reading its message's place."""

    readings: list[Reading] = field(default_factory=list)
    source: list[int] = field(default_factory=list)
    diary: list[Written] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    refused: dict[int, Refusal] = field(default_factory=dict)
    repeated: list[Device] = field(default_factory=list)  # once a message that was known already
    touched: dict[str, Device] = field(default_factory=dict)
    marks: list[str] = field(default_factory=list)

    @property
    def duplicate(self) -> int:
        """Messages that were known already."""
        return len(self.repeated)


class Decoder:
    """Understands messages in the order of the spool. `lookup` gives the device of an id, or None, and
    `by_eui` that of a LoRaWAN devEUI; after `refresh` they know who was enrolled until now. `lane`: which
    gateway of how many this is, where they share messages (see `Seen.stamp`).
    """

    def __init__(
        self,
        pilot: str,
        lookup: Callable[[str], Device | None],
        seen: dict[str, str] | None = None,
        marks: Iterable[str] = (),
        by_eui: Callable[[str], Device | None] = lambda _: None,
        refresh: Callable[[], None] = lambda: None,
        lane: tuple[int, int] = (0, 1),
    ) -> None:
        self._pilot = pilot
        self._lookup = lookup
        self._by_eui = by_eui
        self._refresh = refresh
        self._lane = lane
        self._fresh = False
        self._repeats = Repeats(marks)
        self._seen = {device: Seen(state) for device, state in (seen or {}).items()}

    def decode(self, messages: Sequence[Message]) -> Decoded:
        """Sort a batch. Never raises for what a message contains."""
        result = Decoded()
        self._fresh = False
        senders: dict[str, tuple[Device, str]] = {}  # a device's topic comes again and again
        for index, message in enumerate(messages):
            try:
                sender = senders.get(message.topic)
                if sender is None:
                    sender = senders[message.topic] = self._sender(message.topic)
                device, kind = sender
                if kind in _READINGS:
                    self._readings(index, message, device, kind, result)
                elif kind == "status":
                    state = self._status(device, message, result)
                    if device.model != DIARY:  # which is no sensor that could be missed
                        result.states.append(state)
                else:
                    result.diary.append(Written(device, decode_diary(message.payload)))
            except PayloadError as error:
                result.refused[index] = Refusal(message, error.reason, error.field)
        return result

    def device(self, name: str) -> Device | None:
        """The device of that id, if it may speak."""
        return self._lookup(name)

    def state(self, device: str) -> str:
        """What to remember of a device, as text for the spool."""
        return self._seen[device].dump()

    def missing(self) -> dict[str, int]:
        """Messages that each device numbered and that never came, where there are any."""
        found = {device: seen.missing for device, seen in list(self._seen.items())}
        return {device: count for device, count in found.items() if count}

    def _readings(self, index: int, message: Message, device: Device, kind: str, result: Decoded) -> None:
        """What a message of telemetry says: all of a batch, or none of it."""
        if message.retained:
            # a broker repeats a retained message at every subscription: it is old, whenever it comes
            raise PayloadError("retained")
        told = decode(message.payload, device.device) if kind == "telemetry" else uplink(message.payload)
        seen = self._remember(device, result)
        if len(told) == 1 and (one := told[0]).seq is not None and one.boot is not None:  # the usual case
            if message.replayed or seen.take(message, one):
                if one.values:  # else all of it was null: its number counts, and there is nothing to store
                    result.readings.append(self._timed(device, message, one, seen))
                    result.source.append(index)
            else:
                result.repeated.append(device)
            return
        if len(told) > 1:
            _refuse_clash(told)  # before its numbers count as known
        new = self._new(message, told, seen, result)
        if not new:
            result.repeated.append(device)
            return
        readings = [self._timed(device, message, one, seen) for one in new if one.values]
        result.readings += readings
        result.source += [index] * len(readings)

    def _new(self, message: Message, told: list[Telemetry], seen: Seen, result: Decoded) -> list[Telemetry]:
        """Those of a message's readings that were not here before: each by its number, the others by the
        message they are in.
        """
        if message.replayed:
            return told
        numbered = [one for one in told if one.boot is not None and one.seq is not None]
        new = [one for one in numbered if seen.take(message, one)]
        if len(numbered) == len(told):
            return new
        others = [one for one in told if one.boot is None or one.seq is None]
        dated = next((one for one in others if one.time is not None), None)
        if dated is not None:
            return new + others if seen.take(message, dated) else new
        mark = self._repeats.mark(message)
        if mark is None:
            return new
        result.marks.append(mark)
        return new + others

    def _sender(self, topic: str) -> tuple[Device, str]:
        if topic.startswith("application/"):
            return _bounded(self._node_of(topic), "uplink")
        try:
            parts = topics.parse(topic)
        except topics.TopicError as error:
            raise PayloadError("bad_topic", str(error)) from None
        device = self._find(self._lookup, parts.device)
        if device is None:
            raise PayloadError("unknown_device", parts.device)
        if parts.pilot != self._pilot or device.community != parts.community:
            raise PayloadError("foreign_topic", topic)
        return _bounded(device, parts.kind)

    def _find(self, lookup: Callable[[str], Device | None], name: str) -> Device | None:
        """Who is called so. Whoever was enrolled before a message of this batch came is known after one
        look at the registry, so a flood of invented names costs no more than that.
        """
        device = lookup(name)
        if device is None and not self._fresh:
            self._refresh()
            self._fresh = True
            device = lookup(name)
        return device

    def _node_of(self, topic: str) -> Device:
        """Whose uplink ChirpStack publishes: it vouches for the devEUI, the registry knows whose that is."""
        named = UPLINK.fullmatch(topic)
        if named is None:
            raise PayloadError("bad_topic", "expected application/{id}/device/{devEUI}/event/up")
        device = self._find(self._by_eui, named[1].lower())
        if device is None:
            raise PayloadError("unknown_device", named[1])
        return device

    def _remember(self, device: Device, result: Decoded) -> Seen:
        result.touched[device.device] = device
        seen = self._seen.get(device.device)
        if seen is None:
            seen = self._seen[device.device] = Seen()
        return seen

    def _timed(self, device: Device, message: Message, telemetry: Telemetry, seen: Seen) -> Reading:
        values, claimed, seq, boot, ago = telemetry
        believed = claimed is not None and (
            YEAR_2020_MS <= claimed <= message.arrival + AHEAD_MS or (device.simulated and seen.played)
        )
        if claimed is None or not believed:
            stamp = seen.stamp(message.arrival, *self._lane) - ago
            return Reading(device, stamp, values, claimed, seq, boot)
        clash = seen.conflict(claimed, values)
        if clash is not None and not message.replayed:
            raise PayloadError("conflicting_time", clash)
        return Reading(device, claimed, values, None, seq, boot)

    def _status(self, device: Device, message: Message, result: Decoded) -> State:
        try:
            data = json.loads(message.payload[:4096])
            online = {"online": True, "offline": False}[data["state"]]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise PayloadError("bad_status") from None
        if device.simulated and online:
            self._remember(device, result).played = bool(data.get("scenario"))
        return State(device, online, message.arrival, message.retained)


def _bounded(device: Device, kind: str) -> tuple[Device, str]:
    """A sender whose model may say this: a broker's rules may be looser, or its own. Raises PayloadError."""
    if device.model == DIARY and kind in _READINGS:
        raise PayloadError("diary_measures", device.device)
    if device.model != DIARY and kind not in _READINGS and kind != "status":
        raise PayloadError("wrong_model", device.model)
    return device, kind


def _refuse_clash(told: Sequence[Telemetry]) -> None:
    """Two readings of a batch may not give a signal two values for the same time. Raises PayloadError."""
    given: dict[int, set[str]] = {}
    for one in told:
        if one.time is None:
            continue
        names = given.setdefault(one.time, set())
        if names & one.values.keys():
            raise PayloadError("conflicting_time", min(names & one.values.keys()))
        names |= one.values.keys()
