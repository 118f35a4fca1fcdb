"""A year of a whole pilot in a store, for other benchmarks.

Fourteen communities with ten nodes each report every ten minutes for a year (7.4 million messages, invented
here: only their number and shape matter); villages are as in the pilot file. The store also holds what the
gateway writes: its books every five minutes, indicators every hour, a row per device and day.

pilot_of_ten ─► readings, paperwork ─► influx (the engine behind nginx) or sqlite: filled once, and kept
"""

import math
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from itertools import chain
from pathlib import Path

from benchmarks.stores.store import address, engine, fill, opened
from devices.clock import DAY_MS, MINUTE_MS, now_ms
from devices.contract.models import DIARY, MODELS
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import Pilot, load
from gateway.clerk.clerk import Clerk
from gateway.clerk.indicators import COUNTED_MS
from gateway.control.alarms.rules import SLOT_MS
from gateway.indicators.hourly import roll
from gateway.ingest.message import Books
from gateway.stores.points import Point, Value, device_tags, tags
from gateway.stores.store import Store
from tests import servers

INTERVAL = 10 * MINUTE_MS  # between two readings of a node
# the models of a community's ten nodes
WIDE = ("weather-station", "soil-probe", "soil-probe", "soil-probe", "soil-probe", "nutrient-probe",
        "canal-gauge", "pest-trap", "pump-controller", "pond-buoy")  # fmt: skip


def pilot_of_ten() -> Pilot:
    """The default pilot, with everybody there from the beginning and ten nodes per community."""
    pilot = load("dong-thap")
    fleet = {model: WIDE.count(model) for model in dict.fromkeys(WIDE)}
    begun = {"joined": date(2021, 1, 1)}
    communities = tuple(c.model_copy(update={**begun, "fleet": fleet}) for c in pilot.communities)
    villages = tuple(v.model_copy(update=begun) for v in pilot.villages)
    return pilot.changed(communities=communities, villages=villages)


@contextmanager
def influx(keep: Path, days: int) -> Iterator[tuple[servers.Influx, str, int]]:
    """Run an engine on the folder `keep`; yields it, its bucket, and the bucket's last epoch ms."""
    with engine(keep) as (server, bucket):
        yield server, bucket, _filled(opened(*address(server, bucket)), keep / f"filled-{days}", days)


def sqlite(keep: Path, days: int) -> tuple[str, int]:
    """The filled SQLite file in the folder `keep`, and its last epoch ms."""
    path = keep / f"year-{days}.sqlite"
    return str(path), _filled(opened(str(path)), keep / f"filled-sqlite-{days}", days)


def _filled(store: Store, until: Path, days: int) -> int:
    """Fill the store, unless that is done, and close it; returns its last epoch ms, kept in file `until`."""
    with closing(store):
        if until.exists():
            return int(until.read_text())
        pilot, now, began = pilot_of_ten(), now_ms(), time.monotonic()
        start = now - days * DAY_MS
        number = fill(store, chain(readings(pilot, start, now), paperwork(pilot, start, now)),
                      lambda points: print(f"  {points:,} points", file=sys.stderr))  # fmt: skip
        print(f"{number:,} points of {days} days in {time.monotonic() - began:.0f} s")
        roll(store, pilot, start, now)
        books = Books(received=0, stored=0, duplicate=0, quarantined=0, spooled=0, forgotten=0, oldest=None)
        clerk = Clerk(store, pilot, "gateway-1", lambda: books, lambda: list(pilot.fleet.values()), list)
        for name, work in (("indicators, roster and devices", clerk.indicators), ("hours", clerk.hours)):
            began = time.monotonic()
            work.write(now)
            print(f"{name} written in {time.monotonic() - began:.2f} s")
        until.write_text(str(now))
        return now


def readings(pilot: Pilot, start: int, stop: int) -> Iterator[Point]:
    """The readings of every node: a daily wave inside each signal's range."""
    for number, device in enumerate(one for one in pilot.fleet.values() if one.model != DIARY):
        head = device_tags(device)
        signals = [SIGNALS[name] for name in MODELS[device.model].signals]
        waves = []
        for step in range(DAY_MS // INTERVAL):
            share = 0.5 + 0.2 * math.sin(2 * math.pi * step / (DAY_MS // INTERVAL) + number)
            waves.append({s.id: round(s.low + share * (s.high - s.low), 2) for s in signals})
        for turn, at in enumerate(range(start + number * 997, stop, INTERVAL)):
            yield Point("telemetry", head, waves[turn % len(waves)], at)


def paperwork(pilot: Pilot, start: int, stop: int) -> Iterator[Point]:
    """What clerk and sealer wrote in that time."""
    books = {"received": 0, "stored": 0, "duplicate": 0, "quarantined": 0, "spooled": 0, "forgotten": 0,
             "lag_ms": 5, "spool_bytes": 10_000, "missing": 0, "broker_dropped": 0}  # fmt: skip
    for turn, at in enumerate(range(start // SLOT_MS * SLOT_MS, stop, SLOT_MS)):
        now = {"received": 70 * turn, "stored": 70 * turn, "arrived": 70, "kept": 70}
        yield Point("gateway", tags(instance="gateway-1"), books | now, at)
    for at in range(start // COUNTED_MS * COUNTED_MS, stop, COUNTED_MS):
        for indicator, value in (
            ("iot_communities", 8.0),
            ("smart_villages", 8.0),
            ("traceability_share", 0.2),
        ):
            yield Point(
                "kpi", tags(pilot=pilot.pilot, indicator=indicator),
                {"value": value, "target": 14.0, "gap": value - 14, "value_real": 0.0,
                 "value_simulated": value, "path": 8.0, "course": 0.0}, at,
            )  # fmt: skip
    for at in range(start, stop, DAY_MS):
        for device in (one for one in pilot.fleet.values() if one.model != DIARY):
            where = tags(pilot=pilot.pilot, community=device.community, device=device.device)
            yield Point("device", where, {"coverage": 0.97, "last_seen": at, "battery_voltage": 3.9}, at)
        for place in pilot.communities:
            where = tags(pilot=pilot.pilot, community=place.id, product="p")
            lot: dict[str, Value] = {"quantity": 850.0, "coverage": 0.9, "verified": True, "simulated": True,
                                     "lot": f"L{at}"}  # fmt: skip
            yield Point("lot", where, lot, at + DAY_MS // 3)
