"""Which messages were taken already: a second delivery changes nothing, a first one is never taken for it.

A repetition is the same content. What tells it:

    a time that is believed    the values at that time: equal ones change nothing, others are refused. Here
                               are the newest times of a device; what is older, the store knows (`held`)
    a number without a time    `boot` and `seq` with what was said under them (`Seen.take`)
    neither                    equal bytes may be a steady value: the broker's packet number, which is the
                               same when it sends again (`fresh.Repeats`)

A number that comes with other content is a counter that began again: a new reading, and a new epoch of the
numbers, so that no gap is counted between the two. `seq` without `boot` proves nothing: a node that wakes
from deep sleep may send 0 for ever.

State is bounded and a function of the messages before: the spool keeps it in the transaction that settles
them, and a segment that is worked on twice finds what it found the first time.
"""

import json
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from zlib import crc32

from pydantic_core import to_json

from devices.contract.payloads import Telemetry
from devices.contract.reading import Reading
from devices.probes.counters import Counters

BOOTS = 4  # a node that empties its buffer may still send of an earlier boot
RANGES = 64  # holes in the sequence that are remembered a boot; the oldest are counted and forgotten
EPOCHS = 16  # contents of one number that are remembered
CONTENTS = 512  # numbers without a time whose content is remembered a device
BURST_MS = 60_000  # messages without a time that arrived within this are set 1 ms apart
TIMES = 8  # newest device times whose values are remembered
REORDERED = 64  # by so much a number may come too late without a time that says so
WRAP = 2**16  # after WRAP - 1 a LoRaWAN counter goes on with 0 (FCnt's 16 bits)
_REFUSED = 0  # the content of a number whose message was refused: whatever comes under it is welcome
_NONE: frozenset[int] = frozenset()  # one for all who need none
_Packed = tuple[tuple[str, ...], str]
NEVER = 4_102_444_800_000  # 2100, the end of the times that are believed: `newest` where none was yet


def content(telemetry: Telemetry) -> int:
    """What a numbered reading says, in 32 bits: the same number with the same content is the same reading."""
    if telemetry.identity:
        return crc32(telemetry.identity.encode()) or 1
    said = array("d", telemetry.values.values())
    if telemetry.totals:
        said.extend(amount for _, amount in telemetry.totals.values())
    return crc32(said, (telemetry.time or 0) & 0xFFFF_FFFF) or 1


class Seen:
    """One device's memory. `newest` is the latest time that was believed of it (NEVER: nothing is known, so
    every time may be stored already); `restarts` how often its counter began again without a new `boot`;
    `rewound` the boot since which its clock stands before `newest`.
    """

    __slots__ = (
        "_arrival", "_asked", "_boots", "_contents", "_current", "_gone", "_times", "counters", "newest",
        "played", "restarts", "rewound",
    )  # fmt: skip

    def __init__(self, state: str = "") -> None:
        """From `state` as given by `dump`, or empty. Raises one of CONTENT for what `dump` never gave: read
        at once in its shape, or every message of the device would stumble over it.
        """
        data = json.loads(state) if state else {}
        self._boots: OrderedDict[str, list[list[int]]] = OrderedDict(
            (boot, [[int(first), int(last)] for first, last in ranges])
            for boot, ranges in data.get("boots", {}).items()
        )
        self._current = next(reversed(self._boots), None)
        self._contents: OrderedDict[tuple[str, int], tuple[int, ...]] = OrderedDict()
        for boot, first, said in data.get("contents", ()):
            for place in range(0, len(said), 8):
                self._note(str(boot), int(first) + place // 8, int(said[place : place + 8], 16))
        self._arrival = int(data.get("arrival", 0))
        self.played = bool(data.get("played", False))  # its scenario plays another time than now
        self.restarts = int(data.get("restarts", 0))
        self._gone = int(data.get("gone", 0))  # numbers in holes that were forgotten
        self.rewound: str | None = data.get("rewound")
        groups = data.get("signals", ())
        # a state of an earlier version has names alone: what it says of a time is asked of the store
        self._times: dict[int, Mapping[str, float] | _Packed] = {
            int(row[0]): _packed(
                {str(name): float(value) for name, value in zip(groups[row[1]], row[2], strict=True)}
            )
            for row in data.get("times", ()) if len(row) == 3 and row[0] < NEVER
        }  # fmt: skip
        newest = data.get("newest")
        if newest is None:
            newest = max((row[0] for row in data.get("times", ())), default=NEVER)
        # an earlier version noted none as a negative one, and believed any time of who plays a scenario
        self.newest = int(newest) if 0 <= newest < NEVER else NEVER
        self._asked: set[int] | frozenset[int] = _NONE
        self.counters = Counters(data.get("totals"))

    def dump(self) -> str:
        """The state as text. It is written for every device of every batch: what a device says is mostly the
        same signals, named once.
        """
        self.trim()
        groups: dict[tuple[str, ...], int] = {}
        times = [
            f"[{time},{groups.setdefault(kept[0], len(groups))},{kept[1]}]"
            for time, kept in self._times.items()
            if isinstance(kept, tuple)  # all of them by now
        ]
        data = {
            "boots": self._boots,
            "contents": self._runs(),
            "arrival": self._arrival,
            "signals": list(groups),
            "newest": self.newest,
            "played": self.played,
            "restarts": self.restarts,
            "gone": self._gone,
            "rewound": self.rewound,
        }
        if totals := self.counters.dump():
            data["totals"] = totals
        return f'{to_json(data).decode()[:-1]},"times":[{",".join(times)}]}}'

    def trim(self) -> None:
        """Forget what a batch needed and the next does not: all but the newest times, and these take a
        third of the room.
        """
        gone = set(self._asked)
        self._asked = _NONE
        if len(self._times) - len(gone) > TIMES:
            gone.update(sorted(self._times.keys() - gone)[:-TIMES])
        self._times = {
            time: values if isinstance(values, tuple) else _packed(values)
            for time, values in self._times.items()
            if time not in gone
        }

    def at(self, time: int) -> Mapping[str, float] | None:
        """The values at a time, as far as they are remembered."""
        values = self._times.get(time)
        if isinstance(values, tuple):
            return dict(zip(values[0], json.loads(values[1]), strict=True))
        return values

    def later(self, time: int, values: Mapping[str, float]) -> None:
        """A reading that is later than all before."""
        self._times[time] = values
        self.newest = time

    def whole(self, time: int) -> bool:
        """Whether all that was said of a time is remembered: the store need not be asked."""
        return time in self._times and time not in self._asked

    def remember(self, time: int, values: Mapping[str, float], *, asked: bool) -> None:
        """The values at a time. `asked`: only the store knows whether they are new, so they are remembered
        for this batch alone.
        """
        if asked:
            if not isinstance(self._asked, set):
                self._asked = set()
            self._asked.add(time)
        known = self.at(time)
        self._times[time] = values if known is None else {**known, **values}
        if self.newest == NEVER or time > self.newest:
            self.newest = time

    def forget(self, reading: Reading) -> None:
        """A reading whose message is refused after all, by the store or for what the store holds: nothing is
        a repetition of it. Of its time the store will be asked.
        """
        time, _, claimed, seq, boot = reading[1:]
        self._times.pop(time, None)
        self.counters.forget(time)
        if boot is not None and seq is not None:
            self._put(boot, seq, (_REFUSED,))
        elif claimed is not None:
            self._put("", claimed, (_REFUSED,))

    @property
    def missing(self) -> int:
        """Numbers that were left out so far, of the boots that are remembered: messages that may still
        come, or that node, radio or broker lost. What was before the first that came, nobody knows.
        """
        return self._gone + sum(
            later[0] - earlier[1] - 1
            for ranges in self._boots.values()
            for earlier, later in pairwise(ranges)
        )

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

    def boots(self, boot: str | None, time: int | None) -> None:
        """A message of that boot, which claims that time: a clock that leaps back with a new boot has lost
        its time. It is not believed until it has passed the newest that was.
        """
        if boot is None or time is None or boot == self._current:
            return
        if boot not in self._boots and self._boots and time < self.newest != NEVER:
            self.rewound = boot

    def turn_to(self, boot: str) -> None:
        """A boot without a number: it is known from now on."""
        if boot != self._current:
            self._turn_to(boot)

    def take(self, boot: str, seq: int, said: int | None, *, dup: bool = False, late: bool = False) -> bool:
        """Count a number; False where it is the same message again. `said` is its content, or None where its
        time tells what is new: then `late` says that it is not later than all before. `dup`: the broker sends
        it again.
        """
        if said is not None and self.same(boot, seq, said):
            return False
        ranges = self._boots[boot] if boot == self._current else self._turn_to(boot)
        if not ranges:
            ranges.append([seq, seq])
        elif seq == ranges[-1][1] + 1:  # the usual case: the next one
            ranges[-1][1] = seq
        else:
            known, before = _has(ranges, seq), self._contents.get((boot, seq))
            if said is not None and known and before is None and dup:
                return False
            if known:
                again = before != (_REFUSED,) and not (said is None and late)
            else:
                lowest = ranges[0][0] - REORDERED if said is not None else ranges[-1][1]
                again = seq < lowest and not late
            if again:
                self._begin_again(boot, seq)
            elif not known and (not late or ranges[0][0] - REORDERED <= seq <= ranges[-1][1] + REORDERED):
                # else it is of another epoch, or of before the first that came
                self._gone = max(0, self._gone + _add(ranges, seq))
        if said is not None:
            self._note(boot, seq, said)
        elif self._contents:
            self._contents.pop((boot, seq), None)
        return True

    def _turn_to(self, boot: str) -> list[list[int]]:
        """The numbers of a boot that is not the one of the message before."""
        ranges = self._boots.setdefault(boot, [])
        self._boots.move_to_end(boot)
        self._current = boot
        if len(self._boots) > BOOTS:
            self._boots.popitem(last=False)
        return ranges

    def same(self, boot: str, seq: int, said: int) -> bool:
        """Whether this number came with this content."""
        return said in self._contents.get((boot, seq), ())

    def claimed(self, time: int, said: int) -> bool:
        """Whether this content came with a time that is not believed; remembered if not."""
        if self.same("", time, said):
            return True
        self._note("", time, said)
        return False

    def refuse(self, boot: str, seq: int) -> None:
        """A number whose message is refused: it is not missing, and may come again with what is right."""
        ranges = self._boots.get(boot)
        if ranges and _has(ranges, seq):
            return
        if ranges and seq < ranges[0][0] - REORDERED:
            return  # perhaps of a counter that began again: the next good one will tell
        self.take(boot, seq, _REFUSED)

    def _begin_again(self, boot: str, seq: int) -> None:
        """The numbers so far become an epoch of their own, which takes no more."""
        before = self._boots.pop(boot)
        wrapped = seq % WRAP < REORDERED and before[-1][1] % WRAP >= WRAP - REORDERED
        self.restarts += not wrapped
        number = 1
        while f"{boot} {number}" in self._boots:  # no boot has a blank in it
            number += 1
        if len(before) > 1:  # it has gaps
            self._boots[f"{boot} {number}"] = before
        self._boots[boot] = [[seq, seq]]
        while len(self._boots) > BOOTS:
            self._boots.popitem(last=False)

    def _note(self, boot: str, seq: int, said: int) -> None:
        before = self._contents.get((boot, seq), ())
        kept = () if before == (_REFUSED,) else before[1 - EPOCHS :]
        self._put(boot, seq, (*kept, said))

    def _put(self, boot: str, seq: int, contents: tuple[int, ...]) -> None:
        self._contents[boot, seq] = contents
        self._contents.move_to_end((boot, seq))
        if len(self._contents) > CONTENTS:
            self._contents.popitem(last=False)

    def _runs(self) -> list[tuple[str, int, str]]:
        """Contents as (boot, first number, eight hexadecimal digits a number), in the order they came."""
        runs: list[tuple[str, int, list[str]]] = []
        for (boot, seq), contents in self._contents.items():
            for said in contents:
                if not runs or runs[-1][0] != boot or runs[-1][1] + len(runs[-1][2]) != seq:
                    runs.append((boot, seq, []))
                runs[-1][2].append(f"{said:08x}")
        return [(boot, first, "".join(parts)) for boot, first, parts in runs]


def _packed(values: Mapping[str, float] | _Packed) -> _Packed:
    """Values as names, one object for all who say the same signals, and as `dump` writes them."""
    if isinstance(values, tuple):
        return values
    return _one_and_same(tuple(values)), to_json(list(values.values())).decode()


@lru_cache(maxsize=4096)
def _one_and_same(names: tuple[str, ...]) -> tuple[str, ...]:
    return names


def _has(ranges: list[list[int]], seq: int) -> bool:
    at = bisect_right(ranges, seq, key=lambda pair: pair[0])
    return bool(at) and ranges[at - 1][1] >= seq


def _add(ranges: list[list[int]], seq: int) -> int:
    """Put a number that is not there among the ranges. By how much the numbers in holes that are no longer
    remembered became more; one of them that comes after all is one less.
    """
    at = bisect_right(ranges, seq, key=lambda pair: pair[0])
    ranges.insert(at, [seq, seq])
    if at + 1 < len(ranges) and ranges[at + 1][0] == seq + 1:
        ranges[at][1] = ranges.pop(at + 1)[1]
    if at and ranges[at - 1][1] == seq - 1:
        ranges[at - 1][1] = ranges.pop(at)[1]
    if len(ranges) <= RANGES:
        return 0
    first = ranges.pop(0)
    return -1 if at == 0 else ranges[0][0] - first[1] - 1
