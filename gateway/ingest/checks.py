"""Quality checks: QARTOD flags stand beside the values and never change them.

    gross range   outside what the quantity can be (IOOS QARTOD test 4)                         bad
    rate          changes faster than the quantity can (test 7)                                 suspect
    spike         leaps; if the next value stays there, it was a step and is believed (test 6)  suspect
    flat line     unchanged for longer than the quantity ever stands still (test 8)             suspect
    neighbours    far from the median of the same commune's sensors (test 9, multi-variate)     suspect
    clock         the reading's own time is not believed                                        suspect

Values flagged 1 or 2 become a point of `telemetry`, values flagged 3 or 4 points of `telemetry_flagged` with
the reason. A leap is measured from the last believed value, so that a spike's way back is no leap. A leap is
flagged at once. If the next value stays near a spike, the spike was a step: its value then goes to
`telemetry` too, and its row in `telemetry_flagged` changes to flag 1. A leap flagged for its rate stays
suspect.

A change within less than a minute may be as large as a minute's, because the messages of a burst are stamped
a millisecond apart. The checks remember a handful of numbers per device and signal, however many readings
come. A value that arrives out of order is checked against the gross range alone.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median

from pydantic_core import to_json

from devices.clock import MINUTE_MS
from devices.contract.quality import CLOCK, FLAT_LINE, GROSS_RANGE, NEIGHBOURS, RATE, SPIKE, Flag
from devices.contract.reading import Device, Reading
from devices.contract.signals import SIGNALS, Signal
from devices.errors import CONTENT
from devices.pilots.pilot import Limit, Pilot
from gateway.stores.points import Point, Tags, Value, device_tags

log = logging.getLogger(__name__)
# Both are assumptions. A leap over a quarter of the quantity's range is a spike until the next value comes. A
# sensor that differs by a fifth of the range from the median of its commune is suspect.
SPIKE_SHARE, NEIGHBOUR_SHARE = 0.25, 0.2
GROUP = 3  # sensors, this one included, that a commune needs for a median
NEAR_MS = 30 * MINUTE_MS  # the median takes neighbours' values of the same half hour
FRESH_MS = 5 * MINUTE_MS  # a median this old is good enough to say that a value is near it
PATIENCE = 3  # leaps in a row that are suspect; after them the new level is believed
_NEVER, _BEFORE = float("inf"), -(2**62)  # _BEFORE: no value came yet
# Signals that leap by nature, so that neither rate nor spike is tested. A relay switches; light changes with
# every cloud, a shower's rate with every gust, noise with every lorry. A battery's level leaps when the
# battery is changed, and many gauges know only four steps of it. In light wind a vane turns all the way round
# between two readings, and no two vanes of a commune agree: a direction is checked against its range alone,
# so that no test needs to know that 359° is beside 1°.
LEAPS = frozenset(
    {
        "pump_state", "valve_state", "aerator_state", "rainfall", "rain_rate", "pest_count", "rssi",
        "solar_radiation", "illuminance", "wind_direction", "noise", "battery_level",
    }
)  # fmt: skip
# Signals that are not compared with neighbours: a total, a count or a radio's strength has none. Dust has:
# the test finds a blocked fan, and smoke that stays is believed as a step.
_ALONE = LEAPS | {"energy", "water_volume", "battery_voltage", "leaf_wetness", "wind_speed"}


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of a signal; devices with the same limits share one object. Times are in milliseconds,
    `rate` is the largest change per millisecond, `leap` the largest that is no spike. A change up to `near`
    is never a leap, however soon it comes. A value that moves by no more than `still` has not changed;
    unchanged for `flat` it is suspect, unless nothing came for `gap` meanwhile. Beyond `apart` a value is far
    from its neighbours.
    """

    low: float
    high: float
    rate: float
    leap: float
    near: float
    flat: float
    gap: float
    still: float
    apart: float


class Course:
    """One signal of one device: what the checks remember of it, and its limits. Times are in ms."""

    __slots__ = ("bounds", "doubted", "group", "since", "steady", "time", "value", "waits")

    def __init__(self, bounds: Bounds, group: "Group | None") -> None:
        self.bounds = bounds
        # the last believed value, since when it has not changed, and a leap that waits for the next value
        self.time = self.since = _BEFORE
        self.value = self.steady = 0.0
        self.waits: tuple[int, float, str] | None = None  # time, value, reason
        self.doubted = 0
        self.group = group
        if group is not None:
            group.members.append(self)

    def dump(self) -> list[object]:
        """What is remembered, as a list for JSON."""
        return [self.time, self.value, self.since, self.steady, self.waits, self.doubted]

    def load(self, kept: Sequence[object]) -> None:
        """Restore what `dump` gave."""
        self.time, self.value, self.since, self.steady, waits, self.doubted = kept  # type: ignore[assignment]
        self.waits = tuple(waits) if waits else None  # type: ignore[arg-type, assignment]

    def leaps(self, time: int, value: float, since: int, before: float) -> str | None:
        """The test, rate or spike, by which `value` is a leap from `before`; None if it is no leap."""
        size = abs(value - before)
        if size > self.bounds.rate * max(time - since, MINUTE_MS):
            return RATE
        return SPIKE if size > self.bounds.leap else None

    def differs(self, time: int, value: float) -> bool:
        """Whether the value is far from the median of what its commune measured within half an hour."""
        group, apart = self.group, self.bounds.apart
        if group is None or len(group.members) < GROUP:
            return False
        # a value near the median of some minutes ago needs no new median
        if abs(value - group.middle) <= apart and abs(time - group.at) <= FRESH_MS:
            return False
        near = [c.value for c in group.members if c is not self and -NEAR_MS <= c.time - time <= NEAR_MS]
        if len(near) + 1 < GROUP:
            return False
        group.middle, group.at = median([*near, value]), time
        return abs(value - group.middle) > apart


@cache
def _bounds(signal: Signal, limit: Limit | None) -> Bounds:
    own = limit or Limit(signal=signal.id)
    low = signal.low if own.low is None else own.low
    high = signal.high if own.high is None else own.high
    span = signal.high - signal.low
    own_rate = signal.rate if own.rate is None else own.rate
    leaps = signal.id in LEAPS
    rate = _NEVER if leaps else own_rate / MINUTE_MS
    leap = _NEVER if leaps else SPIKE_SHARE * span
    near = min(leap, rate * MINUTE_MS)
    own_flat = signal.flat if own.flat_hours is None else own.flat_hours * 3600
    flat = _NEVER if own_flat is None else own_flat * 1000
    return Bounds(low, high, rate, leap, near, flat, flat / 2, signal.resolution / 2, NEIGHBOUR_SHARE * span)


class Group:
    """The courses of one signal in one commune; `middle` is the median of their values at the time `at`."""

    __slots__ = ("at", "members", "middle")

    def __init__(self) -> None:
        self.members: list[Course] = []
        self.at, self.middle = _BEFORE, 0.0


class Checker:
    """Flags readings in the order they come. `memory`: by device, the text that `dump` gave earlier."""

    def __init__(self, pilot: Pilot | None = None, memory: Mapping[str, str] | None = None) -> None:
        self._limits = {(limit.device, limit.signal): limit for limit in (pilot.checks if pilot else ())}
        self._communes = {
            place.id: place.commune_new or place.commune_old for place in (pilot.places if pilot else ())
        }
        self._groups: dict[tuple[str, str], Group] = {}
        self._courses: dict[str, dict[str, Course]] = {}
        for device, text in (memory or {}).items():
            try:
                self._recall(device, text)
            except CONTENT:  # an unreadable memory must not keep the gateway from starting
                log.exception("what the checks remembered of %s cannot be read, and is forgotten", device)
                self._drop(device)

    def _recall(self, device: str, text: str) -> None:
        community, kept = json.loads(text) if text else ("", {})
        courses = self._courses[device] = {}
        for signal, one in kept.items():
            if signal in SIGNALS:
                courses[signal] = self._course(device, community, signal)
                courses[signal].load(one)

    def forget(self, device: Device) -> None:
        """Forget the device, as if it had never sent anything."""
        self._drop(device.device)

    def _drop(self, device: str) -> None:
        for course in self._courses.pop(device, {}).values():
            if course.group is not None:
                course.group.members.remove(course)

    def dump(self, device: Device) -> str:
        """The memory of a device as text."""
        kept = {name: course.dump() for name, course in self._courses.get(device.device, {}).items()}
        return to_json([device.community, kept]).decode()

    def check(self, reading: Reading) -> list[Point]:
        """The points of one reading, and of an earlier spike that this reading shows to be a step."""
        device, time, values, device_time = reading[:4]
        if device_time is not None:
            return self._misdated(reading)
        courses = self._courses.get(device.device)
        if courses is None:
            courses = self._courses[device.device] = {}
        points: list[Point] = []
        good = values
        for signal, value in values.items():
            course = courses.get(signal)
            if course is None:
                course = courses[signal] = self._course(device.device, device.community, signal)
            # The usual case, hundreds of thousands a second: the value is later, a little different and near
            # its neighbours. `_judge` looks at every other value from the start.
            bounds = course.bounds
            change, near, still = value - course.value, bounds.near, bounds.still
            if (
                -near <= change <= near
                and time > course.time
                and bounds.low <= value <= bounds.high
                and course.waits is None
            ):
                if not -still <= value - course.steady <= still or time - course.time > bounds.gap:
                    course.steady, course.since = value, time
                if time - course.since < bounds.flat and (
                    (group := course.group) is None
                    or (
                        -(apart := bounds.apart) <= value - group.middle <= apart
                        and -FRESH_MS <= time - group.at <= FRESH_MS
                    )
                    or not course.differs(time, value)
                ):
                    course.time, course.value = time, value
                    continue
            verdict = _judge(course, device, signal, time, value, points)
            if verdict is not None:
                if good is values:
                    good = dict(values)
                del good[signal]
                points.append(_doubt(device, signal, verdict, time, value))
        if good:
            points.append(tuple.__new__(Point, ("telemetry", device_tags(device), good, time)))
        return points

    def _course(self, device: str, community: str, signal: str) -> Course:
        group = None
        if signal not in _ALONE:
            commune = self._communes.get(community, community)
            group = self._groups.setdefault((commune, signal), Group())
        return Course(self._believed(device, signal), group)

    def _believed(self, device: str, signal: str) -> Bounds:
        limit = self._limits.get((device, signal)) or self._limits.get((None, signal))
        return _bounds(SIGNALS[signal], limit)

    def _misdated(self, reading: Reading) -> list[Point]:
        """Flag a reading whose own time is not believed; only the gross range is tested."""
        device, time, values, device_time = reading[:4]
        points = []
        for signal, value in values.items():
            bound = self._believed(device.device, signal)
            fits = bound.low <= value <= bound.high
            verdict = (Flag.SUSPECT, CLOCK) if fits else (Flag.BAD, GROSS_RANGE)
            points.append(_doubt(device, signal, verdict, time, value, device_time))
        return points


def _judge(
    course: Course, device: Device, signal: str, time: int, value: float, out: list[Point]
) -> tuple[Flag, str] | None:
    """Flag and reason, or None for a believed value. `out` gets the points of a spike that proves a step."""
    bounds = course.bounds
    if not bounds.low <= value <= bounds.high:
        return Flag.BAD, GROSS_RANGE
    if time <= course.time or (course.waits is not None and time <= course.waits[0]):
        return None  # from a node that empties its buffer: there is no earlier value to compare with
    leap = None if course.time == _BEFORE else course.leaps(time, value, course.time, course.value)
    if leap is not None and course.waits is not None:
        earlier, other, reason = course.waits
        course.doubted += 1
        stays = course.leaps(time, value, earlier, other) is None
        if stays and reason == SPIKE:  # it was a step
            out.append(Point("telemetry", device_tags(device), {signal: other}, earlier))
            out.append(_doubt(device, signal, (Flag.GOOD, reason), earlier, other))
        if stays or course.doubted >= PATIENCE:
            leap = None
    if leap is not None:
        course.waits = (time, value, leap)
        return Flag.SUSPECT, leap
    course.waits, course.doubted = None, 0
    if abs(value - course.steady) > bounds.still or time - course.time > bounds.gap:
        course.steady, course.since = value, time
    course.time, course.value = time, value
    if time - course.since >= bounds.flat:
        return Flag.SUSPECT, FLAT_LINE
    return (Flag.SUSPECT, NEIGHBOURS) if course.differs(time, value) else None


def _doubt(
    device: Device, signal: str, why: tuple[Flag, str], time: int, value: float, claimed: int | None = None
) -> Point:
    flag, reason = why
    fields: dict[str, Value] = {"value": value, "flag": int(flag)}
    if claimed is not None:
        fields["device_time"] = claimed
    return Point("telemetry_flagged", _flagged_tags(device, signal, reason), fields, time)


def _flagged_tags(device: Device, signal: str, reason: str) -> Tags:
    return tuple(sorted((*device_tags(device), ("signal", signal), ("reason", reason))))


def checked(checker: Checker, readings: Iterable[Reading]) -> list[Point]:
    """The points of all these readings."""
    return [point for reading in readings for point in checker.check(reading)]
