"""When a node measures: a grid of times, each node beside the others."""

from typing import NamedTuple

from sim.physics.streams import Index, chance


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
        """The number of the first tick at or after epoch ms `time`, whether the node exists then or not."""
        return -(-(time - self.phase) // self.interval)

    def after(self, time: int) -> int:
        """Epoch ms of the first tick after epoch ms `time` at which the node exists."""
        return self.time(max(self.at(time + 1), self.first))

    def numbers(self, times: Index) -> Index:
        """The tick numbers of these times of the grid; a message has its tick's as `seq`."""
        return times // self.interval


def grid(seed: int, device: str, interval: int, since: int) -> Ticks:
    """The ticks of a node that measures every `interval` ms from epoch ms `since` on.

    Each node reports at its own phase of the interval, so that they do not report all at once.
    """
    phase = int.from_bytes(chance(seed, device, "phase")[:4], "big") % interval
    endless = Ticks(interval, phase, 0)
    return endless._replace(first=endless.at(since))
