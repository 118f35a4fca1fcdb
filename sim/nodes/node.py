"""A simulated node: reads the true world with noise and bias, once an interval, many days at a time.

    world ─► healthy (bias, noise, resolution) ─► told (faults, brown-out, radio) ─► readings, messages

What a node says at a tick is a function of (seed, device, tick) alone. History takes blocks of days; live
running takes a day tick by tick and lets processes do the faults (sim/run.py): both see the same.
Without faults a node is an ideal one: noise, but no bias, brown-out or loss.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, time
from functools import cached_property, partial
from itertools import repeat

import numpy as np

from devices.contract.models import MODELS, Model
from devices.contract.reading import Device, Reading
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import Pilot, plot_of
from sim.nodes.faults import DUPLICATES, NONE, REORDERING, STEADY, Episode, Schedule, change
from sim.nodes.radio import Mask, Power, Radio, carrier, distance
from sim.nodes.span import NO_CLOCK, Span
from sim.nodes.telemetry import Message, believed
from sim.nodes.ticks import DAY_MS, Ticks
from sim.physics.actions import Actions
from sim.physics.weather import ANCHOR, Array
from sim.physics.world import World

BLOCK = 2304  # ticks, in whole days, that history computes at once: numpy's cost a call is spread
# Assumption: a sensor's noise is a small share of the signal's plausible range and at most a few steps of
# its resolution, and states have none.
NOISE_SHARE = 0.003
NOISE_STEPS = 2
BIAS_STEPS = 1.0  # Assumption: standard deviation of a calibrated sensor's bias, in steps; none of states


class Node:
    """One device of the pilot's fleet. `level`: of faults (sim/nodes/faults.py). `actions` change its world.
    `interval`: seconds between readings, instead of its model's.
    """

    def __init__(
        self, world: World, pilot: Pilot, device: Device, seed: int,
        level: str = NONE, actions: Actions | None = None, interval: int | None = None,
    ) -> None:  # fmt: skip
        self.device = device
        self._world, self._seed, self._actions = world, seed, actions
        model = MODELS[device.model]
        self.model: Model = model if interval is None else replace(model, interval=interval)
        self.interval_ms = self.model.interval * 1000
        # milliseconds behind the full interval at which this node reports: not all at once
        self.phase = int.from_bytes(self._key("phase")[:4], "big") % self.interval_ms
        joined = pilot.place[device.community].joined
        self.since = int(datetime.combine(joined, time(), pilot.zone).timestamp() * 1000)
        self.boot = f"sim-{seed}"
        number = int(device.device.rsplit("-", 1)[1])
        self.plot = plot_of(number)
        self._cached: tuple[tuple[int, int], Span] | None = None
        self._held: tuple[int, float] | None = None
        self.faulty = level != NONE
        if self.faulty:
            self._prepare(seed, pilot, level)

    def _prepare(self, seed: int, pilot: Pilot, level: str) -> None:
        name, ticks = self.device.device, Ticks(self.interval_ms, self.phase, self.tick(self.since))
        self._schedule = Schedule(seed, name, level, self.model, self.phase, self.since)
        solar = "battery_voltage" in self.model.signals
        self._power = Power(name, ticks, partial(self._true, "battery_voltage")) if solar else None
        self.radio = Radio(
            seed, name, carrier(self.device.model), distance(pilot, self.device.community), ticks,
            partial(self._true, "rainfall"), self.on, self._schedule.episodes,
        )  # fmt: skip

    @cached_property
    def bias(self) -> dict[str, float]:
        """What each of its sensors always adds: whole steps of the resolution, where it is not 0."""
        if not self.faulty:
            return {}
        names = [name for name in self.model.signals if name not in STEADY and name != "rssi"]
        key = np.frombuffer(self._key("bias")[:16], dtype=np.uint64)
        steps = np.round(np.random.Generator(np.random.Philox(key=key)).normal(0, BIAS_STEPS, len(names)))
        found = zip(names, steps.tolist(), strict=True)
        return {name: step * SIGNALS[name].resolution for name, step in found if step}

    def tick(self, time: int) -> int:
        """The number of the first tick at or after epoch ms `time`, whether the node exists then or not."""
        return -(-(time - self.phase) // self.interval_ms)

    def next_tick(self, after: int) -> int:
        """Epoch ms of the first tick after epoch ms `after` at which the node exists."""
        return self.tick(max(after + 1, self.since)) * self.interval_ms + self.phase

    def readings(self, start: int, stop: int) -> Iterator[Reading]:
        """What it measures in [start, stop) epoch ms and what arrives in the end, in order of measuring.

        Each as the gateway would have it: stamped on arrival where the node's clock is not believed.
        """
        for span in self._blocks(start, stop):
            yield from self._say(span)

    def messages(self, start: int, stop: int) -> Iterator[Message]:
        """The same readings, with how each travels."""
        for span in self._blocks(start, stop):
            yield from self.carry(span)

    def carry(self, span: Span) -> Iterator[Message]:
        """The messages of a span."""
        if span.claims is None or span.arrives is None or span.again is None:
            yield from (Message(reading, True, reading.time, 0) for reading in self._say(span))
            return
        columns = (span.claims.tolist(), span.arrives.tolist(), span.again.tolist())
        for reading, claim, arrives, again in zip(self._say(span), *columns, strict=True):
            yield Message(reading, claim != NO_CLOCK, arrives, again)

    def _say(self, span: Span) -> Iterator[Reading]:
        count = len(span.times)
        times: Iterable[int] = span.times.tolist()
        claims: Iterable[int | None] = repeat(None, count)
        if span.claims is not None and span.arrives is not None and (span.claims != span.times).any():
            times, claims = believed(span.claims.tolist(), span.arrives.tolist())
        names = tuple(span.values)
        rows = zip(*[column.tolist() for column in span.values.values()], strict=True)
        values = [dict(zip(names, row, strict=True)) for row in rows]
        seqs = (span.times // self.interval_ms).tolist()
        parts = zip(
            repeat(self.device, count), times, values, claims, seqs, repeat(self.boot, count), strict=True
        )
        return map(Reading._make, parts)

    def payload(self, reading: Reading, clock: bool = True) -> bytes:
        """A reading as the contract's JSON, as the node sends it; without a clock it has no `ts`."""
        said = reading.time if reading.device_time is None else reading.device_time
        stamp = {"ts": said} if clock else {}
        message = {**stamp, "seq": reading.seq, "boot": reading.boot, "values": reading.values}
        return json.dumps(message, separators=(",", ":")).encode()

    def episodes(self, start: int, stop: int) -> list[Episode]:
        """What goes wrong in [start, stop) epoch ms, whole episodes, brown-outs too."""
        if not self.faulty:
            return []
        found = [self._filled(episode) for episode in self._schedule.episodes(start, stop)]
        if self._power is not None:
            found += self._power.episodes(start, stop)
        return sorted(found, key=lambda episode: (episode.start, episode.kind))

    def on(self, first: int, last: int) -> Mask:
        """Whether it has power at ticks [first, last)."""
        return np.ones(last - first, dtype=bool) if self._power is None else self._power.on(first, last)

    def _filled(self, episode: Episode) -> Episode:
        """A stuck sensor goes on saying what it said last."""
        if episode.kind != "stuck":
            return episode
        if self._held is None or self._held[0] != episode.start:
            last = self.healthy(episode.start - self.interval_ms, episode.start)
            self._held = (episode.start, float(last.values[episode.signal or ""][-1]))
        return replace(episode, parameters={"value": self._held[1]})

    def told(self, start: int, stop: int) -> Span:
        """What arrives in the end of what it measures in [start, stop) epoch ms."""
        healthy = self.healthy(start, stop)
        if not self.faulty or not len(healthy.times):
            return healthy
        span = change(healthy, map(self._filled, self._schedule.episodes(start, stop)))
        ticks = span.times // self.interval_ms
        arrives, kept = self.radio.trips(int(ticks[0]), int(ticks[-1]) + 1)
        arrives = arrives + self.radio.later(REORDERING, ticks)
        again = self.radio.later(DUPLICATES, ticks)
        again = np.where(again > 0, arrives + again, 0)
        values = {name: column[kept] for name, column in span.values.items()}
        claims = span.times if span.claims is None else span.claims
        return Span(span.times[kept], values, claims[kept], arrives[kept], again[kept])

    def healthy(self, start: int, stop: int) -> Span:
        """What it measures in [start, stop) epoch ms where nothing fails."""
        first, last = self.tick(max(start, self.since)), self.tick(stop)
        if last <= first:
            return Span(np.empty(0, dtype=np.int64), {name: np.empty(0) for name in self.model.signals})
        low = (first * self.interval_ms + self.phase) // DAY_MS
        high = ((last - 1) * self.interval_ms + self.phase) // DAY_MS + 1
        span = self._day(low) if high == low + 1 else self._compute(low, high)
        skipped = self.tick(low * DAY_MS)
        part = slice(first - skipped, last - skipped)
        return Span(span.times[part], {name: column[part] for name, column in span.values.items()})

    def _blocks(self, start: int, stop: int) -> Iterator[Span]:
        """Blocks of days, each told."""
        start = max(start, self.since)
        days = max(1, BLOCK * self.interval_ms // DAY_MS)
        while start < stop:
            end = min(stop, (start // DAY_MS + days) * DAY_MS)
            yield self.told(start, end)
            start = end

    def _day(self, number: int) -> Span:
        """A day as live running asks for it, tick by tick. Actions change the days that are to come."""
        key = (number, 0 if self._actions is None else self._actions.count(self.device.community))
        if self._cached is None or self._cached[0] != key:
            self._cached = (key, self._compute(number, number + 1))
        return self._cached[1]

    def _compute(self, low: int, high: int) -> Span:
        """All ticks of days [low, high), whether the node exists then or not."""
        first, last = self.tick(low * DAY_MS), self.tick(high * DAY_MS)
        times = np.arange(first, last) * self.interval_ms + self.phase
        noisy = [name for name in self.model.signals if name not in STEADY]
        noise = self._noise(low, high, len(noisy))
        values = {}
        for name in self.model.signals:
            signal = SIGNALS[name]
            true = self._true(name, first, last)
            if name in self.bias:
                true = true + self.bias[name]
            if name not in STEADY:
                scale = min((signal.high - signal.low) * NOISE_SHARE, NOISE_STEPS * signal.resolution)
                true = true + scale * noise[noisy.index(name)]
            steps = np.round(np.clip(true, signal.low, signal.high) / signal.resolution)
            values[name] = np.round(steps * signal.resolution, signal.decimals)
        return Span(times, values)

    def _noise(self, low: int, high: int, columns: int) -> Array:
        """Standard normal: a row a signal, a column a tick. A day's noise depends on no other day."""
        key = np.frombuffer(self._key("noise")[:16], dtype=np.uint64)
        bits = np.random.Philox(key=key)
        stream, state, days = np.random.Generator(bits), bits.state, []
        for number in range(low, high):
            count = self.tick((number + 1) * DAY_MS) - self.tick(number * DAY_MS)
            # to set the counter costs an eighth of what a new generator does
            state["state"]["counter"][:] = (0, 0, number, 0)
            bits.state = state
            days.append(stream.standard_normal((columns, count)))
        return np.concatenate(days, axis=1)

    def _true(self, name: str, first: int, last: int) -> Array:
        """The world at ticks [first, last); a day in which it begins has ticks before that."""
        times = np.maximum(np.arange(first, last) * self.interval_ms + self.phase, ANCHOR)
        device = self.device
        return self._world.signal(device.community, self.plot, name, times, self.model.interval, device.model)

    def _key(self, purpose: str) -> bytes:
        return hashlib.sha256(f"{self._seed}/{self.device.device}/{purpose}".encode()).digest()
