"""Whole gateways in this process, at a real broker; and a device that sends to them."""

import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import SecretStr

from devices.access.registry import Registry
from devices.broker_url import leave
from devices.settings import Settings
from gateway import service
from gateway.instance import files
from gateway.stores.sqlite import SqliteStore
from tests.servers import PATIENCE, until

PLACE = "hoiquan/v1/dong-thap/tam-que/my-esp32"
NOTES = "hoiquan/v1/dong-thap/tam-que/notebook/diary"


def settings(broker, folder, **more):
    return Settings(
        data=folder / "data", mqtt=broker.url, gateway_password=SecretStr("x"), spool_free_mb=0, **more
    )


class Gateway:
    """A gateway in a thread of its own."""

    def __init__(self, given):
        self.settings = given
        self.files = files(given.data, given.instance)
        self.told = None  # what `serve` returned
        self.error = None  # what `serve` raised
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        store = SqliteStore(self.settings.data / "store.sqlite", mend=True)
        try:
            self.told = service.serve(self.settings, store, self._stop)
        except Exception as error:  # noqa: BLE001 -- a test looks at it
            self.error = error
        finally:
            store.close()

    def ended(self):
        return not self._thread.is_alive()

    def well(self):
        assert not self.ended(), self.error
        return self.files.alive.exists()

    def stop(self):
        self._stop.set()
        self._thread.join(PATIENCE)
        assert self.ended()


@contextmanager
def gateway(given):
    """A running gateway, whose heartbeat has come back once."""
    running = Gateway(given)
    try:
        until(running.well, "a heartbeat came back")
        yield running
    finally:
        running.stop()


def enrolled(given, device="my-esp32"):
    """Enroll a probe, and an account that keeps the diary."""
    registry = Registry(given.registry_url, given.loaded_pilot)
    registry.enroll("tam-que", "soil-probe", device)
    if registry.lookup("notebook") is None:
        registry.enroll("tam-que", "diary", "notebook")


@contextmanager
def device(broker):
    """Yields a function that publishes at QoS 1 and waits for the broker's acknowledgement."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()

    def publish(topic, message):
        payload = message if isinstance(message, bytes) else json.dumps(message).encode()
        client.publish(topic, payload, 1).wait_for_publish(PATIENCE)

    try:
        yield publish
    finally:
        leave(client)


def harvest(name):
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "event": "harvest", "id": name, "ts": now, "plot": "plot-1", "crop": "mango", "quantity_kg": 10,
    }  # fmt: skip
