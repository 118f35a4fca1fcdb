"""Ask the store what it holds at the times of late readings.

Readings are late where a node empties its buffer, or a logger repeats itself. The store is asked only where
memory cannot tell (`fresh.Late`): a reading later than all before is new. After an outage whole fleets are
late for the same hours: one query then covers those hours of all devices.
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

NEAR_MS = HOUR_MS  # late times share a query (a span) where the gaps between them are no longer
SPAN_MS, JOINT_MS = 24 * NEAR_MS, 4 * NEAR_MS  # longest span for one device, and for all devices
MOST = 200_000  # rows of a span of one device: two a second
JOINT = 50_000  # rows of a span of all devices: two thousand devices, each every ten minutes
MANY = 500  # at the start, the store is not asked about more unknown devices than this
FEW = 4  # so many devices are asked for one by one

_Stored = dict[tuple[str, int], dict[str, set[float]]]  # by (device, time), a signal's values


class Held(NamedTuple):
    """`equal`: by message and time, the signals whose value is stored already; `clash`: by message, a signal
    that the store has with another value at that time.
    """

    equal: dict[tuple[int, int], frozenset[str]]
    clash: dict[int, str]


def held(store: Store, late: Sequence[Late]) -> Held:
    """What the store holds of these late readings already. Raises RetryLater."""
    stored = _stored(store, late)
    equal: dict[tuple[int, int], frozenset[str]] = {}
    clash: dict[int, str] = {}
    for place, device, time, values in late:
        stored_values = stored[device.device, time]
        matching = frozenset(name for name, value in values.items() if value in stored_values.get(name, ()))
        clashing = [name for name in values if name in stored_values and name not in matching]
        if clashing:
            clash[place] = min(clashing)
        elif matching:  # a message may name one time twice, each time for other signals
            equal[place, time] = matching | equal.get((place, time), frozenset())
    return Held(equal, clash)


def begun(store: Store, devices: Iterable[Device], seen: Mapping[str, str], until: int) -> dict[str, str]:
    """A first memory for devices that have none although the store may know them (the spool was lost, or the
    gateway has another name): their newest time before `until`, as `Seen` reads it. Of more than `MANY` such
    devices none is asked for. Such a device, or one met while the store is away, is treated as new: the store
    is asked about its first message.
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
        where = {"pilot": span[0].device.pilot}  # a gateway serves one pilot
        many = len({one.device.device for one in span}) > FEW
        if not (many and _ask(store, where, span, JOINT, stored)):
            for one in span:
                alone[one.device.device].append(one)
    for device, some in alone.items():
        for span in _spans(some, SPAN_MS):
            _ask(store, {"pilot": span[0].device.pilot, "device": device}, span, MOST, stored)
    return stored


def _ask(store: Store, where: Mapping[str, str], span: Sequence[Late], limit: int, stored: _Stored) -> bool:
    """Note a span's values in `stored`, believed and suspect ones; returns whether these are all of them."""
    start, stop = span[0].time, span[-1].time + 1
    believed = store.series("telemetry", where, start, stop, limit)
    for point in believed:
        _note(stored, dict(point.tags)["device"], point.time, point.fields.items())
    if len(believed) >= limit:
        return False
    doubted = store.series("telemetry_flagged", where, start, stop, limit)
    for point in whole(doubted, "value"):
        if "device_time" not in point.fields:  # else the point's time is its arrival
            tags = dict(point.tags)
            _note(stored, tags["device"], point.time, [(tags["signal"], point.fields["value"])])
    return len(doubted) < limit


def _note(stored: _Stored, device: str, time: int, fields: Iterable[tuple[str, Value]]) -> None:
    values = stored.get((device, time))
    if values is not None:
        for name, value in fields:
            if isinstance(value, int | float):
                values.setdefault(name, set()).add(float(value))


def _spans(late: Iterable[Late], longest: int) -> Iterator[list[Late]]:
    """Group readings whose times lie near together, oldest first."""
    span: list[Late] = []
    for one in sorted(late, key=lambda one: one.time):
        if span and (one.time - span[-1].time > NEAR_MS or one.time - span[0].time > longest):
            yield span
            span = []
        span.append(one)
    if span:
        yield span
