"""Storms of connections: the mast of a place fails, and all its nodes come back together.

    every so often: one place ─► cut ─► DOWN_MS ─► restore ─► all nodes CONNECT and send what they kept

It rehearses how a broker and a gateway cope with that. In a node's own outages (`sim.nodes.faults`,
`sim.nodes.masts`) the radio fails; here the connection does.
"""

from collections import defaultdict
from collections.abc import Generator, Iterable
from typing import Any, Protocol

import simpy

from devices.clock import MINUTE_MS
from devices.contract.reading import Device
from sim.physics.streams import chance

DOWN_MS = 5 * MINUTE_MS  # Assumption: a mast takes this long to come back after a moment without power


class Cut(Protocol):
    """Owns the connections."""

    def cut(self, devices: Iterable[Device]) -> None:
        """Drop the connections of these devices at once."""

    def restore(self, devices: Iterable[Device]) -> None:
        """Let these devices connect again."""


def departure(
    env: simpy.Environment, device: Device, start: int, stop: int, line: Cut
) -> Generator[simpy.Event, Any, None]:
    """A process that takes away a node's connection from epoch ms `start` to `stop`, as when it is stolen."""
    yield env.timeout(max(0, start - int(env.now)))
    line.cut([device])
    yield env.timeout(stop - int(env.now))
    line.restore([device])


def storms(
    env: simpy.Environment, seed: int, devices: Iterable[Device], every: int, line: Cut
) -> Generator[simpy.Event, Any, None]:
    """A process that lets the mast of one place fail every `every` ms, but never two at a time.

    The same seed chooses the same places.
    """
    masts = defaultdict[str, list[Device]](list)
    for device in devices:
        masts[device.community].append(device)
    places, number = sorted(masts), 0
    while places:
        yield env.timeout(max(0, every - DOWN_MS) if number else every)
        luck = int.from_bytes(chance(seed, f"storm {number}", "mast")[:4], "big")
        nodes = masts[places[luck % len(places)]]
        line.cut(nodes)
        yield env.timeout(DOWN_MS)
        line.restore(nodes)
        number += 1
