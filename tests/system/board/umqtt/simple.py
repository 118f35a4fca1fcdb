"""micropython-lib's umqtt.simple 1.8.0 as main.py calls it, for CPython and MicroPython's unix port.

It trusts the broker as much as the original: a packet cut short raises IndexError, a wrong packet
AssertionError, a refusal MQTTException, which is no OSError; and `wait_msg` removes the socket's time-out as
soon as something arrives.
"""

import socket
import struct
import sys


class MQTTException(Exception):
    pass


if sys.implementation.name == "micropython":
    Stream = socket.socket
else:

    class Stream(socket.socket):
        """A socket with the additional methods of MicroPython's."""

        def read(self, size):
            got = b""
            while len(got) < size and (more := self.recv(size - len(got))):
                got += more
            return got

        def write(self, data):
            self.sendall(data)


def text(words):
    said = words.encode()
    return struct.pack("!H", len(said)) + said


class MQTTClient:
    def __init__(self, client_id, server, port=0, user=None, password=None, keepalive=0, ssl=None):
        self.sock, self.ssl, self.pid = None, ssl, 0
        self._host, self._port = server, port
        self._hello = struct.pack("!BH", 0xC2, keepalive) + text(client_id) + text(user) + text(password)

    def connect(self, clean_session=True, timeout=None):
        self.sock = Stream()
        self.sock.settimeout(timeout)
        self.sock.connect(socket.getaddrinfo(self._host, self._port)[0][-1])
        if self.ssl:
            self.sock = self.ssl.wrap_socket(self.sock, server_hostname=self._host)
        self._send(0x10, text("MQTT") + b"\x04" + self._hello)
        answer = self.sock.read(4)
        assert answer[0] == 0x20 and answer[1] == 0x02
        if answer[3] != 0:
            raise MQTTException(answer[3])

    def publish(self, topic, message, retain=False, qos=0):
        assert (retain, qos) == (False, 1)
        self.pid += 1
        self._send(0x32, text(topic) + struct.pack("!H", self.pid) + message.encode())
        while True:
            if self.wait_msg() == 0x40:
                size = self.sock.read(1)
                assert size == b"\x02"
                pid = self.sock.read(2)
                if pid[0] << 8 | pid[1] == self.pid:
                    return

    def wait_msg(self):
        first = self.sock.read(1)
        self.sock.setblocking(True)
        if first == b"":
            raise OSError(-1)
        if first == b"\xd0":  # PINGRESP
            assert self.sock.read(1)[0] == 0
            return None
        return first[0]

    def disconnect(self):
        self.sock.write(b"\xe0\0")
        self.sock.close()

    def _send(self, kind, body):
        head = [kind]
        left = len(body)
        while left > 0x7F:
            head.append(left & 0x7F | 0x80)
            left >>= 7
        head.append(left)
        self.sock.write(bytes(head) + body)
