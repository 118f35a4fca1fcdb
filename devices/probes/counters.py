"""Turns the totals of a device's counters into what came since the last reading. Most rain gauges send a
running or a daily total.

No amount follows from a counter's first total, from one that is not newer than the last, or from the first
total that another probe file reads. A daily total that is lower than the last, or a day or more newer, began
anew: the total itself is the amount. A running total that is lower than the last lost its count with its
power: the total itself is the amount if it is no more than RESET; else it is the first total of another
counter. If the next running total is back at what the counter stood at before it fell, neither is true: one
message was wrong, and the amount is counted from before. So it is if the total rose by more than is believed
of the signal (65535 where nothing was read), stayed there or not, and then is back below.

A daily counter whose total is no lower than the last, less than a day later, is taken as not yet begun anew.
So rain is counted at most once, but if the counter did begin anew in between, the station is reported too dry
by its last total.
"""

from collections.abc import Mapping
from typing import NamedTuple

from devices.clock import DAY_MS
from devices.contract.signals import SIGNALS

RESET = 20.0  # assumption: the most mm, or animals, that come between the start of a counter and its reading
KEPT = 8  # totals of a counter that are remembered: all but one may still be refused


class Stand(NamedTuple):
    """What a counter stood at, and when (epoch ms). `source`: its kind, and whatever else tells it from
    another counter. `fallen`: the total before this one, if this one is lower.
    """

    time: int
    total: float
    source: str
    fallen: float | None = None


class Counters:
    """The counters of one device. `kept` is what `dump` returned."""

    __slots__ = ("_stands",)

    def __init__(self, kept: Mapping[str, list[list[object]]] | None = None) -> None:
        self._stands: dict[str, list[Stand]] = {
            str(name): [_stand(*row) for row in rows] for name, rows in (kept or {}).items()
        }

    def dump(self) -> dict[str, list[Stand]]:
        """The state to keep, as JSON takes it: the last few totals of each counter."""
        return self._stands

    def since(self, time: int, totals: Mapping[str, tuple[str, float]]) -> dict[str, float]:
        """What came, by signal, now that the counters stand at `totals` (source, total); remembers them."""
        amounts: dict[str, float] = {}
        for signal, (source, total) in totals.items():
            stands = self._stands.setdefault(signal, [])
            before = stands[-1] if stands else None
            if total < 0 or (before is not None and time <= before.time):
                continue
            if before is not None and before.source != source:
                before = None  # another counter
            risen = _before_rise(stands, SIGNALS[signal].high)
            fallen = before.total if before is not None and total < before.total else None
            stands.append(Stand(time, total, source, fallen))
            del stands[:-KEPT]
            if before is not None:
                if risen is not None and risen.total <= total < before.total:
                    before = risen
                amount = _since(before, time, total, daily=source.startswith("daily"))
                if amount is not None:
                    amounts[signal] = float(f"{amount:.9g}")
        return amounts

    def forget(self, time: int) -> None:
        """Forget the totals of that time, because their message is refused after all."""
        for stands in self._stands.values():
            stands[:] = [one for one in stands if one.time != time]


def _before_rise(stands: list[Stand], most: float) -> Stand | None:
    """The stand from which the counter rose to the last total, if by more than `most`."""
    if not stands:
        return None
    last = stands[-1]
    others = (one for one in reversed(stands) if (one.source, one.total) != (last.source, last.total))
    before = next(others, None)
    rose = before is not None and before.source == last.source and last.total - before.total > most
    return before if rose else None


def _since(before: Stand, time: int, total: float, *, daily: bool) -> float | None:
    """What came since `before`; None if nobody knows."""
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
