"""Soil of one place: root-zone water, irrigation and nutrients day by day, and any moment in between.

    rain, irrigation ─► root zone ─► crop, drainage

One balance a place (FAO-56 chapter 8); plots differ by fixed offsets. The pump waters all plots.
"FAO-56": Allen et al., FAO Irrigation and Drainage Paper 56 (1998).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.weather import Array, Moment, Weather, uniform


@dataclass(frozen=True, slots=True)
class Crop:
    """`kc` crop coefficient, `root` depth in mm, `depletion` share of water taken before stress."""

    kc: float
    root: float
    depletion: float
    ph: float


# Assumption: mid-season values all year round; raised beds and a high water table keep roots within
# 0.6 m. kc and depletion: FAO-56 Tables 12 and 22 (rice; citrus; tropical fruit as citrus; flowers and
# ornamentals as small vegetables). pH: mango 6-7.2 and citrus 5.5-6.5 (FACTS), others an assumption,
# lower on the acid sulphate soils where lotus grows.
_GARDEN = Crop(0.85, 600, 0.5, 5.9)
_CROPS = {
    "rice": Crop(1.15, 500, 0.2, 5.6),
    "mango": Crop(0.85, 600, 0.5, 6.4),
    "mandarin": Crop(0.70, 600, 0.5, 5.9),
    "flowers": Crop(1.0, 300, 0.35, 6.0),
    "ornamental": Crop(1.0, 400, 0.4, 6.0),
    "lotus": Crop(1.15, 500, 0.2, 4.9),
}

# Water contents by volume, FAO-56 Table 19: clay, wilting 0.20-0.24, field capacity 0.32-0.40.
_WILTING, _CAPACITY = 0.22, 0.36
_SATURATION = 0.48  # Assumption: porosity of clay
_DRAINED = 0.5  # Assumption: half the water above field capacity leaves in a day
# Assumption: the pump starts at 5 h on a dry day and gives at most 20 mm, 4 minutes a mm, at 1.5 kW.
_PUMP_START, _MOST_WATER, _MINUTES, _POWER = 5.0, 20.0, 4.0, 1.5
# Assumption: available mg/kg in the mean, share lost a day, share washed out by 10 mm of drainage;
# fertiliser every 30 days makes up for the daily loss.
_NUTRIENTS = {
    "nitrogen": (45.0, 0.012, 0.02),
    "phosphorus": (28.0, 0.003, 0.002),
    "potassium": (130.0, 0.006, 0.008),
}
_FERTILISED = 30


class Soil:
    """`water` at the start of each day and what changed it, all in mm of the root zone."""

    def __init__(self, weather: Weather, crop: str) -> None:
        self._weather, self._crop = weather, _CROPS.get(crop, _GARDEN)
        self._balance()
        self._watered = np.concatenate(([0.0], np.cumsum(self.irrigation)))

    def _balance(self) -> None:
        """FAO-56 eq. 85, with the stress coefficient of eq. 84 and no capillary rise (Assumption)."""
        crop = self._crop
        capacity = (_CAPACITY - _WILTING) * crop.root
        full = (_SATURATION - _WILTING) * crop.root
        water, rows = capacity / 2, []
        demand = crop.kc * self.evapotranspiration
        for rain, want in zip(self._weather.rain.tolist(), demand.tolist(), strict=True):
            lacking = capacity - water
            irrigation = min(lacking, _MOST_WATER) if lacking > crop.depletion * capacity else 0.0
            stress = min(1.0, water / ((1 - crop.depletion) * capacity))
            taken = min(want * stress, water)
            drained = _DRAINED * max(0.0, -lacking)
            before = water + irrigation - taken - drained
            soaked = min(rain, full - before)
            rows.append((water, irrigation, soaked, taken, drained))
            water = before + soaked
        self.water, self.irrigation, self.soaked, self.taken, self.drained = np.array(rows).T.copy()

    @property
    def evapotranspiration(self) -> Array:
        """Reference evapotranspiration of each day, mm. Hargreaves, FAO-56 eqs. 20 and 52."""
        weather = self._weather
        return np.asarray(
            0.0023 * (weather.mean + 17.8) * np.sqrt(weather.range) * 0.408 * weather.radiation_top
        )

    def _offset(self, name: str, plot: int) -> float:
        """What is always different in this plot, -1 to 1."""
        stream = f"soil {name}@{self._weather.place}"
        return 2 * float(uniform(self._weather.seed, stream, np.array([plot]))[0]) - 1

    def _watering(self, at: Moment) -> Array:
        """Share of the day's irrigation that is given."""
        minutes = np.maximum(self.irrigation[at.day] * _MINUTES, 1e-9)
        return np.asarray(np.clip((at.hour - _PUMP_START) * 60 / minutes, 0, 1))

    def pump(self, at: Moment) -> Array:
        """1 while the plots are irrigated."""
        end = _PUMP_START + self.irrigation[at.day] * _MINUTES / 60
        return np.asarray((at.hour >= _PUMP_START) & (at.hour < end), dtype=np.float64)

    def energy(self, at: Moment) -> Array:
        """kWh the pump has used since the anchor."""
        given = self._watered[at.day] + self.irrigation[at.day] * self._watering(at)
        return np.asarray(given * _MINUTES / 60 * _POWER)

    def _content(self, at: Moment) -> Array:
        """Water by volume; meets the next day's start at midnight."""
        day, weather = at.day, self._weather
        water: Array = (
            self.water[day]
            + self.irrigation[day] * self._watering(at)
            + self.soaked[day] * weather.rain_progress(at)
            - self.taken[day] * weather.sun_passed(at)
            - self.drained[day] * at.hour / 24
        )
        return _WILTING + water / self._crop.root

    def moisture(self, at: Moment, plot: int) -> Array:
        """% by volume. Assumption: plots differ by up to 3 %."""
        return 100 * self._content(at) + 3 * self._offset("moisture", plot)

    def temperature(self, at: Moment, plot: int) -> Array:
        """°C at 0.12 m: the daily wave, damped and late by one radian (Campbell and Norman 1998, ch. 2)."""
        mean = at.between(self._mean_temperature)
        wave = np.exp(-1) * at.between(self._weather.range) / 2
        late = np.cos(2 * np.pi * (at.hour - 13) / 24 - 1)
        return np.asarray(mean + wave * late + 0.5 * self._offset("temperature", plot))

    @cached_property
    def _mean_temperature(self) -> Array:
        """Assumption: the mean of three days, 0.7 °C above the air's."""
        mean = self._weather.mean
        before = np.concatenate((mean[:1], mean[:-1]))
        return np.asarray((mean + before + np.concatenate((before[:1], before[:-1]))) / 3 + 0.7)

    def conductivity(self, at: Moment, plot: int) -> Array:
        """dS/m. Assumption: 0.9 at field capacity, within 30 %; salts thicken as the soil dries."""
        return (0.9 + 0.27 * self._offset("conductivity", plot)) * _CAPACITY / self._content(at)

    def ph(self, at: Moment, plot: int) -> Array:
        """Assumption: 0.15 lower when the first rains wash out acid (June), plots within 0.3."""
        season = 0.15 * np.cos(2 * np.pi * (at.day + at.hour / 24 - 165) / 365.25)
        return np.asarray(self._crop.ph - season + 0.3 * self._offset("ph", plot))

    @cached_property
    def _nutrients(self) -> dict[str, Array]:
        return {name: self._nutrient(*row) for name, row in _NUTRIENTS.items()}

    def _nutrient(self, mean: float, loss: float, washed: float) -> Array:
        first = int(_FERTILISED * (1 + self._offset("fertiliser", 0)) / 2)
        dose, level, out = mean * loss * _FERTILISED, mean, []
        kept = (1 - loss - washed * self.drained / 10).tolist()
        for day, share in enumerate(kept):
            out.append(level)
            level = level * share + dose * (day % _FERTILISED == first)
        return np.array(out)

    def nutrient(self, at: Moment, plot: int, name: str) -> Array:
        """Available mg/kg of `name`. Assumption: plots within 20 %."""
        return at.between(self._nutrients[name]) * (1 + 0.2 * self._offset(name, plot))
