"""paho's client, made for tens of thousands of messages a second.

paho connects, subscribes, pings, sends and reconnects. What it does for each message that comes is ours: it
would ask the kernel for the first bytes one by one, build an object of MQTT 5's properties whether there
are any or not, and write every acknowledgement by itself. Here packets are cut out of large reads and handed
on together, and acknowledgements go out in one piece. benchmarks/gateway.py measures it beside a bare paho.
"""

import struct
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.exception import MQTTException

READ = 65_536  # bytes asked of the kernel at once
LENGTH_BYTES = 4  # of a packet's remaining length at most (MQTT 5, 1.5.5)
_PUBLISH, _PUBACK = 0x30, 0x40
_ACK = struct.Struct("!BBH").pack


class Publish(NamedTuple):
    """A PUBLISH packet. `mid` is its packet number, 0 at QoS 0."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    dup: bool
    retain: bool


class Link(Client):
    """A paho client that reads and acknowledges in bulk; `on_publishes` gets what one read brought."""

    on_publishes: Callable[[list[Publish]], None]
    _unread = b""

    def acknowledge(self, numbers: Iterable[int]) -> None:
        """Send the PUBACKs of these packet numbers, in one piece."""
        # success needs no more than the number, in 3.1.1 and in 5 (3.4)
        packets = b"".join([_ACK(_PUBACK, 2, number) for number in numbers])
        if packets:
            self._packet_queue(_PUBACK, packets, 0, 1)

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Take in what has come; called by paho's loop when there is something."""
        try:
            data = self._sock_recv(READ)
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError:
            data = b""
        if not data:
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        self._unread += data
        done = self._take_in()
        return self._loop_rc_handle(done) if done else done

    def _take_in(self) -> MQTTErrorCode:
        """Cut whole packets off what is unread. Messages are handed on before another packet is handled."""
        unread, at, publishes = self._unread, 0, list[Publish]()
        done = MQTTErrorCode.MQTT_ERR_SUCCESS
        sock, properties = self._sock, self._protocol == MQTTv5
        while not done and self._sock is sock:
            frame = _frame(unread, at)
            if frame is None:
                break
            begin, end = frame
            if begin < 0:
                done = MQTTErrorCode.MQTT_ERR_PROTOCOL
                break
            head = unread[at]
            if end > len(unread):
                break
            at = end
            if head & 0xF0 == _PUBLISH and head & 0x06 != 0x04:  # QoS 0 and 1: no other is asked for
                packet = _publish(head, unread[begin:end], properties)
                if packet is None:
                    done = MQTTErrorCode.MQTT_ERR_PROTOCOL
                    break
                publishes.append(packet)
                continue
            self._hand_on(publishes)
            publishes = []
            done = self._handle(head, unread[begin:end])
        self._hand_on(publishes)
        if self._sock is sock:  # else it is a new connection's
            self._unread = unread[at:]
        return done

    def _hand_on(self, publishes: list[Publish]) -> None:
        if publishes:
            self.on_publishes(publishes)

    def _handle(self, head: int, body: bytes) -> MQTTErrorCode:
        """Any other packet is paho's."""
        whole: Any = _packet(head, body)
        self._in_packet = whole
        try:
            return self._packet_handle()
        except (MQTTException, LookupError, TypeError, ValueError, struct.error):
            return MQTTErrorCode.MQTT_ERR_PROTOCOL  # else it would end paho's thread
        finally:
            nothing: Any = _packet(0, b"")
            self._in_packet = nothing

    def _create_socket(self) -> Any:
        self._unread = b""
        return super()._create_socket()


def _packet(head: int, body: bytes) -> dict[str, Any]:
    """A packet as paho keeps one that it has read; an empty one with `head` 0."""
    return {
        "command": head, "have_remaining": int(head > 0), "remaining_count": [], "remaining_mult": 1,
        "remaining_length": len(body), "packet": bytearray(body), "to_process": 0, "pos": 0,
    }  # fmt: skip


def _frame(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the packet at `at` has its body and its end, which may be beyond `data`. None: too little of it
    is there to tell; (-1, -1): its length is none.
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


def _publish(head: int, body: bytes, properties: bool) -> Publish | None:
    """A PUBLISH of QoS 0 or 1; None where its lengths do not fit (MQTT 5, 3.3). Its properties, if the
    protocol has any, are passed over.
    """
    try:
        at = 2 + (body[0] << 8 | body[1])
        try:
            topic = body[2:at].decode("utf-8")
        except UnicodeDecodeError:
            topic = "\ufffd"  # refused as a topic further on, with its payload
        mid, qos = 0, head >> 1 & 3
        if qos:
            mid = body[at] << 8 | body[at + 1]
            at += 2
        if properties:
            if not body[at]:
                at += 1
            else:
                frame = _frame(body, at - 1)
                if frame is None or frame[0] < 0:
                    return None
                at = frame[1]
    except IndexError:
        return None
    if at > len(body):
        return None
    return Publish(topic, body[at:], mid, qos, bool(head & 8), bool(head & 1))
