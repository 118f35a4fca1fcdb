"""An MQTT client that speaks beside the receiver, and what the receiver took."""

import threading
import time
from contextlib import contextmanager

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from devices.broker_url import leave
from tests.servers import PATIENCE


def take(receiver, number):
    """Take messages until there are `number` of them; more or fewer fail the test."""
    got = []
    deadline = time.monotonic() + PATIENCE
    while len(got) < number and time.monotonic() < deadline:
        got += receiver.take(100, 0.05)
    assert len(got) == number
    return got


TOPIC = "hoiquan/v1/p/c/d1/telemetry"


@contextmanager
def client(broker, name, password="", hears=()):
    """A connected client; the messages that it receives are in its `heard`."""
    ready = threading.Event()
    made = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv5)
    made.heard = []
    made.username_pw_set(name, password)
    made.on_message = lambda _c, _u, m: made.heard.append((m.topic, m.payload))
    made.on_connect = lambda *_: made.subscribe([(topic, 0) for topic in hears]) if hears else ready.set()
    made.on_subscribe = lambda *_: ready.set()
    made.connect("127.0.0.1", broker.port)
    made.loop_start()
    try:
        assert ready.wait(PATIENCE)
        yield made
    finally:
        leave(made)
