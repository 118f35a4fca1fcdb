"""Points for a store, and the points that a store holds."""

from datetime import datetime, timedelta, timezone

from gateway.stores import newest
from gateway.stores.points import Point, tags

HANOI = timezone(timedelta(hours=7))
T = int(datetime(2026, 11, 21, 10, tzinfo=HANOI).timestamp() * 1000)
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
PILOT = {"pilot": "p"}


def reading(time, device="d1", community="c", model="soil-probe", **values):
    where = tags(pilot="p", community=community, device=device, model=model, simulated="false")
    return Point("telemetry", where, values, time)


def everything(store, measurement="telemetry", where=PILOT):
    return store.series(measurement, where, T - 400 * DAY, T + 400 * DAY, 100_000)


def in_order(latest):
    return sorted(latest, key=lambda one: sorted(one.tags.items()))


def as_if_large(monkeypatch):
    """Let every store seem so large that all newest values are asked for once an hour at most."""
    monkeypatch.setattr(newest, "QUICK", -1.0)
    monkeypatch.setattr(newest, "SHARE_OF_TIME", 1e-9)
