"""One run of the simulator: history first, then live; where it stopped, the next run goes on.

    Plan ─► history: readings to `store` or `out`, diaries to MQTT or `out`
         └► live: every node and secretary over MQTT, or to `out`

State is one small file: the seed, and the time up to which everything was made. Being made twice is
harmless (same node, same tick, same values), so a run begins an hour before the last one's end.
"""

import contextlib
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.progress import track

from devices.pilot import Pilot
from devices.reading import Device, Reading
from devices.topics import Topic
from sim.node import Node
from sim.publish import Link
from sim.run import Live, diaries, fleet, history

log = logging.getLogger(__name__)
OVERLAP_MS = 3_600_000
SAVE_EVERY = 60.0  # seconds
DRAIN = 2.0  # seconds at the end for messages that are on their way
UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000}
Keep = Callable[[Sequence[Reading]], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate and where to put it. Times are epoch ms; `start` None is now."""

    seed: int
    shard: tuple[int, int]
    history_ms: int
    start: int | None
    until: int | None
    speed: float
    mqtt: str | None
    out: str | None
    store: bool


class Session:
    """Carries out a plan. `keep` writes readings of the past to the store, where the plan has one."""

    def __init__(self, plan: Plan, pilot: Pilot, data: Path, secret: str, keep: Keep | None) -> None:
        self._plan = plan
        self._pilot = pilot
        self._secret = secret
        self._keep = keep
        self._state = data / "sim" / f"{pilot.pilot}-{plan.shard[0]}-of-{plan.shard[1]}.json"
        self._links: dict[str, Link] = {}
        self._scenario = plan.start is not None or plan.speed != 1.0

    def run(self, stop: threading.Event) -> None:
        """History, then live until the plan's end or `stop`."""
        plan = self._plan
        start = plan.start if plan.start is not None else time.time_ns() // 1_000_000
        nodes = fleet(plan.seed, self._pilot, plan.shard)
        begin = self._begin("readings", start)
        with _output(plan.out) as out:
            if begin < start and (self._keep is not None or out is not None):
                self._history(nodes, begin, start, out, stop)
            if stop.is_set():
                return
            if not (plan.mqtt or out):
                self._save(readings=start)
                return
            if plan.mqtt:
                self._connect(nodes, start)
            begin = self._begin("diaries", start)
            for device, payload in diaries(plan.seed, self._pilot, begin, start) if begin < start else ():
                self._send(device, "diary", payload, out)
            live = Live(
                plan.seed, self._pilot, nodes, start,
                lambda device, kind, payload: self._send(device, kind, payload, out),
            )  # fmt: skip
            saver = threading.Thread(target=self._save_now_and_then, args=(live, stop), daemon=True)
            saver.start()
            try:
                live.run(plan.speed, plan.until, stop)
            finally:
                if self._close():
                    self._save(readings=live.now, diaries=live.now)

    def _begin(self, what: str, start: int) -> int:
        """Where the past begins: where the last run ended, but no further back than asked."""
        begin = start - self._plan.history_ms
        kept = self._kept()
        if kept.get("seed", self._plan.seed) != self._plan.seed:
            raise ValueError(
                f"this folder was filled with seed {kept['seed']}, not {self._plan.seed}: "
                "use that seed, or another folder with --data"
            )
        if what in kept:
            begin = max(begin, min(kept[what], start) - OVERLAP_MS)
        return begin

    def _kept(self) -> dict[str, int]:
        if self._plan.start is not None or not self._state.exists():
            return {}
        kept: dict[str, int] = json.loads(self._state.read_text("utf-8"))
        return kept

    def _history(
        self, nodes: Sequence[Node], begin: int, start: int, out: IO[str] | None, stop: threading.Event
    ) -> None:
        days = (start - begin) / UNITS["d"]
        console = Console(stderr=True)
        made = 0
        quiet = start - begin < UNITS["d"]  # the hours since the last run need no progress bar
        for node, readings in track(
            history(nodes, begin, start),
            f"history, {days:.1f} days",
            total=len(nodes),
            console=console,
            disable=quiet,
        ):
            if stop.is_set():
                return
            if self._keep is not None:
                self._keep(readings)
            if out is not None:
                for reading in readings:
                    self._send(node.device, "telemetry", node.payload(reading), out)
            made += len(readings)
        log.info("%d messages of history", made)

    def _connect(self, nodes: Sequence[Node], now: int) -> None:
        for node in nodes:
            if node.since <= now:
                self._link(node.device)

    def _link(self, device: Device) -> Link:
        link = self._links.get(device.device)
        if link is None:
            link = Link(self._plan.mqtt or "", self._secret, device, scenario=self._scenario)
            self._links[device.device] = link
        return link

    def _send(self, device: Device, kind: str, payload: bytes, out: IO[str] | None) -> None:
        if out is not None:
            topic = Topic(device.pilot, device.community, device.device, kind)
            out.write(f'{{"topic":"{topic}","payload":{payload.decode()}}}\n')
        elif self._plan.mqtt:
            self._link(device).publish(kind, payload)

    def _close(self) -> bool:
        """End every link; whether the broker has acknowledged all that was sent."""
        deadline = time.monotonic() + DRAIN
        for link in self._links.values():
            link.say_goodbye()
        while any(link.waiting for link in self._links.values()) and time.monotonic() < deadline:
            time.sleep(0.02)
        done = not any(link.waiting for link in self._links.values())
        for link in self._links.values():
            link.close()
        return done

    def _save_now_and_then(self, live: Live, stop: threading.Event) -> None:
        while not stop.wait(SAVE_EVERY):
            if not any(link.waiting for link in self._links.values()):
                self._save(readings=live.now, diaries=live.now)

    def _save(self, **until: int) -> None:
        """Remember up to when readings and diaries are safe, in simulated epoch ms."""
        if self._plan.out or self._plan.start is not None:
            return
        self._state.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._state.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(self._kept() | {"seed": self._plan.seed} | until), "utf-8")
        temporary.replace(self._state)


@contextlib.contextmanager
def _output(out: str | None) -> Iterator[IO[str] | None]:
    if out is None:
        yield None
    elif out == "-":
        yield sys.stdout
    else:
        with Path(out).open("w", encoding="utf-8") as file:
            yield file


def parse_duration(value: str) -> int:
    """30d, 12h or 90m to milliseconds. Raises ValueError."""
    if value[-1:] not in UNITS or not value[:-1].isdigit():
        raise ValueError(f"--history {value!r}: write a whole number and d, h or m, such as 30d")
    return int(value[:-1]) * UNITS[value[-1]]


def parse_moment(value: str) -> int:
    """RFC 3339 to epoch ms. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"time {value!r}: write RFC 3339 with a zone, such as 2026-11-21T00:00:00+07:00")
    return round(moment.timestamp() * 1000)


def parse_shard(value: str) -> tuple[int, int]:
    """i/n with 1 ≤ i ≤ n. Raises ValueError."""
    index, _, count = value.partition("/")
    if index.isdigit() and count.isdigit() and 1 <= int(index) <= int(count):
        return int(index), int(count)
    raise ValueError(f"--shard {value!r}: write i/n with i from 1 to n, such as 1/4")
