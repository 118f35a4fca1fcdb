"""Which services deploy/backup stops, empties and starts again, as a `docker` tells that only writes down
what it is asked. tests/compose/test_backup.py does it with real services.
"""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKER = """#!/bin/sh
echo "$*" >> asked
case "$*" in
*"ps -aq postgres") cat running ;;
*"config --services") printf 'mosquitto\\nsim\\nweb\\ngateway\\ngateway-2\\ninfluxdb\\n' ;;
*" run "* | *" exec "*) cat > /dev/null ;;
esac
"""
GROWN = "-f docker-compose.yml -f docker-compose.grow.yml -f docker-compose.kept.yml "


@pytest.fixture
def folder(tmp_path):
    """A folder with secrets, in which nothing runs, and a backup without PostgreSQL."""
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    (tmp_path / "running").touch()
    for one in (tmp_path / "secrets", tmp_path / "kept" / "secrets"):
        one.mkdir(parents=True)
        (one / "postgres_password").write_text("x\n")
    for name in ("data.tar", "readings.tar"):
        (tmp_path / "kept" / name).touch()
    return tmp_path


def backup(folder, *words):
    path = {"PATH": f"{folder}:{os.environ['PATH']}"}
    return subprocess.run(
        ["sh", "deploy/backup", *words], cwd=folder, env=path, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip


def asked(folder):
    """What docker was asked to do, after it was asked what runs."""
    lines = (folder / "asked").read_text().splitlines()
    assert lines.pop(0).endswith("ps -aq postgres")
    return [line.removeprefix("compose ") for line in lines if "config --services" not in line]


def test_a_copy_with_postgresql_is_brought_back_on_a_new_machine(folder):
    (folder / "kept" / "registry.sql").write_text("SELECT 1;\n")
    done = backup(folder, "load", "kept")
    assert done.returncode == 0, done.stderr
    said = asked(folder)
    assert all(line.startswith(GROWN) for line in said), "the broker stays the one of make grow"
    what = [line.removeprefix(GROWN).split()[0] for line in said]
    assert what == ["stop", "run", "run", "up", "exec", "up"]
    assert said[3].endswith("up -d --wait postgres") and "psql" in said[4]


def test_a_copy_without_postgresql_is_brought_back_where_there_is_none(folder):
    assert backup(folder, "load", "kept").returncode == 0
    assert [line.split()[:3] for line in asked(folder)] == [
        ["-f", "docker-compose.yml", word] for word in ("stop", "run", "run", "up")
    ]


def test_a_copy_without_postgresql_is_refused_beside_one_before_anything_is_emptied(folder):
    (folder / "running").write_text("a-container\n")
    done = backup(folder, "load", "kept")
    assert done.returncode == 2 and "registry.sql" in done.stderr
    assert asked(folder) == []


def test_the_services_of_make_grow_are_copied_with_postgresql(folder):
    (folder / "running").write_text("a-container\n")
    done = backup(folder, "save", "backups")
    assert done.returncode == 0, done.stderr
    (made,) = (folder / "backups").iterdir()
    assert {one.name for one in made.iterdir()} == {"data.tar", "readings.tar", "registry.sql", "secrets"}
    stopped, *_, started = asked(folder)
    for line in (stopped, started):
        assert line.startswith(GROWN) and line.endswith(" sim web gateway gateway-2 influxdb")
