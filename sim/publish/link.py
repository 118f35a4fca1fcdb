"""One node's connection: a socket that never blocks, around a session.

    AWAY ─ connect ─► REACHING ─► SHAKING (TLS) ─► ASKING (CONNECT) ─ CONNACK ─► OPEN
      ▲                                                                           │
      └──────────────────── loss, silence, refusal, storm ◄───────────────────────┘

A link knows no clock and no selector: `loop.py` tells it when to do what.
"""

import contextlib
import errno
import os
import socket
import ssl
from enum import Enum
from typing import Any

from devices.contract import packets
from sim.publish.session import Session

READ = 4096  # bytes to read at once: an acknowledgement has 4, a command is short
_LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Stage(Enum):
    """The stages of a connection."""

    AWAY = 0
    REACHING = 1
    SHAKING = 2
    ASKING = 3
    OPEN = 4


class Link:
    """The connection of the device `name`. Its methods raise OSError when the connection is lost."""

    __slots__ = (
        "address", "due", "failures", "held", "lost", "name", "number", "refused", "sent", "session", "sock",
        "stage", "watched", "writes",
    )  # fmt: skip

    def __init__(self, name: str, session: Session) -> None:
        self.name, self.session = name, session
        self.stage = Stage.AWAY
        self.sock: socket.socket | None = None
        self.number = -1  # its file descriptor; a socket loses it if TLS fails to take over
        self.address: Any = None  # the address it connects to, as getaddrinfo gives it
        self.due: float | None = None  # monotonic s of the next thing to do
        self.sent = 0.0  # monotonic s of the last send
        self.failures = 0  # failed attempts since the last connection
        self.lost = 0  # messages dropped because the memory was full
        self.refused = False  # the broker refused it, and that was logged
        self.held = False  # kept down until a storm is over
        self.writes = False  # waiting for the socket to take more
        self.watched = 0  # the events that the selector watches

    @property
    def connected(self) -> bool:
        """Whether there is a link now; without one there is nothing to wait for."""
        return self.stage is Stage.OPEN

    @property
    def opening(self) -> bool:
        """Whether a connection is being made."""
        return self.sock is not None and self.stage is not Stage.OPEN

    def reach(self, address: Any) -> None:
        """Begin a connection to `address`."""
        family, _, _, _, target = self.address = address
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.number = self.sock.fileno()
        self.stage, self.writes = Stage.REACHING, True
        self.sock.setblocking(False)
        # packets are sent whole, so waiting for more gains nothing
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = self.sock.connect_ex(target)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))

    def advance(self, tls: ssl.SSLContext | None, host: str) -> None:
        """Go on towards CONNECT as far as the socket allows."""
        assert self.sock is not None
        if self.stage is Stage.REACHING:
            code = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, os.strerror(code))
            if tls is not None:
                self.sock = tls.wrap_socket(self.sock, server_hostname=host, do_handshake_on_connect=False)
            self.stage = Stage.SHAKING
        if isinstance(self.sock, ssl.SSLSocket):
            try:
                self.sock.do_handshake()
            except _LATER as later:
                self.writes = isinstance(later, ssl.SSLWantWriteError)
                return
        self.stage, self.writes = Stage.ASKING, False
        self.session.begin()

    def send(self) -> None:
        """Send the session's output, as much as the socket takes."""
        assert self.sock is not None
        out = self.session.out
        with contextlib.suppress(*_LATER):
            while out:
                del out[: self.sock.send(out)]
        self.writes = bool(out)

    def receive(self) -> list[packets.Publish]:
        """Process what has arrived; returns messages for the node. Raises Refused and Broken, too."""
        assert self.sock is not None
        messages = list[packets.Publish]()
        with contextlib.suppress(*_LATER):
            while data := self.sock.recv(READ):
                messages += self.session.receive(data)
                # the selector does not see data that TLS has already decoded
                if len(data) < READ and not isinstance(self.sock, ssl.SSLSocket):
                    break
            else:
                raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        if self.session.accepted:
            self.stage = Stage.OPEN
        return messages

    def drop(self) -> None:
        """End the connection without a goodbye, as a power cut does: the broker publishes the will."""
        if self.sock is not None:
            self.sock.close()
        self.sock, self.stage, self.writes, self.watched = None, Stage.AWAY, False, 0
        self.session.end()

    def leave(self) -> None:
        """End the connection so that the broker forgets the will.

        If messages are unacknowledged, the status `offline` may be one of them. Then no DISCONNECT is sent,
        and the will says it.
        """
        if self.connected and not self.session.waiting:
            self.session.out += packets.DISCONNECT
            with contextlib.suppress(OSError):
                self.send()
        self.drop()
