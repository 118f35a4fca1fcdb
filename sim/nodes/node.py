"""A simulated node: its sensors, its power and radio, and their faults, computed many days at a time.

    sensors.healthy ─► damage.change ─► power, radio ─► delivered ─► telemetry: readings, deliveries

What a node reports at a tick is a function of (seed, device, tick) alone. History computes blocks of days;
live running goes through a day tick by tick, and processes apply the faults (sim/run.py). Both give the same.
Without faults a node is ideal: it has noise, but no bias, brown-out or loss. Only what a scenario forces upon
its place happens to it.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np

from devices.clock import DAY_MS, midnight_of
from devices.contract.models import MODELS, Model
from devices.contract.reading import Device, Reading
from devices.pilots.pilot import Pilot, plot_of
from sim.nodes import lora
from sim.nodes.damage import change
from sim.nodes.faults import (
    DARK,
    DUPLICATES,
    LATEST,
    LOSS,
    NONE,
    POWER_ON,
    POWER_ON_VALUE,
    REORDERING,
    STUCK,
    Episode,
    Schedule,
    thermometer,
    timed,
)
from sim.nodes.masts import Network, Share
from sim.nodes.radio import Power, Radio, away, carrier, distance
from sim.nodes.sensors import Sensors
from sim.nodes.span import NO_CLOCK, Mask, Span
from sim.nodes.telemetry import Delivery, Telemetry, encode_reading
from sim.nodes.ticks import grid
from sim.physics.actions import Actions
from sim.physics.world import World

BLOCK = 2304  # ticks, in whole days, that history computes at once, which spreads numpy's cost of a call
AHEAD = 24  # ticks of one day whose messages live running makes at once


class Node:
    """One device of the pilot's fleet. `level` is the level of faults (sim/nodes/faults.py). `actions` change
    its world. `interval` is the seconds between readings, instead of its model's. `network` is what it shares
    with its place; without one it draws an equal one itself.
    """

    def __init__(
        self, world: World, pilot: Pilot, device: Device, seed: int,
        level: str = NONE, actions: Actions | None = None, interval: int | None = None,
        network: Network | None = None,
    ) -> None:  # fmt: skip
        self.device = device
        model = MODELS[device.model]
        self.model: Model = model if interval is None else replace(model, interval=interval)
        self.since = midnight_of(pilot.place[device.community].joined, pilot.zone)
        self.ticks = grid(seed, device.device, self.model.interval * 1000, self.since)
        self.plot = plot_of(int(device.device.rsplit("-", 1)[1]))
        network = Network(seed, level) if network is None else network
        self.faulty = level != NONE or network.forces(device.community)
        # whether its messages carry a time
        self.timed = level == NONE or timed(seed, device.device, device.model)
        self.sensors = Sensors(
            world, device, self.plot, self.model, self.ticks, seed, actions, ideal=level == NONE
        )
        self.telemetry = Telemetry(device, self.ticks, boot=f"sim-{seed}")
        self._ahead: dict[int, bytes] = {}  # messages by time, valid until there is another action
        self._acted = 0
        if self.faulty:
            self._prepare(seed, pilot, level, network)

    def _prepare(self, seed: int, pilot: Pilot, level: str, network: Network) -> None:
        name, place, sensors, ticks = self.device.device, self.device.community, self.sensors, self.ticks
        battery = "battery_voltage" in self.model.signals
        link, far = carrier(self.device.model), self.device.model in lora.MODELS
        km = away(seed, name) if far else distance(pilot, place)
        parts, met = 1, 0.0
        if level == NONE:
            link = replace(link, loss=0.0, per_km=0.0, per_mm=0.0)
        elif far:
            parts, met = lora.uplinks(self.model, km), lora.collided(self.model, km, pilot.place[place])
        self._schedule = Schedule(seed, name, level, self.model, ticks, place, self.timed)
        self._share = Share(network, self.device, ticks, lora=far, mains=not battery)
        volts = partial(sensors.true, "battery_voltage")
        self._power = Power(name, ticks, volts) if battery and level != NONE else None
        self._thermometer = thermometer(self.model)
        rain = partial(sensors.true, "rainfall")
        self.radio = Radio(seed, name, link, km, ticks, rain, self.on, self._planned, parts, met)
        self._stuck: tuple[int, float] | None = None  # start of the last stuck episode, and its value

    def readings(self, start: int, stop: int, by: int | None = None) -> Iterator[Reading]:
        """Yield in order what it measures in [start, stop) epoch ms and what arrives, ever or before `by`."""
        for span in self._blocks(start, stop):
            yield from self.telemetry.readings(_arrived(span, by))

    def deliveries(self, start: int, stop: int, by: int | None = None) -> Iterator[Delivery]:
        """Yield the same readings, with how each travels."""
        for span in self._blocks(start, stop):
            yield from self.telemetry.deliveries(_arrived(span, by))

    def underway(self, start: int, stop: int) -> Iterator[Delivery]:
        """Yield what it measured in [start, stop) epoch ms and what comes, or comes again, from `stop` on."""
        for span in self._blocks(max(start, self.waits(stop)), stop):
            if span.arrives is not None and span.again is not None:
                late = span.where(np.maximum(span.arrives, span.again) >= stop)
                yield from self.telemetry.deliveries(late)

    def waits(self, at: int) -> int:
        """Return the epoch ms from which on its readings may still be on their way at `at`."""
        if not self.faulty:
            return at
        carrier, ticks = self.radio.carrier, self.ticks
        # between sending a message and its arrival
        longest = carrier.memory * carrier.gap + int(LATEST * ticks.interval)
        return min(at, ticks.time(self.radio.unsent(ticks.at(at - longest))))

    def _blocks(self, start: int, stop: int) -> Iterator[Span]:
        """Yield what is delivered, in blocks of days."""
        start = max(start, self.since)
        days = max(1, BLOCK * self.ticks.interval // DAY_MS)
        while start < stop:
            end = min(stop, (start // DAY_MS + days) * DAY_MS)
            yield self.delivered(start, end)
            start = end

    def delivered(self, start: int, stop: int) -> Span:
        """Return what it measures in [start, stop) epoch ms and what arrives of it in the end."""
        healthy = self.sensors.healthy(start, stop)
        if not self.faulty or not len(healthy.times):
            return healthy
        episodes = [*map(self._filled, self._schedule.episodes(start, stop)), *self._awakenings(start, stop)]
        span = change(healthy, episodes)
        if not self.timed:
            span = span._replace(claims=np.full(len(span.times), NO_CLOCK))
        numbers = self.ticks.numbers(span.times)
        arrives, kept = self.radio.trips(int(numbers[0]), int(numbers[-1]) + 1)
        arrives = arrives + self.radio.later(REORDERING, numbers)
        again = self.radio.later(DUPLICATES, numbers)
        again = np.where(again > 0, arrives + again, 0)
        claims = span.times if span.claims is None else span.claims
        return Span(span.times, span.values, claims, arrives, again).where(kept)

    def message(self, tick: int) -> bytes:
        """Return its message at epoch ms `tick` of its grid, if it exists then and nothing fails."""
        acted = self.sensors.acted
        if acted != self._acted or tick not in self._ahead:
            stop = min(tick + AHEAD * self.ticks.interval, (tick // DAY_MS + 1) * DAY_MS)
            readings = self.telemetry.readings(self.sensors.healthy(tick, stop))
            self._ahead = {reading.time: encode_reading(reading) for reading in readings}
            self._acted = acted
        return self._ahead[tick]

    def episodes(self, start: int, stop: int) -> list[Episode]:
        """Return its faults in [start, stop) epoch ms as whole episodes, with brown-outs. The losses of a
        radio without a memory are one episode a day.
        """
        if not self.faulty:
            return []
        episodes = [self._filled(episode) for episode in self._planned(start, stop)]
        if self._power is not None:
            episodes += self._power.episodes(start, stop) + self._awakenings(start, stop)
        if not self.radio.carrier.memory:
            episodes += self._losses(start, stop)
        return sorted(episodes, key=lambda episode: (episode.start, episode.kind))

    def on(self, first: int, last: int) -> Mask:
        """Return whether it has power and is in place at ticks [first, last)."""
        on = np.ones(last - first, dtype=bool) if self._power is None else self._power.on(first, last)
        for episode in self._planned(self.ticks.time(first), self.ticks.time(last)):
            if episode.kind in DARK:
                start, stop = self.ticks.at(episode.start), self.ticks.at(episode.stop)
                on[max(0, start - first) : max(0, stop - first)] = False
        return on

    def _planned(self, start: int, stop: int) -> list[Episode]:
        """Return the episodes that do not depend on the world: its own, and those of its place."""
        return self._schedule.episodes(start, stop) + self._share.episodes(start, stop)

    def _awakenings(self, start: int, stop: int) -> list[Episode]:
        """The first readings after brown-outs, of a thermometer that has no other fault just then."""
        name, interval, how = self._thermometer, self.ticks.interval, {"value": POWER_ON_VALUE}
        if self._power is None or name is None:
            return []
        busy = [e for e in self._schedule.episodes(start - interval, stop + interval) if e.signal == name]
        awakenings = [
            Episode(self.device.device, POWER_ON, name, dark.stop, dark.stop + interval, how)
            for dark in self._power.episodes(start - interval, stop)
        ]
        return [
            one for one in awakenings
            if one.start < stop and one.stop > start
            and not any(other.start < one.stop and other.stop > one.start for other in busy)
        ]  # fmt: skip

    def _losses(self, start: int, stop: int) -> list[Episode]:
        """Return one episode a day for what the radio loses."""
        ticks, beside = self.ticks, self.ticks.interval
        days = range((start - beside) // DAY_MS, (stop + beside) // DAY_MS + 1)
        edges = [ticks.edge(ticks.at(day * DAY_MS)) for day in (*days, days.stop)]
        name = self.device.device
        return [Episode(name, LOSS, None, a, b) for a, b in pairwise(edges) if a < stop and b > start]

    def _filled(self, episode: Episode) -> Episode:
        """Give a stuck sensor its value: the last one that it measured."""
        if episode.kind != STUCK:
            return episode
        if self._stuck is None or self._stuck[0] != episode.start:
            last = self.sensors.healthy(episode.start - self.ticks.interval, episode.start)
            self._stuck = (episode.start, float(last.values[episode.signal or ""][-1]))
        return replace(episode, parameters={"value": self._stuck[1]})


def _arrived(span: Span, by: int | None) -> Span:
    """Return the part of a span that arrives before epoch ms `by`, or at any time if `by` is None."""
    return span if by is None or span.arrives is None else span.where(span.arrives < by)
