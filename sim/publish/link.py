"""One node's connection: a socket that never waits, around a session.

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

READ = 4096  # bytes asked of the kernel at once: an acknowledgement has 4, a command is short
_LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Stage(Enum):
    """How far a connection is."""

    AWAY = 0
    REACHING = 1
    SHAKING = 2
    ASKING = 3
    OPEN = 4


class Link:
    """The connection of the device `name`. Raises OSError wherever the connection is lost."""

    __slots__ = (
        "address", "due", "failures", "held", "lost", "name", "number", "refused", "sent", "session", "sock",
        "stage", "watched", "writes",
    )  # fmt: skip

    def __init__(self, name: str, session: Session) -> None:
        self.name, self.session = name, session
        self.stage = Stage.AWAY
        self.sock: socket.socket | None = None
        self.number = -1  # of its file; a socket that TLS has failed to take over does not know it any more
        self.address: Any = None  # where it goes, as getaddrinfo says it
        self.due: float | None = None  # monotonic s of the next thing to do
        self.sent = 0.0  # monotonic s when something was sent last
        self.failures = 0  # attempts in vain since the last connection
        self.lost = 0  # messages for which there was no memory
        self.refused = False  # by the broker, and that has been told
        self.held = False  # down until a storm is over
        self.writes = False  # waits until the socket takes more
        self.watched = 0  # the events for which the selector looks

    @property
    def connected(self) -> bool:
        """Whether there is a link now; without one, waiting is in vain."""
        return self.stage is Stage.OPEN

    @property
    def opening(self) -> bool:
        """Whether a connection is coming about."""
        return self.sock is not None and self.stage is not Stage.OPEN

    def reach(self, address: Any) -> None:
        """Begin a connection."""
        family, _, _, _, there = self.address = address
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.number = self.sock.fileno()
        self.stage, self.writes = Stage.REACHING, True
        self.sock.setblocking(False)
        # a packet is sent whole, so there is nothing to be gained by waiting for more
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = self.sock.connect_ex(there)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))

    def advance(self, tls: ssl.SSLContext | None, host: str) -> None:
        """Go on towards CONNECT as far as the socket lets it."""
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
        """Send what the session has, as much as the socket takes."""
        assert self.sock is not None
        out = self.session.out
        with contextlib.suppress(*_LATER):
            while out:
                del out[: self.sock.send(out)]
        self.writes = bool(out)

    def receive(self) -> list[packets.Publish]:
        """Take in what has come; messages for the node. Raises session.Refused and session.Broken too."""
        assert self.sock is not None
        heard = list[packets.Publish]()
        with contextlib.suppress(*_LATER):
            while data := self.sock.recv(READ):
                heard += self.session.receive(data)
                # no selector tells of what TLS has decoded already
                if len(data) < READ and not isinstance(self.sock, ssl.SSLSocket):
                    break
            else:
                raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        if self.session.accepted:
            self.stage = Stage.OPEN
        return heard

    def drop(self) -> None:
        """End the connection without a word, as a power cut does: the broker publishes the will."""
        if self.sock is not None:
            self.sock.close()
        self.sock, self.stage, self.writes, self.watched = None, Stage.AWAY, False, 0
        self.session.end()

    def leave(self) -> None:
        """End the connection, and the broker forgets the will; where something is unacknowledged, its goodbye
        may be too, so the will has to say it.
        """
        if self.connected and not self.session.waiting:
            self.session.out += packets.DISCONNECT
            with contextlib.suppress(OSError):
                self.send()
        self.drop()
