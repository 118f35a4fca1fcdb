"""A broker, a publisher, and a receiver that can be restarted."""

from contextlib import contextmanager
from itertools import count

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from devices.broker_url import leave
from gateway.intake import receive
from gateway.intake.receive import Receiver
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
    leave(client)


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A receiver that has stopped has acknowledged what it was told to, however busy the machine is."""
    monkeypatch.setattr(receive, "GOODBYE", PATIENCE)


@pytest.fixture(params=[5, 4], ids=["MQTT 5", "MQTT 3.1.1"])
def gateway(broker, request):
    """Starts the gateway's receiver again and again under one name."""
    name = f"gateway-{next(NAMES)}"

    @contextmanager
    def connected(wait=True):
        receiver = Receiver(broker.url, name, "password", request.param)
        receiver.start()
        if wait:
            until(lambda: receiver.connected, "it subscribes")
        try:
            yield receiver
        finally:
            receiver.stop()

    return connected
