"""The gateway at a real Mosquitto: exactly the messages it has not acknowledged are sent again."""

import json
import signal
import time
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from devices.access.authority import CA, prepare
from devices.contract.topics import DENIED
from devices.credentials import hash_password
from gateway.brokers.notices import OFTEN
from gateway.intake import arrivals, receive
from gateway.intake.heartbeat import HEARTBEATS
from gateway.intake.receive import Receiver
from tests.gateway.clients import TOPIC, client, take
from tests.loopback import free_port
from tests.servers import PATIENCE, mosquitto, until

CONF = Path(__file__).parents[3] / "deploy" / "mosquitto" / "mosquitto.conf"


def test_messages_come_in_order_with_topic_payload_and_arrival(gateway, publish):
    with gateway() as receiver:
        before = time.time_ns() // 10**6
        for n in range(20):
            publish(TOPIC, b"%d \x00\xff" % n)
        got = take(receiver, 20)
        after = time.time_ns() // 10**6
        receiver.ack(got)
    assert [m.payload for m in got] == [b"%d \x00\xff" % n for n in range(20)]
    assert {m.topic for m in got} == {TOPIC}
    assert all(before <= m.arrival <= after and not m.dup for m in got)


def test_what_was_not_acknowledged_comes_again(gateway, publish):
    with gateway() as receiver:
        for n in range(6):
            publish(TOPIC, b"%d" % n)
        got = take(receiver, 6)
        receiver.ack(got[:2])
        publish(TOPIC, b"6")
        take(receiver, 1)
    with gateway() as receiver:
        again = take(receiver, 5)
        assert [m.payload for m in again] == [b"2", b"3", b"4", b"5", b"6"]
        assert all(m.dup for m in again)
        receiver.ack(got)  # too late: these messages were acknowledged on another connection
        receiver.ack(again)
    with gateway() as receiver:
        assert receiver.take(10, 0.05) == []


@pytest.mark.parametrize(("window", "linger"), [(20, 0.2 * PATIENCE), (10, 0.1 * PATIENCE)])
def test_a_broker_that_sends_few_at_once_is_not_kept_waiting(monkeypatch, window, linger):
    """Lingering for a full window each time would be too slow; a busy machine may split one, though."""
    monkeypatch.setattr(arrivals, "LINGER", linger)
    with mosquitto("allow_anonymous true", f"max_inflight_messages {window}") as few:
        receiver = Receiver(few.url, "gateway", "", 4)
        receiver.start()
        until(lambda: receiver.connected, "it subscribes")
        with client(few, "node") as node:
            for n in range(400):
                node.publish(TOPIC, b"%d" % n, qos=1)
            got, deadline = [], time.monotonic() + PATIENCE
            while len(got) < 200 and time.monotonic() < deadline:
                new = receiver.take(2000, 0.05)
                receiver.ack(new)
                got += new
        receiver.stop()
    assert [m.payload for m in got] == [b"%d" % n for n in range(len(got))]
    assert len(got) >= 200


CONTROL = "$CONTROL/dynamic-security"
# packaged by Debian with mosquitto
PLUGIN = next(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"), None)


def secured(name):
    """A client of that plugin, with its own name as its password."""
    _, iterations, salt, digest = hash_password(name).removeprefix("$").split("$")
    return {"username": name, "password": digest, "salt": salt, "iterations": int(iterations)}


@pytest.mark.skipif(PLUGIN is None, reason="needs Mosquitto's dynamic security (Debian's mosquitto has it)")
@pytest.mark.parametrize("version", [5, 4])
def test_a_subscription_that_is_refused_is_told_and_asked_for_again(tmp_path, monkeypatch, caplog, version):
    monkeypatch.setattr(receive, "ASK_AGAIN", 0.0)
    may = {"publishClientSend": True, "publishClientReceive": True, "subscribe": False, "unsubscribe": True}
    warden = {"acltype": "publishClientSend", "topic": f"{CONTROL}/#", "allow": True}
    rights = {
        "defaultACLAccess": may,
        "clients": [secured("gateway"), secured("warden") | {"roles": [{"rolename": "warden"}]}],
        "roles": [{"rolename": "warden", "acls": [warden]}],
    }
    (tmp_path / "rights.json").write_text(json.dumps(rights), "utf-8")
    with mosquitto(
        "allow_anonymous true", f"plugin {PLUGIN}", f"plugin_opt_config_file {tmp_path}/rights.json"
    ) as broker:
        receiver = Receiver(broker.url, "gateway", "gateway", version)
        receiver.start()
        until(lambda: "subscription to hoiquan/#" in str(receiver.trouble), "it says so")
        receiver.beat()
        assert not receiver.connected
        (said,) = [line for line in caplog.messages if "hoiquan/#" in line]
        assert said.startswith("the broker refuses the subscription to hoiquan/#: ")
        with client(broker, "warden", "warden") as warden:
            right = {"acltype": "subscribe", "allow": True}
            command = {"commands": [{"command": "setDefaultACLAccess", "acls": [right]}]}
            warden.publish(f"{CONTROL}/v1", json.dumps(command), 1).wait_for_publish(PATIENCE)

            def granted():
                receiver.beat()
                return receiver.connected and not receiver.trouble

            until(granted, "it hears of the new right")
            warden.publish(TOPIC, b"after", 1).wait_for_publish(PATIENCE)
            receiver.ack(take(receiver, 1))
        receiver.stop()


def test_what_is_sent_to_be_retained_says_so_at_once(broker, publish):
    """Otherwise its sender would hear of it only when the broker repeats it, months later."""
    receiver = Receiver(broker.url, "gateway-live", "", 5)
    receiver.start()
    until(lambda: receiver.connected, "it subscribes")
    publish(TOPIC, b"kept", retain=True)
    try:
        (message,) = take(receiver, 1)
        receiver.ack([message])
        assert message.retained
    finally:
        publish(TOPIC, b"", retain=True)
        receiver.stop()


def test_what_was_sent_while_the_gateway_was_away_is_kept(gateway, publish):
    with gateway() as receiver:
        receiver.ack(receiver.take(10, 0.01))
    for n in range(200):
        publish(TOPIC, b"%d" % n)
    with gateway() as receiver:
        got = take(receiver, 200)
        receiver.ack(got)
    assert [m.payload for m in got] == [b"%d" % n for n in range(200)]


def test_what_is_meant_for_devices_is_not_taken_for_theirs(gateway, publish):
    with gateway() as receiver:
        for kind in ("command", "rejected", "result", "status", "diary", "nonsense"):
            publish(f"hoiquan/v1/p/c/d1/{kind}")
        publish("elsewhere/x")
        got = take(receiver, 4)
        assert [m.topic.rsplit("/", 1)[1] for m in got] == ["result", "status", "diary", "nonsense"]
        receiver.ack(got)
        receiver.publish("hoiquan/v1/p/c/d1/rejected", b"{}")
        assert receiver.take(10, 0.05) == [], "not its own answers either"
    with gateway() as receiver:
        assert receiver.take(10, 0.05) == [], "what was passed over is acknowledged"


def test_large_retained_and_qos_0_messages_come_too(gateway, publish):
    with gateway() as receiver:
        publish(TOPIC, b"z" * 1_000_000)
        publish(TOPIC, b"0", qos=0)
        got = take(receiver, 2)
        receiver.ack(got)
        assert sorted(len(m.payload) for m in got) == [1, 1_000_000]
    publish("hoiquan/v1/p/c/d1/status", b"online", retain=True)
    try:
        with gateway() as receiver:
            # once from the session's queue, once as the retained message
            retained = [m.retained for m in take(receiver, 2)]
            told = receiver._version == MQTTv5  # MQTT 3.1.1 does not mark the queued one
            assert sorted(retained) == [told, True]
    finally:
        publish("hoiquan/v1/p/c/d1/status", b"", retain=True)


def test_a_broker_that_comes_back_is_subscribed_to_again(gateway, broker, publish):
    with gateway() as receiver:
        broker.kill()  # without persistence every session is lost with it
        until(lambda: not receiver.connected, "it notices")
        broker.start()
        until(lambda: receiver.connected, "it subscribes again")
        with client(broker, "sensor") as sensor:
            sensor.publish(TOPIC, b"after", 1).wait_for_publish(PATIENCE)
            receiver.ack(take(receiver, 1))


@pytest.mark.parametrize("url", ["", "127.0.0.1:1883", "http://127.0.0.1", "mqtt://", "mqtt:/x"])
def test_an_address_that_is_none_is_refused_at_once(url):
    with pytest.raises(ValueError, match="mqtt://host:port"):
        Receiver(url, "gateway", "", 5)


def test_why_there_is_no_way_to_the_broker_is_said_once(tmp_path, caplog):
    for village in ("ours", "theirs"):
        prepare(tmp_path / village / "ca", tmp_path / village, ["127.0.0.1"])
    tls = free_port()
    with mosquitto(
        f"listener {tls} 127.0.0.1", f"certfile {tmp_path}/ours/server.pem",
        f"keyfile {tmp_path}/ours/server.key", "allow_anonymous true",
    ):  # fmt: skip
        url = f"mqtts://127.0.0.1:{tls}"
        stranger = Receiver(url, "gateway", "", 5, ca=tmp_path / "theirs" / "ca" / CA)
        stranger.start()
        until(lambda: caplog.messages, "the reason")
        time.sleep(2.5)  # it tries again after one second, then after two
        stranger.stop()
        (said,) = caplog.messages
        assert said.startswith(
            f"no way to the broker at 127.0.0.1:{tls} yet: [SSL: CERTIFICATE_VERIFY_FAILED]"
        )
        receiver = Receiver(url, "gateway", "", 5, ca=tmp_path / "ours" / "ca" / CA)
        receiver.start()
        until(lambda: receiver.connected, "with the right CA it is let in")
        receiver.stop()


def test_a_broker_that_is_being_started_is_no_news_and_one_that_stays_away_is(caplog, monkeypatch):
    tried, failed = [], Receiver._on_connect_fail
    monkeypatch.setattr(Receiver, "_on_connect_fail", lambda *by: (failed(*by), tried.append(1)))
    with mosquitto("allow_anonymous true") as broker:
        broker.stop()
        receiver = Receiver(broker.url, "gateway", "", 5)
        receiver.start()
        until(lambda: tried, "nobody is there yet")
        broker.start()
        until(lambda: receiver.connected, "now it is")
        receiver.stop()
        assert "no way" not in caplog.text and "lost" not in caplog.text
        broker.stop()
        monkeypatch.setattr(receive, "STARTING", 0.0)
        receiver = Receiver(broker.url, "gateway", "", 5)
        receiver.start()
        until(lambda: caplog.text.count("no way to the broker"), "that lasts")
        receiver.stop()
        broker.start()


# -- heartbeats, and the broker's notices about itself


def test_a_heartbeat_goes_to_the_broker_and_back(gateway):
    with gateway() as receiver:
        until(lambda: receiver.heartbeat.round_trip is not None, "the first comes by itself")
        assert 0 < receiver.heartbeat.round_trip < PATIENCE
        first = receiver.heartbeat.newest
        receiver.beat()
        until(lambda: receiver.heartbeat.newest > first, "the next one")
        assert receiver.take(10, 0.05) == [], "heartbeats are no messages"


def test_a_heartbeat_of_somebody_else_is_not_taken_for_its_own(gateway, publish):
    with gateway() as receiver:
        until(lambda: receiver.heartbeat.round_trip is not None, "the first comes by itself")
        topic = receiver.heartbeat.topic
        assert topic.startswith(f"{HEARTBEATS}/gateway-")
        before = receiver.heartbeat.round_trip
        for payload in (
            b"",
            b"x",
            b"0123456789abcdef 1",
            b"\xff\xfe",
            b"9" * 5000,
            f"{receiver.heartbeat._token} x".encode(),
        ):
            publish(topic, payload, qos=0)
        publish(TOPIC, b"behind them")
        receiver.ack(take(receiver, 1))
        assert receiver.heartbeat.round_trip == before


def test_a_broker_that_hangs_gives_no_heartbeat_back(gateway, broker):
    with gateway() as receiver:
        until(lambda: receiver.heartbeat.round_trip is not None, "the first comes by itself")
        sent = time.monotonic()
        broker._process.send(signal.SIGSTOP)
        try:
            for _ in range(5):
                receiver.beat()
                time.sleep(0.02)
            assert receiver.connected, "it still looks so"
            assert receiver.heartbeat.age() >= time.monotonic() - sent - 0.1 * PATIENCE
            assert receiver.heartbeat.newest < sent
        finally:
            broker._process.send(signal.SIGCONT)
        until(lambda: receiver.heartbeat.newest >= sent, "it beats again")


def test_who_was_turned_away_is_heard_from_the_broker(tmp_path):
    """With the log settings of deploy/mosquitto the broker's notices name every login that it refused."""
    log = [
        line for line in CONF.read_text("utf-8").splitlines() if line.startswith(("log_dest t", "log_type"))
    ]
    passwords = tmp_path / "passwords"
    passwords.write_text(f"gateway:{hash_password('right')}\n", "utf-8")
    with mosquitto("allow_anonymous false", f"password_file {passwords}", *log) as broker:
        receiver = Receiver(broker.url, "gateway", "right", MQTTv5)
        receiver.start()
        until(lambda: receiver.connected, "it subscribes")
        assert not receiver.notices.refused_logins
        for name in ("intruder", "gateway", "intruder"):
            guesser = Client(CallbackAPIVersion.VERSION2, client_id=f"{name}-elsewhere", protocol=MQTTv5)
            guesser.username_pw_set(name, "guessed")
            guesser.connect("127.0.0.1", broker.port)
            until(lambda one=guesser: one.loop(0.1) != 0, "it is turned away")
        until(lambda: receiver.notices.refused_logins == 3, "the gateway hears of all three")
        receiver.stop()


def test_two_machines_with_one_account_are_heard_of_from_the_broker():
    with mosquitto("allow_anonymous true", "log_dest topic", "log_type error", "log_type notice") as broker:
        receiver = Receiver(broker.url, "gateway", "", MQTTv5)
        receiver.start()
        until(lambda: receiver.connected, "it subscribes")
        machines = []
        for _ in range(OFTEN + 1):
            machines.append(Client(CallbackAPIVersion.VERSION2, client_id="my-esp32", protocol=MQTTv5))
            machines[-1].connect("127.0.0.1", broker.port)
            until(lambda one=machines[-1]: one.loop(0.1) == 0 and one.is_connected(), "it is let in")
        named = []
        until(lambda: named.extend(receiver.notices.crowded()) or named, "the gateway hears of it")
        assert named == [f"{DENIED}/my-esp32/"]
        receiver.stop()


def test_what_the_broker_dropped_is_heard_from_it():
    lines = ("allow_anonymous true", "sys_interval 1", "max_queued_messages 10", "max_inflight_messages 10")
    with mosquitto(*lines) as broker:
        # the gateway's own window with MQTT 5 would hold them all
        receiver = Receiver(broker.url, "gateway", "", 4)
        receiver.start()
        until(lambda: receiver.notices.dropped == 0, "it says so")
        with client(broker, "sensor") as sensor:
            for n in range(100):
                sensor.publish(TOPIC, b"%d" % n, 1)
            # the broker counts once a second, perhaps while the messages are still coming in
            until(lambda: receiver.notices.dropped == 100 - 20, "all beyond queue and window")
        receiver.stop()
