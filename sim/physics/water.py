"""River and canal water at one place: flood season, tide, heat and what the water carries.

    flood season, tide ─► level
    discharge, tide, distance to the mouth ─► salt in the river ─► sluice ─► salt in the canal

Cao Lãnh is the reference (FACTS: its alarms 1.9/2.1/2.3 m); places up the Tiền river stand higher and
feel the tide less. Levels are metres above the zero of the alarms.
"""

import math
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from devices.clock import HOUR_MS
from sim.physics.actions import Run
from sim.physics.moment import YEAR, Moment, seasonal
from sim.physics.streams import Array, carried, noise, normal, persistent
from sim.physics.weather import Weather

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

# River mouths, degrees north and east. Assumption: places on the chart, within some 3 km: Cửa Tiểu, Cửa Đại,
# Hàm Luông, Cổ Chiên, Định An, Trần Đề.
_MOUTHS = ((10.27, 106.78), (10.19, 106.73), (9.95, 106.66), (9.81, 106.57), (9.53, 106.35), (9.50, 106.20))
_WINDING = 1.1  # Assumption: kilometres along the river for one of the crow
# Salt fades up the river as sea * exp(-(distance / front)^5.5). Exponent and February's front are fitted to
# the Tiền river in February 2023 (FACTS: 4.93 g/L at 42 km, 1.4 at 46, 0.16 at 51), within 8 %; Assumption:
# that was a usual year, and the mouth has 30 g/L. The 4 g/L line at 60 km in March 2020 (FACTS) is a front
# at 52.8 km: Assumption: the farthest there is.
_SEA, _STEEPNESS, _FRONT, _FARTHEST = 30.0, 5.5, 37.7, 52.8
_TRACE = 0.005  # g/L: half of what a probe resolves, taken off so that fresh water is fresh
# Assumption: discharge into the delta by month, 1,000 m3/s, as regulated by dams and the Tonle Sap; the
# front goes with its root; years' dry seasons vary by a quarter, the lower after a low flood.
_DISCHARGE = (7.0, 5.0, 4.2, 4.0, 4.8, 9.0, 14.0, 20.0, 25.0, 24.0, 17.0, 11.0)
_BY_FLOOD, _BY_CHANCE = 0.15, 0.2
# Assumption: a metre of tide carries salt 4 km up and down; published figures are those of an ordinary high
# water, 0.6 m over the mean.
_EXCURSION, _HIGH_WATER = 4.0, 0.6
# Assumption: behind a closed sluice salt fades in 5 days, behind an open one it follows the river in 6 hours.
_FRESHENS, _FOLLOWS = 5 * 24.0, 6.0
# 1 dS/m is some 0.64 g/L of salts (Ayers and Westcot, FAO Irrigation and Drainage Paper 29, 1985).
_SALT = 0.64
# Assumption: canal pH by month; acid sulphate soils drain with the first rains, May to July.
_PH = (7.2, 7.2, 7.2, 7.1, 6.8, 6.7, 6.8, 6.9, 7.0, 7.1, 7.2, 7.2)
# Assumption: dS/m by month; the flood dilutes.
_CONDUCTIVITY = (0.20, 0.22, 0.25, 0.27, 0.26, 0.23, 0.20, 0.17, 0.15, 0.15, 0.17, 0.19)


def lagging(daily: Array, days: float) -> Array:
    """A mean of about the last `days`, the latest weighing most."""
    gains = daily / days
    gains[0] = daily[0]
    return carried(gains, np.full(len(daily), 1 - 1 / days))


def distance(lat: float, lon: float) -> float:
    """Kilometres along the river to the nearest mouth of the Mekong."""
    a = np.radians(np.array(_MOUTHS) - (lat, lon))
    across = a[:, 1] * np.cos(np.radians(lat))  # flat over 200 km, within 1 %
    return float(6371 * _WINDING * np.hypot(a[:, 0], across).min())


def salt(kilometres: Array | float, front: Array | float) -> Array:
    """g/L at a distance to the mouth, for a front in km."""
    fade = (np.maximum(kilometres, 0) / front) ** _STEEPNESS
    return np.maximum(_SEA * np.exp(-fade) - _TRACE, 0)


class Water:
    """The canal that a place draws from; `sluice` is what its sluice was told, open where nothing."""

    def __init__(self, weather: Weather, sluice: Sequence[Run] = (), kilometres: float | None = None) -> None:
        self._weather, self.sluice = weather, Sluice(sluice)
        self._kilometres = distance(weather.lat, weather.lon) if kilometres is None else kilometres
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
        hours = (at.times - _NEW_MOON) / HOUR_MS - _LATER * self._up
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
        return lagging(self._weather.mean, 5) + 1

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
        """dS/m. Assumption: fresh water within some 15 % of the month's, 0.02 more for a metre of tide."""
        month = seasonal(_CONDUCTIVITY, at.day + at.hour / 24)
        fresh = month * np.exp(0.08 * at.between(self._mixture)) + 0.02 * self.tide(at)
        return np.asarray(fresh + self.salinity(at) / _SALT)

    @cached_property
    def _front(self) -> Array:
        """How far salt reaches on each day, km."""
        weather, day = self._weather, self._weather.day
        year = ((day + YEAR - _HIGHEST) // YEAR).astype(np.int64)  # a dry season begins at the flood's peak
        count = int(year[-1]) + 1
        flood_before = np.concatenate(([0.0], normal(weather.seed, "flood", count)[:-1]))
        odd = _BY_FLOOD * flood_before + _BY_CHANCE * normal(weather.seed, "discharge", count)
        odd = odd[year] * (1 - np.minimum(self.flood, 1))  # the flood itself knows nothing of it
        share = seasonal(_DISCHARGE, day) / _DISCHARGE[1] * np.exp(odd)
        return np.asarray(np.minimum(_FRONT / np.sqrt(share), _FARTHEST))

    def _river(self, at: Moment) -> Array:
        """g/L outside the sluice."""
        below = _HIGH_WATER * self._tide - self.tide(at)
        return salt(self._kilometres + _EXCURSION * below, at.between(self._front))

    def salinity(self, at: Moment) -> Array:
        """g/L."""
        return self.sluice.inside(self._river, at)

    def turbidity(self, at: Moment) -> Array:
        """NTU. Assumption: 25 when dry, 140 more with the flood's silt, 1.5 a mm of two days' rain; boats
        stir it by a quarter."""
        weather = self._weather
        boats = 0.75 + 0.5 * noise(weather.seed, f"boats@{weather.place}", at.times, 2 * HOUR_MS)
        rain = weather.rained(at) - weather.rained(at.ago(48))
        return (25 + 140 * at.between(self.flood) + 1.5 * rain) * boats


class Sluice:
    """The sluice of a place: told its opening by `runs`, fully open where told nothing."""

    def __init__(self, runs: Sequence[Run]) -> None:
        pieces: list[tuple[int, float]] = []
        for number, (start, stop, opening) in enumerate(runs):
            pieces.append((start, opening))
            if number + 1 == len(runs) or runs[number + 1][0] > stop:
                pieces.append((stop, 1.0))
        self._start = np.array([start for start, _ in pieces], dtype=np.int64)
        self._opening = np.array([opening for _, opening in pieces])

    def opening(self, at: Moment) -> Array:
        """0 closed to 1 open."""
        return np.concatenate(([1.0], self._opening))[np.searchsorted(self._start, at.times, "right")]

    def inside(self, river: Callable[[Moment], Array], at: Moment) -> Array:
        """Salt behind the sluice, g/L, for the salt before it: the river's until the first command.

        From each command on it draws near to its opening's share of the river's, from what it was then.
        """
        outside = river(at)
        known = int(np.searchsorted(self._start, at.times.max(), "right"))  # commands until then
        if not known:
            return outside
        start, opening = self._start[:known], self._opening[:known]
        pace = opening / _FOLLOWS + (1 - opening) / _FRESHENS
        before = river(Moment(start))
        inside, away = float(before[0]), []  # how far off the share at each command
        for number in range(known):
            away.append(inside - opening[number] * before[number])
            if number + 1 < known:
                fades = math.exp(-pace[number] * (start[number + 1] - start[number]) / HOUR_MS)
                inside = opening[number] * before[number + 1] + away[-1] * fades
        last = np.searchsorted(start, at.times, "right") - 1
        piece = np.maximum(last, 0)
        since = np.maximum(at.times - start[piece], 0) / HOUR_MS
        behind = opening[piece] * outside + np.array(away)[piece] * np.exp(-pace[piece] * since)
        return np.where(last < 0, outside, np.maximum(behind, 0))
