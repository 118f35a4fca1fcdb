"""Which readings of a message are new, and of what time each is.

    telemetry ─► is its time believed? ─► a clash? ─► the same again? ─► timed ─► reading
                                            └─ refused, and nothing of the message is remembered

`seen` says what a repetition is; here is the order in which it is asked.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from devices.clock import AHEAD_MS, YEAR_2020_MS
from devices.contract.payloads import PayloadError, Telemetry
from devices.contract.reading import Device, Reading
from gateway.ingest.message import Message
from gateway.ingest.seen import NEVER, Seen, content
from gateway.ingest.spool import MARKS

YEAR_2000_MS = 946_684_800_000


class Late(NamedTuple):
    """What a reading gives for a time of which only the store knows whether it is new: one before its
    device's newest, the first of a device of which nothing is remembered, one of a message that is replayed.
    `place` is its message's in the batch.
    """

    place: int
    device: Device
    time: int
    values: Mapping[str, float]


# what a repetition repeats: a time that is believed, ("", another time), or a boot and its number
Key = int | tuple[str | None, int | None]


class Repeats:
    """Messages without a number and without a time, known by device, bytes and packet number."""

    def __init__(self, marks: Iterable[str] = ()) -> None:
        self._marks = OrderedDict.fromkeys(marks)

    def mark(self, message: Message) -> str | None:
        """What to remember of a new message; None for one that the broker sends again."""
        content = f"{message.topic}\n{message.mid}\n".encode("utf-8", "surrogateescape") + message.payload
        mark = hashlib.blake2b(content, digest_size=12).hexdigest()
        if message.dup and mark in self._marks:
            return None
        self._marks[mark] = None
        self._marks.move_to_end(mark)
        if len(self._marks) > MARKS:
            self._marks.popitem(last=False)
        return mark


class Sorter:
    """Sorts the readings of one message. `fresh` afterwards: whether there was anything new in it; `mark`:
    what to remember of it where it has neither number nor time; `known`: what is repeated in it.
    """

    def __init__(
        self,
        place: int,
        message: Message,
        device: Device,
        seen: Seen,
        repeats: Repeats,
        lane: tuple[int, int],
    ) -> None:
        self._place, self._message, self._device, self._seen = place, message, device, seen
        self._repeats, self._lane = repeats, lane
        self._played = device.simulated and seen.played
        self._unknown = seen.newest == NEVER
        self._again: bool | None = None  # whether the broker sends again what has neither number nor time
        self.readings: list[Reading] = []
        self.late: list[Late] = []
        self.known: list[Key] = []
        self.mark: str | None = None
        self.fresh = message.replayed

    def sort(self, telemetry: Sequence[Telemetry]) -> None:
        """Raises PayloadError for all of them, before anything of them is remembered."""
        if not self._played:
            self._judge_clock(telemetry)
        dated = [self._believed(one) for one in telemetry]
        self._refuse_clash([one for one, believed in zip(telemetry, dated, strict=True) if believed])
        for one, believed in zip(telemetry, dated, strict=True):
            late = believed and one.time is not None and one.time <= self._seen.newest != NEVER
            repeated = self._repeated(one, believed=believed, late=late)
            if not repeated or self._message.replayed:
                self._keep(one, believed=believed, late=late)
            elif one.boot is not None and one.seq is not None:
                self.known.append((one.boot, one.seq))
            elif one.time is not None:
                self.known.append(("", one.time))

    def _judge_clock(self, telemetry: Sequence[Telemetry]) -> None:
        """The clock of a boot is judged by its newest time here: beside it stand older ones of a buffer."""
        newest: dict[str, int] = {}
        for one in telemetry:
            if one.boot is not None and one.time is not None:
                newest[one.boot] = max(one.time, newest.get(one.boot, one.time))
        for boot, time in newest.items():
            self._seen.boots(boot, time)

    def _believed(self, one: Telemetry) -> bool:
        """Whether a reading is of the time that it claims."""
        if one.time is None:
            return False
        if self._played:
            return YEAR_2000_MS <= one.time < NEVER  # beyond, no store can be asked
        if one.boot is not None and one.boot == self._seen.rewound and one.time <= self._seen.newest:
            return False
        return YEAR_2020_MS <= one.time <= self._message.arrival + AHEAD_MS

    def _refuse_clash(self, dated: Sequence[Telemetry]) -> None:
        """No signal may be given two values for one time, by this message or by it and one before."""
        by_time: dict[int, dict[str, float]] = {}
        for one in dated:
            time = one.time or 0
            if one.identity and self._seen.same(one.boot or "", one.seq or 0, content(one)):
                continue  # heard by one more radio gateway: the strength that it reports may differ
            before = by_time.get(time)
            if before is None:
                before = by_time[time] = dict(self._seen.at(time) or {})
            for name, value in one.values.items():
                if before.setdefault(name, value) != value:
                    raise PayloadError("conflicting_time", name)

    def _repeated(self, one: Telemetry, *, believed: bool, late: bool) -> bool:
        """Whether it is known by its number, the time that it claims in vain, or the packet's number."""
        if one.boot is not None and one.seq is not None:
            tells = believed and one.values and not one.identity  # its time tells what it is
            what = None if tells else content(one)
            return not self._seen.take(one.boot, one.seq, what, dup=self._message.dup, late=late)
        if one.boot is not None:
            self._seen.turn_to(one.boot)
        if believed:
            return False
        if one.time is not None:
            return self._seen.claimed(one.time, content(one))
        if self._again is None and not self._message.replayed:
            self.mark = self._repeats.mark(self._message)
            self._again = self.mark is None
        return bool(self._again)

    def _keep(self, one: Telemetry, *, believed: bool, late: bool) -> None:
        values, time, seq, boot, ago, _, totals = one
        if not believed or time is None:
            self.fresh = True
            if values or totals:
                stamp = self._seen.stamp(self._message.arrival, *self._lane) - ago
                if totals:
                    values = {**values, **self._seen.counters.since(stamp, totals)}
                if not values:
                    return
                self.readings.append(Reading(self._device, stamp, values, time, seq, boot))
            return
        replayed = self._message.replayed  # what became of it when it came, the store alone knows
        known = self._seen.at(time) or {}
        new = {name: value for name, value in values.items() if name not in known}
        if values and not new and not replayed:  # a logger that repeats its last readings
            self.known.append(time)
            return
        if len(new) < len(values) and not replayed:
            self.known.append(time)
        self.fresh = True
        if time > self._seen.newest:
            self._seen.rewound = None
        asked = replayed or ((late or self._unknown) and not self._seen.whole(time))
        kept = values if replayed else new
        if totals:
            fallen = self._seen.counters.since(time, totals)
            kept, new = {**kept, **fallen}, {**new, **fallen}
        if kept:
            if asked:
                self.late.append(Late(self._place, self._device, time, kept))
            self._seen.remember(time, new, asked=asked)
            self.readings.append(Reading(self._device, time, kept, None, seq, boot))
