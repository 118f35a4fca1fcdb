"""Find which readings of a message are new, and give each its time.

    telemetry ─► is its time believed? ─► a clash? ─► a repetition? ─► timed ─► reading
                                            └─ refused, and no reading of the message is remembered

`seen` defines what a repetition is; this module asks its questions in order.
"""

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from devices.clock import AHEAD_MS, YEAR_2020_MS
from devices.contract.payloads import PayloadError, Telemetry
from devices.contract.reading import Device, Reading
from devices.errors import CONTENT
from gateway.ingest.message import Message
from gateway.ingest.seen import NEVER, Seen, content
from gateway.ingest.spool import MARKS

log = logging.getLogger(__name__)
YEAR_2000_MS = 946_684_800_000


class Late(NamedTuple):
    """The values of a reading of which only the store knows whether it is new: it is older than its device's
    newest, the device has no memory, or the message is replayed. `place` is the message's in the batch.
    """

    place: int
    device: Device
    time: int
    values: Mapping[str, float]


# what a repetition repeats: a believed time, ("", a time that is not believed), or a boot and its number
Key = int | tuple[str | None, int | None]


class Repeats:
    """Recognizes messages without number and time by their topic, bytes and packet number."""

    def __init__(self, marks: Iterable[str] = ()) -> None:
        self._marks = OrderedDict.fromkeys(marks)

    def mark(self, message: Message) -> str | None:
        """The mark by which to remember a new message; None for one that the broker sends again."""
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
    """Sorts the readings of one message. Afterwards `fresh` says whether the message brought anything new,
    `known` which times and numbers it repeats, and `mark` how to recognize it if it has neither.
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
        self._again: bool | None = None  # whether this message without number and time was sent again
        self.readings: list[Reading] = []
        self.late: list[Late] = []
        self.known: list[Key] = []
        self.mark: str | None = None
        self.fresh = message.replayed

    def sort(self, telemetry: Sequence[Telemetry]) -> None:
        """Sort all readings. Raises PayloadError for a clash, before any of them is remembered."""
        replayed = self._message.replayed
        if not self._played and not replayed:  # later readings do not tell how an earlier boot's clock was
            self._judge_clock(telemetry)
        if any(one.totals for one in telemetry):  # counters tell what came since the total before
            now = self._message.arrival
            telemetry = sorted(telemetry, key=lambda one: now if one.time is None else one.time)
        dated = [self._believed(one) for one in telemetry]
        self._refuse_clash([one for one, believed in zip(telemetry, dated, strict=True) if believed])
        for one, believed in zip(telemetry, dated, strict=True):
            late = replayed or (believed and one.time is not None and one.time <= self._seen.newest != NEVER)
            repeated = self._repeated(one, believed=believed, late=late)
            if not repeated or replayed:
                self._keep(one, believed=believed, late=late)
            elif one.boot is not None and one.seq is not None:
                self.known.append((one.boot, one.seq))
            elif one.time is not None:
                self.known.append(("", one.time))

    def _judge_clock(self, telemetry: Sequence[Telemetry]) -> None:
        """Judge each boot's clock by its newest time in this message: the older ones may be from a buffer."""
        newest: dict[str, int] = {}
        for one in telemetry:
            if one.boot is not None and one.time is not None:
                newest[one.boot] = max(one.time, newest.get(one.boot, one.time))
        for boot, time in newest.items():
            self._seen.boots(boot, time)

    def _believed(self, one: Telemetry) -> bool:
        """Whether the time that a reading claims is believed."""
        if one.time is None:
            return False
        if self._played:
            return YEAR_2000_MS <= one.time < NEVER  # no store can be asked for later times
        if one.boot in self._seen.rewound and one.time <= self._seen.newest:
            return False
        return YEAR_2020_MS <= one.time <= self._message.arrival + AHEAD_MS

    def _refuse_clash(self, dated: Sequence[Telemetry]) -> None:
        """Raises PayloadError where a signal has two values for one time, here or with an earlier message."""
        by_time: dict[int, dict[str, float]] = {}
        for one in dated:
            time = one.time or 0
            if one.identity and self._seen.same(one.boot or "", one.seq or 0, content(one)):
                continue  # one more radio gateway heard it, and may report another signal strength
            before = by_time.get(time)
            if before is None:
                before = by_time[time] = dict(self._seen.at(time) or {})
            for name, value in one.values.items():
                if before.setdefault(name, value) != value:
                    raise PayloadError("conflicting_time", name)

    def _repeated(self, one: Telemetry, *, believed: bool, late: bool) -> bool:
        """Whether a reading is known by its number, its time that is not believed, or the packet number."""
        if one.boot is not None and one.seq is not None:
            timed = believed and one.values and not one.identity  # its time identifies the reading
            digest = None if timed else content(one)
            return not self._seen.take(one.boot, one.seq, digest, dup=self._message.dup, late=late)
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
        replayed = self._message.replayed  # only the store knows what became of it when it first came
        known = self._seen.at(time) or {}
        new = {name: value for name, value in values.items() if name not in known}
        if values and not new and not replayed:  # a logger that repeats its last readings
            self.known.append(time)
            return
        if len(new) < len(values) and not replayed:
            self.known.append(time)
        self.fresh = True
        if time > self._seen.newest:
            self._seen.rewound = ()
        uncertain = replayed or ((late or self._unknown) and not self._seen.whole(time))
        kept = values if replayed else new
        if totals:
            fallen = self._seen.counters.since(time, totals)
            kept, new = {**kept, **fallen}, {**new, **fallen}
        if kept:
            if uncertain:
                self.late.append(Late(self._place, self._device, time, kept))
            self._seen.remember(time, new, uncertain=uncertain)
            self.readings.append(Reading(self._device, time, kept, None, seq, boot))


def recalled(device: str, state: str) -> Seen:
    """A device's memory. An unreadable one is forgotten: it must not keep the gateway from starting."""
    try:
        return Seen(state)
    except CONTENT:
        log.exception("what was remembered of %s cannot be read, and is forgotten", device)
        return Seen()
