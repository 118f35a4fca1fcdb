"""Threats to a field: planthoppers in the light trap, and wet leaves on which blights grow.

Brown planthopper, rầy nâu (FACTS): one peak of the light traps a month, three a crop; in the low season 2 to
81 a trap and night.
"""

from functools import cached_property

import numpy as np

from devices.pilots.levers import Hoppers
from sim.physics.growing import phase
from sim.physics.moment import MONTH, YEAR, Moment, smooth
from sim.physics.streams import Array, staged
from sim.physics.weather import Weather

_QUIET, _SPREAD = 13.0, 0.8  # a night in the low season: the median is 13, and 95 % lie between 2.6 and 64
# Assumption: a peak night brings some 1,500 in the winter-spring crop (around 10 February) and 900 in the
# summer-autumn crop (around 5 July), over two months each; a peak lasts about a week.
_CROPS = ((41.0, 1500.0), (186.0, 900.0))
_CROP_DAYS, _SHARPNESS = 30.0, 8.0
_DUSK, _NIGHT = 18.0, 5.0  # Assumption: flight from 18 to 23 h; a wet day halves it


class Pests:
    """The light trap and the leaves of one place."""

    def __init__(self, weather: Weather) -> None:
        self._weather = weather

    @cached_property
    def nights(self) -> Array:
        """Planthoppers a trap each night."""
        weather = self._weather
        wave = np.exp(_SHARPNESS * (np.cos(2 * np.pi * (weather.day - phase(weather.seed)) / MONTH) - 1))
        crops = np.zeros(len(weather.day))
        for middle, most in _CROPS:
            away = (weather.day - middle + YEAR / 2) % YEAR - YEAR / 2
            crops += most * np.exp(-((away / _CROP_DAYS) ** 2) / 2)
        chance = np.exp(_SPREAD * weather.field("planthopper"))
        flying = _QUIET * chance + crops * wave * np.sqrt(chance)
        for event, days in staged(weather.seed, Hoppers, weather.place, len(flying)):
            share = np.arange(0.5, (event.stop - event.start).days) / (event.stop - event.start).days
            flying[days] *= (1 + (event.times - 1) * np.sin(np.pi * share))[: len(flying[days])]
        return np.asarray(flying * np.where(weather.wet, 0.5, 1))

    @cached_property
    def _caught(self) -> Array:
        return np.concatenate(([0.0], np.cumsum(self.nights)))

    def caught(self, at: Moment) -> Array:
        """The number of planthoppers in the trap since the anchor; it never falls."""
        night = smooth((at.hour - _DUSK) / _NIGHT)
        return np.floor(self._caught[at.day] + self.nights[at.day] * night)

    def leaf_wetness(self, at: Moment) -> Array:
        """Leaf wetness, %. Assumption: dew from 90 % humidity on; leaves dry in 2 h after 0.5 mm of rain."""
        weather = self._weather
        dew = (weather.humidity(at) - 90) / 8
        rain = (weather.rained(at) - weather.rained(at.ago(2))) / 0.5
        return 100 * np.clip(np.maximum(dew, rain), 0, 1)
