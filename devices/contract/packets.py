"""MQTT packets parsed from bytes and built as bytes, where a client library costs too much per message.

    bytes of the broker ─► frame ─► read_publish        connect, subscribe, publish ─► bytes for the broker

This module reads packets of 3.1.1 and 5, and writes those of 3.1.1, which every broker speaks. Section
numbers are those of the 3.1.1 standard unless another is named.
"""

import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

LENGTH_BYTES = 4  # of a packet's remaining length, at most (MQTT 5, 1.5.5)
CONNACK, PUBLISH, PUBACK, SUBACK = 0x20, 0x30, 0x40, 0x90
PINGREQ, PINGRESP, DISCONNECT = b"\xc0\x00", 0xD0, b"\xe0\x00"
REFUSED = 0x80  # reasons from this on are refusals, in SUBACK (3.9.3) and all of MQTT 5 (2.4)
RETAIN, DUP, QOS_1 = 0x01, 0x08, 0x02  # bits of PUBLISH's first byte (3.3.1)
KNOWN_TOPICS, KNOWN_BYTES = 4096, 128  # topics that are cached, and how long these are at most
_ACK = struct.Struct("!BBH").pack
_SHORT = struct.Struct("!H").pack
# CONNECT's flags (3.1.2): a clean session with user and password; a will that is retained, at QoS 1
_CLEAN, _WILL = 0xC2, 0x2C


class Publish(NamedTuple):
    """A PUBLISH packet. `mid` is its packet number, 0 at QoS 0."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    dup: bool
    retain: bool


def connect(client: str, password: str, keepalive: int, will: tuple[str, bytes] | None) -> bytes:
    """CONNECT: a clean session for `client`, whose user has the same name. `will`: topic and payload,
    retained, at QoS 1. `keepalive` in s.
    """
    flags = _CLEAN | (_WILL if will else 0)
    parts = [_text("MQTT"), bytes((4, flags)), _SHORT(keepalive), _text(client)]
    if will is not None:
        parts += [_text(will[0]), _SHORT(len(will[1])), will[1]]
    body = b"".join((*parts, _text(client), _text(password)))
    return b"\x10" + _length(len(body)) + body


def subscribe(topic: str, number: int) -> bytes:
    """SUBSCRIBE: one topic, at QoS 1."""
    body = _SHORT(number) + _text(topic) + b"\x01"
    return b"\x82" + _length(len(body)) + body


def publish(topic: str, payload: bytes, retain: bool, number: int, *, again: bool = False) -> bytes:
    """PUBLISH: a message at QoS 1. `again`: the message was sent on an earlier connection."""
    head = PUBLISH | QOS_1 | (RETAIN if retain else 0) | (DUP if again else 0)
    name = topic.encode()
    size = _length(4 + len(name) + len(payload))
    return b"".join((head.to_bytes(1, "big"), size, _SHORT(len(name)), name, _SHORT(number), payload))


def acknowledgements(numbers: Iterable[int]) -> bytes:
    """The PUBACKs of these packet numbers, joined."""
    # success needs only the number, in 3.1.1 and in 5 (3.4)
    return b"".join([_ACK(PUBACK, 2, number) for number in numbers])


def frame(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the body of the packet at `at` begins, and where the packet ends, which may be beyond `data`.
    None: too few bytes to tell; (-1, -1): the length is malformed.
    """
    if at + 2 < len(data) and data[at + 2] < 0x80 <= data[at + 1]:  # 128 bytes to 16 KB: the usual case
        begin = at + 3
        return begin, begin + (data[at + 1] & 0x7F | data[at + 2] << 7)
    size = shift = 0
    for number in range(1, LENGTH_BYTES + 1):
        if at + number >= len(data):
            return None
        byte = data[at + number]
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            begin = at + number + 1
            return begin, begin + size
        shift += 7
    return -1, -1


def read_publish(head: int, body: bytes, properties: bool) -> Publish | None:
    """Parse a PUBLISH of QoS 0 or 1; None if its lengths do not fit (MQTT 5, 3.3). `properties`: the protocol
    has properties, which are skipped.
    """
    try:
        at = 2 + (body[0] << 8 | body[1])
        topic = (_topic if at < KNOWN_BYTES else _decoded)(body[2:at])
        mid, qos = 0, head >> 1 & 3
        if qos:
            mid = body[at] << 8 | body[at + 1]
            at += 2
        if properties:
            if not body[at]:
                at += 1
            else:
                part = frame(body, at - 1)
                if part is None or part[0] < 0:
                    return None
                at = part[1]
    except IndexError:
        return None
    if at > len(body):
        return None
    # `Publish.__new__` would take as long as everything above
    return tuple.__new__(Publish, (topic, body[at:], mid, qos, bool(head & 8), bool(head & 1)))


def _decoded(topic: bytes) -> str:
    try:
        return topic.decode("utf-8")
    except UnicodeDecodeError:
        return "\ufffd"  # no valid topic: it is refused further on, with its payload


# A device's topic comes again and again: all its waiting messages share one string, with its hash.
_topic = lru_cache(KNOWN_TOPICS)(_decoded)


def _text(words: str) -> bytes:
    data = words.encode()
    return _SHORT(len(data)) + data


def _length(size: int) -> bytes:
    """Encode a remaining length (2.2.3)."""
    if size < 0x80:
        return size.to_bytes(1, "big")
    out = bytearray()
    while size:
        size, byte = size >> 7, size & 0x7F
        out.append(byte | (0x80 if size else 0))
    return bytes(out)
