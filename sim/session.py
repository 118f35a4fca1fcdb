"""One run of the simulator: history first, then live. The next run continues where it stopped.

    Plan ─► history: readings to `store` or `out`, diaries to MQTT or `out`
         └► live: every node and secretary over MQTT, or to `out`; commands come back over MQTT
    ground truth of both to `truth`, live over MQTT too

The state is one small file: the seed, and the time up to which everything was made. Making things twice is
harmless (same node, same tick, same values), so a run begins an hour before the last one's end.
"""

import contextlib
import json
import logging
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Protocol

from rich.console import Console
from rich.progress import track

from devices.clock import DAY_MS, HOUR_MS, epoch_ms, now_ms
from devices.contract.reading import Device, Reading
from devices.contract.topics import Topic
from devices.files import replace
from devices.pilots.levers import Event, YearIs
from devices.pilots.pilot import Pilot
from devices.pilots.scenario import Variant
from devices.terminal import languages
from devices.texts import Misuse, number, text
from sim.nodes.control import Control
from sim.nodes.faults import GONE, NONE, THEFT
from sim.nodes.masts import Incident
from sim.nodes.node import Node
from sim.nodes.telemetry import Delivery, encode_reading
from sim.nodes.truth import Record, encode, lasting, records, topic
from sim.physics.actions import Actions
from sim.physics.world import World
from sim.publish import Links
from sim.run import NAP, Commands, Live, diaries, fleet, history, pieces, secretary
from sim.season import diary, early
from sim.staging import staged
from sim.storms import departure, storms

log = logging.getLogger(__name__)
OVERLAP_MS = HOUR_MS
EARLY = "early-harvest"  # kind of a record in the ground truth
SAVE_EVERY = 60.0  # seconds between two saves of the state
DRAIN = 2.0  # seconds to wait at the end for messages under way


class Past(Protocol):
    """Takes a simulated past without a broker: into the store, the records and the indicators."""

    def keep(self, readings: Sequence[Reading]) -> None:
        """Check and store readings."""

    def write_down(self, events: Iterable[tuple[Device, bytes]]) -> None:
        """Keep diary events and seal their harvests."""

    def count(self, start: int, stop: int) -> None:
        """Count the indicators of every day in [start, stop) epoch ms."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate and where to put it. Times are epoch ms; `start` None is now; `truth` is a file."""

    seed: int
    shard: tuple[int, int]
    history_ms: int
    start: int | None
    until: int | None
    speed: float
    mqtt: str | None
    out: str | None
    store: bool
    live: bool = True  # else it ends when the history is made
    faults: str = NONE
    truth: str | None = None
    ca: Path | None = None  # CA of an mqtts:// broker's certificate; None: the system's CAs
    rollout: Variant = "plan"
    interval: int | None = None  # seconds between two readings of every node, instead of its model's
    storm_ms: int | None = None  # between two failures of a mast, whose nodes reconnect together; None: never
    jitter: float = 0.0  # seconds within which disconnected nodes reconnect
    forced: tuple[Incident, ...] = ()  # what happens to masts, grid and nodes besides what `faults` draws
    years: tuple[YearIs, ...] = ()  # a scenario's changes of the world
    events: tuple[Event, ...] = ()
    complete: bool = False  # also make the past's diaries and indicators, because no gateway follows


class Session:
    """Carries out a plan. `past` takes the readings before its start, if the plan has a store."""

    def __init__(self, plan: Plan, pilot: Pilot, data: Path, secret: str, past: Past | None) -> None:
        self._plan = plan
        self._pilot = pilot
        self._secret = secret
        self._past = past
        self._state = data / "sim" / f"{pilot.pilot}-{plan.shard[0]}-of-{plan.shard[1]}.json"
        self._scenario = plan.start is not None or plan.speed != 1.0
        self._actions = Actions()
        cast = staged(pilot, plan.rollout, plan.seed, plan.years, plan.events)
        self._seed, world, self._forced = cast.seed, cast.pilot, (*plan.forced, *cast.incidents)
        self._world = World(self._seed, world, self._actions)
        self._nodes = fleet(
            self._seed, world, plan.shard, plan.faults, self._actions, plan.interval, self._world,
            self._forced,
        )  # fmt: skip
        index, count = plan.shard
        self._communities = world.communities[index - 1 :: count]
        own = {community.id for community in world.communities}
        others = [one for one in cast.producers if one.id not in own]
        self._organisations = others[index - 1 :: count]
        self._links: Links | None = None
        self._truth: IO[str] | None = None
        # epoch ms where the readings of the first run begin; None: known already
        self._first: int | None = None
        self._runs = 1  # runs so far that filled a pause; the first one counts, too

    def run(self, stop: threading.Event) -> None:
        """Make the history, then run live until the plan's end or `stop`."""
        plan = self._plan
        start = plan.start if plan.start is not None else now_ms()
        begin = self._begin("readings", start)
        saved = self._saved()
        self._runs = saved.get("runs", 1)
        if "readings" not in saved:
            self._first = start if self._past is None else begin
        elif self._past is not None:
            self._runs += 1
        if self._runs > 1:
            self._reboot()
        with _output(plan.out) as out, _output(plan.truth) as self._truth:
            for node in self._nodes:
                self._write_truth(lasting(node))
            self._write_truth(self._early(begin, start if plan.until is None else plan.until))
            if begin < start and (self._past is not None or out is not None):
                self._history(begin, start, out, stop)
            if stop.is_set():
                return
            if not plan.live or not (plan.mqtt or out):
                if plan.complete and self._past is not None:
                    self._past.write_down(self._past_diaries(start))
                    self._past.count(begin, start)
                self._save(readings=start)
                return
            self._live(begin, start, out, stop)

    def _reboot(self) -> None:
        """Give all nodes the `boot` of this run. Readings between the last run and this one go straight to
        the store; under the old boot a gateway would count their numbers as missing. A run without a store
        goes on with the boot of the run before.
        """
        for node in self._nodes:
            node.telemetry.boot = f"{node.telemetry.boot}-{self._runs}"

    def simulated_span(self) -> tuple[int, int] | None:
        """From when to when (epoch ms) earlier runs made readings, if this plan asks for still earlier ones:
        these are not made any more, because stored indicators, advice and records rest on what was there.
        """
        saved, start = self._saved(), now_ms()
        if self._past is None or "since" not in saved or start - self._plan.history_ms >= saved["since"]:
            return None
        return saved["since"], saved["readings"]

    def _early(self, begin: int, stop: int) -> Iterator[Record]:
        """Yield a record for each harvest within a pre-harvest interval, in [begin, stop). `stop` is the end
        of the run if it has one, else its start.
        """
        for community in self._communities if self._truth is not None else ():
            name = secretary(self._pilot, community).device
            for spray, cut in early(diary(self._seed, self._pilot, community, begin, stop, self._world)):
                details = {"input": spray.id, "harvest": cut.id, "pre_harvest_days": spray.pre_harvest_days}
                yield Record(name, None, EARLY, epoch_ms(spray.ts), epoch_ms(cut.ts), details)

    def _live(self, begin: int, start: int, out: IO[str] | None, stop: threading.Event) -> None:
        plan, commands = self._plan, Commands()
        if plan.mqtt:
            self._connect(start, commands)
        for device, payload in self._past_diaries(start):
            self._send(device, "diary", payload, out)
            while self._links is not None and self._links.full and not stop.is_set():
                self._links.serve(NAP)
            if stop.is_set():
                if self._links is not None:
                    self._links.close(DRAIN)
                return
        live = Live(
            self._seed, self._pilot, self._nodes, start,
            lambda device, kind, payload: self._send(device, kind, payload, out),
            (*self._communities, *self._organisations),
            self._publish_truth if plan.mqtt or plan.truth else None,
            (Control(self._actions, self._nodes), commands), self._world,
            stamped=self._scenario and plan.mqtt is not None,
            underway=self._underway(begin, start) if self._past is not None or out is not None else (),
        )  # fmt: skip
        if self._links is not None and plan.storm_ms is not None:
            devices = [node.device for node in self._nodes]
            live.env.process(storms(live.env, plan.seed, devices, plan.storm_ms, self._links))
        if self._links is not None:
            for node in self._nodes:
                for one in self._missing(node):
                    if one.stop > start:
                        live.env.process(departure(live.env, node.device, one.start, one.stop, self._links))
        try:
            with self._saved_now_and_then(live):
                live.run(plan.speed, plan.until, stop, self._links)
        finally:
            if self._links is None or self._links.close(DRAIN):
                self._save(readings=live.now, diaries=live.now)

    def _past_diaries(self, start: int) -> Iterator[tuple[Device, bytes]]:
        """Yield the diary entries before `start` that were not made by an earlier run.

        The first run over MQTT, or one after which no gateway follows, begins with the whole window of the
        traceability share, because most crops are not harvested within a month.
        """
        begin = self._begin("diaries", start)
        if begin >= start:
            return
        if (self._plan.mqtt or self._plan.complete) and "diaries" not in self._saved():
            window = self._pilot.rules.traceability_share.window_days * DAY_MS
            begin = min(begin, start - window)
        everybody = (*self._communities, *self._organisations)
        yield from diaries(self._seed, self._pilot, begin, start, everybody, self._world)

    def _underway(self, begin: int, start: int) -> Iterator[tuple[Node, Delivery]]:
        """Yield what history leaves to live running: measured before `start`, and arriving later."""
        for node in self._nodes:
            for delivery in node.underway(self._since(node, begin, start), start):
                yield node, delivery

    def _since(self, node: Node, begin: int, start: int) -> int:
        """Where a node's history begins: what it still kept when the last run ended is yet to arrive."""
        return max(node.waits(begin), start - self._plan.history_ms)

    def _begin(self, part: str, start: int) -> int:
        """Return where the past begins: where the last run ended, but no further back than asked."""
        begin = start - self._plan.history_ms
        saved = self._saved()
        if saved.get("seed", self._plan.seed) != self._plan.seed:
            raise Misuse("simulated.seed", kept=saved["seed"], given=self._plan.seed)
        if part in saved:
            begin = max(begin, min(saved[part], start) - OVERLAP_MS)
        return begin

    def _saved(self) -> dict[str, int]:
        if self._plan.start is not None or not self._state.exists():
            return {}
        saved: dict[str, int] = json.loads(self._state.read_text("utf-8"))
        return saved

    def _history(self, begin: int, start: int, out: IO[str] | None, stop: threading.Event) -> None:
        days, lang, count = (start - begin) / DAY_MS, languages()[0], 0
        quiet = start - begin < DAY_MS  # the hours since the last run need no progress bar
        parts = pieces(self._nodes, begin, start, lambda node: self._since(node, begin, start))
        note = None if out is None else partial(self._write, out)
        for _, readings in track(
            history(parts, note), text("simulated.progress", lang, days=number(days, lang, 1)),
            total=len(parts), console=Console(stderr=True), disable=quiet,
        ):  # fmt: skip
            if stop.is_set():
                return
            if self._past is not None and readings:
                self._past.keep(readings)
            count += len(readings)
        for node in self._nodes if self._truth is not None else ():
            self._write_truth(records(node, begin, start))
        log.info("%d messages of history", count)

    def _write(self, out: IO[str], device: Device, delivery: Delivery) -> None:
        self._send(device, "telemetry", encode_reading(delivery.reading, delivery.clock), out)

    def _connect(self, now: int, commands: Commands) -> None:
        plan = self._plan
        devices = [node.device for node in self._nodes]
        devices += [secretary(self._pilot, one) for one in (*self._communities, *self._organisations)]
        self._links = Links(
            plan.mqtt or "", self._secret, devices, scenario=self._scenario, ca=plan.ca, jitter=plan.jitter,
            obey=lambda device, payload: commands.put((device, payload)), paced=plan.speed == 0,
        )  # fmt: skip
        for node in self._nodes:
            if node.since <= now and not any(one.start <= now < one.stop for one in self._missing(node)):
                self._links.open(node.device)

    def _missing(self, node: Node) -> Iterator[Incident]:
        """Yield when the node must be absent: stolen, broken or taken away."""
        for one in self._forced:
            here = one.place == node.device.community and one.device in (None, node.device.device)
            if here and one.kind in (THEFT, GONE):
                yield one

    def _send(self, device: Device, kind: str, payload: bytes, out: IO[str] | None) -> None:
        if out is not None:
            topic = Topic(device.pilot, device.community, device.device, kind)
            out.write(f'{{"topic":"{topic}","payload":{payload.decode()}}}\n')
        elif self._links is not None:
            self._links.publish(device, kind, payload)

    def _write_truth(self, labels: Iterable[Record]) -> None:
        if self._truth is not None:
            self._truth.writelines(encode(label).decode() + "\n" for label in labels)

    def _publish_truth(self, device: Device, label: Record) -> None:
        self._write_truth([label])
        if self._links is not None:
            self._links.publish_on(device, topic(device), encode(label))

    @contextlib.contextmanager
    def _saved_now_and_then(self, live: Live) -> Iterator[None]:
        ended = threading.Event()

        def save() -> None:
            while not ended.wait(SAVE_EVERY):
                if self._links is None or not self._links.waiting:
                    # a full disk may have room the next time, and the save at the end says what is wrong
                    with contextlib.suppress(OSError):
                        self._save(readings=live.now, diaries=live.now)

        saver = threading.Thread(target=save, daemon=True)
        saver.start()
        try:
            yield
        finally:
            ended.set()  # a run may end by itself, long before its process is told to stop
            saver.join()

    def _save(self, **until: int) -> None:
        """Save up to which simulated epoch ms readings and diaries are safe."""
        if self._plan.out or self._plan.start is not None:
            return
        self._state.parent.mkdir(parents=True, exist_ok=True)
        since = {} if self._first is None else {"since": self._first}
        kept = {"seed": self._plan.seed, "runs": self._runs} | since | until
        replace(self._state, json.dumps(self._saved() | kept))


@contextlib.contextmanager
def _output(out: str | None) -> Iterator[IO[str] | None]:
    if out is None:
        yield None
    elif out == "-":
        yield sys.stdout
    else:
        with Path(out).open("w", encoding="utf-8") as file:
            yield file
