"""`make backup` and `make restore` of the services with the overlay. Run by hand, for it takes minutes that
.ci/run does not have: python -m pytest -m compose tests/compose/test_backup.py
"""

import subprocess
from pathlib import Path

import pytest

from tests.compose.grown import FILES, Grown
from tests.compose.village import rows, until

pytestmark = pytest.mark.compose


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
    for name in ("data.tar", "readings.tar", "registry.sql", "secrets", "secrets/influx_token"):
        assert (grown.folder / kept / name).stat().st_mode & 0o077 == 0
    grown.enroll("after")
    certificate = ("docker", "compose", *FILES, "exec", "-T", "gateway", "hoiquan", "ca")
    ca = grown.output(*certificate)
    grown.compose("exec", "-T", "gateway", "rm", "-rf", "/data/ca")
    grown.run("make", "restore", f"FROM={kept}", seconds=240)
    listed = grown.hoiquan("device", "list", "--json")
    assert '"before"' in listed and '"after"' not in listed
    assert grown.output(*certificate) == ca
    assert rows(grown.influxql(query))


def test_a_backup_that_is_not_whole_is_refused(grown: Grown, tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "deploy/backup", "load", str(tmp_path)], cwd=grown.folder, env=grown.environment,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "not a whole backup" in done.stderr
