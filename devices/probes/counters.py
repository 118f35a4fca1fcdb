"""Counters of a device: what came since each was read last. Rain gauges mostly tell a running or daily total.

A first total says nothing, nor does one of before the last, nor the first that another probe file reads. A
daily one that stands lower, or was not read for a day, began anew: what it stands at is of now. A running
one that stands lower lost its count with its power: what it stands at fell since, where that is no more
than RESET; else it is another counter, and its first total. Where the next running total is back at what
stood before, it was neither: one message was wrong, and the rain goes on from before.

A daily total that stands as high as before on the next day is taken as not yet begun anew: rain is counted
once at most, and a station that nobody heard since a wetter day may be told too dry by the day before.
"""

from collections.abc import Mapping
from typing import NamedTuple

from devices.clock import DAY_MS

RESET = 20.0  # assumption: mm, or animals, that come at most between the start of a counter and its reading
KEPT = 8  # totals of a counter that are remembered: all but one may be refused after all


class Stand(NamedTuple):
    """What a counter stood at, and when (epoch ms); `source`: its kind, and what else tells it from another.
    `fallen`: what it stood at before it fell, where that was the last thing it did.
    """

    time: int
    total: float
    source: str
    fallen: float | None = None


class Counters:
    """The counters of one device. `kept` is what `dump` gave."""

    __slots__ = ("_stands",)

    def __init__(self, kept: Mapping[str, list[list[object]]] | None = None) -> None:
        self._stands: dict[str, list[Stand]] = {
            str(name): [_stand(*row) for row in rows] for name, rows in (kept or {}).items()
        }

    def dump(self) -> dict[str, list[Stand]]:
        """What is to be kept, as JSON takes it: of each counter the last few."""
        return self._stands

    def since(self, time: int, totals: Mapping[str, tuple[str, float]]) -> dict[str, float]:
        """What came by signal, now that the counters stand at `totals` (source, amount); remembers those."""
        amounts: dict[str, float] = {}
        for signal, (source, total) in totals.items():
            stands = self._stands.setdefault(signal, [])
            before = stands[-1] if stands else None
            if total < 0 or (before is not None and time <= before.time):
                continue
            if before is not None and before.source != source:
                before = None  # it counts from elsewhere
            fallen = before.total if before is not None and total < before.total else None
            stands.append(Stand(time, total, source, fallen))
            del stands[:-KEPT]
            if before is not None:
                amount = _since(before, time, total, daily=source.startswith("daily"))
                if amount is not None:
                    amounts[signal] = float(f"{amount:.9g}")
        return amounts

    def forget(self, time: int) -> None:
        """The message of that time is refused after all: what it told of a counter was not told."""
        for stands in self._stands.values():
            stands[:] = [one for one in stands if one.time != time]


def _since(before: Stand, time: int, total: float, *, daily: bool) -> float | None:
    """What came since; None where nobody knows."""
    if not daily and before.fallen is not None and total >= before.fallen:
        counted = before.total if before.total <= RESET else 0.0
        return max(0.0, total - before.fallen - counted)
    if daily and (total < before.total or time - before.time >= DAY_MS):
        return total
    if total >= before.total:
        return total - before.total
    return total if total <= RESET else None


def _stand(time: object, total: object, source: object, fallen: object = None) -> Stand:
    before = None if fallen is None else float(str(fallen))
    return Stand(int(str(time)), float(str(total)), str(source), before)
