"""The simulator's loop: SimPy processes, paced by the wall clock or as fast as possible.

    Node process:     wait until the next tick ─► measure ─► send
    Station, faulty:  the same, while a second process alters its values, cuts its link or interrupts it
    Diary process:    wait until the next event ─► send
    commands:         between two steps ─► the world's actions ─► result

Simulated time is epoch milliseconds. At speed 1 it follows the present; `stop` ends the loop within a moment.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, Protocol

import numpy as np
import simpy

from devices.clock import DAY_MS, epoch_ms
from devices.contract.diary import encode_diary
from devices.contract.models import DIARY
from devices.contract.reading import Device, Reading
from devices.pilots.pilot import Pilot
from devices.pilots.places import Community
from sim.foresight import FASTEST, Foresight
from sim.nodes.control import Control
from sim.nodes.damage import change
from sim.nodes.faults import DARK, DUPLICATES, NONE, OUTAGE, REORDERING, Episode
from sim.nodes.masts import Incident, Network
from sim.nodes.node import Node
from sim.nodes.span import NO_CLOCK, Span
from sim.nodes.telemetry import Delivery, encode_reading
from sim.nodes.truth import Record, judge
from sim.physics.actions import Actions
from sim.physics.world import World
from sim.season import diary

Send = Callable[[Device, str, bytes], None]
Tell = Callable[[Device, Record], None]
Events = Generator[simpy.Event, Any, None]
Commands = SimpleQueue[tuple[str, bytes]]  # device and payload, put in by other threads
QUARTER = 92 * DAY_MS  # Assumption: the most of a node's readings to hold in memory
NAP = 0.2  # seconds between two looks for commands and for `stop`
ROUND = 0.05  # seconds of work after which the connections are served


class Line(Protocol):
    """Carries messages to the broker while the loop waits."""

    @property
    def full(self) -> bool:
        """Whether it cannot take more for now."""

    def serve(self, seconds: float) -> None:
        """Do pending work, waiting up to `seconds` for more."""


class NoLine:
    """A Line without connections, which only waits for `stop`."""

    full = False

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def serve(self, seconds: float) -> None:
        """Wait for `stop`, up to `seconds`."""
        self._stop.wait(seconds)


def fleet(
    seed: int, pilot: Pilot, shard: tuple[int, int] = (1, 1),
    level: str = NONE, actions: Actions | None = None, interval: int | None = None,
    world: World | None = None, forced: Iterable[Incident] = (),
) -> list[Node]:  # fmt: skip
    """Return the pilot's measuring nodes, or part `i` of `n` of them. Nodes of a place share its world.

    `interval` is the seconds between readings, instead of their models'. `world` is the nodes' world, with
    the same `actions`. `forced` happens to masts, grid and nodes besides what `level` draws.
    """
    actions = Actions() if actions is None else actions
    world = World(seed, pilot, actions) if world is None else world
    index, count = shard
    network = Network(seed, level, forced)
    devices = [device for device in pilot.fleet.values() if device.model != DIARY]
    return [
        Node(world, pilot, device, seed, level, actions, interval, network)
        for device in devices[index - 1 :: count]
    ]


class Piece(NamedTuple):
    """What one node measures in [start, stop) that has arrived before `by`; epoch ms."""

    node: Node
    start: int
    stop: int
    by: int


def pieces(
    nodes: Iterable[Node], start: int, stop: int, since: Callable[[Node], int] | None = None
) -> list[Piece]:
    """Cut the history of [start, stop) epoch ms into pieces: node after node, a quarter of a year at a time.

    Each piece has what arrives before `stop`. `since` returns where a node's history begins.
    """
    begins = [(node, start if since is None else since(node)) for node in nodes]
    return [
        Piece(node, first, min(first + QUARTER, stop), stop)
        for node, begin in begins
        for first in range(begin, stop, QUARTER)
    ]


def history(
    parts: Iterable[Piece], note: Callable[[Device, Delivery], None] | None = None
) -> Iterator[tuple[Node, list[Reading]]]:
    """Yield the readings of each piece; `note` is called with each delivery."""
    for node, start, stop, by in parts:
        if note is None:
            yield node, list(node.readings(start, stop, by))
            continue
        readings = []
        for delivery in node.deliveries(start, stop, by):
            note(node.device, delivery)
            readings.append(delivery.reading)
        yield node, readings


def diaries(
    seed: int, pilot: Pilot, start: int, stop: int,
    communities: Sequence[Community] | None = None, world: World | None = None,
) -> Iterator[tuple[Device, bytes]]:  # fmt: skip
    """Yield all diary events in [start, stop) epoch ms, by community, as payloads."""
    world = World(seed, pilot) if world is None else world
    for community in pilot.communities if communities is None else communities:
        device = secretary(pilot, community)
        for event in diary(seed, pilot, community, start, stop, world):
            yield device, encode_diary(event)


def secretary(pilot: Pilot, community: Community) -> Device:
    """Return the device that keeps a community's diary."""
    return pilot.fleet[f"{community.id}-diary-01"]


class Live:
    """Runs from simulated time `start` on. `send` gets device, kind and payload; `tell` gets ground truth.

    `stamped`: a message without a time gets its arrival time, because a gateway cannot know it if the
    simulated time is not now. `underway` are deliveries measured in the history that arrive during this run.
    """

    def __init__(
        self, seed: int, pilot: Pilot, nodes: Sequence[Node], start: int, send: Send,
        communities: Sequence[Community], tell: Tell | None = None,
        control: tuple[Control, Commands] | None = None, world: World | None = None, stamped: bool = False,
        underway: Iterable[tuple[Node, Delivery]] = (),
    ) -> None:  # fmt: skip
        self.env = simpy.Environment(initial_time=start)
        self._send, self._tell, self._control, self._stamped = send, tell, control, stamped
        self._pilot, self._world = pilot, World(seed, pilot) if world is None else world
        self._foresight = Foresight(nodes, self._world)
        self._stations = [Station(self.env, node, self._emit, tell) for node in nodes if node.faulty]
        for node in nodes:
            if not node.faulty:
                self.env.process(self._measure(node))
        for node, delivery in underway:
            self.env.process(self._bring(node, delivery))
        for community in communities:
            self.env.process(self._write_down(seed, pilot, community))

    @property
    def now(self) -> int:
        return int(self.env.now)

    def run(self, speed: float, until: int | None, stop: threading.Event, line: Line | None = None) -> None:
        """Run until simulated time `until` or until `stop` is set. With `speed` 0 it runs as fast as possible
        and as `line` can carry.
        """
        began, first, end = time.monotonic(), self.now, None
        line, served = line or NoLine(stop), began
        while not stop.is_set():
            now = time.monotonic()
            played = int((now - began) * 1000 * speed)
            self._obey(max(self.now, first + played))
            upcoming = self.env.peek()
            if until is not None and upcoming >= until:
                end = until
                break
            wait = (upcoming - first - played) / 1000 / speed if speed else 0
            if wait > 0 or line.full:
                busy = 0 < speed <= FASTEST and wait > 0 and self._foresight.look(self.now)
                line.serve(0 if busy else min(wait, NAP) if wait > 0 else NAP)
            elif now - served > ROUND:
                line.serve(0)
                served = now
            else:
                self.env.step()
        for station in self._stations:
            station.close(self.now if end is None else end)

    def _obey(self, now: int) -> None:
        """Carry out the commands that have arrived."""
        while self._control is not None:
            control, commands = self._control
            try:
                name, payload = commands.get_nowait()
            except Empty:
                return
            self._send(self._pilot.fleet[name], "result", control.answer(name, payload, now))

    def _emit(self, node: Node, span: Span) -> None:
        for delivery in node.telemetry.deliveries(span):
            self._deliver(node, delivery)

    def _deliver(self, node: Node, delivery: Delivery) -> None:
        payload = encode_reading(delivery.reading, delivery.clock or self._stamped)
        self._send(node.device, "telemetry", payload)

    def _bring(self, node: Node, delivery: Delivery) -> Events:
        for at in (delivery.arrives, delivery.again):
            if at >= self.now:  # earlier ones are in the history
                yield self.env.timeout(at - self.now)
                self._deliver(node, delivery)

    def _measure(self, node: Node) -> Events:
        tick = node.ticks.after(self.now - 1)  # history ends before this moment
        while True:
            yield self.env.timeout(max(0, tick - self.now))
            self._send(node.device, "telemetry", node.message(tick))
            tick = node.ticks.after(tick)

    def _write_down(self, seed: int, pilot: Pilot, community: Community) -> Events:
        device = secretary(pilot, community)
        while True:
            day_end = (self.now // DAY_MS + 1) * DAY_MS
            for event in diary(seed, pilot, community, self.now, day_end, self._world):
                yield self.env.timeout(max(0, epoch_ms(event.ts) - self.now))
                self._send(device, "diary", encode_diary(event))
            yield self.env.timeout(max(1, day_end - self.now))


class Station:
    """A node with faults: a healthy process, and a second one that silences and alters it.

    Modelled on SimPy's machine shop (docs/examples). History computes the same with arrays; here it happens
    one message at a time.
    """

    def __init__(
        self, env: simpy.Environment, node: Node, emit: Callable[[Node, Span], None], tell: Tell | None
    ) -> None:
        self._env, self._node, self._emit, self._tell = env, node, emit, tell
        self._start = int(env.now)
        self._running: list[Episode] = []
        self._queue: deque[tuple[Span, list[Episode]]] = deque(maxlen=node.radio.carrier.memory or 1)
        # messages that the history left waiting: `underway` delivers them first, and they take up time
        self._ahead = node.radio.waiting(node.ticks.at(self._start))
        # day, and for each of its ticks whether a transmission gets through
        self._luck = (-1, np.empty(0, dtype=bool))
        env.process(self._measure())
        env.process(self._trouble())

    def close(self, now: int) -> None:
        """Report the episodes that are still running."""
        self._record([episode for episode in self._running if episode.start < now], now)

    def _measure(self) -> Events:
        node = self._node
        tick = node.ticks.after(self._start - 1)
        while True:
            yield self._env.timeout(tick - int(self._env.now))
            if not self._any(*DARK):
                span = change(node.sensors.healthy(tick, tick + 1), self._running)
                if not node.timed:
                    span = span._replace(claims=np.array([NO_CLOCK]))
                self._queue.append((span, [e for e in self._running if e.kind in (DUPLICATES, REORDERING)]))
                if not self._any(OUTAGE) and self._gets_through(tick):
                    self._flush(tick)
            tick = node.ticks.after(tick)

    def _gets_through(self, tick: int) -> bool:
        """Return whether rain and distance let a transmission through; computed a day at a time."""
        day, first = tick // DAY_MS, self._node.ticks.at(tick // DAY_MS * DAY_MS)
        if self._luck[0] != day:
            self._luck = (day, self._node.radio.gets_through(first, self._node.ticks.at((day + 1) * DAY_MS)))
        return bool(self._luck[1][self._node.ticks.at(tick) - first])

    def _flush(self, now: int) -> None:
        """Send all kept messages, oldest first."""
        memory, gap = self._node.radio.carrier.memory or 1, self._node.radio.carrier.gap
        place = min(self._ahead, memory - len(self._queue))
        self._ahead = 0
        while self._queue:
            self._env.process(self._travel(*self._queue.popleft(), now + place * gap))
            place += 1

    def _travel(self, span: Span, episodes: list[Episode], arrives: int) -> Events:
        number, again = self._node.ticks.numbers(span.times), 0
        for episode in episodes:
            if self._node.radio.chosen(episode, number)[0]:
                later = episode.parameters["later_ms"]
                arrives += later if episode.kind == REORDERING else 0
                again = arrives + later if episode.kind == DUPLICATES else 0
        span = span._replace(arrives=np.array([arrives]), again=np.array([again]))
        for at in (arrives, again)[: 1 + (again > 0)]:
            yield self._env.timeout(at - int(self._env.now))
            self._emit(self._node, span)

    def _any(self, *kinds: str) -> bool:
        return any(episode.kind in kinds for episode in self._running)

    def _trouble(self) -> Events:
        """Begin and end this node's episodes, a day at a time."""
        while True:
            now = int(self._env.now)
            end = (now // DAY_MS + 1) * DAY_MS
            edges: list[tuple[int, bool, Episode]] = []
            for episode in self._node.episodes(now, end):
                if episode.start >= now or now == self._start:
                    edges.append((max(episode.start, now), True, episode))
                if episode.stop <= end:
                    edges.append((episode.stop, False, episode))
            for at, begins, episode in sorted(edges, key=lambda edge: edge[:2]):
                # episodes running at the start begin at once, so that they apply to a tick at that moment
                if at > self._env.now:
                    yield self._env.timeout(at - int(self._env.now))
                (self._begin if begins else self._end)(episode)
            yield self._env.timeout(end - int(self._env.now))

    def _begin(self, episode: Episode) -> None:
        self._running.append(episode)

    def _end(self, episode: Episode) -> None:
        self._running = [other for other in self._running if other != episode]
        self._record([episode], episode.stop)

    def _record(self, episodes: Iterable[Episode], stop: int) -> None:
        if self._tell is not None:
            for record in judge(self._node, episodes, self._start, stop):
                self._tell(self._node.device, record)
