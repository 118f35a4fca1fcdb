"""One measurement: messages wait in the broker, a gateway starts, and the benchmark watches the store."""

import shutil
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.peers.launch import Gateway, wait
from benchmarks.peers.processes import Running, shares
from benchmarks.peers.testbed import Testbed
from benchmarks.peers.traffic import FIELDS, Traffic, queue, recent

STALL = 12.0  # seconds without a new point after which no more are expected
POLL = 0.05  # seconds between two queries of the store; each costs it some milliseconds
FAR = 0.4  # most seconds to the end that a pause is based on: the estimate may be wrong


@dataclass
class Drained:
    """The figures of one drain."""

    messages: int
    stored: int
    seconds: float  # from the connection to the broker until the last point could be queried
    booked: float | None  # the same, until the gateway's own books were settled
    cpu_us: float  # of the gateway, per message
    peak_mb: float
    busy: dict[str, float] = field(default_factory=dict)  # part → share of one core
    books: dict[str, int] = field(default_factory=dict)
    killed_at: int | None = None  # points in the store when it was killed
    stuck: int = 0  # neither stored nor lost: still in the broker when nothing moves any more

    @property
    def rate(self) -> float:
        return self.stored / self.seconds

    @property
    def lost(self) -> int:
        return self.messages - self.stored - self.stuck

    def as_dict(self) -> dict[str, object]:
        row: dict[str, object] = asdict(self) | {"lost": self.lost}
        if self.killed_at is None:  # otherwise the seconds cover only the second start
            row |= {"rate": self.rate, "readings": self.rate * len(FIELDS)}
        return row


def drain(
    gateway: Gateway, bed: Testbed, count: int, bad: str = "", every: int = 1000, kill: float | None = None
) -> Drained:
    """Queue `count` messages, drain them, and count the good ones that are missing.

    With `kill`, the gateway gets SIGKILL after that many seconds of draining, or earlier, once half of the
    messages can be queried, and is then started again. The time limit is for a gateway that holds back what
    it has taken: the store would never show it half way.
    """
    folder = Path(tempfile.mkdtemp(prefix="hoiquan-bench-"))
    traffic = Traffic(count, recent(count), bad=bad, every=every)
    bucket = bed.bucket(traffic)
    clients: list[str] = []
    running: list[Running] = []
    try:
        clients = open_sessions(gateway, bed, folder, bucket)
        queue(bed.broker.port, traffic)
        running, watch = _begin(gateway, bed, folder, bucket)
        expected = count - traffic.bad_ones
        killed_at = None
        if kill is not None:
            watch.until(expected // 2, traffic.start, poll=0.01, seconds=kill)
            for one in running:
                one.kill()
            killed_at = bed.stored(bucket, traffic.start)
            running, watch = _begin(gateway, bed, folder, bucket)
        stored = watch.until(expected, traffic.start)
        result = watch.result(expected, stored)
        result.killed_at = killed_at
        result.books, result.booked = _books(gateway, folder, watch)
        if stored < expected:
            for one in running:
                one.stop()
            result.stuck = len(bed.waiting(clients) - bed.times(bucket, traffic.start))
        return result
    finally:
        for one in running:
            one.stop()
        bed.forget(clients)
        bed.drop(bucket)
        shutil.rmtree(folder, ignore_errors=True)


def open_sessions(gateway: Gateway, bed: Testbed, folder: Path, bucket: str) -> list[str]:
    """Start and stop the gateway once, so that the broker keeps messages for it; returns its client ids."""
    since = bed.mark()
    running = gateway.start(bed, folder, bucket)
    try:
        wait(
            lambda: (
                len(set(bed.clients(since))) == len(running)
                and all(bed.subscribed(since, name) for name in bed.clients(since))
            ),
            f"{gateway.name} subscribes",
            running,
        )
        time.sleep(0.5)  # what the gateway does after subscribing must not affect the drain
    finally:
        for one in running:
            one.stop()
    return list(dict.fromkeys(bed.clients(since)))


class Watch:
    """The clock and the CPU meters of one drain, from the first connection on."""

    def __init__(self, bed: Testbed, running: list[Running], bucket: str) -> None:
        self._bed, self._running, self._bucket = bed, running, bucket
        self.began = time.perf_counter()
        self._cpu = bed.cpu(running)
        self._ended, self._used = self.began, self._cpu

    def until(self, expected: int, start: int, poll: float = POLL, seconds: float = 3600) -> int:
        """Watch until `expected` points can be queried, or no more arrive; returns their number.

        Counting many points slows the store down, so queries are rare while the end is far.
        """
        stored, moved = -1, time.monotonic()
        end = self.began + seconds
        while stored < expected and time.monotonic() - moved < STALL and time.perf_counter() < end:
            now = self._bed.stored(self._bucket, start)
            if now != stored:
                stored, moved = now, time.monotonic()
                self._ended, self._used = time.perf_counter(), self._bed.cpu(self._running)
            passed = time.perf_counter() - self.began
            left = passed * (expected - stored) / stored if stored > 0 else 0.0
            if stored < expected:
                time.sleep(max(poll, min(left, end - self.began - passed, FAR) / 2))
        return stored

    def result(self, messages: int, stored: int) -> Drained:
        seconds = self._ended - self.began
        return Drained(
            messages=messages,
            stored=stored,
            seconds=seconds,
            booked=None,
            cpu_us=(self._used["gateway"] - self._cpu["gateway"]) / max(1, stored) * 1e6,
            peak_mb=sum(one.peak_mb() for one in self._running),
            busy=shares(self._cpu, self._used, seconds),
        )


def _begin(gateway: Gateway, bed: Testbed, folder: Path, bucket: str) -> tuple[list[Running], Watch]:
    """Start the gateway. The clock runs from its first connection, so that loading is not counted."""
    since = bed.mark()
    running = gateway.start(bed, folder, bucket)
    with ExitStack() as undo:
        for one in running:
            undo.callback(one.stop)
        wait(lambda: bed.clients(since), f"{gateway.name} connects", running)
        undo.pop_all()
    return running, Watch(bed, running, bucket)


def _books(gateway: Gateway, folder: Path, watch: Watch) -> tuple[dict[str, int], float | None]:
    """The gateway's own books once nothing is spooled, and the seconds until then."""
    deadline = time.monotonic() + STALL
    while books := gateway.books(folder):
        if not books.get("spooled") or time.monotonic() > deadline:
            return books, time.perf_counter() - watch.began
        time.sleep(0.01)
    return {}, None
