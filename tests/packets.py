"""MQTT packets, byte by byte: for things that no client library would do."""

import socket
import struct

CONNECT, SUBSCRIBE = 0x10, 0x80
CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK = 0x20, 0x30, 0x40, 0x50, 0x62, 0x70, 0x90

ACCEPTED = b"\x20\x02\x00\x00"  # a CONNACK of MQTT 3.1.1


def connect(user, password, *, level=4, keepalive=30, clean=True, will=None, will_retained=False):
    """A CONNECT packet of MQTT 3.1.1, 3.1 (level 3) or 5 without properties; `will` is (topic, payload), sent
    at QoS 1.
    """
    flags = 0xC0 | (2 if clean else 0) | (0x0C if will else 0) | (0x20 if will_retained else 0)
    body = text("MQIsdp" if level == 3 else "MQTT") + bytes([level, flags]) + struct.pack(">H", keepalive)
    body += b"\0" if level == 5 else b""
    body += text(user)
    if will:
        body += text(will[0]) + text(will[1])
    body += text(user) + text(password)
    return b"\x10" + length(len(body)) + body


def publish(topic, payload, qos=1, number=1, *, again=False):
    body = text(topic) + (struct.pack(">H", number) if qos else b"") + payload
    return bytes([PUBLISH | qos << 1 | (8 if again else 0)]) + length(len(body)) + body


def subscribe(topic, qos, number=1):
    body = struct.pack(">H", number) + text(topic) + bytes([qos])
    return b"\x82" + length(len(body)) + body


def answer(kind, number):
    """A PUBACK, PUBREC, PUBREL or PUBCOMP."""
    return bytes([kind, 2]) + struct.pack(">H", number)


def text(words):
    data = words if isinstance(words, bytes) else words.encode()
    return struct.pack(">H", len(data)) + data


def length(size):
    out = b""
    while True:
        size, part = size >> 7, size & 0x7F
        out += bytes([part | (0x80 if size else 0)])
        if not size:
            return out


class Connection:
    """A socket to a broker that sends and takes whole packets; a silent broker makes `take` fail after
    `patience` s.
    """

    def __init__(self, port, patience=30.0):
        self._socket = socket.create_connection(("127.0.0.1", port), patience)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def send(self, packet):
        self._socket.sendall(packet)

    def take(self):
        """The next packet: its first byte, and everything after its length."""
        first, size, shift = self._read(1)[0], 0, 0
        while True:
            byte = self._read(1)[0]
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return first, self._read(size)

    def says(self, packet, kind):
        """Send one packet and take its answer, of kind `kind`; returns everything after the length."""
        self.send(packet)
        first, body = self.take()
        assert first == kind, f"{first:#x}, not {kind:#x}"
        return body

    def silent(self):
        """Whether the broker has nothing more to send: its PINGRESP comes first after a PINGREQ."""
        self.send(b"\xc0\0")
        return self.take() == (0xD0, b"")

    def _read(self, size):
        got = b""
        while len(got) < size:
            more = self._socket.recv(size - len(got))
            assert more, "the broker has closed"
            got += more
        return got
