"""Hours of what a board compares between all places, so that a year of it is drawn at once.

    telemetry (every reading) ─► telemetry_hour (one point a device and hour)

A point has sum and number, not the mean: means of hours with few and with many readings do not add up. An
hour is counted from what the store holds, so whoever counts it again, whenever, writes the same. Nothing
keeps books of what is due: a day whose hours hold another number of readings than the day has is counted
again, be it that a node emptied its buffer late, that a gateway was killed, or that nobody ever counted it.
"""

from collections.abc import Iterator

from devices.clock import DAY_MS, HOUR_MS
from devices.pilots.pilot import Pilot
from gateway.stores.points import HOURLY, Point, Tags, Value
from gateway.stores.store import RetryLater, Store

WEEK_MS = 7 * DAY_MS  # asked for at once: whoever writes readings waits no longer for the store
MONDAY_MS = 4 * DAY_MS  # epoch ms: InfluxDB keeps Monday's to Sunday's in a file, and each is opened anew


def roll(store: Store, pilot: Pilot, start: int, stop: int) -> None:
    """Count each hour that has a part in [start, stop) epoch ms. Raises RetryLater."""
    first, end = start // HOUR_MS * HOUR_MS, -(-stop // HOUR_MS) * HOUR_MS
    for piece in range(first, end, WEEK_MS):
        if counted := hours(store, pilot, piece, min(piece + WEEK_MS, end)):
            store.write(counted)


def week_of(at: int) -> int:
    """When the week begins that epoch ms `at` is in (UTC)."""
    return at - (at - MONDAY_MS) % WEEK_MS


def catch_up(store: Store, pilot: Pilot, at: int) -> Iterator[int]:
    """Of the week that epoch ms `at` is in, count the hours of those days (of UTC) that are not as they
    should be; yields each day (its beginning, epoch ms) that is counted again. Raises RetryLater, where it
    could not of some, once it has done the others.
    """
    start = week_of(at)
    readings = _numbers(store, pilot, "telemetry", "", start)
    counted = _numbers(store, pilot, "telemetry_hour", "_number", start)
    failed: RetryLater | None = None
    for day in sorted({day for (_, _, day), _ in readings.items() ^ counted.items()}):
        try:
            store.write(hours(store, pilot, day, day + DAY_MS))
        except RetryLater as error:
            failed = error
        else:
            yield day
    if failed is not None:
        raise failed


def hours(store: Store, pilot: Pilot, start: int, stop: int) -> list[Point]:
    """The hours of [start, stop), both whole hours, that have readings."""
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
    store: Store, pilot: Pilot, measurement: str, end: str, start: int
) -> dict[tuple[str, Tags, int], int]:
    """How many readings the week has of each signal, series and day: themselves, or as their hours say."""
    names = {f"{signal}{end}": signal for signal in HOURLY}
    where, only = {"pilot": pilot.pilot}, ["mean"] if end else []
    summary = store.summary(measurement, list(names), where, start, start + WEEK_MS, DAY_MS, only=only)
    return {
        (names[name], tags, bucket.time): round(bucket.mean * bucket.number) if end else bucket.number
        for name, series in summary.items()
        for tags, buckets in series.items()
        for bucket in buckets
    }
