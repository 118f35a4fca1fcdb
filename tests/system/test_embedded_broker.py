"""`hoiquan broker` without Mosquitto, killed with and without its gateway: every acknowledged message is in
the store. Whole processes; tests/gateway/brokers/test_promises.py tests the single answers.
"""

import json
import threading
from itertools import count

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from devices.access.registry import Registry
from devices.broker_url import leave
from devices.pilots.pilot import load
from gateway.ingest import contents
from gateway.stores.sqlite import SqliteStore
from tests.loopback import answers, free_port
from tests.system.running import Gateway, Running, command, until

SECRETS = {f"HOIQUAN_{name}": "x" for name in
           ("GATEWAY_PASSWORD", "READER_PASSWORD", "OPERATOR_PASSWORD", "SIMULATOR_SECRET")}  # fmt: skip
STEP = 1000  # the n-th reading has the value n / STEP
# The most messages without an acknowledgement: so many repetitions a gateway recognises of a device without a
# clock, and on reconnecting paho sends all it has, whatever its window
# (findings/paho-window-after-reconnect.sh).
MOST = contents.MOST - 100


class Device:
    """Publishes until stopped, keeps unacknowledged messages, and reconnects whatever the broker answers."""

    def __init__(self, port, password):
        self.acknowledged, self._sent = set(), {}
        self.turned_away = 0
        self._client = Client(CallbackAPIVersion.VERSION2, "my-esp32")
        self._client.username_pw_set("my-esp32", password)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda _c, _u, _f, reason, _p: self._let_in(reason)
        self._client.on_publish = lambda _c, _u, number, *_: self._has(number)
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()
        self._stop = threading.Event()
        self._speaking = threading.Thread(target=self._speak)
        self._speaking.start()

    def _speak(self):
        for n in count(1):
            if self._stop.wait(0.005):
                return
            while n - len(self.acknowledged) > MOST and not self._stop.wait(0.1):
                pass
            reading = {"boot": "b", "seq": n, "values": {"soil_moisture": n / STEP}}
            # paho's own thread may see the acknowledgement before this thread knows its number
            topic = "hoiquan/v1/dong-thap/tam-que/my-esp32/telemetry"
            self._sent[self._client.publish(topic, json.dumps(reading), 1).mid] = n

    def _let_in(self, reason):
        self.turned_away += reason == "Server unavailable"

    def _has(self, number):
        until("its number is known", 10, lambda: number in self._sent)
        self.acknowledged.add(self._sent[number])

    def rest(self):
        """Stop publishing; once all is acknowledged, return the number of the last message."""
        self._stop.set()
        self._speaking.join()
        until("all is acknowledged", 60, lambda: len(self.acknowledged) == len(self._sent))
        return len(self._sent)

    def close(self):
        self._stop.set()
        self._speaking.join()
        leave(self._client)


class Broker:
    def __init__(self, folder, port):
        self._log, self._port = folder / "broker.log", port
        self.start()

    def start(self):
        words = ("broker", "--with", "amqtt", "--port", str(self._port))
        self.running = Running(self._log, command(*words), **SECRETS)
        until("the broker listens", 30, lambda: answers(self._port))

    def kill(self):
        self.running.process.kill()
        self.running.process.wait()


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def broker(tmp_path, port):
    started = Broker(tmp_path, port)
    yield started
    started.running.stop()


@pytest.fixture
def gateway(tmp_path, port, broker):
    where = {"HOIQUAN_MQTT": f"mqtt://127.0.0.1:{port}", "HOIQUAN_MQTT_VERSION": "4"}
    started = Gateway(tmp_path / "gateway.log", SECRETS | where)
    try:
        until("the gateway's subscription", 30, started.connected)
        yield started
    finally:
        started.running.stop()


@pytest.fixture
def device(tmp_path, port, gateway):
    registry = Registry(tmp_path / "data" / "registry.sqlite", load("dong-thap"))
    speaking = Device(port, registry.enroll("tam-que", "soil-probe", "my-esp32"))
    yield speaking
    speaking.close()


def stored(folder):
    store = SqliteStore(folder / "data" / "store.sqlite")
    rows = store.series("telemetry", {"device": "my-esp32"}, 0, 2**60, 1_000_000)
    rows += store.series("telemetry_flagged", {"device": "my-esp32"}, 0, 2**60, 1_000_000)
    store.close()
    return sorted(round(row.fields.get("soil_moisture", row.fields.get("value")) * STEP) for row in rows)


@pytest.mark.parametrize("together", [True, False], ids=["and its gateway", "alone"])
def test_a_broker_that_is_killed_loses_nothing_that_it_acknowledged(
    tmp_path, broker, gateway, device, together
):
    """Nor does it acknowledge a reading while no gateway is back to take it."""
    for _ in range(3):
        before = len(device.acknowledged)
        until("readings come through", 30, lambda before=before: len(device.acknowledged) > before + 200)
        broker.kill()
        if together:
            gateway.kill()
        broker.start()
        if together:
            tries = device.turned_away
            until("it comes again", 30, lambda tries=tries: device.turned_away > tries)
            # by now the device has read all acknowledgements of the killed broker
            had = len(device.acknowledged)
            until("and again", 30, lambda tries=tries: device.turned_away > tries + 1)
            assert len(device.acknowledged) == had
            gateway.start()
    said = device.rest()
    until("all are stored", 30, lambda: len(stored(tmp_path)) >= said)
    assert stored(tmp_path) == list(range(1, said + 1))
