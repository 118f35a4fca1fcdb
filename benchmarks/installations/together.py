"""`hoiquan up`, which forks its parts and restarts them, and some real probes beside its simulator.

probes, a connection each ─► tap ─► Mosquitto or amqtt ─► gateway, its spool ─► SQLite
"""

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.installations.installation import PATIENCE, Installation, Part
from benchmarks.installations.tap import Message
from benchmarks.peers.processes import children, named
from devices.access.registry import Registry
from devices.broker_url import leave
from devices.clock import now_ms
from devices.pilots.pilot import load
from tests.loopback import answers, free_port
from tests.servers import until

COMMUNITY = "tam-que"
PROBES, EVERY = 5, 0.01  # real nodes, and seconds between two readings
PARTS = ("broker", "gateway", "web", "simulate")
WAVE = 400  # readings until the moisture repeats
WINDOW = 100  # messages that a probe sends before the first is acknowledged


class Probe:
    """A real node with a clock, which keeps messages until they are acknowledged."""

    def __init__(self, name: str, password: str, port: int) -> None:
        self._topic = f"hoiquan/v1/dong-thap/{COMMUNITY}/{name}/telemetry"
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv311)
        self._client.username_pw_set(name, password)
        self._client.reconnect_delay_set(1, 2)
        self._client.max_inflight_messages_set(WINDOW)
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()
        self._sent = 0

    def publish(self) -> None:
        """Publish the next reading."""
        self._sent += 1
        message = {"ts": now_ms(), "seq": self._sent, "boot": "b",
                   "values": {"soil_moisture": 20 + self._sent % WAVE / 10}}  # fmt: skip
        self._client.publish(self._topic, json.dumps(message), 1)

    def close(self) -> None:
        leave(self._client)


class Together(Installation):
    """An installation that restarts its killed parts itself.

    Killing `hoiquan broker` is no power cut for Mosquitto, which ends in order. So every acknowledged message
    must be in the store, whatever is killed.
    """

    def __init__(self, broker: Literal["mosquitto", "amqtt"], folder: Path) -> None:
        super().__init__(f"up, {broker}", folder, "up.log")
        self._broker = broker
        self._http = free_port()
        self._registry = Registry(str(self.data / "registry.sqlite"), load("dong-thap"))
        self._probes: list[Probe] = []
        self._halt = threading.Event()
        self._publishing = threading.Thread(target=self._publish, daemon=True)
        self.parts = {f"{name} of up": Part(self._killer(name), self._again(name)) for name in PARTS}
        self.parts["hoiquan up"] = Part(self._kill_up, self._start_up)

    def start(self) -> None:
        passwords = {name: self._registry.enroll(COMMUNITY, "soil-probe", name)
                     for name in (f"real-{number}" for number in range(PROBES))}  # fmt: skip
        self._start_up()
        until(self.connected, "the gateway's subscription", PATIENCE)
        self._probes = [Probe(name, password, self.nodes.port) for name, password in passwords.items()]
        self._publishing.start()
        until(lambda: self.nodes.up.acked, "the first readings")

    def silence(self) -> None:
        self._halt.set()
        self._publishing.join()
        until(lambda: len(self.nodes.up.acked) == len(self.nodes.up.sent),
              "an acknowledgement of every message", PATIENCE)  # fmt: skip

    def stop(self) -> None:
        self._halt.set()
        for probe in self._probes:
            probe.close()
        if "up" in self._running:
            self._running["up"].stop(signal.SIGINT)
        self.nodes.close()

    @property
    def taken(self) -> dict[Message, float]:
        return self.nodes.up.acked

    def _publish(self) -> None:
        while True:
            for probe in self._probes:
                if self._halt.wait(EVERY):
                    return
                probe.publish()

    def _start_up(self) -> None:
        self._before = self._connections()
        self._start("up", "up", "--history", "1h", "--broker", self._broker, "--http-port", str(self._http),
                    "--mqtt-port", str(self._port))  # fmt: skip
        until(lambda: answers(self._port), "the broker listens", PATIENCE)

    def _kill_up(self) -> None:
        """Kill `hoiquan up`, and wait until its parts end by themselves, having lost their parent."""
        up = self._running["up"]
        below = children(up.pid)
        os.kill(up.pid, signal.SIGKILL)
        until(up.ended, "the end of hoiquan up")
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below), "the end of its parts")

    def _part(self, name: str) -> int:
        """The process id of a part, by the name that it gave itself; 0 if it does not run."""
        return next(iter(named(f"hoiquan {name}"[:15], self._running["up"].pid)), 0)

    def _killer(self, name: str) -> Callable[[], None]:
        def kill() -> None:
            until(lambda: self._part(name), f"{name} runs", PATIENCE)
            if name == "gateway":
                self._before = self._connections()
            pid = self._part(name)
            assert pid, f"{name} ended by itself"  # with 0, os.kill would end this program too
            os.kill(pid, signal.SIGKILL)

        return kill

    def _again(self, name: str) -> Callable[[], None]:
        return lambda: until(lambda: self._part(name), f"{name} is started again", PATIENCE)
