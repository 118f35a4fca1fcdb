"""The embedded broker of `hoiquan up`: amqtt on loopback, with the rules that Mosquitto has in production.

A device may publish on its own topics and hear its own commands; the gateway may do everything;
nobody is anonymous. amqtt speaks MQTT 3.1.1 and keeps nothing on disk: a rehearsal's broker. For
anything that must survive a crash of the broker use Mosquitto (`make compose`).
"""

import asyncio
import logging
import signal
from dataclasses import dataclass, field
from typing import Any

from amqtt.broker import Broker
from amqtt.contexts import Action, BaseContext, BrokerConfig, ListenerConfig
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from devices.credentials import GATEWAY, simulated_password
from devices.pilot import load
from devices.registry import Registry
from devices.topics import ROOT, UP

log = logging.getLogger(__name__)


@dataclass
class Access:
    """What the plugins need to know; amqtt makes it from its configuration."""

    pilot: str = field(default="")
    registry: str = field(default="")
    gateway_password: str = field(default="")
    simulator_secret: str = field(default="")


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
        if name == GATEWAY:
            return bool(password == self._access.gateway_password)
        other = session.client_id or ""
        if other != name and (other == GATEWAY or self._registry.lookup(other) is not None):
            return False  # a client id is a session: nobody may take over another's
        device = self._registry.lookup(name)
        if device is None:
            return False
        if device.simulated:
            return bool(password == simulated_password(self._access.simulator_secret, name))
        return self._registry.verify(name, password)


class Rules(BaseTopicPlugin):
    """Who may publish and subscribe where: the same rules as deploy/mosquitto/acl."""

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
        if name == GATEWAY:
            return True
        device = self._registry.lookup(name)
        if device is None:
            return False
        own = f"{ROOT}/{device.pilot}/{device.community}/{name}/"
        kind = topic.removeprefix(own)
        if action == Action.PUBLISH:
            return topic.startswith(own) and kind in UP
        return topic.startswith(own) and kind in ("command", "rejected")


async def serve(bind: str, port: int, access: Access) -> None:
    """Run the broker until SIGTERM or SIGINT. Raises OSError where the port is taken."""
    plain = {
        "pilot": access.pilot,
        "registry": access.registry,
        "gateway_password": access.gateway_password,
        "simulator_secret": access.simulator_secret,
    }
    config = BrokerConfig(
        listeners={"default": ListenerConfig(bind=f"{bind}:{port}")},
        timeout_disconnect_delay=0,
        plugins={"gateway.broker.Accounts": plain, "gateway.broker.Rules": plain},
    )
    broker = Broker(config)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await broker.start()
    log.info("broker on %s:%d", bind, port)
    await stop.wait()
    await asyncio.wait_for(broker.shutdown(), timeout=3)
