"""Weather of one place: a day at a time from 2020-01-01, and any moment in between.

    random streams ─► rain, sunshine, temperature of each day ─► values at a Moment

Everything is a function of (seed, place, time). A random number is the hash of a stream's name and an
index, so a day has the same numbers however far ahead the days are computed. Neighbours share streams:
one of the province, four of the surrounding corners of a grid of 0.25 degree, one of the place.
"FAO-56": Allen et al., Crop evapotranspiration, FAO Irrigation and Drainage Paper 56 (1998).
"FACTS": section 3 of the project's facts; "HCMC" there: WMO normals of Ho Chi Minh City, a proxy.
"""

import math
from functools import lru_cache
from hashlib import sha256

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

ANCHOR = 1_577_811_600_000  # 2020-01-01T00:00+07:00, the first day, epoch ms
HOUR, DAY = 3_600_000, 86_400_000  # ms
YEAR = 365.25  # days; the anchor's year is a leap year, so years begin within a day of a multiple
MONTH = YEAR / 12


def uniform(seed: int, stream: str, index: Index) -> Array:
    """Numbers in [0, 1) of a stream, by index: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    key = int.from_bytes(sha256(f"{seed}:{stream}".encode()).digest()[:8], "big")
    z = np.asarray(index).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return np.asarray((z >> np.uint64(11)) * 2.0**-53, dtype=np.float64)


@lru_cache(maxsize=512)  # streams of the province and of corners serve many places
def normal(seed: int, stream: str, days: int) -> Array:
    """Standard normal numbers of a stream, one a day (Box and Muller 1958)."""
    index = np.arange(days)
    radius = np.sqrt(-2 * np.log(1 - uniform(seed, stream, 2 * index)))
    return np.asarray(radius * np.cos(2 * np.pi * uniform(seed, stream, 2 * index + 1)))


def noise(seed: int, stream: str, times: Index, step: int = HOUR) -> Array:
    """Noise in [0, 1) that is linear between knots `step` ms apart."""
    knot, rest = np.divmod(times, step)
    left = uniform(seed, stream, knot)
    return np.asarray(left + (uniform(seed, stream, knot + 1) - left) * (rest / step))


def persistent(shocks: Array, memory: float) -> Array:
    """First-order autoregression of unit variance that begins with its first shock."""
    scale, out = math.sqrt(1 - memory**2), [float(shocks[0])]
    for shock in shocks[1:].tolist():
        out.append(memory * out[-1] + scale * shock)
    return np.array(out)


def seasonal(months: tuple[float, ...], day: Index | Array) -> Array:
    """A course over the year through monthly means at mid-month."""
    return np.interp(day % YEAR / MONTH, np.arange(12) + 0.5, months, period=12)


def vapour_pressure(celsius: Array) -> Array:
    """At saturation, kPa. FAO-56 eq. 11."""
    return np.asarray(0.6108 * np.exp(17.27 * celsius / (celsius + 237.3)))


def smooth(x: Array) -> Array:
    """From 0 to 1 without a corner, while x goes from 0 to 1."""
    x = np.clip(x, 0, 1)
    return np.asarray(x * x * (3 - 2 * x))


class Moment:
    """Times (epoch ms) split into Vietnamese day since the anchor and hour; before it, the anchor."""

    def __init__(self, times: Index) -> None:
        self.times = np.maximum(times, ANCHOR)
        self.day, rest = np.divmod(self.times - ANCHOR, DAY)
        self.hour: Array = rest / HOUR

    def ago(self, hours: float) -> "Moment":
        return Moment(self.times - round(hours * HOUR))

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
_MEAN = (26.4, 27.7, 29.2, 30.2, 29.6, 28.5, 28.2, 28.1, 27.9, 27.6, 26.9, 26.1)
_MAX = (31.6, 32.9, 33.9, 34.6, 34.0, 32.4, 32.0, 31.8, 31.3, 31.2, 31.0, 30.8)
_MIN = (21.1, 22.5, 24.4, 25.8, 25.2, 24.6, 24.3, 24.3, 24.4, 23.9, 22.8, 21.4)
_RAIN = (13.8, 4.1, 10.5, 50.4, 218.4, 311.7, 293.7, 269.8, 327.1, 266.7, 116.5, 48.3)
_HUMIDITY = (69.0, 68.0, 68.0, 70.0, 76.0, 80.0, 80.0, 81.0, 82.0, 83.0, 78.0, 73.0)
_SUN = (244.9, 248.6, 272.8, 231.0, 195.3, 171.0, 179.8, 173.6, 162.0, 182.9, 201.0, 223.2)
_COOLER = 1.0  # °C: HCMC's 28.0 to the province's 27.0 (FACTS A)
_MOISTER = 6.8  # %: HCMC's 75.7 to the province's 82.5 (FACTS A)
_RAIN_SHARE = 1600 / 1931  # to between 1,500 (FACTS A) and 1,682 mm (FACTS B)
_SUN_SHARE = 2491 / 2486  # hours a year: FACTS A over HCMC's sum
_SWING = 0.75  # Assumption: fields and water narrow the city's daily range by a quarter
# Assumption: wet days a month follow the rain; October's 19.6 is given (FACTS A).
_WET_DAYS = (2.0, 1.0, 1.8, 5.0, 15.0, 18.0, 20.0, 20.0, 20.5, 19.6, 11.5, 5.5)
# Assumption: after a wet day a wet one is likelier by 0.3; amounts are Weibull of shape 0.8 (many
# small, few large) up to 140 mm a day.
_SPELL, _SHAPE, _MOST_RAIN = 0.3, 0.8, 140.0
# Assumption: shares of variance of the province, the grid's corners (4 a degree) and the place.
_SHARES, _GRID = (0.5, 0.4, 0.1), 4
_SOLAR_CONSTANT = 1367.0  # W/m2, 0.0820 MJ/m2/min of FAO-56 eq. 21


class Weather:
    """Days 0 to `days` of one place as arrays, and the values of any Moment within them."""

    def __init__(self, seed: int, place: str, lat: float, lon: float, days: int) -> None:
        self.seed, self.place, self.lat, self.lon = seed, place, lat, lon
        self.day = np.arange(days)
        angle = 2 * np.pi * (self.day % YEAR + 1) / YEAR
        self._distance = 1 + 0.033 * np.cos(angle)  # FAO-56 eq. 23
        declination = 0.409 * np.sin(angle - 1.39)  # FAO-56 eq. 24
        self._a = math.sin(math.radians(lat)) * np.sin(declination)
        self._b = math.cos(math.radians(lat)) * np.cos(declination)
        self._sunset = np.arccos(-self._a / self._b)  # FAO-56 eq. 25
        self.daylight = 24 / np.pi * self._sunset  # hours, FAO-56 eq. 34
        self._height = self._a * self._sunset + self._b * np.sin(self._sunset)
        # Above the atmosphere, MJ/m2 a day. FAO-56 eq. 21.
        self.radiation_top = 1440 / np.pi * 0.0820 * self._distance * self._height
        b = 2 * np.pi * (self.day % YEAR + 1 - 81) / 364  # FAO-56 eqs. 32 and 33: the equation of time
        self._noon = 12 + (105 - lon) / 15 - 0.1645 * np.sin(2 * b) + 0.1255 * np.cos(b) + 0.025 * np.sin(b)
        chance = seasonal(_WET_DAYS, self.day) / MONTH
        self.wet = self._wet_days(chance)
        wetter = self.wet - chance
        amount = -np.log(1 - self._chance("amount"))
        scale = seasonal(_RAIN, self.day) / MONTH * _RAIN_SHARE / chance / math.gamma(1 + 1 / _SHAPE)
        self.rain = np.where(self.wet, np.minimum(scale * amount ** (1 / _SHAPE), _MOST_RAIN), 0.0)
        self._rained = np.concatenate(([0.0], np.cumsum(self.rain)))
        # Assumption: convective rain, beginning between noon and 18 h, 1 to 4 hours long.
        self._rain_start = 12 + 6 * self._chance("rain start")
        self._rain_hours = 1 + 3 * self._chance("rain hours")
        # Assumption: a wet day has a quarter of the possible sunshine less than a dry one.
        usual = seasonal(_SUN, self.day) / MONTH * _SUN_SHARE / self.daylight
        self.sun = np.clip(usual + 0.18 * self.field("cloud") - 0.25 * wetter, 0.02, 0.97)
        # Assumption: anomalies of 0.8 °C that last some days; wet days are 0.6 °C cooler.
        anomaly = 0.8 * persistent(self.field("temperature"), 0.75) - 0.6 * wetter
        self.mean = seasonal(_MEAN, self.day) - _COOLER + anomaly
        span = seasonal(_MAX, self.day) - seasonal(_MIN, self.day)
        self.range = span * _SWING * (1 + 0.5 * (self.sun - usual))
        self.relative = seasonal(_HUMIDITY, self.day) + _MOISTER + 4 * wetter  # 4 %: Assumption
        self._pressure = persistent(self.field("pressure"), 0.8)

    def field(self, name: str) -> Array:
        """Standard normal numbers, one a day, alike in neighbouring places (bilinear between corners)."""
        days = len(self.day)
        province, corners, place = (math.sqrt(share) for share in _SHARES)
        (y, south), (x, west) = divmod(self.lat * _GRID, 1), divmod(self.lon * _GRID, 1)
        weights = {(y + i, x + j): abs(1 - i - south) * abs(1 - j - west) for i in (0, 1) for j in (0, 1)}
        norm = math.sqrt(sum(weight**2 for weight in weights.values()))
        around = sum(w * normal(self.seed, f"{name}@{y:g},{x:g}", days) for (y, x), w in weights.items())
        own = normal(self.seed, f"{name}@{self.place}", days)
        return province * normal(self.seed, name, days) + corners / norm * around + place * own

    def _chance(self, name: str) -> Array:
        """The same as uniform numbers, strictly below 1."""
        values = [0.5 * (1 + math.erf(z / math.sqrt(2))) for z in self.field(name).tolist()]
        return np.minimum(values, 1 - 1e-12)

    def _wet_days(self, chance: Array) -> npt.NDArray[np.bool_]:
        """A first-order chain whose draws neighbours share (Wilks 1998, J. Hydrology 210)."""
        wet, out = False, []
        for draw, usual in zip(self._chance("wet").tolist(), chance.tolist(), strict=True):
            wet = draw < usual * (1 - _SPELL) + _SPELL * wet
            out.append(wet)
        return np.array(out)

    def _hour_angle(self, at: Moment) -> Array:
        return np.asarray((at.hour - self._noon[at.day]) * np.pi / 12)

    def sun_passed(self, at: Moment) -> Array:
        """Share of the day's clear-sky radiation that has come: the hour angle's integral, 0 to 1."""
        sunset = self._sunset[at.day]
        angle = np.clip(self._hour_angle(at), -sunset, sunset)
        half = self._height[at.day]
        return np.asarray((self._a[at.day] * angle + self._b[at.day] * np.sin(angle) + half) / (2 * half))

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
        """Global radiation, W/m2: Angström over the sun's height. FAO-56 eqs. 28 and 35."""
        height = self._a[at.day] + self._b[at.day] * np.cos(self._hour_angle(at))
        clouds = noise(self.seed, f"clouds@{self.place}", at.times, HOUR // 2) - 0.5
        # Assumption: passing clouds vary the share of sunshine by 0.35, a shower takes it away.
        share = np.clip(self.sun[at.day] + 0.7 * clouds, 0, 1) * (1 - self.shower(at))
        top = _SOLAR_CONSTANT * self._distance[at.day] * np.maximum(height, 0)
        return np.asarray(top * (0.25 + 0.50 * share))

    def temperature(self, at: Moment) -> Array:
        """Air, °C: lowest at 6 h, highest at 14 h; a shower cools by up to 2.5 °C (Assumption)."""
        half = self.range / 2
        return at.swing(self.mean - half, self.mean + half, 6, 14) - 2.5 * self.shower(at)

    def humidity(self, at: Moment) -> Array:
        """%: the day's vapour over what the air of the moment can hold."""
        usual = vapour_pressure(at.between(self.mean))
        return np.minimum(at.between(self.relative) * usual / vapour_pressure(self.temperature(at)), 100)

    def pressure(self, at: Moment) -> Array:
        """hPa. Assumption: 1010, 2 more in January; tide of 1.2 (Chapman and Lindzen 1970: 10 and 22 h)."""
        season = 2 * np.cos(2 * np.pi * (at.day % YEAR - 15) / YEAR)
        tide = 1.2 * np.cos(2 * np.pi * (at.hour - 10) / 12)
        return np.asarray(1010 + season + tide + at.between(self._pressure))

    def wind(self, at: Moment) -> Array:
        """m/s at 2 m. Assumption: 0.8 by night to 3 in the afternoon, gusts by half, 5 more in a shower."""
        course = 1.9 - 1.1 * np.cos(2 * np.pi * (at.hour - 2) / 24)
        gusts = noise(self.seed, f"wind@{self.place}", at.times, HOUR // 3)
        return np.asarray(course * (0.5 + gusts) + 5 * self.shower(at) * gusts)

    def carbon_dioxide(self, at: Moment) -> Array:
        """ppm. 414 in 2020, 2.5 more a year (NOAA, rounded). Assumption: 80 more by night, 15 less by day."""
        day = np.minimum(self.radiation(at) / 400, 1)
        night = 40 * (1 - day) / (0.5 + self.wind(at))
        return np.asarray(414 + 2.5 * (at.day + at.hour / 24) / YEAR + night - 15 * day)
