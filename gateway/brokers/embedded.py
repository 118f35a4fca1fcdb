"""The embedded broker of `hoiquan up` where there is no Mosquitto: amqtt on loopback, with the same rules
(`access`). It speaks MQTT 3.1.1 and keeps nothing on disk: a rehearsal's broker.
"""

import asyncio
import logging
import signal
from collections import deque
from dataclasses import asdict
from typing import Any, ClassVar

import amqtt.broker
from amqtt.adapters import BufferReader
from amqtt.broker import Broker
from amqtt.contexts import Action, BrokerConfig, ListenerConfig
from amqtt.errors import AMQTTError
from amqtt.mqtt.connack import NOT_AUTHORIZED, ConnackPacket
from amqtt.mqtt.constants import QOS_1
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.mqtt.puback import PubackPacket
from amqtt.session import INCOMING, OutgoingApplicationMessage, Session

from devices.access.registry import Registry
from devices.contract.topics import DENIED
from devices.pilots.pilot import load
from gateway.brokers.access import ADMITTED, Access

log = logging.getLogger(__name__)
LOOK_EVERY = 0.5  # seconds between two looks at whose password is still good
WINDOW = 1000  # messages that a client is sent before the first is acknowledged
MOST_TO_BEGIN = 4096  # bytes of a CONNECT: names, password and will
CONNACK_NO_SUCH_VERSION = b"\x20\x03\x00\x84\x00"  # MQTT 5, reason 0x84


class Checked(BrokerProtocolHandler):
    """amqtt's side of one connection, mended where it lost what it had acknowledged.

    Asks for the password before anything else: amqtt ends or rewrites the session of a client id first and
    asks then. As with Mosquitto's use_username_as_clientid, the client id is the user's name, so that nobody
    takes over another's session.

    A message is passed on before it is acknowledged (amqtt: after, from a queue that ends with the
    connection). One that is sent stays in its session until it is acknowledged, and is sent again at the
    next connection (amqtt: forgotten after five seconds, or with the connection). A client that falls silent
    is let go. MQTT 5 is told that it is not spoken (amqtt: no answer).
    """

    broker: ClassVar["LocalBroker"]

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._pumping = asyncio.Lock()

    @classmethod
    async def init_from_connect(cls, reader: Any, writer: Any, plugins_manager: Any, loop: Any = None) -> Any:
        first = await _packet(reader)
        if _level(first) == 5:
            await _answer(writer, CONNACK_NO_SUCH_VERSION)
            raise AMQTTError("MQTT 5 is not spoken here")
        handler, session = await super().init_from_connect(BufferReader(first), writer, plugins_manager, loop)
        answers = await plugins_manager.map_plugin_auth(session=session)
        if not answers or not all(answers.values()):
            await ConnackPacket.build(0, NOT_AUTHORIZED).to_stream(writer)
            await writer.close()
            raise AMQTTError("not authorized")
        session.client_id = session.username
        session.keep_alive = session.keep_alive * 3 // 2  # [MQTT-3.1.2-24]
        return handler, session

    def handle_read_timeout(self) -> None:
        """It has been silent for one and a half times its keepalive: as if its connection had broken."""
        self._last_words = asyncio.ensure_future(self._let_go())

    async def _let_go(self) -> None:
        await self.handle_connection_closed()
        if self.writer is not None:
            await self.writer.close()

    async def _handle_qos0_message_flow(self, app_message: Any) -> None:
        if app_message.direction == INCOMING:
            await self.broker.take(self.session, app_message)
        else:
            await super()._handle_qos0_message_flow(app_message)

    async def _handle_qos1_message_flow(self, app_message: Any) -> None:
        if app_message.direction == INCOMING:
            await self.broker.take(self.session, app_message)
            await self._send_packet(PubackPacket.build(app_message.packet_id))

    async def mqtt_publish(
        self, topic: str, data: Any, qos: int | None, retain: bool, ack_timeout: int | None = None
    ) -> Any:
        if qos != QOS_1 or self.session is None:
            return await super().mqtt_publish(topic, data, qos, retain, ack_timeout)
        waiting(self.session).append((topic, bytes(data), retain))
        await self._pump()
        return None

    async def handle_puback(self, puback: Any) -> None:
        if self.session is not None and puback.variable_header is not None:
            self.session.inflight_out.pop(puback.variable_header.packet_id, None)
            await self._pump()

    async def _retry_deliveries(self) -> None:
        """A connection begins: first what was sent before and not acknowledged, then what waits."""
        async with self._pumping:
            for message in list(self.session.inflight_out.values()) if self.session else ():
                await self._send_packet(message.build_publish_packet(dup=True))
        await self._pump()

    async def _pump(self) -> None:
        """Send what waits, as far as the window lets."""
        async with self._pumping:
            session = self.session
            while session is not None and session.transitions.state == "connected":
                if not waiting(session) or len(session.inflight_out) >= WINDOW:
                    return
                topic, data, retain = waiting(session).popleft()
                number = session.next_packet_id
                message = OutgoingApplicationMessage(number, topic, QOS_1, data, retain)
                session.inflight_out[number] = message
                await self._send_packet(message.build_publish_packet())


def waiting(session: Session) -> deque[tuple[str, bytes, bool]]:
    """Messages (topic, payload, retained) that a session was not sent yet, in their order."""
    found: deque[tuple[str, bytes, bool]] = session.attributes.setdefault("hoiquan.waiting", deque())
    return found


async def _packet(reader: Any) -> bytes:
    """The bytes of one packet. Raises AMQTTError for what is none, or none of a size to begin with."""
    try:
        head = bytes(await reader.read(1))
        size = shift = 0
        while True:
            (byte,) = await reader.read(1)
            head += bytes([byte])
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
            if shift > 21:
                raise AMQTTError("no MQTT packet")
        if size > MOST_TO_BEGIN:
            raise AMQTTError(f"a first packet of {size} bytes")
        return head + bytes(await reader.read(size))
    except (asyncio.IncompleteReadError, ConnectionError, ValueError) as error:
        raise AMQTTError(f"no whole packet: {error}") from None


def _level(connect: bytes) -> int | None:
    """The protocol's version that a CONNECT asks for; None where it is none."""
    at = connect.find(b"\x00\x04MQTT")
    return connect[at + 6] if connect[:1] == b"\x10" and 0 <= at <= 5 and len(connect) > at + 6 else None


async def _answer(writer: Any, packet: bytes) -> None:
    writer.write(packet)
    await writer.drain()
    await writer.close()


class Snapshots(dict[str, Any]):
    """A dict that may change while somebody walks over it: amqtt 0.12.1 awaits inside its loops."""

    def __iter__(self) -> Any:
        return iter(list(super().keys()))

    def items(self) -> Any:
        return list(super().items())


class LocalBroker(Broker):
    """amqtt with its mends: see `Checked` and `Snapshots`, and below."""

    def __init__(self, config: BrokerConfig) -> None:
        amqtt.broker.BrokerProtocolHandler = type("Bound", (Checked,), {"broker": self})
        super().__init__(config)
        self._subscriptions: dict[str, Any] = Snapshots(self._subscriptions)

    async def take(self, session: Session, message: Any) -> None:
        """Pass a message on. When this returns, it is in the queue of each who is to get it. What the rules
        turn away goes to the gateway instead, which sets it aside and answers.
        """
        if not await self._topic_filtering(session, topic=message.topic, action=Action.PUBLISH):
            await self._broadcast_message(None, f"{DENIED}/{session.username}/{message.topic}", message.data)
            return
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        done.set_result(message)
        await self._handle_message_delivery(session, None, done)

    async def _broadcast_message(
        self, session: Session | None, topic: str | None, data: Any, force_qos: int | None = None
    ) -> None:
        """Into each subscriber's own queue, at once: amqtt has one for all, and tasks that end unheard."""
        if topic is None:
            return
        for wanted, subscriptions in self._subscriptions.items():
            if not self._matches(topic, wanted):
                continue
            for target, own in list(subscriptions):
                qos = own if force_qos is None else min(own, force_qos)
                handler = self._get_handler(target)
                here = target.transitions.state == "connected" and handler is not None
                if qos == QOS_1 and (here or not target.clean_session):
                    waiting(target).append((topic, bytes(data or b""), False))
                if here and qos == QOS_1:
                    await handler._pump()
                elif here:
                    await handler.mqtt_publish(topic, data, qos, retain=False)

    async def _publish_session_retained_messages(self, session: Session) -> None:
        """amqtt keeps here what came while a client was away; with us its own queue does."""

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        # amqtt sends a new client what is retained for everybody's subscriptions
        if any(one is session for one, _ in self._subscriptions.get(subscription[0], ())):
            await super()._publish_retained_messages_for_subscription(subscription, session)

    async def _delete_session(self, client_id: str) -> None:
        """One client id, one connection: amqtt forgets the session of the one before, and lets it go on."""
        _, handler = self._sessions.get(client_id, (None, None))
        if handler is not None:
            await handler.handle_connection_closed()
            await handler.stop()
        await super()._delete_session(client_id)


async def _cut(broker: Broker, registry: Registry) -> None:
    """End the connections of devices whose password is not good any more: revoked, or given a new one."""
    while True:
        await asyncio.sleep(LOOK_EVERY)
        now = registry.hashes()
        for name in [name for name, stored in ADMITTED.items() if now.get(name) != stored]:
            session, handler = broker._sessions.get(name, (None, None))
            if session is not None and handler is not None and session.transitions.state == "connected":
                session.will_flag = False  # it has no business here any more
                await handler.handle_connection_closed()


async def serve(bind: str, port: int, access: Access) -> None:
    """Run the broker until SIGTERM or SIGINT. Raises OSError where the port is taken."""
    plain = asdict(access)
    config = BrokerConfig(
        listeners={"default": ListenerConfig(bind=f"{bind}:{port}")},
        timeout_disconnect_delay=0,
        plugins={"gateway.brokers.access.Accounts": plain, "gateway.brokers.access.Rules": plain},
    )
    broker = LocalBroker(config)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await broker.start()
    cutting = asyncio.create_task(_cut(broker, Registry(access.registry, load(access.pilot))))
    log.info("broker on %s:%d", bind, port)
    await stop.wait()
    cutting.cancel()
    await asyncio.wait_for(broker.shutdown(), timeout=3)
