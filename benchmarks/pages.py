"""How long a record's page takes at 200 openings a second: `python benchmarks/pages.py [--lots 2000]`.

A separate server holds sealed lots, and each page checks the lot's proof. Requests come over loopback at
fixed times, on 64 connections, whether or not earlier ones are answered, and the time of a page counts from
when its request was due. Lots are chosen at random, so that the server cannot profit from its last answers.
Then 500 clients send a head and 200 clients a body, one byte a second, while pages are requested one after
another, and compared with pages that are requested without them.

The server is one process, so one core limits it; the client takes a part of another.
"""

import argparse
import http.client
import random
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue

from fastapi import FastAPI

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.command import parser_of, run
from benchmarks.web.client import HTML, one_by_one, percentile
from benchmarks.web.lots import sealed
from benchmarks.web.server import running
from devices.pilots.pilot import load
from devices.web import patience
from traceability.pages import web

WORKERS = 64  # connections for requests at a fixed rate
HEADS, BODIES = 500, 200  # slow clients


def serve(port: str, folder: str) -> None:
    """Serve the pages of the lots in a folder until the process is ended."""
    app = FastAPI()
    app.include_router(web.router(Path(folder), load("dong-thap"), "https://example.org"))
    patience.serve(app, "127.0.0.1", int(port))


def ask(port: int, paths: Sequence[str], rate: int, seconds: int) -> list[float]:
    """Milliseconds of each page from when its request was due."""
    took: list[float] = []
    due: SimpleQueue[tuple[float, str] | None] = SimpleQueue()

    def work() -> None:
        line = http.client.HTTPConnection("127.0.0.1", port)
        while (one := due.get()) is not None:
            at, path = one
            line.request("GET", path, headers=dict(HTML))
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
    alone = one_by_one(port, paths, HTML)
    slow = Slow(port, HEADS, BODIES)
    slow.start()
    began, took = time.perf_counter(), list[float]()
    while time.perf_counter() < began + patience.LIMITS[0] + 5:
        took += one_by_one(port, paths, HTML)
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
        f"(limit {patience.LIMITS[0]:g}); of the bodies {len(bodies)} in that time "
        f"(limit {patience.LIMITS[1]:g})"
    )


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--lots", type=int, default=300, help="sealed lots in the log (300)")
    parser.add_argument("--rate", type=int, default=200, help="page requests per second (200)")
    parser.add_argument("--seconds", type=int, default=20, help="seconds of requests (20)")
    parser.add_argument(
        "--remembered", type=int, default=300, help="open this many pages once before measuring (300)"
    )
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(*options.serve)
        return
    with tempfile.TemporaryDirectory() as folder:
        paths = sealed(Path(folder), options.lots)
        with running(__file__, folder) as (port, _):
            first = statistics.median(one_by_one(port, paths[: options.remembered], HTML))
            took = ask(port, paths, options.rate, options.seconds)
            beside_slow(port, paths)
    p50, p95, p99 = (percentile(took, percent) for percent in (50, 95, 99))
    print(f"a page opened for the first time, one after another: median {first:.1f} ms")
    print(
        f"{len(took)} pages of {len(paths)} lots at {options.rate} a second: "
        f"mean {statistics.mean(took):.1f} ms, p50 {p50:.1f}, p95 {p95:.1f}, p99 {p99:.1f}, "
        f"longest {max(took):.1f}"
    )


if __name__ == "__main__":
    run(main)
