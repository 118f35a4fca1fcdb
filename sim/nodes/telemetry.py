"""A node's messages: the readings of a span, how each is delivered, and the contract's JSON."""

import json
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import NamedTuple

from devices.clock import AHEAD_MS, YEAR_2020_MS
from devices.contract.reading import Device, Reading
from sim.nodes.span import NO_CLOCK, Span
from sim.nodes.ticks import Ticks

# reused, because json.dumps makes a new encoder for each message
_json = json.JSONEncoder(separators=(",", ":")).encode

# The contract believes a clock (DESIGN section 3) if it is not before 2020 and at most 5 minutes ahead.


class Delivery(NamedTuple):
    """A reading on its way. `clock`: its message has a timestamp. `arrives` and `again`: as in Span."""

    reading: Reading
    clock: bool
    arrives: int
    again: int


class Telemetry:
    """Turns what one node measured into readings. `boot` identifies the node's run, as in the contract."""

    def __init__(self, device: Device, ticks: Ticks, boot: str) -> None:
        self._device, self._ticks, self.boot = device, ticks, boot

    def readings(self, span: Span) -> Iterator[Reading]:
        """Return the readings as the gateway stores them: at arrival time if the clock is not believed."""
        count = len(span.times)
        times: Iterable[int] = span.times.tolist()
        claims: Iterable[int | None] = repeat(None, count)
        if span.claims is not None and span.arrives is not None and (span.claims != span.times).any():
            times, claims = believed(span.claims.tolist(), span.arrives.tolist())
        names = tuple(span.values)
        rows = zip(*[column.tolist() for column in span.values.values()], strict=True)
        values = [dict(zip(names, row, strict=True)) for row in rows]
        seqs = self._ticks.numbers(span.times).tolist()
        parts = zip(
            repeat(self._device, count), times, values, claims, seqs, repeat(self.boot, count), strict=True
        )
        return map(Reading._make, parts)

    def deliveries(self, span: Span) -> Iterator[Delivery]:
        """Yield the same readings, with how each travels."""
        readings = self.readings(span)
        if span.claims is None or span.arrives is None or span.again is None:
            yield from (Delivery(reading, True, reading.time, 0) for reading in readings)
            return
        columns = (span.claims.tolist(), span.arrives.tolist(), span.again.tolist())
        for reading, claim, arrives, again in zip(readings, *columns, strict=True):
            yield Delivery(reading, claim != NO_CLOCK, arrives, again)


def encode_reading(reading: Reading, clock: bool = True) -> bytes:
    """Encode a reading as the contract's JSON, as the node sends it; without a clock it has no `ts`."""
    claim = reading.time if reading.device_time is None else reading.device_time
    stamp = {"ts": claim} if clock else {}
    return _json({**stamp, "seq": reading.seq, "boot": reading.boot, "values": reading.values}).encode()


def believed(claims: list[int], arrives: list[int]) -> tuple[list[int], list[int | None]]:
    """Return the times to store, and the disbelieved device times (else None), by the contract's rules."""
    times, refused = [], list[int | None]()
    for claim, arrival in zip(claims, arrives, strict=True):
        good = YEAR_2020_MS <= claim <= arrival + AHEAD_MS
        times.append(claim if good else arrival)
        refused.append(None if good or claim == NO_CLOCK else claim)
    return times, refused
