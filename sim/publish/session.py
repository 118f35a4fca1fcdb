"""One node's side of MQTT 3.1.1, without a socket: memory, messages in flight, and commands heard.

    publish ─► memory (MEMORY) ─► in flight (at most WINDOW) ─► out ─► …  PUBACK ─► forgotten

A node keeps QoS 1 messages while the broker is away. When it is back, those that were in flight go first,
marked as duplicates, and the others follow in order with their own times.
"""

from collections import deque
from typing import NamedTuple

from devices.contract import packets

# Assumption: a node keeps two weeks of readings, one every ten minutes.
MEMORY = 2016
# MQTT 3.1.1 brokers cannot say how many messages they take at once. The smallest number that brokers promise
# in MQTT 5 is 10 (HiveMQ, Moquette), and small nodes keep few.
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
    """The broker sends something that is not MQTT; the connection must end."""


class Message(NamedTuple):
    """A message to publish at QoS 1."""

    topic: str
    payload: bytes
    retain: bool = False


class Session:
    """One node's session. `connect` is the CONNECT packet. `greeting` is published on each connection before
    the messages that wait. `subscription` is a topic to subscribe to, if any.
    """

    __slots__ = (
        "_connect", "_flight", "_memory", "_number", "_subscription", "_unread", "accepted", "deaf",
        "greeting", "out", "pinged",
    )  # fmt: skip

    def __init__(self, connect: bytes, greeting: Message, subscription: str | None) -> None:
        self._connect, self.greeting, self._subscription = connect, greeting, subscription
        self._memory = deque[Message]()
        self._flight: dict[int, Message] = {}  # packet number → message, in order of sending
        self._number = 0
        self._unread = b""
        self.out = bytearray()  # to be sent; the sender deletes what it has sent
        self.accepted = False  # the broker accepted this connection
        self.pinged = False  # a PINGREQ waits for its answer
        self.deaf = False  # the broker refused the subscription

    @property
    def waiting(self) -> int:
        """The number of messages that the broker has not acknowledged."""
        return len(self._memory) + len(self._flight)

    @property
    def backlog(self) -> int:
        """The number of messages waiting for their turn."""
        return len(self._memory)

    def publish(self, message: Message) -> bool:
        """Keep a message, and send it if the window is open. Returns False if the memory is full."""
        if len(self._memory) + len(self._flight) >= MEMORY:
            return False
        self._memory.append(message)
        if self.accepted:
            self._fill()
        return True

    def begin(self) -> None:
        """Start on a new connection: send CONNECT."""
        self.out = bytearray(self._connect)

    def end(self) -> None:
        """Forget the connection, and what was half sent or half read on it."""
        self.accepted = self.pinged = False
        self.out, self._unread = bytearray(), b""

    def ping(self) -> None:
        """Send a PINGREQ."""
        self.out += packets.PINGREQ
        self.pinged = True

    def receive(self, data: bytes) -> list[packets.Publish]:
        """Process what the broker sent; returns the messages in it. Raises Refused, Broken."""
        unread = self._unread + data if self._unread else data
        at, messages = 0, list[packets.Publish]()
        while (part := packets.frame(unread, at)) is not None:
            begin, end = part
            if begin < 0:
                raise Broken("a packet whose length is none")
            if end > len(unread):
                break
            try:
                self._take(unread[at], unread[begin:end], messages)
            except IndexError:
                raise Broken(f"a packet of type {unread[at] >> 4} that is too short") from None
            at = end
        self._unread = unread[at:]
        if self.accepted:
            self._fill()
        return messages

    def _take(self, head: int, body: bytes, messages: list[packets.Publish]) -> None:
        """Process one packet."""
        kind = head & 0xF0
        if kind == packets.PUBACK:
            self._flight.pop(body[0] << 8 | body[1], None)
        elif kind == packets.PUBLISH:
            message = packets.read_publish(head, body, properties=False)
            if message is None:
                raise Broken("a message whose lengths do not fit")
            if message.qos:
                self.out += packets.acknowledgements([message.mid])
            messages.append(message)
        elif kind == packets.CONNACK:
            if body[1]:
                raise Refused(_REASONS.get(body[1], f"return code {body[1]}"))
            self._start()
        elif kind == packets.SUBACK:
            self.deaf = body[2] >= packets.REFUSED
        elif kind == packets.PINGRESP:
            self.pinged = False

    def _start(self) -> None:
        """The broker accepted: subscribe, send again what was in flight, and queue the greeting."""
        self.accepted = True
        if self._subscription is not None:
            self.out += packets.subscribe(self._subscription, self._next())
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
        """Return a packet number that nothing in flight has."""
        self._number = self._number % _LAST_NUMBER + 1
        while self._number in self._flight:
            self._number = self._number % _LAST_NUMBER + 1
        return self._number
