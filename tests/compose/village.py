"""The services of docker-compose.yml as a newcomer starts them, in a copy of the tree and beside whatever
else runs; and a maker's device.
"""

import json
import os
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from paho.mqtt.client import Client, MQTTMessageInfo, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from devices.broker_url import leave
from tests.loopback import free_port

TREE = Path(__file__).parents[2]
PORTS = tuple(f"HOIQUAN_{name}_PORT" for name in ("HTTP", "MQTT", "MQTTS", "INFLUX", "GRAFANA"))
START = 600  # seconds to build the image and for all services to become healthy


class Village:
    """The running services: their ports, their secrets, and `docker compose` on them."""

    def __init__(self, folder: Path, name: str = "test") -> None:
        self.project = f"hoiquan-{name}-{os.getpid()}"
        self.folder = folder
        self.port = {name: free_port() for name in PORTS}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HOIQUAN_")}
        ports = {name: str(port) for name, port in self.port.items()}
        self.environment = kept | ports | {"COMPOSE_PROJECT_NAME": self.project}

    def copy_tree(self) -> None:
        """Copy the files that are in the repository, or would be after a commit."""
        files = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=TREE, check=True, stdout=subprocess.PIPE, text=True,
        ).stdout.split("\0")  # fmt: skip
        for name in files:
            if name and (TREE / name).is_file():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(TREE / name, self.folder / name)
        # the stand-in of InfluxDB has an nginx with files of its own in front; the real image has none
        compose = self.folder / "docker-compose.yml"
        theirs = "tmpfs: [/tmp] # for its entry point"
        text = compose.read_text("utf-8")
        assert theirs in text
        compose.write_text(text.replace(theirs, "tmpfs: [/tmp, /var/lib/nginx] #"), "utf-8")
        self.folder.chmod(0o755)

    def run(self, *command: str, seconds: float = 60) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, timeout=seconds, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}"
        return done.stdout

    def compose(self, *arguments: str, seconds: float = 60) -> str:
        return self.run("docker", "compose", *arguments, seconds=seconds)

    def state(self) -> dict[str, str | int]:
        """The health of each running service, and the exit code of each that ended."""
        lines = self.compose("ps", "-a", "--format", "json").splitlines()
        return {one["Service"]: one["Health"] or one["ExitCode"] for one in map(json.loads, lines)}

    def down(self) -> None:
        """Remove the services, their volumes and their image; the build stays in the engine's cache."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "2", seconds=120)
        self.run("docker", "image", "rm", f"{self.project}-app")

    def show(self) -> None:
        """Print what helps to explain a failure."""
        sys.stdout.write(self.compose("ps", "-a") + self.compose("logs", "-t", "--tail", "60", "--no-color"))

    def output(self, *command: str, seconds: float = 120) -> bytes:
        """The command's stdout as bytes; its stderr goes to pytest."""
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, timeout=seconds, check=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        ).stdout  # fmt: skip

    def hoiquan(self, *arguments: str) -> str:
        return self.compose("exec", "-T", "gateway", "hoiquan", *arguments)

    def secret(self, name: str) -> str:
        return (self.folder / "secrets" / name).read_text("utf-8").strip()

    def page(self, path: str, **headers: str) -> str:
        return get(f"http://127.0.0.1:{self.port['HOIQUAN_HTTP_PORT']}{path}", **headers)

    def influxql(self, query: str) -> list[dict[str, Any]]:
        """The series that a statement selects."""
        url = f"http://127.0.0.1:{self.port['HOIQUAN_INFLUX_PORT']}/query?"
        answer = get(
            url + urlencode({"db": "hoiquan", "q": query}),
            Authorization=f"Token {self.secret('influx_token')}",
        )
        series: list[dict[str, Any]] = json.loads(answer)["results"][0].get("series", [])
        return series

    def books(self) -> dict[str, dict[str, int]]:
        """Instance → its newest books."""
        names = ("received", "stored", "duplicate", "quarantined", "spooled")
        asked = f"SELECT {', '.join(names)} FROM gateway GROUP BY instance ORDER BY time DESC LIMIT 1"
        return {
            one["tags"]["instance"]: dict(zip(names, one["values"][0][1:], strict=True))
            for one in self.influxql(asked)
        }

    def balanced(self, *instances: str) -> bool:
        """Whether exactly these instances have books, and each one's books balance."""
        found = self.books()
        return set(found) == set(instances) and all(
            one["received"] == one["stored"] + one["duplicate"] + one["quarantined"] + one["spooled"]
            for one in found.values()
        )

    def sensor(self, user: str, password: str, tls: ssl.SSLContext | None = None) -> "Sensor":
        """Connect, and again when there is no answer, as a device does: Mosquitto 2.0.21 does not answer
        every connection that closely follows the same client's last one.
        """
        for _ in range(3):
            sensor = Sensor(self.port[f"HOIQUAN_MQTT{'S' if tls else ''}_PORT"], user, password, tls)
            if sensor.reason:
                return sensor
            sensor.close()
        pytest.fail(f"the broker does not answer {user}")


class Sensor:
    """A maker's device; `reason` is the broker's answer to its connection, then to its last message."""

    def __init__(self, port: int, user: str, password: str, tls: ssl.SSLContext | None) -> None:
        self.reason = ""
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=user, protocol=MQTTv5)
        self._client.username_pw_set(user, password)
        self._client.on_connect = lambda _, __, ___, reason, ____: self._answered(reason)
        self._client.on_publish = lambda _, __, ___, reason, ____: self._answered(reason)
        self._client.on_disconnect = lambda *_: setattr(self, "connected", False)
        if tls is not None:
            self._client.tls_set_context(tls)
        self._client.connect("localhost" if tls else "127.0.0.1", port)
        self._client.loop_start()
        deadline = time.monotonic() + 5
        while not self.reason and time.monotonic() < deadline:
            time.sleep(0.05)
        self.connected = self.reason == "Success"

    def publish(self, topic: str, payload: str) -> str:
        """Publish at QoS 1 and return the broker's answer."""
        self.reason = ""
        sent: MQTTMessageInfo = self._client.publish(topic, payload, qos=1)
        sent.wait_for_publish(10)
        until(lambda: self.reason, 10)
        return self.reason

    def close(self) -> None:
        leave(self._client)

    def _answered(self, reason: ReasonCode) -> None:
        self.reason = str(reason)


def rows(series: list[dict[str, Any]]) -> list[list[Any]]:
    return [row for one in series for row in one["values"]]


def get(url: str, **headers: str) -> str:
    with urlopen(Request(url, headers=headers), timeout=20) as answer:
        text: str = answer.read().decode()
        return text


def until(question: Callable[[], Any], seconds: float) -> Any:
    """Ask until the answer is true; a 404 counts as no answer yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = question()
        except HTTPError as error:
            answer = None if error.code == 404 else pytest.fail(f"{error.url}: {error}")
        if answer:
            return answer
        assert time.monotonic() < deadline, f"still no answer after {seconds} s"
        time.sleep(0.1)
