"""Real processes for the system tests: `hoiquan`, and the servers of tests/servers.py set up as each test
needs. Each is ended by its own pid alone.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from devices.access.authority import prepare
from devices.broker_url import leave
from tests import forked, servers
from tests.loopback import free_port

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "hoiquan"
SLOWER = 4  # how many times longer a machine may take that runs several tests and other work at once


def until(what: str, seconds: float, condition: Callable[[], Any]) -> Any:
    """The condition's first true value; fails with `what` when it takes far longer than `seconds`."""
    deadline, pause = time.monotonic() + seconds * SLOWER, 0.02
    while True:
        if found := condition():
            return found
        if time.monotonic() > deadline:
            pytest.fail(f"after {seconds * SLOWER:g} s there was still not: {what}")
        time.sleep(pause)
        pause = min(1.5 * pause, 0.2)  # a look may read a whole store, or have a page drawn


def environment(**settings: str) -> dict[str, str]:
    """This process's environment without its HOIQUAN_*, with the repository to import from."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOIQUAN_")}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "COLUMNS": "200"} | settings


def hoiquan(
    folder: Path, *arguments: str, seconds: float = 30, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end in `folder`."""
    return forked.run(folder, arguments, environment(**settings), seconds * SLOWER)


def done(result: subprocess.CompletedProcess[str]) -> str:
    """The output of a command that must succeed."""
    assert result.returncode == 0, f"{result.args}: exit code {result.returncode}: {result.stderr}"
    return result.stdout


def one_line(result: subprocess.CompletedProcess[str], code: int) -> str:
    """The one line of a command that must fail with `code`."""
    assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("hoiquan: "), lines
    assert not result.stdout, result.stdout
    return lines[0]


class Running:
    """One process, its log, and its end."""

    def __init__(self, log: Path, command: Sequence[str], **settings: str) -> None:
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                command,
                cwd=log.parent,
                env=environment(**settings),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def text(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def ended(self) -> bool:
        return self.process.poll() is not None

    def stop(self, number: int = signal.SIGTERM, seconds: float = 10) -> int:
        """Send the signal, wait, and kill the process if it still runs; returns the exit code."""
        if not self.ended():
            self.process.send_signal(number)
        try:
            return self.process.wait(seconds * SLOWER)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "hoiquan", *arguments]


class Mosquitto(servers.Mosquitto):
    """A broker, started at once, that keeps all messages; with `passwords` it lets nobody in without one."""

    def __init__(
        self,
        folder: Path,
        passwords: Path | None = None,
        autosave: int | None = None,
        *,
        deployed: bool = False,
    ) -> None:
        """`autosave`: seconds between two writes of the queues, as deploy/mosquitto sets 1. `deployed`: with
        the configuration and the rules of deploy/mosquitto, except for paths and ports.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.tls_port = free_port()
        if deployed:
            prepare(folder / "ca", folder, ["localhost", "127.0.0.1"])
            lines = self._deployed(passwords)
        else:
            access = ("allow_anonymous false", f"password_file {passwords}")
            lines = (
                *(access if passwords else ("allow_anonymous true",)),
                "persistence true", "persistence_location {folder}/", "max_queued_messages 200000",
                "max_inflight_messages 5000", "queue_qos0_messages false",
                *((f"autosave_interval {autosave}",) if autosave else ()),
            )  # fmt: skip
        super().__init__(lines, folder)
        self.start()

    def _deployed(self, passwords: Path | None) -> tuple[str, ...]:
        given = ROOT / "deploy" / "mosquitto"
        text = (given / "mosquitto.conf").read_text("utf-8")
        for before, now in (
            ("listener 1883\n", ""),  # every broker here has its own listener, and `lines` follow it
            ("listener 8883", f"listener {self.tls_port} 127.0.0.1"),
            ("/mosquitto/accounts/server", "{folder}/server"),
            ("/mosquitto/accounts/server", "{folder}/server"),
            ("/mosquitto/accounts/passwords", str(passwords)),
            ("/mosquitto/accounts/passwords.acl", f"{passwords}.acl"),
            ("/mosquitto/data/", "{folder}/"),
        ):
            assert before in text, before
            text = text.replace(before, now, 1)
        return tuple(text.splitlines())


class Influx(servers.Influx):
    """An InfluxDB, started at once, with one bucket."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder)
        self.start()
        self.ask(f'CREATE DATABASE "{BUCKET}"')

    def query(self, statement: str) -> list[dict]:
        """The series that an InfluxQL statement selects, queried with the token as any client does."""
        body = urlencode({"db": BUCKET, "q": statement, "epoch": "ms"}).encode()
        asked = Request(f"{self.url}/query", body, {"Authorization": f"Token {self.token}"})
        with urlopen(asked, timeout=10) as answer:
            (result,) = json.load(answer)["results"]
        assert "error" not in result, (result, statement)
        return result.get("series", [])


class Publisher:
    """A device's connection, QoS 1: counts acknowledged messages, and keeps those on the topics `hears`."""

    def __init__(
        self,
        port: int,
        user: str,
        password: str = "x",
        client_id: str | None = None,
        hears: str = "",
        *,
        clean: bool = True,
    ) -> None:
        self.acknowledged = 0
        self.heard: list[tuple[str, bytes]] = []
        self.refused = ""
        self.connections = 0
        self._sent = 0
        self._hears = hears
        self._ready = False
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id or user,
            clean_session=clean,
            protocol=MQTTProtocolVersion.MQTTv311,
        )
        self._client.username_pw_set(user, password)
        self._client.max_inflight_messages_set(1000)
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish
        self._client.on_message = lambda _c, _u, message: self.heard.append((message.topic, message.payload))
        self._client.on_subscribe = self._on_subscribe
        self._client.connect("127.0.0.1", port, keepalive=30)
        self._client.loop_start()
        until(f"{user} is let in or refused", 10, lambda: self._ready or self.refused)

    def publish(self, topic: str, payload: bytes | str, *, retain: bool = False) -> None:
        self._sent += 1
        self._client.publish(topic, payload, qos=1, retain=retain)

    def all_acknowledged(self, seconds: float = 10) -> None:
        until("a PUBACK for every message", seconds, lambda: self.acknowledged >= self._sent)

    def connected(self) -> bool:
        return self._client.is_connected()

    def close(self) -> None:
        leave(self._client)

    def _on_connect(self, client, _user, _flags, reason, _properties) -> None:
        if reason == "Server unavailable":
            return  # from the embedded broker while no gateway listens: paho tries again, as any device does
        if reason.is_failure:
            self.refused = str(reason)
            client.disconnect()  # a device may try for ever; the test has its refusal
            return
        self.connections += 1
        if self._hears:
            client.subscribe(self._hears, qos=1)
        else:
            self._ready = True

    def _on_publish(self, *_: object) -> None:
        self.acknowledged += 1

    def _on_subscribe(self, *_: object) -> None:
        self._ready = True


def descendants(pid: int) -> list[int]:
    """The ids of all processes below `pid`, from /proc."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().rpartition(")")
        except OSError:
            continue
        state, parent = rest.split()[:2]
        if state != "Z":
            parents[int(name.split()[0])] = int(parent)
    below, found = {pid}, []
    while more := [child for child, parent in parents.items() if parent in below and child not in below]:
        below.update(more)
        found += more
    return found


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Gateway:
    """`hoiquan gateway`, which can be killed and started again any number of times."""

    def __init__(self, log, settings):
        self.log, self._settings = log, settings
        self.start()

    def start(self):
        self._connections = self.connections()
        self.running = Running(self.log, command("gateway"), **self._settings)

    def connections(self):
        return self.log.read_text("utf-8").count("connected to") if self.log.exists() else 0

    def connected(self):
        """Whether it has connected and subscribed: from then on the broker queues messages for it."""
        assert not self.running.ended(), self.running.text()
        return self.connections() > self._connections

    def kill(self):
        self.running.process.kill()
        self.running.process.wait()
