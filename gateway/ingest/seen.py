"""Recognize repeated readings: a second delivery changes nothing, and a new reading is never taken for one.

A repetition has the same content. It is recognized by:

    a believed time            the values at that time: equal ones change nothing, others are refused. `Seen`
                               keeps the newest times of a device; the store knows the older ones (`held`)
    a number without a time    `boot` and `seq` with the content that came under them (`Seen.take`)
    neither                    the broker's packet number, which stays the same when the broker sends again
                               (`fresh.Repeats`); equal bytes alone may be a steady value

A number that comes again with other content shows that the counter began again: the reading is new, and the
numbers start a new epoch, so that no gap is counted between the two. `seq` without `boot` proves nothing: a
node that wakes from deep sleep may send 0 for ever.

The state is bounded and depends on the earlier messages alone. The spool keeps it in the transaction that
settles them, so that a segment processed twice meets the same state the second time.
"""

import json
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from zlib import crc32

from pydantic_core import to_json

from devices.contract.payloads import Telemetry
from devices.contract.reading import Reading
from devices.probes.counters import Counters
from gateway.ingest import times
from gateway.ingest.contents import EPOCHS, REFUSED, Contents

BOOTS = 4  # boots that are remembered: a node that empties its buffer may still send of an earlier one
RANGES = 64  # ranges of numbers that are remembered per boot; the oldest holes are counted and forgotten
BURST_MS = 60_000  # messages without a time that arrived within this are stamped 1 ms apart
REORDERED = 64  # a number without a time may come late by so much and still count as reordered
WRAP = 2**16  # after WRAP - 1 a LoRaWAN counter goes on with 0 (FCnt's 16 bits)
_NONE: frozenset[int] = frozenset()  # shared by all devices that need no set of their own
NEVER = 4_102_444_800_000  # 2100, the end of the times that are believed; `newest` of a device without a time


def content(telemetry: Telemetry) -> int:
    """A numbered reading's content in 32 bits: the same number with the same content is the same reading."""
    if telemetry.identity:
        return crc32(telemetry.identity.encode()) or 1
    numbers = array("d", telemetry.values.values())
    if telemetry.totals:
        numbers.extend(amount for _, amount in telemetry.totals.values())
    return crc32(numbers, (telemetry.time or 0) & 0xFFFF_FFFF) or 1


class Seen:
    """One device's memory. `newest` is the latest believed time (NEVER: none is known, so any time may be in
    the store already), `restarts` how often the counter began again without a new `boot`, and `rewound` the
    boots with which the clock fell behind `newest`. `enrolled`: its `Device`'s, None until known.

    Every device has one, and most are silent: parts that a usual device never needs are made on demand, and
    between two batches the times are kept as text.
    """

    __slots__ = (
        "_arrival", "_before", "_contents", "_counters", "_current", "_forgotten", "_packed", "_ranges",
        "_signals", "_times", "_uncertain", "enrolled", "newest", "played", "restarts", "rewound",
    )  # fmt: skip

    def __init__(self, state: str = "") -> None:
        """Restore `state` from `dump`, or begin empty. Raises one of CONTENT for anything that `dump` never
        gave: a malformed state must fail here, not at every message of the device.
        """
        data = json.loads(state) if state else {}
        # ranges of numbers (first, last, first, last, …) of the current boot, and of the boots before it
        self._current: str | None = None
        self._ranges = array("q")
        self._before: dict[str, array[int]] | None = None
        for boot, ranges in data.get("boots", {}).items():
            self._turn_to(boot)
            for first, last in ranges:
                self._ranges.extend((int(first), int(last)))
        self._contents = Contents(data["contents"]) if data.get("contents") else None
        self._arrival = int(data.get("arrival", 0))
        self.played = bool(data.get("played", False))  # it simulates a scenario at another time than now
        self.restarts = int(data.get("restarts", 0))
        self.enrolled: int | None = data.get("enrolled")  # an earlier version wrote none
        self._forgotten = int(data.get("gone", 0))  # numbers in holes that were forgotten
        self.rewound: tuple[str, ...] = tuple((data.get("rewound") or "").split())  # no boot has a blank
        rows = data.get("times", ())
        # a state of an earlier version has only names, no values: the store is asked about its times
        whole = [row for row in rows if len(row) == 3 and row[0] < NEVER]
        # the values by time: of this batch as a dict, of the batches before as text
        self._times: dict[int, times.Values] | None = None
        self._packed, self._signals = times.packed(times.read(whole, data.get("signals", ())))
        newest = data.get("newest", max((row[0] for row in rows), default=NEVER))
        # an earlier version wrote a negative number for none, and believed any time of a played scenario
        self.newest = int(newest) if 0 <= newest < NEVER else NEVER
        self._uncertain: set[int] | frozenset[int] = _NONE
        self._counters = Counters(data["totals"]) if data.get("totals") else None

    def dump(self) -> str:
        """The state as text. It is written for every device of every batch, so it must be short: a device
        mostly sends the same signals, which are named once.
        """
        self.trim()
        data: dict[str, object] = {
            "boots": {boot: list(_pairs(ranges)) for boot, ranges in self._boots()},
            "contents": self._contents.runs() if self._contents else [],
            "arrival": self._arrival,
            "signals": self._signals,
            "newest": self.newest,
            "played": self.played,
            "restarts": self.restarts,
            "gone": self._forgotten,
            "rewound": " ".join(self.rewound),
        }
        if self._counters and (totals := self._counters.dump()):
            data["totals"] = totals
        if self.enrolled:
            data["enrolled"] = self.enrolled
        return f'{to_json(data).decode()[:-1]},"times":[{self._packed}]}}'

    @property
    def counters(self) -> Counters:
        """The device's last counter readings, to turn running totals into amounts."""
        if self._counters is None:
            self._counters = Counters()
        return self._counters

    def trim(self) -> None:
        """End a batch: forget all but the newest times, and pack these as text, a fourth of the size."""
        if self._times is None:
            return
        new = self._times
        if self._uncertain:
            new = {time: values for time, values in new.items() if time not in self._uncertain}
            self._uncertain = _NONE
        self._times = None
        self._packed, self._signals = times.packed(new, self._packed, self._signals)

    def _known(self, time: int) -> dict[int, times.Values]:
        """The remembered times, unpacked as far as needed to look for `time`."""
        if self._times is None:
            self._times = {}
        if self._packed and time <= self.newest:
            self._times = times.unpacked(self._packed, self._signals) | self._times
            self._packed, self._signals = "", ()
        return self._times

    def at(self, time: int) -> Mapping[str, float] | None:
        """The values remembered at a time, or None."""
        return self._known(time).get(time)

    def later(self, time: int, values: Mapping[str, float]) -> None:
        """Remember a reading that is later than all before."""
        if self._times is None:
            self._times = {}
        self._times[time] = values
        self.newest = time

    def whole(self, time: int) -> bool:
        """Whether all values at a time are remembered, so that the store need not be asked."""
        return time in self._known(time) and time not in self._uncertain

    def remember(self, time: int, values: Mapping[str, float], *, uncertain: bool) -> None:
        """Remember the values at a time. `uncertain`: only the store knows whether they are new, so they are
        remembered for this batch alone.
        """
        if uncertain:
            if not isinstance(self._uncertain, set):
                self._uncertain = set()
            self._uncertain.add(time)
        known = self._known(time)
        known[time] = {**known.get(time, {}), **values}
        if self.newest == NEVER or time > self.newest:
            self.newest = time

    def forget(self, reading: Reading) -> None:
        """Forget a reading whose message is refused after all, by the store or for what the store holds, so
        that nothing counts as its repetition. The store will be asked about its time.
        """
        time, _, claimed, seq, boot = reading[1:]
        self._known(time).pop(time, None)
        if self._counters:
            self._counters.forget(time)
        if boot is not None and seq is not None:
            self._put(boot, seq, (REFUSED,))
        elif claimed is not None:
            self._put("", claimed, (REFUSED,))

    @property
    def missing(self) -> int:
        """How many numbers of the remembered boots have not come so far: their messages may still come, or
        node, radio or broker lost them. Numbers of a boot before the first that was taken are not counted.
        """
        return self._forgotten + sum(
            first - last - 1 for _, ranges in self._boots() for last, first in _pairs(ranges[1:-1])
        )

    def stamp(self, arrival: int, lane: int = 0, lanes: int = 1) -> int:
        """A time for a message without one: its arrival, moved on in a burst so that no two are the same.
        Gateways that share the messages each use one millisecond of every `lanes`.

        An arrival long before the last one is a replay, or the gateway's clock was corrected: the arrival
        then counts as it is.
        """
        arrival += lane - arrival % lanes
        burst = arrival <= self._arrival < arrival + BURST_MS
        self._arrival = self._arrival + lanes if burst else arrival
        return self._arrival

    def boots(self, boot: str, time: int) -> None:
        """Judge a boot by the time it claims: a clock that leaps back with a new boot has lost its time. Its
        times are not believed until they pass `newest`.
        """
        known = boot == self._current or boot in self.rewound or boot in (self._before or ())
        if not known and self._current is not None and time < self.newest != NEVER:
            self.rewound = (*self.rewound, boot)[-BOOTS:]

    def turn_to(self, boot: str) -> None:
        """Note the boot of a reading that has no number."""
        if boot != self._current:
            self._turn_to(boot)

    def take(self, boot: str, seq: int, digest: int | None, *, dup: bool = False, late: bool = False) -> bool:
        """Count a number; returns False for a repetition. `digest`: its `content`, or None where the believed
        time identifies the reading. `late`: it is replayed, or believed and not later than all before. `dup`:
        the broker sends it again.
        """
        if digest is not None and self.same(boot, seq, digest):
            return False
        if boot != self._current:
            self._turn_to(boot)
        ranges = self._ranges
        if not ranges:
            ranges.extend((seq, seq))
        elif seq == ranges[-1] + 1:  # the usual case: the next one
            ranges[-1] = seq
        else:
            known, before = _has(ranges, seq), self._contents_of(boot, seq)
            if digest is not None and known and not before and dup:
                return False
            if known:
                again = before != (REFUSED,) and not late
            else:
                lowest = ranges[0] - REORDERED if digest is not None else ranges[-1]
                again = seq < lowest and not late
            if again:
                self._begin_again(boot, seq)
            elif not known and (not late or ranges[0] - REORDERED <= seq <= ranges[-1] + REORDERED):
                # else the number is of another epoch, or from before the first that came
                self._forgotten = max(0, self._forgotten + _add(ranges, seq))
        if digest is not None:
            self._note(boot, seq, digest)
        elif self._contents:
            self._contents.drop(boot, seq)
        return True

    def _turn_to(self, boot: str) -> None:
        """Make `boot` the current one and set the numbers of the boot before aside."""
        before = self._before or {}
        if self._current is not None:
            before[self._current] = self._ranges
        self._ranges = before.pop(boot) if boot in before else array("q")
        self._current = boot
        while len(before) >= BOOTS:
            del before[next(iter(before))]
        self._before = before or None

    def _boots(self) -> Iterator[tuple[str, "array[int]"]]:
        """The numbers of each boot, the current one last."""
        yield from (self._before or {}).items()
        if self._current is not None:
            yield self._current, self._ranges

    def same(self, boot: str, seq: int, digest: int) -> bool:
        """Whether this number came with this content."""
        return digest in self._contents_of(boot, seq)

    def claimed(self, time: int, digest: int) -> bool:
        """Whether this content came before with this time, which is not believed. Remembers it if not."""
        if self.same("", time, digest):
            return True
        self._note("", time, digest)
        return False

    def refuse(self, boot: str, seq: int) -> None:
        """Note the number of a refused message: it is not missing, and may come again with other content.

        A boot is noted by its first message that is taken, which judges its clock; none before it is missed.
        """
        ranges = self._ranges if boot == self._current else (self._before or {}).get(boot)
        if not ranges or _has(ranges, seq) or seq < ranges[0] - REORDERED:
            return  # a number far below may be of a counter that began again: the next good message will tell
        self.take(boot, seq, REFUSED)

    def _begin_again(self, boot: str, seq: int) -> None:
        """Close the current boot's numbers as an epoch that takes no more, and start a new epoch at `seq`."""
        before, older = self._ranges, self._before or {}
        wrapped = seq % WRAP < REORDERED and before[-1] % WRAP >= WRAP - REORDERED
        self.restarts += not wrapped
        number = 1
        while f"{boot} {number}" in older:
            number += 1
        self._ranges = array("q", (seq, seq))
        if len(before) > 2:  # it has gaps
            older[f"{boot} {number}"] = before
            while len(older) >= BOOTS:
                del older[next(iter(older))]
            self._before = older

    def _contents_of(self, boot: str, seq: int) -> tuple[int, ...]:
        """The contents remembered under a number."""
        return self._contents.get(boot, seq) if self._contents else ()

    def _note(self, boot: str, seq: int, digest: int) -> None:
        before = self._contents_of(boot, seq)
        earlier = () if before == (REFUSED,) else before[1 - EPOCHS :]
        self._put(boot, seq, (*earlier, digest))

    def _put(self, boot: str, seq: int, contents: tuple[int, ...]) -> None:
        if self._contents is None:
            self._contents = Contents()
        self._contents.put(boot, seq, contents)


def _pairs(ranges: "array[int]") -> Iterator[tuple[int, int]]:
    """First and last of each range."""
    each = iter(ranges)
    return zip(each, each, strict=True)


def _has(ranges: "array[int]", seq: int) -> bool:
    at = bisect_right(ranges, seq)
    return at % 2 == 1 or (at > 0 and ranges[at - 1] == seq)


def _add(ranges: "array[int]", seq: int) -> int:
    """Add a number that is not among the ranges yet. Returns how many numbers lie in a hole that is forgotten
    thereby, or -1 for a number that was in such a hole and came after all.
    """
    at = bisect_right(ranges, seq)
    after = at < len(ranges) and ranges[at] == seq + 1
    if at and ranges[at - 1] == seq - 1:
        ranges[at - 1 : at + after] = array("q", () if after else (seq,))
    elif after:
        ranges[at] = seq
    else:
        ranges[at:at] = array("q", (seq, seq))
    if len(ranges) <= 2 * RANGES:
        return 0
    _, last = ranges.pop(0), ranges.pop(0)
    return -1 if at == 0 else ranges[0] - last - 1
