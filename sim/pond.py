"""Fish pond of one place: oxygen, ammonia and the aerator that answers to them.

    yesterday's sunshine ─► oxygen before dawn ─► aerator on or off that night

Targets (FACTS): pangasius 25-34 °C, pH 7-8, oxygen 3-6.5 mg/L.
"""

from functools import cached_property

import numpy as np

from sim.water import Water
from sim.weather import Array, Moment, Weather, persistent

_LOWEST, _HIGHEST = 5.5, 15.5  # hour of least and most oxygen: before dawn, mid afternoon
# Assumption, mg/L: before dawn after a dark day, more after one of full sun, and its spread; what the
# day then adds, and more in full sun.
_DAWN, _BY_SUN, _SPREAD = 2.7, 1.8, 0.35
_BY_DAY, _BY_LIGHT = 1.2, 2.2
# Assumption: the aerator runs from 22 to 7 h when the morning would find less than 3.2, and gives 1.2.
_TOO_LOW, _AERATED, _ON, _OFF = 3.2, 1.2, 22.0, 7.0
_NITROGEN = 0.7  # Assumption: total ammonia, mg/L, within a factor of about two


class Pond:
    """A pond fed by the canal of its place."""

    def __init__(self, weather: Weather, water: Water) -> None:
        self._weather, self._water = weather, water

    @cached_property
    def _unaided(self) -> Array:
        """Oxygen each morning without an aerator: algae gave it the day before."""
        sun = self._weather.sun
        before = np.concatenate((sun[:1], sun[:-1]))
        return _DAWN + _BY_SUN * before + _SPREAD * persistent(self._weather.field("oxygen"), 0.6)

    @cached_property
    def _aerated(self) -> Array:
        """1 for each day whose morning is aerated."""
        return (self._unaided < _TOO_LOW).astype(np.float64)

    @cached_property
    def _oxygen(self) -> tuple[Array, Array]:
        low = np.maximum(self._unaided + _AERATED * self._aerated, 0.5)
        return low, low + _BY_DAY + _BY_LIGHT * self._weather.sun

    def oxygen(self, at: Moment) -> Array:
        """mg/L; lowest before dawn."""
        return at.swing(*self._oxygen, _LOWEST, _HIGHEST)

    def aerator(self, at: Moment) -> Array:
        """1 while it runs: from the evening before a poor morning."""
        morning = (at.hour < _OFF) * self._aerated[at.day]
        evening = (at.hour >= _ON) * self._aerated[at.day + 1]
        return np.asarray(morning + evening)

    @cached_property
    def _nitrogen(self) -> Array:
        return np.asarray(_NITROGEN * np.exp(0.35 * persistent(self._weather.field("ammonia"), 0.9)))

    def ammonia(self, at: Moment) -> Array:
        """Un-ionised ammonia, mg/L: its share of the total (Emerson et al. 1975)."""
        pka = 0.09018 + 2729.92 / (self._water.temperature(at) + 273.15)
        return np.asarray(at.between(self._nitrogen) / (1 + 10 ** (pka - self._water.ph(at))))
