"""The one broker and the one store with which every gateway of the run is measured."""

import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.peers.processes import ROOT, Running, children, cpu, machine_cpu, named
from benchmarks.peers.traffic import BAD, COUNTED, Traffic, readings
from devices.broker_url import leave
from tests.servers import Influx, Mosquitto, influx, mosquitto

_CONNECTED = re.compile(r"New client connected from \S+ as (\S+)")
_OF_ANOTHER_PLACE = ("listener", "allow_anonymous", "password_file", "acl_file", "use_username_as_clientid",
                     "persistence_location", "log_dest", "certfile", "keyfile", "tls_version")  # fmt: skip
TAGS = "model=soil-probe,pilot=dong-thap,simulated=true"
UNSTORABLE = [json.loads(value) for value in BAD.values()]
PROGRAMS = {"broker": ("mosquitto",), "store": ("influxd", "nginx")}


class Testbed:
    """Mosquitto as in deploy/mosquitto but without accounts, and InfluxDB behind its front."""

    def __init__(self, broker: Mosquitto, store: Influx) -> None:
        self.broker = broker
        self.store = store
        self._pids = {
            part: [pid for name in names for one in named(name) for pid in (one, *children(one))]
            for part, names in PROGRAMS.items()
        }

    # -- broker ---------------------------------------------------------------------------------
    def mark(self) -> int:
        """The current position in the broker's log."""
        return len(self.broker.log())

    def clients(self, since: int) -> list[str]:
        """The ids of the clients that have connected since `since`."""
        return _CONNECTED.findall(self.broker.log()[since:])

    def subscribed(self, since: int, client: str) -> bool:
        """Whether the broker has logged a subscription of the client since `since`."""
        return re.search(rf"^\S+ {re.escape(client)} [012] \S+$", self.broker.log()[since:], re.M) is not None

    def forget(self, clients: list[str]) -> None:
        """End these sessions, so that the broker keeps nothing for them any more."""
        for name in set(clients):
            client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv5)
            client.connect("127.0.0.1", self.broker.port, clean_start=True)
            client.loop_start()
            deadline = time.monotonic() + 10
            while not client.is_connected() and time.monotonic() < deadline:
                time.sleep(0.01)
            leave(client)

    def waiting(self, clients: list[str], quiet: float = 2.0) -> set[int]:
        """Take what the broker still keeps for these sessions; returns the times of the good messages."""
        times: set[int] = set()
        for name in clients:
            for payload in self._queued(name, quiet):
                message = json.loads(payload)
                if message["values"][COUNTED] not in UNSTORABLE:
                    times.add(message["ts"])
        return times

    def _queued(self, name: str, quiet: float) -> list[bytes]:
        """The payloads that the broker delivers to a session until `quiet` seconds pass without one."""
        payloads: list[bytes] = []

        def on_message(_client: Client, _userdata: object, message: MQTTMessage) -> None:
            payloads.append(bytes(message.payload))

        client = Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
        client.on_message = on_message
        client.connect("127.0.0.1", self.broker.port)
        client.loop_start()
        before, at = -1, time.monotonic()
        while len(payloads) != before or time.monotonic() - at < quiet:
            if len(payloads) != before:
                before, at = len(payloads), time.monotonic()
            time.sleep(0.1)
        leave(client)
        return payloads

    # -- store ----------------------------------------------------------------------------------
    def bucket(self, traffic: Traffic) -> str:
        """A new bucket that knows the fields' types, like a store in use, from one row before all others."""
        name = self.store.bucket()
        row = ",".join(f"{field}={value!r}" for field, value in readings(3)[1].items())
        line = f"telemetry,community=nowhere,device=before,{TAGS} {row} {traffic.start - 1}"
        self.write(name, line.encode())
        return name

    def write(self, bucket: str, lines: bytes) -> None:
        """Write line protocol through the front, as any gateway does."""
        url = f"{self.store.url}/api/v2/write?org=hoiquan&bucket={bucket}&precision=ms"
        with urlopen(Request(url, lines, {"Authorization": f"Token {self.store.token}"}), timeout=60):
            pass

    def stored(self, bucket: str, start: int, stop: int | None = None, field: str = COUNTED) -> int:
        """The number of points with `field` that can be queried, from `start` on and before `stop`."""
        until = "" if stop is None else f" AND time < {stop}ms"
        query = f'SELECT count("{field}") FROM telemetry WHERE time >= {start}ms{until}'
        series: list[dict[str, Any]] = self.store.ask(query, bucket)
        return int(series[0]["values"][0][1]) if series else 0

    def times(self, bucket: str, start: int) -> set[int]:
        """The times of the points that have COUNTED; no two messages have the same time."""
        query = f'SELECT "{COUNTED}" FROM telemetry WHERE time >= {start}ms'
        series: list[dict[str, Any]] = self.store.ask(query, bucket)
        return {row[0] for row in series[0]["values"]} if series else set()

    def drop(self, bucket: str) -> None:
        """Drop the bucket, so that the store does not tidy up during the next measurement."""
        self.store.ask(f'DROP DATABASE "{bucket}"')

    # -- the machine -----------------------------------------------------------------------------------
    def cpu(self, gateway: Sequence[Running] = ()) -> dict[str, float]:
        """CPU seconds of gateway, broker, store, this benchmark, and the whole machine."""
        used = {part: sum(map(cpu, pids)) for part, pids in self._pids.items()}
        ours = {"gateway": sum(one.cpu() for one in gateway)}
        return ours | used | {"benchmark": time.process_time(), "machine": machine_cpu()}


def production() -> list[str]:
    """The lines of production's mosquitto.conf, without accounts and files of another machine."""
    text = (ROOT / "deploy" / "mosquitto" / "mosquitto.conf").read_text("utf-8")
    lines = [line.split(" #")[0].strip() for line in text.splitlines()]
    # With debug lines, five a message, the log gets so long that finding a connection in it takes seconds,
    # and the clock of a drain starts with a connection.
    lines = [line for line in lines if line != "log_type debug"]
    kept = [line for line in lines if line and line[0] != "#" and line.split()[0] not in _OF_ANOTHER_PLACE]
    # to stderr, which is not buffered: each line is in the file at once
    logged = ["log_dest stderr", "log_type subscribe"]
    return [*kept, *logged, "allow_anonymous true", "persistence_location {folder}/"]


@contextmanager
def testbed() -> Iterator[Testbed]:
    """Start both servers, and end them afterwards."""
    with influx() as store, mosquitto(*production()) as broker:
        yield Testbed(broker, store)
