"""Commands to simulated nodes: `{"id","actuator","set","until"}` ─► an action in the world ─► `result`.

Every command gets an answer. MQTT delivers at least once, so a command that comes twice is answered twice but
carried out once. A command that cannot be carried out is refused with a sentence that says what would be
right.
"""

import json
from collections import OrderedDict
from typing import Any

from devices.contract.orders import CARRIED, LONGEST_MS, Order, parse_order
from devices.contract.payloads import MAX_BYTES, PayloadError, parse_time
from sim.nodes.node import Node
from sim.physics.actions import Action, Actions

_REMEMBERED = 100  # Assumption: answers that a node remembers; older commands are past their `until` by then


class Control:
    """Carries out commands to these nodes by adding to `actions`, the world's log."""

    def __init__(self, actions: Actions, nodes: list[Node]) -> None:
        self._actions = actions
        self._nodes = {node.device.device: node for node in nodes if node.device.model in CARRIED}
        self._answers: dict[str, OrderedDict[str, bytes]] = {}

    def answer(self, device: str, payload: bytes, now: int) -> bytes:
        """Carry out a command to `device` from epoch ms `now` on; returns the payload for `result`."""
        try:
            command = parse_order(payload)
        except ValueError as error:
            return _result(_id(payload), str(error))
        answers = self._answers.setdefault(device, OrderedDict())
        if command.id not in answers:
            answers[command.id] = _result(command.id, self._do(device, command, now))
            if len(answers) > _REMEMBERED:
                answers.popitem(last=False)
        return answers[command.id]

    def _do(self, device: str, command: Order, now: int) -> str | None:
        """Carry out an order; returns None when done, else why not."""
        node = self._nodes.get(device)
        actuators = CARRIED[node.device.model] if node else ()
        actuator = next((name for name in actuators if name == command.actuator), None)
        if node is None or actuator is None:
            has = ", ".join(actuators) if actuators else "none"
            return f"this device has no actuator {command.actuator[:80]!r}; it has: {has}"
        try:
            until = command.until if isinstance(command.until, int) else parse_time(command.until)
        except PayloadError:
            return "until: write RFC 3339 with a zone, or epoch milliseconds"
        if until <= now:
            return f"until {until} has passed, it is {now}: nothing was done; send a later one"
        if until > now + LONGEST_MS:
            return "until is more than 31 days ahead: send the command again later"
        if node.since > now:
            return "this device is not installed yet"
        self._actions.add(Action(node.device.community, node.plot, actuator, float(command.set), now, until))
        return None


def _id(payload: bytes) -> str | None:
    """Return the id of a command that is otherwise wrong, so that its sender knows which one it was."""
    try:
        order: Any = json.loads(payload[:MAX_BYTES])
    except (ValueError, RecursionError):
        return None
    name = order.get("id") if isinstance(order, dict) else None
    return name[:64] if isinstance(name, str) else None


def _result(name: str | None, error: str | None) -> bytes:
    return json.dumps({"id": name, "ok": error is None, "error": error}).encode()
