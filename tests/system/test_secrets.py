"""deploy/secrets: the files that docker-compose.yml hands to the services, each made once."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BEFORE = """\
HOIQUAN_PUBLIC_HOST=iot.example.org
HOIQUAN_GATEWAY_PASSWORD="of an earlier version"
HOIQUAN_INFLUX_TOKEN=kept
HOIQUAN_INFLUX_READER=not used any more
HOIQUAN_POSTGRES_PASSWORD=pw
GF_SMTP_HOST=mail.example.org:587
GF_SMTP_PASSWORD=mail"""


def write(folder: Path) -> str:
    done = subprocess.run(
        ["sh", str(ROOT / "deploy/secrets"), "secrets", ".env"],
        cwd=folder, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout + done.stderr


def read(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8").strip() for path in (folder / "secrets").iterdir()}


def test_every_file_that_the_services_get_is_written_once(tmp_path: Path) -> None:
    assert write(tmp_path) == ""
    first = read(tmp_path)
    named: dict[str, dict[str, str]] = {}
    for name in ("docker-compose.yml", "docker-compose.grow.yml"):
        named |= yaml.safe_load((ROOT / name).read_text("utf-8"))["secrets"]
    assert {Path(one["file"]).name for one in named.values()} == set(first)
    empty = {"chirpstack_password", "smtp_password"}
    assert {name for name, value in first.items() if not value} == empty
    assert all(re.fullmatch("[0-9a-f]{32}", first[name]) for name in set(first) - empty - {"registry"})
    assert len(set(first.values())) == len(first) - 1
    assert first["registry"] == f"postgresql://hoiquan:{first['postgres_password']}@postgres/hoiquan"
    (tmp_path / "secrets" / "chirpstack_password").write_text("of somebody\n")
    write(tmp_path)
    assert read(tmp_path) == {**first, "chirpstack_password": "of somebody"}
    assert not (tmp_path / ".env").exists()


def test_only_the_owner_comes_to_them_and_each_container_reads_its_own(tmp_path: Path) -> None:
    write(tmp_path)
    folder = tmp_path / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    for path in folder.iterdir():  # as a backup may restore them
        path.chmod(0o600)
    write(tmp_path)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}


def test_an_earlier_installation_keeps_its_passwords(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(BEFORE)
    assert "are in secrets/ now" in write(tmp_path)
    kept = read(tmp_path)
    assert kept["gateway_password"] == "of an earlier version"
    assert (kept["influx_token"], kept["postgres_password"]) == ("kept", "pw")
    assert kept["smtp_password"] == "mail"
    assert kept["registry"].startswith("postgresql://hoiquan:pw@")
    left = (tmp_path / ".env").read_text("utf-8").splitlines()
    assert left == ["HOIQUAN_PUBLIC_HOST=iot.example.org", "GF_SMTP_HOST=mail.example.org:587"]
    assert write(tmp_path) == ""


@pytest.mark.parametrize("name", ["docker-compose.yml", "docker-compose.grow.yml"])
def test_no_variable_of_a_container_has_a_secret(name: str) -> None:
    """`docker inspect` shows variables to everybody who may ask the engine."""
    services = yaml.safe_load((ROOT / name).read_text("utf-8"))["services"]
    for service, said in services.items():
        for variable in said.get("environment") or {}:
            if re.search("PASSWORD$|TOKEN|SECRET|REGISTRY", variable.removesuffix("_FILE")):
                assert variable.endswith("_FILE"), f"{service}: {variable}"
