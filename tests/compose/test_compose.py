"""docker-compose.yml as a newcomer starts it, in a copy of the tree and beside whatever else runs.

On machines that cannot pull the images, `.ci/run` builds stand-ins under the same names first; they show
that services, networks, secrets, volumes and healthchecks fit, not how Grafana draws.
"""

import hashlib
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from paho.mqtt.client import Client, MQTTMessageInfo, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from tests.servers import free_port

pytestmark = pytest.mark.compose
TREE = Path(__file__).parents[2]
PORTS = tuple(f"HOIQUAN_{name}_PORT" for name in ("HTTP", "MQTT", "MQTTS", "INFLUX", "GRAFANA"))
INSIDE = ("docker", "compose", "exec", "-T", "gateway")
START = 600  # seconds for building and for everything to be healthy
READING = '{"values":{"soil_moisture":31.5}}'
VERSIONS = "import platform, numpy; print(platform.python_version(), numpy.__version__)"
# two days of the past and six hours of live running, which takes other paths; every kind of fault
PLAYED = ["--seed", "5", "--start", "2026-03-01T00:00:00Z", "--until", "2026-03-01T06:00:00Z",
          "--history", "2d", "--speed", "0", "--faults", "harsh", "--out", "-"]  # fmt: skip


class Village:
    """The running services: their ports, their secrets, and `docker compose` on them."""

    def __init__(self, folder: Path) -> None:
        self.project = f"hoiquan-test-{os.getpid()}"
        self.folder = folder
        self.port = {name: free_port() for name in PORTS}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HOIQUAN_")}
        ports = {name: str(port) for name, port in self.port.items()}
        self.environment = kept | ports | {"COMPOSE_PROJECT_NAME": self.project}

    def copy_tree(self) -> None:
        """What is in the repository, or would be."""
        files = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=TREE, check=True, stdout=subprocess.PIPE, text=True,
        ).stdout.split("\0")  # fmt: skip
        for name in files:
            if name and (TREE / name).is_file():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(TREE / name, self.folder / name)
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

    def show(self) -> None:
        """What a reader of a failure needs."""
        sys.stdout.write(self.compose("ps", "-a") + self.compose("logs", "-t", "--tail", "60", "--no-color"))

    def output(self, *command: str, seconds: float = 120) -> bytes:
        """What it writes to stdout alone, as it is; pytest keeps stderr."""
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, timeout=seconds, check=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        ).stdout  # fmt: skip

    def hoiquan(self, *arguments: str) -> str:
        return self.compose("exec", "-T", "gateway", "hoiquan", *arguments)

    def secret(self, name: str) -> str:
        lines = (self.folder / ".env").read_text("utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)[name]

    def page(self, path: str, **headers: str) -> str:
        return get(f"http://127.0.0.1:{self.port['HOIQUAN_HTTP_PORT']}{path}", **headers)

    def influxql(self, query: str) -> list[dict[str, Any]]:
        """The series of one statement's answer."""
        url = f"http://127.0.0.1:{self.port['HOIQUAN_INFLUX_PORT']}/query?"
        answer = get(
            url + urlencode({"db": "hoiquan", "q": query}),
            Authorization=f"Token {self.secret('HOIQUAN_INFLUX_TOKEN')}",
        )
        series: list[dict[str, Any]] = json.loads(answer)["results"][0].get("series", [])
        return series

    def sensor(self, user: str, password: str, tls: ssl.SSLContext | None = None) -> "Sensor":
        """Connect, again when there is no answer, as a device does: Mosquitto 2.0.21 does not answer every
        connection that follows closely on the same client's last one.
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
        self._client.disconnect()
        self._client.loop_stop()

    def _answered(self, reason: ReasonCode) -> None:
        self.reason = str(reason)


@pytest.fixture(scope="module")
def village(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Village]:
    """`make compose` in a copy of the tree; taken down again with its volumes and its image."""
    village = Village(tmp_path_factory.mktemp("tree"))
    village.copy_tree()
    healthy = False
    try:
        village.run("make", "compose", seconds=START)
        healthy = True
        yield village
    finally:
        if not healthy or request.session.testsfailed:
            # pytest would keep what is written here with the last test, which may have passed
            with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
                village.show()
        village.compose("down", "--volumes", "--remove-orphans", seconds=120)
        village.run("docker", "image", "rm", f"{village.project}-app")


@pytest.fixture(scope="module")
def stranger(village: Village) -> dict[str, Any]:
    """What the one who enrolled a device was shown, once the broker has heard of it. A first start seals a
    month of harvests, and readings wait behind them.
    """
    books = "SELECT last(received), spooled FROM gateway"
    until(lambda: [row for row in rows(village.influxql(books)) if row[1] and not row[2]], 120)
    arguments = ["--community", "tam-que", "--model", "soil-probe", "--id", "stranger-1", "--json"]
    shown: dict[str, Any] = json.loads(village.hoiquan("device", "enroll", *arguments))
    time.sleep(2)  # deploy/mosquitto/run looks once a second
    return shown


def test_everything_is_up_and_no_service_of_ours_is_root(village: Village) -> None:
    state = json.loads("[" + ",".join(village.compose("ps", "-a", "--format", "json").splitlines()) + "]")
    assert {one["Service"]: one["Health"] or one["ExitCode"] for one in state} == {
        "init": 0,
        **dict.fromkeys(("mosquitto", "influxdb", "gateway", "web", "sim", "grafana"), "healthy"),
    }
    for service in ("mosquitto", "gateway", "web", "sim", "grafana"):
        assert village.compose("exec", "-T", service, "id", "-u").strip() != "0", service
    for one in state:
        assert {port["URL"] for port in one["Publishers"] or () if port["PublishedPort"]} <= {"127.0.0.1"}


def test_secrets_are_written_once_and_are_not_in_the_tree(village: Village) -> None:
    before = (village.folder / ".env").read_text("utf-8")
    village.run("sh", "deploy/secrets", ".env")
    assert (village.folder / ".env").read_text("utf-8") == before
    assert (village.folder / ".env").stat().st_mode & 0o777 == 0o600
    assert ".env" in (TREE / ".gitignore").read_text("utf-8").splitlines()


def test_a_strangers_reading_is_stored_and_shown(village: Village, stranger: dict[str, Any]) -> None:
    """As from outside: with TLS, and trusting the CA that `hoiquan ca` prints."""
    assert (stranger["host"], stranger["port"]) == ("localhost", village.port["HOIQUAN_MQTTS_PORT"])
    trusted = ssl.create_default_context(cadata=village.output(*INSIDE, "hoiquan", "ca").decode())
    sensor = village.sensor(stranger["user"], stranger["password"], trusted)
    assert sensor.publish(stranger["topic"], READING) == "Success"
    sensor.close()
    query = "SELECT soil_moisture FROM telemetry WHERE device = 'stranger-1'"
    assert [row[1] for row in until(lambda: rows(village.influxql(query)), 2)] == [31.5]
    assert "31.5" in until(lambda: village.page("/api/v1/devices/stranger-1/latest"), 2)
    assert "stranger-1" in village.page("/")


def test_the_broker_refuses_who_has_no_right(village: Village, stranger: dict[str, Any]) -> None:
    for user, password in ((stranger["user"], "guessed"), ("gateway", ""), ("nobody", "x")):
        sensor = village.sensor(user, password)
        assert sensor.reason == "Not authorized", user
        sensor.close()
    sensor = village.sensor(stranger["user"], stranger["password"])
    foreign = stranger["topic"].replace("stranger-1", "tam-que-soil-probe-01")
    assert sensor.publish(foreign, READING) == "Not authorized"
    sensor.close()


def test_what_comes_while_the_gateway_is_dead_is_stored(village: Village, stranger: dict[str, Any]) -> None:
    village.compose("kill", "gateway")
    sensor = village.sensor(stranger["user"], stranger["password"])
    assert sensor.publish(stranger["topic"], READING.replace("31.5", "32.5")) == "Success"
    sensor.close()
    village.compose("restart", "mosquitto")
    village.compose("up", "-d", "--wait", "gateway", seconds=120)
    query = "SELECT soil_moisture FROM telemetry WHERE device = 'stranger-1' AND soil_moisture = 32.5"
    assert until(lambda: village.influxql(query), 30)


def test_a_revoked_device_is_thrown_out(village: Village, stranger: dict[str, Any]) -> None:
    sensor = village.sensor(stranger["user"], stranger["password"])
    assert sensor.connected
    village.hoiquan("device", "revoke", "stranger-1")
    until(lambda: not sensor.connected, 5)
    sensor.close()


def test_a_harvest_is_a_verified_record(village: Village) -> None:
    lots = until(lambda: re.findall(r'href="(/01/\d+/10/[^"/]+)"', village.page("/")), 60)
    page = village.page(lots[0], **{"Accept-Language": "en"})
    assert "sealed and in the transparency log" in page
    assert village.page(lots[0] + "/proof").startswith("c2sp.org/tlog-proof")


def test_grafana_has_the_targets_board(village: Village) -> None:
    url = f"http://127.0.0.1:{village.port['HOIQUAN_GRAFANA_PORT']}/api/dashboards/uid/hoiquan-targets"
    assert json.loads(get(url))["dashboard"]["uid"] == "hoiquan-targets"


def test_the_image_simulates_byte_for_byte_what_this_python_does(
    village: Village, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lock gives the image another numpy than Python 3.11 gets, and its base another C library."""
    inside = ("docker", "compose", "exec", "-T", "sim")
    there = village.output(*inside, "python", "-c", VERSIONS).decode().split()
    here = village.output(sys.executable, "-c", VERSIONS).decode().split()
    dockerfile = (village.folder / "Dockerfile").read_text("utf-8")
    promised = re.findall(r"^FROM python:(\d+\.\d+)", dockerfile, re.MULTILINE)
    assert set(promised) == {there[0].rpartition(".")[0]}
    # folders of their own: the state in /data is that of another seed
    played = village.output(*inside, "hoiquan", "simulate", "--data", "/tmp/again", *PLAYED)
    again = village.output(sys.executable, "hoiquan.py", "simulate", "--data", str(tmp_path), *PLAYED)
    with capsys.disabled():
        for place, (python, numpy), said in (("image", there, played), ("here", here, again)):
            told = f"{len(said.splitlines())} lines, sha256 {hashlib.sha256(said).hexdigest()}"
            sys.stdout.write(f"\n{place}: Python {python}, numpy {numpy}, {told}\n")
    lines = zip(played.splitlines(), again.splitlines(), strict=False)
    assert next((pair for pair in lines if pair[0] != pair[1]), None) is None
    assert played == again
    assert played.count(b"\n") > 10_000


def rows(series: list[dict[str, Any]]) -> list[list[Any]]:
    return [row for one in series for row in one["values"]]


def get(url: str, **headers: str) -> str:
    with urlopen(Request(url, headers=headers), timeout=20) as answer:
        text: str = answer.read().decode()
        return text


def until(question: Callable[[], Any], seconds: float) -> Any:
    """Ask until the answer is true; a 404 is no answer yet."""
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
