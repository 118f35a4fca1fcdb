"""Takes messages from the broker into memory, and acknowledges them: the only module that speaks MQTT.

An acknowledgement belongs to the connection that brought its message: after a reconnect the same packet
number may stand for another message. So each message carries the epoch of its connection, and a late
acknowledgement for an old connection is not sent. The broker then sends the message again, and `seen`
recognizes it.

Beside messages this module takes in heartbeats (heartbeat.py) and the broker's notices about itself
(notices.py of the brokers).

Gateways of one group share the messages (MQTT 5 shared subscriptions). Each gateway has its own account and
with it its own session: messages that the broker queued for an absent gateway, or that a gateway had not
acknowledged, wait for that gateway. One that left for good must be started once more under its name,
anywhere, to empty its queue.
"""

import logging
import secrets
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from devices import broker_url
from devices.clock import now_ms
from devices.contract.packets import Publish
from devices.contract.topics import DENIED, DOWN
from devices.probes.envelope import filters
from devices.texts import Mendable, Misuse
from gateway.brokers.notices import NOTICES, Notices
from gateway.ingest.message import Message
from gateway.intake.arrivals import Arrivals
from gateway.intake.heartbeat import Heartbeat
from gateway.intake.link import Link

log = logging.getLogger(__name__)
EVERYTHING = "hoiquan/#"
SPOOLED = (EVERYTHING, *filters(), f"{DENIED}/#")  # topics whose messages are spooled
SESSION_SECONDS = 14 * 24 * 3600  # the broker keeps our queue this long while we are away
IN_FLIGHT = 5000  # messages the broker may send before the first is acknowledged
ASK_AGAIN = 30.0  # seconds until the gateway asks again for a refused subscription
DEAF = 60.0  # after so many seconds without a heartbeat through the group, its share counts as dead
STARTING = 10.0  # seconds after our start in which a broker may still be starting beside us
GOODBYE = 1.0  # most seconds to wait for the last heartbeat
# Most seconds between two tries to connect. Mosquitto forgets shared subscriptions when it ends: until the
# first gateway of a group is back it keeps no messages for the group.
LONGEST_ABSENCE = 5
_NOT_OURS = tuple(f"/{kind}" for kind in DOWN)


class Receiver:
    """A paho client with manual acknowledgements. One thread other than paho's calls `take` and `ack`."""

    def __init__(
        self, url: str, username: str, password: str, version: int, group: str = "", former: str = "",
        ca: Path | None = None,
    ) -> None:  # fmt: skip
        """`group`: the gateways that share the messages; `former`: the group of the last run; "" for none.
        `ca`: the file of the authority behind an mqtts:// broker's certificate, None for the system's
        authorities.
        """
        if group and version != MQTTv5:
            raise Misuse("setting.group_of_3", group=group)
        self._broker = broker_url.parse(url)
        self._version = version
        self._share, before = (f"$share/{name}/" if name else "" for name in (group, former))
        # The session keeps its subscriptions: with those of the former group each message would come twice.
        stale = [*SPOOLED, *([Heartbeat(username, former).shared] if former else [])]
        self._stale = [before + topic for topic in stale] if group != former else []
        self.heartbeat = Heartbeat(username, group)
        self.notices = Notices()
        self._unshared = (self.heartbeat.topic, *NOTICES)  # every gateway hears these itself, at QoS 0
        self._wanted = [*(self._share + topic for topic in SPOOLED), *self._unshared]
        self._group_beats = self._share + self.heartbeat.shared  # also at QoS 0
        if group:
            self._wanted.append(self._group_beats)
        self._client = Link(
            CallbackAPIVersion.VERSION2,
            client_id=username,
            protocol=MQTTProtocolVersion(version),
            manual_ack=True,
            clean_session=None if version == MQTTv5 else False,
        )
        if self._broker.tls:
            self._client.tls_set_context(broker_url.trust(ca))
        self._client.username_pw_set(username, password)
        self._client.reconnect_delay_set(1, LONGEST_ABSENCE)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publishes = self._on_publishes
        self._arrivals = Arrivals()
        self._client.has_room = self._arrivals.has_room
        self._epoch = 0
        self._leaving = False  # `stop` was called
        self.connected = False  # connected and subscribed: from then on the broker keeps messages for us
        self._resumed = False  # whether the broker had kept the session
        self._began = 0.0  # when `start` was called; s, monotonic
        self._no_way = ""  # why the last try to connect failed
        self._refused: dict[str, str] = {}  # subscriptions that the broker did not grant, and why
        self._asking = threading.Lock()
        self._requests: dict[int, Sequence[str]] = {}  # topics by the request's number; guarded by `_asking`
        self._ask_again = 0.0

    def start(self) -> None:
        """Connect in the background, and again whenever the connection is lost."""
        self._began = time.monotonic()
        address = (self._broker.host, self._broker.port)
        if self._version == MQTTv5:
            wanted = Properties(PacketTypes.CONNECT)
            wanted.SessionExpiryInterval = SESSION_SECONDS
            wanted.ReceiveMaximum = IN_FLIGHT
            self._client.connect_async(*address, keepalive=30, clean_start=False, properties=wanted)
        else:
            self._client.connect_async(*address, keepalive=30)
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect; messages that were not acknowledged come again next time."""
        # Closing a socket with unread bytes discards what we sent and the broker did not read yet. A last
        # heartbeat is sent behind every acknowledgement: once it is back, the broker has read them all.
        begin = time.monotonic()
        self.beat()
        while self.connected and self.heartbeat.newest < begin and time.monotonic() < begin + GOODBYE:
            time.sleep(0.005)
        self._leaving = True
        broker_url.leave(self._client)

    def take(self, limit: int, wait: float) -> list[Message]:
        """Take the oldest messages; waits up to `wait` seconds for the first, and a moment for more."""
        return self._arrivals.take(limit, wait)

    def ack(self, messages: Sequence[Message]) -> None:
        """Tell the broker that these messages are safe."""
        self._arrivals.acknowledged()
        epoch = self._epoch
        self._client.acknowledge([m.mid for m in messages if m.mid and m.epoch == epoch])

    def take_in(self, topics: Iterable[str]) -> None:
        """Queue messages without payload that reached the gateway another way, for `take` to return."""
        arrival = now_ms()
        messages = [Message(topic, b"", arrival) for topic in topics]
        self._arrivals.put(messages)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send down, QoS 0: lost if nobody listens."""
        self._client.publish(topic, payload, qos=0)

    def beat(self) -> None:
        """Send heartbeats, and ask again for refused subscriptions; does nothing without a connection."""
        if self._refused and self._client.is_connected() and time.monotonic() >= self._ask_again:
            self._subscribe(list(self._refused))
        if self.connected:
            self._client.publish(self.heartbeat.topic, self.heartbeat.payload(), qos=0)
            if self._share:
                # One or two at random: a broker that deals out in turns could give every one of ours to the
                # same absent member.
                for _ in range(1 + secrets.randbelow(2)):
                    self._client.publish(self.heartbeat.shared, self.heartbeat.to_group(), qos=0)

    @property
    def trouble(self) -> Mendable | None:
        """Why the gateway does not receive the messages it needs; None if all is well."""
        for topic in (self._wanted[0], self.heartbeat.topic, self._group_beats):
            if why := self._refused.get(topic):
                return Mendable("unwell.refused", topic=topic, why=why)
        if not self.connected:
            return Mendable("unwell.unconnected")
        held_back = time.monotonic() - self._arrivals.held_back  # a heartbeat stands behind unread messages
        if self._share and min(self.heartbeat.group_age(), held_back) > DEAF:
            return Mendable("unwell.deaf", topic=self._wanted[0])
        return None

    @property
    def silence(self) -> float:
        """Seconds since the broker's last sign of life: the sending of the newest heartbeat that came back,
        or the last time that messages had to wait unread, since heartbeats stand behind them.
        """
        return time.monotonic() - max(self.heartbeat.newest, self._arrivals.held_back)

    def _on_connect(
        self, client: Client, _: Any, flags: ConnectFlags, reason: ReasonCode, __: Properties | None
    ) -> None:
        if reason.is_failure:
            if (why := str(reason)) != self._no_way:
                self._no_way = why
                log.error("the broker refuses the gateway: %s", why)
            return
        self._epoch += 1
        self.heartbeat.begin()
        self._resumed = flags.session_present
        # A broker that crashed may have lost the subscription with the session: always ask again.
        if self._stale:
            client.unsubscribe(self._stale)
        self._refused = {}
        self._subscribe(self._wanted)

    def _subscribe(self, topics: Sequence[str]) -> None:
        """Subscribe to these topics."""
        light = (*self._unshared, self._group_beats)
        qos = {topic: int(topic not in light) for topic in topics}
        # MQTT forbids noLocal on shared subscriptions; `_on_publishes` sorts our own messages out by kind.
        # retainAsPublished: `retain` is true already when a message is published, not only when repeated.
        options = [
            (topic, SubscribeOptions(each, noLocal=bool(each and not self._share), retainAsPublished=True))
            for topic, each in qos.items()
        ]
        with self._asking:
            wanted = options if self._version == MQTTv5 else list(qos.items())
            _, number = self._client.subscribe(wanted)
            self._requests[number or 0] = topics
        self._ask_again = time.monotonic() + ASK_AGAIN

    def _on_subscribe(
        self, _: Client, __: Any, number: int, reasons: list[ReasonCode], ____: Properties | None
    ) -> None:
        with self._asking:
            topics = self._requests.pop(number, ())
        for topic, reason in zip(topics, reasons, strict=False):
            if not reason.is_failure:
                self._refused.pop(topic, None)
                continue
            if topic not in self._refused:
                log.error("the broker refuses the subscription to %s: %s; asked again", topic, reason)
            self._refused[topic] = str(reason)
        if self.connected or self._wanted[0] in self._refused:
            return
        self.connected, self._no_way = True, ""
        log.info("connected to %s, session %s", self._broker, "kept" if self._resumed else "new")
        self.beat()

    def _on_connect_fail(self, _: Client, __: Any) -> None:
        # paho calls this while handling the error, which it does not pass on; it tries every few seconds
        error = sys.exc_info()[1]
        if (
            isinstance(error, ConnectionRefusedError)
            and not self._epoch  # never connected so far
            and time.monotonic() - self._began < STARTING
        ):
            return
        if (why := str(error)) != self._no_way:
            self._no_way = why
            log.warning("no way to the broker at %s yet: %s", self._broker, why)

    def _on_disconnect(
        self, _: Client, __: Any, ___: DisconnectFlags, reason: ReasonCode, ____: Properties | None
    ) -> None:
        self._epoch += 1  # at once: a later acknowledgement would go out on the next connection
        if not self._leaving and (self.connected or not self._no_way):  # else it is said already
            self._no_way = self._no_way or str(reason)
            log.warning("connection to the broker lost: %s", reason)
        self.connected = False

    def _on_publishes(self, received: list[Publish]) -> None:
        # An exception here would end paho's thread while it still looks connected.
        arrival = now_ms()
        epoch, passed, messages = self._epoch, [], []
        for topic, payload, mid, qos, dup, retain in received:
            if not qos and self._own(topic, payload):
                continue
            if topic.endswith(_NOT_OURS):
                passed.append(mid)
            else:
                # Message's own `__new__` takes twice the time
                messages.append(
                    tuple.__new__(Message, (topic, payload, arrival, dup, retain, False, mid, epoch))
                )
        self._arrivals.put(messages, len(received))
        self._client.acknowledge(mid for mid in passed if mid)

    def _own(self, topic: str, payload: bytes) -> bool:
        """Take in our own heartbeat or a notice of the broker; returns whether it was one."""
        if topic == self.heartbeat.topic:
            self.heartbeat.take(payload)
            return True
        if topic == self.heartbeat.shared:
            if back := self.heartbeat.from_group(payload):
                self._client.publish(back, payload, qos=0)
            return True
        return self.notices.take(topic, payload)
