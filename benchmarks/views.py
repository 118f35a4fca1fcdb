"""How long the overview and the page of a place take with a year of a whole pilot in the store.

    python benchmarks/views.py [--days 365] [--seconds 60] [--rate 10] [--keep FOLDER]

A separate server (`--serve`), first over SQLite and then over the InfluxDB engine behind nginx, gets requests
over loopback at fixed times, whether or not it has answered earlier ones, for the overview and then for each
place in turn. The time of a page counts from when its request was due, on one connection, without what a
browser needs to draw it. The CPU time is that of the server, reading ahead included, without the engine's.
With --keep the filled stores stay in FOLDER, and the next run uses them again.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.command import parser_of, run
from benchmarks.peers.processes import cpu
from benchmarks.stores import year
from benchmarks.stores.store import address, opened
from benchmarks.web.client import one_by_one, paced, percentile
from benchmarks.web.lots import sealed
from benchmarks.web.server import running
from benchmarks.web.site import show
from devices.pilots.pilot import load
from devices.settings import Settings

LOTS = 200  # sealed ones, of which the pages tell


def main() -> None:
    parser = parser_of(__doc__)
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
        sealed(lots / "trace", LOTS)
        path, now = year.sqlite(keep, options.days)
        measured("SQLite", options, lots, now, path)
        with year.influx(keep, options.days) as (server, bucket, now):
            measured("InfluxDB", options, lots, now, *address(server, bucket))


def serve(port: str, lots: str, now: str, *where: str) -> None:
    """Serve the pages over a store, at the time of its last reading, until the process is ended."""
    # the pages load the pilot by its name; the store's pilot differs from it only in dates and fleets
    show(Settings(data=Path(lots)), opened(*where), int(port), int(now))


def measured(name: str, options: argparse.Namespace, lots: Path, now: int, *where: str) -> None:
    """Print how long the pages took over one store."""
    places = [f"/place/{place}" for place in load("dong-thap").place]
    quarter = options.seconds / 4
    for paths in (["/"], places):
        with running(__file__, lots, now, *where) as server:
            (first,) = one_by_one(server.port, paths[:1])
            time.sleep(quarter)  # the server has read ahead
            before = cpu(server.pid)
            time.sleep(quarter)
            idle = (cpu(server.pid) - before) / quarter
            before, number = cpu(server.pid), round(options.rate * options.seconds)
            took = paced(server.port, [paths[n % len(paths)] for n in range(number)], 1 / options.rate)
            each = 1000 * ((cpu(server.pid) - before) / number - idle / options.rate)
        p50, p95, p99 = (percentile(took, percent) for percent in (50, 95, 99))
        print(
            f"{name:<9} {'overview' if paths == ['/'] else 'places':<9} p50 {p50:.0f} p95 {p95:.0f} "
            f"p99 {p99:.0f} max {max(took):.0f} ms, {statistics.mean(took):.0f} on average; the first view "
            f"{first:.0f} ms; CPU {each:.0f} ms a page, and {100 * idle:.1f} % of a core to read ahead; "
            f"load {os.getloadavg()[0]:.1f}"
        )


if __name__ == "__main__":
    run(main)
