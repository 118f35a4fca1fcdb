"""What a node's sensors measure of the true world: with bias and noise, in steps of their resolution.

    world ─► + bias ─► + noise ─► plausible range ─► resolution ─► healthy values, a column a signal
    rain  ─► tips of a bucket, each of 0.2 mm

The values of a day are a function of (seed, device, day) alone, whatever other days are computed.
"""

from functools import cached_property

import numpy as np

from devices.clock import DAY_MS
from devices.contract.models import Model
from devices.contract.reading import Device
from devices.contract.signals import SIGNALS, Signal
from sim.nodes.faults import STEADY
from sim.nodes.span import Span
from sim.nodes.ticks import Ticks
from sim.physics.actions import Actions
from sim.physics.moment import ANCHOR
from sim.physics.streams import Array, Index, chance
from sim.physics.world import World

# Assumption: a sensor's noise is a small share of the signal's plausible range, and at most a few steps of
# its resolution. States have none.
NOISE_SHARE = 0.003
NOISE_STEPS = 2
BIAS_STEPS = 1.0  # Assumption: standard deviation of a calibrated sensor's bias, in steps; none of states


class Sensors:
    """The sensors of one node on `plot`. `ideal` sensors have no bias. `actions` change their world."""

    def __init__(
        self, world: World, device: Device, plot: int, model: Model, ticks: Ticks, seed: int,
        actions: Actions | None, ideal: bool,
    ) -> None:  # fmt: skip
        self._world, self._device, self._plot = world, device, plot
        self._model, self._ticks, self._seed = model, ticks, seed
        self._actions, self._ideal = actions, ideal
        self._noisy = [name for name in model.signals if name not in STEADY]
        self._cached_day: tuple[tuple[int, int], Span] | None = None

    @cached_property
    def bias(self) -> dict[str, float]:
        """The value that each sensor always adds, in whole steps of the resolution; zeros are left out."""
        if self._ideal:
            return {}
        names = [name for name in self._noisy if name != "rssi"]
        steps = np.round(np.random.Generator(self._bits("bias")).normal(0, BIAS_STEPS, len(names)))
        added = zip(names, steps.tolist(), strict=True)
        return {name: step * SIGNALS[name].resolution for name, step in added if step}

    @property
    def acted(self) -> int:
        """The number of actions in its world. A new action changes what will be measured."""
        return 0 if self._actions is None else self._actions.count(self._device.community)

    def healthy(self, start: int, stop: int) -> Span:
        """Return what the sensors measure in [start, stop) epoch ms if nothing fails."""
        ticks = self._ticks
        first, last = max(ticks.at(start), ticks.first), ticks.at(stop)
        if last <= first:
            return Span(np.empty(0, dtype=np.int64), {name: np.empty(0) for name in self._model.signals})
        low, high = ticks.time(first) // DAY_MS, ticks.time(last - 1) // DAY_MS + 1
        span = self._day(low) if high == low + 1 else self._measure(low, high)
        skipped = ticks.at(low * DAY_MS)
        part = slice(first - skipped, last - skipped)
        return Span(span.times[part], {name: column[part] for name, column in span.values.items()})

    def true(self, name: str, first: int, last: int) -> Array:
        """Return the world's values at ticks [first, last). Ticks before ANCHOR get the values at ANCHOR: the
        world's first day has such ticks.
        """
        times = np.maximum(self._times(first, last), ANCHOR)
        device, interval = self._device, self._model.interval
        return self._world.signal(device.community, self._plot, name, times, interval, device.model)

    def _times(self, first: int, last: int) -> Index:
        return np.arange(first, last) * self._ticks.interval + self._ticks.phase

    def _day(self, number: int) -> Span:
        """Return a day, kept for live running, which asks tick by tick; computed again after an action."""
        key = (number, self.acted)
        if self._cached_day is None or self._cached_day[0] != key:
            self._cached_day = (key, self._measure(number, number + 1))
        return self._cached_day[1]

    def _measure(self, low: int, high: int) -> Span:
        """Measure all ticks of days [low, high), even those before the node exists."""
        first, last = self._ticks.at(low * DAY_MS), self._ticks.at(high * DAY_MS)
        noise = dict(zip(self._noisy, self._noise(low, high), strict=True))
        values, times = dict[str, Array](), self._times(first, last)
        for name in self._model.signals:
            signal, column = SIGNALS[name], self.true(name, first, last)
            if name == "rainfall":
                tips = _tips(column, times // DAY_MS, signal)
                values[name] = np.round(tips * signal.resolution, signal.decimals)
                continue
            if name in self.bias:
                column = column + self.bias[name]
            if name in noise:
                column = column + _scale(signal) * noise[name]
            steps = np.round(np.clip(column, signal.low, signal.high) / signal.resolution)
            values[name] = np.round(steps * signal.resolution, signal.decimals)
        return Span(times, values)

    def _noise(self, low: int, high: int) -> Array:
        """Standard normal noise: a row for each noisy signal, a column for each tick. A day's noise depends
        on no other day.
        """
        bits = self._bits("noise")
        stream, state, days = np.random.Generator(bits), bits.state, []
        for number in range(low, high):
            count = self._ticks.at((number + 1) * DAY_MS) - self._ticks.at(number * DAY_MS)
            # setting the counter costs an eighth of making a new generator
            state["state"]["counter"][:] = (0, 0, number, 0)
            bits.state = state
            days.append(stream.standard_normal((len(self._noisy), count)))
        return np.concatenate(days, axis=1)

    def _bits(self, purpose: str) -> np.random.Philox:
        key = np.frombuffer(chance(self._seed, self._device.device, purpose)[:16], dtype=np.uint64)
        return np.random.Philox(key=key)


def _tips(rain: Array, day: Index, signal: Signal) -> Array:
    """Return how often a rain gauge's bucket tips in each interval. Rain that does not fill the bucket stays
    in it, within a day (UTC); it is half full when the day begins.
    """
    total = np.cumsum(rain)
    begins = np.searchsorted(day, day)  # for each tick, the first tick of its day
    tipped = np.floor((total - (total - rain)[begins]) / signal.resolution + 0.5)
    before = np.concatenate(([0.0], tipped[:-1]))
    return np.asarray(tipped - np.where(begins == np.arange(len(day)), 0.0, before))


def _scale(signal: Signal) -> float:
    """Return the standard deviation of a sensor's noise."""
    return min((signal.high - signal.low) * NOISE_SHARE, NOISE_STEPS * signal.resolution)
