"""`hoiquan doctor` logs in to the broker as `reader`, and names the way in which that failed."""

import json
import socket
from queue import Empty

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

import hoiquan
from devices.access.authority import prepare
from devices.broker_url import leave
from devices.credentials import hash_password
from devices.settings import Settings
from gateway.control.client import NotHeard, connected, listening
from tests.gateway.test_doctor import bare
from tests.loopback import free_port
from tests.servers import mosquitto, until

assert bare  # a fixture of each test: no server at the default ports


def broker_finding(folder, url, password="", **variables):
    """The doctor's finding about the broker at `url`."""
    given = {"HOIQUAN_MQTT": url, "HOIQUAN_READER_PASSWORD": password} | variables
    told = CliRunner().invoke(
        hoiquan.app, ["doctor", "--data", str(folder), "--json", "--lang", "en"], env=given
    )
    (found,) = [one for one in json.loads(told.stdout) if one["part"] == "broker"]
    assert bool(found["mend"]) is (found["level"] != "ok")
    return found


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    """A broker with accounts, one port without TLS and one with."""
    folder = tmp_path_factory.mktemp("accounts")
    prepare(folder / "ca", folder, ["localhost", "127.0.0.1"])
    accounts = {"reader": "right", "gateway": "its own"}
    lines = [f"{name}:{hash_password(password)}" for name, password in accounts.items()]
    (folder / "passwords").write_text("\n".join(lines) + "\n", "utf-8")
    port = free_port()
    with mosquitto(
        "allow_anonymous false", f"password_file {folder}/passwords", "use_username_as_clientid true",
        f"listener {port} 127.0.0.1", f"certfile {folder}/server.pem", f"keyfile {folder}/server.key",
    ) as server:  # fmt: skip
        server.secure, server.accounts = port, folder
        yield server


def reading(broker, password="right"):
    return Settings(mqtt=broker.url, reader_password=SecretStr(password))


def test_it_logs_in_as_reader_and_takes_nobodys_connection(broker, tmp_path):
    client = connected(reading(broker), "gateway", "its own")
    lost = []
    client.on_disconnect = lambda *_: lost.append("gateway")
    found = broker_finding(tmp_path, broker.url, "right")
    assert found["level"] == "ok"
    assert found["sentence"].endswith("lets the account reader in.")
    assert client.is_connected() and not lost
    leave(client)


def test_without_a_password_it_says_that_it_tried_no_login(broker, tmp_path):
    found = broker_finding(tmp_path, broker.url)
    assert found["level"] == "ok"
    assert "no login was tried" in found["sentence"]


def test_a_refused_account_is_named(broker, tmp_path):
    found = broker_finding(tmp_path, broker.url, "wrong")
    assert found["level"] == "bad"
    assert "does not let the account reader in: Not authorized" in found["sentence"]
    assert "HOIQUAN_READER_PASSWORD" in found["mend"]


@pytest.mark.parametrize("password", ["right", ""], ids=["login", "no password"])
def test_tls_of_our_ca_of_another_and_none(broker, tmp_path, password):
    url = f"mqtts://localhost:{broker.secure}"
    ours = {"HOIQUAN_MQTT_CA": str(broker.accounts / "ca" / "ca.pem")}
    assert broker_finding(tmp_path, url, password, **ours)["level"] == "ok"
    prepare(tmp_path / "ca", tmp_path, ["localhost"])
    other = broker_finding(tmp_path, url, password, HOIQUAN_MQTT_CA=str(tmp_path / "ca" / "ca.pem"))
    assert "not of our CA" in other["sentence"]
    assert other["level"] == "bad"
    plain = broker_finding(tmp_path, f"mqtts://localhost:{broker.port}", password, **ours)
    assert "does not speak TLS" in plain["sentence"]
    missing = broker_finding(tmp_path, url, password, HOIQUAN_MQTT_CA=str(tmp_path / "none.pem"))
    assert "none.pem" in missing["sentence"]


def test_nobody_and_somebody_who_does_not_answer(broker, tmp_path, monkeypatch):
    nobody = broker_finding(tmp_path, f"mqtt://127.0.0.1:{free_port()}", "right")
    assert nobody["sentence"].startswith("No broker listens")
    with socket.socket() as mute, monkeypatch.context() as hasty:
        hasty.setattr("gateway.doctor.broker.TIMEOUT", 1.0)
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        for scheme in ("mqtt", "mqtts"):
            found = broker_finding(tmp_path, f"{scheme}://127.0.0.1:{mute.getsockname()[1]}", "right")
            assert "has not answered as a broker within 1 s" in found["sentence"]
            assert found["level"] == "bad"
    # that port speaks nothing but TLS
    found = broker_finding(tmp_path, f"mqtt://127.0.0.1:{broker.secure}", "right")
    assert "mqtts://" in found["mend"]


def test_whoever_listens_beside_it_goes_on(broker, tmp_path):
    with listening(reading(broker), "said") as heard:
        assert broker_finding(tmp_path, broker.url, "right")["level"] == "ok"
        client = connected(reading(broker), "gateway", "its own")

        def said():
            client.publish("said", b"again")
            try:
                return heard.get(timeout=0.2).payload == b"again"
            except Empty:
                return False

        until(said, "it hears again")
        leave(client)


def test_a_refused_reader_is_told_once(broker):
    given = reading(broker, "wrong")
    with pytest.raises(NotHeard, match="does not let 'reader' in"), listening(given, "said"):
        raise AssertionError("nothing is heard")
