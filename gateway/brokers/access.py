"""Who may connect to amqtt, and on which topics: the same rules as devices/access/mosquitto.acl.

A device may publish on its own topics the kinds that its model sends (a diary everything but telemetry, all
others everything but diary events), and hears its own commands and refusals. A gateway may do everything, a
reader only hear, the operator only send commands, and ChirpStack only publish a network server's messages.
Nobody is anonymous.
"""

from dataclasses import dataclass, field
from typing import Any

from amqtt.contexts import Action, BaseContext
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from devices.access.registry import Registry
from devices.contract.models import DIARY
from devices.contract.topics import ROOT, UP
from devices.credentials import (
    CHIRPSTACK,
    OPERATOR,
    gateway_accounts,
    reader_accounts,
    simulated_password,
    verify_password,
)
from devices.pilots.pilot import load
from devices.probes.envelope import addressed, filters, foreign

GATEWAYS, READERS = frozenset(gateway_accounts()), frozenset(reader_accounts())
# By enrolled device, the stored password that let it in last: once that has changed, the device may not stay.
ADMITTED: dict[str, str] = {}
TRUTH = "hoiquan-truth/v1"  # topics for what the simulator's faults changed; outside the contract's tree


@dataclass
class Access:
    """The plugins' settings; amqtt makes this object from its configuration."""

    pilot: str = field(default="")
    registry: str = field(default="")
    gateway_password: str = field(default="")
    simulator_secret: str = field(default="")
    reader_password: str = field(default="")
    operator_password: str = field(default="")
    chirpstack_password: str = field(default="")


class Accounts(BaseAuthPlugin):
    """Lets in gateways, readers, the operator and ChirpStack by their passwords, simulated nodes by their
    derived password, and enrolled devices.
    """

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
        own = {OPERATOR: self._access.operator_password, CHIRPSTACK: self._access.chirpstack_password,
               **dict.fromkeys(READERS, self._access.reader_password)}  # fmt: skip
        if name in own:
            return bool(password == own[name])
        device = self._registry.lookup(name)
        if device is None:
            return False
        if device.simulated:
            return bool(password == simulated_password(self._access.simulator_secret, name))
        stored = self._registry.stored(name)
        good = verify_password(password, stored)
        if good:
            ADMITTED[name] = stored
        return good


class Rules(BaseTopicPlugin):
    """Who may publish and subscribe where: the same rules as devices/access/mosquitto.acl."""

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
        if name in READERS:
            readable = topic.startswith("hoiquan/") or topic in filters() or addressed(topic) is not None
            return action != Action.PUBLISH and readable
        if name == CHIRPSTACK:
            return foreign(topic) if action == Action.PUBLISH else False
        if name == OPERATOR:
            order = topic.startswith(f"{ROOT}/") and topic.count("/") == 5 and topic.endswith("/command")
            return action == Action.PUBLISH and order
        device = self._registry.lookup(name)
        if device is None:
            return False
        own = f"{ROOT}/{device.pilot}/{device.community}/{name}/"
        kind = topic.removeprefix(own)
        if action == Action.PUBLISH:
            truth = f"{TRUTH}/{device.pilot}/{device.community}/{name}"
            kinds = UP - {"telemetry" if device.model == DIARY else "diary"}
            return (topic.startswith(own) and kind in kinds) or (device.simulated and topic == truth)
        return topic.startswith(own) and kind in ("command", "rejected")
