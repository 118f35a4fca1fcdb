"""The embedded broker of `hoiquan up`: amqtt on loopback, with the rules that Mosquitto has in production.

A device may publish on its own topics what its model says (a diary its diary, all others everything but that)
and hear its own commands; the gateway may do everything, the reader hears, the operator commands; nobody is
anonymous. amqtt speaks MQTT 3.1.1 and keeps nothing on disk: a rehearsal's broker. For anything that must
survive a crash of the broker use Mosquitto (`make compose`).
"""

import asyncio
import logging
import signal
from dataclasses import asdict, dataclass, field
from typing import Any

import amqtt.broker
from amqtt.broker import Broker
from amqtt.contexts import Action, BaseContext, BrokerConfig, ListenerConfig
from amqtt.errors import AMQTTError
from amqtt.mqtt.connack import NOT_AUTHORIZED, ConnackPacket
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from devices.credentials import OPERATOR, READER, gateway_accounts, simulated_password, verify_password
from devices.models import DIARY
from devices.pilot import load
from devices.registry import Registry
from devices.topics import ROOT, UP

log = logging.getLogger(__name__)
GATEWAYS = frozenset(gateway_accounts())
LOOK_EVERY = 0.5  # seconds between two looks at whose password is still good
# Enrolled device → the stored password that let it in last: what it is now says whether it may stay.
ADMITTED: dict[str, str] = {}
TRUTH = "hoiquan-truth/v1"  # what the simulator's faults changed; outside the contract's tree


@dataclass
class Access:
    """What the plugins need to know; amqtt makes it from its configuration."""

    pilot: str = field(default="")
    registry: str = field(default="")
    gateway_password: str = field(default="")
    simulator_secret: str = field(default="")
    reader_password: str = field(default="")
    operator_password: str = field(default="")


class Accounts(BaseAuthPlugin):
    """Lets in the gateway, simulated nodes by their derived password, and enrolled devices."""

    Config = Access

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        self._access: Any = self.config
        self._registry = Registry(self._access.registry, load(self._access.pilot))

    async def authenticate(self, *, session: Session) -> bool | None:
        name, password = session.username or "", session.password or ""
        if not password:
            return False
        if name in GATEWAYS:
            return bool(password == self._access.gateway_password)
        if name in (READER, OPERATOR):
            own = self._access.reader_password if name == READER else self._access.operator_password
            return bool(password == own)
        device = self._registry.lookup(name)
        if device is None:
            return False
        if device.simulated:
            return bool(password == simulated_password(self._access.simulator_secret, name))
        stored = self._registry.hashes().get(name, "")
        good = verify_password(password, stored)
        if good:
            ADMITTED[name] = stored
        return good


class Rules(BaseTopicPlugin):
    """Who may publish and subscribe where: the same rules as devices/mosquitto.acl."""

    Config = Access

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        access: Any = self.config
        self._registry = Registry(access.registry, load(access.pilot))

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool | None:
        name = session.username if session else None
        if name is None or topic is None:
            return False
        if name in GATEWAYS:
            return True
        if name == READER:
            return action != Action.PUBLISH and topic.startswith(("hoiquan/", "application/"))
        if name == OPERATOR:
            kind = "command" if action == Action.PUBLISH else "result"
            return topic.startswith(f"{ROOT}/") and topic.count("/") == 5 and topic.endswith(f"/{kind}")
        device = self._registry.lookup(name)
        if device is None:
            return False
        own = f"{ROOT}/{device.pilot}/{device.community}/{name}/"
        kind = topic.removeprefix(own)
        if action == Action.PUBLISH:
            truth = f"{TRUTH}/{device.pilot}/{device.community}/{name}"
            said = UP - {"telemetry" if device.model == DIARY else "diary"}
            return (topic.startswith(own) and kind in said) or (device.simulated and topic == truth)
        return topic.startswith(own) and kind in ("command", "rejected")


class Checked(BrokerProtocolHandler):
    """Asks for the password before anything else: amqtt ends or rewrites the session of a client id
    first and asks then. As with Mosquitto's use_username_as_clientid, the client id is the user's name,
    so that nobody takes over another's session.
    """

    @classmethod
    async def init_from_connect(cls, reader: Any, writer: Any, plugins_manager: Any, loop: Any = None) -> Any:
        handler, session = await super().init_from_connect(reader, writer, plugins_manager, loop)
        answers = await plugins_manager.map_plugin_auth(session=session)
        if not answers or not all(answers.values()):
            await ConnackPacket.build(0, NOT_AUTHORIZED).to_stream(writer)
            await writer.close()
            raise AMQTTError("not authorized")
        session.client_id = session.username
        return handler, session


class Snapshots(dict[str, Any]):
    """A dict that may change while somebody walks over it: amqtt 0.12.1 awaits inside its loops."""

    def __iter__(self) -> Any:
        return iter(list(super().keys()))

    def items(self) -> Any:
        return list(super().items())


class LocalBroker(Broker):
    """amqtt with three mends: see `Checked`, `Snapshots`, and retained messages below."""

    def __init__(self, config: BrokerConfig) -> None:
        amqtt.broker.BrokerProtocolHandler = Checked
        super().__init__(config)
        self._subscriptions: dict[str, Any] = Snapshots(self._subscriptions)

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        # amqtt sends a new client what is retained for everybody's subscriptions
        if any(one is session for one, _ in self._subscriptions.get(subscription[0], ())):
            await super()._publish_retained_messages_for_subscription(subscription, session)


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
        plugins={"gateway.broker.Accounts": plain, "gateway.broker.Rules": plain},
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
