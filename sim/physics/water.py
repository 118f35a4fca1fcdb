"""River and canal water at one place: flood season, tide, temperature, salt and other contents.

    river (river.py), tide (tide.py) ─► level
    salt front, tide, distance to the mouth ─► salt in the river ─► sluices of a project, if it has one
        ─► the place's own sluice ─► salt in the canal

A place is described by its distance to the mouth along the river. Levels are metres above the zero of the
alarms.
"""

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np

from devices.clock import HOUR_MS
from sim.physics.actions import Run
from sim.physics.moment import ANCHOR, Moment, seasonal, smooth
from sim.physics.river import DRY, FRONT, PEAK, SEA, STEEPNESS, river
from sim.physics.streams import Array, carried, noise, persistent
from sim.physics.tide import CARRIERS, tide, wave, weaker
from sim.physics.weather import Weather

# Kilometres to the mouth, by `distance`, of the mouth itself, Cao Lãnh and Tân Châu. Assumption: at Cao Lãnh
# the dry season stands at 0.5 m and a usual year's peak at 1.85 m, means of a day; with the tide on top the
# year's highest water is about 2.2 m (FACTS section 3: 2.24 m on 7 Oct 2024, when Tân Châu had 3.26). Years
# differ there by a fifth of the difference at Tân Châu, as in Long Xuyên's 2000 and 2015 (FACTS section 5:
# 0.47 m where Tân Châu had 2.51), and at the mouth not at all.
_GAUGES = (0.0, 136.0, 194.0)
_DRY, _PEAK, _YEARS = (0.1, 0.5, DRY), (0.1, 1.85, PEAK), (0.0, 0.2, 1.0)
# Inner fields of the Plain of Reeds, north-east of the Tiền; their share grows from 8 to 16 km off its
# course. Assumption: a usual year's peak there; how much years differ (so that Trường Xuân's alarms from 1.5
# to 2.5 m, FACTS section 3, are each reached now and then); and that little of the tide comes so far.
_TIEN = ((10.80, 105.24), (10.46, 105.63), (10.27, 105.90))
_NEAR, _FAR, _BEYOND = 8.0, 16.0, 45.0
_INNER_PEAK, _INNER_YEARS, _INNER_TIDE = 1.35, 0.7, 0.4
# Assumption: a place with more kilometres than this lies on another river; it gets Cao Lãnh's distance.
_ELSEWHERE = 250.0
# km/h. The wave takes 6 h to Tân Châu (FACTS section 5: 4 to 6 h, some 25 km/h), every constituent alike.
_PACE = 32.0
# A metre of the sea's wave is e^-(rate km) m up the river; the rate grows with the discharge (1,000 m3/s).
# Fitted to half of M2 at Tân Châu in May, under a tenth in October (FACTS section 5: Uehara 2017; a range of
# 1 m at 100 km, 0.5 at 150, 0.1 to 0.2 at 200 in the flood). Assumption: the once-a-day wave fades at 0.7 of
# that rate, because under friction the rate follows the root of the frequency; the sea's season fades at half
# of it.
_FADES, _BY_DISCHARGE = 0.0013, 0.00046
_ONCE, _SEASON = 0.7, 0.5

# River mouths, degrees north and east. Assumption: places on the chart, within some 3 km: Cửa Tiểu, Cửa Đại,
# Hàm Luông, Cổ Chiên, Định An, Trần Đề.
_MOUTHS = ((10.27, 106.78), (10.19, 106.73), (9.95, 106.66), (9.81, 106.57), (9.53, 106.35), (9.50, 106.20))
_WINDING = 1.1  # Assumption: kilometres along the river for each kilometre in a straight line
_TRACE = 0.005  # g/L: half of a probe's resolution, subtracted so that fresh water reads 0
# km: further up, a probe reads no salt even with the front at its farthest and the tide at its highest.
_FRESH = 90.0
# Assumption: a metre of tide moves salt by 4 km. Published figures are for an ordinary high water, 0.6 m
# above the mean.
_EXCURSION, _HIGH_WATER = 4.0, 0.6
# Assumption: behind a closed sluice salt fades in 5 days, behind an open one it follows the river in 6 hours.
_FRESHENS, _FOLLOWS = 5 * 24.0, 6.0
# Canals behind the sluices of a project (Gò Công's). Assumption: the sluices are opened on days when the
# river falls below 0.5 g/L at low water, and the canal follows it in 3 days. Otherwise a 2,500th of the
# river's salt seeps in each day, more in a dry year, as the front squared. 100 mm of rain wash out two
# thirds. 0.3 of the tide comes in.
_LETS_IN, _REFILLS, _LEAKS, _WASHES, _REACHES = 0.5, 3.0, 0.0004, 0.011, 0.3
# 1 dS/m is some 0.64 g/L of salts (Ayers and Westcot, FAO Irrigation and Drainage Paper 29, 1985).
_SALT = 0.64
# Assumption: canal pH by month; acid sulphate soils drain with the first rains, May to July.
_PH = (7.2, 7.2, 7.2, 7.1, 6.8, 6.7, 6.8, 6.9, 7.0, 7.1, 7.2, 7.2)
# Assumption: dS/m by month; the flood dilutes.
_CONDUCTIVITY = (0.20, 0.22, 0.25, 0.27, 0.26, 0.23, 0.20, 0.17, 0.15, 0.15, 0.17, 0.19)


def lagging(daily: Array, days: float) -> Array:
    """Return a mean of about the last `days` days, weighted towards the latest."""
    gains = daily / days
    gains[0] = daily[0]
    return carried(gains, np.full(len(daily), 1 - 1 / days))


def distance(lat: float, lon: float) -> float:
    """Kilometres along the river to the nearest mouth of the Mekong."""
    a = np.radians(np.array(_MOUTHS) - (lat, lon))
    across = a[:, 1] * np.cos(np.radians(lat))  # flat over 200 km, within 1 %
    return float(6371 * _WINDING * np.hypot(a[:, 0], across).min())


def inland(lat: float, lon: float) -> float:
    """How far a place belongs to the Plain of Reeds' inner fields: 0 on the river's bank, up to 1."""
    nearest = math.inf
    here = np.array([lat, lon * math.cos(math.radians(lat))])
    course = [np.array([north, east * math.cos(math.radians(lat))]) for north, east in _TIEN]
    for one, two in pairwise(course):
        along = two - one
        share = float(np.clip((here - one) @ along / (along @ along), 0, 1))
        across = here - one - share * along
        side = float(along[1] * across[0] - along[0] * across[1])  # north-east is positive
        if (away := 111.2 * float(np.hypot(*across))) < abs(nearest):
            nearest = math.copysign(away, side)
    return float(smooth(np.array((nearest - _NEAR) / (_FAR - _NEAR)))) if nearest < _BEYOND else 0.0


def salt(kilometres: Array | float, front: Array | float) -> Array:
    """Return the salt in g/L at a distance to the mouth, for a front in km."""
    fade = (np.maximum(kilometres, 0) / front) ** STEEPNESS
    return np.maximum(SEA * np.exp(-fade) - _TRACE, 0)


class Water:
    """The canal that a place draws from. `sluice` are the commands to its sluice, which is open without one.
    `gated`: it also lies behind the sluices of a project.
    """

    def __init__(
        self, weather: Weather, sluice: Sequence[Run] = (), kilometres: float | None = None,
        gated: bool = False,
    ) -> None:  # fmt: skip
        self._weather, self.sluice, self._gated = weather, Sluice(sluice), gated
        km = distance(weather.lat, weather.lon) if kilometres is None else kilometres
        self._kilometres = km if km < _ELSEWHERE else _GAUGES[1]
        self._inland = inland(weather.lat, weather.lon) if kilometres is None else 0.0
        self._river = river(weather.seed, len(weather.day))
        fades = self._kilometres * (_FADES + _BY_DISCHARGE * self._river.discharge)
        sea = tide(len(weather.day), round(self._kilometres / _PACE, 2))
        self._remaining = np.exp(-fades)  # share of the twice-a-day wave that is left
        self._once = weaker(sea.once, self._remaining**_ONCE)
        self._twice = weaker(sea.twice, self._remaining)
        self._sea = (sea.season + self._river.surge) * self._remaining**_SEASON
        self._last_tide: tuple[Moment, Array] | None = None

    @cached_property
    def flood(self) -> Array:
        """Where each day's water is between dry season (0) and a usual year's peak (1)."""
        return np.asarray(self._river.course + self._river.apart / (PEAK - DRY))

    @cached_property
    def _mean(self) -> Array:
        """m: each day's mean level, without tide and rain."""
        dry, peak, years = (float(np.interp(self._kilometres, _GAUGES, row)) for row in (_DRY, _PEAK, _YEARS))
        peak += self._inland * (_INNER_PEAK - peak)
        years += self._inland * (_INNER_YEARS - years)
        rise = self._river.course * (peak - dry) + self._river.apart * years
        return np.asarray(dry + rise + self._sea)

    def tide(self, at: Moment) -> Array:
        """m: the waves of once and twice a day."""
        # cached, because it is asked for three times in a row
        if self._last_tide is None or self._last_tide[0] is not at:
            self._last_tide = at, wave(at, self._once, CARRIERS[0]) + wave(at, self._twice, CARRIERS[1])
        return self._last_tide[1]

    def level(self, at: Moment) -> Array:
        """Water level, m. Assumption: a day's rain lifts a canal by 2 mm for each mm."""
        rain = self._weather.rained(at) - self._weather.rained(at.ago(24))
        reaches = (_REACHES if self._gated else 1.0) * (1 - self._inland * (1 - _INNER_TIDE))
        return np.asarray(at.between(self._mean) + reaches * self.tide(at) + 0.002 * rain)

    @cached_property
    def _mean_temperature(self) -> Array:
        """Assumption: the air's mean of about five days, plus 1 °C."""
        return lagging(self._weather.mean, 5) + 1

    def temperature(self, at: Moment) -> Array:
        """°C. Assumption: 0.8 above the mean at 16 h, 0.8 below at 4 h."""
        return np.asarray(at.between(self._mean_temperature) + 0.8 * np.cos(2 * np.pi * (at.hour - 16) / 24))

    @cached_property
    def _mixture(self) -> Array:
        """A daily variation of the canal's water, about 0 and mostly within 2."""
        return persistent(self._weather.field("canal"), 0.9)

    def ph(self, at: Moment) -> Array:
        """pH. Assumption: algae move it by 0.1 over the day, the canal's variation by 0.05."""
        algae = 0.1 * np.cos(2 * np.pi * (at.hour - 15) / 24)
        return seasonal(_PH, at.day + at.hour / 24) + algae + 0.05 * at.between(self._mixture)

    def conductivity(self, at: Moment) -> Array:
        """dS/m. Assumption: fresh water within some 15 % of the month's, 0.02 more for a metre of tide."""
        month = seasonal(_CONDUCTIVITY, at.day + at.hour / 24)
        fresh = month * np.exp(0.08 * at.between(self._mixture)) + 0.02 * self.tide(at)
        return np.asarray(fresh + self.salinity(at) / _SALT)

    def _before_sluice(self, at: Moment) -> Array:
        """g/L of salt in front of the sluice."""
        return at.between(self._behind) if self._gated else self.river_salt(at)

    @cached_property
    def _behind(self) -> Array:
        """g/L of salt on each day behind the project's sluices."""
        days = len(self._weather.day) - 1  # the last day has no next day to interpolate to
        eighths = Moment(ANCHOR + np.arange(8 * days) * 3 * HOUR_MS)
        river = self.river_salt(eighths).reshape(days, 8)
        low, opened = river.min(axis=1), river.min(axis=1) < _LETS_IN
        seeps = _LEAKS * river.mean(axis=1) * (self._river.front[:days] / FRONT) ** 2
        kept = np.exp(-np.where(opened, 1 / _REFILLS, 0) - _WASHES * self._weather.rain[:days])
        gains = np.where(opened, (1 - np.exp(-1 / _REFILLS)) * low, seeps)
        inside = carried(gains, kept)
        return np.append(inside, inside[-1])

    def river_salt(self, at: Moment) -> Array:
        """g/L of salt in the river, before any sluice."""
        if self._kilometres > _FRESH:
            return np.zeros(at.times.shape)
        below = _HIGH_WATER * at.between(self._remaining) - self.tide(at)
        return salt(self._kilometres + _EXCURSION * below, at.between(self._river.front))

    def salinity(self, at: Moment) -> Array:
        """g/L of salt in the canal."""
        return self.sluice.inside(self._before_sluice, at)

    def turbidity(self, at: Moment) -> Array:
        """NTU. Assumption: 25 when dry, 140 more with the flood's silt, 1.5 a mm of two days' rain; boats
        stir it by a quarter."""
        weather = self._weather
        boats = 0.75 + 0.5 * noise(weather.seed, f"boats@{weather.place}", at.times, 2 * HOUR_MS)
        rain = weather.rained(at) - weather.rained(at.ago(48))
        return (25 + 140 * at.between(self.flood) + 1.5 * rain) * boats


class Sluice:
    """The sluice of a place: its opening by the commands `runs`, fully open without a command."""

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
        """Salt behind the sluice, g/L, from the salt before it: the same until the first command.

        From each command on it approaches the river's salt times the opening, starting from its value at that
        moment.
        """
        outside = river(at)
        commands = int(np.searchsorted(self._start, at.times.max(), "right"))  # commands until then
        if not commands:
            return outside
        start, opening = self._start[:commands], self._opening[:commands]
        pace = opening / _FOLLOWS + (1 - opening) / _FRESHENS
        before = river(Moment(start))
        inside, away = float(before[0]), []  # its difference from that share at each command
        for number in range(commands):
            away.append(inside - opening[number] * before[number])
            if number + 1 < commands:
                fades = math.exp(-pace[number] * (start[number + 1] - start[number]) / HOUR_MS)
                inside = opening[number] * before[number + 1] + away[-1] * fades
        last = np.searchsorted(start, at.times, "right") - 1
        piece = np.maximum(last, 0)
        since = np.maximum(at.times - start[piece], 0) / HOUR_MS
        behind = opening[piece] * outside + np.array(away)[piece] * np.exp(-pace[piece] * since)
        return np.where(last < 0, outside, np.maximum(behind, 0))
