"""Decode messages into readings: who sent it, what does it say, is it new, is its time credible?

Nothing here does I/O, except to see whether the registry or the probe files changed. Every exception over a
payload becomes a refusal with a reason; one bad message never affects the next. Diary events and states pass
through to their keepers.
"""

import json
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from devices.clock import AHEAD_MS, YEAR_2020_MS
from devices.contract import topics
from devices.contract.diary import decode_diary
from devices.contract.encodings import decode, numbers
from devices.contract.models import DIARY
from devices.contract.orders import parse_answer
from devices.contract.payloads import PayloadError, Telemetry
from devices.contract.reading import Device, Reading
from devices.credentials import CHIRPSTACK
from devices.errors import CONTENT
from devices.pilots.bounds import within
from devices.pilots.pilot import Pilot
from devices.probes.envelope import Envelope, addressed, foreign, uplink_json
from devices.probes.shelf import Shelf
from devices.probes.telemetry import Probes
from gateway.ingest.fresh import Key, Late, Repeats, Sorter, recalled
from gateway.ingest.message import Answered, Message, Refusal, State, Written, unhandled
from gateway.ingest.seen import Seen

log = logging.getLogger(__name__)
_READINGS = frozenset({"telemetry", "up"})
_SIGNS = frozenset({"alive", "log"})  # a network server's other events of a device


@dataclass(slots=True)
class Decoded:
    """What a batch of messages says. `source` gives for each reading its message's place in the batch."""

    readings: list[Reading] = field(default_factory=list)
    source: list[int] = field(default_factory=list)
    diary: list[Written] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    refused: dict[int, Refusal] = field(default_factory=dict)
    again: dict[int, Refusal] = field(default_factory=dict)  # retained, and in the quarantine already
    repeated: dict[int, Device] = field(default_factory=dict)  # senders of messages with nothing new
    late: list[Late] = field(default_factory=list)  # only the store knows whether these are new: see `held`
    touched: dict[str, Device] = field(default_factory=dict)
    anew: list[Device] = field(default_factory=list)  # those whose memory began anew, enrolled again
    marks: list[str] = field(default_factory=list)
    # by message, the times and numbers that it repeats (see `Sorter.known`)
    relied: dict[int, tuple[Device, list[Key]]] = field(default_factory=dict)
    forgot: int = 0  # requests of `Decoder.forget` that were carried out before this batch

    @property
    def duplicate(self) -> int:
        """How many messages brought nothing new."""
        return len(self.repeated) + len(self.again)


class Sender(NamedTuple):
    """A message's device and kind, and the envelope of the network server that it came through, if any."""

    device: Device
    kind: str
    envelope: Envelope | None = None
    lasting: bool = True  # whether every message of the topic is this device's


class Decoder:
    """Decodes messages in the order of the spool. `pilot`: its file, or its id alone to leave diary events
    unchecked against its days and plots. `lookup` gives the device of an id, or None, `by_eui` that of a
    LoRaWAN devEUI; `refresh` makes both know every device enrolled until now. `lane`: this gateway's place
    and how many gateways share the messages (see `Seen.stamp`). `shelf`: the probe files.
    """

    def __init__(
        self,
        pilot: str | Pilot,
        lookup: Callable[[str], Device | None],
        seen: dict[str, str] | None = None,
        marks: Iterable[str] = (),
        by_eui: Callable[[str], Device | None] = lambda _: None,
        refresh: Callable[[], None] = lambda: None,
        lane: tuple[int, int] = (0, 1),
        shelf: Shelf | None = None,
    ) -> None:
        self._pilot = pilot if isinstance(pilot, str) else pilot.pilot
        self._rules = None if isinstance(pilot, str) else pilot
        self._lookup = lookup
        self._by_eui = by_eui
        self._refresh = refresh
        self._lane = lane
        self._probes = Probes(shelf or Shelf(), counted=lane[1] == 1)
        self._repeats = Repeats(marks)
        self._seen = {device: recalled(device, state) for device, state in (seen or {}).items()}
        self._refused: deque[Sequence[Reading]] = deque()
        self._requested = self._forgot = 0

    def decode(self, messages: Sequence[Message]) -> Decoded:
        """Decode a batch. Never raises for what a message contains."""
        self._take_up(messages)
        result = Decoded(forgot=self._forgot)
        senders: dict[str, Sender] = {}  # by topic: a batch has many messages of a device
        for index, message in enumerate(messages):
            sender = senders.get(message.topic)
            try:
                if sender is None:
                    sender = self._sender(message)
                    if sender is None:  # an event of a device that is not ours
                        continue
                    if sender.lasting:
                        senders[message.topic] = sender
                device, kind, envelope, _ = sender
                if kind in _READINGS:
                    self._readings(index, message, device, envelope, result)
                elif envelope is not None:
                    result.states += self._sign(device, kind, envelope, message)
                elif kind == "status":
                    result.states += self._status(device, message, result)
                elif kind == "result":
                    answer = parse_answer(message.payload)
                    result.answers.append(Answered(device, answer, message.arrival, index))
                else:
                    result.diary.append(self._diary(index, message, device, result))
            except PayloadError as error:
                result.refused[index] = Refusal(message, error.reason, error.field)
                self._count_refused(message, sender, result)
            except CONTENT as error:  # our own code stumbled: refuse this message, go on with the next
                log.exception("a message on %.200r cannot be handled", message.topic)
                result.refused[index] = unhandled(message, error)
        for name in result.touched:
            self._seen[name].trim()
        return result

    def _count_refused(self, message: Message, sender: Sender | None, result: Decoded) -> None:
        """Note the numbers of a refused message, so that they do not count as missing."""
        if sender is None or sender.kind not in _READINGS or message.retained or message.replayed:
            return
        seen = self._remember(sender.device, result)
        envelope = sender.envelope
        for boot, seq in numbers(message.payload) if envelope is None else _numbered(envelope, message):
            seen.refuse(boot, seq)

    def forget(self, refused: Sequence[Reading]) -> int:
        """Ask to forget readings whose messages are refused after all. May be called from another thread: the
        decoder forgets them before the next batch. Returns the request's number (see `Decoded.forgot`).
        """
        self._requested += 1
        self._refused.append(refused)
        return self._requested

    def _take_up(self, messages: Sequence[Message]) -> None:
        """Prepare for a batch: read changed probe files; refresh the registry if a message is replayed, since
        a new device may be the reason for the replay; and forget what `forget` asked for.
        """
        self._probes.shelf.refresh()
        self._fresh = any(message.replayed for message in messages)
        if self._fresh:
            self._refresh()
        while self._refused:
            self._forgot += 1
            for reading in self._refused.popleft():
                if (seen := self._seen.get(reading.device.device)) is not None:
                    seen.forget(reading)

    def device(self, name: str) -> Device | None:
        """The device of that id, or None if no such device may send."""
        return self._lookup(name)

    def state(self, device: str) -> str:
        """The memory of a device, as text for the spool."""
        return self._seen[device].dump()

    def missing(self) -> dict[str, int]:
        """How many numbered messages of each device never came; devices without gaps are left out."""
        return {device: lost for device, seen in list(self._seen.items()) if (lost := seen.missing)}

    def restarts(self) -> dict[str, int]:
        """How often each device's counter began again without a new boot, where it did."""
        return {device: seen.restarts for device, seen in list(self._seen.items()) if seen.restarts}

    def _readings(
        self, index: int, message: Message, device: Device, envelope: Envelope | None, result: Decoded
    ) -> None:
        """Take the readings of one telemetry message: all of them, or none."""
        if message.retained:
            # a broker repeats a retained message at every subscription: it counts as old, whenever it comes
            raise PayloadError("retained")
        if envelope is None and device.probe is None:
            readings = decode(message.payload, device.device)
        else:
            readings = self._probes.telemetry(message.payload, device, envelope)
        seen = self._remember(device, result)
        if len(readings) == 1 and not message.replayed:
            values, claimed, seq, boot, _, identity, totals = readings[0]
            if claimed is None and boot is None and not identity and not totals:
                self._clockless(index, message, readings[0], device, result)
                return
            if (
                claimed is not None
                and max(seen.newest, YEAR_2020_MS - 1) < claimed <= message.arrival + AHEAD_MS
                and not identity
                and not totals
                and values
            ):  # the usual case: later than all readings before
                seen.rewound = ()
                seen.later(claimed, values)
                if boot is not None:
                    if seq is not None:
                        seen.take(boot, seq, None)
                    else:
                        seen.turn_to(boot)
                result.readings.append(tuple.__new__(Reading, (device, claimed, values, None, seq, boot)))
                result.source.append(index)
                return
        sorter = Sorter(index, message, device, seen, self._repeats, self._lane)
        sorter.sort(readings)
        if not sorter.fresh:
            result.repeated[index] = device
        if sorter.known:
            result.relied[index] = device, sorter.known
        if sorter.mark is not None:
            result.marks.append(sorter.mark)
        result.late += sorter.late
        result.readings += sorter.readings
        result.source += [index] * len(sorter.readings)

    def _clockless(
        self, index: int, message: Message, one: Telemetry, device: Device, result: Decoded
    ) -> None:
        """Take a reading without time and number, as `Sorter` would: the packet number tells if it is new."""
        mark = self._repeats.mark(message)
        if mark is None:
            result.repeated[index] = device
            return
        result.marks.append(mark)
        if one.values:
            stamp = self._seen[device.device].stamp(message.arrival, *self._lane) - one.ago
            result.readings.append(Reading(device, stamp, one.values, None, one.seq, None))
            result.source.append(index)

    def _diary(self, index: int, message: Message, device: Device, result: Decoded) -> Written:
        event = decode_diary(message.payload)
        played = device.simulated and self._remember(device, result).played
        if self._rules is not None:
            within(self._rules, device, event, message.arrival, played=played)
        return Written(device, event, index, message.replayed)

    def _sign(self, device: Device, kind: str, envelope: Envelope, message: Message) -> list[State]:
        """Take a network server's event of a device: it joined, or its codec failed. Raises PayloadError with
        the reason for a failed codec, since the uplink itself comes without values.
        """
        if kind == "log":
            if (why := envelope.fault(uplink_json(message.payload))) is not None:
                raise PayloadError("codec_failed", why)
            return []
        return [State(device, True, message.arrival, message.retained)]

    def _sender(self, message: Message) -> Sender | None:
        topic = message.topic
        if (account := topics.denied_to(topic)) is not None:
            self._find(self._lookup, account)  # so that a device enrolled a moment ago gets the answer, too
            if denied := topic.removeprefix(f"{topics.DENIED}/{account}/"):
                if account == CHIRPSTACK:
                    raise PayloadError("uplink_topic", denied)
                raise PayloadError("forbidden_topic", denied)
            raise PayloadError("two_at_once", account)
        if foreign(topic):
            return self._node_of(message)
        try:
            parts = topics.parse(topic)
        except topics.TopicError:
            raise PayloadError("bad_topic", topic) from None
        device = self._find(self._lookup, parts.device)
        if device is None:
            raise PayloadError("unknown_device", parts.device)
        if parts.pilot != self._pilot or device.community != parts.community:
            raise PayloadError("foreign_topic", topic)
        return _bounded(device, parts.kind)

    def _find(self, lookup: Callable[[str], Device | None], name: str) -> Device | None:
        """The device of that name, or None. The registry is refreshed once a batch at most: that is enough to
        know every device enrolled before its messages came, and a flood of invented names costs no more.
        """
        device = lookup(name)
        if device is None and not self._fresh:
            self._refresh()
            self._fresh = True
            device = lookup(name)
        return device

    def _node_of(self, message: Message) -> Sender | None:
        """The sender of a network server's message. The server vouches for the devEUI, the registry knows the
        device. None for an event, other than an uplink, of a device that is not ours.
        """
        whose = addressed(message.topic)
        if whose is None:
            raise PayloadError("uplink_topic", message.topic)
        envelope, kind, eui = whose
        name = eui if eui is not None else envelope.eui(uplink_json(message.payload))
        device = self._find(self._by_eui, name)
        if device is None:
            if kind in _SIGNS:
                return None
            raise PayloadError("unknown_device", name)
        return _bounded(device, kind, envelope)._replace(lasting=eui is not None)

    def _remember(self, device: Device, result: Decoded) -> Seen:
        result.touched[device.device] = device
        seen = self._seen.get(device.device)
        if seen is None or seen.enrolled not in (None, device.enrolled):
            if seen is not None:  # the registry calls another device by this name now
                result.anew.append(device)
            seen = self._seen[device.device] = Seen()
        seen.enrolled = device.enrolled
        return seen

    def _status(self, device: Device, message: Message, result: Decoded) -> list[State]:
        try:
            data = json.loads(message.payload[:4096])
            online = {"online": True, "offline": False}[data["state"]]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise PayloadError("bad_status") from None
        if device.simulated and online:
            self._remember(device, result).played = bool(data.get("scenario"))
        # nobody misses a diary that goes offline: it is no sensor
        return [State(device, online, message.arrival, message.retained)] if device.model != DIARY else []


def _numbered(envelope: Envelope, message: Message) -> list[tuple[str, int]]:
    """Session and counter of a refused uplink, if they can be read."""
    with suppress(*CONTENT):
        pair = envelope.number(uplink_json(message.payload))
        return [] if pair is None else [pair]
    return []


def _bounded(device: Device, kind: str, envelope: Envelope | None = None) -> Sender:
    """The sender, if its model may send this kind, whatever the broker's rules are. Raises PayloadError."""
    if device.model == DIARY and kind in _READINGS:
        raise PayloadError("diary_measures", device.device)
    if device.model != DIARY and envelope is None and kind not in (*_READINGS, "status", "result"):
        raise PayloadError("wrong_model", device.model)
    return Sender(device, kind, envelope)
