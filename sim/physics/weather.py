"""Weather of one place: a day at a time from 2020-01-01, and any moment in between.

    random streams ─► rain, sunshine, temperature of each day ─► values at a Moment

Everything is a function of (seed, place, time). A random number is the hash of a stream's name and an
index, so a day has the same numbers however far ahead the days are computed. Neighbours share streams:
one of the province, four of the surrounding corners of a grid of 0.25 degree, one of the place.
"FAO-56": see evaporation.py. "Geng": Geng et al., Agricultural and Forest Meteorology 36 (1986). "FACTS":
section 3 of the project's facts; "HCMC" there: WMO normals of Ho Chi Minh City, a proxy.
"""

import math
from functools import lru_cache
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from devices.clock import DAY_MS, HOUR_MS
from sim.physics import evaporation
from sim.physics.evaporation import transmitted, vapour_pressure

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


ANCHOR = 1_577_811_600_000  # 2020-01-01T00:00+07:00, the first day, epoch ms
YEAR, MONTH = 365.25, 365.25 / 12  # days; the anchor's year is a leap year: years begin within a day of these


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


@lru_cache
def _knots(months: tuple[float, ...], lengths: tuple[float, ...]) -> Array:
    """Values at mid-month whose linear course has these means in months taken as equally long."""
    near = np.roll(np.eye(12), 1, axis=1) + np.roll(np.eye(12), -1, axis=1)
    return np.asarray(np.linalg.solve((6 * np.eye(12) + near) / 8, np.divide(months, lengths)), np.float64)


def seasonal(months: tuple[float, ...], day: Index | Array, lengths: tuple[float, ...] = (1,)) -> Array:
    """A course over the year that keeps monthly means, or sums over months of `lengths` days."""
    return np.interp(day % YEAR / MONTH, np.arange(12) + 0.5, _knots(months, lengths), period=12)


@lru_cache
def _gamma(shape: float) -> tuple[Array, Array]:
    """Chances and values of the gamma distribution of unit scale; s = t^shape takes away its pole at 0."""
    s = np.linspace(0, 25**shape, 4001)  # beyond 25 scales lies 1e-11
    height = np.exp(-(s ** (1 / shape)))
    chance = np.concatenate(([0.0], np.cumsum(height[1:] + height[:-1])))
    return chance / chance[-1], s ** (1 / shape)


def smooth(x: Array) -> Array:
    """From 0 to 1 without a corner, while x goes from 0 to 1."""
    x = np.clip(x, 0, 1)
    return np.asarray(x * x * (3 - 2 * x))


class Moment:
    """Times (epoch ms) split into Vietnamese day since the anchor and hour; before it, the anchor."""

    def __init__(self, times: Index) -> None:
        self.times = np.maximum(times, ANCHOR)
        self.day, rest = np.divmod(self.times - ANCHOR, DAY_MS)
        self.hour: Array = rest / HOUR_MS

    def ago(self, hours: float) -> "Moment":
        return Moment(self.times - round(hours * HOUR_MS))

    def between(self, daily: Array) -> Array:
        """Linear between the noons at which daily values stand."""
        position = np.maximum(self.day + self.hour / 24 - 0.5, 0)
        before = position.astype(np.int64)
        left = daily[before]
        return left + (daily[before + 1] - left) * (position - before)

    def swing(self, low: Array, high: Array, low_hour: float, high_hour: float) -> Array:
        """Half cosines through each day's low and high (de Wit et al. 1978, the WAVE curve)."""
        owner = np.maximum(self.day - (self.hour < low_hour), 0)
        since, up = (self.hour - low_hour) % 24, high_hour - low_hour
        rising = since < up
        start = np.where(rising, low[owner], high[owner])
        end = np.where(rising, high[owner], low[owner + 1])
        phase = np.where(rising, since / up, (since - up) / (24 - up))
        return np.asarray(start + (end - start) * (1 - np.cos(np.pi * phase)) / 2)


# HCMC, January to December (FACTS), and what carries them to the province.
_LENGTHS = (31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MEAN = (26.4, 27.7, 29.2, 30.2, 29.6, 28.5, 28.2, 28.1, 27.9, 27.6, 26.9, 26.1)
_RANGE = (10.5, 10.4, 9.5, 8.8, 8.8, 7.8, 7.7, 7.5, 6.9, 7.3, 8.2, 9.4)  # max less min
# mm: HCMC's times 0.83, between the yearly 1,500 (FACTS A) and 1,682 (B); February and October: FACTS A.
_RAIN = (11.5, 4.0, 8.7, 41.8, 181.0, 259.0, 244.0, 224.0, 271.0, 248.0, 96.7, 40.1)
_HUMIDITY = (69.0, 68.0, 68.0, 70.0, 76.0, 80.0, 80.0, 81.0, 82.0, 83.0, 78.0, 73.0)
_SUN = (244.9, 248.6, 272.8, 231.0, 195.3, 171.0, 179.8, 173.6, 162.0, 182.9, 201.0, 223.2)
_COOLER = 1.0  # °C: HCMC's 28.0 to the province's 27.0 (FACTS A)
_MOISTER = 6.3  # %: HCMC's 75.7 to the province's 82.5 (FACTS A); the warm half of the day adds 0.5
_SUN_SHARE = 2491 / 2486  # hours a year: FACTS A over HCMC's sum
_SWING = 0.75  # Assumption: fields and water narrow the city's daily range by a quarter
# Assumption: wet days a month follow the rain; October's 19.6 is given (FACTS A).
_WET_DAYS = (2.0, 1.0, 1.8, 5.0, 15.0, 18.0, 20.0, 20.0, 20.5, 19.6, 11.5, 5.5)
# Geng: P(wet after dry) is 0.75 of the share of wet days, P(wet after wet) 0.25 more; amounts are gamma of
# scale -2.16 + 1.83 times a wet day's mean (mm).
_SPELL, _SCALE = 0.25, (-2.16, 1.83)
_LEAST_RAIN, _MOST_RAIN = 0.1, 160.0  # mm on a wet day (WMO: 0.1 and more); Assumption: at most 160
# Independent amounts leave years a standard deviation of some 220 mm. Assumption: 0.4 of each departure
# stays, so that single years lie within 1,300-2,000 mm, about the published 1,500-2,005 mm (FACTS).
_DEPARTURE = 0.4
_SHARES, _GRID = (0.5, 0.4, 0.1), 4  # Assumption: variance of province, corners (4 a degree), place
_WIND, _BREEZE = 1.9, 1.1  # m/s at 2 m. Assumption: 0.8 by night to 3 in the afternoon

_GRADES = np.linspace(-6.5, 6.5, 8001)  # the normal distribution, within 1e-7
_NORMAL = (_GRADES, np.array([0.5 * (1 + math.erf(grade / math.sqrt(2))) for grade in _GRADES.tolist()]))


class Weather:
    """Whole years from day 0 until at least `days` of one place, and the values of any Moment within."""

    def __init__(self, seed: int, place: str, lat: float, lon: float, days: int) -> None:
        self.seed, self.place, self.lat, self.lon = seed, place, lat, lon
        self.day = np.arange(math.ceil(math.ceil(days / YEAR) * YEAR))
        self.sky = evaporation.sun(np.asarray(self.day % YEAR + 1, np.float64), lat, lon)
        chance = seasonal(_WET_DAYS, self.day, _LENGTHS)
        # A first-order chain whose draws neighbours share (Wilks 1998, J. Hydrology 210; Geng).
        draws, after_dry = self._chance("wet"), chance * (1 - _SPELL)
        wet = draws < after_dry
        decided = np.where(wet | (draws >= after_dry + _SPELL), self.day, 0)  # others: as the day before
        self.wet = wet[np.maximum.accumulate(decided)]
        self.rain = self._amounts(chance)
        wetter = self.wet - chance
        self._rained = np.concatenate(([0.0], np.cumsum(self.rain)))
        self._rain_start = 12 + 6 * self._chance("rain start")  # Assumption: noon to 18 h, 1 to 4 h long
        self._rain_hours = 1 + 3 * self._chance("rain hours")
        # Assumption: a wet day has a quarter of the possible sunshine less than a dry one.
        usual = seasonal(_SUN, self.day, _LENGTHS) * _SUN_SHARE / self.sky.daylight
        self.sun = np.clip(usual + 0.18 * self.field("cloud") - 0.25 * wetter, 0.02, 0.97)
        # Assumption: anomalies of 0.8 °C that last some days; wet days are 0.6 °C cooler.
        anomaly = 0.8 * persistent(self.field("temperature"), 0.75) - 0.6 * wetter
        self.mean = seasonal(_MEAN, self.day) - _COOLER + anomaly
        self.range = seasonal(_RANGE, self.day) * _SWING * (1 + 0.5 * (self.sun - usual))
        # Assumption: a wet day is 4 % moister than a dry one.
        self.relative = np.minimum(seasonal(_HUMIDITY, self.day) + _MOISTER + 4 * wetter, 100)
        self.light = transmitted(self.sun) * self.sky.radiation  # MJ/m2 a day
        vapour = self.relative / 100 * vapour_pressure(self.mean)
        self.low, self.high = self.mean - self.range / 2, self.mean + self.range / 2
        net = evaporation.net_radiation(self.low, self.high, vapour, self.sky.radiation, self.sun)
        self.evapotranspiration = evaporation.reference(self.low, self.high, vapour, _WIND, net)  # mm a day

    def field(self, name: str) -> Array:
        """Standard normal numbers, one a day, alike in neighbouring places (bilinear between corners)."""
        days, (province, corners, place) = len(self.day), map(math.sqrt, _SHARES)
        (y, south), (x, west) = divmod(self.lat * _GRID, 1), divmod(self.lon * _GRID, 1)
        weights = {(y + i, x + j): abs(1 - i - south) * abs(1 - j - west) for i in (0, 1) for j in (0, 1)}
        norm = math.sqrt(sum(weight**2 for weight in weights.values()))
        around = sum(w * normal(self.seed, f"{name}@{y:g},{x:g}", days) for (y, x), w in weights.items())
        own = normal(self.seed, f"{name}@{self.place}", days)
        return province * normal(self.seed, name, days) + corners / norm * around + place * own

    def _chance(self, name: str) -> Array:
        """The same as uniform numbers, strictly below 1."""
        return np.asarray(np.interp(self.field(name), *_NORMAL))

    def _amounts(self, chance: Array) -> Array:
        """mm of each day: gamma amounts of the month on wet days, years drawn towards the usual one."""
        usual = np.maximum(seasonal(_RAIN, self.day, _LENGTHS), 0)
        draws, amount = self._chance("amount"), np.empty(len(self.day))
        year, month = (self.day // YEAR).astype(np.int64), (self.day % YEAR / MONTH).astype(np.int64)
        for number, (mean, wet) in enumerate(zip(_RAIN, _WET_DAYS, strict=True)):
            shape = mean / wet / (_SCALE[0] + _SCALE[1] * mean / wet)
            here = month == number
            amount[here] = np.interp(draws[here], *_gamma(shape)) / shape
        rain = np.where(self.wet, amount * usual / chance, 0.0)
        expected, drawn = np.bincount(year, usual), np.bincount(year, rain)
        rain *= ((expected + _DEPARTURE * (drawn - expected)) / drawn)[year]
        return np.where(self.wet, np.clip(rain, _LEAST_RAIN, _MOST_RAIN), 0.0)

    def rain_progress(self, at: Moment) -> Array:
        """Share of the day's rain that has fallen, 0 to 1."""
        return smooth((at.hour - self._rain_start[at.day]) / self._rain_hours[at.day])

    def rained(self, at: Moment) -> Array:
        """mm since the anchor; never falls."""
        return self._rained[at.day] + self.rain[at.day] * self.rain_progress(at)

    def shower(self, at: Moment) -> Array:
        """How hard it rains, 0 to 1."""
        x = np.clip((at.hour - self._rain_start[at.day]) / self._rain_hours[at.day], 0, 1)
        return 4 * x * (1 - x) * np.minimum(self.rain[at.day] / 5, 1)

    def radiation(self, at: Moment) -> Array:
        """Global radiation, W/m2: a clear sky's, less by FAO-56 eq. 35."""
        clouds = noise(self.seed, f"clouds@{self.place}", at.times, HOUR_MS // 2) - 0.5
        # Assumption: passing clouds vary the share of sunshine by 0.35, a shower takes it away.
        share = np.clip(self.sun[at.day] + 0.7 * clouds, 0, 1) * (1 - self.shower(at))
        return self.sky.clear(at.day, at.hour) * transmitted(share) / transmitted(1.0)

    def temperature(self, at: Moment) -> Array:
        """Air, °C: lowest at 6 h, highest at 14 h; a shower cools by up to 2.5 °C (Assumption)."""
        return at.swing(self.low, self.high, 6, 14) - 2.5 * self.shower(at)

    def humidity(self, at: Moment) -> Array:
        """%: the day's vapour over what the air of the moment can hold."""
        vapour = at.between(self.relative) * vapour_pressure(at.between(self.mean))
        return np.minimum(vapour / vapour_pressure(self.temperature(at)), 100)

    def wind(self, at: Moment) -> Array:
        """m/s at 2 m. Assumption: gusts by half, and 5 more in a shower."""
        course = _WIND - _BREEZE * np.cos(2 * np.pi * (at.hour - 2) / 24)
        gusts = noise(self.seed, f"wind@{self.place}", at.times, HOUR_MS // 3)
        return np.asarray(course * (0.5 + gusts) + 5 * self.shower(at) * gusts)
