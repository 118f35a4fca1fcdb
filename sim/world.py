"""The simulated province: every true value, as a function of seed, place, plot and time.

    weather ─► soil ─► pump        a place's days are computed once and reach further when asked
       ├────► water ─► pond        for a later time; earlier days never change
       └────► pests, battery

Nothing depends on where a run starts: history, live running and shards of a fleet see one world.
"""

from collections.abc import Callable
from functools import cached_property

import numpy as np

from devices.pilot import Community, Pilot, Place
from devices.signals import SIGNALS
from sim.pests import Pests
from sim.pond import Pond
from sim.soil import Soil
from sim.water import Water
from sim.weather import ANCHOR, DAY, Array, Index, Moment, Weather, noise, uniform

_BLOCK = 366  # days are computed by this many
_KEPT = 64  # answers kept of one place and one array of times


class Land:
    """One place up to a day: its physics, and the solar node that measures them."""

    def __init__(self, seed: int, place: Place, days: int) -> None:
        self.days, self._seed, self._place = days, seed, place
        self.weather = Weather(seed, place.id, place.lat, place.lon, days)

    @cached_property
    def water(self) -> Water:
        return Water(self.weather)

    @cached_property
    def soil(self) -> Soil:
        products = self._place.products if isinstance(self._place, Community) else ()
        return Soil(self.weather, products[0].crop if products else "")

    @cached_property
    def pond(self) -> Pond:
        return Pond(self.weather, self.water)

    @cached_property
    def pests(self) -> Pests:
        return Pests(self.weather)

    @cached_property
    def _charge(self) -> Array:
        """How full a battery is at the end of each day: the sunshine of the last days."""
        charge, out = 0.6, []
        for sun in self.weather.sun.tolist():
            charge += (sun - charge) * 0.35
            out.append(charge)
        return np.array(out)

    def battery(self, at: Moment) -> Array:
        """V of a lithium cell. Assumption: 3.55 to 4.1 by the sunshine of about three days, 0.1 V a day."""
        before = self._charge[np.maximum(at.day - 1, 0)]
        passed = self.weather.sun_passed(at)
        charge = before + (self._charge[at.day] - before) * passed
        return np.asarray(3.55 + 0.55 * charge + 0.1 * (passed - at.hour / 24))

    def strength(self, at: Moment, plot: int) -> Array:
        """dBm. Assumption: -70 to -95 by plot, 4 dB of fading, 3 lost in rain."""
        stream = f"rssi@{self._place.id}"
        site = float(uniform(self._seed, stream, np.array([plot]))[0])
        fading = noise(self._seed, f"{stream}:{plot}", at.times) - 0.5
        return np.asarray(-70 - 25 * site + 8 * fading - 3 * self.weather.shower(at))


_Course = Callable[[Land, Moment], Array]
_PlotCourse = Callable[[Land, Moment, int], Array]

# What all plots of a place share.
_PLACE: dict[str, _Course] = {
    "air_temperature": lambda land, at: land.weather.temperature(at),
    "relative_humidity": lambda land, at: land.weather.humidity(at),
    "air_pressure": lambda land, at: land.weather.pressure(at),
    "wind_speed": lambda land, at: land.weather.wind(at),
    "solar_radiation": lambda land, at: land.weather.radiation(at),
    "leaf_wetness": lambda land, at: land.pests.leaf_wetness(at),
    "co2": lambda land, at: land.weather.carbon_dioxide(at),
    "water_level": lambda land, at: land.water.level(at),
    "water_temperature": lambda land, at: land.water.temperature(at),
    "water_ph": lambda land, at: land.water.ph(at),
    "water_ec": lambda land, at: land.water.conductivity(at),
    "salinity": lambda land, at: land.water.salinity(at),
    "turbidity": lambda land, at: land.water.turbidity(at),
    "dissolved_oxygen": lambda land, at: land.pond.oxygen(at),
    "ammonia": lambda land, at: land.pond.ammonia(at),
    "aerator_state": lambda land, at: land.pond.aerator(at),
    "pump_state": lambda land, at: land.soil.pump(at),
    "valve_state": lambda land, at: land.soil.pump(at),  # Assumption: the field valve opens with the pump
    "energy": lambda land, at: land.soil.energy(at),
    "battery_voltage": lambda land, at: land.battery(at),
}
# What differs from plot to plot.
_PLOT: dict[str, _PlotCourse] = {
    "soil_moisture": lambda land, at, plot: land.soil.moisture(at, plot),
    "soil_temperature": lambda land, at, plot: land.soil.temperature(at, plot),
    "soil_ec": lambda land, at, plot: land.soil.conductivity(at, plot),
    "soil_ph": lambda land, at, plot: land.soil.ph(at, plot),
    "soil_nitrogen": lambda land, at, plot: land.soil.nutrient(at, plot, "nitrogen"),
    "soil_phosphorus": lambda land, at, plot: land.soil.nutrient(at, plot, "phosphorus"),
    "soil_potassium": lambda land, at, plot: land.soil.nutrient(at, plot, "potassium"),
    "rssi": lambda land, at, plot: land.strength(at, plot),
}
# Running totals, of which a signal reports the part of one interval.
_TOTAL: dict[str, _Course] = {
    "rainfall": lambda land, at: land.weather.rained(at),
    "pest_count": lambda land, at: land.pests.caught(at),
}


class World:
    """Pilot places under one seed. Not for several threads."""

    def __init__(self, seed: int, pilot: Pilot) -> None:
        self._seed, self._pilot = seed, pilot
        self._lands: dict[str, Land] = {}
        self._moments: dict[str, tuple[Moment, Index, dict[tuple[str, int], Array]]] = {}

    def signal(self, place: str, plot: int, name: str, times: Index, interval: int) -> Array:
        """True values (no sensor noise) of signal `name` of a place's plot.

        `times` are epoch milliseconds from 2020-01-01 +07:00 on, in any order. `interval` is in
        seconds; rainfall and pest_count are totals since time - interval (the part before 2020 is
        nothing). Values lie within the signal's low and high. Raises KeyError for a place the pilot
        does not have, ValueError for times before 2020.
        """
        if not len(times):
            return np.empty(0)
        land, at, kept = self._at(place, times)
        key = (name, interval if name in _TOTAL else plot if name in _PLOT else 0)
        if key not in kept:
            limits = SIGNALS[name]
            kept[key] = np.clip(_value(land, at, plot, name, interval), limits.low, limits.high)
            if len(kept) > _KEPT:
                del kept[next(iter(kept))]
        return kept[key].copy()

    def _at(self, place: str, times: Index) -> tuple[Land, Moment, dict[tuple[str, int], Array]]:
        """The land up to these times, and what was already asked of them."""
        last = self._moments.get(place)
        if last is not None and np.array_equal(last[1], times):
            return self._lands[place], last[0], last[2]
        if times.min() < ANCHOR:
            raise ValueError("the simulated world begins on 2020-01-01 +07:00; ask for later times")
        land = self._lands.get(place)
        needed = int((times.max() - ANCHOR) // DAY) + 2  # the next day too, to draw lines to it
        if land is None or land.days < needed:
            days = -(-needed // _BLOCK) * _BLOCK
            land = self._lands[place] = Land(self._seed, self._pilot.place[place], days)
        at, kept = Moment(times), dict[tuple[str, int], Array]()
        self._moments[place] = (at, times.copy(), kept)
        return land, at, kept


def _value(land: Land, at: Moment, plot: int, name: str, interval: int) -> Array:
    if name in _PLOT:
        return _PLOT[name](land, at, plot)
    if name in _TOTAL:
        total = _TOTAL[name]
        return total(land, at) - total(land, at.ago(interval / 3600))
    return _PLACE[name](land, at)
