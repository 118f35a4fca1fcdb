"""One connection to the embedded broker: amqtt's, corrected where amqtt loses what it has acknowledged.

device ─ PUBLISH ─► its connection ─► queues of sessions ─► a gateway's connection ─► its spool
device ◄ PUBACK ◄── its connection ◄── Receipt (kept.py) ◄── PUBACK of that gateway ◄──┘
"""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar

from amqtt.adapters import BufferReader
from amqtt.errors import AMQTTError
from amqtt.mqtt.connack import NOT_AUTHORIZED, SERVER_UNAVAILABLE, ConnackPacket
from amqtt.mqtt.constants import QOS_1, QOS_2
from amqtt.mqtt.packet import MQTTPacket
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.mqtt.puback import PubackPacket
from amqtt.mqtt.pubcomp import PubcompPacket
from amqtt.mqtt.pubrec import PubrecPacket
from amqtt.mqtt.pubrel import PubrelPacket
from amqtt.session import INCOMING

from devices.contract.packets import REFUSED
from gateway.brokers.access import GATEWAYS, READERS
from gateway.brokers.kept import Receipt, Sent, Waiting, kept

if TYPE_CHECKING:
    from gateway.brokers.embedded import LocalBroker

WINDOW = 1000  # messages that may be sent to a client before it acknowledges the first
MOST_TO_BEGIN = 4096  # bytes of a CONNECT: names, password and will
# The answers to a CONNECT of an unsupported version: MQTT 5, reason 0x84; MQTT 3.1, code 1.
NO_SUCH_VERSION = {5: b"\x20\x03\x00\x84\x00", 3: b"\x20\x02\x00\x01"}
UNHEARD = GATEWAYS | READERS  # accounts that may connect while no gateway is there


class Checked(BrokerProtocolHandler):
    """The broker's side of one connection, on amqtt's handler.

    It checks the password before anything else; amqtt first ends or rewrites the session of the client id. As
    with Mosquitto's use_username_as_clientid, the client id is the user's name, so that nobody takes over
    another client's session.

    A client's message is acknowledged once a gateway has acknowledged it, so that the broker promises nothing
    that it holds only in memory. (amqtt acknowledges at once and passes on later, from a queue that ends with
    the connection.) While no gateway keeps messages, a client that would publish is told that the server is
    unavailable, and connects again later. A message to a client stays in the client's session until the
    client acknowledges it, and is sent again at the next connection. (amqtt forgets it after five seconds, or
    with the connection.) Both hold at QoS 1 and at QoS 2. A client that falls silent is disconnected. Clients
    of MQTT 5 and 3.1 are told that their version is not supported (amqtt does not answer).
    """

    broker: ClassVar["LocalBroker"]

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._pumping = asyncio.Lock()
        self._owed = deque[Receipt]()  # in the order in which the client's messages came [MQTT-4.6.0-2]

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
            await _answer(writer, ConnackPacket.build(0, NOT_AUTHORIZED).to_bytes())
            raise AMQTTError("not authorized")
        if session.username not in UNHEARD and not cls.broker.gateway_ready:
            await _answer(writer, ConnackPacket.build(0, SERVER_UNAVAILABLE).to_bytes())
            raise AMQTTError("no gateway hears what it would say")
        session.client_id = session.username
        session.keep_alive = session.keep_alive * 3 // 2  # [MQTT-3.1.2-24]
        await cls.broker.resume(session)
        return handler, session

    def handle_read_timeout(self) -> None:
        """Close the connection of a client that was silent for one and a half times its keepalive."""
        self._last_words = asyncio.ensure_future(self._let_go())

    async def stop(self) -> None:
        """End the connection, once its reader has started. amqtt waits for the reader to say that it has
        ended, and a reader that is cancelled before its first step never does: a client that takes over this
        connection at that moment would get no answer.
        """
        if self._reader_task is not None and self._reader_ready is not None:
            await self._reader_ready.wait()
        await super().stop()

    async def _let_go(self) -> None:
        await self.handle_connection_closed()
        if self.writer is not None:
            await self.writer.close()

    def handle_publish(self, publish_packet: Any) -> Any:
        """Pass a message on even if the connection ends meanwhile (amqtt is cut short): otherwise a node that
        publishes at QoS 0 and goes back to sleep at once would be heard only by chance.
        """
        passing = asyncio.ensure_future(super().handle_publish(publish_packet))
        self.broker.passing.add(passing)
        passing.add_done_callback(self.broker.passing.discard)
        return _finish(passing)

    async def _handle_qos0_message_flow(self, app_message: Any) -> None:
        if app_message.direction == INCOMING:
            await self._pass_on(app_message, None)
        else:
            await super()._handle_qos0_message_flow(app_message)

    async def _handle_qos1_message_flow(self, app_message: Any) -> None:
        if app_message.direction == INCOMING:
            await self._promise(app_message, PubackPacket.build(app_message.packet_id))

    async def _handle_qos2_message_flow(self, app_message: Any) -> None:
        """Take a message of the client; `_pump` sends messages to it, at QoS 2 as well. The message is passed
        on at once and its number remembered until the PUBREL. (amqtt passes it on after the PUBREL, if that
        comes over the same connection.)
        """
        await self._promise(app_message, PubrecPacket.build(app_message.packet_id))

    async def _promise(self, message: Any, answer: MQTTPacket[Any, Any, Any]) -> None:
        """Pass a message on, and answer when a gateway has it. A message that is sent again while it is still
        on its way is answered on this connection, and not passed on twice.
        """
        if self.session is None:
            return
        key, numbers = (self.session.client_id or "", message.packet_id), kept(self.session).passed_on
        receipt = self.broker.owed.get(key)
        if receipt is not None and message.publish_packet.dup_flag and receipt.content == _content(message):
            if receipt.payer is not self:
                receipt.payer = self
                self._owed.append(receipt)
            return
        receipt = Receipt(key, _content(message), bytes(answer.to_bytes()), self)
        self._owed.append(receipt)
        if message.qos == QOS_2 and message.packet_id in numbers:
            self.pay(receipt)
            return
        self.broker.owed[key], taken = receipt, False
        try:
            taken = await self._pass_on(message, receipt)
        finally:
            if not taken and self.broker.owed.get(key) is receipt:
                del self.broker.owed[key]  # it was not passed on: sent again, it is a new message
        if taken and message.qos == QOS_2:
            numbers.add(message.packet_id)

    async def _pass_on(self, message: Any, receipt: Receipt | None) -> bool:
        """Pass a message on; returns whether a gateway gets it. If not, ends the connection: the client sends
        the message again.
        """
        taken = False
        try:
            taken = await self.broker.take(self.session, message, receipt)
        finally:
            if not taken:
                await self.handle_connection_closed()
        return taken

    async def mqtt_acknowledge_subscription(self, packet_id: int, return_codes: list[int]) -> None:
        if self.session is not None and self.session.client_id in GATEWAYS:
            kept(self.session).of_gateway = not self.session.clean_session and min(return_codes) < REFUSED
        await super().mqtt_acknowledge_subscription(packet_id, return_codes)

    def pay(self, receipt: Receipt) -> None:
        """Note that a receipt is due, and send all due receipts that no earlier one holds up."""
        receipt.due = True
        if self.broker.owed.get(receipt.key) is receipt:
            del self.broker.owed[receipt.key]
        while self._owed and self._owed[0].due:
            answer = self._owed.popleft().answer
            if self.writer is not None:
                self.writer.write(answer)

    async def handle_pubrel(self, pubrel: Any) -> None:
        """Always answer (amqtt: not if the PUBLISH came over an earlier connection, so its sender waits)."""
        if self.session is not None:
            kept(self.session).passed_on.discard(pubrel.packet_id)
            await self._send_packet(PubcompPacket.build(pubrel.packet_id))

    async def mqtt_publish(
        self, topic: str, data: Any, qos: int | None, retain: bool, ack_timeout: int | None = None
    ) -> Any:
        if not qos or self.session is None:
            return await super().mqtt_publish(topic, data, qos, retain, ack_timeout)
        kept(self.session).put(Waiting(topic, bytes(data), qos, retain))
        await self._pump()
        return None

    async def handle_puback(self, puback: Any) -> None:
        await self._is_through(puback, QOS_1)

    async def handle_pubrec(self, pubrec: Any) -> None:
        """The client has a QoS 2 message. An unknown number gets a PUBREL, too, or the client would wait."""
        message = self.session.inflight_out.get(pubrec.packet_id) if self.session is not None else None
        if message is not None and message.qos == QOS_2:
            message.pubrec_packet = pubrec
        await self._send_packet(PubrelPacket.build(pubrec.packet_id))

    async def handle_pubcomp(self, pubcomp: Any) -> None:
        await self._is_through(pubcomp, QOS_2)

    async def _is_through(self, packet: Any, qos: int) -> None:
        """The client has acknowledged a message for good: free its number, pay its receipt, send the next."""
        if self.session is not None and packet.variable_header is not None:
            number = packet.variable_header.packet_id
            message = self.session.inflight_out.get(number)
            if message is not None and message.qos == qos:
                del self.session.inflight_out[number]
                kept(self.session).through(message)
                if isinstance(message, Sent) and message.receipt is not None:
                    message.receipt.payer.pay(message.receipt)
            await self._pump()

    async def _retry_deliveries(self) -> None:
        """A connection begins: send again what the client did not acknowledge, then what waits."""
        async with self._pumping:
            for number, message in list(self.session.inflight_out.items()) if self.session else ():
                if message.pubrec_packet is not None:
                    await self._send_packet(PubrelPacket.build(number))
                else:
                    await self._send_packet(message.build_publish_packet(dup=True))
        await self._pump()

    async def _pump(self) -> None:
        """Send waiting messages, as far as the window allows."""
        async with self._pumping:
            session = self.session
            while session is not None and session.transitions.state == "connected":
                waiting = kept(session).waiting
                if not waiting or len(session.inflight_out) >= WINDOW:
                    return
                number = session.next_packet_id
                session.inflight_out[number] = message = Sent(number, waiting.popleft())
                await self._send_packet(message.build_publish_packet())


def _content(message: Any) -> tuple[str, bytes]:
    return message.topic, bytes(message.data)


async def _finish(task: asyncio.Future[Any]) -> None:
    """Wait for a task; if the wait is cancelled, the task goes on."""
    await asyncio.shield(task)


async def _packet(reader: Any) -> bytes:
    """Read one packet's bytes. Raises AMQTTError for anything else, or a packet too large for a CONNECT."""
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
    """The protocol version that a CONNECT asks for; None if the packet is no CONNECT."""
    for name in (b"\x00\x04MQTT", b"\x00\x06MQIsdp"):
        at = connect.find(name)
        if connect[:1] == b"\x10" and 0 <= at <= 5 and len(connect) > at + len(name):
            return connect[at + len(name)]
    return None


async def _answer(writer: Any, packet: bytes) -> None:
    writer.write(packet)
    await writer.drain()
    await writer.close()
