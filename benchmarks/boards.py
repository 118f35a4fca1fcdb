"""How long a board's queries take with a year of a whole pilot in the store (`benchmarks/stores/year.py`).

    python benchmarks/boards.py [--days 365] [--runs 3] [--keep FOLDER] [--devices 14000] [--near 10]

The benchmark sends every query of each board to the InfluxDB engine (behind nginx), one after the other, so
the engine limits the figure; Grafana sends several at a time, and the browser draws. A board's time is the
median of --runs, a query's its slowest run. With --keep the filled engine stays in FOLDER, and the next run
uses it again. With --devices the store holds not the pilot but a month of an invented province with that many
devices (`benchmarks/stores/province.py`; growth.py shares its FOLDER), each of which sent a reading every
--near minutes of the last day. A board that takes longer than 3 s is marked as slow.
"""

import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.command import parser_of, run
from benchmarks.stores import year
from benchmarks.stores.province import filled, pilot_of, written
from benchmarks.stores.store import address, engine, opened
from dashboards.boards.build import BOARDS
from dashboards.boards.frame import EVERYWHERE
from devices.clock import HOUR_MS, MINUTE_MS, now_ms
from gateway.stores.points import Point, tags
from gateway.stores.store import Store
from tests import servers
from tests.dashboards.filled import Board, Series, ask

MONTH = 30  # days of a province in the store
SLOW = 3.0  # seconds that a board may take
SHOWN = 3  # of the slowest queries, this many are printed
# (upper limit in hours per point, the interval that Grafana takes below it)
STEPS = ((0.75, "30m"), (1.5, "1h"), (2.5, "2h"), (4.5, "3h"), (9, "6h"), (24, "12h"))


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--days", type=int, default=365, help="days of readings in the store (365)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each board (3)")
    parser.add_argument(
        "--keep",
        type=Path,
        help="fill the InfluxDB engine in this folder once, and use it again in the next run",
    )
    parser.add_argument(
        "--devices",
        type=int,
        help="measure an invented province with this many devices (without it: the default pilot's 140)",
    )
    parser.add_argument(
        "--near",
        type=int,
        default=30,
        help="with --devices: minutes between a device's readings of the last day (30)",
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keep = options.keep or Path(folder)
        if options.devices:
            of_province(options.devices, keep / f"influx-{options.devices}", options.runs, options.near)
            return
        with year.influx(keep, options.days) as (server, bucket, now):
            for days in (30, options.days):
                for name in BOARDS:
                    took = measured(server, bucket, name, now, days, options.runs)
                    print(f"{name:<12} {days:>4} d  {took}")


def of_province(size: int, folder: Path, runs: int, near: int) -> None:
    """Print how long the boards take over a month of a province.

    Each of its nodes sent a reading every `near` minutes of the last day.
    """
    province = pilot_of(size)
    with engine(folder) as (server, bucket):
        with closing(opened(*address(server, bucket))) as store:
            now = filled(store, province, folder, MONTH, 3, near * MINUTE_MS)
            written(store, province, now, folder)
            alarms_of_now(store)
        for name in BOARDS:
            took = measured(server, bucket, name, now, MONTH, runs, place=province.communities[0].id)
            print(f"{name:<12} {MONTH:>4} d  {took}", flush=True)


def alarms_of_now(store: Store) -> None:
    """Move the alarms of a store filled earlier to the current hour, the only one that boards query."""
    hour, points = now_ms() // HOUR_MS * HOUR_MS, []
    for one in store.latest("alarm_now", {}, 0):
        fields = {name: value for name, (_, value) in one.fields.items()}
        points.append(Point("alarm_now", tags(**one.tags), fields, hour))
    store.write(points)


def measured(
    server: servers.Influx, bucket: str, name: str, now: int, days: int, runs: int, place: str = ""
) -> str:
    """The median time of all queries of a board, its variables' included, the engine's CPU time, and the
    slowest queries. `place`, if given, is the place that a board of one place shows.
    """
    board = Board(name)
    if place and board.default["community"] != EVERYWHERE:
        board.default["community"] = place
    totals, works, each = [], [], dict[str, float]()
    took: dict[str, float] = {}

    def timed(called: str, query: str) -> list[Series]:
        began = time.monotonic()
        found = ask(server, bucket, query)
        took[called] = took.get(called, 0.0) + time.monotonic() - began
        return found

    for _ in range(runs):
        took, before = {}, server.worked()
        places = board.all_found(lambda query: timed("variables", query), now, days)
        for panel in board.panels:
            for target in panel.get("targets", ()):
                query = board.sent(target["query"], now, days, step=step(panel, days), **places)
                timed(f"{panel['id']}{target['refId']}", query)
        totals.append(sum(took.values()))
        works.append(server.worked() - before)
        each = {one: max(seconds, each.get(one, 0.0)) for one, seconds in took.items()}
    slowest = sorted(each, key=lambda one: -each[one])[:SHOWN]
    cost = f"{statistics.median(totals):6.2f} s for {len(took)} queries, the engine's CPU"
    slow = " < slow" if statistics.median(totals) > SLOW else ""
    worst = ", ".join(f"{one} {each[one]:.2f} s" for one in slowest)
    return f"{cost} {statistics.median(works):5.2f} s; slowest {worst}{slow}"


def step(panel: dict[str, Any], days: int) -> str:
    """The interval that Grafana chooses: the range by the panel's points (or some 700 px), rounded."""
    wanted = days * 24 / panel.get("maxDataPoints", 700)  # hours
    return next((name for below, name in STEPS if wanted < below), "1d")


if __name__ == "__main__":
    run(main)
