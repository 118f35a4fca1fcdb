"""The embedded broker of `hoiquan up` where Mosquitto is not installed: amqtt on loopback, with the same
rules (`access`). It speaks MQTT 3.1.1 and keeps nothing on disk: a rehearsal's broker. Still, if it dies,
nothing that it acknowledged is lost: see `connection`.
"""

import asyncio
import logging
import threading
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import amqtt.broker
from amqtt.broker import Broker
from amqtt.contexts import Action, BrokerConfig, ListenerConfig
from amqtt.session import Session

from devices.access.registry import Registry
from devices.contract.topics import DENIED
from devices.pilots.pilot import load
from gateway.brokers.access import ADMITTED, GATEWAYS, Access
from gateway.brokers.connection import Checked
from gateway.brokers.kept import Receipt, Waiting, kept
from gateway.stores.waiting import Waiting as Rarely

log = logging.getLogger(__name__)
STOP_EVERY = 0.1  # seconds between two looks at whether the broker should stop
LOOK_EVERY = 0.5  # seconds between two looks at whose password is still valid


class Snapshots(dict[str, Any]):
    """A dict that may change during iteration: amqtt 0.12.1 awaits inside its loops."""

    def __iter__(self) -> Any:
        return iter(list(super().keys()))

    def items(self) -> Any:
        return list(super().items())


class LocalBroker(Broker):
    """amqtt with our corrections: `Checked`, `Snapshots`, and the methods below."""

    def __init__(self, config: BrokerConfig) -> None:
        amqtt.broker.BrokerProtocolHandler = type("Bound", (Checked,), {"broker": self})
        super().__init__(config)
        self._subscriptions: dict[str, Any] = Snapshots(self._subscriptions)
        self.passing: set[asyncio.Future[Any]] = set()  # messages on their way to their subscribers
        # by sender and packet number: messages in the queue of a gateway that has not acknowledged them
        self.owed: dict[tuple[str, int], Receipt] = {}

    @property
    def gateway_ready(self) -> bool:
        """Whether a gateway keeps new messages: it has subscribed, connected or away, and there is room."""
        sessions = (self._sessions[name][0] for name in GATEWAYS if name in self._sessions)
        return any(kept(one).of_gateway and not kept(one).full for one in sessions)

    async def take(self, session: Session, message: Any, receipt: Receipt | None) -> bool:
        """Pass a message on; False if no gateway would get it. On return the message is in the queue of each
        of its subscribers. Its receipt is due when the first gateway has acknowledged it, or at once where no
        gateway has to. A message that the rules turn away goes to the gateway instead, which quarantines it
        and answers.
        """
        ours = session.username in GATEWAYS
        if not ours and not self.gateway_ready:
            return False
        topic, promised = message.topic, None if ours else receipt
        if not await self._topic_filtering(session, topic=topic, action=Action.PUBLISH):
            topic = f"{DENIED}/{session.username}/{topic}"
        elif message.publish_packet.retain_flag:
            await self.retain_message(session, topic, message.data, message.qos)
        if not await self._deliver(topic, bytes(message.data), None, promised) and receipt is not None:
            receipt.payer.pay(receipt)
        return True

    async def _broadcast_message(
        self, session: Session | None, topic: str | None, data: Any, force_qos: int | None = None
    ) -> None:
        if topic is not None:
            await self._deliver(topic, bytes(data or b""), force_qos, None)

    async def _deliver(self, topic: str, data: bytes, most: int | None, receipt: Receipt | None) -> bool:
        """Put a message into each subscriber's own queue, at once. (amqtt has one queue for all, and tasks
        whose failure nobody notices.) Returns whether a gateway now has to acknowledge it.
        """
        promised = False
        for wanted, subscriptions in self._subscriptions.items():
            if not self._matches(topic, wanted):
                continue
            for target, own in list(subscriptions):
                qos = own if most is None else min(own, most)
                handler, queue = self._get_handler(target), kept(target)
                here = target.transitions.state == "connected" and handler is not None
                if qos and not queue.full and (here or not target.clean_session):
                    queue.put(Waiting(topic, data, qos, False, receipt if queue.of_gateway else None))
                    promised = promised or (receipt is not None and queue.of_gateway)
                if here and qos:
                    await handler._pump()
                elif here:
                    await handler.mqtt_publish(topic, data, qos, retain=False)
        return promised

    async def _publish_session_retained_messages(self, session: Session) -> None:
        """Nothing: amqtt sends here what came while a client was away; our queues hold that."""

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        # amqtt would send a new client the retained messages of everybody's subscriptions
        if any(one is session for one, _ in self._subscriptions.get(subscription[0], ())):
            await super()._publish_retained_messages_for_subscription(subscription, session)

    async def resume(self, session: Session) -> None:
        """Prepare the session that an earlier connection left. A clean session ends with its connection, but
        amqtt removes it up to a second later: a client back within that second would go on with a session
        that never keeps anything. Of a new will amqtt takes over everything but whether it is retained.
        """
        name = session.client_id or ""
        before, _ = self._sessions.get(name, (None, None))
        if before is not None and before.clean_session:
            await self._delete_session(name)
        elif before is not None:
            before.will_retain = session.will_retain

    async def _delete_session(self, client_id: str) -> None:
        """Delete a session and end its connection. (amqtt would let the connection go on.)"""
        session, handler = self._sessions.get(client_id, (None, None))
        if handler is not None:
            await handler.handle_connection_closed()
            await handler.stop()
        if session is not None and kept(session).of_gateway:  # senders must send again what was in it
            owed, self.owed = self.owed, {}
            for payer in {receipt.payer for receipt in owed.values()}:
                await payer.handle_connection_closed()
        await super()._delete_session(client_id)


async def _cut(broker: Broker, registry: Registry) -> None:
    """End the connections of devices whose password is no longer valid: revoked, or replaced."""
    waiting = Rarely("devices that were revoked stay connected")
    while True:
        await asyncio.sleep(LOOK_EVERY)
        try:
            now = await asyncio.to_thread(registry.hashes)  # a database may take its time
            for name in [name for name, stored in ADMITTED.items() if now.get(name) != stored]:
                session, handler = broker._sessions.get(name, (None, None))
                if session is not None and handler is not None and session.transitions.state == "connected":
                    session.will_flag = False  # its last will is not published either
                    await handler.handle_connection_closed()
        # the registry is away, or amqtt stumbles: an error would end this task, and nobody would hear of it
        except Exception as error:  # noqa: BLE001 -- amqtt's errors have no common kind
            waiting.on(error)
        else:
            waiting.over()


async def serve(bind: str, port: int, access: Access, stop: threading.Event) -> None:
    """Run the broker until `stop` is set. Raises OSError if the port is taken."""
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
    with suppress(TimeoutError):  # the broker holds everything in memory: there is nothing to save
        await asyncio.wait_for(broker.shutdown(), timeout=3)
