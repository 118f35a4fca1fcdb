"""Other publishers beside the simulator, which the first run installs into a folder outside the repository.

    mqtt-simulator (PyPI)   a device simulator as it ships: a schedule, JSON, random numbers, no physics
    MQTT.js (npm)           a client library that sends payloads we generated before: it computes nothing

Both send until they have sent enough or are ended; a subscriber at the broker counts.
"""

import sys
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers.processes import cache, find, install
from devices.contract.models import MODELS
from devices.contract.signals import SIGNALS

SIMULATOR, LIBRARY = "0.1.0", "5.16.0"
# the packages that mqtt-simulator 0.1.0 requires
SIMULATOR_NEEDS = ("paho-mqtt==2.1.0", "pydantic==2.12.5", "rich>=14.2", "typer>=0.24.1")
# mqtt-simulator asks for Python 3.13 but runs on 3.11; the same Python on both sides compares better. It is
# installed last, because its command marks a complete environment.
INSTALL = """
"$0" -m venv "$1"
home=$1 own=$2
shift 2
pip() { "$home/bin/python" -m pip install -q --disable-pip-version-check "$@"; }
pip "$@"
pip --no-deps --ignore-requires-python "$own"
"""
WINDOW = 1000  # unacknowledged messages; of 100, 1,000 and no limit, MQTT.js is fastest with this
PUBLISHER = """
const [library, file, port, qos, window] = process.argv.slice(1);
const client = require(library).connect({ host: "127.0.0.1", port: Number(port) });
const lines = require("fs").readFileSync(file, "utf8").split("\\n").filter(Boolean);
let next = 0, open = 0;
const send = () => {
  while (open < Number(window) && next < lines.length) {
    const line = lines[next++], gap = line.indexOf(" ");
    open++;
    client.publish(line.slice(0, gap), line.slice(gap + 1), { qos: Number(qos) }, () => { open--; send(); });
  }
  if (!open && next === lines.length) client.end();
};
client.once("connect", send);
"""


class Peer(NamedTuple):
    """A publisher's name, its command, and a remark beside its figure."""

    name: str
    command: list[str]
    remark: str


def mqtt_simulator(folder: Path, port: int, qos: int) -> Peer:
    """One device with the weather station's signals, as fast as possible.

    With more devices mqtt-simulator slows down: it copies the state of all of them after each message.
    """
    name = f"mqtt-simulator {SIMULATOR}"
    home = cache(f"mqtt-simulator-{SIMULATOR}")
    program = home / "bin" / "mqtt-sim"
    if not program.exists():
        wanted = [f"mqtt-simulator=={SIMULATOR}", *SIMULATOR_NEEDS]
        install(["sh", "-ec", INSTALL, sys.executable, str(home), *wanted], home, name)
    config = folder / f"mqtt-simulator-{qos}.toml"
    config.write_text(schedule(port, qos))
    command = [str(program), "run", "-c", str(config), "--output", "log", "--seed", "1"]
    remark = "one device as it ships, one message in flight; random numbers, no physics"
    return Peer(f"{name} (PyPI)", command, remark)


def schedule(port: int, qos: int) -> str:
    """mqtt-simulator's configuration: a reading of our shape as soon as the last one is sent."""
    values = []
    for name in MODELS["weather-station"].signals:
        one = SIGNALS[name]
        bounds = f"min = {one.low}, max = {one.high}, precision = {one.decimals}"
        values.append(f'{name} = {{ random = {{ type = "float", {bounds} }} }}')
    return "\n".join([
        "config_version = 1", "[brokers.main]", 'host = "127.0.0.1"', f"port = {port}",
        "[clients.main]", 'broker = "main"', 'id = "mqtt-simulator"',
        "[[streams]]", 'client = "main"', 'topic = "peer/weather-station-01/telemetry"',
        'mode = "fixed-rate"', "every = 0.000001", f"qos = {qos}",
        "[streams.payload.json]", 'ts = { time = "unix" }',
        "seq = { counter = { start = 1, step = 1 } }", 'boot = "peer"',
        "[streams.payload.json.values]", *values, "",
    ])  # fmt: skip


def mqtt_js(payloads: Path, port: int, qos: int) -> Peer:
    """Sends the lines of a file, each a topic and a payload."""
    node = find("node", f"MQTT.js {LIBRARY} runs on it (Debian: apt-get install npm)")
    library = js_library()
    command = [node, "-e", PUBLISHER, str(library), str(payloads), str(port), str(qos), str(WINDOW)]
    remark = f"payloads that ours made before, it computes nothing; {WINDOW:,} in flight"
    return Peer(f"MQTT.js {LIBRARY} (npm)", command, remark)


def js_library() -> Path:
    """The folder of MQTT.js, installed if needed. Raises Missing."""
    name = f"MQTT.js {LIBRARY}"
    home = cache(f"mqtt-js-{LIBRARY}")
    library = home / "node_modules" / "mqtt"
    if not (library / "package.json").exists():
        npm = find("npm", f"{name} is installed by it (Debian: apt-get install npm)")
        (home / "package.json").write_text('{"private": true}')
        install([npm, "install", "--no-audit", "--no-fund", f"mqtt@{LIBRARY}"], home, name)
    return library
