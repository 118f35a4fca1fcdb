"""A simulated node: its sensors, its power and radio, and what fails of them, many days at a time.

    sensors.healthy ─► faults.change ─► power, radio ─► delivered ─► telemetry: readings, deliveries

What a node says at a tick is a function of (seed, device, tick) alone. History takes blocks of days; live
running takes a day tick by tick and lets processes do the faults (sim/run.py): both see the same.
Without faults a node is an ideal one: noise, but no bias, brown-out or loss.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from devices.clock import DAY_MS, midnight_of
from devices.contract.models import MODELS, Model
from devices.contract.reading import Device, Reading
from devices.pilots.pilot import Pilot, plot_of
from sim.nodes.faults import DUPLICATES, NONE, REORDERING, Episode, Schedule, change
from sim.nodes.radio import Mask, Power, Radio, carrier, distance
from sim.nodes.sensors import Sensors
from sim.nodes.span import Span
from sim.nodes.telemetry import Delivery, Telemetry, encode_reading
from sim.nodes.ticks import grid
from sim.physics.actions import Actions
from sim.physics.world import World

BLOCK = 2304  # ticks, in whole days, that history computes at once: numpy's cost a call is spread
AHEAD = 24  # ticks, of one day, whose messages are made at once in live running


class Node:
    """One device of the pilot's fleet. `level`: of faults (sim/nodes/faults.py). `actions` change its world.
    `interval`: seconds between readings, instead of its model's.
    """

    def __init__(
        self, world: World, pilot: Pilot, device: Device, seed: int,
        level: str = NONE, actions: Actions | None = None, interval: int | None = None,
    ) -> None:  # fmt: skip
        self.device = device
        model = MODELS[device.model]
        self.model: Model = model if interval is None else replace(model, interval=interval)
        self.since = midnight_of(pilot.place[device.community].joined, pilot.zone)
        self.ticks = grid(seed, device.device, self.model.interval * 1000, self.since)
        self.plot = plot_of(int(device.device.rsplit("-", 1)[1]))
        self.faulty = level != NONE
        self.sensors = Sensors(
            world, device, self.plot, self.model, self.ticks, seed, actions, ideal=not self.faulty
        )
        self.telemetry = Telemetry(device, self.ticks, boot=f"sim-{seed}")
        self._ahead: dict[int, bytes] = {}  # messages by their time, of the world after so many actions
        self._acted = 0
        if self.faulty:
            self._prepare(seed, pilot, level)

    def _prepare(self, seed: int, pilot: Pilot, level: str) -> None:
        name, sensors, ticks = self.device.device, self.sensors, self.ticks
        self._schedule = Schedule(seed, name, level, self.model, ticks.phase, self.since)
        solar = "battery_voltage" in self.model.signals
        self._power = Power(name, ticks, partial(sensors.true, "battery_voltage")) if solar else None
        self.radio = Radio(
            seed, name, carrier(self.device.model), distance(pilot, self.device.community), ticks,
            partial(sensors.true, "rainfall"), self.on, self._schedule.episodes,
        )  # fmt: skip
        self._stuck: tuple[int, float] | None = None  # start of the last such episode, and its value

    def readings(self, start: int, stop: int) -> Iterator[Reading]:
        """What it measures in [start, stop) epoch ms and what arrives in the end, in order of measuring."""
        for span in self._blocks(start, stop):
            yield from self.telemetry.readings(span)

    def deliveries(self, start: int, stop: int) -> Iterator[Delivery]:
        """The same readings, with how each travels."""
        for span in self._blocks(start, stop):
            yield from self.telemetry.deliveries(span)

    def _blocks(self, start: int, stop: int) -> Iterator[Span]:
        """What is delivered of blocks of days."""
        start = max(start, self.since)
        days = max(1, BLOCK * self.ticks.interval // DAY_MS)
        while start < stop:
            end = min(stop, (start // DAY_MS + days) * DAY_MS)
            yield self.delivered(start, end)
            start = end

    def delivered(self, start: int, stop: int) -> Span:
        """What arrives in the end of what it measures in [start, stop) epoch ms."""
        healthy = self.sensors.healthy(start, stop)
        if not self.faulty or not len(healthy.times):
            return healthy
        span = change(healthy, map(self._filled, self._schedule.episodes(start, stop)))
        numbers = self.ticks.numbers(span.times)
        arrives, kept = self.radio.trips(int(numbers[0]), int(numbers[-1]) + 1)
        arrives = arrives + self.radio.later(REORDERING, numbers)
        again = self.radio.later(DUPLICATES, numbers)
        again = np.where(again > 0, arrives + again, 0)
        values = {name: column[kept] for name, column in span.values.items()}
        claims = span.times if span.claims is None else span.claims
        return Span(span.times[kept], values, claims[kept], arrives[kept], again[kept])

    def message(self, tick: int) -> bytes:
        """What it says at epoch ms `tick` of its grid, where it exists and nothing fails."""
        acted = self.sensors.acted
        if acted != self._acted or tick not in self._ahead:
            stop = min(tick + AHEAD * self.ticks.interval, (tick // DAY_MS + 1) * DAY_MS)
            readings = self.telemetry.readings(self.sensors.healthy(tick, stop))
            self._ahead = {reading.time: encode_reading(reading) for reading in readings}
            self._acted = acted
        return self._ahead[tick]

    def episodes(self, start: int, stop: int) -> list[Episode]:
        """What goes wrong in [start, stop) epoch ms, whole episodes, brown-outs too."""
        if not self.faulty:
            return []
        episodes = [self._filled(episode) for episode in self._schedule.episodes(start, stop)]
        if self._power is not None:
            episodes += self._power.episodes(start, stop)
        return sorted(episodes, key=lambda episode: (episode.start, episode.kind))

    def on(self, first: int, last: int) -> Mask:
        """Whether it has power at ticks [first, last)."""
        return np.ones(last - first, dtype=bool) if self._power is None else self._power.on(first, last)

    def _filled(self, episode: Episode) -> Episode:
        """A stuck sensor goes on measuring what it measured last."""
        if episode.kind != "stuck":
            return episode
        if self._stuck is None or self._stuck[0] != episode.start:
            last = self.sensors.healthy(episode.start - self.ticks.interval, episode.start)
            self._stuck = (episode.start, float(last.values[episode.signal or ""][-1]))
        return replace(episode, parameters={"value": self._stuck[1]})
