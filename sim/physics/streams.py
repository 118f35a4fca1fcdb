"""Random streams, their evolution from day to day, and the seed with what a scenario fixes.

A random number is the hash of a stream's name and an index: a day has the same numbers however far ahead days
are computed, and whoever asks. Everything simulated is a function of the seed, so what a scenario fixes
travels with the seed: to history, live running and shards alike. A plain number fixes nothing.
"""

import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from hashlib import sha256, sha512
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from devices.clock import HOUR_MS
from devices.pilots.levers import DieOff, Event, Hoppers, Rain, YearIs

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
_FIRST = date(2020, 1, 1)  # the anchor's day
E = TypeVar("E", Rain, Hoppers, DieOff)


def chance(seed: int, *what: object) -> bytes:
    """Return 32 bytes that depend only on the seed and `what`."""
    return sha256(_label(seed, what)).digest()


def draw(seed: int, *what: object) -> float:
    """Return a number from 0 to 1 that depends only on the seed and `what`."""
    return int.from_bytes(chance(seed, *what)[:8], "big") / 2**64


def draws(seed: int, *what: object) -> list[float]:
    """Return eight such numbers."""
    return [word / 2**64 for word in struct.unpack(">8Q", sha512(_label(seed, what)).digest())]


def _label(seed: int, what: Iterable[object]) -> bytes:
    return "/".join(map(str, (seed, *what))).encode()


def uniform(seed: int, stream: str, index: Index) -> Array:
    """Numbers in [0, 1) of a stream, by index: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    key = int.from_bytes(sha256(f"{seed}:{stream}".encode()).digest()[:8], "big")
    z = np.asarray(index).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53, dtype=np.float64)


def normal(seed: int, stream: str, days: int) -> Array:
    """Standard normal numbers of a stream, one a day (Box and Muller 1958)."""
    index = np.arange(days)
    radius = np.sqrt(-2 * np.log(1 - uniform(seed, stream, 2 * index)))
    return np.asarray(radius * np.cos(2 * np.pi * uniform(seed, stream, 2 * index + 1)))


# Cached, because streams of the province and of grid corners serve many places.
common = lru_cache(maxsize=128)(normal)


def noise(seed: int, stream: str, times: Index, step: int = HOUR_MS) -> Array:
    """Noise in [0, 1) that is linear between knots `step` ms apart."""
    knot, rest = np.divmod(times, step)
    left = uniform(seed, stream, knot)
    return np.asarray(left + (uniform(seed, stream, knot + 1) - left) * (rest / step))


def carried(gains: Array, kept: Array) -> Array:
    """y[i] = gains[i] + kept[i] y[i - 1], from 0 on: a scan in doubling steps (Hillis and Steele 1986)."""
    y, kept, step = gains.copy(), kept.copy(), 1
    while step < len(y):
        y[step:] += kept[step:] * y[:-step]
        kept[step:] *= kept[:-step]
        step *= 2
    return y


def persistent(shocks: Array, memory: float) -> Array:
    """First-order autoregression of unit variance, starting with the first shock."""
    gains = math.sqrt(1 - memory**2) * shocks
    gains[0] = shocks[0]
    return carried(gains, np.full(len(shocks), memory))


@dataclass(frozen=True, eq=False)
class Stage:
    """What a scenario fixes. `away`: producer id → spans (epoch ms) in which nobody keeps its diary."""

    years: tuple[YearIs, ...] = ()
    events: tuple[Event, ...] = ()
    away: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)


EMPTY = Stage()


class Seed(int):
    """A seed with a stage: the same number and streams, but unequal to a seed with another stage."""

    stage: Stage

    def __new__(cls, seed: int, stage: Stage) -> "Seed":
        staged_seed = super().__new__(cls, seed)
        staged_seed.stage = stage
        return staged_seed

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Seed) and int(self) == int(other) and self.stage is other.stage

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((int(self), id(self.stage)))


def stage(seed: int) -> Stage:
    """Return the stage of a seed."""
    return seed.stage if isinstance(seed, Seed) else EMPTY


def pinned(
    seed: int, what: Literal["pacific", "flood_m", "two_peaks", "salt_km"], years: int
) -> dict[int, float]:
    """Number of the year, from 2020 on → value that the stage fixes, for the first `years` years."""
    fixed = {one.year - _FIRST.year: getattr(one, what) for one in stage(seed).years}
    return {year: value for year, value in fixed.items() if value is not None and year < years}


def staged(seed: int, kind: type[E], place: str, days: int) -> list[tuple[E, slice]]:
    """Staged events of a kind at a place, each with its slice of the first `days` days since the anchor."""
    result = []
    for event in stage(seed).events:
        if isinstance(event, kind) and (not event.places or place in event.places):
            first, last = ((day - _FIRST).days for day in (event.start, event.stop))
            if first < days:
                result.append((event, slice(first, min(last, days))))
    return result
