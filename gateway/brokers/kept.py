"""What the embedded broker keeps in memory: messages for each session, and acknowledgements that it owes."""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from amqtt.session import OutgoingApplicationMessage, Session

MOST = 64 * 2**20  # bytes that may wait for one client
BESIDE = 400  # bytes that a message takes beside its payload


class Payer(Protocol):
    """A connection whose client is owed acknowledgements."""

    def pay(self, receipt: "Receipt") -> None:
        """Note that a receipt is due; it is sent once all receipts before it are due."""

    async def handle_connection_closed(self) -> None:
        """End the connection; the client comes back, and sends again what was not acknowledged."""


@dataclass(slots=True, eq=False)
class Receipt:
    """An acknowledgement that a message's sender gets once a gateway has the message on disk. Until then the
    broker has promised nothing: if it is killed and forgets, the sender sends again. `key`: sender and packet
    number; `content`: topic and payload; `payer`: the connection that brought the message last.
    """

    key: tuple[str, int]
    content: tuple[str, bytes]
    answer: bytes
    payer: Payer
    due: bool = False


class Waiting(NamedTuple):
    """A message that waits to be sent to a client; its `receipt` is due when the client acknowledges it."""

    topic: str
    payload: bytes
    qos: int
    retained: bool
    receipt: Receipt | None = None


class Sent(OutgoingApplicationMessage):
    """A message that was sent to a client, which has not acknowledged it yet."""

    __slots__ = ("receipt",)

    def __init__(self, number: int, message: Waiting) -> None:
        super().__init__(number, message.topic, message.qos, message.payload, message.retained)
        self.receipt = message.receipt


@dataclass(slots=True)
class Kept:
    """What is kept of one session. `size`: bytes of the messages that wait or are not acknowledged;
    `passed_on`: numbers of the client's QoS 2 messages that were passed on and that it has not released yet;
    `of_gateway`: whether the session is a gateway's that gets all messages, now or when the gateway is back.
    """

    waiting: deque[Waiting] = field(default_factory=deque)
    size: int = 0
    passed_on: set[int] = field(default_factory=set)
    of_gateway: bool = False

    @property
    def full(self) -> bool:
        """Whether the session is full, so that no more messages are kept for it."""
        return self.size >= MOST

    def put(self, message: Waiting) -> None:
        """Queue a message behind the others."""
        self.waiting.append(message)
        self.size += len(message.payload) + BESIDE

    def through(self, message: OutgoingApplicationMessage) -> None:
        """Note that a message was acknowledged."""
        self.size -= len(message.data) + BESIDE


def kept(session: Session) -> Kept:
    """What is kept of a session."""
    state: Kept = session.attributes.setdefault("hoiquan.kept", Kept())
    return state
