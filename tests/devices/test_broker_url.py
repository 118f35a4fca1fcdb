"""Addresses of brokers: which are valid, and the sentence for those that are not. A client's goodbye."""

import threading
from types import SimpleNamespace

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from devices.access.authority import CA, prepare
from devices.broker_url import BrokerAddress, leave, parse, trust
from tests.servers import PATIENCE, Mosquitto, until


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "shown"),
    [
        ("mqtt://127.0.0.1", "127.0.0.1", 1883, False, "127.0.0.1:1883"),
        ("mqtts://127.0.0.1", "127.0.0.1", 8883, True, "127.0.0.1:8883"),
        ("mqtt://mosquitto:1884", "mosquitto", 1884, False, "mosquitto:1884"),
        ("mqtts://mqtt.example.vn:443/", "mqtt.example.vn", 443, True, "mqtt.example.vn:443"),
        ("MQTTS://MQTT.Example.VN", "mqtt.example.vn", 8883, True, "mqtt.example.vn:8883"),
        ("mqtt://[::1]", "::1", 1883, False, "[::1]:1883"),
        ("mqtts://[2001:DB8::0:1]:1", "2001:db8::1", 1, True, "[2001:db8::1]:1"),
        ("mqtt://[fe80::1%eth0]:65535", "fe80::1%eth0", 65535, False, "[fe80::1%eth0]:65535"),
        ("mqtt://máy-chủ.vn", "máy-chủ.vn", 1883, False, "máy-chủ.vn:1883"),
    ],
)
def test_what_is_an_address(url, host, port, tls, shown):
    assert parse(url) == BrokerAddress(host, port, tls)
    assert str(parse(url)) == shown


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "127.0.0.1:1883", "http://127.0.0.1", "ws://127.0.0.1", "tcp://127.0.0.1:1883",
        "mqtt://", "mqtt:/x", "mqtt:127.0.0.1", "mqtt://:1883", "mqtt://h:", "mqtt://h:abc", "mqtt://h:-1",
        "mqtt://h:1.5", "mqtt://h:١٨٨٣", "mqtt://h:123456", "mqtt://::1", "mqtt://[::1", "mqtt://[::1]1883",
        "mqtt://[127.0.0.1]", "mqtt://[v1.x]", "mqtt://h/topic", "mqtt://h?x=1", "mqtt://h#x", "mqtt://a b",
        " mqtt://h", "mqtt://h\n", "mqtt://h\t:1", "mqtt://a..b", "mqtt://" + "a" * 64, "mqtt://h:1:2",
    ],
)  # fmt: skip
def test_what_is_none(url):
    with pytest.raises(ValueError) as raised:
        parse(url)
    assert str(raised.value) == f"broker address {url!r}: expected mqtt://host:port or mqtts://host:port"


@pytest.mark.parametrize("port", ["0", "00000", "65536", "99999"])
def test_a_port_that_does_not_exist(port):
    with pytest.raises(ValueError, match="a port is a number from 1 to 65535"):
        parse(f"mqtt://h:{port}")


def test_a_password_in_an_address_is_refused_and_not_repeated():
    with pytest.raises(ValueError, match="expected mqtt://host:port") as raised:
        parse("mqtts://gateway:the-password@h:8883")
    assert "the-password" not in str(raised.value)


def test_a_ca_is_believed_and_what_is_none_is_named(tmp_path):
    prepare(tmp_path / "ca", tmp_path, ["localhost"])
    (known,) = trust(tmp_path / "ca" / CA).get_ca_certs()
    assert known["subject"] == ((("commonName", "hoiquan CA"),),)
    for given in (None, tmp_path / "ca" / CA):
        assert trust(given).check_hostname
    (tmp_path / "text").write_text("no certificate")
    for name in ("text", "missing"):
        with pytest.raises(ValueError, match=f"HOIQUAN_MQTT_CA names .*{name}"):
            trust(tmp_path / name)


def test_a_goodbye_that_paho_overtakes_is_one(mosquitto: Mosquitto, monkeypatch):
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    until(client.is_connected, "it is let in")
    thread = client._thread

    def current_thread():  # which `loop_stop` asks for just before it joins
        thread.join(PATIENCE)
        return threading.current_thread()

    late = vars(threading) | {"current_thread": current_thread}
    monkeypatch.setattr(paho, "threading", SimpleNamespace(**late))
    leave(client)
    assert not thread.is_alive()
