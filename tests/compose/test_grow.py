"""docker-compose.grow.yml: three gateways on a shared subscription, the registry in PostgreSQL; and a backup
that is brought back.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.compose.test_compose import START, Village, rows, until

pytestmark = pytest.mark.compose
FILES = ("-f", "docker-compose.yml", "-f", "docker-compose.grow.yml")
GATEWAYS = ("gateway", "gateway-2", "gateway-3")


class Grown(Village):
    def compose(self, *arguments: str, seconds: float = 60) -> str:
        return self.run("docker", "compose", *FILES, *arguments, seconds=seconds)

    def enroll(self, device: str) -> dict[str, Any]:
        one = ["--community", "tam-que", "--model", "soil-probe", "--id", device, "--json"]
        shown: dict[str, Any] = json.loads(self.hoiquan("device", "enroll", *one))
        return shown

    def books(self) -> dict[str, dict[str, int]]:
        """The newest books of each instance."""
        names = ("received", "stored", "duplicate", "quarantined", "spooled")
        asked = f"SELECT {', '.join(names)} FROM gateway GROUP BY instance ORDER BY time DESC LIMIT 1"
        return {
            one["tags"]["instance"]: dict(zip(names, one["values"][0][1:], strict=True))
            for one in self.influxql(asked)
        }


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grown]:
    village = Grown(tmp_path_factory.mktemp("grown"))
    village.project += "-grown"
    village.environment["COMPOSE_PROJECT_NAME"] = village.project
    village.copy_tree()
    village.folder.chmod(0o755)
    try:
        village.run("make", "grow", seconds=START)
        yield village
    except BaseException:
        village.show()
        raise
    finally:
        village.compose("down", "--volumes", "--remove-orphans", seconds=120)
        village.run("docker", "image", "rm", f"{village.project}-app")


def test_three_gateways_are_well_and_share_the_messages(grown: Grown) -> None:
    state = json.loads("[" + ",".join(grown.compose("ps", "-a", "--format", "json").splitlines()) + "]")
    assert {one["Service"]: one["Health"] or one["ExitCode"] for one in state} == {
        "init": 0,
        **dict.fromkeys((*GATEWAYS, "postgres", "mosquitto", "influxdb", "web", "sim", "grafana"), "healthy"),
    }
    until(lambda: len(found := grown.books()) == 3 and all(one["received"] for one in found.values()), 90)


def test_a_device_of_the_registry_in_postgresql_is_known_to_all(grown: Grown) -> None:
    shown = grown.enroll("shared-1")
    sensor = grown.sensor(shown["user"], shown["password"])
    for number in range(12):
        assert (
            sensor.publish(shown["topic"], json.dumps({"values": {"soil_moisture": 20 + number}}))
            == "Success"
        )
    sensor.close()
    query = "SELECT soil_moisture FROM telemetry WHERE device = 'shared-1'"
    until(lambda: sorted(row[1] for row in rows(grown.influxql(query))) == [*range(20, 32)], 30)


def test_killed_one_by_one_they_lose_nothing_and_the_books_balance(grown: Grown) -> None:
    shown = grown.enroll("shared-2")
    sensor = grown.sensor(shown["user"], shown["password"])
    for number, gateway in enumerate(GATEWAYS):
        grown.compose("kill", gateway)
        for part in range(5):
            reading = {
                "boot": "a",
                "seq": number * 5 + part,
                "values": {"soil_moisture": 20 + number * 5 + part},
            }
            assert sensor.publish(shown["topic"], json.dumps(reading)) == "Success"
        grown.compose("up", "-d", "--no-deps", "--wait", gateway, seconds=90)
    grown.compose("restart", "mosquitto")
    sensor.close()
    sensor = grown.sensor(shown["user"], shown["password"])
    grown.compose("kill", "postgres")  # readings of known devices do not wait for the registry
    assert sensor.publish(shown["topic"], '{"boot":"a","seq":15,"values":{"soil_moisture":35}}') == "Success"
    sensor.close()
    query = "SELECT soil_moisture FROM telemetry WHERE device = 'shared-2'"
    until(lambda: sorted(row[1] for row in rows(grown.influxql(query))) == [*range(20, 36)], 60)
    grown.compose("up", "-d", "--no-deps", "--wait", "postgres", seconds=90)

    def balanced() -> bool:
        found = grown.books()
        return len(found) == 3 and all(
            one["received"] == one["stored"] + one["duplicate"] + one["quarantined"] + one["spooled"]
            for one in found.values()
        )

    until(balanced, 60)


def test_a_backup_is_brought_back(grown: Grown) -> None:
    shown = grown.enroll("before")
    sensor = grown.sensor(shown["user"], shown["password"])
    assert sensor.publish(shown["topic"], '{"values":{"soil_moisture":30}}') == "Success"
    sensor.close()
    query = "SELECT soil_moisture FROM telemetry WHERE device = 'before'"
    until(lambda: rows(grown.influxql(query)), 60)
    (kept,) = [
        line for line in grown.run("make", "backup", seconds=180).splitlines() if line.startswith("backups/")
    ]
    for name in ("data.tar", "readings.tar", "registry.sql", ".env"):
        assert (grown.folder / kept / name).stat().st_mode & 0o077 == 0
    grown.enroll("after")
    ca = grown.hoiquan("ca")
    grown.compose("exec", "-T", "gateway", "rm", "-rf", "/data/ca")
    grown.run("make", "restore", f"FROM={kept}", seconds=240)
    listed = grown.hoiquan("device", "list", "--json")
    assert '"before"' in listed and '"after"' not in listed
    assert grown.hoiquan("ca") == ca
    assert rows(grown.influxql(query))


def test_a_backup_that_is_not_whole_is_refused(grown: Grown, tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "deploy/backup", "load", str(tmp_path)], cwd=grown.folder, env=grown.environment,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "not a whole backup" in done.stderr
