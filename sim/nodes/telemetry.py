"""What a node says: the readings of a span, how each is delivered, and the contract's JSON."""

import json
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import NamedTuple

from devices.clock import AHEAD_MS, YEAR_2020_MS
from devices.contract.reading import Device, Reading
from sim.nodes.span import NO_CLOCK, Span
from sim.nodes.ticks import Ticks

_json = json.JSONEncoder(separators=(",", ":")).encode  # json.dumps would make an encoder for each message

# What the contract believes of a clock (DESIGN section 3): not before 2020, not 5 minutes ahead.


class Delivery(NamedTuple):
    """A reading on its way. `clock`: its message carries a timestamp. Epoch ms as in Span."""

    reading: Reading
    clock: bool
    arrives: int
    again: int


class Telemetry:
    """Turns what one node measured into its readings. `boot` is the node's run, as the contract has it."""

    def __init__(self, device: Device, ticks: Ticks, boot: str) -> None:
        self._device, self._ticks, self.boot = device, ticks, boot

    def readings(self, span: Span) -> Iterator[Reading]:
        """Each as the gateway would have it: stamped on arrival where the node's clock is not believed."""
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
        """The same readings, with how each travels."""
        readings = self.readings(span)
        if span.claims is None or span.arrives is None or span.again is None:
            yield from (Delivery(reading, True, reading.time, 0) for reading in readings)
            return
        columns = (span.claims.tolist(), span.arrives.tolist(), span.again.tolist())
        for reading, claim, arrives, again in zip(readings, *columns, strict=True):
            yield Delivery(reading, claim != NO_CLOCK, arrives, again)


def encode_reading(reading: Reading, clock: bool = True) -> bytes:
    """A reading as the contract's JSON, as the node sends it; without a clock it has no `ts`."""
    claim = reading.time if reading.device_time is None else reading.device_time
    stamp = {"ts": claim} if clock else {}
    return _json({**stamp, "seq": reading.seq, "boot": reading.boot, "values": reading.values}).encode()


def believed(claims: list[int], arrives: list[int]) -> tuple[list[int], list[int | None]]:
    """Times to store, and what a clock said that is not believed, as the contract has it."""
    times, refused = [], list[int | None]()
    for claim, arrival in zip(claims, arrives, strict=True):
        good = YEAR_2020_MS <= claim <= arrival + AHEAD_MS
        times.append(claim if good else arrival)
        refused.append(None if good or claim == NO_CLOCK else claim)
    return times, refused
