"""Hours of what a board compares between all places, so that a year of it is drawn at once.

    telemetry (every reading) ─► telemetry_hour (one point a device and hour)

A point has sum and number, not the mean: means of hours with few and with many readings do not add up. An
hour is counted from what the store holds, so whoever counts it again, whenever, writes the same: nothing
keeps books of what is due, and nothing is left out when a gateway is killed. What comes late is taken in when
the clerk next looks as far back as that (`clerk.LOOKS`).
"""

from devices.pilot import Pilot
from gateway.indicators import DAY_MS, HOUR_MS
from gateway.points import HOURLY, Point, Tags, Value
from gateway.store import Store

PIECE_MS = 7 * DAY_MS  # asked for at once: whoever writes readings waits no longer for the store


def roll(store: Store, pilot: Pilot, start: int, stop: int) -> None:
    """Count each hour that has a part in [start, stop) epoch ms. Raises RetryLater."""
    first, end = start // HOUR_MS * HOUR_MS, -(-stop // HOUR_MS) * HOUR_MS
    for piece in range(first, end, PIECE_MS):
        if counted := hours(store, pilot, piece, min(piece + PIECE_MS, end)):
            store.write(counted)


def hours(store: Store, pilot: Pilot, start: int, stop: int) -> list[Point]:
    """The hours of [start, stop), both whole hours, that have readings."""
    found = store.summary("telemetry", HOURLY, {"pilot": pilot.pilot}, start, stop, HOUR_MS)
    fields: dict[tuple[Tags, int], dict[str, Value]] = {}
    for signal, series in found.items():
        for tags, buckets in series.items():
            for bucket in buckets:
                fields.setdefault((tags, bucket.time), {}).update(
                    {
                        f"{signal}_sum": bucket.mean * bucket.number,
                        f"{signal}_number": bucket.number,
                    }
                )
    return [Point("telemetry_hour", tags, parts, time) for (tags, time), parts in fields.items()]
