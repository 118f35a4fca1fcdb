"""One node's side of MQTT 3.1.1, without a socket: what it keeps, what is on its way, what it hears.

    publish ─► memory (KEPT) ─► in flight (at most WINDOW) ─► out ─► …  PUBACK ─► forgotten

A node keeps QoS 1 messages while the broker is away. When it is back, those that were in flight go first,
marked as sent before, and the others behind them in order, with the times they carry.
"""

from collections import deque
from typing import NamedTuple

from devices.contract import packets

# Assumption: a node keeps two weeks of readings, one each ten minutes.
KEPT = 2016
# 3.1.1 lets a broker not say how much it takes at once. The smallest that brokers promise in MQTT 5 is 10
# (HiveMQ, Moquette), and small nodes keep few.
WINDOW = 10
_LAST_NUMBER = 65_535
_REASONS = {  # CONNACK's return codes (3.2.2.3)
    1: "it does not speak MQTT 3.1.1",
    2: "client identifier not allowed",
    3: "server unavailable",
    4: "bad user name or password",
    5: "not authorised",
}


class Refused(Exception):
    """The broker refuses the connection; the sentence says why."""


class Broken(Exception):
    """What the broker sends is not MQTT; the connection is to be ended."""


class Message(NamedTuple):
    """What is published at QoS 1."""

    topic: str
    payload: bytes
    retain: bool = False


class Session:
    """`connect`: the CONNECT packet; `greeting` is said on each connection, before all else that waits;
    `hears`: a topic to subscribe to.
    """

    __slots__ = (
        "_connect", "_flight", "_hears", "_memory", "_number", "_unread", "accepted", "asked", "deaf",
        "greeting", "out",
    )  # fmt: skip

    def __init__(self, connect: bytes, greeting: Message, hears: str | None) -> None:
        self._connect, self.greeting, self._hears = connect, greeting, hears
        self._memory = deque[Message]()
        self._flight: dict[int, Message] = {}  # by packet number, in order of sending
        self._number = 0
        self._unread = b""
        self.out = bytearray()  # to be sent; whoever has sent some of it deletes that
        self.accepted = False  # by the broker, on this connection
        self.asked = False  # a PINGREQ waits for its answer
        self.deaf = False  # the broker refused the subscription

    @property
    def waiting(self) -> int:
        """Messages that the broker has not acknowledged yet."""
        return len(self._memory) + len(self._flight)

    @property
    def backlog(self) -> int:
        """Messages that wait for their turn."""
        return len(self._memory)

    def publish(self, message: Message) -> bool:
        """Keep and, where the window is open, send; False: the memory is full and the message is lost."""
        if len(self._memory) + len(self._flight) >= KEPT:
            return False
        self._memory.append(message)
        if self.accepted:
            self._fill()
        return True

    def begin(self) -> None:
        """There is a connection: say who this is."""
        self.out = bytearray(self._connect)

    def end(self) -> None:
        """The connection is gone, and what was half sent or half read with it."""
        self.accepted = self.asked = False
        self.out, self._unread = bytearray(), b""

    def ping(self) -> None:
        """Ask for a sign of life."""
        self.out += packets.PINGREQ
        self.asked = True

    def receive(self, data: bytes) -> list[packets.Publish]:
        """Take in what the broker sent; messages that came with it. Raises Refused, Broken."""
        unread = self._unread + data if self._unread else data
        at, heard = 0, list[packets.Publish]()
        while (part := packets.frame(unread, at)) is not None:
            begin, end = part
            if begin < 0:
                raise Broken("a packet whose length is none")
            if end > len(unread):
                break
            try:
                self._take(unread[at], unread[begin:end], heard)
            except IndexError:
                raise Broken(f"a packet of type {unread[at] >> 4} that is too short") from None
            at = end
        self._unread = unread[at:]
        if self.accepted:
            self._fill()
        return heard

    def _take(self, head: int, body: bytes, heard: list[packets.Publish]) -> None:
        """One packet."""
        kind = head & 0xF0
        if kind == packets.PUBACK:
            self._flight.pop(body[0] << 8 | body[1], None)
        elif kind == packets.PUBLISH:
            message = packets.read_publish(head, body, properties=False)
            if message is None:
                raise Broken("a message whose lengths do not fit")
            if message.qos:
                self.out += packets.acknowledgements([message.mid])
            heard.append(message)
        elif kind == packets.CONNACK:
            if body[1]:
                raise Refused(_REASONS.get(body[1], f"return code {body[1]}"))
            self._start()
        elif kind == packets.SUBACK:
            self.deaf = body[2] >= packets.REFUSED
        elif kind == packets.PINGRESP:
            self.asked = False

    def _start(self) -> None:
        """The broker lets it in: subscribe, send again what was in flight, and greet."""
        self.accepted = True
        if self._hears is not None:
            self.out += packets.subscribe(self._hears, self._next())
        for number, message in self._flight.items():
            self.out += packets.publish(*message, number, again=True)
        if self.greeting not in self._flight.values() and self.greeting not in self._memory:
            self._memory.appendleft(self.greeting)

    def _fill(self) -> None:
        while self._memory and len(self._flight) < WINDOW:
            number, message = self._next(), self._memory.popleft()
            self._flight[number] = message
            self.out += packets.publish(*message, number)

    def _next(self) -> int:
        """A packet number that nothing in flight has."""
        self._number = self._number % _LAST_NUMBER + 1
        while self._number in self._flight:
            self._number = self._number % _LAST_NUMBER + 1
        return self._number
