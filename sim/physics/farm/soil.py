"""Soil of one plot: root-zone water, irrigation and nutrients day by day, and at any moment in between.

    rain ────────────────────┐
    pump (own or commanded) ─┴─► root zone, water over it ─► crop, drainage ─► nutrients

The balance is FAO-56 chapter 8. On a paddy, water stands over the root zone as its calendar says (paddy.py).
Plots of a place share weather and crop and differ in texture. Each has its own pump and field valve, which
obey actions. "FAO-56": see evaporation.py.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from devices.clock import DAY_MS, HOUR_MS
from sim.physics.actions import Action, Pumped, Run, Runs, commanded, overlay, spread, through
from sim.physics.farm.paddy import BUND, Paddy
from sim.physics.moment import ANCHOR, YEAR, Moment
from sim.physics.streams import Array, carried, uniform
from sim.physics.weather import Weather


@dataclass(frozen=True, slots=True)
class Crop:
    """A crop. `kc`: crop coefficient; `root`: mm deep; `depletion`: share of water taken before stress."""

    kc: float
    root: float
    depletion: float
    ph: float


# Assumption: mid-season values all year round; raised beds and a high water table keep roots within 0.6 m. kc
# and depletion: FAO-56 Tables 12 and 22 (rice; citrus; tropical fruit as citrus; flowers and ornamentals as
# small vegetables). pH: mango 6-7.2 and citrus 5.5-6.5 (FACTS); the others are an assumption, lower on the
# acid sulphate soils where lotus grows.
_GARDEN = Crop(0.85, 600, 0.5, 5.9)
_CROPS = {
    "rice": Crop(1.15, 500, 0.2, 5.6),
    "mango": Crop(0.85, 600, 0.5, 6.4),
    "mandarin": Crop(0.70, 600, 0.5, 5.9),
    "flowers": Crop(1.0, 300, 0.35, 6.0),
    "ornamental": Crop(1.0, 400, 0.4, 6.0),
    "lotus": Crop(1.15, 500, 0.2, 4.9),
}


@dataclass(frozen=True, slots=True)
class Texture:
    """Water contents by volume: at wilting, at field capacity and at saturation."""

    wilting: float
    capacity: float
    saturation: float


# Within FAO-56 Table 19: silt clay loam 0.17-0.24 and 0.30-0.37, clay 0.20-0.24 and 0.32-0.40.
# Assumption: the porosities, and that a plot lies anywhere between the two.
_LIGHT, _HEAVY = Texture(0.20, 0.33, 0.45), Texture(0.235, 0.385, 0.50)
_DRAINED = 0.5  # Assumption: half the water above field capacity leaves in a day
_SEEPS = 1.5  # Assumption, mm a day: through the plough pan of a puddled clay
# Assumption: on a dry day the pump starts at 5 h and gives at most 20 mm, 75 to a paddy; 15 mm an hour.
_PUMP_START, _MOST_WATER, _MOST_PADDY, _FLOW = 5 * HOUR_MS, 20.0, 75.0, 15.0
# Assumption: mean available mg/kg; share taken up a day at the usual transpiration (mm); share washed out by
# 10 mm of drainage. The soil's own store gives back seven tenths of the uptake. Fertiliser replaces the rest
# since the last time, of 200 days at most. Where nobody keeps a diary it comes every 30 days.
_NUTRIENTS = {
    "nitrogen": (45.0, 0.012, 0.02),
    "phosphorus": (28.0, 0.003, 0.002),
    "potassium": (130.0, 0.006, 0.008),
}
_FREED, _FERTILISED, _MOST_DAYS, _TRANSPIRED = 0.7, 30, 200, 3.5
# Assumption: in one month of fifteen nobody operates a plot's pump for 15 days; commands still work.
_FORGOTTEN, _FOR_DAYS, _MONTH = 1 / 15, 15, 30
# Assumption: soil sours by 0.7 in three years, until somebody limes.
_SOURS, _LIMED = 0.7, 3.0


class Soil(Pumped):
    """One plot's soil. `water` at the start of each day and its changes in the day, mm of the root zone."""

    def __init__(
        self, weather: Weather, crop: str, plot: int, actions: Iterable[Action] = (),
        fertilised: Sequence[int] | None = None, paddy: Paddy | None = None,
    ) -> None:  # fmt: skip
        self._weather, self._crop, self._plot = weather, _CROPS.get(crop, _GARDEN), plot
        self._paddy = paddy
        self._fertilised = fertilised
        share = (1 + self._offset("texture")) / 2
        self.texture = Texture(
            _LIGHT.wilting + share * (_HEAVY.wilting - _LIGHT.wilting),
            _LIGHT.capacity + share * (_HEAVY.capacity - _LIGHT.capacity),
            _LIGHT.saturation + share * (_HEAVY.saturation - _LIGHT.saturation),
        )
        actions = tuple(actions)
        pump, valve = commanded(actions, "pump", plot), commanded(actions, "valve", plot)
        self._balance(pump, valve)
        self._valve = Runs(overlay(self._pumping, valve))

    def _balance(self, pump: list[Run], valve: list[Run]) -> None:
        """FAO-56 eq. 85, with the stress coefficient of eq. 84 and no capillary rise (Assumption).

        A day's own irrigation, crop uptake and drainage follow from the water at its start. Commands to the
        pump then add to that (up to saturation, or the bund) or take from it.
        """
        crop, texture, weather = self._crop, self.texture, self._weather
        capacity = (texture.capacity - texture.wilting) * crop.root
        self._full = (texture.saturation - texture.wilting) * crop.root
        pumps, valves = (spread(runs, ANCHOR, DAY_MS, len(weather.rain)) for runs in (pump, valve))
        self._pumping: list[Run] = []
        flowing: list[Run] = []
        half = 1 / ((1 - crop.depletion) * capacity)
        water, rows = capacity / 2, []
        kc, *regime = self._regime(capacity)
        self._demand = kc * weather.evapotranspiration
        idle = self._idle().tolist()
        courses = (row.tolist() for row in (weather.rain, self._demand, *regime))
        for day, (rain, want, dry, wet, full, most, seeps) in enumerate(zip(*courses, strict=True)):
            planned, runs = 0.0, list[Run]()
            if water < dry and not idle[day]:
                start, lasts = (
                    ANCHOR + day * DAY_MS + _PUMP_START,
                    round(min(wet - water, most) / _FLOW * HOUR_MS),
                )
                planned, runs = lasts / HOUR_MS * _FLOW, [(start, start + lasts, 1.0)]
            stress = water * half
            uptake = min(want * stress if stress < 1 else want, water)
            over = water - full if water > full else 0.0  # runs off if no bund holds it any more
            drained = min(_DRAINED * (water - over - capacity), seeps) + over if water > capacity else 0.0
            room = full - (water - uptake - drained)
            soaked = rain if rain < room - planned else room - planned
            inflow, flows = planned, runs
            if day in pumps or day in valves:
                runs = overlay(runs, pumps.get(day, ()))
                flows = through(runs, valves.get(day, ()))
                inflow = min(sum((b - a) / HOUR_MS * value for a, b, value in flows) * _FLOW, room - soaked)
            if runs:
                self._pumping += runs
                flowing += flows
            rows.append((water, inflow, soaked, uptake, drained, room - soaked))
            water += inflow - uptake - drained + soaked
        self.water, self.irrigation, self.soaked, self.uptake, self.drained, self._most = np.array(
            rows
        ).T.copy()
        self._pump, self._flow = Runs(self._pumping), Runs(flowing)
        self._poured = self._flow.total(ANCHOR + weather.day * DAY_MS)

    def _regime(self, capacity: float) -> tuple[Array, Array, Array, Array, Array, Array]:
        """By day: the crop coefficient; the water, in mm, below which the pump starts, up to which it pumps,
        and that the field holds; the most that the pump gives; the most that seeps away.
        """
        crop, field, days = self._crop, self._paddy, len(self._weather.day)
        start = (1 - crop.depletion) * capacity
        rows = (crop.kc, start, capacity, self._full, _MOST_WATER, math.inf)
        if field is None:
            return tuple(np.full(days, value) for value in rows)  # type: ignore[return-value]
        dries, rises = (self._full + np.where(x < 0, x * self._drains, x) for x in (field.dries, field.rises))
        seeps = np.where(field.puddled > 0, _SEEPS, math.inf)
        return field.kc, dries, rises, self._full + field.holds, np.full(days, _MOST_PADDY), seeps

    @property
    def _drains(self) -> float:
        """mm of water that a mm of soil loses when the water table falls past it."""
        return self.texture.saturation - self.texture.capacity

    def _idle(self) -> npt.NDArray[np.bool_]:
        """The days on which nobody operates the pump."""
        month, day = np.divmod(self._weather.day, _MONTH)
        stream = f"pump@{self._weather.place}:{self._plot}"
        chosen = uniform(self._weather.seed, stream, month) < _FORGOTTEN
        return np.asarray(chosen & (day < _FOR_DAYS))

    def _offset(self, name: str) -> float:
        """A constant random offset of this plot, -1 to 1."""
        stream = f"soil {name}@{self._weather.place}"
        return 2 * float(uniform(self._weather.seed, stream, np.array([self._plot]))[0]) - 1

    def pumped(self, start: int, stop: int) -> list[Run]:
        """Return the pump's runs that began in [start, stop) epoch ms, whole."""
        return [run for run in self._pumping if start <= run[0] < stop and run[2]]

    @property
    def fulfilled(self) -> Array:
        """The share of each day's water demand that the crop could take up."""
        return np.asarray(self.uptake / self._demand)

    def _stored(self, at: Moment) -> Array:
        """mm of water in the root zone and over it; at midnight it equals the next day's start."""
        day, weather = at.day, self._weather
        poured = (self._flow.total(at.times) - self._poured[day]) * _FLOW
        water: Array = (
            self.water[day]
            + np.minimum(poured, self._most[day])
            + self.soaked[day] * weather.rain_progress(at)
            - self.uptake[day] * weather.sky.passed(day, at.hour)
            - self.drained[day] * at.hour / 24
        )
        return water

    def _content(self, at: Moment) -> Array:
        """Water by volume."""
        # in a flooded hour, the day's uptake and drainage have not made room yet
        return np.minimum(self.texture.wilting + self._stored(at) / self._crop.root, self.texture.saturation)

    def standing(self, at: Moment) -> Array:
        """The water level of a paddy, mm above the mud. Without standing water it is the water table,
        negative, as far as a tube of 30 cm shows it.
        """
        over = self._stored(at) - self._full
        return np.clip(np.where(over < 0, over / self._drains, over), -300.0, BUND)

    def moisture(self, at: Moment) -> Array:
        """Moisture, % by volume."""
        return 100 * self._content(at)

    def temperature(self, at: Moment) -> Array:
        """°C at 0.12 m: the daily wave, damped and one radian late (Campbell and Norman 1998, ch. 2)."""
        mean = at.between(self._mean_temperature)
        wave = np.exp(-1) * at.between(self._weather.range) / 2
        late = np.cos(2 * np.pi * (at.hour - 13) / 24 - 1)
        return np.asarray(mean + wave * late + 0.5 * self._offset("temperature"))

    @cached_property
    def _mean_temperature(self) -> Array:
        """Assumption: the mean of three days, 0.7 °C above the air's."""
        mean = self._weather.mean
        before = np.concatenate((mean[:1], mean[:-1]))
        return np.asarray((mean + before + np.concatenate((before[:1], before[:-1]))) / 3 + 0.7)

    def conductivity(self, at: Moment) -> Array:
        """dS/m. Assumption: 0.9 at field capacity, within 30 %; salts concentrate as the soil dries."""
        return (0.9 + 0.27 * self._offset("conductivity")) * self.texture.capacity / self._content(at)

    def ph(self, at: Moment) -> Array:
        """Assumption: 0.15 lower as the first rains wash out acid (June), plots within 0.08; see _SOURS."""
        day = at.day + at.hour / 24
        season = 0.15 * np.cos(2 * np.pi * (day - 165) / YEAR)
        since = (day / YEAR / _LIMED + (1 + self._offset("limed")) / 2) % 1
        sour = _SOURS * np.interp(since, (0, 0.95, 1), (0, 1, 0))  # lime takes some weeks
        return np.asarray(self._crop.ph + _SOURS / 2 - sour - season + 0.08 * self._offset("ph"))

    @cached_property
    def _nutrients(self) -> dict[str, Array]:
        return {name: self._nutrient(*row) for name, row in _NUTRIENTS.items()}

    def _nutrient(self, mean: float, loss: float, washed: float) -> Array:
        weather = self._weather
        days = self._fertilised
        if days is None:
            begin = _FERTILISED * uniform(weather.seed, f"fertiliser@{weather.place}", np.array([0]))[0]
            days = range(int(begin), len(weather.day), _FERTILISED)
        kept = 1 - loss * self.uptake / _TRANSPIRED - washed * self.drained / 10
        gains, since = np.full(len(weather.day), _FREED * mean * loss), 0
        for day in days:
            gains[day] += (1 - _FREED) * mean * loss * min(day - since, _MOST_DAYS)
            since = day
        gains[0] = mean
        return carried(gains, kept)

    def nutrient(self, at: Moment, name: str) -> Array:
        """Available mg/kg of `name`. Assumption: plots within 20 %."""
        return at.between(self._nutrients[name]) * (1 + 0.2 * self._offset(name))
