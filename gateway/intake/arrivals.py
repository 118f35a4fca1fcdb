"""What has come from the broker and waits for the spool: how long for company, and how much of it at most.

a read brings messages ─► put ─► take ─► spool
             ▲                     │
             └──── has_room ◄──────┘   what there is no room for is left unread, at the broker
"""

import threading
import time
from collections import deque
from collections.abc import Sequence

from gateway.ingest.message import Message

# Seconds that what has come waits for more: a commit, a batch and the memory of each device cost as much for
# one message as for hundreds. It is a quarter of the second in which a reading is promised to be on a page;
# with 0.4 a busy machine went beyond it.
LINGER = 0.25
# A broker that sends no more before these are acknowledged (EMQX: 32 at most, unless told otherwise; HiveMQ
# 10 to MQTT 3.1.1) is not kept waiting: where so many are here, or as many as the last time, and none came
# for that many seconds, they are all.
FEW, QUIET = 16, 0.05
# Seconds for which a connection that brought few at the last read is left unread: to take in one message by
# itself costs as much as a dozen. Not where a broker waits for each acknowledgement.
REST, COMPANY = 0.03, 100
# Bytes that may wait here. A broker's window does not keep to that: messages may be of any size, and
# Mosquitto 2.0.11 answers each acknowledgement with a whole window (findings/mosquitto-window.sh): of a queue
# of 240,000 messages 175,000 stood in memory. Nor does QoS 0, of which nothing is promised: it waits too.
WAITING_BYTES = 4 * 2**20
BESIDE = 400  # bytes that a message takes beside its payload
ROOM = 0.1  # seconds at most until the connection's thread looks after acknowledgements and pings again


class Arrivals:
    """Messages in the order they came. `put` is called from any thread, `has_room` from the connection's,
    `take` and `acknowledged` from one other. `waiting`: the bytes that are here; `held_back`: when something
    of the broker was last left unread, monotonic.
    """

    def __init__(self) -> None:
        self._queue: deque[Message] = deque()
        self.waiting = 0
        self.held_back = float("-inf")
        lock = threading.Lock()
        self._arrived, self._left = threading.Condition(lock), threading.Condition(lock)
        # how many came the last time before it went quiet; the broker's window, once that is so twice; how
        # many whoever waits wants to be woken for
        self._fell_quiet_at, self._window, self._enough = 0, 0, 1
        self._brought = 0  # messages by the last read

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, messages: Sequence[Message], brought: int | None = None) -> None:
        """Take these in, of a read that `brought` so many messages of whatever kind, if of one."""
        if brought is not None:
            self._brought = brought
        if not messages:
            return
        size = weight(messages)
        with self._arrived:
            self._queue += messages
            self.waiting += size
            # to wake it for each would cost more than to take it
            if len(self._queue) >= self._enough or self.waiting >= WAITING_BYTES:
                self._arrived.notify()

    def take(self, limit: int, wait: float) -> list[Message]:
        """The oldest; waits up to `wait` seconds for the first, and a moment for more."""
        with self._arrived:
            queue = self._queue
            if not queue:
                self._arrived.wait(wait)
            self._linger(limit)
            self._enough = 1
            taken = [queue.popleft() for _ in range(min(limit, len(queue)))]
            self.waiting -= weight(taken)
            if self.waiting < WAITING_BYTES:
                self._left.notify()
        return taken

    def acknowledged(self) -> None:
        """What was taken last is about to be acknowledged: a broker that sent more before has no window."""
        if self._queue:
            self._window = 0

    def has_room(self) -> bool:
        """Whether more may be read now; waits a moment for it, or for company."""
        if self.waiting < WAITING_BYTES:
            if self._brought < COMPANY and not self._window:
                time.sleep(REST)
            return True
        self.held_back = time.monotonic()
        with self._left:
            return self._left.wait_for(lambda: self.waiting < WAITING_BYTES, ROOM)

    def _linger(self, limit: int) -> None:
        """Wait a moment for more, if anything has come. A broker whose window is full sends nothing more,
        each time after as many: then what has come is all there is.
        """
        queue, end = self._queue, time.monotonic() + LINGER
        self._enough = self._window or limit
        while (
            0 < (here := len(queue)) < self._enough
            and self.waiting < WAITING_BYTES
            and (left := end - time.monotonic()) > 0
        ):
            known = here >= FEW or here == self._fell_quiet_at
            self._arrived.wait(min(left, QUIET if known else LINGER))
            if len(queue) == here:
                self._window = here if here == self._fell_quiet_at else 0
                self._fell_quiet_at = here
                break


def weight(messages: Sequence[Message]) -> int:
    """Bytes that messages take in memory, about."""
    return sum([len(message.payload) + BESIDE for message in messages])
