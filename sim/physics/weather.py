"""Weather of one place: daily values from 2020-01-01 on, and values at any moment in between.

    random streams ─► rain, sunshine, temperature of each day ─► values at a Moment

Everything is a function of (seed, place, time). Neighbours share random streams: one for the province, four
for the surrounding corners of a grid of 0.25 degree, one for the place.
"FAO-56": see evaporation.py. "Geng": Geng et al., Agricultural and Forest Meteorology 36 (1986). "FACTS":
section 3 of the project's facts; "HCMC" there: WMO normals of Ho Chi Minh City, a proxy.
"""

import math
from functools import lru_cache

import numpy as np

from devices.clock import HOUR_MS
from devices.pilots.levers import Rain
from sim.physics import evaporation, pacific
from sim.physics.evaporation import transmitted, vapour_pressure
from sim.physics.moment import MONTH, YEAR, Moment, seasonal, smooth
from sim.physics.streams import Array, common, noise, normal, persistent, staged


@lru_cache
def _gamma(shape: float) -> tuple[Array, Array]:
    """Chances and values of the gamma distribution of unit scale; s = t^shape removes its pole at 0."""
    s = np.linspace(0, 25**shape, 4001)  # the chance beyond 25 scales is 1e-11
    height = np.exp(-(s ** (1 / shape)))
    chance = np.concatenate(([0.0], np.cumsum(height[1:] + height[:-1])))
    return chance / chance[-1], s ** (1 / shape)


# HCMC, January to December (FACTS), and the corrections for the province.
_LENGTHS = (31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MEAN = (26.4, 27.7, 29.2, 30.2, 29.6, 28.5, 28.2, 28.1, 27.9, 27.6, 26.9, 26.1)
_RANGE = (10.5, 10.4, 9.5, 8.8, 8.8, 7.8, 7.7, 7.5, 6.9, 7.3, 8.2, 9.4)  # max less min
# mm: HCMC's times 0.83, between the yearly 1,500 (FACTS A) and 1,682 (B); February and October: FACTS A.
_RAIN = (11.5, 4.0, 8.7, 41.8, 181.0, 259.0, 244.0, 224.0, 271.0, 248.0, 96.7, 40.1)
_HUMIDITY = (69.0, 68.0, 68.0, 70.0, 76.0, 80.0, 80.0, 81.0, 82.0, 83.0, 78.0, 73.0)
_SUN = (244.9, 248.6, 272.8, 231.0, 195.3, 171.0, 179.8, 173.6, 162.0, 182.9, 201.0, 223.2)
_COOLER = 1.0  # °C: HCMC's 28.0 to the province's 27.0 (FACTS A)
_MOISTER = 6.3  # %: HCMC's 75.7 to the province's 82.5 (FACTS A), less 0.5 that the warm half of the day adds
_SUN_SHARE = 2491 / 2486  # hours a year: FACTS A over HCMC's sum
_SWING = 0.75  # Assumption: the daily range over fields and water is a quarter smaller than the city's
# Assumption: the wet days of a month follow its rain; October's 19.6 is given (FACTS A).
_WET_DAYS = (2.0, 1.0, 1.8, 5.0, 15.0, 18.0, 20.0, 20.0, 20.5, 19.6, 11.5, 5.5)
# Geng: P(wet after dry) is 0.75 of the share of wet days, and P(wet after wet) is 0.25 higher; amounts are
# gamma distributed with the scale -2.16 + 1.83 times a wet day's mean (mm).
_SPELL, _SCALE = 0.25, (-2.16, 1.83)
_LEAST_RAIN, _MOST_RAIN = 0.1, 160.0  # mm on a wet day (WMO: 0.1 and more); Assumption: at most 160
# Yearly rain varies by 222 (Vĩnh Long) to 350 mm (Mộc Hóa; FACTS section 5). Independent amounts leave some
# 220. Assumption: 0.65 of such a departure is kept, and a Pacific state of 1 takes away a ninth of the rain.
_DEPARTURE, _BY_PACIFIC = 0.65, -0.11
# °C. Assumption: a Pacific state of 1 warms the next spring by up to 0.4; the climate warms by 0.2 in ten
# years.
_HEAT, _WARMING = 0.4, 0.02
# The hour at which rain begins. Assumption: seven days in ten from noon to 18 h, two at night, one in the
# evening.
_RAIN_STARTS = ((0.0, 0.2, 0.2, 0.9, 1.0), (0.0, 6.0, 12.0, 18.0, 20.0))
# Assumption: when the monsoon surges (1.3 standard deviations, for days on end) clouds are so thick that they
# pass as little as three tenths of the radiation of a merely hidden sun: 3 MJ/m2 a day. The effect is smaller
# in months with fewer wet days.
_SURGES, _LASTS, _THICK = 1.3, 0.85, 0.3
# Assumption: shares of the variance: province, corners (4 a degree), place
_SHARES, _GRID = (0.5, 0.4, 0.1), 4
_WIND, _BREEZE = 1.9, 1.1  # m/s at 2 m. Assumption: 0.8 by night to 3 in the afternoon

_GRADES = np.linspace(-6.5, 6.5, 8001)  # the normal distribution, within 1e-7
_NORMAL = (_GRADES, np.array([0.5 * (1 + math.erf(grade / math.sqrt(2))) for grade in _GRADES.tolist()]))


class Weather:
    """The weather of one place over whole years, for at least `days` days, and at any Moment within."""

    def __init__(self, seed: int, place: str, lat: float, lon: float, days: int) -> None:
        self.seed, self.place, self.lat, self.lon = seed, place, lat, lon
        self.day = np.arange(math.ceil(math.ceil(days / YEAR) * YEAR))
        self.sky = evaporation.sun(np.asarray(self.day % YEAR + 1, np.float64), lat, lon)
        self._season = pacific.season(seed, self.day)
        chance = seasonal(_WET_DAYS, self._season, _LENGTHS)
        # A first-order chain whose draws neighbours share (Wilks 1998, J. Hydrology 210; Geng).
        draws, after_dry = self._chance("wet"), chance * (1 - _SPELL)
        wet = draws < after_dry
        # the other days are as the day before
        decided = np.where(wet | (draws >= after_dry + _SPELL), self.day, 0)
        self.wet = wet[np.maximum.accumulate(decided)]
        self.rain = self._amounts(chance)
        storms = staged(seed, Rain, place, len(self.day))
        for event, when in storms:
            self.wet[when], self.rain[when] = True, np.maximum(self.rain[when], event.mm)
        wetter = self.wet - chance
        self._rained = np.concatenate(([0.0], np.cumsum(self.rain)))
        self._rain_start = np.interp(self._chance("rain start"), *_RAIN_STARTS)
        self._rain_hours = 1 + 3 * self._chance("rain hours")  # Assumption: 1 to 4 h
        # Assumption: a wet day has a quarter of the possible sunshine less than a dry one.
        usual = seasonal(_SUN, self._season, _LENGTHS) * _SUN_SHARE / self.sky.daylight
        surge = np.clip(2 * (persistent(self.field("monsoon"), _LASTS) - _SURGES), 0, 1)
        overcast = surge * np.minimum(1.4 * chance, 1)
        for _, when in storms:
            overcast[when] = 1
        self.sun = np.clip(usual + 0.18 * self.field("cloud") - 0.25 * wetter, 0.02, 0.97) * (1 - overcast)
        # the sunshine share that passes as much light as such clouds; below 0 under thick ones
        self._bright = (transmitted(self.sun) * (1 - (1 - _THICK) * overcast) - transmitted(0.0)) / 0.5
        # Assumption: anomalies of 0.8 °C that last for days; wet days are 0.6 °C cooler.
        anomaly = 0.8 * persistent(self.field("temperature"), 0.75) - 0.6 * wetter
        spring = np.maximum(np.cos(2 * np.pi * (self.day - 100) / YEAR), 0)
        heat = _HEAT * spring * pacific.of_day(seed, self.day) + _WARMING * self.day / YEAR
        self.mean = seasonal(_MEAN, self._season) - _COOLER + heat + anomaly
        self.range = seasonal(_RANGE, self._season) * _SWING * (1 + 0.5 * (self.sun - usual))
        # Assumption: a wet day is 4 % moister than a dry one.
        self.relative = np.minimum(seasonal(_HUMIDITY, self._season) + _MOISTER + 4 * wetter, 100)
        self.light = transmitted(self._bright) * self.sky.radiation  # MJ/m2 a day
        vapour = self.relative / 100 * vapour_pressure(self.mean)
        self.low, self.high = self.mean - self.range / 2, self.mean + self.range / 2
        net = evaporation.net_radiation(self.low, self.high, vapour, self.sky.radiation, self._bright)
        self.evapotranspiration = evaporation.reference(self.low, self.high, vapour, _WIND, net)  # mm a day

    def field(self, name: str) -> Array:
        """Standard normal numbers, one a day, similar in neighbouring places (bilinear between corners)."""
        days, (province, corners, place) = len(self.day), map(math.sqrt, _SHARES)
        (y, south), (x, west) = divmod(self.lat * _GRID, 1), divmod(self.lon * _GRID, 1)
        weights = {(y + i, x + j): abs(1 - i - south) * abs(1 - j - west) for i in (0, 1) for j in (0, 1)}
        norm = math.sqrt(sum(weight**2 for weight in weights.values()))
        around = sum(w * common(self.seed, f"{name}@{y:g},{x:g}", days) for (y, x), w in weights.items())
        own = normal(self.seed, f"{name}@{self.place}", days)
        return province * common(self.seed, name, days) + corners / norm * around + place * own

    def _chance(self, name: str) -> Array:
        """The same field as uniform numbers, strictly below 1."""
        return np.asarray(np.interp(self.field(name), *_NORMAL))

    def _amounts(self, chance: Array) -> Array:
        """mm on each day: the month's gamma amounts on wet days, yearly sums drawn towards the usual one."""
        usual = np.maximum(seasonal(_RAIN, self._season, _LENGTHS), 0)
        draws, amount = self._chance("amount"), np.empty(len(self.day))
        year, month = (self.day // YEAR).astype(np.int64), (self._season % YEAR / MONTH).astype(np.int64)
        for number, (mean, wet) in enumerate(zip(_RAIN, _WET_DAYS, strict=True)):
            shape = mean / wet / (_SCALE[0] + _SCALE[1] * mean / wet)
            here = month == number
            amount[here] = np.interp(draws[here], *_gamma(shape)) / shape
        rain = np.where(self.wet, amount * usual / chance, 0.0)
        expected, drawn = np.bincount(year, usual), np.bincount(year, rain)
        wetter = 1 + _BY_PACIFIC * np.clip(pacific.states(self.seed, int(year[-1]) + 1)[1:], -3, 3)
        rain *= (wetter * (expected + _DEPARTURE * (drawn - expected)) / drawn)[year]
        return np.where(self.wet, np.clip(rain, _LEAST_RAIN, _MOST_RAIN), 0.0)

    def rain_progress(self, at: Moment) -> Array:
        """Share of the day's rain that has fallen, 0 to 1."""
        return smooth((at.hour - self._rain_start[at.day]) / self._rain_hours[at.day])

    def rained(self, at: Moment) -> Array:
        """mm of rain since the anchor; never falls."""
        return self._rained[at.day] + self.rain[at.day] * self.rain_progress(at)

    def shower(self, at: Moment) -> Array:
        """Intensity of the rain, 0 to 1."""
        x = np.clip((at.hour - self._rain_start[at.day]) / self._rain_hours[at.day], 0, 1)
        return 4 * x * (1 - x) * np.minimum(self.rain[at.day] / 5, 1)

    def radiation(self, at: Moment) -> Array:
        """Global radiation, W/m2: that of a clear sky, reduced by FAO-56 eq. 35."""
        clouds = noise(self.seed, f"clouds@{self.place}", at.times, HOUR_MS // 2) - 0.5
        # Assumption: passing clouds vary the share of sunshine by 0.35, and a shower takes it away.
        bright = self._bright[at.day]
        share = np.clip(bright + 0.7 * clouds, np.minimum(bright, 0), 1)
        share = np.where(share > 0, share * (1 - self.shower(at)), share)
        return self.sky.clear(at.day, at.hour) * transmitted(share) / transmitted(1.0)

    def temperature(self, at: Moment) -> Array:
        """Air temperature, °C: lowest at 6 h, highest at 14 h; a shower cools by up to 2.5 (Assumption)."""
        return at.swing(self.low, self.high, 6, 14) - 2.5 * self.shower(at)

    def humidity(self, at: Moment) -> Array:
        """Relative humidity, %: the day's vapour relative to what the air can hold at that moment."""
        vapour = at.between(self.relative) * vapour_pressure(at.between(self.mean))
        return np.minimum(vapour / vapour_pressure(self.temperature(at)), 100)

    def wind(self, at: Moment) -> Array:
        """Wind in m/s at 2 m. Assumption: gusts by half, and 5 more in a shower."""
        course = _WIND - _BREEZE * np.cos(2 * np.pi * (at.hour - 2) / 24)
        gusts = noise(self.seed, f"wind@{self.place}", at.times, HOUR_MS // 3)
        return np.asarray(course * (0.5 + gusts) + 5 * self.shower(at) * gusts)
