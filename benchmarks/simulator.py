"""How fast the simulator is, in one run on this machine: `python benchmarks/simulator.py`.

Each line says what limits it. Traffic stays on loopback; Mosquitto is started here and ended here. The
peer beside ours in the same run is a bare paho loop on the same broker: it does nothing but publish, so
the ratio says what generating the readings costs.
"""

import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from devices.pilot import Pilot, load
from gateway.checks import check
from gateway.indicators import evaluate
from gateway.sqlite import SqliteStore
from sim.node import DAY_MS, Node
from sim.run import fleet, history

NOW = 1_795_255_200_000  # 21 November 2026
MONTH = 30 * DAY_MS
MESSAGES = 20_000
IN_FLIGHT = 1000


def all_joined(pilot: Pilot) -> Pilot:
    """The pilot as of 2030: every place has joined, so the whole fleet reports."""
    early = {"joined": pilot.villages[0].joined}
    fields = {name: getattr(pilot, name) for name in Pilot.model_fields}
    places = {
        name: tuple(place.model_copy(update=early) for place in getattr(pilot, name))
        for name in ("communities", "villages")
    }
    return Pilot(**{**fields, **places})


def generate(nodes: list[Node]) -> tuple[float, int, int]:
    """Seconds, messages and values of a month of the fleet."""
    began, messages, values = time.perf_counter(), 0, 0
    for _, readings in history(nodes, NOW - MONTH, NOW):
        messages += len(readings)
        values += sum(len(reading.values) for reading in readings)
    return time.perf_counter() - began, messages, values


def into_store(pilot: Pilot, folder: Path) -> tuple[float, int]:
    """Seconds and values of a month generated, checked, stored in SQLite, and its indicators counted."""
    store = SqliteStore(folder / "store.sqlite")
    began, values = time.perf_counter(), 0
    for _, readings in history(fleet(1, pilot), NOW - MONTH, NOW):
        if readings:
            store.write([point for reading in readings for point in check(reading)])
            values += sum(len(reading.values) for reading in readings)
    devices = list(pilot.fleet.values())
    for back in range(30):
        evaluate(store, pilot, devices, NOW - back * DAY_MS)
    store.close()
    return time.perf_counter() - began, values


def memory(devices: int) -> int:
    """Peak resident MB of a fresh process that makes an hour of so many devices."""
    script = (
        "import sys; sys.path.insert(0, '.')\n"
        "from benchmarks.simulator import crowd, NOW\n"
        "from sim.run import fleet, history\n"
        f"nodes = fleet(1, crowd({devices}))\n"
        "made = sum(len(r) for _, r in history(nodes, NOW - 3_600_000, NOW))\n"
        "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, made)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    return int(done.stdout.split()[0])


def crowd(devices: int) -> Pilot:
    """The pilot with `devices` soil probes spread over its communities."""
    pilot = all_joined(load("dong-thap"))
    each = -(-devices // len(pilot.communities))
    fields = {name: getattr(pilot, name) for name in Pilot.model_fields}
    communities = tuple(
        replace_fleet(community, {"soil-probe": min(each, 1000)}) for community in pilot.communities
    )
    return Pilot(**{**fields, "communities": communities})


def replace_fleet(community: object, wanted: dict[str, int]) -> object:
    return community.model_copy(update={"fleet": wanted})  # type: ignore[attr-defined]


@contextmanager
def mosquitto(folder: Path) -> Iterator[int]:
    """A broker on a free loopback port that lets everybody in."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if program is None:
        raise SystemExit("benchmarks/simulator.py: mosquitto is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    conf = folder / "mosquitto.conf"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages {IN_FLIGHT}\n")
    broker = subprocess.Popen([program, "-c", str(conf)], stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield port
    finally:
        broker.terminate()
        broker.wait()


def publish(port: int, qos: int, payloads: Callable[[], Iterator[tuple[str, bytes]]]) -> float:
    """Messages a second from the first publish until the broker has the last."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(IN_FLIGHT)
    client.connect("127.0.0.1", port)
    client.loop_start()
    began, last = time.perf_counter(), None
    for topic, payload in payloads():
        last = client.publish(topic, payload, qos=qos)
    if last is not None:
        last.wait_for_publish(60)
    seconds = time.perf_counter() - began
    client.disconnect()
    client.loop_stop()
    return MESSAGES / seconds


def main() -> None:
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
        table.add_row("memory at 10,000 devices", f"{memory(10_000)} MB", "400 MB", "")

        def ours() -> Iterator[tuple[str, bytes]]:
            count = 0
            for node in fleet(1, pilot):
                for reading in node.readings(NOW - DAY_MS, NOW):
                    yield f"hoiquan/v1/dong-thap/x/{node.device.device}/telemetry", node.payload(reading)
                    count += 1
                    if count == MESSAGES:
                        return

        kept = list(ours())
        with mosquitto(folder) as port:
            for qos in (0, 1):
                mine, bare = publish(port, qos, ours), publish(port, qos, lambda: iter(kept))
                limit = f"paho; bare loop {bare:,.0f}/s, ratio {mine / bare:.2f}"
                table.add_row(f"messages published at QoS {qos}", f"{mine:,.0f}/s", "", limit)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    table.caption = f"{len(nodes)} nodes, {messages:,} messages a month; this process peaked at {peak} MB"
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
