"""From the broker into memory, and the acknowledgement back: the only module that speaks MQTT.

An acknowledgement belongs to the connection that brought its message: after a reconnect the same
number may stand for another message, so each delivery carries the connection's epoch and a late ack
of an old one is left unsent. The broker then sends the message again, and `seen` knows it.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from devices.topics import DOWN
from gateway.spool import Message

log = logging.getLogger(__name__)
EVERYTHING = "hoiquan/#"
SESSION_SECONDS = 14 * 24 * 3600  # the broker keeps our queue this long while we are away
IN_FLIGHT = 5000  # messages the broker may send before the first is acknowledged
UNPROMISED = 50_000  # QoS 0 messages kept in memory; nothing is promised for more
_NOT_OURS = tuple(f"/{kind}" for kind in (*DOWN, "result"))


class Delivery(NamedTuple):
    """A message and what acknowledges it."""

    message: Message
    mid: int
    qos: int
    epoch: int


class Receiver:
    """A paho client with manual acks. `take` and `ack` are called from one other thread."""

    def __init__(self, url: str, username: str, password: str, version: int) -> None:
        address = urlsplit(url)
        if address.scheme not in ("mqtt", "mqtts") or not address.hostname:
            raise ValueError(f"broker address {url!r}: expected mqtt://host:port or mqtts://host:port")
        self._address = (address.hostname, address.port or (8883 if address.scheme == "mqtts" else 1883))
        self._version = version
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=username,
            protocol=MQTTProtocolVersion(version),
            manual_ack=True,
            clean_session=None if version == MQTTv5 else False,
        )
        if address.scheme == "mqtts":
            self._client.tls_set()
        self._client.username_pw_set(username, password)
        self._client.reconnect_delay_set(1, 30)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._queue: deque[Delivery] = deque()
        self._arrived = threading.Condition()
        self._epoch = 0
        self.connected = False  # and subscribed: only from then on does the broker keep messages for us
        self.dropped = 0

    def start(self) -> None:
        """Connect in the background, and again whenever the connection is lost."""
        if self._version == MQTTv5:
            wanted = Properties(PacketTypes.CONNECT)
            wanted.SessionExpiryInterval = SESSION_SECONDS
            wanted.ReceiveMaximum = IN_FLIGHT
            self._client.connect_async(*self._address, keepalive=30, clean_start=False, properties=wanted)
        else:
            self._client.connect_async(*self._address, keepalive=30)
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect; what was not acknowledged comes again next time."""
        self._client.disconnect()
        self._client.loop_stop()

    def take(self, limit: int, wait: float) -> list[Delivery]:
        """What has arrived, oldest first; waits up to `wait` seconds for the first."""
        with self._arrived:
            if not self._queue:
                self._arrived.wait(wait)
            queue = self._queue
            return [queue.popleft() for _ in range(min(limit, len(queue)))]

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Tell the broker that these are safe."""
        for delivery in deliveries:
            if delivery.qos and delivery.epoch == self._epoch:
                self._client.ack(delivery.mid, delivery.qos)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send down, QoS 0: lost if nobody listens."""
        self._client.publish(topic, payload, qos=0)

    def _on_connect(
        self, client: Client, _: Any, flags: ConnectFlags, reason: ReasonCode, __: Properties | None
    ) -> None:
        if reason.is_failure:
            log.error("the broker refuses the gateway: %s", reason)
            return
        self._epoch += 1
        log.info("connected to %s:%d, session %s", *self._address, "kept" if flags.session_present else "new")
        # A broker that crashed may have lost the subscription with the session: always ask again.
        if self._version == MQTTv5:
            client.subscribe(EVERYTHING, options=SubscribeOptions(qos=1, noLocal=True))
        else:
            client.subscribe(EVERYTHING, qos=1)

    def _on_subscribe(
        self, _: Client, __: Any, ___: int, reasons: list[ReasonCode], ____: Properties | None
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            log.error("the broker refuses the subscription to %s: %s", EVERYTHING, reasons)
            return
        self.connected = True

    def _on_disconnect(
        self, _: Client, __: Any, ___: DisconnectFlags, reason: ReasonCode, ____: Properties | None
    ) -> None:
        self.connected = False
        log.warning("connection to the broker lost: %s", reason)

    def _on_message(self, client: Client, _: Any, received: MQTTMessage) -> None:
        # An exception here would end paho's thread while it still looks connected.
        try:
            topic = received.topic
        except UnicodeDecodeError:
            topic = "\ufffd"  # refused as a topic further on, with its payload
        if topic.endswith(_NOT_OURS) or (received.qos == 0 and len(self._queue) >= UNPROMISED):
            self.dropped += not topic.endswith(_NOT_OURS)
            client.ack(received.mid, received.qos)
            return
        arrival = time.time_ns() // 1_000_000
        message = Message(
            topic, bytes(received.payload), arrival, received.dup, received.retain, mid=received.mid
        )
        with self._arrived:
            self._queue.append(Delivery(message, received.mid, received.qos, self._epoch))
            self._arrived.notify()
