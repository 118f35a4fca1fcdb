"""A broker on loopback that misbehaves, once for each entry of its list of misdeeds.

Each connection gets the next misdeed; later connections are served as MQTT 3.1.1 requires.
"""

import json
import socket
import threading
from contextlib import suppress

LONGEST = 30.0  # seconds after which a connection that is kept open ends
CONNACK, PINGRESP = b"\x20\x02\x00\x00", b"\xd0\x00"


def puback(pid: int) -> bytes:
    return b"\x40\x02" + pid.to_bytes(2, "big")


class Broker:
    """`taken` are the messages, as JSON, that it acknowledged."""

    def __init__(self, *misdeeds: str) -> None:
        self.taken: list[dict] = []
        self.connections = 0
        self._misdeeds = list(misdeeds)
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> "Broker":
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            misdeed = self._misdeeds.pop(0) if self._misdeeds else ""
            self._threads.append(
                threading.Thread(target=self._serve, args=(connection, misdeed), daemon=True)
            )
            self._threads[-1].start()

    def _serve(self, connection: socket.socket, misdeed: str) -> None:
        connection.settimeout(LONGEST)
        with connection, suppress(OSError, EOFError):
            if misdeed == "closes at once":
                return
            _packet(connection)
            if not self._welcome(connection, misdeed):
                return
            while True:
                kind, body = _packet(connection)
                if kind & 0xF0 == 0x30:
                    self._answer(connection, misdeed, body)

    def _welcome(self, connection: socket.socket, misdeed: str) -> bool:
        """Whether the device is let in."""
        if misdeed == "closes before CONNACK":
            return False
        if misdeed == "cuts CONNACK":
            connection.sendall(CONNACK[:2])
            return False
        if misdeed == "refuses":
            connection.sendall(b"\x20\x02\x00\x05")
            return False
        if misdeed == "answers something else":
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return False
        if misdeed == "sends no CONNACK":
            self._over.wait(LONGEST)
            return False
        connection.sendall(CONNACK)
        return True

    def _answer(self, connection: socket.socket, misdeed: str, body: bytes) -> None:
        length = int.from_bytes(body[:2], "big")
        pid = int.from_bytes(body[2 + length : 4 + length], "big")
        if misdeed == "closes at PUBLISH":
            raise EOFError
        if misdeed == "sends no PUBACK":
            self._over.wait(LONGEST)
        elif misdeed == "sends half a PUBACK":
            connection.sendall(puback(pid)[:1])
            self._over.wait(LONGEST)
        elif misdeed in ("sends but PINGRESP", "acknowledges another"):
            for _ in range(round(LONGEST / 0.2)):
                connection.sendall(PINGRESP if misdeed == "sends but PINGRESP" else puback(pid + 1))
                if self._over.wait(0.2):
                    break
        else:
            self.taken.append(json.loads(body[4 + length :]))
            connection.sendall(puback(pid))


def _packet(connection: socket.socket) -> tuple[int, bytes]:
    """The first byte of the next packet, and the packet's body."""
    kind, length, place = _exactly(connection, 1)[0], 0, 0
    while (digit := _exactly(connection, 1)[0]) & 0x80:
        length |= (digit & 0x7F) << place
        place += 7
    return kind, _exactly(connection, length | digit << place)


def _exactly(connection: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        if not (more := connection.recv(size - len(got))):
            raise EOFError
        got += more
    return got
