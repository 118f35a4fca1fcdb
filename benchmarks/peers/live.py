"""How long a reading takes from the device's publish until it can be queried, at a steady pace.

Messages are published in the order of their times, and one gateway stores them in the order of arrival, so
the n-th message can be queried once the store counts n points. The benchmark keeps asking the store for the
count of only the newest seconds, so a query costs the same after ten minutes as at the start.
"""

import statistics
import threading
import time
from dataclasses import dataclass, field

from benchmarks.peers.drain import STALL
from benchmarks.peers.launch import Gateway, subscribed
from benchmarks.peers.processes import Running, shares
from benchmarks.peers.testbed import Testbed
from benchmarks.peers.traffic import Publisher, Traffic
from devices.clock import now_ms

LOOK = 0.01  # seconds between two queries of the store; part of the measured latency
WINDOW = 5000  # messages counted again by every query
SETTLE = 2  # seconds at the start that are not counted: first connection, first file


@dataclass
class LiveRun:
    """The figures of a live run."""

    rate: int  # messages per second
    seconds: float
    messages: int
    stored: int
    latency: dict[str, float]  # p50, p99 … → ms from the call of publish to the query that saw the point
    cpu_us: float  # of the gateway, per message
    busy: dict[str, float]  # part → share of one core
    memory: list[tuple[float, float]] = field(default_factory=list)  # seconds, resident MB
    peak_mb: float = 0.0

    @property
    def growth_mb(self) -> float:
        """Growth between the medians of the run's second and last tenths; the first tenth still loads."""
        values = [value for _, value in self.memory]
        tenth = max(1, len(values) // 10)
        return statistics.median(values[-tenth:]) - statistics.median(values[tenth : 2 * tenth] or values)

    def as_dict(self) -> dict[str, object]:
        return vars(self) | {"growth_mb": self.growth_mb}


def live(gateway: Gateway, bed: Testbed, rate: int, seconds: float) -> LiveRun:
    """Publish `rate` messages a second for `seconds`, and measure. Raises RuntimeError."""
    count = int(rate * seconds)
    # Each of the 50 devices gets every 50th message, with times a second apart, at whatever `rate` it is
    # published.
    traffic = Traffic(count, now_ms() - count * 20 - 600_000, step=1000)
    with subscribed(gateway, bed, traffic) as (running, bucket):
        time.sleep(3)  # its first indicators and rows
        return _measure(bed, running, bucket, traffic, rate)


def _measure(bed: Testbed, running: list[Running], bucket: str, traffic: Traffic, rate: int) -> LiveRun:
    sent: list[float] = []
    publisher = Publisher(bed.broker.port)
    began = time.perf_counter()
    used = bed.cpu(running)
    memory: list[tuple[float, float]] = []
    thread = threading.Thread(target=_publish, args=(publisher, traffic, rate, sent, began))
    thread.start()
    looks = _look(bed, bucket, traffic, running, memory, began)
    thread.join()
    publisher.close(traffic.count)
    if not looks:
        raise RuntimeError(f"nothing was stored; the gateway says: {running[0].tail()}")
    seconds = looks[-1][0] - began
    after = bed.cpu(running)
    return LiveRun(
        rate=rate,
        seconds=seconds,
        messages=traffic.count,
        stored=looks[-1][1],
        latency=_latency(sent, looks, rate * SETTLE),
        cpu_us=(after["gateway"] - used["gateway"]) / traffic.count * 1e6,
        busy=shares(used, after, seconds),
        memory=memory,
        peak_mb=sum(one.peak_mb() for one in running),
    )


def _publish(publisher: Publisher, traffic: Traffic, rate: int, sent: list[float], began: float) -> None:
    """Send each message at its moment. A late message is sent at once, and its delay counts."""
    for number, (topic, payload) in enumerate(traffic):
        moment = began + number / rate
        while (early := moment - time.perf_counter()) > 0:
            time.sleep(early)
        sent.append(min(moment, time.perf_counter()))
        publisher.publish(topic, payload)


def _look(
    bed: Testbed,
    bucket: str,
    traffic: Traffic,
    running: list[Running],
    memory: list[tuple[float, float]],
    began: float,
) -> list[tuple[float, int]]:
    """Moments and the number of points that could be queried then, until all can or no more arrive."""
    looks: list[tuple[float, int]] = []
    base, stored, moved, weighed = 0, 0, time.monotonic(), 0.0
    while stored < traffic.count and time.monotonic() - moved < STALL:
        now = base + bed.stored(bucket, traffic.at(base))
        at = time.perf_counter()
        if now > stored:
            stored, moved = now, time.monotonic()
            looks.append((at, stored))
        # older points that are complete are not counted again
        full = max(0, stored - WINDOW) // WINDOW * WINDOW
        if full > base and bed.stored(bucket, traffic.at(base), traffic.at(full)) == full - base:
            base = full
        if at - weighed >= 1:
            weighed = at
            memory.append((at - began, sum(one.resident_mb() for one in running)))
        time.sleep(LOOK)
    return looks


def _latency(sent: list[float], looks: list[tuple[float, int]], skip: int) -> dict[str, float]:
    waits, known = [], 0
    for at, stored in looks:
        waits += [(at - moment) * 1000 for moment in sent[max(known, skip) : stored]]
        known = max(known, stored)
    if len(waits) < 100:
        return {}
    waits.sort()
    return {
        "p50": waits[len(waits) // 2],
        "p99": waits[int(len(waits) * 0.99)],
        "p99.9": waits[int(len(waits) * 0.999)],
        "max": waits[-1],
    }
