"""What the embedded broker keeps in memory: of a client's session, and of whom it owes an acknowledgement."""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from amqtt.session import OutgoingApplicationMessage, Session

MOST = 64 * 2**20  # bytes that may wait for one client
BESIDE = 400  # bytes that a message takes beside its payload


class Payer(Protocol):
    """A connection whose client is owed something."""

    def pay(self, receipt: "Receipt") -> None:
        """It is due; it is sent once all before it are."""

    async def handle_connection_closed(self) -> None:
        """End it; the client comes again, and says again what was not acknowledged."""


@dataclass(slots=True, eq=False)
class Receipt:
    """An acknowledgement that the sender of a message gets once a gateway has it on disk. Until then the
    broker has promised nothing: killed, it may forget, and the sender says it again. `key`: sender and packet
    number; `says`: topic and payload; `payer`: the connection that brought it last.
    """

    key: tuple[str, int]
    says: tuple[str, bytes]
    answer: bytes
    payer: Payer
    due: bool = False


class Waiting(NamedTuple):
    """A message that a client was not sent yet; `receipt`: due when it has acknowledged it."""

    topic: str
    payload: bytes
    qos: int
    retained: bool
    receipt: Receipt | None = None


class Sent(OutgoingApplicationMessage):
    """A message that a client was sent and has not acknowledged yet."""

    __slots__ = ("receipt",)

    def __init__(self, number: int, message: Waiting) -> None:
        super().__init__(number, message.topic, message.qos, message.payload, message.retained)
        self.receipt = message.receipt


@dataclass(slots=True)
class Kept:
    """Of one session. `size`: bytes of what waits and of what was sent and is not acknowledged; `passed_on`:
    its own messages of QoS 2 that were passed on and not released by it yet, by number; `hears`: whether it
    is a gateway's that gets all that is said, now or when it is back.
    """

    waiting: deque[Waiting] = field(default_factory=deque)
    size: int = 0
    passed_on: set[int] = field(default_factory=set)
    hears: bool = False

    @property
    def full(self) -> bool:
        """Nothing more is kept for it."""
        return self.size >= MOST

    def put(self, message: Waiting) -> None:
        """It waits behind the others."""
        self.waiting.append(message)
        self.size += len(message.payload) + BESIDE

    def through(self, message: OutgoingApplicationMessage) -> None:
        """It has been acknowledged."""
        self.size -= len(message.data) + BESIDE


def kept(session: Session) -> Kept:
    """What is kept of a session."""
    found: Kept = session.attributes.setdefault("hoiquan.kept", Kept())
    return found
