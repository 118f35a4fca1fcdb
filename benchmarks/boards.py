"""How long a board's queries take with a year of a whole pilot in the store (`benchmarks/year.py`).

    python benchmarks/boards.py [--days 365] [--runs 3] [--keep FOLDER] [--devices 14000]

Every query of each board is sent to the InfluxDB engine (behind nginx) one after the other. With --keep the
filled engine stays in FOLDER, and the next run asks it again. `--devices`: not the pilot's, but a month of an
invented province of so many (`benchmarks/province.py`; growth.py shares its FOLDER). A board is open within
3 s, or marked as slow.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import year
from benchmarks.province import filled, opened_store, pilot_of, written
from dashboards.boards.build import BOARDS
from tests import servers
from tests.dashboards.filled import Board, ask

MONTH = 30  # days of a province
SLOW = 3.0  # seconds that a board may take
STEPS = ((0.75, "30m"), (1.5, "1h"), (2.5, "2h"), (4.5, "3h"), (9, "6h"), (24, "12h"))  # Grafana's, in hours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="folder of an engine that is filled once and stays")
    parser.add_argument("--devices", type=int, help="of an invented province (the default pilot's 140)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keep = options.keep or Path(folder)
        if options.devices:
            of_province(options.devices, keep / f"influx-{options.devices}", options.runs)
            return
        with year.influx(keep, options.days) as (server, bucket, filled):
            for days in (30, options.days):
                for name in BOARDS:
                    took = seconds(server, bucket, name, filled.now, days, options.runs)
                    print(f"{name:<12} {days:>4} d  {took}")


def of_province(size: int, folder: Path, runs: int) -> None:
    """Print what the boards take over a month of a province."""
    folder.mkdir(parents=True, exist_ok=True)
    server, province = servers.Influx(folder), pilot_of(size)
    server.start()
    try:
        bucket = server.bucket()
        store = opened_store(server.url, server.token, server.org, bucket)
        now = filled(store, province, folder, MONTH, 3)
        written(store, province, now, folder)
        store.close()
        for name in BOARDS:
            print(f"{name:<12} {MONTH:>4} d  {seconds(server, bucket, name, now, MONTH, runs)}", flush=True)
    finally:
        server.stop()


def seconds(server: servers.Influx, bucket: str, name: str, now: int, days: int, runs: int) -> str:
    """The median time of all queries of a board, the engine's own in it, and the slowest query."""
    board = Board(name)
    queries = [
        (f"{panel['id']}{target['refId']}", board.sent(target["query"], now, days, step=step(panel, days)))
        for panel in board.panels
        for target in panel.get("targets", ())
    ]
    totals, works, each = [], [], {}
    for _ in range(runs):
        total, before = 0.0, server.worked()
        for query_name, query in queries:
            began = time.monotonic()
            ask(server, bucket, query)
            took = time.monotonic() - began
            each[query_name] = max(each.get(query_name, 0.0), took)
            total += took
        totals.append(total)
        works.append(server.worked() - before)
    slowest = max(each, key=lambda one: each[one])
    cost = f"{statistics.median(totals):6.2f} s for {len(queries)} queries, the engine's CPU"
    slow = " < slow" if statistics.median(totals) > SLOW else ""
    return f"{cost} {statistics.median(works):5.2f} s; slowest {slowest} {each[slowest]:.2f} s{slow}"


def step(panel: dict[str, Any], days: int) -> str:
    """What Grafana chooses: the range by the panel's points (or its width, some 700 px), rounded."""
    wanted = days * 24 / panel.get("maxDataPoints", 700)  # hours
    return next((name for below, name in STEPS if wanted < below), "1d")


if __name__ == "__main__":
    main()
