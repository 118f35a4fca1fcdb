"""An invented province of any size, and a store full of a month of its nodes' readings.

the default pilot's places, repeated under other ids ─► pilot_of ─► readings, hours ─► filled ─► a store
                                                        what a gateway writes about them ─► written ─┘
"""

import sys
import time
from collections.abc import Iterator
from datetime import date
from functools import cache
from itertools import chain
from pathlib import Path
from typing import NoReturn

from benchmarks.stores import year
from benchmarks.stores.store import fill
from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS, day_of, midnight_of, now_ms
from devices.contract.models import DIARY, MODELS
from devices.contract.signals import SIGNALS
from devices.pilots.advice import Automatic
from devices.pilots.certificates import Records
from devices.pilots.pilot import Pilot, gtin_check_digit, load
from gateway.clerk.indicators import IndicatorSheet
from gateway.control.advisor import Advisor
from gateway.control.alarms.watch import Watch
from gateway.indicators.hourly import roll
from gateway.stores.points import Point, Value, device_tags, tags
from gateway.stores.store import Store

TEN = 10  # devices per community
VILLAGES = 28  # communities per village
DAYS = 30  # days for which a device has a row each
NEAR_MS = 30 * MINUTE_MS  # between two readings of the last day


def progress(size: int, what: str, begun: float) -> None:
    """Print a line of progress."""
    print(f"{size:>7,} devices: {what} ({time.monotonic() - begun:.1f} s)", file=sys.stderr, flush=True)


@cache
def pilot_of(size: int) -> Pilot:
    """A pilot of about `size` devices: the default pilot's communities and villages, repeated."""
    base = load("dong-thap")
    begun = date(2021, 1, 1)
    fleet = {model: year.WIDE.count(model) for model in dict.fromkeys(year.WIDE)}
    communities = []
    for number in range(max(1, size // TEN)):
        one = base.communities[number % len(base.communities)]
        products = tuple(
            product.model_copy(update={"gtin": _gtin(number, at)}) for at, product in enumerate(one.products)
        )
        communities.append(one.model_copy(update={
            "id": f"{one.id[:30]}-{number}", "fleet": fleet, "products": products, "joined": begun,
            **_somewhere(number),
        }))  # fmt: skip
    villages = [
        base.villages[number % len(base.villages)].model_copy(
            update={"id": f"village-{number}", "joined": begun, **_somewhere(-1 - number)}
        )
        for number in range(max(1, round(len(communities) / VILLAGES)))
    ]
    alarms = base.alarms
    if alarms is not None:
        # their other levels are of places that are not here
        everywhere = tuple(level for level in alarms.levels if not level.places)
        alarms = alarms.model_copy(update={"levels": everywhere})
    return base.changed(
        communities=tuple(communities), villages=tuple(villages), alarms=alarms, adopters=None,
        records=Records(), checks=(), advice=base.advice.model_copy(update={"automatic": Automatic()}),
    )  # fmt: skip


def _somewhere(number: int) -> dict[str, float]:
    """A place in the province, a different one for each number: multiples of two irrational numbers."""
    return {"lat": 10.1 + number * 0.6180339887 % 0.8, "lon": 105.2 + number * 0.7548776662 % 1.3}


def _gtin(number: int, at: int) -> str:
    body = f"0893{number:07}{at:02}"
    return body + gtin_check_digit(body)


def readings(province: Pilot, start: int, stop: int, interval: int) -> Iterator[Point]:
    """The readings of every node, oldest first: a steady value inside each signal's range."""
    heads = []
    for number, device in enumerate(one for one in province.fleet.values() if one.model != DIARY):
        signals = [SIGNALS[name] for name in MODELS[device.model].signals]
        rows = [
            {s.id: round(s.low + share * (s.high - s.low), 2) for s in signals} for share in (0.48, 0.5, 0.52)
        ]
        heads.append((device_tags(device), rows, number % 1000))
    for turn, at in enumerate(range(start, stop, interval)):
        for head, rows, offset in heads:
            yield Point("telemetry", head, rows[turn % 3], at + offset)


def filled(
    store: Store, province: Pilot, folder: Path, days: int, interval: float, near: int = NEAR_MS
) -> int:
    """Fill the store, unless that is done, with a reading every `near` ms of the last day. Returns the time
    up to which it is full, epoch ms.

    A store that was filled with other settings measures something else, and so would one that gets more on
    top: that ends the program.
    """
    often = f"-{near // MINUTE_MS}m" if near != NEAR_MS else ""
    until, begun = folder / f"filled-{days}-{interval:g}h{often}", time.monotonic()
    if until.exists():
        return int(until.read_text())
    if any(folder.glob("filled-*")):
        sys.exit(f"{folder}: filled with other --days or another interval; give another folder to --keep")
    now = now_ms() // MINUTE_MS * MINUTE_MS
    points = chain(
        readings(province, now - days * DAY_MS, now - DAY_MS, round(interval * HOUR_MS)),
        readings(province, now - DAY_MS, now, near),
    )
    size = len(province.fleet)
    number = fill(store, points, lambda points: progress(size, f"{points:,} points", begun))
    # a day at a time, because a week takes too long on two cores
    for start in range(now - days * DAY_MS, now, DAY_MS):
        roll(store, province, start, min(start + DAY_MS, now))
    progress(size, f"{number:,} readings and their hours are in the store", begun)
    until.write_text(str(now))
    return now


def carried_on(store: Store, province: Pilot, folder: Path, now: int, span: int) -> Iterator[int]:
    """Write a further reading of every node each NEAR_MS, from epoch ms `now` on for `span` ms, as if they
    went on sending to the filled store. Yields the time of each, from which on it is there.
    """
    for at in range(now, now + span + 1, NEAR_MS):
        fill(store, readings(province, at, at + 1, NEAR_MS), lambda _: None)
        yield at
    for until in folder.glob("filled-*"):
        until.write_text(str(now + span))


def written(store: Store, province: Pilot, now: int, folder: Path) -> None:
    """Write what a gateway adds to the readings, as of the store's last reading, unless that is done."""
    done, fleet = folder / "written", list(province.fleet.values())
    if done.exists():
        return
    begun = time.monotonic()
    IndicatorSheet(store, province, lambda: fleet, list).write(now)
    for day in range(1, DAYS):  # the rows that a clerk writes every day
        store.write(day_rows(province, now - day * DAY_MS))
    Watch(store, province, folder / "alarms", devices=lambda: fleet).look(now)
    Advisor(store, province, lambda: fleet, folder, no_ledger, None).look(now)
    done.touch()
    progress(len(fleet), "paperwork, alarms and advice are in the store", begun)


def day_rows(province: Pilot, at: int) -> list[Point]:
    """Each node's row for the day of epoch ms `at`, as a clerk writes it."""
    midnight, points = midnight_of(day_of(at, province.zone), province.zone), []
    for number, one in enumerate(one for one in province.fleet.values() if one.model != DIARY):
        where = tags(pilot=one.pilot, community=one.community, device=one.device)
        fields: dict[str, Value] = {
            "coverage": 1 - number % 40 / 100,
            "last_seen": midnight + DAY_MS - number % 600 * 1000,
            "silent_minutes": number % 10,
        }
        points.append(Point("device", where, fields, midnight))
    return points


def no_ledger() -> NoReturn:
    """In place of the ledger of commands."""
    raise AssertionError("no command is sent here")
