"""Which readings of a message are new, and of what time each is.

    telemetry ─► is its time believed? ─► a clash? ─► the same again? ─► timed ─► reading
                                            └─ refused, and nothing of the message is remembered

`seen` says what a repetition is; here is the order in which it is asked.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from devices.payloads import PayloadError, Telemetry
from devices.reading import Device, Reading
from gateway.seen import Repeats, Seen, content
from gateway.spool import Message

AHEAD_MS = 5 * 60 * 1000  # a device's clock may run this far ahead of ours
YEAR_2020_MS = 1_577_836_800_000


class Late(NamedTuple):
    """What a reading gives for a time before its device's newest, of which only the store knows whether it is
    new; `place` is its message's in the batch.
    """

    place: int
    device: Device
    time: int
    values: Mapping[str, float]


class Sorter:
    """Sorts the readings of one message. `fresh` afterwards: whether there was anything new in it; `mark`:
    what to remember of it where it has neither number nor time.
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
        self._again: bool | None = None  # whether the broker sends again what has neither number nor time
        self.readings: list[Reading] = []
        self.late: list[Late] = []
        self.mark: str | None = None
        self.fresh = message.replayed

    def sort(self, told: Sequence[Telemetry]) -> None:
        """Raises PayloadError for all of them, before anything of them is remembered."""
        if not self._played:
            for one in told:
                self._seen.boots(one.boot, one.time)
        dated = [self._believed(one) for one in told]
        if not self._message.replayed:
            self._refuse_clash([one for one, believed in zip(told, dated, strict=True) if believed])
        for one, believed in zip(told, dated, strict=True):
            late = believed and one.time is not None and one.time <= self._seen.newest
            repeated = self._repeated(one, believed=believed, late=late)
            if not repeated or self._message.replayed:
                self._keep(one, believed=believed, late=late)

    def _believed(self, one: Telemetry) -> bool:
        """Whether a reading is of the time that it claims."""
        if one.time is None:
            return False
        if self._played:
            return True
        if one.boot is not None and one.boot == self._seen.rewound and one.time <= self._seen.newest:
            return False
        return YEAR_2020_MS <= one.time <= self._message.arrival + AHEAD_MS

    def _refuse_clash(self, dated: Sequence[Telemetry]) -> None:
        """No signal may be given two values for one time, by this message or by it and one before."""
        given: dict[int, dict[str, float]] = {}
        for one in dated:
            time = one.time or 0
            if one.identity and self._seen.same(one.boot or "", one.seq or 0, content(one)):
                continue  # heard by one more radio gateway: the strength that it reports may differ
            before = given.get(time)
            if before is None:
                before = given[time] = dict(self._seen.at(time) or {})
            for name, value in one.values.items():
                if before.setdefault(name, value) != value:
                    raise PayloadError("conflicting_time", name)

    def _repeated(self, one: Telemetry, *, believed: bool, late: bool) -> bool:
        """Whether it is known by its number, the time that it claims in vain, or the packet's number."""
        if one.boot is not None and one.seq is not None:
            tells = believed and one.values and not one.identity  # its time tells what it is
            said = None if tells else content(one)
            return not self._seen.take(one.boot, one.seq, said, dup=self._message.dup, late=late)
        if believed:
            return False
        if one.time is not None:
            return self._seen.claimed(one.time, content(one))
        if self._again is None and not self._message.replayed:
            self.mark = self._repeats.mark(self._message)
            self._again = self.mark is None
        return bool(self._again)

    def _keep(self, one: Telemetry, *, believed: bool, late: bool) -> None:
        values, time, seq, boot, ago, _ = one
        if not believed or time is None:
            self.fresh = True
            if values:
                stamp = self._seen.stamp(self._message.arrival, *self._lane) - ago
                self.readings.append(Reading(self._device, stamp, values, time, seq, boot))
            return
        known = self._seen.at(time) or {}
        new = values
        if not self._message.replayed:
            new = {name: value for name, value in values.items() if name not in known}
            if values and not new:
                return  # a logger that repeats its last readings
            if late and new:
                self.late.append(Late(self._place, self._device, time, new))
        self.fresh = True
        if time > self._seen.newest:
            self._seen.rewound = None
        if new:
            self._seen.remember(time, new, asked=late and not known)
            self.readings.append(Reading(self._device, time, new, None, seq, boot))
