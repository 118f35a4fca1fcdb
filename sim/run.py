"""The simulator's loop: SimPy processes, one a node, paced by the wall clock or as fast as possible.

    Node process:   wait until the next tick ─► measure ─► send
    Diary process:  wait until the next event ─► send

Simulated time is epoch milliseconds. At a speed of 1 it is now; `stop` ends the loop within a moment.
"""

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import simpy

from devices.diary import encode_diary
from devices.pilot import Community, Pilot
from devices.reading import Device, Reading
from sim.node import DAY_MS, Node
from sim.season import diary
from sim.world import World

Send = Callable[[Device, str, bytes], None]
Events = Generator[simpy.Event, Any, None]


def fleet(seed: int, pilot: Pilot, shard: tuple[int, int] = (1, 1)) -> list[Node]:
    """The pilot's nodes that measure, or the part `i` of `n` of them. Same place, same world."""
    world = World(seed, pilot)
    index, count = shard
    devices = [device for device in pilot.fleet.values() if device.model != "diary"]
    return [Node(world, pilot, device, seed) for device in devices[index - 1 :: count]]


def history(nodes: Iterable[Node], start: int, stop: int) -> Iterator[tuple[Node, list[Reading]]]:
    """All readings in [start, stop) epoch ms, a node at a time."""
    for node in nodes:
        yield node, list(node.readings(start, stop))


def diaries(seed: int, pilot: Pilot, start: int, stop: int) -> Iterator[tuple[Device, bytes]]:
    """All diary events in [start, stop) epoch ms, by community, as payloads."""
    for community in pilot.communities:
        device = secretary(pilot, community)
        for event in diary(seed, pilot, community, start, stop):
            yield device, encode_diary(event)


def secretary(pilot: Pilot, community: Community) -> Device:
    """Who keeps a community's diary."""
    return pilot.fleet[f"{community.id}-diary-01"]


class Live:
    """Runs from simulated time `start` on; `send` gets device, kind and payload."""

    def __init__(self, seed: int, pilot: Pilot, nodes: Iterable[Node], start: int, send: Send) -> None:
        self.env = simpy.Environment(initial_time=start)
        self._send = send
        for node in nodes:
            self.env.process(self._measure(node))
        for community in pilot.communities:
            self.env.process(self._write_down(seed, pilot, community))

    @property
    def now(self) -> int:
        return int(self.env.now)

    def run(self, speed: float, until: int | None, stop: threading.Event) -> None:
        """Play until simulated time `until` or until `stop` is set. `speed` 0 is as fast as possible."""
        began, first = time.monotonic(), self.env.now
        while not stop.is_set():
            upcoming = self.env.peek()
            if until is not None and upcoming >= until:
                return
            if speed:
                wait = (upcoming - first) / 1000 / speed - (time.monotonic() - began)
                if wait > 0:
                    stop.wait(min(wait, 1.0))
                    continue
            self.env.step()

    def _measure(self, node: Node) -> Events:
        tick = node.next_tick(self.now)
        while True:
            yield self.env.timeout(max(0, tick - self.now))
            for reading in node.readings(tick, tick + 1):
                self._send(node.device, "telemetry", node.payload(reading))
            tick = node.next_tick(tick)

    def _write_down(self, seed: int, pilot: Pilot, community: Community) -> Events:
        device = secretary(pilot, community)
        while True:
            day_end = (self.now // DAY_MS + 1) * DAY_MS
            for event in diary(seed, pilot, community, self.now, day_end):
                yield self.env.timeout(max(0, int(event.ts.timestamp() * 1000) - self.now))
                self._send(device, "diary", encode_diary(event))
            yield self.env.timeout(max(1, day_end - self.now))
