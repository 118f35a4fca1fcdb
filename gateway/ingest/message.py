"""The values that go through a gateway: messages, segments of them, their outcome, and their bytes on disk.

broker ─► Message ─► Segment (pack, unpack: a blob of the spool) ─► Outcome ─► Books
                                                                       └─► Refusal ─► Quarantined
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from devices.contract.diary import DiaryEvent
from devices.contract.orders import Answer
from devices.contract.payloads import PayloadError
from devices.contract.reading import Device
from devices.errors import error_text

_HEADER = struct.Struct(">qHIBH")  # arrival ms, topic bytes, payload bytes, flags, packet number
_DUP, _RETAINED, _REPLAYED = 1, 2, 4


class Message(NamedTuple):
    """A message from the broker. `arrival` is epoch milliseconds on the gateway's clock, `mid` MQTT's packet
    number (0 at QoS 0). It is acknowledged on its own connection only, the `epoch`, which is not kept on
    disk.
    """

    topic: str
    payload: bytes
    arrival: int
    dup: bool = False
    retained: bool = False
    replayed: bool = False  # released from the quarantine: it was seen before, and is processed all the same
    mid: int = 0
    epoch: int = 0


class Segment(NamedTuple):
    """Messages of one or more group commits, oldest first; `ids` are their rows in the spool's `table`."""

    ids: tuple[int, ...]
    messages: list[Message]
    table: Literal["segment", "answer"] = "segment"


class Refusal(NamedTuple):
    """A message that is not stored, and why: `reason` and `field` as in the catalogue `rejected.*`."""

    message: Message
    reason: str
    field: str


def unhandled(message: Message, error: Exception) -> Refusal:
    """The refusal of a message that our own code stumbled over."""
    cause = PayloadError("unhandled", error_text(error))
    return Refusal(message, cause.reason, cause.field)


class Written(NamedTuple):
    """A diary event, its sender, its message's place in the batch, and whether that message is replayed."""

    device: Device
    event: DiaryEvent
    place: int = 0
    replayed: bool = False


class Answered(NamedTuple):
    """A device's answer to a command, when it arrived (epoch ms), and its message's place in the batch."""

    device: Device
    answer: Answer
    time: int
    place: int


class State(NamedTuple):
    """A node came online or went offline; `time` is epoch ms of arrival. The broker repeats a `retained`
    state at every subscription, so that it does not prove that the node was heard just now.
    """

    device: Device
    online: bool
    time: int
    retained: bool


@dataclass(slots=True)
class Outcome:
    """What became of a segment's messages. Those stored, duplicate, refused and handed add up to its size;
    `handed` are answers to commands, which the spool keeps apart.
    """

    stored: int = 0
    duplicate: int = 0
    refused: list[Refusal] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    marks: list[str] = field(default_factory=list)
    handed: list[Message] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Books:
    """How many messages came since the spool was made, and what became of them. `oldest` is the arrival of
    the oldest spooled message, or None; `forgotten` counts the quarantined ones whose bytes are no longer
    kept.
    """

    received: int
    stored: int
    duplicate: int
    quarantined: int
    spooled: int
    oldest: int | None
    forgotten: int = 0

    @property
    def balanced(self) -> bool:
        return self.received == self.stored + self.duplicate + self.quarantined + self.spooled


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A refused message as kept: the first 16 KB of its payload, its true size in bytes, and the time of its
    replay, if any (epoch ms).
    """

    id: int
    arrived: int
    topic: str
    payload: bytes
    size: int
    reason: str
    field: str
    replayed: int | None


class Replay(NamedTuple):
    """A replay of refused messages: when (epoch ms), by whom, the first ids, and how many messages."""

    time: int
    who: str
    ids: str
    messages: int


def pack(messages: Iterable[Message]) -> Iterator[bytes]:
    """The bytes of messages, one after another: a fixed header, the topic, the payload."""
    for topic, payload, arrival, dup, retained, replayed, mid, _ in messages:
        name = topic.encode("utf-8", "surrogateescape")
        flags = dup * _DUP | retained * _RETAINED | replayed * _REPLAYED
        yield _HEADER.pack(arrival, len(name), len(payload), flags, mid)
        yield name
        yield payload


def unpack(body: bytes) -> Iterator[Message]:
    """The messages in bytes that `pack` made."""
    at = 0
    while at < len(body):
        arrival, name, size, flags, mid = _HEADER.unpack_from(body, at)
        at += _HEADER.size
        topic = body[at : at + name].decode("utf-8", "surrogateescape")
        at += name
        yield Message(
            topic,
            body[at : at + size],
            arrival,
            bool(flags & _DUP),
            bool(flags & _RETAINED),
            bool(flags & _REPLAYED),
            mid,
        )
        at += size
