"""One measurement: messages wait in the broker, a gateway starts, and the benchmark watches the store."""

import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from benchmarks.peers.processes import Running, shares
from benchmarks.peers.road import Road
from benchmarks.peers.traffic import FIELDS, Traffic, queue, recent

PATIENCE = 40.0  # seconds for a gateway to come up
STALL = 12.0  # seconds without a new point after which no more are expected
POLL = 0.05  # seconds between two queries of the store; each costs it some milliseconds
FAR = 0.4  # most seconds to the end that a pause is based on: the estimate may be wrong


class Gateway(Protocol):
    """A gateway to compare. `folder` belongs to one measurement; started in it again, a gateway resumes."""

    name: str

    def prepare(self) -> None:
        """Install the gateway, unless that is done. Raises Missing."""

    def start(self, road: Road, folder: Path, bucket: str) -> list[Running]:
        """Start the gateway; returns its processes."""

    def done(self, folder: Path) -> dict[str, int]:
        """The gateway's own books: ours has `stored`, `quarantined` and `spooled`; others have none."""


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

    def as_dict(self) -> dict[str, Any]:
        row = asdict(self) | {"lost": self.lost}
        if self.killed_at is None:  # otherwise the seconds cover only the second start
            row |= {"rate": self.rate, "readings": self.rate * len(FIELDS)}
        return row


def drain(
    gateway: Gateway, road: Road, count: int, bad: str = "", every: int = 1000, kill: float | None = None
) -> Drained:
    """Queue `count` messages, drain them, and count the good ones that are missing.

    With `kill`, the gateway gets SIGKILL after that many seconds of draining, or earlier, once half of the
    messages can be queried, and is then started again. The time limit is for a gateway that holds back what
    it has taken: the store would never show it half way.
    """
    folder = Path(tempfile.mkdtemp(prefix="hoiquan-bench-"))
    traffic = Traffic(count, recent(count), bad=bad, every=every)
    bucket = road.bucket(traffic)
    clients: list[str] = []
    running: list[Running] = []
    try:
        clients = open_sessions(gateway, road, folder, bucket)
        queue(road.broker.port, traffic)
        running, watch = _begin(gateway, road, folder, bucket)
        expected = count - traffic.bad_ones
        killed_at = None
        if kill is not None:
            watch.until(expected // 2, traffic.start, poll=0.01, seconds=kill)
            for one in running:
                one.kill()
            killed_at = road.stored(bucket, traffic.start)
            running, watch = _begin(gateway, road, folder, bucket)
        stored = watch.until(expected, traffic.start)
        result = watch.result(expected, stored)
        result.killed_at = killed_at
        result.books, result.booked = _books(gateway, folder, watch)
        if stored < expected:
            for one in running:
                one.stop()
            result.stuck = len(road.waiting(clients) - road.times(bucket, traffic.start))
        return result
    finally:
        for one in running:
            one.stop()
        road.forget(clients)
        road.drop(bucket)
        shutil.rmtree(folder, ignore_errors=True)


def open_sessions(gateway: Gateway, road: Road, folder: Path, bucket: str) -> list[str]:
    """Start and stop the gateway once, so that the broker keeps messages for it; returns its client ids."""
    since = road.mark()
    running = gateway.start(road, folder, bucket)
    try:
        wait(
            lambda: (
                len(set(road.clients(since))) == len(running)
                and all(road.subscribed(since, name) for name in road.clients(since))
            ),
            f"{gateway.name} subscribes",
            running,
        )
        time.sleep(0.5)  # what the gateway does after subscribing must not affect the drain
    finally:
        for one in running:
            one.stop()
    return list(dict.fromkeys(road.clients(since)))


def wait(condition: Callable[[], object], what: str, running: list[Running]) -> None:
    """Wait for `condition`. Raises RuntimeError with the last output of a process that ended instead."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        for one in running:
            if one.ended():
                raise RuntimeError(f"{what}: it ended: {one.tail()}")
        if time.monotonic() > deadline:
            last = running[0].tail() if running else ""
            raise RuntimeError(f"{what}: not within {PATIENCE:g} s: {last}")
        time.sleep(0.003)


class Watch:
    """The clock and the CPU meters of one drain, from the first connection on."""

    def __init__(self, road: Road, running: list[Running], bucket: str) -> None:
        self._road, self._running, self._bucket = road, running, bucket
        self.began = time.perf_counter()
        self._cpu = self._meters()
        self._ended, self._used = self.began, self._cpu

    def until(self, expected: int, start: int, poll: float = POLL, seconds: float = 3600) -> int:
        """Watch until `expected` points can be queried, or no more arrive; returns their number.

        Counting many points slows the store down, so queries are rare while the end is far.
        """
        stored, moved = -1, time.monotonic()
        end = self.began + seconds
        while stored < expected and time.monotonic() - moved < STALL and time.perf_counter() < end:
            now = self._road.stored(self._bucket, start)
            if now != stored:
                stored, moved = now, time.monotonic()
                self._ended, self._used = time.perf_counter(), self._meters()
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

    def _meters(self) -> dict[str, float]:
        return {"gateway": sum(one.cpu() for one in self._running)} | self._road.cpu()


def _begin(gateway: Gateway, road: Road, folder: Path, bucket: str) -> tuple[list[Running], Watch]:
    """Start the gateway. The clock runs from its first connection, so that loading is not counted."""
    since = road.mark()
    running = gateway.start(road, folder, bucket)
    with ExitStack() as undo:
        for one in running:
            undo.callback(one.stop)
        wait(lambda: road.clients(since), f"{gateway.name} connects", running)
        undo.pop_all()
    return running, Watch(road, running, bucket)


def _books(gateway: Gateway, folder: Path, watch: Watch) -> tuple[dict[str, int], float | None]:
    """The gateway's own books once nothing is spooled, and the seconds until then."""
    deadline = time.monotonic() + STALL
    while books := gateway.done(folder):
        if not books.get("spooled") or time.monotonic() > deadline:
            return books, time.perf_counter() - watch.began
        time.sleep(0.01)
    return {}, None
