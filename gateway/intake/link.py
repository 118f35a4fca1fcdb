"""paho's client, made for tens of thousands of messages a second.

paho connects, subscribes, pings, sends and reconnects. This module replaces what paho does for each incoming
message: paho asks the kernel for the first bytes one by one, builds an object of MQTT 5's properties whether
there are any or not, and writes every acknowledgement by itself. Here packets are cut out of large reads and
handed on together, and acknowledgements go out in one piece. benchmarks/gateway.py compares it with plain
paho.
"""

import struct
from collections.abc import Callable, Iterable
from typing import Any

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.exception import MQTTException

from devices.contract.packets import PUBACK, PUBLISH, Publish, acknowledgements, frame, read_publish

READ = 65_536  # bytes asked of the kernel at once


class Link(Client):
    """A paho client that reads and acknowledges in bulk. `on_publishes` gets the messages of one read. Before
    each read `has_room`, which may block for a moment, must agree: unread messages wait at the broker.
    """

    on_publishes: Callable[[list[Publish]], None]
    has_room: Callable[[], bool] = staticmethod(lambda: True)
    _unread = b""

    def acknowledge(self, numbers: Iterable[int]) -> None:
        """Send the PUBACKs of these packet numbers, in one piece."""
        packets = acknowledgements(numbers)
        if packets:
            self._packet_queue(PUBACK, packets, 0, 1)

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Read once and handle the packets; paho's loop calls this when there is something to read."""
        if not self.has_room():
            self._ping_t = 0.0  # the ping's answer may stand behind the unread bytes: the broker is not gone
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        try:
            data = self._sock_recv(READ)
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError:
            data = b""
        if not data:
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        self._unread += data
        code = self._take_in()
        return self._loop_rc_handle(code) if code else code

    def _take_in(self) -> MQTTErrorCode:
        """Cut whole packets off the unread bytes. Messages are handed on before a packet of another kind."""
        unread, at, publishes = self._unread, 0, list[Publish]()
        code = MQTTErrorCode.MQTT_ERR_SUCCESS
        sock, properties = self._sock, self._protocol == MQTTv5
        while not code and self._sock is sock:
            part = frame(unread, at)
            if part is None:
                break
            begin, end = part
            if begin < 0:
                code = MQTTErrorCode.MQTT_ERR_PROTOCOL
                break
            head = unread[at]
            if end > len(unread):
                break
            at = end
            if head & 0xF0 == PUBLISH and head & 0x06 != 0x04:  # QoS 0 and 1: no other is asked for
                packet = read_publish(head, unread[begin:end], properties)
                if packet is None:
                    code = MQTTErrorCode.MQTT_ERR_PROTOCOL
                    break
                publishes.append(packet)
                continue
            self._hand_on(publishes)
            publishes = []
            code = self._handle(head, unread[begin:end])
        self._hand_on(publishes)
        if self._sock is sock:  # else `_unread` is a new connection's
            self._unread = unread[at:]
        return code

    def _hand_on(self, publishes: list[Publish]) -> None:
        if publishes:
            self.on_publishes(publishes)

    def _handle(self, head: int, body: bytes) -> MQTTErrorCode:
        """Let paho handle a packet that is no message."""
        whole: Any = _packet(head, body)
        self._in_packet = whole
        try:
            return self._packet_handle()
        except (MQTTException, LookupError, TypeError, ValueError, struct.error):
            return MQTTErrorCode.MQTT_ERR_PROTOCOL  # an exception would end paho's thread
        finally:
            nothing: Any = _packet(0, b"")
            self._in_packet = nothing

    def _create_socket(self) -> Any:
        self._unread = b""
        return super()._create_socket()


def _packet(head: int, body: bytes) -> dict[str, Any]:
    """A packet as paho keeps it after reading; with `head` 0 an empty one."""
    return {
        "command": head, "have_remaining": int(head > 0), "remaining_count": [], "remaining_mult": 1,
        "remaining_length": len(body), "packet": bytearray(body), "to_process": 0, "pos": 0,
    }  # fmt: skip
