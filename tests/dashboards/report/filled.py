"""A store with ten days of three communities, two of which sell, and the report made of it."""

from datetime import UTC, date, datetime

from dashboards.figures import Figures
from dashboards.report.compose import compose
from dashboards.report.yearly import look_back
from devices.access.registry import always
from devices.clock import DAY_MS, HOUR_MS
from devices.pilots import scenario
from devices.pilots.names import Names
from devices.pilots.pilot import load
from gateway.clerk.indicators import recount
from gateway.indicators.count import evaluate
from gateway.stores.points import Point, device_tags, tags
from gateway.stores.sqlite import SqliteStore

PILOT = load("dong-thap")
PLAYED = scenario.load("decade").model_copy(update={"name": Names(vi="mười năm", en="a decade")})
NOW = int(datetime(2026, 11, 21, 5, tzinfo=UTC).timestamp() * 1000)
WET = {"soil_moisture": 31.0}


def filled(path):
    """Three communities report for ten days, one of them with two probes; two seal a lot."""
    store = SqliteStore(path)
    store.write(
        [
            Point("telemetry", device_tags(PILOT.fleet[f"{name}-soil-probe-0{n}"]), WET, at)
            for name, probes in (("tam-que", (1, 2, 3)), ("thuan-tan", (1, 2, 3)), ("canh-tan", (1, 2)))
            for n in probes
            for at in range(NOW - 10 * DAY_MS, NOW, HOUR_MS)
        ]
    )
    for name, quantity, day in (("tam-que", 850.0, 1), ("tam-que", 1150.0, 2), ("canh-tan", 20.0, 400)):
        lot = {"quantity": quantity, "coverage": 0.9, "verified": True, "simulated": name != "tam-que"}
        store.write(
            [Point("lot", tags(pilot="dong-thap", community=name, product="p"), lot, NOW - day * DAY_MS)]
        )
    for _ in recount(store, PILOT, always(PILOT.fleet.values()), date(2026, 11, 18), date(2026, 11, 22)):
        pass
    return store


def figures(store, pilot=PILOT, now=NOW, played=None, roster=None):
    return Figures(
        store, pilot, lambda _: [], lambda at: evaluate(store, pilot, pilot.fleet.values(), at),
        now=lambda: now, played=played, roster=roster,
    )  # fmt: skip


def report(store, year=2026, lang="vi", years=1, **of):
    shown = figures(store, **of)
    return compose(shown.pilot, look_back(shown, year, years, shown.now()), lang, shown.rehearsal)


def rows(blocks, first):
    """The table whose head begins with `first`."""
    return next(b.rows for b in blocks if b.kind == "table" and b.rows[0][0] == first)
