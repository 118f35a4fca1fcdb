"""Idle work of live running: measures the nodes' day ahead, then drops the world's years from memory.

    a new day (UTC) ─► one node after the other asks the world for its whole day ─► the world forgets

A place is computed from 2020 on, which takes some 2 MB, and a node asks for one day at a time, so nobody
needs the years between two days. If something asks for them all the same (a command, a diary, a radio in the
rain), they are computed again.
"""

from collections.abc import Iterator, Sequence

from devices.clock import DAY_MS, HOUR_MS
from devices.processes import give_back
from sim.nodes.node import Node
from sim.physics.world import World

# a day takes a quarter of an hour; at a higher speed, recomputing the years would be noticeable
FASTEST = 100.0


class Foresight:
    """Prepares each day of these nodes, and then frees the world's memory."""

    def __init__(self, nodes: Sequence[Node], world: World) -> None:
        self._nodes, self._world = nodes, world
        self._day = self._again = 0
        self._remaining: Iterator[Node] = iter(())

    def look(self, now: int) -> bool:
        """Do one small step at epoch ms `now`; returns False if nothing is left to do. What others compute
        meanwhile is forgotten within an hour.
        """
        if now // DAY_MS != self._day:
            self._day, self._again, self._remaining = now // DAY_MS, now, iter(self._nodes)
        node = next(self._remaining, None)
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
