"""Hourly sums of the signals that a board compares between all places, so that a year is drawn at once.

    telemetry (every reading) ─► telemetry_hour (one point a device and hour)

A point holds sum and number, not the mean: means of hours with few and many readings cannot be averaged. An
hour is counted from what the store holds, so counting it again always writes the same. There is no list of
hours to count: a day is recounted if its hours hold another number of readings than the day has, of all
devices together, whether a node emptied its buffer late, a gateway was killed, or nobody counted the day.
"""

from collections.abc import Iterator

from devices.clock import DAY_MS, HOUR_MS
from devices.pilots.pilot import Pilot
from gateway.stores.points import HOURLY, Point, Tags, Value
from gateway.stores.store import Function, RetryLater, Store

WEEK_MS = 7 * DAY_MS  # the most of one query, so that writers of readings do not wait long for the store
MONDAY_MS = 4 * DAY_MS  # a Monday: InfluxDB keeps Monday to Sunday in one file, and opens each file it reads


def roll(store: Store, pilot: Pilot, start: int, stop: int) -> None:
    """Count every hour that overlaps [start, stop) epoch ms. Raises RetryLater."""
    first, end = start // HOUR_MS * HOUR_MS, -(-stop // HOUR_MS) * HOUR_MS
    for piece in range(first, end, WEEK_MS):
        if counted := hours(store, pilot, piece, min(piece + WEEK_MS, end)):
            store.write(counted)


def week_of(at: int) -> int:
    """Return the beginning of the week (UTC) that contains epoch ms `at`."""
    return at - (at - MONDAY_MS) % WEEK_MS


def catch_up(store: Store, pilot: Pilot, at: int) -> Iterator[int]:
    """Recount those days (UTC) of the week around epoch ms `at` whose hours miss or outnumber its readings.

    Yields the beginning of each recounted day, in epoch ms. If some days fail, raises RetryLater after the
    others are done.
    """
    start = week_of(at)
    readings = _numbers(store, pilot, "count", "telemetry", "", start)
    counted = _numbers(store, pilot, "sum", "telemetry_hour", "_number", start)
    failed: RetryLater | None = None
    for day in sorted({day for (_, day), _ in readings.items() ^ counted.items()}):
        try:
            store.write(hours(store, pilot, day, day + DAY_MS))
        except RetryLater as error:
            failed = error
        else:
            yield day
    if failed is not None:
        raise failed


def hours(store: Store, pilot: Pilot, start: int, stop: int) -> list[Point]:
    """Return the points of the hours in [start, stop) that have readings; both ends are whole hours."""
    summary = store.summary("telemetry", HOURLY, {"pilot": pilot.pilot}, start, stop, HOUR_MS, only=["mean"])
    fields: dict[tuple[Tags, int], dict[str, Value]] = {}
    for signal, series in summary.items():
        for tags, buckets in series.items():
            for bucket in buckets:
                hour = fields.setdefault((tags, bucket.time), {})
                hour[f"{signal}_sum"] = bucket.mean * bucket.number
                hour[f"{signal}_number"] = bucket.number
    return [Point("telemetry_hour", tags, parts, time) for (tags, time), parts in fields.items()]


def _numbers(
    store: Store, pilot: Pilot, function: Function, measurement: str, end: str, start: int
) -> dict[tuple[str, int], float]:
    """Return the number of readings in the week by signal and day. `function`, `measurement` and `end` select
    the readings themselves, or the numbers in their hourly points.
    """
    names = {f"{signal}{end}": signal for signal in HOURLY}
    where = {"pilot": pilot.pilot}
    totals = store.total(function, measurement, list(names), where, start, start + WEEK_MS, DAY_MS)
    return {(names[name], day): number for name, days in totals.items() for day, number in days.items()}
