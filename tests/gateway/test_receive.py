"""The gateway at a real Mosquitto: what it has not acknowledged comes again, and only that."""

import time
from contextlib import contextmanager
from itertools import count

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from gateway.receive import Receiver
from tests.servers import PATIENCE, mosquitto, until

NAMES = count()
LINES = ("allow_anonymous true", "max_inflight_messages 5000", "max_packet_size 2000000")


@pytest.fixture(scope="module")
def broker():
    with mosquitto(*LINES) as server:
        yield server


@pytest.fixture
def publish(broker):
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()

    def send(topic, payload=b"x", qos=1, retain=False):
        client.publish(topic, payload, qos, retain).wait_for_publish(PATIENCE)

    yield send
    client.disconnect()
    client.loop_stop()


@pytest.fixture(params=[5, 4], ids=["MQTT 5", "MQTT 3.1.1"])
def gateway(broker, request):
    """Starts the gateway's receiver again and again under one name."""
    name = f"gateway-{next(NAMES)}"

    @contextmanager
    def connected():
        receiver = Receiver(broker.url, name, "password", request.param)
        receiver.start()
        until(lambda: receiver.connected, "it subscribes")
        try:
            yield receiver
        finally:
            receiver.stop()

    return connected


def take(receiver, number):
    """At least `number` deliveries."""
    got = []
    deadline = time.monotonic() + PATIENCE
    while len(got) < number and time.monotonic() < deadline:
        got += receiver.take(100, 0.05)
    assert len(got) == number
    return got


TOPIC = "hoiquan/v1/p/c/d1/telemetry"


def test_messages_come_in_order_with_topic_payload_and_arrival(gateway, publish):
    with gateway() as receiver:
        before = time.time_ns() // 10**6
        for n in range(20):
            publish(TOPIC, b"%d \x00\xff" % n)
        got = take(receiver, 20)
        after = time.time_ns() // 10**6
        receiver.ack(got)
    assert [d.message.payload for d in got] == [b"%d \x00\xff" % n for n in range(20)]
    assert {d.message.topic for d in got} == {TOPIC}
    assert all(before <= d.message.arrival <= after and not d.message.dup for d in got)


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
        assert [d.message.payload for d in again] == [b"2", b"3", b"4", b"5", b"6"]
        assert all(d.message.dup for d in again)
        receiver.ack(got)  # too late: these acknowledged deliveries of another connection
        receiver.ack(again)
    with gateway() as receiver:
        assert receiver.take(10, 0.05) == []


def test_what_was_sent_while_the_gateway_was_away_is_kept(gateway, publish):
    with gateway() as receiver:
        receiver.ack(receiver.take(10, 0.01))
    for n in range(200):
        publish(TOPIC, b"%d" % n)
    with gateway() as receiver:
        got = take(receiver, 200)
        receiver.ack(got)
    assert [d.message.payload for d in got] == [b"%d" % n for n in range(200)]


def test_what_is_meant_for_devices_is_not_taken_for_theirs(gateway, publish):
    with gateway() as receiver:
        for kind in ("command", "rejected", "result", "status", "diary", "nonsense"):
            publish(f"hoiquan/v1/p/c/d1/{kind}")
        publish("elsewhere/x")
        got = take(receiver, 3)
        assert [d.message.topic.rsplit("/", 1)[1] for d in got] == ["status", "diary", "nonsense"]
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
        assert sorted(len(d.message.payload) for d in got) == [1, 1_000_000]
    publish("hoiquan/v1/p/c/d1/status", b"online", retain=True)
    try:
        with gateway() as receiver:
            retained = [d.message.retained for d in take(receiver, 2)]
            assert sorted(retained) == [False, True], "once from its queue, once because it is retained"
    finally:
        publish("hoiquan/v1/p/c/d1/status", b"", retain=True)


def test_a_broker_that_comes_back_is_subscribed_to_again(gateway, broker, publish):
    with gateway() as receiver:
        broker.kill()  # and with it, without persistence, every session
        until(lambda: not receiver.connected, "it notices")
        broker.start()
        until(lambda: receiver.connected, "it subscribes again")
        client = Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        client.publish(TOPIC, b"after", 1).wait_for_publish(PATIENCE)
        receiver.ack(take(receiver, 1))
        client.disconnect()
        client.loop_stop()


@pytest.mark.parametrize("url", ["", "127.0.0.1:1883", "http://127.0.0.1", "mqtt://", "mqtt:/x"])
def test_an_address_that_is_none_is_refused_at_once(url):
    with pytest.raises(ValueError, match="mqtt://host:port"):
        Receiver(url, "gateway", "", 5)
