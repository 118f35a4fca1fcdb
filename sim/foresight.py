"""What live running does while nothing is due: nodes measure their day, then the world's years leave memory.

    a new day (UTC) ─► one node after the other asks the world for all of its day ─► the world forgets

A place is computed from 2020 on, some 2 MB of it, and a node asks for a day at a time: between two days
nobody needs it. What asks all the same has it computed again: a command, a diary, a radio in the rain.
"""

from collections.abc import Iterator, Sequence

from devices.clock import DAY_MS, HOUR_MS
from devices.processes import give_back
from sim.nodes.node import Node
from sim.physics.world import World

FASTEST = 100.0  # a day takes a quarter of an hour: faster, computing the years again would be felt


class Foresight:
    """Of these nodes, who measure this world."""

    def __init__(self, nodes: Sequence[Node], world: World) -> None:
        self._nodes, self._world = nodes, world
        self._day = self._again = 0
        self._left: Iterator[Node] = iter(())

    def look(self, now: int) -> bool:
        """Do a little of it, at epoch ms `now`; False: there is nothing more to do. What others asked for is
        forgotten within an hour.
        """
        if now // DAY_MS != self._day:
            self._day, self._again, self._left = now // DAY_MS, now, iter(self._nodes)
        node = next(self._left, None)
        if node is not None:
            tick = node.ticks.after(now - 1)
            if tick // DAY_MS == self._day:
                node.sensors.healthy(tick, tick + 1)
            return True
        if now >= self._again:
            self._again = now + HOUR_MS
            self._world.forget()
            give_back()
        return False
