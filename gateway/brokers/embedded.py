"""The embedded broker of `hoiquan up` where there is no Mosquitto: amqtt on loopback, with the same rules
(`access`). It speaks MQTT 3.1.1 and keeps nothing on disk: a rehearsal's broker.
"""

import asyncio
import logging
import threading
from collections import deque
from contextlib import suppress
from dataclasses import asdict
from typing import Any, ClassVar

import amqtt.broker
from amqtt.adapters import BufferReader
from amqtt.broker import Broker
from amqtt.contexts import Action, BrokerConfig, ListenerConfig
from amqtt.errors import AMQTTError
from amqtt.mqtt.connack import NOT_AUTHORIZED, ConnackPacket
from amqtt.mqtt.constants import QOS_1, QOS_2
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.mqtt.puback import PubackPacket
from amqtt.mqtt.pubcomp import PubcompPacket
from amqtt.mqtt.pubrec import PubrecPacket
from amqtt.mqtt.pubrel import PubrelPacket
from amqtt.session import INCOMING, OutgoingApplicationMessage, Session

from devices.access.registry import Registry
from devices.contract.topics import DENIED
from devices.pilots.pilot import load
from gateway.brokers.access import ADMITTED, Access

log = logging.getLogger(__name__)
STOP_EVERY = 0.1  # seconds between two looks at whether it is to end
LOOK_EVERY = 0.5  # seconds between two looks at whose password is still good
WINDOW = 1000  # messages that a client is sent before the first is acknowledged
MOST_TO_BEGIN = 4096  # bytes of a CONNECT: names, password and will
# To a CONNECT of a version that is not spoken here: MQTT 5, reason 0x84; MQTT 3.1, code 1.
NO_SUCH_VERSION = {5: b"\x20\x03\x00\x84\x00", 3: b"\x20\x02\x00\x01"}


class Checked(BrokerProtocolHandler):
    """amqtt's side of one connection, mended where it lost what it had acknowledged.

    Asks for the password before anything else: amqtt ends or rewrites the session of a client id first and
    asks then. As with Mosquitto's use_username_as_clientid, the client id is the user's name, so that nobody
    takes over another's session.

    A message is passed on before it is acknowledged (amqtt: after, from a queue that ends with the
    connection). One that is sent stays in its session until it is acknowledged, and is sent again at the
    next connection (amqtt: forgotten after five seconds, or with the connection). Both at QoS 2 as at QoS 1.
    A client that falls silent is let go. MQTT 5 and 3.1 are told that they are not spoken (amqtt: no answer).
    """

    broker: ClassVar["LocalBroker"]

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._pumping = asyncio.Lock()

    @classmethod
    async def init_from_connect(cls, reader: Any, writer: Any, plugins_manager: Any, loop: Any = None) -> Any:
        first = await _packet(reader)
        refusal = NO_SUCH_VERSION.get(_level(first) or 0)
        if refusal is not None:
            await _answer(writer, refusal)
            raise AMQTTError("MQTT 3.1.1 alone is spoken here")
        handler, session = await super().init_from_connect(BufferReader(first), writer, plugins_manager, loop)
        answers = await plugins_manager.map_plugin_auth(session=session)
        if not answers or not all(answers.values()):
            await ConnackPacket.build(0, NOT_AUTHORIZED).to_stream(writer)
            await writer.close()
            raise AMQTTError("not authorized")
        session.client_id = session.username
        session.keep_alive = session.keep_alive * 3 // 2  # [MQTT-3.1.2-24]
        await cls.broker.resume(session)
        return handler, session

    def handle_read_timeout(self) -> None:
        """It has been silent for one and a half times its keepalive: as if its connection had broken."""
        self._last_words = asyncio.ensure_future(self._let_go())

    async def _let_go(self) -> None:
        await self.handle_connection_closed()
        if self.writer is not None:
            await self.writer.close()

    def handle_publish(self, publish_packet: Any) -> Any:
        """What was read is passed on, also where the connection ends meanwhile (amqtt: cut short): a node
        that publishes at QoS 0 and goes back to sleep at once would be heard by chance.
        """
        passing = asyncio.ensure_future(super().handle_publish(publish_packet))
        self.broker.passing.add(passing)
        passing.add_done_callback(self.broker.passing.discard)
        return _finish(passing)

    async def _handle_qos0_message_flow(self, app_message: Any) -> None:
        if app_message.direction == INCOMING:
            await self.broker.take(self.session, app_message)
        else:
            await super()._handle_qos0_message_flow(app_message)

    async def _handle_qos1_message_flow(self, app_message: Any) -> None:
        if app_message.direction == INCOMING:
            await self.broker.take(self.session, app_message)
            await self._send_packet(PubackPacket.build(app_message.packet_id))

    async def _handle_qos2_message_flow(self, app_message: Any) -> None:
        """Only what comes in: what goes out is sent by `_pump`, at QoS 2 as well. It is passed on at once and
        its number remembered until the PUBREL (amqtt: passed on after the PUBREL, of this connection only).
        """
        number = app_message.packet_id
        if self.session is not None and number not in passed_on(self.session):
            await self.broker.take(self.session, app_message)
            passed_on(self.session).add(number)
        await self._send_packet(PubrecPacket.build(number))

    async def handle_pubrel(self, pubrel: Any) -> None:
        """Always answered (amqtt: not if the PUBLISH came over an earlier connection; its sender waits)."""
        if self.session is not None:
            passed_on(self.session).discard(pubrel.packet_id)
            await self._send_packet(PubcompPacket.build(pubrel.packet_id))

    async def mqtt_publish(
        self, topic: str, data: Any, qos: int | None, retain: bool, ack_timeout: int | None = None
    ) -> Any:
        if not qos or self.session is None:
            return await super().mqtt_publish(topic, data, qos, retain, ack_timeout)
        waiting(self.session).append((topic, bytes(data), qos, retain))
        await self._pump()
        return None

    async def handle_puback(self, puback: Any) -> None:
        await self._is_through(puback, QOS_1)

    async def handle_pubrec(self, pubrec: Any) -> None:
        """It has a message of QoS 2; a number that is none of ours gets its PUBREL too, or it would wait."""
        message = self.session.inflight_out.get(pubrec.packet_id) if self.session is not None else None
        if message is not None and message.qos == QOS_2:
            message.pubrec_packet = pubrec
        await self._send_packet(PubrelPacket.build(pubrec.packet_id))

    async def handle_pubcomp(self, pubcomp: Any) -> None:
        await self._is_through(pubcomp, QOS_2)

    async def _is_through(self, packet: Any, qos: int) -> None:
        """The last word on a message of ours: there is room for the next."""
        if self.session is not None and packet.variable_header is not None:
            number = packet.variable_header.packet_id
            message = self.session.inflight_out.get(number)
            if message is not None and message.qos == qos:
                del self.session.inflight_out[number]
            await self._pump()

    async def _retry_deliveries(self) -> None:
        """A connection begins: first what was sent before and not acknowledged, then what waits."""
        async with self._pumping:
            for number, message in list(self.session.inflight_out.items()) if self.session else ():
                if message.pubrec_packet is not None:
                    await self._send_packet(PubrelPacket.build(number))
                else:
                    await self._send_packet(message.build_publish_packet(dup=True))
        await self._pump()

    async def _pump(self) -> None:
        """Send what waits, as far as the window lets."""
        async with self._pumping:
            session = self.session
            while session is not None and session.transitions.state == "connected":
                if not waiting(session) or len(session.inflight_out) >= WINDOW:
                    return
                topic, data, qos, retain = waiting(session).popleft()
                number = session.next_packet_id
                message = OutgoingApplicationMessage(number, topic, qos, data, retain)
                session.inflight_out[number] = message
                await self._send_packet(message.build_publish_packet())


def waiting(session: Session) -> deque[tuple[str, bytes, int, bool]]:
    """Messages (topic, payload, QoS, retained) that a session was not sent yet, in their order."""
    waiting: deque[tuple[str, bytes, int, bool]] = session.attributes.setdefault("hoiquan.waiting", deque())
    return waiting


def passed_on(session: Session) -> set[int]:
    """Numbers of a session's messages of QoS 2 that were passed on, and not released by it yet."""
    passed_on: set[int] = session.attributes.setdefault("hoiquan.passed_on", set())
    return passed_on


async def _finish(task: asyncio.Future[Any]) -> None:
    """Wait for it; who waits may be cut short, and it goes on."""
    await asyncio.shield(task)


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
    for name in (b"\x00\x04MQTT", b"\x00\x06MQIsdp"):
        at = connect.find(name)
        if connect[:1] == b"\x10" and 0 <= at <= 5 and len(connect) > at + len(name):
            return connect[at + len(name)]
    return None


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
        self.passing: set[asyncio.Future[Any]] = set()  # messages on their way to their subscribers

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
                if qos and (here or not target.clean_session):
                    waiting(target).append((topic, bytes(data or b""), qos, False))
                if here and qos:
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

    async def resume(self, session: Session) -> None:
        """What an earlier connection left for this one. A clean session ended with its connection: amqtt
        would go on with it for a second, and keep nothing for it ever after. Of a new will amqtt takes over
        all but whether it is retained.
        """
        name = session.client_id or ""
        before, _ = self._sessions.get(name, (None, None))
        if before is not None and before.clean_session:
            await self._delete_session(name)
        elif before is not None:
            before.will_retain = session.will_retain

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


async def serve(bind: str, port: int, access: Access, stop: threading.Event) -> None:
    """Run the broker until `stop` is set. Raises OSError where the port is taken."""
    plain = asdict(access)
    config = BrokerConfig(
        listeners={"default": ListenerConfig(bind=f"{bind}:{port}")},
        timeout_disconnect_delay=0,
        plugins={"gateway.brokers.access.Accounts": plain, "gateway.brokers.access.Rules": plain},
    )
    broker = LocalBroker(config)
    await broker.start()
    cutting = asyncio.create_task(_cut(broker, Registry(access.registry, load(access.pilot))))
    log.info("broker on %s:%d", bind, port)
    while not stop.is_set():
        await asyncio.sleep(STOP_EVERY)
    cutting.cancel()
    with suppress(TimeoutError):  # what it holds is in memory alone, and ends with it
        await asyncio.wait_for(broker.shutdown(), timeout=3)
