"""Hostile or broken devices at a broker as it is deployed: each harms nobody but itself."""

import json
import os
import sqlite3
import threading
import time
from contextlib import closing

import pytest
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from devices.broker_url import leave
from gateway.ingest.spool import Spool
from tests.system.ingest import DEVICES, Ingest
from tests.system.running import Mosquitto, Publisher, done, hoiquan, until

TREE = "hoiquan/v1/dong-thap/tam-que"
# Invented devices. The promise is for HOIQUAN_TEST_FLOOD=100000, which takes a minute.
FLOOD = int(os.environ.get("HOIQUAN_TEST_FLOOD", "20000"))


class Village(Ingest):
    """The deployed broker with its rules, and two real devices."""

    def __init__(self, folder):
        passwords = folder / "passwords"
        self.passwords = {}
        self.accounts = {
            "HOIQUAN_GATEWAY_PASSWORD": "the gateway's, in a test",
            "HOIQUAN_MOSQUITTO_PASSWORDS": str(passwords),
        }
        for device in ("node-a", "node-b"):
            said = done(hoiquan(folder, "device", "enroll", "--community", "tam-que", "--model", "soil-probe",
                                "--id", device, "--json", **self.accounts))  # fmt: skip
            self.passwords[device] = json.loads(said)["password"]
        super().__init__(folder, Mosquitto(folder / "broker", passwords, deployed=True))
        self.settings |= self.accounts

    def node(self, device, hears="", client_id=None):
        return Publisher(self.broker.port, device, self.passwords[device], client_id, hears)

    def values(self, device):
        found = self.influx.query(f"SELECT soil_moisture FROM telemetry WHERE device = '{device}'")
        return [value for _, value in found[0]["values"]] if found else []

    def refused(self):
        with closing(Spool(self.folder / "data" / "gateway" / "spool.sqlite")) as spool:
            return [(row.reason, row.topic) for row in spool.quarantined(100)]


@pytest.fixture(scope="module")
def village(tmp_path_factory):
    made = Village(tmp_path_factory.mktemp("village"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def node(village):
    publisher = village.node("node-a", hears=f"{TREE}/node-a/rejected")
    yield publisher
    publisher.close()


NEXT = iter(range(1, 1000))


def follows(village, node):
    """Publish a good reading, and check that it is stored: nothing before held it up."""
    value = 20 + next(NEXT) / 1000
    node.publish(f"{TREE}/node-a/telemetry", json.dumps({"values": {"soil_moisture": value}}))
    until("the message after it", 10, lambda: value in village.values("node-a"))


def numbered(boot, seq, value):
    return json.dumps({"boot": boot, "seq": seq, "values": {"soil_moisture": value}})


def test_the_same_message_a_thousand_times_is_stored_once(village, node):
    before = village.settled()
    for _ in range(1000):
        node.publish(f"{TREE}/node-a/telemetry", numbered("b1", 1, 11.5))
    follows(village, node)
    after = village.settled()
    assert village.values("node-a").count(11.5) == 1
    assert (after.stored - before.stored, after.duplicate - before.duplicate) == (2, 999)


def test_an_old_message_is_known_and_a_counter_that_begins_again_is_none(village, node):
    for seq in (1, 2, 3):
        node.publish(f"{TREE}/node-a/telemetry", numbered("b2", seq, 12 + seq / 10))
    node.publish(f"{TREE}/node-a/telemetry", numbered("b2", 2, 12.2))
    node.publish(f"{TREE}/node-a/telemetry", numbered("b2", 2, 13.9))
    node.publish(f"{TREE}/node-a/telemetry", numbered("b3", 2, 14.2))
    follows(village, node)
    values = village.values("node-a")
    assert all(values.count(one) == 1 for one in (12.1, 12.2, 12.3, 13.9, 14.2))


def test_nobody_speaks_as_another(village, node):
    """Mosquitto acknowledges such a message and passes it on to nobody."""
    before = village.settled()
    node.publish(f"{TREE}/node-b/telemetry", '{"values":{"soil_moisture":66}}')
    node.publish(f"{TREE}/node-b/rejected", "{}")
    node.publish("$SYS/broker/uptime", "0")
    node.publish("hoiquan-gateway/v1/gateway-1/heartbeat", "0")
    node.publish("application/a/device/24e124136b502217/event/up", "{}")
    follows(village, node)
    after = village.settled()
    assert after.received - before.received == 1 and village.values("node-b") == []


def test_a_pack_that_names_another_device_is_refused(village, node):
    pack = [{"bn": "node-b/", "n": "soil_moisture", "v": 66}]
    node.publish(f"{TREE}/node-a/telemetry", json.dumps(pack))
    until("the refusal", 10, lambda: ("foreign_name", f"{TREE}/node-a/telemetry") in village.refused())
    until("an answer", 10, lambda: any(b"foreign_name" in payload for _, payload in node.heard))
    follows(village, node)
    assert village.values("node-b") == []


def test_retained_poison_is_refused_each_time_the_gateway_comes_back_and_filed_once(village, node):
    node._client.publish(f"{TREE}/node-a/telemetry", '{"values":{"soil_moisture":16.75}}', qos=1, retain=True)
    follows(village, node)
    until("the refusal", 10, lambda: ("retained", f"{TREE}/node-a/telemetry") in village.refused())
    village.kill()
    node.heard.clear()
    village.start()
    until("an answer", 10, lambda: any(b'"retained"' in payload for _, payload in node.heard))
    follows(village, node)
    assert village.refused().count(("retained", f"{TREE}/node-a/telemetry")) == 1
    node._client.publish(f"{TREE}/node-a/telemetry", b"", qos=1, retain=True)
    follows(village, node)
    # neither from the first delivery nor from the broker's repetition
    assert 16.75 not in village.values("node-a")
    assert village.books().balanced


def test_the_gateways_session_is_nobody_elses(village, node):
    """A clean session with the gateway's client id would erase the gateway's queue."""
    village.kill()
    node.publish(f"{TREE}/node-a/telemetry", '{"values":{"soil_moisture":15.25}}')
    node.all_acknowledged()
    thief = village.node("node-b", client_id="gateway")
    thief.close()
    village.start()
    until("what waited for the gateway", 10, lambda: 15.25 in village.values("node-a"))


def test_a_sensor_that_asks_for_everything_hears_its_own_alone(village, node):
    # only one: a second would have the same client id, and end the first
    spy = village.node("node-b", hears="#")
    spy._client.subscribe([("$SYS/#", 1), ("hoiquan/#", 1)])
    follows(village, node)
    node.publish(f"{TREE}/node-a/telemetry", "nonsense")
    until("the refusal", 10, lambda: any(b"not_json" in payload for _, payload in node.heard))
    spy.publish(f"{TREE}/node-b/telemetry", "nonsense")
    until("its own answer", 10, lambda: spy.heard)
    assert {topic for topic, _ in spy.heard} == {f"{TREE}/node-b/rejected"}
    spy.close()


def test_ten_megabytes_end_the_connection_of_who_sent_them(village, node):
    other = Client(CallbackAPIVersion.VERSION2, "node-b", protocol=MQTTv5)
    other.username_pw_set("node-b", village.passwords["node-b"])
    gone = threading.Event()
    other.on_disconnect = lambda *_: gone.set()
    other.connect("127.0.0.1", village.broker.port)
    other.loop_start()
    other.publish(f"{TREE}/node-b/telemetry", b"x" * 10_000_000, qos=0)
    assert gone.wait(20), "the broker takes no packet over 64 KB"
    leave(other)
    follows(village, node)


def test_a_thousand_a_second_from_one_hold_up_nobody(village, node):
    flood = village.node("node-b")
    halt = threading.Event()

    def send():
        began, count = time.monotonic(), 0
        while not halt.is_set():
            while count < (time.monotonic() - began) * 1000:
                flood.publish(f"{TREE}/node-b/telemetry", numbered("flood", count, 10 + count % 500 / 100))
                count += 1
            halt.wait(0.005)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        for _ in range(5):
            follows(village, node)
    finally:
        halt.set()
        thread.join()
    flood.all_acknowledged(60)
    flood.close()
    assert village.settled().balanced


def test_thousands_of_invented_devices_leave_no_series(tmp_path):
    """At a broker without rules, as a careless operator might run one."""
    ingest = Ingest(tmp_path)
    try:
        ingest.start()
        device = DEVICES[0]
        publisher = Publisher(ingest.broker.port, "inventor")
        good = f"hoiquan/v1/dong-thap/{device.community}/{device.device}/telemetry"
        publisher.publish(good, numbered("b", 1, 30.0))
        until("the first reading", 20, ingest.stored)
        (before,) = ingest.influx.query("SHOW SERIES EXACT CARDINALITY ON hoiquan")[0]["values"][0]
        for n in range(FLOOD):
            publisher.publish(f"{TREE}/invented-{n}/telemetry", '{"values":{"soil_moisture":31.5}}')
            if n % 5000 == 0:
                publisher.all_acknowledged(60)
        publisher.publish(good, numbered("b", 2, 30.1))
        publisher.all_acknowledged(60)
        until("the message after it", 120, lambda: len(ingest.stored().get(device.device, ())) == 2)
        books = ingest.settled(120)
        (after,) = ingest.influx.query("SHOW SERIES EXACT CARDINALITY ON hoiquan")[0]["values"][0]
        assert (books.quarantined, books.stored) == (FLOOD, 2) and books.balanced
        telemetry = ingest.influx.query("SHOW SERIES FROM telemetry, telemetry_flagged, device")[0]["values"]
        assert len(telemetry) <= 2, telemetry
        # the series that the gateway writes of itself: books, roster, indicators, alarm levels of each place
        assert after - before < 1000 < FLOOD
        rows = sqlite3.connect(tmp_path / "data" / "gateway" / "spool.sqlite").execute(
            "SELECT DISTINCT reason FROM quarantine"
        )
        assert list(rows) == [("unknown_device",)]
        publisher.close()
    finally:
        ingest.stop()
