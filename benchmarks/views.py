"""How long the overview and the page of a place take with a year of a whole pilot in the store.

    python benchmarks/views.py [--days 365] [--seconds 60] [--rate 10] [--keep FOLDER]

A separate server (`--serve`), first over SQLite and then over the InfluxDB engine behind nginx, gets requests
over loopback at fixed times, whether or not it has answered earlier ones, for the overview and then for each
place in turn. The time of a page counts from when its request was due. The CPU time is the server's own,
reading ahead included. With --keep the filled stores stay in FOLDER, and the next run uses them again.
"""

import argparse
import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import pages, year
from dashboards.pages.check import Verdict
from dashboards.site import opened, site
from devices.pilots.pilot import load
from devices.settings import Settings
from devices.web import patience
from gateway.stores.influx import InfluxStore
from gateway.stores.sqlite import SqliteStore
from gateway.stores.store import Store
from tests.loopback import free_port
from tests.servers import Influx, until

LOTS = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--days", type=int, default=365, help="days of readings in the stores (365)")
    parser.add_argument("--seconds", type=int, default=60, help="seconds of requests (60)")
    parser.add_argument("--rate", type=float, default=10.0, help="page requests per second (10)")
    parser.add_argument(
        "--keep", type=Path, help="fill the stores in this folder once, and use them again in the next run"
    )
    parser.add_argument("--serve", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(*options.serve)
        return
    with ExitStack() as stack:
        keep = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        keep.mkdir(parents=True, exist_ok=True)
        lots = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        pages.sealed(lots / "trace", LOTS)
        with year.sqlite(keep, options.days) as filled:
            now = filled.now
        measured("SQLite", options, lots, now, str(keep / f"year-{options.days}.sqlite"))
        with year.influx(keep, options.days) as (server, bucket, filled):
            measured("InfluxDB", options, lots, filled.now, server.url, server.token, bucket)


def serve(port: str, lots: str, now: str, *where: str) -> None:
    """Serve the pages over a store, at the time of its last reading, until the process is ended."""
    store = (
        InfluxStore(where[0], where[1], Influx.org, where[2]) if where[1:] else SqliteStore(Path(where[0]))
    )
    # the pages load the pilot by its name; the store's pilot differs from it only in dates and fleets
    show(Settings(data=Path(lots)), store, int(port), int(now))


def show(settings: Settings, store: Store, port: int, now: int) -> None:
    """Serve the pages over a store until the process is ended; their clock begins at epoch ms `now`."""
    figures = opened(settings, store)
    begun = time.monotonic()
    figures.now = lambda: now + round(1000 * (time.monotonic() - begun))
    shown = site(settings, figures, lambda *_: Verdict(True, []), ())
    patience.serve(shown, "127.0.0.1", port)


def measured(name: str, options: argparse.Namespace, lots: Path, now: int, *where: str) -> None:
    """Print how long the pages took over one store."""
    port = free_port()
    command = [sys.executable, __file__, "--serve", str(port), str(lots), str(now), *where]
    places = [f"/place/{place}" for place in load("dong-thap").place]
    for paths in (["/"], places):
        with _running(command, port) as server:
            first = asked(port, paths[:1], 0)[0]
            time.sleep(options.seconds / 4)  # the server has read ahead
            before = worked(server.pid)
            time.sleep(options.seconds / 4)
            idle = (worked(server.pid) - before) / (options.seconds / 4)
            before, number = worked(server.pid), round(options.rate * options.seconds)
            took = sorted(asked(port, [paths[n % len(paths)] for n in range(number)], 1 / options.rate))
            each = 1000 * ((worked(server.pid) - before) / number - idle / options.rate)
        p50, p95, p99 = (took[min(number - 1, number * of // 100)] for of in (50, 95, 99))
        print(
            f"{name:<9} {'overview' if paths == ['/'] else 'places':<9} p50 {p50:.0f} p95 {p95:.0f} "
            f"p99 {p99:.0f} max {took[-1]:.0f} ms, {statistics.mean(took):.0f} on average; the first view "
            f"{first:.0f} ms; CPU {each:.0f} ms a page, and {100 * idle:.1f} % of a core to read ahead; "
            f"load {os.getloadavg()[0]:.1f}"
        )


class _running(AbstractContextManager["subprocess.Popen[bytes]"]):
    """Runs the server as a process during the block."""

    def __init__(self, command: list[str], port: int) -> None:
        self._process = subprocess.Popen(command)
        until(lambda: pages.answers(port), "the server listens")

    def __enter__(self) -> "subprocess.Popen[bytes]":
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)


def asked(port: int, paths: Sequence[str], every: float) -> list[float]:
    """Milliseconds of each page from when it was due; one page is due every `every` seconds."""
    line, took, begin = http.client.HTTPConnection("127.0.0.1", port, timeout=60), [], time.perf_counter()
    for number, path in enumerate(paths):
        due = begin + number * every
        time.sleep(max(0.0, due - time.perf_counter()))
        line.request("GET", path)
        answer = line.getresponse()
        body = answer.read()
        took.append(1000 * (time.perf_counter() - due))
        assert answer.status == 200, (path, body[:200])
    line.close()
    return took


def worked(pid: int) -> float:
    """Seconds of CPU time that a process has used (Linux)."""
    rest = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(rest[11]) + int(rest[12])) / os.sysconf("SC_CLK_TCK")  # proc(5): utime, stime


if __name__ == "__main__":
    main()
