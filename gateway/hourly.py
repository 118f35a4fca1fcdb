"""Hours of what a board compares between all places, so that a year of it is drawn at once.

    telemetry (every reading) ─► telemetry_hour (one point a device and hour)

A point has sum and number, not the mean: means of hours with few and with many readings do not add up. An
hour is counted from what the store holds, so whoever counts it again, whenever, writes the same. Nothing
keeps books of what is due: a day whose hours hold another number of readings than the day has is counted
again, be it that a node emptied its buffer late, that a gateway was killed, or that nobody ever counted it.
"""

from collections.abc import Iterator

from devices.pilot import Pilot
from gateway.indicators import DAY_MS, HOUR_MS
from gateway.points import HOURLY, Point, Tags, Value
from gateway.store import Store

PIECE_MS = 14 * DAY_MS  # asked for at once: whoever writes readings waits no longer for the store


def roll(store: Store, pilot: Pilot, start: int, stop: int) -> None:
    """Count each hour that has a part in [start, stop) epoch ms. Raises RetryLater."""
    for first, last in _pieces(start, stop, HOUR_MS):
        if counted := hours(store, pilot, first, last):
            store.write(counted)


def catch_up(store: Store, pilot: Pilot, start: int, stop: int) -> None:
    """Count the hours of those days (of UTC) in [start, stop) epoch ms that are not as they should be. Raises
    RetryLater.
    """
    for first, last in _pieces(start, stop, DAY_MS):
        readings = _numbers(store, pilot, "telemetry", "", first, last)
        counted = _numbers(store, pilot, "telemetry_hour", "_number", first, last)
        for day in sorted({day for *_, day in dict(readings.items() ^ counted.items())}):
            store.write(hours(store, pilot, day, day + DAY_MS))


def hours(store: Store, pilot: Pilot, start: int, stop: int) -> list[Point]:
    """The hours of [start, stop), both whole hours, that have readings."""
    found = store.summary("telemetry", HOURLY, {"pilot": pilot.pilot}, start, stop, HOUR_MS)
    fields: dict[tuple[Tags, int], dict[str, Value]] = {}
    for signal, series in found.items():
        for tags, buckets in series.items():
            for bucket in buckets:
                hour = fields.setdefault((tags, bucket.time), {})
                hour[f"{signal}_sum"] = bucket.mean * bucket.number
                hour[f"{signal}_number"] = bucket.number
    return [Point("telemetry_hour", tags, parts, time) for (tags, time), parts in fields.items()]


def _numbers(
    store: Store, pilot: Pilot, measurement: str, end: str, start: int, stop: int
) -> dict[tuple[str, Tags, int], int]:
    """How many readings there are of each signal, series and day: themselves, or as their hours say."""
    names = {f"{signal}{end}": signal for signal in HOURLY}
    found = store.summary(measurement, list(names), {"pilot": pilot.pilot}, start, stop, DAY_MS)
    return {
        (names[name], tags, bucket.time): round(bucket.mean * bucket.number) if end else bucket.number
        for name, series in found.items()
        for tags, buckets in series.items()
        for bucket in buckets
    }


def _pieces(start: int, stop: int, step: int) -> Iterator[tuple[int, int]]:
    """[start, stop) widened to whole steps, in pieces."""
    first, end = start // step * step, -(-stop // step) * step
    return ((piece, min(piece + PIECE_MS, end)) for piece in range(first, end, PIECE_MS))
