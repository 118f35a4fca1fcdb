"""How fast the simulator is, in one run on this machine: `python benchmarks/simulator.py`.

Each line says what limits it. If other programs run on the machine, compare processor time. Traffic stays on
loopback; the benchmark starts Mosquitto and ends it.

A mosquitto_sub beside the broker counts published messages on arrival, for ours and for each peer alike. The
peers are a bare paho loop, whose ratio shows the cost of generating the readings, and two foreign publishers
(peers/mqtt_peer.py), which the first run installs.
"""

import argparse
import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.command import parser_of, run
from benchmarks.peers.mqtt_peer import Peer, mqtt_js, mqtt_simulator
from benchmarks.peers.processes import Missing, Running, find
from devices.broker_url import leave
from devices.clock import DAY_MS, HOUR_MS
from devices.contract.reading import Device
from devices.pilots import scenario
from devices.pilots.pilot import Pilot, load
from gateway.indicators.count import evaluate
from gateway.indicators.coverage import Coverage
from gateway.lots.growth import Growth
from gateway.past import Past
from gateway.stores.sqlite import SqliteStore
from sim.commands import played
from sim.nodes.node import Node
from sim.nodes.telemetry import encode_reading
from sim.run import fleet, history, pieces
from sim.session import Plan, Session
from tests import servers
from traceability.sealing.seal import Sealer

NOW = 1_795_255_200_000  # 21 November 2026
MONTH = 30 * DAY_MS
MESSAGES = 20_000
WARM = 2_000  # messages after which a simulator has computed its first day completely
IN_FLIGHT = 100  # paho scans all of them at each acknowledgement: 1,000 halve its rate
PATIENCE = 90  # seconds after which the rate of a slow publisher is taken from what has arrived


def all_joined(pilot: Pilot) -> Pilot:
    """The pilot as of 2030: every place has joined, so the whole fleet reports."""
    early = {"joined": pilot.villages[0].joined}
    return pilot.changed(
        communities=tuple(place.model_copy(update=early) for place in pilot.communities),
        villages=tuple(place.model_copy(update=early) for place in pilot.villages),
    )


def generate(nodes: list[Node]) -> tuple[float, int, int]:
    """Seconds, messages and values for generating a month of the fleet."""
    began, messages, values = time.perf_counter(), 0, 0
    for _, readings in history(pieces(nodes, NOW - MONTH, NOW)):
        messages += len(readings)
        values += sum(len(reading.values) for reading in readings)
    return time.perf_counter() - began, messages, values


def into_store(pilot: Pilot, folder: Path) -> tuple[float, int]:
    """Seconds and values for generating, checking and storing a month (SQLite) and its indicators."""
    store = SqliteStore(folder / "store.sqlite")
    past = Past(store, pilot)
    began, values = time.perf_counter(), 0
    for _, readings in history(pieces(fleet(1, pilot), NOW - MONTH, NOW)):
        if readings:
            past.keep(readings)
            values += sum(len(reading.values) for reading in readings)
    devices, covered = list(pilot.fleet.values()), Coverage(store, pilot)
    for back in range(30):
        evaluate(store, pilot, devices, NOW - back * DAY_MS, covered=covered)
    store.close()
    return time.perf_counter() - began, values


class Timed(Past):
    """Measures how long its diaries take to store and to seal."""

    sealing = 0.0

    def write_down(self, events: Iterable[tuple[Device, bytes]]) -> None:
        began = time.perf_counter()
        super().write_down(events)
        self.sealing += time.perf_counter() - began


def decade(folder: Path) -> tuple[float, float, int, tuple[int, int]]:
    """Run what `hoiquan simulate --scenario decade --store` does.

    Returns seconds for readings and daily indicators, seconds for sealing, days counted, and the numbers of
    lots and of later events that were sealed.
    """
    play = scenario.load("decade")
    pilot = load(play.pilot)
    judged = play.judged(pilot)
    store = SqliteStore(folder / "store.sqlite")
    sealer = Sealer(
        folder / "trace", judged, Growth(store, judged), "http://localhost:8080", "localhost/decade"
    )
    past = Timed(store, judged, sealer)
    began = time.perf_counter()
    plan = played(Plan(1, (1, 1), 0, None, None, 1.0, None, None, True), play, pilot)
    Session(plan, pilot, folder, "", past).run(threading.Event())
    seconds = time.perf_counter() - began
    sealer.close()
    store.close()
    days, lots, later = (
        sqlite3.connect(folder / file).execute(query).fetchone()[0]
        for file, query in (
            ("store.sqlite", "SELECT count(DISTINCT time) FROM kpi"),
            ("trace/trace.sqlite", "SELECT count(leaf) FROM lot"),
            ("trace/trace.sqlite", "SELECT count(*) FROM addendum"),
        )
    )
    return seconds - past.sealing, past.sealing, days, (lots, later)


def memory(devices: int) -> int:
    """Peak resident MB of a new process that generates an hour of `devices` devices."""
    command = [sys.executable, __file__, "--crowd", str(devices)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def generate_crowd(devices: int) -> None:
    """The work of that process: generate the hour, and print the peak."""
    for _ in history(pieces(fleet(1, crowd(devices)), NOW - HOUR_MS, NOW)):
        pass
    print(peak_mb())


def peak_mb() -> int:
    """Peak resident memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def crowd(devices: int) -> Pilot:
    """The pilot with `devices` soil probes spread over its communities."""
    pilot = all_joined(load("dong-thap"))
    each = -(-devices // len(pilot.communities))
    wanted = {"fleet": {"soil-probe": min(each, 1000)}}
    return pilot.changed(communities=tuple(one.model_copy(update=wanted) for one in pilot.communities))


def mosquitto() -> AbstractContextManager[servers.Mosquitto]:
    """A broker on a free loopback port that lets everybody in and drops nothing."""
    lines = "allow_anonymous true", f"max_inflight_messages {IN_FLIGHT}", "max_queued_messages 0"
    return servers.mosquitto(*lines)


def subscriber() -> str:
    """The path of mosquitto_sub. Raises Missing."""
    return find("mosquitto_sub", "it counts what is published (`make servers` installs it)")


def readings(pilot: Pilot) -> Iterator[tuple[str, bytes]]:
    """Topic and payload of MESSAGES messages, generated one by one."""
    count = 0
    for node in fleet(1, pilot):
        for reading in node.readings(NOW - DAY_MS, NOW):
            yield f"hoiquan/v1/dong-thap/x/{node.device.device}/telemetry", encode_reading(reading)
            count += 1
            if count == MESSAGES:
                return


@contextmanager
def sent(port: int, qos: int, messages: Iterable[tuple[str, bytes]]) -> Iterator[None]:
    """Send all messages from this process."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(IN_FLIGHT)
    client.connect("127.0.0.1", port)
    client.loop_start()
    last = None
    for topic, payload in messages:
        last = client.publish(topic, payload, qos=qos)
    if last is not None:
        last.wait_for_publish(60)
    yield
    leave(client)


@contextmanager
def running(command: list[str], folder: Path, spent: list[float]) -> Iterator[None]:
    """Run a publisher as a separate process until enough messages came; adds its CPU seconds to `spent`."""
    publisher = Running(command, folder, "publisher")
    try:
        yield
        spent.append(publisher.cpu())
    finally:
        publisher.stop()


def heard(port: int, folder: Path, publisher: AbstractContextManager[None]) -> float:
    """Messages a second between the first and the last message that a separate subscriber receives."""
    topics = ("-t", "hoiquan/v1/+/+/+/telemetry", "-t", "peer/+/telemetry")
    listen = [subscriber(), "-h", "127.0.0.1", "-p", str(port), *topics, "-F", "%U"]
    with (folder / "heard").open("w+") as times:
        listener = subprocess.Popen([*listen, "-C", str(MESSAGES), "-W", str(PATIENCE)], stdout=times)
        time.sleep(0.5)
        with publisher:
            listener.wait()
        times.seek(0)
        moments = [float(line) for line in times]
    return (len(moments) - 1) / (moments[-1] - moments[0]) if len(moments) > 1 else 0.0


def played_live(port: int, folder: Path) -> tuple[float, float]:
    """Messages a second of the shipped command while it runs, and its CPU µs per message."""
    publisher = Running(as_it_ships(port), folder, "publisher")
    listen = [subscriber(), "-p", str(port), "-t", "hoiquan/v1/+/+/+/telemetry", "-W", "90"]
    try:
        subprocess.run([*listen, "-C", str(WARM)], stdout=subprocess.DEVNULL, check=False)
        cpu, began = publisher.cpu(), time.perf_counter()
        subprocess.run([*listen, "-C", str(MESSAGES)], stdout=subprocess.DEVNULL, check=False)
        # messages between the two subscriptions are not counted: both figures are a little too bad
        return MESSAGES / (time.perf_counter() - began), (publisher.cpu() - cpu) / MESSAGES * 1e6
    finally:
        publisher.stop()


def as_it_ships(port: int) -> list[str]:
    """The command as a user gives it, in a year when the whole fleet reports."""
    program = str(Path(__file__).parents[1] / "hoiquan.py")
    there, then = ("--mqtt", f"mqtt://127.0.0.1:{port}"), ("--start", "2031-03-01T00:00:00Z")
    return [sys.executable, program, "simulate", "--data", "again", *there, *then, "--speed", "0"]


def published(table: Table, pilot: Pilot, folder: Path) -> None:
    """Add the rows of ours and of the peers, all on one broker."""
    kept = list(readings(pilot))
    payloads = folder / "payloads"
    payloads.write_bytes(b"".join(topic.encode() + b" " + payload + b"\n" for topic, payload in kept))
    with mosquitto() as broker:
        port = broker.port
        for qos in (0, 1):
            mine = heard(port, folder, sent(port, qos, readings(pilot)))
            bare = heard(port, folder, sent(port, qos, kept))
            limit = f"paho; bare loop {bare:,.0f}/s, ratio {mine / bare:.2f}"
            table.add_row(f"messages published at QoS {qos}", f"{mine:,.0f}/s", "", limit)
            simulator = partial(mqtt_simulator, folder, port, qos)
            table.add_row(*foreign(port, folder, "mqtt-simulator (PyPI)", simulator))
            library = partial(mqtt_js, payloads, port, qos)
            table.add_row(*foreign(port, folder, "MQTT.js (npm)", library))
        whole, cost = played_live(port, folder)
        remark = f"one process, a connection a node, {cost:.0f} µs of processor a message"
        table.add_row("hoiquan simulate --mqtt --speed 0, QoS 1", f"{whole:,.0f}/s", "", remark)


def foreign(port: int, folder: Path, name: str, start: Callable[[], Peer]) -> tuple[str, str, str, str]:
    """A peer's row, or a row that says why it has no figure."""
    try:
        peer = start()
    except Missing as reason:
        return f"  peer {name}", "not measured", "", str(reason)
    spent = list[float]()
    rate = heard(port, folder, running(peer.command, folder, spent))
    if not rate:
        tail = (folder / "publisher.log").read_text("utf-8", "replace").split()[-30:]
        return f"  peer {peer.name}", "not measured", "", f"no message of it came: {' '.join(tail)}"
    cost = f"{spent[0] / MESSAGES * 1e6:.0f} µs of processor a message, its start included"
    return f"  peer {peer.name}", f"{rate:,.0f}/s", "", f"{peer.remark}; {cost}"


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--crowd", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.crowd:
        generate_crowd(options.crowd)
        return
    subscriber()  # rather than after the minutes of the first rows
    pilot = all_joined(load("dong-thap"))
    table = Table("what", "measured", "asked for", "limit")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        nodes = fleet(1, pilot)
        seconds, messages, values = generate(nodes)
        rate = f"{values / seconds:,.0f}/s"
        table.add_row(f"readings generated, {values:,}", rate, "400,000/s", "one core, Python objects")
        seconds, values = into_store(pilot, folder)
        table.add_row(f"30 days into SQLite, {values:,} readings, checked, 30 days counted",
                      f"{seconds:.1f} s", "15 s", "one core, SQLite")  # fmt: skip
        counting, sealing, days, sealed = decade(folder / "decade")
        table.add_row(f"a decade of the rollout, its indicators of {days:,} days",
                      f"{counting:.1f} s", "60 s", "one core, SQLite")  # fmt: skip
        table.add_row("  its {:,} lots and {:,} later events sealed beside".format(*sealed),
                      f"{sealing:.1f} s", "", "one core, a file and two syncs a record")  # fmt: skip
        table.add_row("memory at 10,000 devices", f"{memory(10_000)} MB", "400 MB", "")
        published(table, pilot, folder)
    table.caption = (
        f"{len(nodes)} nodes, {messages:,} messages a month; this process peaked at {peak_mb()} MB"
    )
    Console(width=150).print(table)


if __name__ == "__main__":
    run(main)
