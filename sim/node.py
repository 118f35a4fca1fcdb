"""A simulated node: reads the true world with noise, once an interval, a day at a time.

What a node says at a tick is a function of (seed, device, tick) alone. A day is computed at once and
history takes it whole, while live running hands it out tick by tick: both see the same numbers.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt

from devices.models import MODELS, Model
from devices.pilot import Pilot
from devices.reading import Device, Reading
from devices.signals import SIGNALS
from sim.world import World

DAY_MS = 24 * 3_600_000
PROBES_A_PLOT = 2  # assumption: two probes stand in one plot, as neighbours
# Assumption: a sensor's noise is a small share of the signal's plausible range and at most a few steps of
# its resolution, and states have none.
NOISE_SHARE = 0.003
NOISE_STEPS = 2
NO_NOISE = frozenset({"pump_state", "valve_state", "aerator_state", "energy", "pest_count", "rainfall"})


@dataclass(frozen=True, slots=True)
class Day:
    """A node's messages of one day: `times` epoch ms, `seq` their numbers, values by signal."""

    times: npt.NDArray[np.int64]
    seq: npt.NDArray[np.int64]
    values: dict[str, npt.NDArray[np.float64]]


class Node:
    """One device of the pilot's fleet."""

    def __init__(self, world: World, pilot: Pilot, device: Device, seed: int) -> None:
        self.device = device
        self._world = world
        self._seed = seed
        self.model: Model = MODELS[device.model]
        joined = pilot.place[device.community].joined
        self.since = int(
            datetime(joined.year, joined.month, joined.day, tzinfo=pilot.zone).timestamp() * 1000
        )
        self.boot = f"sim-{seed}"
        number = int(device.device.rsplit("-", 1)[1])
        self.plot = (number + 1) // PROBES_A_PLOT
        self._cached: tuple[int, Day] | None = None

    @cached_property
    def interval_ms(self) -> int:
        return self.model.interval * 1000

    @cached_property
    def phase(self) -> int:
        """Milliseconds behind the full interval at which this node reports: not all at once."""
        return int.from_bytes(self._key("phase")[:4], "big") % self.interval_ms

    def next_tick(self, after: int) -> int:
        """The first tick after epoch ms `after` at which the node exists."""
        start = max(after, self.since - 1)
        return (start - self.phase) // self.interval_ms * self.interval_ms + self.interval_ms + self.phase

    def readings(self, start: int, stop: int) -> Iterator[Reading]:
        """What the node measures in [start, stop) epoch ms, in order of time."""
        start = max(start, self.since)
        for number in range(start // DAY_MS, -(-stop // DAY_MS)):
            day = self._day(number)
            first, last = np.searchsorted(day.times, (start, stop))
            names = list(day.values)
            columns = [day.values[name][first:last].tolist() for name in names]
            times, seqs = day.times[first:last].tolist(), day.seq[first:last].tolist()
            for time, seq, *row in zip(times, seqs, *columns, strict=True):
                values = dict(zip(names, row, strict=True))
                yield Reading(self.device, time, values, seq=seq, boot=self.boot)

    def payload(self, reading: Reading) -> bytes:
        """A reading as the contract's JSON."""
        message = {"ts": reading.time, "seq": reading.seq, "boot": reading.boot, "values": reading.values}
        return json.dumps(message, separators=(",", ":")).encode()

    def _day(self, number: int) -> Day:
        if self._cached is None or self._cached[0] != number:
            self._cached = (number, self._compute(number))
        return self._cached[1]

    def _compute(self, number: int) -> Day:
        first = self.next_grid(number * DAY_MS)
        times = np.arange(first, (number + 1) * DAY_MS, self.interval_ms, dtype=np.int64)
        key = np.frombuffer(self._key("noise")[:16], dtype=np.uint64)
        # the counter is the day, so that a day's noise depends on no other day
        stream = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, number, 0]))
        values = {}
        for name in self.model.signals:
            signal = SIGNALS[name]
            true = self._world.signal(self.device.community, self.plot, name, times, self.model.interval)
            if name not in NO_NOISE:
                scale = min((signal.high - signal.low) * NOISE_SHARE, NOISE_STEPS * signal.resolution)
                true = true + stream.normal(0.0, scale, len(times))
            steps = np.round(np.clip(true, signal.low, signal.high) / signal.resolution)
            values[name] = np.round(steps * signal.resolution, signal.decimals)
        return Day(times, times // self.interval_ms, values)

    def next_grid(self, at: int) -> int:
        """The first tick at or after epoch ms `at`, whether the node exists then or not."""
        return -(-(at - self.phase) // self.interval_ms) * self.interval_ms + self.phase

    def _key(self, purpose: str) -> bytes:
        return hashlib.sha256(f"{self._seed}/{self.device.device}/{purpose}".encode()).digest()
