"""An installation whose parts are separate processes, as in production.

simulate, a connection per node ─► tap ─► broker ─► tap ─► gateway, its spool ─► nginx ─► InfluxDB, or SQLite
"""

import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from benchmarks.installations.installation import PATIENCE, Installation, Part, reading_time
from benchmarks.installations.tap import Message, Tap
from benchmarks.peers.processes import ROOT
from gateway.brokers import house
from gateway.stores.influx import InfluxStore
from gateway.stores.store import Store
from tests import servers
from tests.loopback import answers
from tests.servers import until

BUCKET = "kills"
SAVED = 3.0  # seconds after which Mosquitto has written its queues, which it does every second
STEP = 1.0  # seconds of simulated time between the last reading and the start of the next simulator
PASSWORDS = {f"HOIQUAN_{name}": name for name in
             ("GATEWAY_PASSWORD", "READER_PASSWORD", "OPERATOR_PASSWORD", "SIMULATOR_SECRET")}  # fmt: skip


class Apart(Installation):
    """Every part is a separate process. `gateway` is the tap between broker and gateway."""

    def __init__(self, broker: Literal["mosquitto", "amqtt"], store: str, folder: Path, speed: float) -> None:
        """`speed`: speed of the simulated time."""
        super().__init__(f"{broker}, {store}", folder, "gateway.log")
        self._speed, self.broker = speed, broker
        pilot = folder / "pilot.yaml"
        # A simulator begins by sending the diary of the whole window; shortened from a year to a month here.
        whole = (ROOT / "devices" / "pilots" / "dong-thap.yaml").read_text("utf-8")
        pilot.write_text(whole.replace("window_days: 365", "window_days: 30"), "utf-8")
        _, chosen = house.choose(broker, self.data, self._port)
        self.gateway = Tap(self._port)
        self._settings = {**house.environment(chosen), **PASSWORDS, "HOIQUAN_MQTT": self.gateway.url,
                          "HOIQUAN_PILOT": str(pilot)}  # fmt: skip
        self.parts = {
            "gateway": Part(lambda: self._kill("gateway"), self._start_gateway),
            "simulator": Part(lambda: self._kill("simulator"), self._start_simulator),
            broker: Part(lambda: self._kill("broker"), self._start_broker),
        }
        self._influx: servers.Influx | None = None
        if store == "influx":
            (folder / "influx").mkdir()
            self._influx = influx = servers.Influx(folder / "influx")
            self._settings |= {"HOIQUAN_INFLUX_URL": influx.url, "HOIQUAN_INFLUX_BUCKET": BUCKET,
                               "HOIQUAN_INFLUX_TOKEN": influx.token}  # fmt: skip
            self.parts["influxd"] = Part(lambda: influx.stop_engine(signal.SIGKILL), influx.start_engine)
            self.parts["nginx"] = Part(lambda: influx.stop_front(signal.SIGKILL), influx.start_front)

    def start(self) -> None:
        if self._influx is not None:
            self._influx.start()
            self._influx.ask(f'CREATE DATABASE "{BUCKET}"')
        self._start_broker()
        self._start_gateway()
        until(self.connected, "the gateway's subscription")
        self._start_simulator()

    def silence(self) -> None:
        self._running["simulator"].stop()

    def stop(self) -> None:
        for name in ("simulator", "gateway", "broker"):
            if name in self._running:
                self._running[name].stop()
        if self._influx is not None:
            self._influx.stop(signal.SIGKILL)
        self.nodes.close()
        self.gateway.close()

    @property
    def taken(self) -> dict[Message, float]:
        return self.gateway.down.acked

    def gone(self, message: Message, killed: float) -> bool:
        if self.broker == "amqtt":  # amqtt acknowledges only what the gateway has
            return False
        up = self.nodes.up
        return up.began[message] <= killed and killed - SAVED < up.acked[message]

    def store(self) -> Store:
        if self._influx is None:
            return super().store()
        return InfluxStore(self._influx.url, self._influx.token, self._influx.org, BUCKET)

    def _kill(self, name: str) -> None:
        self._running[name].kill()  # with its children: Mosquitto is a child of `hoiquan broker`

    def _start_gateway(self) -> None:
        self._before = self._connections()
        self._start("gateway", "gateway", **self._settings)

    def _start_simulator(self) -> None:
        """Start the simulator where the previous one ended, to repeat nothing, and wait until it sends."""
        sent = list(self.nodes.up.sent)
        newest = max((ts for one in sent if (ts := reading_time(one))), default=None)
        begin = datetime.fromtimestamp(time.time() if newest is None else newest / 1000 + STEP, UTC)
        # with any history at all, it sends the earlier diary too
        words = ("--speed", str(self._speed), "--history", "1h", "--start", begin.isoformat())
        self._start("simulator", "simulate", "--mqtt", self.nodes.url, *words, **self._settings)
        until(lambda: self._sends(len(sent)), "the nodes send", PATIENCE)

    def _sends(self, since: int) -> bool:
        assert not self._running["simulator"].ended(), self._running["simulator"].tail()
        return any(reading_time(one) for one in list(self.nodes.up.sent)[since:])

    def _start_broker(self) -> None:
        self._start("broker", "broker", "--with", self.broker, "--port", str(self._port), **self._settings)
        until(lambda: answers(self._port), "the broker listens")
