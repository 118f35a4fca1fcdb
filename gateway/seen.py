"""Which messages were taken already, so that a second delivery changes nothing.

A message with `boot` and `seq` is known by them, one with a device time by its bytes (`Seen`, one a
device). Without either, equal bytes may be a steady value: there the broker's packet number, which is the
same when it sends again, tells a repetition from the next measurement (`Repeats`, one for all). `seq`
without `boot` proves nothing: a node that wakes from deep sleep may send 0 for ever.

State is bounded and a function of the messages before: the spool keeps it in the transaction that settles
them, and a segment that is worked on twice finds what it found the first time.
"""

import hashlib
import json
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Collection, Iterable
from itertools import pairwise

from pydantic_core import to_json

from devices.payloads import Telemetry
from gateway.spool import MARKS, Message

BOOTS = 4  # a node that empties its buffer may still send of an earlier boot
RANGES = 64  # holes in the sequence that are remembered a boot; beyond it the oldest are forgotten
RECENT = 64  # messages known by their bytes
BURST_MS = 60_000  # messages without a time that arrived within this are set 1 ms apart
TIMES = 16  # newest device times whose signals are remembered


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


class Seen:
    """One device's memory."""

    __slots__ = ("_arrival", "_boots", "_recent", "_times", "played")

    def __init__(self, state: str = "") -> None:
        """From `state` as given by `dump`, or empty."""
        data = json.loads(state) if state else {}
        self._boots: OrderedDict[str, list[list[int]]] = OrderedDict(data.get("boots", {}))
        self._recent: OrderedDict[str, None] = OrderedDict.fromkeys(data.get("recent", ()))
        self._arrival: int = data.get("arrival", 0)
        self.played: bool = data.get("played", False)  # its scenario plays another time than now
        groups = data.get("signals", ())
        self._times: dict[int, tuple[str, ...]] = {
            time: tuple(groups[at] if isinstance(at, int) else at)  # a spool of before names them every time
            for time, at in data.get("times", ())
        }

    def dump(self) -> str:
        """The state as text. It is written for every device of every batch: what a device says is mostly the
        same signals, named once.
        """
        groups: dict[tuple[str, ...], int] = {}
        times = [(time, groups.setdefault(names, len(groups))) for time, names in self._times.items()]
        data = {
            "boots": self._boots,
            "recent": list(self._recent),
            "arrival": self._arrival,
            "signals": list(groups),
            "times": times,
            "played": self.played,
        }
        return to_json(data).decode()

    def take(self, message: Message, telemetry: Telemetry) -> bool:
        """Whether it is new; if so it is remembered."""
        if telemetry.boot is not None and telemetry.seq is not None:
            return self._take_sequence(telemetry.boot, telemetry.seq)
        digest = hashlib.blake2b(message.payload, digest_size=8).hexdigest()
        if digest in self._recent:
            return False
        self._recent[digest] = None
        self._recent.move_to_end(digest)
        if len(self._recent) > RECENT:
            self._recent.popitem(last=False)
        return True

    @property
    def missing(self) -> int:
        """Numbers that were left out so far, of the boots that are remembered: messages that may still
        come, or that the node or the broker lost. What was before the first that came, nobody knows.
        """
        return sum(
            later[0] - earlier[1] - 1
            for ranges in self._boots.values()
            for earlier, later in pairwise(ranges)
        )

    def conflict(self, time: int, names: Collection[str]) -> str | None:
        """A signal that one of the last messages gave for the same time: a second value would overwrite
        it. Else the signals are remembered.
        """
        times = self._times
        before = times.get(time)
        if before is None:  # the usual case
            times[time] = tuple(names)
            if len(times) > TIMES:
                del times[next(iter(times))]
            return None
        both = set(before).intersection(names)
        if both:
            return min(both)
        times[time] = (*before, *names)
        return None

    def stamp(self, arrival: int, lane: int = 0, lanes: int = 1) -> int:
        """A time for a message without one: its arrival, and not the same twice in a burst. Gateways that
        share the messages keep to a millisecond of their own in every `lanes`.

        An arrival long before the last one is a replay, or a gateway's clock that was put right: it
        stands as it is.
        """
        arrival += lane - arrival % lanes
        burst = arrival <= self._arrival < arrival + BURST_MS
        self._arrival = self._arrival + lanes if burst else arrival
        return self._arrival

    def _take_sequence(self, boot: str, seq: int) -> bool:
        ranges = self._boots.setdefault(boot, [])
        self._boots.move_to_end(boot)
        if len(self._boots) > BOOTS:
            self._boots.popitem(last=False)
        if ranges and ranges[-1][1] == seq - 1:  # the usual case: the next one
            ranges[-1][1] = seq
            return True
        at = bisect_right(ranges, seq, key=lambda pair: pair[0])
        if at and ranges[at - 1][1] >= seq:
            return False
        ranges.insert(at, [seq, seq])
        if at + 1 < len(ranges) and ranges[at + 1][0] == seq + 1:
            ranges[at][1] = ranges.pop(at + 1)[1]
        if at and ranges[at - 1][1] == seq - 1:
            ranges[at - 1][1] = ranges.pop(at)[1]
        if len(ranges) > RANGES:
            del ranges[0]
        return True
