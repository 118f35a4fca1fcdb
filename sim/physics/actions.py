"""Commands to actuators, and when the actuators ran because of them.

    command ─► Action ─► Actions (append-only) ─► World

An action controls its actuator from `start` until `stop`, whatever the actuator would do by itself. Where two
overlap, the one added last counts. Nothing before an action's start depends on it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from devices.clock import HOUR_MS
from devices.contract.orders import ACTUATORS, Actuator
from sim.physics.moment import Moment
from sim.physics.streams import Array, Index

POWER = 1.5  # Assumption: kW of a pump of a field or a pond
Run = tuple[int, int, float]  # from epoch ms, to epoch ms, value


@dataclass(frozen=True, slots=True)
class Action:
    """An actuator is held at `set` (0 off or closed, 1 on or open) in [start, stop), epoch ms.

    A sluice serves its whole place, so its plot does not matter. Pumps and aerators run when `set` is not 0.
    """

    place: str
    plot: int
    actuator: Actuator
    set: float
    start: int
    stop: int

    def __post_init__(self) -> None:
        if self.actuator not in ACTUATORS:
            raise ValueError(f"actuator {self.actuator!r}: there are {', '.join(ACTUATORS)}")
        if not 0 <= self.set <= 1:
            raise ValueError(f"set {self.set}: it must lie between 0 (off, closed) and 1 (on, open)")
        if not self.start < self.stop:
            raise ValueError(f"start {self.start}, stop {self.stop}: the start must come first")


class Actions:
    """The log of actions. A thread may add while another asks a World, which sees whole actions only."""

    def __init__(self, actions: Iterable[Action] = ()) -> None:
        self._places: dict[str, list[Action]] = {}
        for action in actions:
            self.add(action)

    def add(self, action: Action) -> None:
        """Append; the world changes from the action's start on."""
        self._places.setdefault(action.place, []).append(action)

    def of(self, place: str) -> tuple[Action, ...]:
        """Return all actions of a place, in the order of adding."""
        return tuple(self._places.get(place, ()))

    def count(self, place: str) -> int:
        """Return how many actions a place has; every `add` makes it grow."""
        return len(self._places.get(place, ()))


def commanded(actions: Iterable[Action], actuator: Actuator, plot: int | None = None) -> list[Run]:
    """Return the commanded runs of an actuator, ascending and without overlaps; `plot` None: of all plots."""
    runs: list[Run] = []
    for action in actions:
        if action.actuator == actuator and plot in (None, action.plot):
            value = action.set if actuator in ("valve", "sluice") else float(action.set > 0)
            runs = overlay(runs, [(action.start, action.stop, value)])
    return runs


def overlay(base: Sequence[Run], over: Sequence[Run]) -> list[Run]:
    """`over` where it has a run, else `base`."""
    if not over or not base:
        return [*base, *over]
    out, rest = list(over), list(base)
    for start, stop, _ in over:
        cut = []
        for first, last, value in rest:
            cut += [(first, min(last, start), value)] if first < start else []
            cut += [(max(first, stop), last, value)] if last > stop else []
        rest = cut
    return sorted(out + rest)


def through(pump: Sequence[Run], valve: Sequence[Run]) -> list[Run]:
    """Return what a pump gives through a valve, which is open while it has no command."""
    out = []
    for start, stop, value in pump:
        ajar = overlay([(start, stop, 1.0)], within(valve, start, stop))
        out += [(first, last, value * share) for first, last, share in ajar]
    return out


def within(runs: Iterable[Run], start: int, stop: int) -> list[Run]:
    """Return the parts of runs in [start, stop)."""
    return [(max(a, start), min(b, stop), value) for a, b, value in runs if a < stop and b > start]


def spread(runs: Iterable[Run], first: int, step: int, count: int) -> dict[int, list[Run]]:
    """Cut runs at `first`, `first + step`, …: number of the step → its runs, for `count` steps."""
    out: dict[int, list[Run]] = {}
    for run in runs:
        for number in range(max((run[0] - first) // step, 0), min(-(-(run[1] - first) // step), count)):
            out.setdefault(number, []).extend(
                within([run], first + number * step, first + (number + 1) * step)
            )
    return out


class Runs:
    """Runs, ascending and without overlaps, as a value over time that is 0 between them."""

    def __init__(self, runs: Sequence[Run]) -> None:
        table = np.array(runs, dtype=np.float64).reshape(-1, 3)
        self._start, self._stop, self._value = table.T.copy()
        self._edges = table[:, :2].ravel()
        amounts = (self._stop - self._start) / HOUR_MS * self._value
        self._sums = np.repeat(np.concatenate(([0.0], np.cumsum(amounts))), 2)[1:-1]

    def at(self, times: Index) -> Array:
        """Return the value at each time, epoch ms."""
        if not len(self._start):
            return np.zeros(times.shape)
        run = np.maximum(np.searchsorted(self._start, times, "right") - 1, 0)
        inside = (times >= self._start[run]) & (times < self._stop[run])
        return np.where(inside, self._value[run], 0.0)

    def total(self, times: Index) -> Array:
        """Return hours times value since the beginning."""
        if not len(self._start):
            return np.zeros(times.shape)
        return np.asarray(np.interp(times, self._edges, self._sums))


class Pumped:
    """What a controller reports about the pump that waters a plot or changes a pond's water."""

    _pump: Runs
    _valve: Runs

    def pump(self, at: Moment) -> Array:
        """1 while the pump runs."""
        return self._pump.at(at.times)

    def valve(self, at: Moment) -> Array:
        """How far its valve is open, 0 to 1. Assumption: without a command it opens with the pump."""
        return self._valve.at(at.times)

    def energy(self, at: Moment) -> Array:
        """kWh the pump has used since the anchor."""
        return self._pump.total(at.times) * POWER
