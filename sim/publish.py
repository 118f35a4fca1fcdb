"""One MQTT connection a node, as a real node would have: last will, QoS 1, and a memory for outages.

paho keeps QoS 1 messages while the link is down and sends them, with the times they carry, when it is
back. Each client has a thread that sleeps; for a fleet of a few hundred that is cheap.
"""

import json
import logging
from typing import Any
from urllib.parse import urlsplit

from paho.mqtt.client import Client, ConnectFlags
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from devices.credentials import simulated_password
from devices.reading import Device
from devices.topics import Topic

log = logging.getLogger(__name__)
OFFLINE = json.dumps({"state": "offline"}).encode()


class Link:
    """A node's connection. `scenario` says that it plays another time than now."""

    def __init__(self, url: str, secret: str, device: Device, *, scenario: bool) -> None:
        address = urlsplit(url)
        self._device = device
        self._online = json.dumps({"state": "online"} | ({"scenario": True} if scenario else {})).encode()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=device.device)
        if address.scheme == "mqtts":
            self._client.tls_set()
        self._client.username_pw_set(device.device, simulated_password(secret, device.device))
        self._client.max_queued_messages_set(0)  # bounded by what a node measures in an outage
        self._client.reconnect_delay_set(1, 60)
        self._client.will_set(self._topic("status"), OFFLINE, qos=1, retain=True)
        self._sent = self._acknowledged = 0
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish
        self._client.connect_async(address.hostname or "127.0.0.1", address.port or 1883, keepalive=60)
        self._client.loop_start()

    def publish(self, kind: str, payload: bytes) -> None:
        """Send when there is a link, else keep until there is."""
        self._send(self._topic(kind), payload, retain=False)

    @property
    def waiting(self) -> int:
        """Messages that the broker has not acknowledged yet."""
        return self._sent - self._acknowledged

    def say_goodbye(self) -> None:
        """`offline`, behind all that was sent before; wait until nothing is `waiting`, then `close`."""
        if self._client.is_connected():
            self._send(self._topic("status"), OFFLINE, retain=True)

    def close(self) -> None:
        """Disconnect and end the connection's thread."""
        self._client.disconnect()
        self._client.loop_stop()

    def _topic(self, kind: str) -> str:
        device = self._device
        return str(Topic(device.pilot, device.community, device.device, kind))

    def _on_connect(
        self, _____: Client, _: Any, __: ConnectFlags, reason: ReasonCode, ___: Properties | None
    ) -> None:
        if reason.is_failure:
            log.error("%s: the broker refuses the connection: %s", self._device.device, reason)
            return
        self._send(self._topic("status"), self._online, retain=True)

    def _on_publish(self, _: Client, __: Any, ___: int, ____: ReasonCode, _____: Properties) -> None:
        self._acknowledged += 1

    def _send(self, topic: str, payload: bytes, *, retain: bool) -> None:
        self._sent += 1
        self._client.publish(topic, payload, qos=1, retain=retain)
