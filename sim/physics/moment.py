"""The days of the simulated world, moments in them, and curves over the year."""

from functools import cached_property, lru_cache

import numpy as np

from devices.clock import DAY_MS, HOUR_MS
from sim.physics.streams import Array, Index

ANCHOR = 1_577_811_600_000  # 2020-01-01T00:00+07:00, the first day, epoch ms
# days; the anchor's year is a leap year, so years begin within a day of these
YEAR, MONTH = 365.25, 365.25 / 12


class Moment:
    """Times (epoch ms), none before the anchor, split into the Vietnamese day since then and the hour."""

    def __init__(self, times: Index) -> None:
        self.times = np.maximum(times, ANCHOR)
        self.day, rest = np.divmod(self.times - ANCHOR, DAY_MS)
        self.hour: Array = rest / HOUR_MS

    @cached_property
    def _noons(self) -> tuple[Index, Array]:
        """The day of the last noon, and the share of the way to the next noon."""
        position = np.maximum(self.day + self.hour / 24 - 0.5, 0)
        before = position.astype(np.int64)
        return before, position - before

    def ago(self, hours: float) -> "Moment":
        return Moment(self.times - round(hours * HOUR_MS))

    def between(self, daily: Array) -> Array:
        """Interpolate linearly between daily values, which stand at noon."""
        before, share = self._noons
        left = daily[before]
        return left + (daily[before + 1] - left) * share

    def swing(self, low: Array, high: Array, low_hour: float, high_hour: float) -> Array:
        """Half cosines through each day's low and high (de Wit et al. 1978, the WAVE curve)."""
        owner = np.maximum(self.day - (self.hour < low_hour), 0)
        since, up = (self.hour - low_hour) % 24, high_hour - low_hour
        rising = since < up
        start = np.where(rising, low[owner], high[owner])
        end = np.where(rising, high[owner], low[owner + 1])
        phase = np.where(rising, since / up, (since - up) / (24 - up))
        return np.asarray(start + (end - start) * (1 - np.cos(np.pi * phase)) / 2)


@lru_cache
def _knots(months: tuple[float, ...], lengths: tuple[float, ...]) -> Array:
    """Mid-month values whose linear course has these monthly means, with months of equal length."""
    near = np.roll(np.eye(12), 1, axis=1) + np.roll(np.eye(12), -1, axis=1)
    return np.asarray(np.linalg.solve((6 * np.eye(12) + near) / 8, np.divide(months, lengths)), np.float64)


def seasonal(months: tuple[float, ...], day: Index | Array, lengths: tuple[float, ...] = (1,)) -> Array:
    """Return a curve over the year that keeps monthly means, or sums over months of `lengths` days."""
    return np.interp(day % YEAR / MONTH, np.arange(12) + 0.5, _knots(months, lengths), period=12)


def smooth(x: Array) -> Array:
    """Rise from 0 to 1 without a corner, as x goes from 0 to 1."""
    x = np.clip(x, 0, 1)
    return np.asarray(x * x * (3 - 2 * x))
