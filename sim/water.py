"""River and canal water at one place: flood season, tide, heat and what the water carries.

Cao Lãnh is the reference (FACTS: its alarms 1.9/2.1/2.3 m); places up the Tiền river stand higher and
feel the tide less. Levels are metres above the zero of the alarms.
"""

from functools import cached_property

import numpy as np

from sim.weather import HOUR, YEAR, Array, Moment, Weather, noise, normal, persistent, seasonal

# Assumption: the mean level of the dry season and of the day of the peak; with the tide on top the
# year's highest water at Cao Lãnh is about 2.25 m (FACTS: 2.24 m on 7 Oct 2024, forecast 2.55 to 2.65 m
# in October 2025), give or take 0.2 m.
_DRY, _PEAK, _PEAK_SPREAD = 0.6, 1.82, 0.2
# Days of the year: water rises from mid June, is highest around 7 October (FACTS: season July-November,
# 7 Oct 2024), gone by new year. Assumption: half cosines between.
_RISES, _HIGHEST, _GONE = 166.0, 280.0, 365.0
# Steps from Cao Lãnh (10.46 N, 105.63 E) to the north-west, degrees of latitude plus of longitude.
# Tân Châu lies 0.73 up the river, its alarm I is 3.5 m: 1.84 times Cao Lãnh's (FACTS).
_CAO_LANH, _SLOPE = (10.46, 105.63), 0.84 / 0.73
# Tide: period in hours (Schureman 1958, Table 2) and amplitude in m at Cao Lãnh at low discharge.
# Assumption: amplitudes; phases agree at the new moon of 25 January 2020 (tide is 3.5 h later a step).
_TIDE = ((12.4206, 0.35), (12.0, 0.12), (23.9345, 0.22), (25.8193, 0.16))
_NEW_MOON = 1_579_902_120_000
_LATER = 3.5

# FACTS: the old province is fresh all year (salt stops some 60 km from the mouth even in March 2020).
_SALINITY = 0.0
# Assumption: canal pH by month; acid sulphate soils drain with the first rains, May to July.
_PH = (7.2, 7.2, 7.2, 7.1, 6.8, 6.7, 6.8, 6.9, 7.0, 7.1, 7.2, 7.2)
# Assumption: dS/m by month; the flood dilutes.
_CONDUCTIVITY = (0.20, 0.22, 0.25, 0.27, 0.26, 0.23, 0.20, 0.17, 0.15, 0.15, 0.17, 0.19)


class Water:
    """The canal that a place draws from."""

    def __init__(self, weather: Weather) -> None:
        self._weather = weather
        self._up = (weather.lat - _CAO_LANH[0]) - (weather.lon - _CAO_LANH[1])
        self._higher = float(np.clip(1 + _SLOPE * self._up, 0.7, 1.9))
        self._tide = float(np.clip(1 - 0.6 * self._up, 0.4, 1.2))

    @cached_property
    def flood(self) -> Array:
        """How far each day's water stands between dry season (0) and a usual year's peak (1)."""
        day = self._weather.day
        of_year = day % YEAR
        rise = np.clip((of_year - _RISES) / (_HIGHEST - _RISES), 0, 1)
        fall = np.clip((of_year - _HIGHEST) / (_GONE - _HIGHEST), 0, 1)
        year = (day // YEAR).astype(np.int64)
        peak = _PEAK + _PEAK_SPREAD * normal(self._weather.seed, "flood", int(year[-1]) + 1)[year]
        course = (1 - np.cos(np.pi * rise)) / 2 * (1 + np.cos(np.pi * fall)) / 2
        return np.asarray(course * (peak - _DRY) / (_PEAK - _DRY))

    @cached_property
    def _surge(self) -> Array:
        """Assumption: wind and releases upstream move the level by 4 cm over some days."""
        days = len(self._weather.day)
        return 0.04 * persistent(normal(self._weather.seed, "surge", days), 0.8)

    def tide(self, at: Moment) -> Array:
        """m. Assumption: the peak of the flood leaves 0.4 of the dry season's tide."""
        hours = (at.times - _NEW_MOON) / HOUR - _LATER * self._up
        waves = sum(height * np.cos(2 * np.pi * (hours / period % 1)) for period, height in _TIDE)
        return np.asarray(waves * self._tide * (1 - 0.6 * np.minimum(at.between(self.flood), 1.2)))

    def level(self, at: Moment) -> Array:
        """m. Assumption: a day's rain lifts a canal by 2 mm for each mm."""
        mean = (_DRY + (_PEAK - _DRY) * at.between(self.flood)) * self._higher
        rain = self._weather.rained(at) - self._weather.rained(at.ago(24))
        return np.asarray(mean + at.between(self._surge) + self.tide(at) + 0.002 * rain)

    @cached_property
    def _mean_temperature(self) -> Array:
        """Assumption: the air's mean of about five days, 1 °C warmer."""
        mean, out = self._weather.mean.tolist(), []
        state = mean[0]
        for value in mean:
            state += (value - state) / 5
            out.append(state)
        return np.array(out) + 1

    def temperature(self, at: Moment) -> Array:
        """°C. Assumption: 0.8 warmer at 16 h, 0.8 colder at 4 h."""
        return np.asarray(at.between(self._mean_temperature) + 0.8 * np.cos(2 * np.pi * (at.hour - 16) / 24))

    @cached_property
    def _mixture(self) -> Array:
        """What comes down the canal from day to day, about 0 and mostly within 2."""
        return persistent(self._weather.field("canal"), 0.9)

    def ph(self, at: Moment) -> Array:
        """Assumption: algae move it by 0.1 over the day, what comes down the canal by 0.05."""
        algae = 0.1 * np.cos(2 * np.pi * (at.hour - 15) / 24)
        return seasonal(_PH, at.day + at.hour / 24) + algae + 0.05 * at.between(self._mixture)

    def conductivity(self, at: Moment) -> Array:
        """dS/m; fresh. Assumption: within some 15 % of the month's, 0.02 more for a metre of tide."""
        month = seasonal(_CONDUCTIVITY, at.day + at.hour / 24)
        return month * np.exp(0.08 * at.between(self._mixture)) + 0.02 * self.tide(at)

    def salinity(self, at: Moment) -> Array:
        """g/L."""
        return np.full(at.day.shape, _SALINITY)

    def turbidity(self, at: Moment) -> Array:
        """NTU. Assumption: 25 when dry, 140 more with the flood's silt, 1.5 a mm of two days' rain; boats
        stir it by a quarter."""
        weather = self._weather
        boats = 0.75 + 0.5 * noise(weather.seed, f"boats@{weather.place}", at.times, 2 * HOUR)
        rain = weather.rained(at) - weather.rained(at.ago(48))
        return (25 + 140 * at.between(self.flood) + 1.5 * rain) * boats
