"""How long a record's page takes at 200 openings a second: `python benchmarks/pages.py [--lots 2000]`.

A server of its own over sealed lots of a rehearsal's size, asked over loopback at fixed times, whether or
not it has answered: an answer that comes late is late from when it was asked for. Lots are chosen at random,
so that the server cannot remember what was asked a moment ago.
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
from traceability.records.conditions import Conditions
from traceability.sealing import seal
from traceability.sealing.seal import Sealer

SIGNALS = ("air_temperature", "relative_humidity", "rainfall", "soil_moisture", "soil_ph")
BEGIN = datetime(2025, 1, 1, 3, tzinfo=UTC)
WORKERS = 64
SERVER = """
import sys, uvicorn
from fastapi import FastAPI
from pathlib import Path
from devices.pilots.pilot import load
from traceability.pages import web
app = FastAPI()
app.include_router(web.router(Path(sys.argv[1]), load("dong-thap"), "https://example.org"))
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
"""


class Grew:
    """Two weeks of five signals."""

    def conditions(self, community: str, plot: str, start: int, stop: int) -> Conditions:
        days = [(moment_of(stop) - timedelta(days=n)).date().isoformat()
                for n in range(14, 0, -1)]  # fmt: skip
        rows = [[day, 22.1 + math.sin(n), 26.4, 31.9 - math.cos(n), 576] for n, day in enumerate(days)]
        return Conditions(start, stop, 8, 8, 0.97, 0.01, dict.fromkeys(SIGNALS, rows), 40_000, "ab" * 32)


def sealed(folder: Path, number: int) -> list[str]:
    """Seal so many lots, packed and shipped; the paths of their pages."""
    pilot = load("dong-thap")
    device = pilot.fleet["tam-que-diary-01"]
    sealer = Sealer(folder, pilot, Grew(), "https://example.org", "example.org/log")
    for n in range(number):
        at = BEGIN + timedelta(hours=n)
        same = {"plot": "plot-1", "crop": "mango"}
        later = {"ts": at + timedelta(minutes=1), "quantity_kg": 800.0, **same}
        sealer.keep([
            (device, Harvest(event="harvest", id=f"mango-{n}", ts=at, quantity_kg=850.0, **same)),
            (device, Packing(event="packing", id=f"pack-{n}", packages=160, **later)),
            (device, Shipping(event="shipping", id=f"ship-{n}", buyer="Chợ đầu mối", **later)),
        ])  # fmt: skip
    while done := sealer.seal_pending(500):
        sealer.told(done)
    sealer.close()
    return [f"/01/{row['gtin']}/10/{row['lot']}" for row in seal.lots(folder, number)]


def ask(port: int, paths: Sequence[str], rate: int, seconds: int) -> list[float]:
    """Milliseconds from when each page was due to when it was there."""
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
    """Milliseconds of each page, asked for when the one before was there."""
    line, took = http.client.HTTPConnection("127.0.0.1", port), []
    for path in paths:
        at = time.perf_counter()
        line.request("GET", path, headers={"Accept": "text/html"})
        line.getresponse().read()
        took.append((time.perf_counter() - at) * 1000)
    line.close()
    return took


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lots", type=int, default=300)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--remembered", type=int, default=300, help="pages opened once before")
    parser.add_argument("--port", type=int, default=8199)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = sealed(Path(folder), options.lots)
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
        server = subprocess.Popen([sys.executable, "-c", SERVER, folder, str(options.port)], env=environment)
        try:
            while not answers(options.port):
                time.sleep(0.1)
            first = statistics.median(one_by_one(options.port, paths[: options.remembered]))
            took = sorted(ask(options.port, paths, options.rate, options.seconds))
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
