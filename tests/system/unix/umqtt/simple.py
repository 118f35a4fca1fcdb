"""micropython-lib's umqtt.simple as main.py calls it, for MicroPython's unix port: MQTT 3.1.1 over a plain
socket, QoS 1, blocking, OSError where the broker refuses.
"""

import socket
import struct


def text(words):
    said = words.encode()
    return struct.pack("!H", len(said)) + said


class MQTTClient:
    def __init__(self, client_id, server, port=0, user=None, password=None, keepalive=0, ssl=None):
        assert ssl is None
        self._at = socket.getaddrinfo(server, port)[0][-1]
        self._hello = struct.pack("!BH", 0xC2, keepalive) + text(client_id) + text(user) + text(password)

    def connect(self):
        self._socket = socket.socket()
        self._socket.connect(self._at)
        self._send(0x10, text("MQTT") + b"\x04" + self._hello)
        answer = self._socket.read(4)
        if answer != b"\x20\x02\x00\x00":
            raise OSError(answer[3])

    def publish(self, topic, message, retain=False, qos=0):
        assert (retain, qos) == (False, 1)
        self._send(0x32, text(topic) + b"\x00\x01" + message.encode())
        if self._socket.read(4) != b"\x40\x02\x00\x01":
            raise OSError("not acknowledged")

    def disconnect(self):
        self._send(0xE0, b"")
        self._socket.close()

    def _send(self, kind, body):
        head = [kind]
        left = len(body)
        while left > 0x7F:
            head.append(left & 0x7F | 0x80)
            left >>= 7
        head.append(left)
        self._socket.write(bytes(head) + body)
