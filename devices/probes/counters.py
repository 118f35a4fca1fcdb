"""Counters of a device: what came since each was read last. Rain gauges mostly tell a running or daily total.

A first total says nothing, nor does one of before the last. A daily one that stands lower, or was not read
for a day, began anew: what it stands at is of now. A running one that stands lower lost its count with its
power: what it stands at fell since, where that is no more than RESET; else it is another counter, and its
first total.

A daily total that stands as high as before on the next day is taken as not yet begun anew: rain is counted
once at most, and a station that nobody heard since a wetter day may be told too dry by the day before.
"""

from collections.abc import Mapping

from devices.clock import DAY_MS

RESET = 20.0  # assumption: mm, or animals, that come at most between the start of a counter and its reading


class Counters:
    """What each counter of one device stood at, and when (epoch ms). `kept` is what `dump` gave."""

    def __init__(self, kept: Mapping[str, tuple[int, float]] | None = None) -> None:
        self._totals = {str(name): (int(time), float(total)) for name, (time, total) in (kept or {}).items()}

    def dump(self) -> dict[str, tuple[int, float]]:
        """What is to be kept, as JSON takes it."""
        return self._totals

    def since(self, time: int, totals: Mapping[str, tuple[str, float]]) -> dict[str, float]:
        """What came by signal, now that the counters stand at `totals` (kind, amount); remembers those."""
        amounts: dict[str, float] = {}
        for signal, (kind, total) in totals.items():
            before = self._totals.get(signal)
            if total < 0 or (before is not None and time <= before[0]):
                continue
            self._totals[signal] = time, total
            if before is None:
                continue
            if kind == "daily" and (total < before[1] or time - before[0] >= DAY_MS):
                amounts[signal] = total
            elif total >= before[1]:
                amounts[signal] = float(f"{total - before[1]:.9g}")
            elif total <= RESET:
                amounts[signal] = total
        return amounts
