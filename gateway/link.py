"""paho's client, made for tens of thousands of messages a second.

paho reads a packet's first bytes from its socket one by one, looks with select() before every packet and
writes every acknowledgement by itself: half a dozen calls of the kernel a message, and each lets another
thread of the gateway take the interpreter. Here reads come out of memory, and acknowledgements go out
together. Measured in benchmarks/gateway.py; the three methods below are all that is overridden.
"""

import struct
from collections.abc import Iterable
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode

READ = 65_536  # bytes asked of the kernel at once
TURN = 500  # packets between two looks at what is to be sent
_PUBACK = 0x40  # MQTT 3.1.1 and 5, 3.4: success, two bytes of packet number follow


class BufferedSocket:
    """A socket whose bytes are read in large pieces; `pending` tells paho that there are more."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._buffer = b""
        self._at = 0

    def recv(self, size: int) -> bytes:
        """At most `size` bytes; raises what the socket raises when there are none."""
        if self._at >= len(self._buffer):
            self._buffer, self._at = self._socket.recv(READ), 0
        data = self._buffer[self._at : self._at + size]
        self._at += size
        return data

    def pending(self) -> int:
        """Bytes that can be had without waiting, TLS' own included."""
        below = self._socket.pending() if hasattr(self._socket, "pending") else 0
        return max(0, len(self._buffer) - self._at) + int(below)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


class Link(Client):
    """A paho client that reads and acknowledges in bulk."""

    def acknowledge(self, numbers: Iterable[int]) -> None:
        """Send the PUBACKs of these packet numbers, in one piece."""
        packets = b"".join([struct.pack("!BBH", _PUBACK, 2, number) for number in numbers])
        if packets:
            self._packet_queue(_PUBACK, packets, 0, 1)

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Read what has come, not one packet a turn."""
        done = super().loop_read(max_packets)
        for _ in range(TURN):
            sock: Any = self._sock
            if done or sock is None or not sock.pending():
                break
            done = super().loop_read(max_packets)
        return done

    def _create_socket(self) -> Any:
        return BufferedSocket(super()._create_socket())
