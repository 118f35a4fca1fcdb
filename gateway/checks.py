"""What is to be believed: QARTOD flags, set beside values that are never altered.

The first test is the gross range of the signal table. Values flagged 1 or 2 become a point of
`telemetry`, 3 and 4 points of `telemetry_flagged` with the reason.
"""

from devices.quality import CLOCK, GROSS_RANGE, Flag
from devices.reading import Reading
from devices.signals import SIGNALS
from gateway.points import Point, device_tags

_LIMITS = {signal.id: (signal.low, signal.high) for signal in SIGNALS.values()}


def gross_range(signal: str, value: float) -> Flag:
    """BAD outside what the quantity can be (IOOS QARTOD test 4), else GOOD."""
    low, high = _LIMITS[signal]
    return Flag.GOOD if low <= value <= high else Flag.BAD


def check(reading: Reading) -> list[Point]:
    """The points of one reading: at most one good one, and one for each flagged value."""
    device, time, values, device_time = reading[:4]
    if device_time is None:
        for signal, value in values.items():
            low, high = _LIMITS[signal]
            if not low <= value <= high:
                break
        else:  # the usual case, without a copy
            return [Point("telemetry", device_tags(device), dict(values), time)]
    good: dict[str, float] = {}
    points = []
    for signal, value in values.items():
        flag, reason = gross_range(signal, value), GROSS_RANGE
        if flag.usable and device_time is not None:
            flag, reason = Flag.SUSPECT, CLOCK
        if flag.usable:
            good[signal] = value
            continue
        tags = tuple(sorted((*device_tags(device), ("signal", signal), ("reason", reason))))
        fields: dict[str, float | int | str | bool] = {"value": value, "flag": int(flag)}
        if device_time is not None:
            fields["device_time"] = device_time
        points.append(Point("telemetry_flagged", tags, fields, time))
    if good:
        points.append(Point("telemetry", device_tags(device), dict(good), time))
    return points
