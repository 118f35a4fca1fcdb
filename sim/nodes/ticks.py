"""When a node measures: a grid of times."""

from typing import NamedTuple

DAY_MS = 24 * 3_600_000


class Ticks(NamedTuple):
    """A node's grid of times: tick number to epoch ms and back. `first`: its first tick."""

    interval: int
    phase: int
    first: int

    def time(self, tick: int) -> int:
        return tick * self.interval + self.phase

    def edge(self, tick: int) -> int:
        """Half an interval before a tick: where episodes begin and end."""
        return self.time(tick) - self.interval // 2

    def at(self, time: int) -> int:
        """The first tick at or after epoch ms `time`."""
        return -(-(time - self.phase) // self.interval)
