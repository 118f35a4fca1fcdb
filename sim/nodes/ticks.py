"""When a node measures: a grid of times, shifted for each node."""

from typing import NamedTuple

from sim.physics.streams import Index, chance


class Ticks(NamedTuple):
    """A node's grid of times, which converts tick numbers to epoch ms and back. `first` is its first tick."""

    interval: int
    phase: int
    first: int

    def time(self, tick: int) -> int:
        return tick * self.interval + self.phase

    def edge(self, tick: int) -> int:
        """Half an interval before a tick, where episodes begin and end."""
        return self.time(tick) - self.interval // 2

    def at(self, time: int) -> int:
        """The number of the first tick at or after epoch ms `time`, even before the node exists."""
        return -(-(time - self.phase) // self.interval)

    def after(self, time: int) -> int:
        """Epoch ms of the first tick after epoch ms `time` at which the node exists."""
        return self.time(max(self.at(time + 1), self.first))

    def numbers(self, times: Index) -> Index:
        """The tick numbers of these grid times; they are the messages' `seq`."""
        return times // self.interval


def grid(seed: int, device: str, interval: int, since: int) -> Ticks:
    """Return the ticks of a node that measures every `interval` ms from epoch ms `since` on.

    Each node has its own phase of the interval, so that they do not all report at once.
    """
    phase = int.from_bytes(chance(seed, device, "phase")[:4], "big") % interval
    endless = Ticks(interval, phase, 0)
    return endless._replace(first=endless.at(since))
