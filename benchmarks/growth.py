"""What grows with a province: `python benchmarks/growth.py [--sizes 140,1400,14000] [--store sqlite,influx]`.

    provinces of 140, 1,400 and 14,000 devices (14, 140, 1,400 communities of ten; villages beside them)
    ─► a month in the store ─► each recurring job, enrolment, registry, pages, a gateway's memory

The pilots are invented: they repeat the default pilot's places under other ids. The store holds a reading
every --interval hours of the month, and every half hour of the last day. Each job runs for --hours, as often
as in a gateway, and the mean of its runs after the first counts: what is read once an hour is in it, and so
is the engine's garbage, which a large store has in each run and a small one in every tenth. Nodes go on
sending meanwhile. For the registry the median counts. For pages the 95 % quantile of all requests counts;
they come a quarter of a second apart, while the server also reads ahead.
A page's first view is the first request to a server that has just started, a moment after an earlier run.
What an earlier run left behind is missing at the first start ever, of which the overview and places are
measured. Costs of jobs are per device: a cost that grows no faster than the number of devices is equal or
smaller in the next column. The last column is the largest ratio of neighbouring columns. Times depend on
this machine and its other load. `benchmarks/boards.py --devices 14000` measures the boards and shares the
folder of stores.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from contextlib import ExitStack, closing
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch
from urllib.error import HTTPError
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.command import parser_of, run, several
from benchmarks.stores.province import (
    NEAR_MS,
    TEN,
    carried_on,
    filled,
    no_ledger,
    pilot_of,
    progress,
    written,
)
from benchmarks.stores.store import address, engine, opened
from benchmarks.web.client import one_by_one, percentile
from benchmarks.web.server import running
from benchmarks.web.site import show
from devices.access.mosquitto import write_passwords
from devices.access.registry import Registry, Wanted
from devices.clock import HOUR_MS, now_ms
from devices.contract.models import DIARY
from devices.contract.reading import Device
from devices.credentials import hash_password
from devices.pilots.pilot import Pilot
from devices.processes import spare_the_collector
from devices.settings import Settings
from gateway.clerk.clerk import INDICATORS_EVERY
from gateway.clerk.hours import HourSheet
from gateway.clerk.indicators import IndicatorSheet
from gateway.control import advisor as advisors
from gateway.control.advisor import Advisor
from gateway.control.alarms import watch as watches
from gateway.control.alarms.watch import Watch
from gateway.ingest.checks import Checker
from gateway.ingest.decode import Decoder
from gateway.stores.store import Store
from tests.gateway import weight
from tests.servers import until

STORES = ("sqlite", "influx")
PARTS = ("jobs", "registry", "memory", "pages")  # what is measured
LIMIT = 1.3  # the most that a cost per device may grow when the devices grow tenfold
SLOW_MS = 200  # the most that the 95 % quantile of a page may be, in ms
ROUNDS = 24  # runs of each job of the registry: a run takes milliseconds
LAST_MS = 1000  # nodes send within the second
PAGES = 40  # requests for each kind of page
SAMPLE, TURNS = 1400, 12  # devices whose memory is measured, and messages that each has sent
CLOCKLESS, OFTEN = 50, 600  # the same without a clock: messages are told apart by number
SETTLE = 6.0  # seconds until a server has read ahead
PAUSE = 0.25  # seconds between two requests for a kind of page
PATHS = {
    "overview": "/",
    "health": "/healthz",
    "open data: indicators": "/api/v1/indicators",
    "open data: communities": "/api/v1/communities",
    "open data: devices": "/api/v1/devices",
}


class Cost(NamedTuple):
    """A cost in seconds or bytes. `each`: the number of devices that share it, 0 if it is not per device."""

    amount: float
    unit: str
    each: int


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument(
        "--sizes", default="140,1400,14000", help="numbers of devices to compare (140,1400,14000)"
    )
    parser.add_argument(
        "--store", type=several(STORES), default="sqlite", help="stores to measure, of sqlite,influx (sqlite)"
    )
    parser.add_argument("--days", type=int, default=30, help="days of readings in the store (30)")
    parser.add_argument(
        "--interval", type=float, default=3, help="hours between two readings of a device (3)"
    )
    parser.add_argument("--hours", type=float, default=1, help="hours that each job runs for (1)")
    parser.add_argument(
        "--only",
        type=several(PARTS),
        default=",".join(PARTS),
        help="what to measure, of jobs,registry,memory,pages (all)",
    )
    parser.add_argument(
        "--keep", type=Path, help="fill the stores in this folder once, and use them again in the next run"
    )
    parser.add_argument("--serve", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(*options.serve)
        return
    sizes = [int(size) for size in options.sizes.split(",")]
    for kind in options.store:
        with ExitStack() as stack:
            keep = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            columns = {size: costs_of(kind, size, keep / f"{kind}-{size}", options) for size in sizes}
            show_costs(kind, columns)


def show_costs(kind: str, columns: dict[int, dict[str, Cost]]) -> None:
    """Print a row per cost, a column per size, and how the cost per device grows."""
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    head = "".join(f"{size:>14,}" for size in columns)
    print(f"\n{kind:34}{head}   growth a tenfold")
    for name in names:
        costs = [column.get(name) for column in columns.values()]
        cells = "".join(f"{_shown(cost):>14}" for cost in costs)
        amounts = [cost.amount / (cost.each or 1) for cost in costs if cost is not None]
        pairs = [later / max(before, 1e-12) for before, later in pairwise(amounts)]
        counted = costs[0] is not None and costs[0].each
        over = " <" if pairs and counted and max(pairs) > LIMIT else ""
        if not counted and any(cost and cost.unit == "s" and 1000 * cost.amount > SLOW_MS for cost in costs):
            over = " < slow"
        print(f"  {name:32}{cells}   {max(pairs, default=1):8.2f}{over}")
    sys.stdout.flush()


def _shown(cost: Cost | None) -> str:
    if cost is None:
        return "-"
    if cost.unit == "B":
        return f"{cost.amount / (cost.each or 1):,.0f} B"
    if cost.each:
        return f"{1e6 * cost.amount / cost.each:,.1f} µs"
    return f"{1000 * cost.amount:,.1f} ms"


def costs_of(kind: str, size: int, folder: Path, options: argparse.Namespace) -> dict[str, Cost]:
    """All costs of one size with one store."""
    folder.mkdir(parents=True, exist_ok=True)
    only, costs = options.only, dict[str, Cost]()
    province = pilot_of(size)
    with ExitStack() as stack:
        if {"jobs", "pages"}.intersection(only):
            where, worked = [str(folder / "store.sqlite")], time.process_time
            if kind == "influx":
                server, bucket = stack.enter_context(engine(folder))
                where, worked = address(server, bucket), lambda: time.process_time() + server.worked()
            store = stack.enter_context(closing(opened(*where)))
            now = filled(store, province, folder, options.days, options.interval)
            if "jobs" in only:
                costs |= job_costs(store, province, size, now, folder, worked, round(options.hours * HOUR_MS))
                now = filled(store, province, folder, options.days, options.interval)  # the jobs' hours later
            if "pages" in only:
                written(store, province, now, folder)
                costs |= page_costs(province, size, now, folder, where)
    if "registry" in only:
        costs |= registry_costs(province, size, folder)
    if "memory" in only:
        costs |= memory_costs(province, size)
    return costs


# -- recurring jobs -----------------------------------------------------------------------------
def job_costs(
    store: Store, province: Pilot, size: int, now: int, folder: Path, worked: Callable[[], float], span: int
) -> dict[str, Cost]:
    """The cost of each recurring job, one after the other: run as often as in a gateway for `span` ms, the
    first from epoch ms `now` on, while the nodes go on sending. `worked`: CPU seconds, the engine's included.
    """
    spare_the_collector()  # as a gateway does; else the collector's passes are most of the growth
    sheet = IndicatorSheet(store, province, lambda: list(province.fleet.values()), list)
    hours = HourSheet(store, province)
    watch = Watch(store, province, folder / "alarms", devices=lambda: list(province.fleet.values()))
    advisor = Advisor(store, province, lambda: list(province.fleet.values()), folder, no_ledger, None)
    works: dict[str, tuple[Callable[[int], object], float]] = {  # and the seconds between two runs
        "indicators, roster, standing": (sheet.write, INDICATORS_EVERY),
        "hours": (hours.write, INDICATORS_EVERY),
        "alarms": (watch.look, watches.EVERY),
        "advice": (advisor.look, advisors.EVERY),
    }
    costs = {}
    for name, (work, every) in works.items():
        begun, took, step = time.monotonic(), list[float](), round(1000 * every)
        for heard in carried_on(store, province, folder, now, span):
            for at in range(heard, min(heard + NEAR_MS, now + span + 1), step):
                before = worked()
                work(at + LAST_MS)
                took.append(worked() - before)
        now += span
        costs[f"{name}, first"] = Cost(took[0], "s", size)
        costs[name] = Cost(statistics.mean(took[1:]), "s", size)
        progress(size, name, begun)
    return costs


# -- registry -----------------------------------------------------------------------------------
def registry_costs(province: Pilot, size: int, folder: Path) -> dict[str, Cost]:
    """The cost of one more device beside `size` enrolled ones: the registry, the broker's files, and the
    reload of the registry by another process.
    """
    begun = time.monotonic()
    path = folder / "registry.sqlite"
    path.unlink(missing_ok=True)
    registry, other = Registry(path, province), Registry(path, province)
    place = province.communities[0].id
    # one hash for all, so that thousands enrol quickly: hashing a password does not grow with a province
    hashed = hash_password("once")
    with patch("devices.access.registry.hash_password", lambda _: hashed):
        registry.enroll_many([Wanted(place, "soil-probe", f"real-{number}") for number in range(size)])
    progress(size, "enrolled", begun)
    other.refresh()
    costs = {}
    took: dict[str, list[float]] = {"enrolment": [], "broker's accounts": [], "registry read again": []}
    passwords = folder / "passwords"
    write_passwords(passwords, registry, "gateway", "secret")
    for number in range(ROUNDS):
        for name, work in (
            ("enrolment", lambda n=number: registry.enroll(place, "soil-probe", f"one-more-{n}")),
            ("broker's accounts", lambda: write_passwords(passwords, registry, "gateway", "secret")),
            ("registry read again", other.refresh),
        ):
            before = time.process_time()
            work()
            took[name].append(time.process_time() - before)
    for name, some in took.items():
        costs[name] = Cost(statistics.median(some), "s", 0)
    progress(size, "registry", begun)
    return costs


# -- a gateway's memory -------------------------------------------------------------------------
def memory_costs(province: Pilot, size: int) -> dict[str, Cost]:
    """Bytes that decoder and checker keep for devices that have sent some messages, and the length of that
    state as text; the bytes also for devices without a clock that have sent many.
    """
    begun = time.monotonic()
    fleet = [one for one in province.fleet.values() if one.model != DIARY][:SAMPLE]
    _memory(province, fleet[:TEN], TURNS, dated=True)  # load what is shared by all devices
    bytes_, length = _memory(province, fleet, TURNS, dated=True)
    clockless, _ = _memory(province, fleet[:CLOCKLESS], OFTEN, dated=False)
    progress(size, "what a gateway remembers", begun)
    return {
        "remembered in a gateway": Cost(bytes_, "B", len(fleet)),
        "the same without a clock": Cost(clockless, "B", min(CLOCKLESS, len(fleet))),
        "remembered in the spool": Cost(length, "B", 1),
    }


def _memory(province: Pilot, fleet: list[Device], turns: int, *, dated: bool) -> tuple[int, float]:
    """State of these devices after `turns` messages each: total bytes, and its mean length as text."""
    start = now_ms() - HOUR_MS
    more = weight.dated(start) if dated else weight.clockless
    tracemalloc.start()
    try:
        return weight.kept(
            Decoder(province, province.fleet.get), Checker(province), fleet, turns, start, more
        )
    finally:
        tracemalloc.stop()


def page_costs(province: Pilot, size: int, now: int, folder: Path, where: list[str]) -> dict[str, Cost]:
    """The first view of each kind of page and the 95 % quantile of later requests, each from a new server:
    the first one starts without a file of an earlier run, the others a moment after it.
    """
    begun, costs = time.monotonic(), dict[str, Cost]()
    some = list(province.place)[:: max(1, len(province.place) // PAGES)]
    groups = {name: [path] * PAGES for name, path in PATHS.items()}
    groups["places"] = [f"/place/{place}" for place in some]
    shutil.rmtree(folder / "data" / "web", ignore_errors=True)
    with running(__file__, size, folder, now, *where) as (port, _):
        costs["overview, first view ever"] = _first_view(port, "/")
        costs["places, at the first start ever"] = _p95(port, groups["places"])
        _first_view(port, PATHS["open data: devices"])  # the server has read everything once
    progress(size, "first start ever", begun)
    for name, paths in groups.items():
        later = now + round(1000 * (time.monotonic() - begun))
        with running(__file__, size, folder, later, *where) as (port, _):
            costs[f"{name}, first view"] = _first_view(port, paths[0])
            time.sleep(SETTLE)  # the server has read ahead
            costs[name] = _p95(port, paths)
        progress(size, name, begun)
    return costs


def _p95(port: int, paths: list[str]) -> Cost:
    """The 95 % quantile of the times of these pages."""
    took = []
    for path in paths:
        took += one_by_one(port, [path])
        time.sleep(PAUSE)
    return Cost(percentile(took, 95) / 1000, "s", 0)


def _first_view(port: int, path: str) -> Cost:
    """The time until a page is there. After ten seconds the server answers 503: then ask again."""
    asked_at = time.monotonic()
    until(lambda: _there(port, path), f"{path} is there", 120)
    return Cost(time.monotonic() - asked_at, "s", 0)


def _there(port: int, path: str) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return bool(answer.status == 200)
    except HTTPError:
        return False


def serve(port: str, size: str, folder: str, now: str, *where: str) -> None:
    """Serve the pages over a store, at the time of its last reading, until the process is ended."""
    settings = Settings(data=Path(folder) / "data")
    # sets a cached property, because this pilot has no file
    settings.__dict__["loaded_pilot"] = pilot_of(int(size))
    show(settings, opened(*where), int(port), int(now))


if __name__ == "__main__":
    run(main)
