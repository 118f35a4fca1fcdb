"""A bounded queue of messages that have come from the broker and wait for the spool.

a read brings messages ─► put ─► take ─► spool
             ▲                     │
             └──── has_room ◄──────┘   without room nothing more is read, and messages stay at the broker
"""

import threading
import time
from collections import deque
from collections.abc import Sequence

from gateway.ingest.message import Message

# Seconds that arrived messages wait for more: a commit, a batch and the memory of each device cost as much
# for one message as for hundreds. A reading is promised to be on a page within a second, and this is a
# quarter of it; with 0.4 a busy machine exceeded the second.
LINGER = 0.25
# Some brokers send no more before their window is acknowledged (EMQX: 32 messages at most by default; HiveMQ:
# 10 to MQTT 3.1.1). They must not wait for LINGER: if FEW messages are here, or as many as last time, and
# none came for QUIET seconds, no more will come.
FEW, QUIET = 16, 0.05
# A connection whose last read brought fewer than COMPANY messages is left unread for REST seconds: taking in
# one message by itself costs as much as taking in a dozen. Not where a broker waits for acknowledgements.
REST, COMPANY = 0.03, 100
# Bytes that may wait here. The broker's window is no such limit: messages may have any size, and Mosquitto
# 2.0.11 answers each acknowledgement with a whole window (findings/mosquitto-window.sh): of a queue of
# 240,000 messages 175,000 stood in memory. QoS 0 has no window at all; it promises nothing, so its messages
# wait too.
WAITING_BYTES = 4 * 2**20
BESIDE = 400  # bytes that a message takes in memory beside its payload
ROOM = 0.1  # most seconds for which the connection's thread may neglect acknowledgements and pings


class Arrivals:
    """Messages in the order they came. Any thread may call `put`, the connection's thread calls `has_room`,
    one other thread calls `take` and `acknowledged`. `waiting`: the bytes that are here; `held_back`: when
    the connection was last left unread for want of room, monotonic.
    """

    def __init__(self) -> None:
        self._queue: deque[Message] = deque()
        self.waiting = 0
        self.held_back = float("-inf")
        lock = threading.Lock()
        self._arrived, self._removed = threading.Condition(lock), threading.Condition(lock)
        # how many messages came last time before the broker went quiet; the broker's window, known once the
        # same number came twice (else 0); how many messages wake the thread in `take`
        self._fell_quiet_at, self._window, self._enough = 0, 0, 1
        self._brought = 0  # messages that the last read brought

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, messages: Sequence[Message], brought: int | None = None) -> None:
        """Add messages. `brought`: how many of any kind the read brought; None if they came another way."""
        if brought is not None:
            self._brought = brought
        if not messages:
            return
        size = weight(messages)
        with self._arrived:
            self._queue += messages
            self.waiting += size
            # waking the other thread for every message would cost more than taking it
            if len(self._queue) >= self._enough or self.waiting >= WAITING_BYTES:
                self._arrived.notify()

    def take(self, limit: int, wait: float) -> list[Message]:
        """Take the oldest messages; waits up to `wait` seconds for the first, and a moment for more."""
        with self._arrived:
            queue = self._queue
            if not queue:
                self._arrived.wait(wait)
            self._linger(limit)
            self._enough = 1
            taken = [queue.popleft() for _ in range(min(limit, len(queue)))]
            self.waiting -= weight(taken)
            if self.waiting < WAITING_BYTES:
                self._removed.notify()
        return taken

    def acknowledged(self) -> None:
        """Note that the messages taken last are acknowledged now: if more came first, there is no window."""
        if self._queue:
            self._window = 0

    def has_room(self) -> bool:
        """Whether the connection may be read now; waits a moment for room, or for more messages to read."""
        if self.waiting < WAITING_BYTES:
            if self._brought < COMPANY and not self._window:
                time.sleep(REST)
            return True
        self.held_back = time.monotonic()
        with self._removed:
            return self._removed.wait_for(lambda: self.waiting < WAITING_BYTES, ROOM)

    def _linger(self, limit: int) -> None:
        """If anything has come, wait a moment for more. A broker whose window is full goes quiet after the
        same number of messages each time: no more will come then, so the wait ends.
        """
        queue, end = self._queue, time.monotonic() + LINGER
        self._enough = self._window or limit
        while (
            0 < (count := len(queue)) < self._enough
            and self.waiting < WAITING_BYTES
            and (remaining := end - time.monotonic()) > 0
        ):
            expected = count >= FEW or count == self._fell_quiet_at
            self._arrived.wait(min(remaining, QUIET if expected else LINGER))
            if len(queue) == count:
                self._window = count if count == self._fell_quiet_at else 0
                self._fell_quiet_at = count
                break


def weight(messages: Sequence[Message]) -> int:
    """About how many bytes messages take in memory."""
    return sum([len(message.payload) + BESIDE for message in messages])
