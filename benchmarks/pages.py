"""How long a record's page takes at 200 openings a second: `python benchmarks/pages.py [--lots 2000]`.

A separate server holds sealed lots of a rehearsal's size. Requests come over loopback at fixed times, whether
or not earlier ones are answered, and the time of a page counts from when its request was due. Lots are chosen
at random, so that the server cannot profit from its last answers. Then 500 clients send a head and 200
clients a body, one byte a second, while pages are requested one after another, and compared with pages that
are requested without them.
"""

import argparse
import http.client
import math
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue

sys.path.insert(0, str(Path(__file__).parents[1]))

from devices.clock import moment_of
from devices.contract.diary import Harvest, Packing, Shipping
from devices.pilots.pilot import load
from devices.web.patience import LIMITS
from tests.loopback import answers, free_port
from traceability.records.conditions import Conditions
from traceability.sealing import seal
from traceability.sealing.seal import Sealer

SIGNALS = ("air_temperature", "relative_humidity", "rainfall", "soil_moisture", "soil_ph")
BEGIN = datetime(2025, 1, 1, 3, tzinfo=UTC)
WORKERS = 64
HEADS, BODIES = 500, 200  # slow clients
SERVER = """
import sys
from fastapi import FastAPI
from pathlib import Path
from devices.pilots.pilot import load
from devices.web.patience import serve
from traceability.pages import web
app = FastAPI()
app.include_router(web.router(Path(sys.argv[1]), load("dong-thap"), "https://example.org"))
serve(app, "127.0.0.1", int(sys.argv[2]))
"""


class Grew:
    """Growing conditions: two weeks of five signals."""

    def conditions(self, community: str, plot: str, start: int, stop: int) -> Conditions:
        days = [(moment_of(stop) - timedelta(days=n)).date().isoformat()
                for n in range(14, 0, -1)]  # fmt: skip
        rows = [[day, 22.1 + math.sin(n), 26.4, 31.9 - math.cos(n), 576] for n, day in enumerate(days)]
        return Conditions(start, stop, 8, 8, 0.97, 0.01, dict.fromkeys(SIGNALS, rows), 40_000, "ab" * 32)


def sealed(folder: Path, number: int) -> list[str]:
    """Seal `number` lots, packed and shipped; returns the paths of their pages."""
    pilot = load("dong-thap")
    device = pilot.fleet["tam-que-diary-01"]
    sealer = Sealer(folder, pilot, Grew(), "https://example.org", "example.org/log")
    for n in range(number):
        at = BEGIN + timedelta(hours=n)
        same = {"plot": "plot-1", "crop": "mango"}
        later = {"ts": at + timedelta(minutes=1), "quantity_kg": 1.0, **same}
        sealer.keep([
            (device, Harvest(event="harvest", id=f"mango-{n}", ts=at, quantity_kg=1.5, **same)),
            (device, Packing(event="packing", id=f"pack-{n}", packages=160, **later)),
            (device, Shipping(event="shipping", id=f"ship-{n}", buyer="Chợ đầu mối", **later)),
        ])  # fmt: skip
    while done := sealer.seal_pending(500):
        sealer.note_published(done)
    sealer.close()
    return [f"/01/{row['gtin']}/10/{row['lot']}" for row in seal.lots(folder, number)]


def ask(port: int, paths: Sequence[str], rate: int, seconds: int) -> list[float]:
    """Milliseconds of each page from when its request was due."""
    took: list[float] = []
    due: SimpleQueue[tuple[float, str] | None] = SimpleQueue()

    def work() -> None:
        line = http.client.HTTPConnection("127.0.0.1", port)
        while (one := due.get()) is not None:
            at, path = one
            line.request("GET", path, headers={"Accept": "text/html"})
            answer = line.getresponse()
            body = answer.read()
            took.append((time.perf_counter() - at) * 1000)
            assert answer.status == 200 and "Hồ sơ nguyên vẹn".encode() in body, path

    workers = [threading.Thread(target=work) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    chance = random.Random(1)
    begin = time.perf_counter()
    for n in range(rate * seconds):
        at = begin + n / rate
        time.sleep(max(0.0, at - time.perf_counter()))
        due.put((at, chance.choice(paths)))
    for _ in workers:
        due.put(None)
    for worker in workers:
        worker.join()
    return took


def one_by_one(port: int, paths: Sequence[str]) -> list[float]:
    """Milliseconds of each page, requested once the one before is there."""
    line, took = http.client.HTTPConnection("127.0.0.1", port), []
    for path in paths:
        at = time.perf_counter()
        line.request("GET", path, headers={"Accept": "text/html"})
        answer = line.getresponse()
        answer.read()
        assert answer.status == 200, path
        took.append((time.perf_counter() - at) * 1000)
    line.close()
    return took


class Slow(threading.Thread):
    """Clients that send a byte a second until the server closes; `lived` are the seconds that each had."""

    def __init__(self, port: int, heads: int, bodies: int) -> None:
        super().__init__()
        self._ended = threading.Event()
        self.lived: dict[str, list[float]] = {"head": [], "body": []}
        self._lines = [(kind, self._connected(port, begun)) for kind, begun, number in (
            ("head", b"GET / HTTP/1.1\r\nHost: x\r\nX: ", heads),
            ("body", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", bodies),
        ) for _ in range(number)]  # fmt: skip

    def _connected(self, port: int, begun: bytes) -> tuple[float, socket.socket]:
        line = socket.create_connection(("127.0.0.1", port))
        line.sendall(begun)
        return time.perf_counter(), line

    def run(self) -> None:
        while self._lines and not self._ended.wait(1):
            there = []
            for kind, (since, line) in self._lines:
                try:
                    line.sendall(b"x")
                    there.append((kind, (since, line)))
                except OSError:
                    self.lived[kind].append(time.perf_counter() - since)
                    line.close()
            self._lines = there

    def end(self) -> None:
        self._ended.set()
        self.join()
        for _, (_, line) in self._lines:
            line.close()


def beside_slow(port: int, paths: Sequence[str]) -> None:
    """Print how long pages take beside slow clients, as a multiple of their time without them."""
    alone = one_by_one(port, paths)
    slow = Slow(port, HEADS, BODIES)
    slow.start()
    began, took = time.perf_counter(), list[float]()
    while time.perf_counter() < began + LIMITS[0] + 5:
        took += one_by_one(port, paths)
    slow.end()
    middle = statistics.median(alone)
    p50, p99 = statistics.median(took), statistics.quantiles(took, n=100)[-1]
    print(
        f"beside {HEADS} slow heads and {BODIES} slow bodies, {len(took)} pages: median {p50:.1f} ms, "
        f"{p50 / middle:.1f} x that beside nobody ({middle:.1f}); p99 {p99 / middle:.1f} x, "
        f"longest {max(took) / middle:.1f} x (beside nobody {max(alone) / middle:.1f} x)"
    )
    heads, bodies = slow.lived["head"], slow.lived["body"]
    print(
        f"of the heads {len(heads)} were let go of, the last after {max(heads, default=0):.1f} s "
        f"(limit {LIMITS[0]:g}); of the bodies {len(bodies)} in that time (limit {LIMITS[1]:g})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lots", type=int, default=300, help="sealed lots in the log (300)")
    parser.add_argument("--rate", type=int, default=200, help="page requests per second (200)")
    parser.add_argument("--seconds", type=int, default=20, help="seconds of requests (20)")
    parser.add_argument(
        "--remembered", type=int, default=300, help="open this many pages once before measuring (300)"
    )
    options = parser.parse_args()
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        paths = sealed(Path(folder), options.lots)
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
        server = subprocess.Popen([sys.executable, "-c", SERVER, folder, str(port)], env=environment)
        try:
            while not answers(port):
                time.sleep(0.1)
            first = statistics.median(one_by_one(port, paths[: options.remembered]))
            took = sorted(ask(port, paths, options.rate, options.seconds))
            beside_slow(port, paths)
        finally:
            server.terminate()
            server.wait()
    p50, p95, p99 = (took[int(len(took) * share) - 1] for share in (0.5, 0.95, 0.99))
    print(f"a page opened for the first time, one after another: median {first:.1f} ms")
    print(
        f"{len(took)} pages of {len(paths)} lots at {options.rate} a second: "
        f"mean {statistics.mean(took):.1f} ms, p50 {p50:.1f}, p95 {p95:.1f}, p99 {p99:.1f}, "
        f"longest {took[-1]:.1f}"
    )


if __name__ == "__main__":
    main()
