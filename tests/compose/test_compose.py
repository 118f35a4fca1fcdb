"""docker-compose.yml as a newcomer starts it.

On machines that cannot pull the images, `.ci/run` builds stand-ins under the same names first; they show that
services, networks, secrets, volumes and healthchecks fit, but not how Grafana draws.
"""

import hashlib
import json
import re
import ssl
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.compose.village import TREE, Village, get, rows, until

pytestmark = pytest.mark.compose
INSIDE = ("docker", "compose", "exec", "-T", "gateway")
READING = '{"values":{"soil_moisture":31.5}}'
VERSIONS = "import platform, numpy; print(platform.python_version(), numpy.__version__)"
# two days of history and six hours of live running, which take different code paths; every kind of fault
PLAYED = ["--seed", "5", "--start", "2026-03-01T00:00:00Z", "--until", "2026-03-01T06:00:00Z",
          "--history", "2d", "--speed", "0", "--faults", "harsh", "--out", "-"]  # fmt: skip


@pytest.fixture(scope="module")
def stranger(village: Village) -> dict[str, Any]:
    """The ticket of an enrolled device, once the broker knows it. A first start seals a month of harvests,
    and readings wait until that is done.
    """
    books = "SELECT last(received), spooled FROM gateway"
    until(lambda: [row for row in rows(village.influxql(books)) if row[1] and not row[2]], 120)
    arguments = ["--community", "tam-que", "--model", "soil-probe", "--id", "stranger-1", "--json"]
    shown: dict[str, Any] = json.loads(village.hoiquan("device", "enroll", *arguments))
    time.sleep(2)  # deploy/mosquitto/run looks once a second
    return shown


def test_everything_is_up_and_no_service_of_ours_is_root(village: Village) -> None:
    assert village.state() == {
        **dict.fromkeys(("init", "tokens"), 0),
        **dict.fromkeys(("mosquitto", "influxdb", "gateway", "web", "sim", "grafana"), "healthy"),
    }
    for service in ("mosquitto", "gateway", "web", "sim", "grafana"):
        assert village.compose("exec", "-T", service, "id", "-u").strip() != "0", service
    for one in village.compose("ps", "--format", "json").splitlines():
        published = [port for port in json.loads(one)["Publishers"] or () if port["PublishedPort"]]
        assert {port["URL"] for port in published} <= {"127.0.0.1"}


def test_secrets_are_files_of_their_owner_and_in_no_variable(village: Village) -> None:
    folder = village.folder / "secrets"
    written = {path.name: path.read_text("utf-8").strip() for path in folder.iterdir()}
    assert folder.stat().st_mode & 0o777 == 0o700
    village.run("sh", "deploy/secrets", "secrets", ".env")
    assert {path.name: path.read_text("utf-8").strip() for path in folder.iterdir()} == written
    assert {".env", "secrets/"} <= set((TREE / ".gitignore").read_text("utf-8").splitlines())
    shown = village.run("docker", "inspect", *village.compose("ps", "-aq").split())
    assert [name for name, value in written.items() if value and value in shown] == []


def test_the_administrators_token_is_influxdbs_alone(village: Village) -> None:
    """Also, every file system but volumes is read-only, and every capability not needed is dropped."""
    for service in ("gateway", "web", "sim", "grafana", "mosquitto"):
        look = "ls /run/secrets/* /tokens/*/token 2> /dev/null || true"
        seen = village.compose("exec", "-T", service, "sh", "-c", look)
        assert "influx_token" not in seen, service
        assert ("/tokens/writer/token" in seen) == (service in {"gateway", "sim"}), service
        assert ("/tokens/reader/token" in seen) == (service in {"web", "grafana"}), service
    for one in json.loads(village.run("docker", "inspect", *village.compose("ps", "-aq").split())):
        host = one["HostConfig"]
        assert (host["ReadonlyRootfs"], host["CapDrop"]) == (True, ["ALL"]), one["Name"]
        assert "no-new-privileges:true" in host["SecurityOpt"], one["Name"]
        assert host["Memory"] and host["PidsLimit"], one["Name"]


def test_a_strangers_reading_is_stored_and_shown(village: Village, stranger: dict[str, Any]) -> None:
    """As from outside: over TLS, trusting the CA that `hoiquan ca` prints."""
    assert (stranger["host"], stranger["port"]) == ("localhost", village.port["HOIQUAN_MQTTS_PORT"])
    assert stranger["ca"] == "ca.pem" and "--cafile ca.pem" in stranger["line"]
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
    # MQTT 3.1.1 has no such answer, so the officer sees the refusal in the quarantine
    until(lambda: "forbidden_topic" in village.hoiquan("quarantine", "list", "--json"), 15)


def test_what_comes_while_the_gateway_is_dead_is_stored(village: Village, stranger: dict[str, Any]) -> None:
    village.compose("kill", "gateway")
    sensor = village.sensor(stranger["user"], stranger["password"])
    assert sensor.publish(stranger["topic"], READING.replace("31.5", "32.5")) == "Success"
    sensor.close()
    village.compose("restart", "mosquitto")
    village.compose("up", "-d", "--wait", "gateway", seconds=120)
    query = "SELECT soil_moisture FROM telemetry WHERE device = 'stranger-1' AND soil_moisture = 32.5"
    assert until(lambda: village.influxql(query), 30)
    until(lambda: village.balanced("gateway-1"), 60)


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
    """The image's lock gives another numpy than Python 3.11 gets, and its base another C library."""
    inside = ("docker", "compose", "exec", "-T", "sim")
    there = village.output(*inside, "python", "-c", VERSIONS).decode().split()
    here = village.output(sys.executable, "-c", VERSIONS).decode().split()
    dockerfile = (village.folder / "Dockerfile").read_text("utf-8")
    promised = re.findall(r"^FROM python:(\d+\.\d+)", dockerfile, re.MULTILINE)
    assert set(promised) == {there[0].rpartition(".")[0]}
    # folders of their own: /data holds the state of another seed
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
