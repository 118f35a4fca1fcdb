"""Sends commands: checks and records them, publishes them as `operator`, and waits for the answer.

    order ─► may this device do that? ─► ledger ─► MQTT `command` ─► device
          the sender looks there ◄────────┘ ▲ ◄── a gateway ◄── MQTT `result` ◄┘

Commands of people (`hoiquan device command`) and of the advice take the same way. A command is valid until
its `until`, so one that is delivered later does nothing. An answer is recorded whenever it comes, even if
nobody waits for it any more.
"""

import json
import threading
import time
from secrets import token_hex

from devices import broker_url
from devices.access.registry import Registry
from devices.clock import moment_of, now_ms
from devices.contract.orders import CARRIED, LONGEST_MS
from devices.contract.reading import Device
from devices.contract.topics import Topic
from devices.settings import Settings
from devices.texts import Mendable, Misuse
from gateway.control.client import PATIENCE, NotHeard, connected
from gateway.control.ledger import SENDER, Entry, Ledger

LOOK_EVERY = 0.1  # seconds between two looks for the answer


class NotSent(Misuse):
    """The command cannot be sent; the sentence says why and what to do."""


def dispatch(
    settings: Settings, registry: Registry, ledger: Ledger,
    device: str, actuator: str, value: float, until: int, by: str, wait: float = PATIENCE,
) -> Entry:  # fmt: skip
    """Send a command and wait up to `wait` seconds for the answer; returns its ledger entry.

    `value` is 0 (off or closed) to 1 (on or open), `until` epoch ms. Raises NotSent, NotHeard, RegistryAway.
    """
    now = now_ms()
    target = _checked(registry, device, actuator, value, until, now)
    entry = Entry(token_hex(8), device, actuator, value, by[:SENDER], now, until)
    topic = Topic(target.pilot, target.community, device, "command")
    # Another command sent at this moment takes over the account's connection. The client then reconnects and
    # publishes again what the broker has not acknowledged; a device carries out an id only once.
    client = connected(settings, "operator", settings.operator_password.get_secret_value(), again=True)
    puback = threading.Event()
    client.on_publish = lambda *_: puback.set()  # paho's own wait fails while the client is not connected
    try:
        ledger.sent(entry)
        order = {
            "id": entry.id, "actuator": actuator, "set": value,
            "until": moment_of(until).isoformat(timespec="milliseconds"),
        }  # fmt: skip
        client.publish(str(topic), json.dumps(order).encode(), qos=1)
        puback.wait(PATIENCE)
    finally:
        broker_url.leave(client)
    if not puback.is_set():
        none = Mendable("listen.no_packet", packet="PUBACK")
        raise NotHeard("silent", where=broker_url.parse(settings.mqtt), said=none)
    deadline = time.monotonic() + wait
    while (remaining := deadline - time.monotonic()) > 0 and ledger.entry(entry.id).answered is None:
        time.sleep(min(remaining, LOOK_EVERY))
    return ledger.entry(entry.id)


def _checked(registry: Registry, device: str, actuator: str, value: float, until: int, now: int) -> Device:
    target = registry.lookup(device)
    if target is None:
        raise NotSent("enrol.none", device=device)
    actuators = CARRIED.get(target.model, ())
    if actuator not in actuators:
        key = "order.other_actuator" if actuators else "order.no_actuator"
        raise NotSent(key, device=device, model=target.model, has=", ".join(actuators), actuator=actuator)
    if not 0 <= value <= 1:
        raise NotSent("order.set_range", value=value)
    if not now < until <= now + LONGEST_MS:
        raise NotSent("order.too_long")
    return target
