"""What a node says: its readings, and how each travels."""

from typing import NamedTuple

from devices.contract.reading import Reading
from sim.nodes.span import NO_CLOCK

# What the contract believes of a clock (DESIGN section 3): not before 2020, not 5 minutes ahead.
YEAR_2020_MS, AHEAD_MS = 1_577_836_800_000, 300_000


class Message(NamedTuple):
    """A reading as its message travels: `clock`: it carries a timestamp; epoch ms as in Span."""

    reading: Reading
    clock: bool
    arrives: int
    again: int


def believed(claims: list[int], arrives: list[int]) -> tuple[list[int], list[int | None]]:
    """Times to store, and what a clock said that is not believed, as the contract has it."""
    times, notbelieved = [], list[int | None]()
    for claim, arrival in zip(claims, arrives, strict=True):
        good = YEAR_2020_MS <= claim <= arrival + AHEAD_MS
        times.append(claim if good else arrival)
        notbelieved.append(None if good or claim == NO_CLOCK else claim)
    return times, notbelieved
