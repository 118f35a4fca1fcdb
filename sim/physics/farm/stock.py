"""Fish of a pond through their cycles: their weight on each day, and their feed.

    calendar ─► crops (growing.py) ─► biomass ─► feed ─► oxygen and ammonia (pond.py)

Fish are stocked, grow for six to eight months and are caught in a few days; then the pond lies fallow.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from sim.physics.growing import Grown
from sim.physics.streams import Array


class Kind(NamedTuple):
    """A kind of animal: its pond is `depth` m deep; it weighs `young` kg when stocked, `grown` at the end."""

    depth: float
    young: float
    grown: float


# Assumption: usual sizes and depths of the delta's ponds. Without a calendar they hold fish for the
# household.
HOUSEHOLD = "household"
KINDS = {
    "pangasius": Kind(4.0, 0.025, 0.85),
    "shrimp": Kind(1.4, 0.0002, 0.02),
    HOUSEHOLD: Kind(2.0, 0.02, 0.5),
}
_SURVIVE = 0.8  # Assumption: share of those stocked; the others are lost evenly over the cycle
CONVERSION = 1.6  # Assumption: kg of feed for each kg that the stock gains (1.5 to 1.7 is usual)


class Stock(NamedTuple):
    """Values by day from the anchor on: `biomass` and `feed`, kg a m2 of pond; `begins`: days of stocking."""

    biomass: Array
    feed: Array
    begins: frozenset[int]


def stock(kind: Kind, cycles: Iterable[Grown], days: int) -> Stock:
    """Grow the stock: the cube root of weight grows evenly in constant warmth (Iwama and Tautz 1981)."""
    biomass, feed, begins = np.zeros(days), np.zeros(days), set()
    for cycle in cycles:
        day = np.arange(max(cycle.sown, 0), min(cycle.picked[-1], days))
        if not len(day):
            continue
        begins.add(int(day[0]))
        age = np.minimum((np.array([day, day + 1]) - cycle.sown) / (cycle.picked[0] - cycle.sown), 1)
        young, grown = np.cbrt(kind.young), np.cbrt(kind.grown)
        living = (1 - (1 - _SURVIVE) * age) / _SURVIVE  # for each fish that is caught
        mass = (young + (grown - young) * age) ** 3 * living / kind.grown * sum(cycle.kg_ha) / 1e4
        remaining = np.ones(len(day))
        for first, caught in zip(cycle.picked, cycle.kg_ha, strict=True):
            remaining[day >= first] -= caught / sum(cycle.kg_ha)
        biomass[day] = mass[0] * remaining
        feed[day] = CONVERSION * (mass[1] - mass[0]) * remaining
    return Stock(biomass, feed, frozenset(begins))
