"""Commands on their way: checked, written down, sent by the account `operator`, and the answer awaited.

    order ─► may this device do that? ─► ledger ─► MQTT `command` ─► device ─► MQTT `result` ─► ledger

People (`hoiquan device command`) and the advice go the same road. A command is good until its time is over,
so one that is delivered late does nothing.
"""

import json
import time
from queue import Empty
from secrets import token_hex

from pydantic import ValidationError

from devices.access.registry import Registry
from devices.clock import moment_of, now_ms
from devices.contract.orders import CARRIED, LONGEST_MS, Answer
from devices.contract.reading import Device
from devices.contract.topics import Topic
from devices.settings import Settings
from devices.texts import Misuse
from gateway.control.client import PATIENCE, connected
from gateway.control.ledger import SENDER, Entry, Ledger


class NotSent(Misuse):
    """The command cannot be sent; the sentence says why and what would do."""


def dispatch(
    settings: Settings, registry: Registry, ledger: Ledger,
    device: str, actuator: str, value: float, until: int, by: str, wait: float = PATIENCE,
) -> Entry:  # fmt: skip
    """Send a command and wait up to `wait` seconds for the answer; returns what is recorded of it. `value`: 0
    off or closed to 1 on or open; `until`: epoch ms. Raises NotSent, NotHeard, RegistryAway.
    """
    now = now_ms()
    target = _checked(registry, device, actuator, value, until, now)
    entry = Entry(token_hex(8), device, actuator, value, by[:SENDER], now, until)
    topic = Topic(target.pilot, target.community, device, "command")
    client, heard = connected(settings, "operator", settings.operator_password.get_secret_value())
    try:
        client.subscribe(str(topic._replace(kind="result")), qos=1)
        ledger.sent(entry)
        order = {
            "id": entry.id, "actuator": actuator, "set": value,
            "until": moment_of(until).isoformat(timespec="milliseconds"),
        }  # fmt: skip
        client.publish(str(topic), json.dumps(order).encode(), qos=1)
        deadline = time.monotonic() + wait
        while (left := deadline - time.monotonic()) > 0:
            try:
                answer = Answer.model_validate_json(heard.get(timeout=left).payload)
            except (Empty, ValidationError):
                continue
            if answer.id == entry.id:
                ledger.answered(entry.id, answer.ok, answer.error)
                break
    finally:
        client.disconnect()
        client.loop_stop()
    return next(one for one in ledger.entries(50, device) if one.id == entry.id)


def _checked(registry: Registry, device: str, actuator: str, value: float, until: int, now: int) -> Device:
    target = registry.lookup(device)
    if target is None:
        raise NotSent("enrol.none", device=device)
    there = CARRIED.get(target.model, ())
    if actuator not in there:
        key = "order.other_actuator" if there else "order.no_actuator"
        raise NotSent(key, device=device, model=target.model, has=", ".join(there), actuator=actuator)
    if not 0 <= value <= 1:
        raise NotSent("order.set_range", value=value)
    if not now < until <= now + LONGEST_MS:
        raise NotSent("order.too_long")
    return target
