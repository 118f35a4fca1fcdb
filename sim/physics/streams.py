"""Random streams, and what becomes of their numbers from one day to the next.

A random number is the hash of a stream's name and an index: a day has the same numbers however far ahead
the days are computed, and whoever asks.
"""

import math
from functools import lru_cache
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from devices.clock import HOUR_MS

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


def uniform(seed: int, stream: str, index: Index) -> Array:
    """Numbers in [0, 1) of a stream, by index: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    key = int.from_bytes(sha256(f"{seed}:{stream}".encode()).digest()[:8], "big")
    z = np.asarray(index).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53, dtype=np.float64)


@lru_cache(maxsize=512)  # streams of the province and of corners serve many places
def normal(seed: int, stream: str, days: int) -> Array:
    """Standard normal numbers of a stream, one a day (Box and Muller 1958)."""
    index = np.arange(days)
    radius = np.sqrt(-2 * np.log(1 - uniform(seed, stream, 2 * index)))
    return np.asarray(radius * np.cos(2 * np.pi * uniform(seed, stream, 2 * index + 1)))


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
    """First-order autoregression of unit variance that begins with its first shock."""
    gains = math.sqrt(1 - memory**2) * shocks
    gains[0] = shocks[0]
    return carried(gains, np.full(len(shocks), memory))
