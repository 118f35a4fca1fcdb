"""What the store holds at the times of late readings: a node empties its buffer, a logger repeats itself.

Asked where a reading is older than its device's newest, and only then: what is later than all before is new.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from devices.reading import Device
from gateway.fresh import Late
from gateway.store import Store

NEAR_MS = 3_600_000  # times of one device that lie nearer together are asked for at once
SPAN_MS = 24 * NEAR_MS
MOST = 200_000  # rows of a span: two a second


class Held(NamedTuple):
    """`equal`: by message and time the signals whose value is stored just so; `clash`: by message a signal
    that has another value at that time.
    """

    equal: dict[tuple[int, int], frozenset[str]]
    clash: dict[int, str]


def held(store: Store, late: Sequence[Late]) -> Held:
    """What is known already of late readings. Raises RetryLater."""
    stored: dict[tuple[str, int], dict[str, set[float]]] = {}
    devices = {one.device.device: one.device for one in late}
    for name, device in devices.items():
        for start, stop in _spans(one.time for one in late if one.device.device == name):
            _ask(store, device, start, stop, stored)
    equal: dict[tuple[int, int], frozenset[str]] = {}
    clash: dict[int, str] = {}
    for place, device, time, values in late:
        there = stored.get((device.device, time), {})
        same = frozenset(name for name, value in values.items() if value in there.get(name, ()))
        other = [name for name in values if name in there and name not in same]
        if other:
            clash[place] = min(other)
        elif same:
            equal[place, time] = same
    return Held(equal, clash)


def _ask(
    store: Store, device: Device, start: int, stop: int, stored: dict[tuple[str, int], dict[str, set[float]]]
) -> None:
    """Note the values of [start, stop), believed and doubted ones."""
    where = {"pilot": device.pilot, "device": device.device}
    for point in store.series("telemetry", where, start, stop, MOST):
        for name, value in point.fields.items():
            _note(stored, device, point.time, name, value)
    for point in store.series("telemetry_flagged", where, start, stop, MOST):
        if "device_time" not in point.fields:  # else it stands at its arrival
            _note(stored, device, point.time, dict(point.tags)["signal"], point.fields["value"])


def _note(
    stored: dict[tuple[str, int], dict[str, set[float]]], device: Device, time: int, name: str, value: object
) -> None:
    if isinstance(value, int | float):
        stored.setdefault((device.device, time), {}).setdefault(name, set()).add(float(value))


def _spans(times: Iterable[int]) -> Iterator[tuple[int, int]]:
    """[start, stop) around times that lie near together."""
    ordered = sorted(set(times))
    start = before = ordered[0]
    for time in ordered[1:]:
        if time - before > NEAR_MS or time - start > SPAN_MS:
            yield start, before + 1
            start = time
        before = time
    yield start, before + 1
