"""The examples in devices/examples run, and their messages go through a real broker into the store."""

import importlib.util
import json
import os
import re
import ssl
import subprocess
import sys
import tomllib
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from devices.access.authority import CA, prepare
from devices.access.mosquitto import write_passwords
from devices.access.registry import Registry
from devices.credentials import CHIRPSTACK
from devices.pilots.pilot import load
from devices.probes.envelope import addressed
from devices.settings import Settings
from gateway.stores.sqlite import SqliteStore
from tests.gateway.running import gateway
from tests.loopback import free_port
from tests.programs import program
from tests.servers import mosquitto, until
from tests.system.running import Publisher

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "devices" / "examples"
BOARD = Path(__file__).parent / "board"
PILOT = load("dong-thap")
EUI = "24e124136b502217"


class Road:
    """A broker with production's rules, plain and with TLS; a gateway behind it; an enrolled device."""

    def __init__(self, broker, tls_port, settings, passwords, ca):
        self.broker, self.tls_port, self.passwords, self.ca = broker, tls_port, passwords, ca
        self.store = SqliteStore(settings.data / "store.sqlite")

    def ticket(self, device, tls=False):
        """A ticket as `hoiquan device enroll --json` prints it."""
        return {
            "host": "localhost" if tls else "127.0.0.1", "port": self.tls_port if tls else self.broker.port,
            "tls": tls, "user": device, "password": self.passwords[device], "ca": str(self.ca),
            "topic": f"hoiquan/v1/dong-thap/tam-que/{device}/telemetry",
        }  # fmt: skip

    def stored(self, device):
        """The newest value of each signal of a device."""
        found = self.store.latest("telemetry", {"device": device}, 0)
        return {name: value for one in found for name, (_, value) in one.fields.items()}

    def arrives(self, device, **values):
        until(lambda: self.stored(device).items() >= values.items(), f"{values} of {device} are stored")

    def publish(self, user, topic, payload, *, retain=False):
        client = Publisher(self.broker.port, user, self.passwords[user])
        client.publish(topic, payload, retain=retain)
        client.all_acknowledged()
        client.close()


@pytest.fixture(scope="module")
def road(tmp_path_factory):
    folder = tmp_path_factory.mktemp("road")
    prepare(folder / "ca", folder, ["localhost", "127.0.0.1"])
    registry = Registry(folder / "data" / "registry.sqlite", PILOT)
    names = ("my-pi", "my-pi-tls", "my-esp32", "my-esp32-tls", "my-arduino", "my-logger")
    passwords = {name: registry.enroll("tam-que", "soil-probe", name) for name in names}
    passwords["lora-1"] = registry.enroll("tam-que", "soil-probe", "lora-1", EUI)
    passwords[CHIRPSTACK] = "the network's"
    write_passwords(folder / "passwords", registry, "x", "", {CHIRPSTACK: passwords[CHIRPSTACK]})
    tls = free_port()
    with mosquitto(
        "use_username_as_clientid true", f"listener {tls} 127.0.0.1", "use_username_as_clientid true",
        f"certfile {folder}/server.pem", f"keyfile {folder}/server.key",
        "allow_anonymous false", f"password_file {folder}/passwords",
        f"acl_file {folder}/passwords.acl",
    ) as broker:  # fmt: skip
        given = Settings(
            data=folder / "data", mqtt=broker.url, gateway_password=SecretStr("x"), spool_free_mb=0
        )
        with gateway(given):
            yield Road(broker, tls, given, passwords, folder / "ca" / CA)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_the_python_node(road, tmp_path, tls):
    device = "my-pi-tls" if tls else "my-pi"
    path = tmp_path / "ticket.json"
    path.write_text(json.dumps(road.ticket(device, tls)), "utf-8")
    command = [sys.executable, str(EXAMPLES / "python" / "node.py"), str(path), "2", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    road.arrives(device, soil_moisture=31.5, soil_temperature=27.1)


@contextmanager
def board(folder):
    """Work in the board's folder, with the board's modules."""
    before, path = Path.cwd(), list(sys.path)
    names = ("machine", "network", "ntptime", "umqtt", "umqtt.simple")
    os.chdir(folder)
    sys.path.insert(0, str(BOARD))
    try:
        yield
    finally:
        os.chdir(before)
        sys.path[:] = path
        for name in names:
            sys.modules.pop(name, None)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_the_micropython_node(road, tmp_path, tls):
    """On CPython, with stand-ins for the board's modules; `test_micropython.py` uses the real interpreter."""
    device = "my-esp32-tls" if tls else "my-esp32"
    (tmp_path / "ticket.json").write_text(json.dumps(road.ticket(device, tls)), "utf-8")
    (tmp_path / "wifi.json").write_text('{"ssid":"village","password":"of wifi"}', "utf-8")
    if tls:
        (tmp_path / "ca.der").write_bytes(ssl.PEM_cert_to_DER_cert(road.ca.read_text("ascii")))
    spec = importlib.util.spec_from_file_location("node", EXAMPLES / "micropython" / "main.py")
    with board(tmp_path):
        node = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(node)
        node.main(1)
    road.arrives(device, soil_moisture=31.5, rssi=-67)


def arduino(ticket, folder, *options):
    """Compile the sketch against stand-ins for the core and its libraries, and run it for eleven minutes.
    Returns its wills and publications as (what, topic, payload, retained), and its console output.
    """
    for name in ("PubSubClient.h", "WiFi.h", "WiFiClientSecure.h"):
        (folder / name).write_text('#include "arduino.h"\n')
    example = (EXAMPLES / "esp32" / "secrets.h.example").read_text("utf-8")
    given = {"WIFI_SSID": "village", "WIFI_PASSWORD": "x", "HOST": "localhost", "USER": ticket["user"],
             "PASSWORD": ticket["password"], "HERE": ticket["topic"].rpartition("/")[0]}  # fmt: skip
    for name, value in given.items():
        example, number = re.subn(rf"(#define {name} ).*", rf'\g<1>"{value}"', example)
        assert number == 1, name
    (folder / "secrets.h").write_text(example, "utf-8")
    sketch = (EXAMPLES / "esp32" / "esp32.ino").read_text("utf-8")
    (folder / "main.cpp").write_text(
        f'#include "arduino.h"\n{sketch}\nint main() {{ setup(); for (int i = 0; i < 13000; i++) loop(); }}\n'
    )
    subprocess.run(
        [program("g++"), "-std=c++17", "-Wall", "-Wextra", "-Werror", *options, f"-I{BOARD}", f"-I{folder}",
         "-o", str(folder / "node"), str(folder / "main.cpp")], check=True, timeout=120,
    )  # fmt: skip
    done = subprocess.run([folder / "node"], capture_output=True, text=True, timeout=10, check=True)
    return [tuple(line.split("\t")) for line in done.stdout.splitlines()], done.stderr


def test_the_arduino_node(road, tmp_path):
    """The test forwards its publications to the broker."""
    device = "my-arduino"
    ticket = road.ticket(device)
    said, complaints = arduino(ticket, tmp_path)
    assert complaints == ""
    assert [one for one in said if one[1] != ticket["topic"]] == 2 * hello(ticket), "at each connection"
    sent = [one for one in said if one[1] == ticket["topic"]]
    assert [json.loads(payload)["seq"] for _, _, payload, _ in sent] == [0, 1], "one each ten minutes"
    assert {retained for *_, retained in sent} == {"0"}
    for what, topic, payload, retained in said:
        if what == "sent":
            road.publish(device, topic, payload, retain=retained == "1")
    road.arrives(device, soil_moisture=31.5, rssi=-67)


def hello(ticket):
    """The will and the first publication of a connection."""
    status = ticket["topic"].rpartition("/")[0] + "/status"
    return [("will", status, '{"state":"offline"}', "1"), ("sent", status, '{"state":"online"}', "1")]


def test_an_arduino_node_that_cannot_say_online_connects_again(road, tmp_path):
    """Otherwise it would send its readings while its status stays `offline`."""
    ticket = road.ticket("my-arduino")
    said, complaints = arduino(ticket, tmp_path, "-DSTUMBLES=1")
    assert complaints == "not sent\n"
    first, *then = said
    assert first[0] == "will"
    assert then[:2] == hello(ticket)
    assert [json.loads(payload)["seq"] for _, topic, payload, _ in then[2:] if topic == ticket["topic"]] == [
        1
    ]


def test_the_codec_for_chirpstack(road):
    codec = (EXAMPLES / "chirpstack" / "codec.js").read_text("utf-8")
    inputs = [{"fPort": 2, "bytes": [12, 78, 10, 150, 4, 176, 37]}, {"fPort": 1, "bytes": []}]
    script = f"{codec}\nconsole.log(JSON.stringify({json.dumps(inputs)}.map(decodeUplink)))"
    done = subprocess.run([program("node"), "-e", script], capture_output=True, timeout=30, check=True)
    good, bad = json.loads(done.stdout)
    assert good["data"] == {
        "soil_moisture": 31.5, "soil_temperature": 27.1, "soil_ec": 1.2, "battery_voltage": 3.7,
    }  # fmt: skip
    assert "7 bytes" in bad["errors"][0]
    event = {"deviceInfo": {"devEui": EUI}, "devAddr": "00189440", "fCnt": 4, "object": good["data"],
             "rxInfo": [{"rssi": -110}, {"rssi": -101}]}  # fmt: skip
    road.publish(CHIRPSTACK, f"application/app-1/device/{EUI}/event/up", json.dumps(event))
    road.arrives("lora-1", soil_moisture=31.5, soil_ec=1.2, rssi=-101)


def test_the_settings_for_chirpstack_name_the_topic_that_is_read():
    given = tomllib.loads((EXAMPLES / "chirpstack" / "chirpstack.toml").read_text("utf-8"))
    topic = given["integration"]["mqtt"]["event_topic"]
    filled = topic.replace("{{application_id}}", "a").replace("{{dev_eui}}", EUI).replace("{{event}}", "up")
    assert addressed(filled).kind == "up"
    assert given["integration"]["mqtt"]["json"] is True


def test_the_senml_pack(road):
    pack = (EXAMPLES / "senml" / "pack.json").read_text("utf-8")
    road.publish("my-logger", road.ticket("my-logger")["topic"], pack)
    road.arrives("my-logger", air_temperature=29.3, relative_humidity=81, air_pressure=1008.1)


def test_the_examples_of_the_contract(road):
    """Each JSON example of devices/README.md that is a reading."""
    readme = (ROOT / "devices" / "README.md").read_text("utf-8")
    topic = road.ticket("my-logger")["topic"]
    for example in re.findall(r"```json\n(.*?)\n```", readme, re.S):
        if "values" in example or '"bn"' in example:
            road.publish("my-logger", topic, example)
    road.arrives("my-logger", soil_moisture=31.5)
