"""Storms of connections: the mast of a place fails, and all its nodes come back together.

    every so often: one place ─► cut ─► DOWN_MS ─► restore ─► CONNECT, and what was kept, of all of them

What a broker and a gateway make of that, nobody knows who has not rehearsed it. A node's own outages are
others (`sim.nodes.faults`, `sim.nodes.masts`): there the radio fails, here the connection.
"""

from collections import defaultdict
from collections.abc import Generator, Iterable
from typing import Any, Protocol

import simpy

from devices.clock import MINUTE_MS
from devices.contract.reading import Device
from sim.physics.streams import chance

DOWN_MS = 5 * MINUTE_MS  # Assumption: a mast whose power fails for a moment is as long in coming back


class Cut(Protocol):
    """What has the connections."""

    def cut(self, devices: Iterable[Device]) -> None:
        """They are gone at once."""

    def restore(self, devices: Iterable[Device]) -> None:
        """They may come back."""


def departure(
    env: simpy.Environment, device: Device, start: int, stop: int, line: Cut
) -> Generator[simpy.Event, Any, None]:
    """A process that takes the connection of a node away, from epoch ms `start` to `stop`, as when it is
    stolen.
    """
    yield env.timeout(max(0, start - int(env.now)))
    line.cut([device])
    yield env.timeout(stop - int(env.now))
    line.restore([device])


def storms(
    env: simpy.Environment, seed: int, devices: Iterable[Device], every: int, line: Cut
) -> Generator[simpy.Event, Any, None]:
    """A process that lets one place's mast fail each `every` ms, at the earliest when the last one is over.
    Same seed, same places.
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
