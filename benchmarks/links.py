"""How many connections of simulated nodes one process holds: `python benchmarks/links.py [CONNECTIONS]`.

Each connection has its own client id, password, last will and window. One run measures ours and MQTT.js (npm)
on the same Mosquitto, then ours over TLS; and mqtt-bench (Go, without wills) if `--mqtt-bench` names its
program: its sources of 2017 build with paho.mqtt.golang 1.4.3 in place of the library's old address and
`MQTT.Client` in place of `*MQTT.Client`. The fleet is a separate process that measures itself; a
mosquitto_sub counts the wills that arrive when the fleet is killed. The limits are open files (the program
raises its own) and one core of the fleet beside one of the broker. If other programs run on the machine,
compare processor time, not rates.
"""

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.command import parser_of, run
from benchmarks.peers.mqtt_peer import LIBRARY, js_library
from benchmarks.peers.processes import Missing, Running, find, status_kb
from devices.access.authority import prepare
from devices.contract.reading import Device
from sim.publish import Links
from tests import servers
from tests.loopback import free_port

ROUNDS = 10  # messages per device
OVER_TLS = 1_000
PATIENCE = 300.0  # seconds for the slowest step
PAYLOAD = (
    b'{"ts":1790000000000,"seq":2983333,"boot":"sim-1",'
    b'"values":{"soil_moisture":30.1,"soil_temperature":28.2}}'
)
MQTT_JS = """
const [library, url, count, rounds, payload] = process.argv.slice(1);
const mqtt = require(library), clients = [], say = (what) => console.log(JSON.stringify(what));
const used = () => { const u = process.cpuUsage(); return (u.user + u.system) / 1e6; };
const topic = (n, kind) => `hoiquan/v1/dong-thap/bench/bench-${n}/${kind}`;
const base = process.memoryUsage().rss, n = Number(count);
let began = Date.now(), cpu = used(), there = 0, next = 0;
const done = (messages) => say({ seconds: (Date.now() - began) / 1e3, cpu: used() - cpu, messages,
                                 kb: (process.memoryUsage().rss - base) / 1024 / n });
const talk = () => {
  let open = n * Number(rounds);
  began = Date.now(); cpu = used();
  for (let round = 0; round < Number(rounds); round++)
    clients.forEach((c, i) => c.publish(topic(i, "telemetry"), payload, { qos: 1 }, () => {
      if (!--open) done(n * Number(rounds));
    }));
};
const more = () => {
  if (next >= n) return;
  const id = next++;
  const will = { topic: topic(id, "status"), payload: "offline", qos: 1, retain: true };
  const c = mqtt.connect(url, { clientId: `bench-${id}`, keepalive: 60, connectTimeout: 120000, will });
  clients.push(c);
  c.once("connect", () => { more(); if (++there === n) { done(0); talk(); } });
};
for (let i = 0; i < 100; i++) more();
"""


class Report(NamedTuple):
    """What a fleet has used so far: seconds, CPU seconds, messages, and KB of memory a link."""

    seconds: float
    cpu: float
    messages: int
    kb: float


def fleet(url: str, count: int, ca: Path | None) -> None:
    """The child's work: connect all devices, send ROUNDS messages each, and stay until killed."""
    devices = [Device("dong-thap", "bench", f"bench-{number}", "soil-probe", True) for number in range(count)]
    links = Links(url, "secret", devices, scenario=False, ca=ca)
    base = status_kb(os.getpid(), "VmRSS")
    began, cpu = time.monotonic(), time.process_time()

    def done(messages: int) -> None:
        kb = (status_kb(os.getpid(), "VmRSS") - base) / count
        report = Report(time.monotonic() - began, time.process_time() - cpu, messages, kb)
        print(json.dumps(report._asdict()), flush=True)

    nodes = [links.open(device) for device in devices]
    while not all(node.connected for node in nodes):
        links.serve(0.1)
    while links.waiting:
        links.serve(0.1)
    done(0)
    began, cpu = time.monotonic(), time.process_time()
    for _ in range(ROUNDS):
        for device in devices:
            links.publish(device, "telemetry", PAYLOAD)
            while links.full:
                links.serve(0.1)
    while links.waiting:
        links.serve(0.1)
    done(count * ROUNDS)
    while True:
        links.serve(1)


@contextmanager
def broker(folder: Path) -> Iterator[tuple[str, str]]:
    """Run a Mosquitto that lets everybody in; yields its plain and its TLS address."""
    tls = free_port()
    prepare(folder / "ca", folder / "server", ["127.0.0.1"])
    lines = ("allow_anonymous true", "max_queued_messages 0", f"listener {tls} 127.0.0.1",
             f"certfile {folder}/server/server.pem", f"keyfile {folder}/server/server.key")  # fmt: skip
    with servers.mosquitto(*lines) as running:
        yield running.url, f"mqtts://127.0.0.1:{tls}"


def row(table: Table, name: str, command: list[str], folder: Path, url: str, count: int) -> None:
    """Run a fleet, kill it, and count its wills."""
    child = Running(command, folder, name.replace(" ", "-"))
    try:
        connected, talked = reports(child)
        listen = [find("mosquitto_sub", "make servers"), "-h", "127.0.0.1", "-p", url.rpartition(":")[2],
                  "-t", "hoiquan/v1/dong-thap/bench/+/status", "-R", "-C", str(count), "-W", "60",
                  "-F", "%p"]  # fmt: skip
        with (folder / "wills").open("w+") as wills:
            listener = subprocess.Popen(listen, stdout=wills)
            time.sleep(1)
            began = time.monotonic()
            child.kill()
            listener.wait()
            took = time.monotonic() - began
            wills.seek(0)
            came = wills.read().count("offline")
    finally:
        child.kill()
    table.add_row(
        name, f"{count:,}", f"{connected.seconds:.1f} s", f"{connected.cpu / count * 1e6:,.0f} µs",
        f"{talked.kb:.1f} KB", f"{talked.messages / talked.seconds:,.0f}/s",
        f"{talked.cpu / talked.messages * 1e6:.1f} µs", f"{came:,} in {took:.1f} s",
    )  # fmt: skip


def go_row(table: Table, program: Path, folder: Path, url: str, count: int) -> None:
    """Run mqtt-bench: it connects one client after another, sends all messages, and hangs up."""
    began = time.monotonic()
    child = Running(
        [str(program), "-action=pub", f"-broker={url.replace('mqtt:', 'tcp:')}", f"-clients={count}",
         f"-count={ROUNDS}", f"-size={len(PAYLOAD)}", "-qos=1", "-pretime=0"],
        folder, "mqtt-bench",
    )  # fmt: skip
    try:
        while "Start benchmark" not in child.log.read_text():
            if child.ended() or time.monotonic() - began > PATIENCE:
                raise SystemExit(f"benchmarks/links.py: {child.tail()}")
            time.sleep(0.01)
        connected, cpu, kb = time.monotonic() - began, child.cpu(), child.resident_mb() * 1024 / count
        while (result := re.search(r"throughput=([\d.]+)", child.log.read_text())) is None:
            if child.ended() or time.monotonic() - began > PATIENCE:
                raise SystemExit(f"benchmarks/links.py: {child.tail()}")
            time.sleep(0.1)
    finally:
        child.kill()
    table.add_row(
        "mqtt-bench", f"{count:,}", f"{connected:.1f} s", f"{cpu / count * 1e6:,.0f} µs", f"{kb:.1f} KB",
        f"{float(result[1]):,.0f}/s", "", "has none",
    )  # fmt: skip


def reports(child: Running) -> list[Report]:
    """The two reports of a fleet: after connecting, and after sending."""
    deadline = time.monotonic() + PATIENCE
    while True:
        lines = [line for line in child.log.read_text().splitlines() if line.startswith("{")]
        if len(lines) >= 2:
            return [Report(**json.loads(line)) for line in lines]
        if child.ended() or time.monotonic() > deadline:
            raise SystemExit(f"benchmarks/links.py: {child.tail()}")
        time.sleep(0.1)


def main() -> None:
    """Run the comparison, or be the child."""
    parser = parser_of(__doc__)
    parser.add_argument(
        "connections", nargs="?", type=int, default=10_000, help="number of connections (10000)"
    )
    parser.add_argument("--mqtt-bench", type=Path, help="also measure this program, mqtt-bench")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        url, *ca = options.child
        fleet(url, options.connections, Path(ca[0]) if ca else None)
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # Mosquitto and MQTT.js inherit our limit
    count, program = options.connections, str(Path(__file__).resolve())
    talk = f"{ROUNDS} each, QoS 1"
    table = Table("one process", "own links", "connected in", "cpu a link", "memory a link", talk,
                  "cpu a message", "wills after SIGKILL")  # fmt: skip
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with broker(folder) as (plain, tls):
            ours = [sys.executable, program]
            row(table, "ours", [*ours, str(count), "--child", plain], folder, plain, count)
            try:
                library = js_library()
                node = shutil.which("node") or "node"
                words = [str(library), plain, str(count), str(ROUNDS), PAYLOAD.decode()]
                row(table, f"MQTT.js {LIBRARY}", [node, "-e", MQTT_JS, *words], folder, plain, count)
            except Missing as reason:
                table.add_row("MQTT.js", str(reason))
            if options.mqtt_bench:
                go_row(table, options.mqtt_bench, folder, plain, count)
            secure = [*ours, str(OVER_TLS), "--child", tls, str(folder / "ca" / "ca.pem")]
            row(table, "ours over TLS", secure, folder, plain, OVER_TLS)
    table.caption = (
        f"{os.cpu_count()} processors, load {before:.1f} before and {os.getloadavg()[0]:.1f} at the end"
    )
    Console(width=150).print(table)


if __name__ == "__main__":
    run(main)
