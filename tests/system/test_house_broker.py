"""The broker that `hoiquan up` starts, Mosquitto or amqtt: acknowledged messages are stored, whichever
process dies.

Whole installations as processes; both brokers keep the same promises.
"""

import json
import os
import re
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from devices.clock import now_ms
from devices.texts import LANGS, text
from gateway.brokers import mosquitto
from tests.loopback import free_port
from tests.packets import connect, publish
from tests.programs import program
from tests.system.running import (
    SLOWER,
    Publisher,
    Running,
    command,
    descendants,
    done,
    hoiquan,
    one_line,
    until,
)
from tests.system.up import Up

PLACE = "hoiquan/v1/dong-thap/tam-que/"


class House(Up):
    """`hoiquan up` with one of the two brokers, and without a history."""

    def __init__(self, folder, broker):
        self.broker = broker
        super().__init__(folder)

    def start(self):
        self.running = Running(
            self.folder / "up.log",
            command("up", "--history", "1h", "--http-port", str(self.http), "--mqtt-port", str(self.mqtt),
                    "--broker", self.broker),
        )  # fmt: skip
        until("all parts of `hoiquan up`", 60, lambda: self.counted() and self.gateway_hears())

    def gateway_hears(self):
        return "connected to" in self.running.text()

    def part(self, name):
        """The process id of a part, by the part's name or command line."""
        for pid in self.children():
            with suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:4]
                if name.encode() in (*words, *Path(f"/proc/{pid}/comm").read_bytes().split()):
                    return pid
        return None

    def device(self, name, **more):
        given = self.enroll(name)
        return Publisher(self.mqtt, given["user"], given["password"], **more), given


@pytest.fixture(scope="module", params=["mosquitto", "amqtt"])
def house(request, tmp_path_factory):
    if request.param == "mosquitto" and mosquitto.binary() is None:
        pytest.fail("the tests want Mosquitto on this machine: deploy/test-servers installs it")
    made = House(tmp_path_factory.mktemp("house"), request.param)
    yield made
    made.running.stop(signal.SIGINT)


def numbered(n):
    return json.dumps({"boot": "b", "seq": n, "values": {"soil_moisture": round(n / 20, 2)}})


def counted(house, before=0):
    books = house.books()
    assert books.balanced
    return books.received - before


def values(house, device):
    from gateway.stores.sqlite import SqliteStore

    store = SqliteStore(house.folder / "data" / "store.sqlite")
    rows = store.series("telemetry", {"device": device}, 0, 2**60, 50_000)
    rows += store.series("telemetry_flagged", {"device": device}, 0, 2**60, 50_000)
    store.close()
    return sorted(row.fields.get("soil_moisture", row.fields.get("value")) for row in rows)


def test_it_says_which_broker_runs_and_what_it_promises(house):
    said = house.running.text()
    version = mosquitto.binary()[1] if house.broker == "mosquitto" else ""
    assert text(f"up.{house.broker}", "vi", version=version) in said
    assert text("up.pilot", "vi", pilot="dong-thap", folder=house.folder / "data") in said


def test_what_watches_mosquitto_keeps_no_database(house):
    """Nor does it load what reads one. amqtt asks the registry about each client that connects."""
    maps = Path(f"/proc/{house.part('broker')}/maps").read_text()
    assert "registry.sqlite" not in maps or house.broker == "amqtt"


def test_a_sender_that_hangs_up_at_once_loses_nothing(house):
    """A node that sends its buffer and sleeps: its last packet follows the last acknowledgement at once."""
    sender, given = house.device("sleeper")
    for n in range(1000):
        sender.publish(given["topic"], numbered(n))
    sender.all_acknowledged(30)
    sender.close()
    expected = [round(n / 20, 2) for n in range(1000)]
    until("all are stored", 30, lambda: len(values(house, "sleeper")) >= 1000)
    assert values(house, "sleeper") == expected


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["kill -9", "SIGTERM"])
def test_a_gateway_that_goes_away_loses_nothing(house, number):
    """At 200 messages a second; `up` starts the gateway again."""
    sender, given = house.device(f"while-{number}")
    gateway = house.part("gateway")
    for n in range(1000):
        sender.publish(given["topic"], numbered(n))
        time.sleep(0.005)
        if n == 300:
            os.kill(gateway, number)
    sender.all_acknowledged(30)
    sender.close()
    name = f"while-{number}"
    until("all are stored", 60, lambda: len(values(house, name)) >= 1000)
    time.sleep(1.0)  # and none comes twice
    assert values(house, name) == [round(n / 20, 2) for n in range(1000)]
    refused = json.loads(done(house.hoiquan("quarantine", "list", "--json", "--limit", "1000")))
    assert not [one for one in refused if name in one["topic"]]


def test_a_node_that_falls_silent_is_offline_and_its_will_is_sent(house):
    given = house.enroll("silent")
    with socket.create_connection(("127.0.0.1", house.mqtt)) as node:
        node.sendall(connect(given["user"], given["password"], keepalive=2,
                             will=(f"{PLACE}silent/status", b'{"state":"offline"}')))  # fmt: skip
        assert node.recv(4)[:2] == b"\x20\x02"
        sent = now_ms()
        node.sendall(publish(f"{PLACE}silent/status", b'{"state":"online"}'))
        # from the store's history, since a busy gateway may store the first when the second has come already
        until("it was online, then offline", 20, lambda: [*states(house, "silent").values()] == [True, False])
    # Mosquitto 2.0 checks keepalives every five seconds
    assert 2 < (max(states(house, "silent")) - sent) / 1000 < 3 + 5 + 4 * SLOWER


def states(house, device):
    """Time in ms → whether the device was online from then on, the oldest first."""
    from gateway.stores.sqlite import SqliteStore

    store = SqliteStore(house.folder / "data" / "store.sqlite")
    rows = store.series("device", {"device": device}, 0, 2**60, 100)
    store.close()
    return dict(sorted((row.time, row.fields["online"]) for row in rows if "online" in row.fields))


@pytest.mark.parametrize(("level", "unsupported"), [(5, 0x84), (3, 0x01)], ids=["5", "3.1"])
def test_a_client_of_another_mqtt_is_let_in_or_told_at_once(house, level, unsupported):
    """paho C tries 3.1 after 3.1.1 was refused, for a wrong password too."""
    given = house.enroll(f"speaks-{level}")
    with socket.create_connection(("127.0.0.1", house.mqtt), 5 * SLOWER) as node:
        node.sendall(connect(given["user"], given["password"], level=level))
        answer = node.recv(100)
    assert answer[0] == 0x20
    assert answer[3] == (0 if house.broker == "mosquitto" else unsupported)


def flags(given):
    """Options that send a reading as the ticket says; these clients share the names of their options."""
    return ["-h", given["host"], "-p", str(given["port"]), "-i", given["client_id"], "-u", given["user"],
            "-P", given["password"], "-q", "1", "-t", given["topic"], "-m", READING]  # fmt: skip


READING = '{"values":{"soil_moisture":31.5}}'
CLIENTS = {
    "mosquitto_pub, the line as printed": lambda given: ["sh", "-c", given["line"]],
    "mosquitto_pub 5": lambda given: [program("mosquitto_pub"), "-V", "mqttv5", *flags(given)],
    "paho C": lambda given: [program("paho_cs_pub"), "-V", "311", *flags(given)],
    "paho C 5": lambda given: [program("paho_cs_pub"), "-V", "5", *flags(given)],
    "MQTT.js": lambda given: [program("mqtt"), "pub", *flags(given)],
}


@pytest.mark.parametrize("client", CLIENTS)
def test_each_client_joins_with_the_ticket_as_printed(house, client):
    """amqtt refuses clients of MQTT 5, which must report it. `test_examples.py` tests the boards."""
    given = house.enroll(re.sub("[^a-z0-9]+", "-", client.lower()))
    ran = subprocess.run(
        CLIENTS[client](given), capture_output=True, text=True, timeout=60, check=False,
        # for Debian's packages, whichever Node.js this is
        env=os.environ | {"NODE_PATH": "/usr/share/nodejs"},
    )  # fmt: skip
    said = ran.stdout + ran.stderr
    if client.endswith("5") and house.broker == "amqtt":
        assert said
        assert not values(house, given["user"])
    else:
        assert (ran.returncode, ran.stderr) == (0, ""), said
        # perhaps flagged, since the nodes of earlier tests beside it measure other values
        until("it is stored", 30, lambda: values(house, given["user"]) == [31.5])


@pytest.mark.parametrize("clean", [True, False])
def test_of_two_with_one_client_id_the_first_is_closed(house, clean):
    given = house.enroll(f"twice-{int(clean)}")
    with socket.create_connection(("127.0.0.1", house.mqtt), 5 * SLOWER) as first:
        first.sendall(connect(given["user"], given["password"], clean=clean))
        assert first.recv(4)[:2] == b"\x20\x02"
        with socket.create_connection(("127.0.0.1", house.mqtt), 5 * SLOWER) as second:
            second.sendall(connect(given["user"], given["password"], clean=clean))
            assert second.recv(4)[:2] == b"\x20\x02"
            assert first.recv(10) == b"", "it is closed"
            second.sendall(b"\xc0\x00")
            assert second.recv(2) == b"\xd0\x00", "and the second answers"


def test_an_account_outside_its_topics_stores_nothing_and_is_told(house):
    """With MQTT 3.1.1, whose PUBACK cannot carry the refusal."""
    sender, _ = house.device("astray", hears=f"{PLACE}astray/rejected")
    received = house.books().received
    sender.publish(f"{PLACE}astrya/telemetry", numbered(1))
    sender.publish(f"{PLACE}astray/telemetry", numbered(2))
    sender.all_acknowledged()
    until("the right one is stored", 10, lambda: values(house, "astray"))
    assert values(house, "astray") == [0.1]
    until("it is told", 10, lambda: sender.heard)
    told = json.loads(sender.heard[0][1])
    assert told["reason"] == "forbidden_topic" and f"{PLACE}astrya/telemetry" in told["vi"]
    refused = json.loads(done(house.hoiquan("quarantine", "list", "--json")))
    assert any(one["reason"] == "forbidden_topic" for one in refused)
    assert house.books().received >= received + 2
    report = house.hoiquan("doctor", "--lang", "en").stdout
    assert f'may not publish on "{PLACE}astrya/telemetry"' in report
    sender.close()


def test_who_listens_to_a_device_hears_of_its_wrong_topic(house):
    sender, given = house.device("mistyped")
    listener = Running(
        house.folder / "live.log",
        command("device", "check", "--live", "--id", "mistyped", "--number", "1", "--lang", "en",
                "--data", str(house.folder / "data")),
    )  # fmt: skip
    until("it listens", 20, lambda: "Listening on" in listener.text())
    until("it was told", 30, lambda: _published(sender, given["topic"]) and "may not" in listener.text())
    sender.close()
    assert f'may not publish on "{given["topic"]}x"' in listener.text()
    listener.stop(signal.SIGINT)


def _published(sender, topic):
    sender.publish(f"{topic}x", numbered(1))
    time.sleep(0.5)
    return True


def test_a_broker_that_is_killed_comes_back_and_so_do_all(house):
    """Later messages are stored; `test_embedded_broker.py` counts what amqtt acknowledged before."""
    sender, given = house.device("after")
    victim = house.part("broker")
    child = next(iter(descendants(victim)), None)
    os.kill(child if house.broker == "mosquitto" and child else victim, signal.SIGKILL)

    def heard():
        with suppress(Exception):
            sender.publish(given["topic"], numbered(7))
        return values(house, "after")

    until("a reading after it", 60, lambda: heard() or time.sleep(0.5))
    sender.close()


def test_a_second_up_on_the_same_folder_is_refused_and_harms_nothing(house):
    before = (house.folder / "data" / "running.json").read_bytes()
    said = one_line(house.hoiquan("up", "--http-port", str(house.http), "--mqtt-port", str(house.mqtt)), 2)
    assert f"http://127.0.0.1:{house.http}" in said and f"mqtt://127.0.0.1:{house.mqtt}" in said
    elsewhere = ("--http-port", str(free_port()), "--mqtt-port", str(free_port()))
    other = one_line(house.hoiquan("up", *elsewhere), 2)
    where = {"pages": f"http://127.0.0.1:{house.http}", "broker": f"mqtt://127.0.0.1:{house.mqtt}"}
    assert other == f"hoiquan: {text('up.another_at', 'vi', folder=house.folder / 'data', **where)}"
    assert (house.folder / "data" / "running.json").read_bytes() == before
    assert house.get("/healthz") == b"ok\n"


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(
    ("options", "key"),
    [
        (("--http-port", "{http}"), "taken_port"),
        (("--mqtt-port", "{mqtt}"), "taken_port"),
        (("--http-port", "{free}", "--mqtt-port", "{free}"), "same_port"),
        (("--http-port", "70000"), "no_port"),
        (("--mqtt-port", "0"), "no_port"),
    ],
)
def test_ports_that_cannot_be_are_said_before_anything_is_written(house, tmp_path, options, key, lang):
    free = free_port()
    given = [one.format(http=house.http, mqtt=house.mqtt, free=free) for one in options]
    said = text(f"up.{key}", lang, option=given[0], port=given[1])
    assert one_line(hoiquan(tmp_path, "up", *given, "--lang", lang), 2) == f"hoiquan: {said}"
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["up.lock"]
