"""Gateways with the accounts, rules and groups of production, at a broker configured as deploy/mosquitto."""

import time
from contextlib import ExitStack, contextmanager

import pytest

from devices.access.mosquitto import RULES, write_passwords
from devices.access.registry import Registry
from devices.credentials import CHIRPSTACK, OPERATOR, gateway_accounts, reader_accounts
from devices.pilots.pilot import load
from gateway.brokers.notices import DROPPED
from gateway.intake import receive
from gateway.intake.heartbeat import HEARTBEATS
from gateway.intake.receive import Receiver
from tests.gateway.clients import client, take
from tests.servers import PATIENCE, mosquitto, until


@pytest.fixture
def guarded(tmp_path):
    """A broker with the accounts, rules and client ids of production; and the password of a real device."""
    folder = tmp_path / "guarded"
    registry = Registry(folder / "registry.sqlite", load("dong-thap"))
    password = registry.enroll("tam-que", "soil-probe", "my-esp32")
    write_passwords(folder / "passwords", registry, "the gateway's", "", {CHIRPSTACK: "the network's"})
    with mosquitto(
        "allow_anonymous false", f"password_file {folder}/passwords", f"acl_file {folder}/passwords.acl",
        "use_username_as_clientid true", "max_inflight_messages 5000", "max_queued_messages 100000",
        "sys_interval 1",
    ) as broker:  # fmt: skip
        yield broker, password


@contextmanager
def member(broker, account, group="", left=""):
    receiver = Receiver(broker.url, account, "the gateway's", 5, group, left)
    receiver.start()
    until(lambda: receiver.connected and receiver.heartbeat.round_trip is not None, f"{account} hears itself")
    try:
        yield receiver
    finally:
        receiver.stop()


UPLINK = "application/7b1f/device/0102030405060708/event/up"


@pytest.mark.parametrize("account", gateway_accounts())
def test_each_gateways_account_reads_answers_and_hears_itself(guarded, account):
    broker, password = guarded
    own = "hoiquan/v1/dong-thap/tam-que/my-esp32"
    with (
        member(broker, account) as receiver,
        client(broker, "my-esp32", password, [f"{own}/rejected"]) as device,
        client(broker, CHIRPSTACK, "the network's") as network,
    ):
        until(lambda: receiver.notices.dropped is not None, "it hears what the broker says of itself")
        device.publish(f"{own}/telemetry", b"1", 1)
        network.publish(UPLINK, b"2", 1)
        got = take(receiver, 2)
        receiver.ack(got)
        assert {m.topic for m in got} == {f"{own}/telemetry", UPLINK}
        receiver.publish(f"{own}/rejected", b"why")
        until(lambda: device.heard, "the device is answered")


def test_no_device_gets_where_gateways_are(guarded):
    broker, password = guarded
    beats = f"{HEARTBEATS}/gateway/heartbeat"
    everything = [
        "#",
        "hoiquan/#",
        f"{HEARTBEATS}/#",
        UPLINK,
        DROPPED,
        "$share/pilot/hoiquan/#",
        "application/#",
    ]
    with (
        member(broker, "gateway") as receiver,
        client(broker, "my-esp32", password, everything) as device,
        client(broker, CHIRPSTACK, "the network's", everything) as network,
    ):
        for intruder in (device, network):
            intruder.publish(beats, f"{receiver.heartbeat._token} 1".encode(), 1)
            intruder.publish("hoiquan/v1/dong-thap/tam-que/another/telemetry", b"foreign", 1)
        device.publish(UPLINK, b"foreign", 1)
        before = receiver.heartbeat.newest
        receiver.beat()
        until(lambda: receiver.heartbeat.newest > before, "its own comes back")
        network.publish(UPLINK, b"its own", 1)
        device.publish("hoiquan/v1/dong-thap/tam-que/my-esp32/telemetry", b"its own", 1)
        got = take(receiver, 2)
        receiver.ack(got)
        assert {m.payload for m in got} == {b"its own"}
        assert receiver.heartbeat.round_trip < PATIENCE
        assert device.heard == []
        assert network.heard == []


def test_the_rules_have_a_block_for_each_account():
    lines = RULES.read_text("utf-8").splitlines()
    users = [line.split()[1] for line in lines if line.startswith("user ")]
    assert users == [CHIRPSTACK, *reader_accounts(), OPERATOR, *gateway_accounts()]


def test_gateways_of_a_group_share_the_messages(guarded):
    broker, password = guarded
    topic = "hoiquan/v1/dong-thap/tam-que/my-esp32/telemetry"
    with (
        member(broker, "gateway", "pilot") as first,
        member(broker, "gateway-2", "pilot") as second,
        client(broker, "my-esp32", password) as device,
    ):
        for n in range(300):
            device.publish(topic, b"%d" % n, 1)
        heard = {first: [], second: []}

        def all_there():
            for receiver, got in heard.items():
                new = receiver.take(1000, 0.01)
                receiver.ack(new)
                got += [int(m.payload) for m in new]
            return sum(map(len, heard.values())) >= 300

        until(all_there, "all were taken")
        assert sorted(heard[first] + heard[second]) == list(range(300)), "each by one of them"
        assert min(map(len, heard.values())) > 50, "by both"
        first.publish("hoiquan/v1/dong-thap/tam-que/my-esp32/rejected", b"{}")
        assert first.take(1, 0.1) == second.take(1, 0.1) == [], "their own answers are none"


def test_a_gateway_that_joins_or_leaves_a_group_gets_no_message_twice(guarded):
    broker, password = guarded
    topic = "hoiquan/v1/dong-thap/tam-que/my-esp32/telemetry"
    with client(broker, "my-esp32", password) as device:
        for number, (group, left) in enumerate([("", ""), ("a", ""), ("b", "a"), ("", "b"), ("", "")]):
            with member(broker, "gateway", group, left) as receiver:
                device.publish(topic, b"%d" % number, 1)
                device.publish(topic, b"last", 1)
                new = take(receiver, 2)
                receiver.ack(new)
                got = [m.payload for m in new]
                assert got == [b"%d" % number, b"last"]
                assert receiver.take(10, 0.1) == []


def test_what_one_of_a_group_did_not_acknowledge_is_there_when_it_comes_back(guarded):
    broker, password = guarded
    topic = "hoiquan/v1/dong-thap/tam-que/my-esp32/telemetry"
    got = []
    with client(broker, "my-esp32", password) as device, member(broker, "gateway-3", "other") as first:
        with member(broker, "gateway-4", "other") as second:
            for n in range(100):
                device.publish(topic, b"%d" % n, 1)
            until(lambda: len(second._arrivals) > 10, "some came to the second, which ends without a word")
        for n in range(100, 200):
            device.publish(topic, b"%d" % n, 1).wait_for_publish(PATIENCE)

        def whatever_comes(receiver):
            new = receiver.take(1000, 0.01)
            receiver.ack(new)
            got.extend(int(m.payload) for m in new)
            return set(got) == set(range(200))

        with member(broker, "gateway-4", "other") as second:
            until(lambda: whatever_comes(first) or whatever_comes(second), "nothing is lost")
        assert len(got) == 200


def heard_through_the_group(*receivers):
    """Wait until a heartbeat of each, sent from now on, has come back through the group."""
    begin = time.monotonic()

    def all_heard():
        for one in receivers:
            one.beat()
        return all(one.heartbeat.shared_newest > begin for one in receivers)

    until(all_heard, "heartbeats come through the group")


def test_a_group_knows_that_its_share_is_delivered_whoever_of_it_gets_what(guarded, monkeypatch):
    broker, _ = guarded
    with member(broker, "gateway", "village") as first:
        heard_through_the_group(first)
        with member(broker, "gateway-2", "village") as second, member(broker, "gateway-3", "other") as third:
            heard_through_the_group(first, second, third)
        heard_through_the_group(first)  # the second is away, but its session exists
        assert first.trouble is None
        assert take(first, 0) == [], "heartbeats are no messages"
    with member(broker, "gateway", "", "village") as alone:
        monkeypatch.setattr(receive, "DEAF", 0.0)
        alone.beat()
        assert alone.trouble is None


def test_members_of_a_group_hear_of_it_though_half_of_it_is_away(guarded):
    """Mosquitto deals messages to absent members too; in turn, each heartbeat could fall to one of those."""
    broker, _ = guarded
    with member(broker, "gateway", "village") as first, ExitStack() as leave:
        leave.enter_context(member(broker, "gateway-2", "village"))
        with member(broker, "gateway-3", "village") as third:
            leave.enter_context(member(broker, "gateway-4", "village"))
            leave.close()
            heard_through_the_group(first, third)


def test_a_share_that_is_granted_and_delivers_nothing_is_told_with_what_to_do(tmp_path, monkeypatch):
    """Moquette 0.17 and aedes 1.2 do so. Here the rules withhold the group's messages."""
    rules = "user gateway\ntopic deny hoiquan-gateway/v1/shared/#\ntopic readwrite hoiquan-gateway/v1/#\n"
    (tmp_path / "acl").write_text(rules + "topic readwrite hoiquan/#\n", "utf-8")
    monkeypatch.setattr(receive, "DEAF", 1.0)
    with (
        mosquitto("allow_anonymous true", f"acl_file {tmp_path}/acl") as broker,
        member(broker, "gateway", "village") as receiver,
    ):
        until(lambda: receiver.trouble, "it is told")
        assert "$share/village/hoiquan/#" in str(receiver.trouble) and "HOIQUAN_GROUP" in str(
            receiver.trouble
        )
        receiver.beat()
        until(lambda: receiver.heartbeat.age() < 1, "all else comes back")
        assert "delivers nothing" in str(receiver.trouble)


def test_a_group_needs_mqtt_5():
    with pytest.raises(ValueError, match="MQTT 5"):
        Receiver("mqtt://127.0.0.1", "gateway", "", 4, "pilot")
