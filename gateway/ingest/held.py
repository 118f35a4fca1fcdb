"""What the store holds at the times of late readings: a node empties its buffer, a logger repeats itself.

Asked where memory cannot tell, and only then (`fresh.Late`): what is later than all before is new. After an
outage whole fleets are late for the same hours: these are asked of at once, whatever the number of devices.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from devices.clock import HOUR_MS
from devices.contract.reading import Device
from gateway.ingest.fresh import Late
from gateway.stores.points import Value, whole
from gateway.stores.store import RetryLater, Store

NEAR_MS = HOUR_MS  # times that lie nearer together are asked for at once
SPAN_MS, JOINT_MS = 24 * NEAR_MS, 4 * NEAR_MS  # of one device, of all
MOST = 200_000  # rows of a span: two a second
JOINT = 50_000  # rows of a span of all devices: two thousand of them, each ten minutes
MANY = 500  # so many unknown devices are asked of at the start
FEW = 4  # so many devices are asked of one by one

_Stored = dict[tuple[str, int], dict[str, set[float]]]  # by device and time, by signal


class Held(NamedTuple):
    """`equal`: by message and time the signals whose value is stored just so; `clash`: by message a signal
    that has another value at that time.
    """

    equal: dict[tuple[int, int], frozenset[str]]
    clash: dict[int, str]


def held(store: Store, late: Sequence[Late]) -> Held:
    """What is known already of late readings. Raises RetryLater."""
    stored = _stored(store, late)
    equal: dict[tuple[int, int], frozenset[str]] = {}
    clash: dict[int, str] = {}
    for place, device, time, values in late:
        there = stored[device.device, time]
        same = frozenset(name for name, value in values.items() if value in there.get(name, ()))
        other = [name for name in values if name in there and name not in same]
        if other:
            clash[place] = min(other)
        elif same:  # a list may name one time twice, each time for other signals
            equal[place, time] = same | equal.get((place, time), frozenset())
    return Held(equal, clash)


def begun(store: Store, devices: Iterable[Device], seen: Mapping[str, str], until: int) -> dict[str, str]:
    """What to begin with for those of whom nothing is remembered although the store knows them (a spool that
    lost it, a gateway of another name): their newest time before `until`, as `Seen` reads it. Where there are
    too many, or the store is away, the first message of each is asked of as that of a new one is.
    """
    unknown = [device for device in devices if device.device not in seen]
    newest: dict[str, str] = {}
    if len(unknown) > MANY:
        return newest
    with suppress(RetryLater):
        for device in unknown:
            where = {"pilot": device.pilot, "device": device.device}
            for point in store.series("telemetry", where, 0, until, 1):
                newest[device.device] = json.dumps({"newest": point.time})
    return newest


def _stored(store: Store, late: Sequence[Late]) -> _Stored:
    stored: _Stored = {(one.device.device, one.time): {} for one in late}
    alone: defaultdict[str, list[Late]] = defaultdict(list)
    for span in _spans(late, JOINT_MS):
        where = {"pilot": span[0].device.pilot}  # a gateway serves one
        many = len({one.device.device for one in span}) > FEW
        if not (many and _ask(store, where, span, JOINT, stored)):
            for one in span:
                alone[one.device.device].append(one)
    for device, some in alone.items():
        for span in _spans(some, SPAN_MS):
            _ask(store, {"pilot": span[0].device.pilot, "device": device}, span, MOST, stored)
    return stored


def _ask(store: Store, where: Mapping[str, str], span: Sequence[Late], limit: int, stored: _Stored) -> bool:
    """Note the values of a span, believed and doubted ones; whether these are all."""
    start, stop = span[0].time, span[-1].time + 1
    believed = store.series("telemetry", where, start, stop, limit)
    for point in believed:
        _note(stored, dict(point.tags)["device"], point.time, point.fields.items())
    if len(believed) >= limit:
        return False
    doubted = store.series("telemetry_flagged", where, start, stop, limit)
    for point in whole(doubted, "value"):
        if "device_time" not in point.fields:  # else it stands at its arrival
            tags = dict(point.tags)
            _note(stored, tags["device"], point.time, [(tags["signal"], point.fields["value"])])
    return len(doubted) < limit


def _note(stored: _Stored, device: str, time: int, fields: Iterable[tuple[str, Value]]) -> None:
    there = stored.get((device, time))
    if there is not None:
        for name, value in fields:
            if isinstance(value, int | float):
                there.setdefault(name, set()).add(float(value))


def _spans(late: Iterable[Late], longest: int) -> Iterator[list[Late]]:
    """Those whose times lie near together, oldest first."""
    span: list[Late] = []
    for one in sorted(late, key=lambda one: one.time):
        if span and (one.time - span[-1].time > NEAR_MS or one.time - span[0].time > longest):
            yield span
            span = []
        span.append(one)
    if span:
        yield span
