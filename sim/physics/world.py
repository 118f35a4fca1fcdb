"""The simulated province: every true value, as a function of seed, place, plot and time.

    weather ─┬─► soil ─► pump        a place's years are computed once, and extended when asked
             ├─► water ─► sluice     for a later time; earlier days never change
    actions ─┼─► pond ─► aerator     an action changes its place from its start on
             └─► pests, battery

Nothing depends on where a run starts: history, live running and shards of a fleet see one world.
"""

from collections.abc import Callable
from functools import cached_property

import numpy as np

from devices.clock import DAY_MS
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import Pilot
from devices.pilots.places import Community, Place
from devices.texts import Misuse
from sim.physics.actions import Action, Actions, commanded
from sim.physics.farm.paddy import Paddy, paddy
from sim.physics.farm.soil import Soil
from sim.physics.farm.stock import HOUSEHOLD
from sim.physics.growing import FED, LOOKS_AHEAD, Grown, crops, fertilised
from sim.physics.moment import ANCHOR, YEAR, Moment, seasonal
from sim.physics.pests import Pests
from sim.physics.pond import Pond
from sim.physics.river import river
from sim.physics.streams import Array, Index, common, noise, persistent, uniform
from sim.physics.tide import tide
from sim.physics.water import Water
from sim.physics.weather import Weather

_CACHED = 64  # cached answers for one place and one array of times
# A node's battery. Assumptions: it lasts 7 days in the dark. Light below 7 MJ/m2 a day does not charge it,
# and the usual 18.6 gives 2.8 times what is used. Leaves take up to 0.65 of the light at the worst plot and
# far less at most plots (the square of a plot's luck). They take all of that in September, when they have
# grown through the rains and nobody has cut them yet (the shares by month). Volts are those of a lithium cell
# by charge, plus 0.06 while it is charged.
_RESERVE, _DULL, _USUAL, _GAIN, _SHADE = 7.0, 7.0, 18.6, 2.8, 0.65
_GROWN = (0.2, 0.1, 0.1, 0.1, 0.1, 0.15, 0.3, 0.5, 1.05, 0.85, 0.3, 0.2)
_CHARGE, _VOLTS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0), (3.2, 3.45, 3.55, 3.65, 3.75, 3.86, 3.98, 4.12)


class Land:
    """One place up to a day, under the actions so far: its physics, and its nodes' batteries and signal."""

    def __init__(self, weather: Weather, place: Place, actions: tuple[Action, ...]) -> None:
        self.weather, self._place, self.actions = weather, place, actions
        self.days = len(weather.day)
        self._soils: dict[int, Soil] = {}
        self._ponds: dict[int, Pond] = {}
        self._charges: dict[int, tuple[Array, Array]] = {}

    @cached_property
    def _fertilised(self) -> list[int] | None:
        """The days of fertilising; None where nobody grows anything."""
        place = self._place
        if not isinstance(place, Community) or not place.products:
            return None
        return fertilised(self.weather.seed, place, self.weather.rain)

    @cached_property
    def water(self) -> Water:
        gated = self._place.behind_sluices
        return Water(self.weather, commanded(self.actions, "sluice"), gated=gated)

    @cached_property
    def pests(self) -> Pests:
        return Pests(self.weather)

    def soil(self, plot: int) -> Soil:
        if plot not in self._soils:
            products = self._place.products if isinstance(self._place, Community) else ()
            crop = products[0].crop if products else ""
            self._soils[plot] = Soil(self.weather, crop, plot, self.actions, self._fertilised, self._paddy)
        return self._soils[plot]

    @cached_property
    def _paddy(self) -> Paddy | None:
        """The water regime of the fields, if rice is the first product."""
        place = self._place
        if not isinstance(place, Community) or not place.products or place.products[0].crop != "rice":
            return None
        return paddy(crops(self.weather.seed, place, place.products[0], 0, self.days), self.days)

    def pond(self, plot: int) -> Pond:
        if plot not in self._ponds:
            kind, cycles = self._cycles
            self._ponds[plot] = Pond(self.weather, plot, self.actions, cycles, kind)
        return self._ponds[plot]

    @cached_property
    def _cycles(self) -> tuple[str, list[Grown]]:
        """The kind of fish in the place's ponds, which are all alike, and its cycles."""
        place = self._place
        if isinstance(place, Community):
            for product in place.products:
                if product.crop in FED:
                    return product.crop, list(crops(self.weather.seed, place, product, 0, self.days))
        return HOUSEHOLD, []

    def pumped(self, plot: int) -> Soil | Pond:
        """What the pump of a plot waters: its pond if fish are kept, else its field."""
        return self.pond(plot) if self._cycles[1] else self.soil(plot)

    @cached_property
    def _highs(self) -> Array:
        return persistent(self.weather.field("pressure"), 0.8)

    def pressure(self, at: Moment) -> Array:
        """hPa. Assumption: 1010, 2 more in January; tide of 1.2 (Chapman and Lindzen 1970: 10 and 22 h)."""
        season = 2 * np.cos(2 * np.pi * (at.day - 15) / YEAR)
        tide = 1.2 * np.cos(2 * np.pi * (at.hour - 10) / 12)
        return np.asarray(1010 + season + tide + at.between(self._highs))

    def carbon_dioxide(self, at: Moment) -> Array:
        """ppm. 414 in 2020, 2.5 more a year (NOAA, rounded). Assumption: 80 more by night, 15 less by day."""
        day = np.minimum(self.weather.radiation(at) / 400, 1)
        night = 40 * (1 - day) / (0.5 + self.weather.wind(at))
        return np.asarray(414 + 2.5 * (at.day + at.hour / 24) / YEAR + night - 15 * day)

    def _site(self, name: str, plot: int) -> float:
        """A constant random number of this plot, 0 to 1."""
        return float(uniform(self.weather.seed, f"{name}@{self._place.id}", np.array([plot]))[0])

    def _charged(self, plot: int) -> tuple[Array, Array]:
        """Charge at the start of each day, and what the day's sun can add, as shares of the full battery."""
        if plot not in self._charges:
            light = np.maximum(self.weather.light - _DULL, 0) / (_USUAL - _DULL)
            leaves = _SHADE * self._site("panel", plot) ** 2 * seasonal(_GROWN, self.weather.day)
            gain = light * _GAIN * (1 - leaves) / _RESERVE
            charge, out = 0.8, []
            for more in gain.tolist():
                out.append(charge)
                charge = max(min(charge + more, 1.0) - 1 / _RESERVE, 0.0)
            self._charges[plot] = np.array(out), gain
        return self._charges[plot]

    def battery(self, at: Moment, plot: int) -> Array:
        """Battery voltage, V."""
        charge, gain = (daily[at.day] for daily in self._charged(plot))
        passed = self.weather.sky.passed(at.day, at.hour)
        now = np.maximum(np.minimum(charge + gain * passed, 1) - at.hour / 24 / _RESERVE, 0)
        charging = 0.06 * np.minimum(self.weather.sky.height(at.day, at.hour).clip(0) * 2, 1)
        return np.asarray(np.interp(now, _CHARGE, _VOLTS) + charging)

    def strength(self, at: Moment, plot: int) -> Array:
        """Signal strength, dBm. Assumption: -70 to -95 by plot, 4 dB of fading, 3 lost in rain."""
        fading = noise(self.weather.seed, f"rssi@{self._place.id}:{plot}", at.times) - 0.5
        return np.asarray(-70 - 25 * self._site("rssi", plot) + 8 * fading - 3 * self.weather.shower(at))


_Course = Callable[[Land, Moment], Array]
_PlotCourse = Callable[[Land, Moment, int], Array]

# Signals that all plots of a place share.
_PLACE: dict[str, _Course] = {
    "air_temperature": lambda land, at: land.weather.temperature(at),
    "relative_humidity": lambda land, at: land.weather.humidity(at),
    "air_pressure": lambda land, at: land.pressure(at),
    "wind_speed": lambda land, at: land.weather.wind(at),
    "solar_radiation": lambda land, at: land.weather.radiation(at),
    "leaf_wetness": lambda land, at: land.pests.leaf_wetness(at),
    "co2": lambda land, at: land.carbon_dioxide(at),
    "water_level": lambda land, at: land.water.level(at),
    "water_temperature": lambda land, at: land.water.temperature(at),
    "water_ph": lambda land, at: land.water.ph(at),
    "water_ec": lambda land, at: land.water.conductivity(at),
    "salinity": lambda land, at: land.water.salinity(at),
    "turbidity": lambda land, at: land.water.turbidity(at),
}
# Signals that differ from plot to plot.
_PLOT: dict[str, _PlotCourse] = {
    "soil_moisture": lambda land, at, plot: land.soil(plot).moisture(at),
    "soil_temperature": lambda land, at, plot: land.soil(plot).temperature(at),
    "soil_ec": lambda land, at, plot: land.soil(plot).conductivity(at),
    "soil_ph": lambda land, at, plot: land.soil(plot).ph(at),
    "soil_nitrogen": lambda land, at, plot: land.soil(plot).nutrient(at, "nitrogen"),
    "soil_phosphorus": lambda land, at, plot: land.soil(plot).nutrient(at, "phosphorus"),
    "soil_potassium": lambda land, at, plot: land.soil(plot).nutrient(at, "potassium"),
    "pump_state": lambda land, at, plot: land.pumped(plot).pump(at),
    "valve_state": lambda land, at, plot: land.pumped(plot).valve(at),
    "energy": lambda land, at, plot: land.pumped(plot).energy(at),
    "dissolved_oxygen": lambda land, at, plot: land.pond(plot).oxygen(at),
    "ammonia": lambda land, at, plot: land.pond(plot).ammonia(at),
    "aerator_state": lambda land, at, plot: land.pond(plot).aerator(at),
    "battery_voltage": lambda land, at, plot: land.battery(at, plot),
    "rssi": lambda land, at, plot: land.strength(at, plot),
}
# Signals that a model of node measures elsewhere than the other models.
_MODEL: dict[str, dict[str, _PlotCourse]] = {
    "pond-buoy": {
        "water_temperature": lambda land, at, plot: land.pond(plot).temperature(at),
        "water_ph": lambda land, at, plot: land.pond(plot).ph(at),
    },
    "canal-gauge": {"valve_state": lambda land, at, _: land.water.sluice.opening(at)},
}
# Running totals; the signal is the increase over one interval.
_TOTAL: dict[str, _Course] = {
    "rainfall": lambda land, at: land.weather.rained(at),
    "pest_count": lambda land, at: land.pests.caught(at),
}


class World:
    """Pilot places under one seed and a log of actions, to which another thread may add while this asks."""

    def __init__(self, seed: int, pilot: Pilot, actions: Actions | None = None) -> None:
        self._seed, self._pilot = seed, pilot
        self._actions = Actions() if actions is None else actions
        self._lands: dict[str, Land] = {}
        self._moments: dict[str, tuple[Moment, Index, dict[tuple[str, str, int], Array]]] = {}

    def signal(
        self, place: str, plot: int, name: str, times: Index, interval: int, model: str | None = None
    ) -> Array:
        """True values (no sensor noise) of signal `name` of a place's plot.

        `times` are epoch milliseconds from 2020-01-01 +07:00 on, in any order. `interval` is in seconds;
        rainfall and pest_count are totals since time - interval (the part before 2020 is nothing). `model` is
        the node's: a pond-buoy's water_temperature and water_ph are the pond's, not the canal's, and a
        canal-gauge's valve_state is the sluice's. Values are within the signal's low and high. Raises
        KeyError for a place that the pilot does not have, Misuse for times before 2020.
        """
        if not len(times):
            return np.empty(0)
        land, at, cache = self._at(place, times)
        elsewhere = _MODEL.get(model or "", {}).get(name)
        part = interval if name in _TOTAL else plot if elsewhere or name in _PLOT else 0
        key = (name, (model or "") if elsewhere else "", part)
        if key not in cache:
            limits = SIGNALS[name]
            true = elsewhere(land, at, plot) if elsewhere else _value(land, at, plot, name, interval)
            cache[key] = np.clip(true, limits.low, limits.high)
            if len(cache) > _CACHED:
                del cache[next(iter(cache))]
        return cache[key].copy()

    def land(self, place: str, until: int) -> Land:
        """Return a place as it is until epoch ms `until`."""
        return self._at(place, np.array([max(until, ANCHOR)]))[0]

    def forget(self) -> None:
        """Drop everything computed, here and in the shared caches; asking again gives the same values."""
        self._lands.clear()
        self._moments.clear()
        for kept in (common, river, tide):
            kept.cache_clear()

    def _at(self, place: str, times: Index) -> tuple[Land, Moment, dict[tuple[str, str, int], Array]]:
        """Return the land up to these times, their Moment, and the answers already computed for them."""
        land, last = self._lands.get(place), self._moments.get(place)
        current = land is not None and len(land.actions) == self._actions.count(place)
        if land is not None and current and last is not None and np.array_equal(last[1], times):
            return land, last[0], last[2]
        if times.min() < ANCHOR:
            raise Misuse("simulated.too_early")
        # one more day to interpolate to, and those that farmers look ahead
        needed = int((times.max() - ANCHOR) // DAY_MS) + 4 + LOOKS_AHEAD
        if land is None or land.days < needed or not current:
            where = self._pilot.place[place]
            longer = land is None or land.days < needed
            weather = land.weather if land and not longer else self._weather(where, needed)
            land = self._lands[place] = Land(weather, where, self._actions.of(place))
        at, cache = Moment(times), dict[tuple[str, str, int], Array]()
        self._moments[place] = (at, times.copy(), cache)
        return land, at, cache

    def _weather(self, place: Place, days: int) -> Weather:
        return Weather(self._seed, place.id, place.lat, place.lon, days)


def _value(land: Land, at: Moment, plot: int, name: str, interval: int) -> Array:
    if name in _PLOT:
        return _PLOT[name](land, at, plot)
    if name in _TOTAL:
        total = _TOTAL[name]
        return total(land, at) - total(land, at.ago(interval / 3600))
    return _PLACE[name](land, at)
