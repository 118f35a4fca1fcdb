"""How long a board's queries take, and the overview, with a year of a whole pilot in the store.

    python benchmarks/boards.py [--days 365] [--runs 3] [--keep FOLDER]

Fourteen communities with ten nodes each report every ten minutes for a year (7.4 million messages, invented
here: only their number and shape matter), villages as the pilot file has them; beside them what the gateway
writes: books of every five minutes, indicators of every hour, devices by the day. Then every query of each
board is sent to the InfluxDB engine (behind nginx) one after the other, and the overview is asked for in this
process. With --keep the filled engine stays in FOLDER, and the next run asks it again.
"""

import argparse
import gzip
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from fastapi.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parents[1]))

from dashboards.boards.build import BOARDS
from dashboards.pages.check import Verdict
from dashboards.site import opened, site
from devices.clock import now_ms
from devices.contract.models import MODELS
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import Pilot, load
from devices.settings import Settings
from gateway.clerk.books import SLOT_MS
from gateway.clerk.clerk import Clerk
from gateway.clerk.indicators import COUNTED_MS
from gateway.indicators.hourly import roll
from gateway.ingest.message import Books
from gateway.stores.influx import InfluxStore, line
from gateway.stores.points import Point, device_tags, tags
from tests import servers
from tests.dashboards.filled import DAY, Board, ask

STEPS = ((0.75, "30m"), (1.5, "1h"), (2.5, "2h"), (4.5, "3h"), (9, "6h"), (24, "12h"))  # Grafana's, in hours
INTERVAL = 600_000
LINES = 5000
WIDE = ("weather-station", "soil-probe", "soil-probe", "soil-probe", "soil-probe", "nutrient-probe",
        "canal-gauge", "pest-trap", "pump-controller", "pond-buoy")  # fmt: skip


def pilot_of_ten() -> Pilot:
    """The default pilot, with everybody there from the beginning and ten nodes a community."""
    pilot = load("dong-thap")
    fleet = {model: WIDE.count(model) for model in dict.fromkeys(WIDE)}
    begun = {"joined": date(2021, 1, 1)}
    communities = tuple(c.model_copy(update={**begun, "fleet": fleet}) for c in pilot.communities)
    villages = tuple(v.model_copy(update=begun) for v in pilot.villages)
    fields = {name: getattr(pilot, name) for name in Pilot.model_fields}
    return Pilot(**{**fields, "communities": communities, "villages": villages})


def readings(pilot: Pilot, start: int, stop: int) -> Iterator[str]:
    """Line protocol of every node: a daily wave inside each signal's range."""
    for number, device in enumerate(one for one in pilot.fleet.values() if one.model != "diary"):
        head = ",".join(["telemetry", *(f"{key}={value}" for key, value in device_tags(device))])
        signals = [SIGNALS[name] for name in MODELS[device.model].signals]
        waves = []
        for step in range(DAY // INTERVAL):
            share = 0.5 + 0.2 * math.sin(2 * math.pi * step / (DAY // INTERVAL) + number)
            waves.append(",".join(f"{s.id}={round(s.low + share * (s.high - s.low), 2)}" for s in signals))
        for turn, at in enumerate(range(start + number * 997, stop, INTERVAL)):
            yield f"{head} {waves[turn % len(waves)]} {at}"


def paperwork(pilot: Pilot, start: int, stop: int) -> Iterator[str]:
    """What clerk and sealer have written meanwhile."""
    books = {"received": 0, "stored": 0, "duplicate": 0, "quarantined": 0, "spooled": 0, "forgotten": 0,
             "lag_ms": 5, "spool_bytes": 10_000, "missing": 0, "broker_dropped": 0}  # fmt: skip
    for turn, at in enumerate(range(start // SLOT_MS * SLOT_MS, stop, SLOT_MS)):
        now = {"received": 70 * turn, "stored": 70 * turn, "arrived": 70, "kept": 70}
        yield line(Point("gateway", tags(instance="gateway-1"), books | now, at))
    for at in range(start // COUNTED_MS * COUNTED_MS, stop, COUNTED_MS):
        for indicator, value in (
            ("iot_communities", 8.0),
            ("smart_villages", 8.0),
            ("traceability_share", 0.2),
        ):
            fields = {"value": value, "target": 14.0, "gap": value - 14, "value_real": 0.0,
                      "value_simulated": value, "path": 8.0}  # fmt: skip
            yield line(Point("kpi", tags(pilot=pilot.pilot, indicator=indicator), fields, at))
    for at in range(start, stop, DAY):
        for device in (one for one in pilot.fleet.values() if one.model != "diary"):
            where = tags(pilot=pilot.pilot, community=device.community, device=device.device)
            yield line(
                Point("device", where, {"coverage": 0.97, "last_seen": at, "battery_voltage": 3.9}, at)
            )
        for place in pilot.communities:
            where = tags(pilot=pilot.pilot, community=place.id, product="p")
            lot = {"quantity": 850.0, "coverage": 0.9, "verified": True, "simulated": True, "lot": f"L{at}"}
            yield line(Point("lot", where, lot, at + DAY // 3))


def fill(server: servers.Influx, bucket: str, lines: Iterator[str]) -> int:
    """Write `lines` in batches; returns how many."""
    address = f"{server.url}/api/v2/write?org={server.org}&bucket={bucket}&precision=ms"
    headers = {"Authorization": f"Token {server.token}", "Content-Encoding": "gzip"}
    number = 0
    while batch := list(islice(lines, LINES)):
        body = gzip.compress("\n".join(batch).encode(), 1)
        urlopen(Request(address, body, headers), timeout=60).close()
        number += len(batch)
        if number % 500_000 == 0:
            print(f"  {number:,} points", file=sys.stderr)
    return number


@contextmanager
def engine(keep: Path | None) -> Iterator[servers.Influx]:
    """A new engine, or the one in the folder `keep`."""
    if keep is None:
        with servers.influx() as server:
            yield server
        return
    keep.mkdir(parents=True, exist_ok=True)
    server = servers.Influx(keep)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="folder of an engine that is filled once and stays")
    options = parser.parse_args()
    pilot = pilot_of_ten()
    with engine(options.keep) as server, tempfile.TemporaryDirectory() as folder:
        bucket = server.bucket()
        filled = server.folder / f"filled-{options.days}"  # holds until when
        now = int(filled.read_text()) if filled.exists() else now_ms()
        if not filled.exists():
            start = now - options.days * DAY
            began = time.monotonic()
            number = fill(server, bucket, readings(pilot, start, now))
            number += fill(server, bucket, paperwork(pilot, start, now))
            print(f"{number:,} points of {options.days} days in {time.monotonic() - began:.0f} s")
            filled.write_text(str(now))
        store = InfluxStore(server.url, server.token, server.org, bucket)
        books = Books(received=0, stored=0, duplicate=0, quarantined=0, spooled=0, forgotten=0, oldest=None)
        clerk = Clerk(store, pilot, "gateway-1", lambda: books, lambda: list(pilot.fleet.values()))
        began = time.monotonic()
        clerk.indicators.write(now)
        print(f"indicators, roster and devices written in {time.monotonic() - began:.2f} s")
        roll(store, pilot, now - options.days * DAY, now)
        began = time.monotonic()
        clerk.hours.write(now)
        print(f"hours written in {time.monotonic() - began:.2f} s")
        for days in (30, options.days):
            for name in BOARDS:
                print(f"{name:<12} {days:>4} d  {seconds(server, bucket, name, now, days, options.runs)}")
        # the pages read the pilot by its name; ours differs in dates and fleets alone
        pages = site(
            opened(Settings(data=Path(folder)), store, lambda _: []), lambda *_: Verdict(True, []), ()
        )
        took = []
        with TestClient(pages) as client:
            for _ in range(options.runs + 1):
                began = time.monotonic()
                assert client.get("/").status_code == 200
                took.append(1000 * (time.monotonic() - began))
        # how the targets stand is read each few seconds, in the background: the first of all waits for that
        print(f"overview: the first view {took[0]:.0f} ms, then {statistics.median(took[1:]):.0f} ms")
        store.close()


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
    return f"{cost} {statistics.median(works):5.2f} s; slowest {slowest} {each[slowest]:.2f} s"


def step(panel: dict[str, Any], days: int) -> str:
    """What Grafana chooses: the range by the panel's points (or its width, some 700 px), rounded."""
    wanted = days * 24 / panel.get("maxDataPoints", 700)  # hours
    return next((name for below, name in STEPS if wanted < below), "1d")


if __name__ == "__main__":
    main()
