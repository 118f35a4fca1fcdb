"""`hoiquan device enroll` and `rotate`: what they print, what they keep secret, and when they do nothing."""

import json
import shlex

import pytest
from typer.testing import CliRunner

import hoiquan
from devices import installation
from devices.access.registry import Registry
from devices.contract.models import MODELS
from devices.contract.payloads import decode
from devices.contract.signals import SIGNALS
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
    (data / FILE).write_text("{}", "utf-8")  # as `hoiquan up` writes it
    said = enrolled(data, 3, "--lang", "en")
    assert OF_ALL not in said and str(data / FILE) in said
    assert OF_ALL not in enrolled(data, 4, "--json", "--network-password"), (
        "a device's ticket has its own alone"
    )


def said_by(data, *words):
    return CliRunner().invoke(hoiquan.app, ["device", *words, "--data", str(data), "--json"])


def test_no_password_holds_whose_way_in_cannot_be_told(data, monkeypatch):
    """A password is shown once: without a ticket, an enrolled device would have one that nobody knows."""
    enroll = ["enroll", "--community", "tam-que", "--model", "soil-probe", "--id"]
    registry = Registry(data / "registry.sqlite", load("dong-thap"))
    first = json.loads(said_by(data, *enroll, "first").stdout)["password"]
    for url, key in (("mqtts://broker.example", "ca.none"), ("http://broker.example", "setting.broker")):
        monkeypatch.setenv("HOIQUAN_PUBLIC_MQTT", url)
        for words in ([*enroll, "second"], ["rotate", "first"]):
            done = said_by(data, *words)
            assert done.exception.key == key and not done.stdout
        assert registry.lookup("second") is None and registry.verify("first", first)
    monkeypatch.setenv("HOIQUAN_PUBLIC_MQTT", "mqtts://broker.example")
    assert CliRunner().invoke(hoiquan.app, ["ca", "--data", str(data)]).exit_code == 0
    for words in ([*enroll, "second"], ["rotate", "first"]):
        given = json.loads(said_by(data, *words).stdout)
        assert given["ca_sha256"] and registry.verify(words[-1], given["password"])
    assert said_by(data, "rotate", "third").exception.key == "enrol.none"


def test_a_password_that_holds_is_shown_though_the_broker_cannot_be_told(data, monkeypatch):
    monkeypatch.setenv("HOIQUAN_MOSQUITTO_PASSWORDS", str(data / "none" / "passwords"))
    monkeypatch.setenv("HOIQUAN_GATEWAY_PASSWORD", "any")
    registry = Registry(data / "registry.sqlite", load("dong-thap"))
    for words in (["enroll", "--community", "tam-que", "--model", "soil-probe", "--id", "mine"],
                  ["rotate", "mine"]):  # fmt: skip
        done = said_by(data, *words)
        assert isinstance(done.exception, FileNotFoundError)
        assert registry.verify("mine", json.loads(done.stdout)["password"])


def test_the_line_that_is_printed_sends_a_reading_of_the_devices_own_model(data):
    """The line for a pump must not send a reading of soil."""
    for number, model in enumerate(MODELS.values()):
        told = said_by(data, "enroll", "--community", "tam-que", "--model", model.id, "--id", f"own-{number}")
        words = shlex.split(json.loads(told.stdout)["line"])
        assert words[0] == "mosquitto_pub"
        if not model.signals:
            assert words[-2:] == ["-f", "event.json"]
            continue
        ((name, value),) = decode(words[-1].encode()).values.items()
        assert name == model.signals[0] and SIGNALS[name].low <= value <= SIGNALS[name].high


ENROLL = ["enroll", "--community", "tam-que", "--model"]


def test_while_nothing_runs_the_port_is_that_of_the_last_run(data):
    mine = [*ENROLL, "soil-probe", "--id"]
    first = said_by(data, *mine, "first", "--lang", "en")
    assert json.loads(first.stdout)["port"] == 1883
    assert "on which port" in first.stderr and "1883" in first.stderr and "--mqtt-port" in first.stderr
    there = {"mqtt": "mqtt://127.0.0.1:18830", "web_url": "http://127.0.0.1:8090", "mqtt_version": 5,
             "base_url": "http://hoiquan.example:8090"}  # fmt: skip
    with installation.claim(data) as running:
        installation.tell(running, there)
        during = said_by(data, *mine, "second")
        diaries = [said_by(data, *ENROLL, "diary", "--id", "notes")]
    after = said_by(data, *mine, "third")
    for told in (during, after):
        assert json.loads(told.stdout)["port"] == 18830 and " -p 18830 " in json.loads(told.stdout)["line"]
        assert not told.stderr
    diaries.append(said_by(data, *ENROLL, "diary", "--id", "notebook"))
    assert {json.loads(one.stdout)["page"] for one in diaries} == {"http://hoiquan.example:8090/diary"}
    assert " -p 18830 " in CliRunner().invoke(
        hoiquan.app, ["device", "rotate", "first", "--data", str(data)]
    ).stdout  # fmt: skip


def test_a_setting_counts_before_the_last_run(data, monkeypatch):
    with installation.claim(data) as running:
        installation.tell(running, {"mqtt": "mqtt://127.0.0.1:18830", "web_url": "http://127.0.0.1:8090"})
    for name in ("HOIQUAN_MQTT", "HOIQUAN_PUBLIC_MQTT"):
        monkeypatch.setenv(name, "mqtt://broker.example:18840")
        told = said_by(data, *ENROLL, "soil-probe", "--id", name.lower().replace("_", "-"))
        assert json.loads(told.stdout)["port"] == 18840 and not told.stderr
        monkeypatch.delenv(name)


@pytest.mark.parametrize("damage", ["", "no JSON", "[]", "{}"])
def test_what_is_left_of_the_last_run_may_be_damaged(data, damage):
    (data / "last-run.json").write_text(damage, "utf-8")
    told = said_by(data, *ENROLL, "soil-probe", "--id", "mine")
    assert json.loads(told.stdout)["port"] == 1883 and "1883" in told.stderr
