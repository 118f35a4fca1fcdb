"""MQTT connections of simulated nodes: last will, QoS 1, commands, and a memory for outages of the broker.

    up to 500 devices: one connection each, as real nodes have     above: one for 200, without a will

paho keeps QoS 1 messages while the broker is away and sends them, with the times they carry, when it is
back. Each connection has a thread that sleeps; for some hundred that is cheap, for 10,000 it is not.
"""

import json
import logging
import ssl
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from devices import broker_url
from devices.contract.orders import CARRIED
from devices.contract.reading import Device
from devices.contract.topics import Topic, TopicError, parse
from devices.credentials import simulated_password

log = logging.getLogger(__name__)
OFFLINE = json.dumps({"state": "offline"}).encode()
OWN_LINKS = 500  # devices that have a connection of their own; Assumption: as many threads as do no harm
SHARED = 200  # devices on one connection beyond that
# Assumption: a node keeps two weeks of readings, one each ten minutes. paho numbers messages with 16 bits
# and refuses a number that is still waiting, so a shared link keeps fewer for each.
KEPT, MOST_KEPT = 2016, 60_000
Obey = Callable[[str, bytes], None]


class Link:
    """One connection for these devices. `scenario` says that they play another time than now."""

    def __init__(
        self, broker: broker_url.BrokerAddress, tls: ssl.SSLContext | None, secret: str, user: str,
        devices: Sequence[Device], *, scenario: bool, failed: Callable[[], None], obey: Obey | None = None,
    ) -> None:  # fmt: skip
        self._user, self._devices, self._obey = user, devices, obey
        self._online = json.dumps({"state": "online"} | ({"scenario": True} if scenario else {})).encode()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=user)
        if tls is not None:
            self._client.tls_set_context(tls)
        self._client.username_pw_set(user, simulated_password(secret, user))
        self._client.max_queued_messages_set(min(KEPT * len(devices), MOST_KEPT))
        self._client.reconnect_delay_set(1, 60)
        if len(devices) == 1:
            self._client.will_set(_topic(devices[0], "status"), OFFLINE, qos=1, retain=True)
        self._lock = threading.Lock()
        self._sent = self._acknowledged = self._dropped = 0
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = lambda *_: failed()
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        self._client.connect_async(broker.host, broker.port, keepalive=60)
        self._client.loop_start()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send when there is a link, else keep until there is, as far as the memory reaches."""
        with self._lock:
            self._sent += 1
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            with self._lock:
                self._sent -= 1
                self._dropped += 1
            if self._dropped == 1:
                log.error("%s: its memory is full, the newest messages are lost", self._user)

    @property
    def waiting(self) -> int:
        """Messages that the broker has not acknowledged yet."""
        return self._sent - self._acknowledged

    @property
    def connected(self) -> bool:
        """Whether there is a link now; without one, waiting is in vain."""
        return bool(self._client.is_connected())

    def say_goodbye(self) -> None:
        """`offline`, behind all that was sent before; wait until nothing is `waiting`, then `close`."""
        if self._client.is_connected():
            for device in self._devices:
                self.publish(_topic(device, "status"), OFFLINE, retain=True)

    def disconnect(self) -> None:
        """Let the connection go; `join` then waits for its thread."""
        self._client.disconnect()

    def join(self) -> None:
        """Wait for the connection's thread. Disconnect all links first: each may take a second."""
        self._client.loop_stop()

    def _on_connect(
        self, _____: Client, _: Any, __: ConnectFlags, reason: ReasonCode, ___: Properties | None
    ) -> None:
        if reason.is_failure:
            log.error("%s: the broker refuses the connection: %s", self._user, reason)
            return
        for device in self._devices:
            self.publish(_topic(device, "status"), self._online, retain=True)
            if self._obey is not None and device.model in CARRIED:
                self._client.subscribe(_topic(device, "command"), qos=1)

    def _on_publish(self, _: Client, __: Any, ___: int, ____: ReasonCode, _____: Properties) -> None:
        with self._lock:
            self._acknowledged += 1

    def _on_message(self, _: Client, __: Any, message: MQTTMessage) -> None:
        # an exception here would end paho's thread; a retained command is an old one, whenever it comes
        if self._obey is None or message.retain:
            return
        try:
            self._obey(parse(message.topic).device, bytes(message.payload))
        except TopicError:
            log.warning("%s: not a command's topic: %s", self._user, message.topic)


class Links:
    """The connections of a whole fleet. `name` tells apart simulators (shards) that share links."""

    def __init__(
        self, url: str, secret: str, devices: Sequence[Device], name: str, *,
        scenario: bool, obey: Obey | None = None, ca: Path | None = None,
    ) -> None:  # fmt: skip
        """`url`: the broker's; `ca`: of the certificate that an mqtts:// one shows, None for the system's."""
        self._broker = broker_url.parse(url)
        # one for all: each would read the system's certificates again
        self._tls = broker_url.trust(ca) if self._broker.tls else None
        self._secret, self._scenario, self._obey = secret, scenario, obey
        self._said_why = False
        self._links: dict[str, Link] = {}  # by user
        size = 1 if len(devices) <= OWN_LINKS else SHARED
        groups = [devices[first : first + size] for first in range(0, len(devices), size)]
        self._group = {
            device.device: (device.device if size == 1 else f"{name}-{number}", group)
            for number, group in enumerate(groups, start=1)
            for device in group
        }

    def open(self, device: Device) -> Link:
        """The device's link; connects where it is the first time."""
        user, group = self._group.get(device.device, (device.device, [device]))
        if user not in self._links:
            self._links[user] = Link(
                self._broker, self._tls, self._secret, user, group, scenario=self._scenario,
                obey=self._obey, failed=self._say_why,
            )  # fmt: skip
        return self._links[user]

    def publish(self, device: Device, kind: str, payload: bytes) -> None:
        """Send on a topic of the contract."""
        self.open(device).publish(_topic(device, kind), payload)

    @property
    def waiting(self) -> int:
        """Messages that the broker has not acknowledged yet."""
        return sum(link.waiting for link in list(self._links.values()))

    def close(self, patience: float) -> bool:
        """End every link; whether the broker has acknowledged all that was sent, within `patience` s."""
        deadline = time.monotonic() + patience
        for link in self._links.values():
            link.say_goodbye()
        connected = [link for link in self._links.values() if link.connected]
        while any(link.waiting for link in connected) and time.monotonic() < deadline:
            time.sleep(0.02)
        done = not self.waiting
        for link in self._links.values():
            link.disconnect()
        for link in self._links.values():
            link.join()
        return done

    def _say_why(self) -> None:
        # paho calls this while it handles the error, and says it to nobody; once, not for each of 500 nodes
        if not self._said_why:
            self._said_why = True
            log.warning("no way to the broker at %s yet: %s", self._broker, sys.exc_info()[1])


def _topic(device: Device, kind: str) -> str:
    return str(Topic(device.pilot, device.community, device.device, kind))
