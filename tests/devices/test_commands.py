"""`hoiquan device enroll`: what it prints, and what it keeps to itself."""

import pytest
from typer.testing import CliRunner

import hoiquan
from devices.access.registry import Registry
from devices.credentials import FILE
from devices.pilots.pilot import load

OF_ALL = "the-network-server-s-own"


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("HOIQUAN_CHIRPSTACK_PASSWORD", OF_ALL)
    Registry(tmp_path / "registry.sqlite", load("dong-thap")).refresh()
    return tmp_path


def enrolled(data, number, *more):
    done = CliRunner().invoke(hoiquan.app, [
        "device", "enroll", "--community", "tam-que", "--model", "soil-probe", "--id", f"lora-{number}",
        "--dev-eui", f"24e124136b50221{number}", "--data", str(data), *more,
    ])  # fmt: skip
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_password_of_the_network_server_is_printed_when_it_is_asked_for(data):
    assert OF_ALL in enrolled(data, 1, "--network-password")
    said = enrolled(data, 2)
    assert OF_ALL not in said and "secrets/chirpstack_password" in said and "--network-password" in said
    (data / FILE).write_text("{}", "utf-8")  # as `hoiquan up` makes it
    said = enrolled(data, 3, "--lang", "en")
    assert OF_ALL not in said and str(data / FILE) in said
    assert OF_ALL not in enrolled(data, 4, "--json", "--network-password"), (
        "a device's ticket has its own alone"
    )
