"""Fish pond of one plot: oxygen and ammonia hour by hour, its pump, and the aerator that reacts to oxygen.

    light ─► photosynthesis ────┐
    warmth, fish ─► respiration ┼─► oxygen ─► pH ──┐      oxygen ─► aerator (unless commanded)
    air, aerator, pump ─────────┘                  ├─► un-ionised ammonia
    feed ─► ammonia ─► algae, pump ────────────────┘

Through a cycle (stock.py) the fish breathe and excrete more and more: oxygen sags at night in the last
months, the pump changes more water, and the aerator runs. Below 1 mg/L fish die. To play a fish kill, hold
the aerators at 0 by Action for some nights before the harvest; the catch is then smaller (`alive`).
Targets (FACTS): pangasius 25-34 °C, pH 7-8, oxygen 3-6.5 mg/L, 3.5-4.5 in stocked ponds, N-NH4 0.5-5 mg/L.
"""

import math
from collections.abc import Iterable
from functools import cached_property

import numpy as np

from devices.clock import DAY_MS, HOUR_MS
from devices.pilots.levers import DieOff
from sim.physics.actions import Action, Pumped, Run, Runs, commanded, overlay, spread, through
from sim.physics.farm.stock import HOUSEHOLD, KINDS, stock
from sim.physics.growing import Grown
from sim.physics.moment import ANCHOR, Moment
from sim.physics.streams import Array, carried, persistent, staged, uniform
from sim.physics.water import lagging
from sim.physics.weather import Weather

# Assumption, mg/L an hour: photosynthesis in full light (saturating above 700 W/m2, because algae shade each
# other in deep water; the form is Jassby and Platt 1976); respiration of plankton, mud and a household's fish
# at 20 °C. Algae come and go: the spread of the logarithm, with a memory of days. Ponds differ by a tenth.
_PRODUCED, _SATURATING, _BREATHED = 1.1, 700.0, 0.285
_BLOOM, _MEMORY, _PONDS = 0.15, 0.85, 0.1
_WARMER = 1.047  # factor of respiration for each degree (Thomann and Mueller 1987, the usual value)
_HALF = 0.5  # Assumption, mg/L: the oxygen at which respiration is halved
# Assumption: a stocked fish takes 45 mg of oxygen a kg and hour from the water. Pangasius also breathe air,
# the more the less oxygen there is (Lefevre et al. 2011): half of the total at 2 mg/L.
_FISH, _HALF_FISH = 45.0, 2.0
_LETHAL, _DIES = 1.0, 0.02  # Assumption: below 1 mg/L two in a hundred die each hour
# Assumption, exchange with the air an hour: at 2 m of depth; more during the windy day; by an aerator.
_STILL, _WINDY, _AERATED = 0.035, 0.02, 0.22
# Assumption: in one night of sixty the aerator does not start, from 18 h to 7 h, because there is no current
# or its keeper sleeps. Commands still work.
_UNATTENDED, _DUSK, _DAWN = 1 / 60, 18, 7
# The aerator's own switch: on below 3 mg/L (FACTS: alert level 1), off above 4 (good), by day above 3.
_LOW, _GOOD, _EVENING, _MORNING = 3.0, 4.0, 20, 8
# Assumption: each day from 6 h on the pump changes a share of the water, a 25th an hour: a little for any
# fish, and a third before the harvest. The river brings 5 mg/L of oxygen.
_LITTLE, _MORE, _FULL, _PUMP_START, _FLOW, _RIVER = 0.05, 0.3, 9.5, 6, 0.04, 5.0
# Total ammonia, mg N/L. Assumption: 21 g for a kg of feed (26 % protein is 42 g of nitrogen, of which half is
# excreted as ammonia), and 0.65 a day from mud and a household's feed. Algae and bacteria take up 1.1 times
# the concentration a day, more or less as blooms come and go.
_EXCRETED, _MUD, _TAKEN_UP = 21.0, 0.65, 1.1
# Assumption: pH 7.4 at 5 mg/L. Carbon dioxide falls as oxygen rises, which adds 0.1 for each mg/L, and rises
# with what fish eat, which takes away 0.35 before the harvest (at 0.15 kg a m3 and day).
_PH, _BY_OXYGEN, _BY_FEED = 7.4, 0.1, 2.5


def saturation(celsius: Array) -> Array:
    """Oxygen in fresh water under air, mg/L (Benson and Krause 1984, as in APHA Standard Methods 4500-O)."""
    t = celsius + 273.15
    steps = -139.34411 + 1.575701e5 / t - 6.642308e7 / t**2 + 1.243800e10 / t**3 - 8.621949e11 / t**4
    return np.asarray(np.exp(steps))


class Pond(Pumped):
    """The pond of one plot."""

    def __init__(
        self, weather: Weather, plot: int = 1, actions: Iterable[Action] = (),
        cycles: Iterable[Grown] = (), kind: str = HOUSEHOLD,
    ) -> None:  # fmt: skip
        self._weather, self._plot = weather, plot
        actions = tuple(actions)
        self._commanded = commanded(actions, "aerator", plot)
        self.depth = KINDS[kind].depth
        biomass, feed, self._begins = stock(KINDS[kind], cycles, len(weather.day))
        self.biomass, self.feed = biomass / self.depth, feed / self.depth  # kg/m3 and day by day
        pump, valve = commanded(actions, "pump", plot), commanded(actions, "valve", plot)
        self._pumping = overlay(self._exchange(), pump)
        self._pump, self._flow = Runs(self._pumping), Runs(through(self._pumping, valve))
        self._valve = Runs(overlay(self._pumping, valve))
        self._hours()

    def _exchange(self) -> list[Run]:
        """Return the runs of the pump without commands."""
        share = np.where(self.biomass > 0, _LITTLE + _MORE * np.minimum(self.biomass / _FULL, 1), 0.0)
        lasts = np.round(share / _FLOW * HOUR_MS).astype(np.int64).tolist()
        first = ANCHOR + _PUMP_START * HOUR_MS
        starts = ((first + day * DAY_MS, long) for day, long in enumerate(lasts) if long)
        return [(start, start + long, 1.0) for start, long in starts]

    @cached_property
    def _mean_temperature(self) -> Array:
        """Assumption: the air's mean of about three days, plus 1.2 °C."""
        return lagging(self._weather.mean, 3) + 1.2

    def temperature(self, at: Moment) -> Array:
        """°C near the surface. Assumption: 1.3 above the mean at 16 h, 1.3 below at 4 h."""
        return np.asarray(at.between(self._mean_temperature) + 1.3 * np.cos(2 * np.pi * (at.hour - 16) / 24))

    @cached_property
    def _algae(self) -> Array:
        """Plankton of each hour, about 1: it makes oxygen and breathes."""
        weather = self._weather
        own = 2 * uniform(weather.seed, f"pond@{weather.place}", np.array([self._plot]))[0] - 1
        bloom = persistent(weather.field("oxygen"), _MEMORY)
        return np.repeat(np.exp(_BLOOM * bloom + _PONDS * own), 24)

    def _hours(self) -> None:
        """Oxygen at each hour's start: d oxygen / dt = produced - breathed + exchange (saturation - oxygen).

        Rates are constant within an hour, and the equation is solved exactly in it, so a switch acts from its
        moment on.
        """
        weather = self._weather
        hours = np.arange(24 * (len(weather.day) - 1))  # the last day has no next day to interpolate to
        times = ANCHOR + hours * HOUR_MS
        at = Moment(times)
        passed = weather.sky.passed(at.day, at.hour).reshape(-1, 24)
        share = np.diff(passed, axis=1, append=1.0).ravel()
        light = weather.light[at.day] * share * 1e6 / 3600  # W/m2
        heat, algae = self.temperature(at.ago(-0.5)), self._algae[: len(hours)]
        self._produced = _PRODUCED * algae * np.tanh(light / _SATURATING)
        self._breathed = _BREATHED * (1 + algae) / 2 * _WARMER ** (heat - 20)
        self._fish = _FISH / 1000 * self.biomass[at.day] * _WARMER ** (heat - 28)
        still = self._unattended() | self._die_off()
        self._air = _STILL + _WINDY * np.maximum(np.sin(2 * np.pi * (at.hour - 8) / 24), 0)
        self._full = saturation(heat)
        self._flown = self._flow.total(np.append(times, times[-1] + HOUR_MS))
        flow = _FLOW * np.diff(self._flown)
        overruled = spread(self._commanded, ANCHOR, HOUR_MS, len(hours))
        exchange = self._air + flow
        supplied = -np.expm1(-exchange) / exchange  # the equivalent hours of a rate, while no aerator runs
        gained = supplied * (self._produced + self._air * self._full + flow * _RIVER)
        rows = (np.exp(-exchange), gained, supplied * self._breathed, supplied * self._fish)
        begins = {24 * day for day in self._begins}
        oxygen, on, alive = 5.0, False, 1.0
        state, living, running = list[float](), list[float](), list[Run]()
        for hour, (left, gain, lost, fish) in enumerate(zip(*(row.tolist() for row in rows), strict=True)):
            if hour in begins:
                alive = 1.0
            state.append(oxygen)
            living.append(alive)
            if oxygen < _LETHAL:
                alive *= 1 - _DIES
            if on or oxygen < _LOW:
                on = hour not in still and oxygen < (_LOW if _MORNING <= hour % 24 < _EVENING else _GOOD)
            if on or hour in overruled:
                start = ANCHOR + hour * HOUR_MS
                runs = overlay([(start, start + HOUR_MS, 1.0)] if on else [], overruled.get(hour, ()))
                running += runs
                lasts = sum((b - a) * value for a, b, value in runs) / HOUR_MS
                oxygen = self._aerate(hour, oxygen, lasts, float(flow[hour]), living[-1])
            else:
                breathed = lost / (oxygen + _HALF) + fish * living[-1] / (oxygen + _HALF_FISH)
                oxygen = oxygen * (left - breathed) + gain
        self._state, self._living, self._aerator = np.array(state), np.array(living), Runs(running)
        self._aired = self._aerator.total(times)

    def _unattended(self) -> set[int]:
        """The hours in which the aerator does not start by itself."""
        weather = self._weather
        nights = uniform(weather.seed, f"aerator@{weather.place}:{self._plot}", weather.day) < _UNATTENDED
        first = np.flatnonzero(nights) * 24 + _DUSK
        return {hour for start in first.tolist() for hour in range(start, start + 24 - _DUSK + _DAWN)}

    def _die_off(self) -> set[int]:
        """Let algae die as a scenario stages it; returns the hours in which the aerator does not start by
        itself. Assumption: their decay takes as much oxygen as they breathed alive.
        """
        still = set[int]()
        for event, days in staged(self._weather.seed, DieOff, self._weather.place, len(self._produced) // 24):
            hours = slice(24 * days.start, 24 * days.stop)
            self._breathed[hours] += (1 - event.left) * self._breathed[hours]
            self._produced[hours] *= event.left
            still |= set() if event.aerator else set(range(hours.start, hours.stop))
        return still

    def _aerate(self, hour: int, oxygen: float, lasts: float, flow: float, alive: float) -> float:
        """Return the oxygen an hour later if the aerator runs for `lasts` hours."""
        air = float(self._air[hour]) + _AERATED * lasts
        breathed = float(self._breathed[hour]) / (oxygen + _HALF)
        breathed += float(self._fish[hour]) * alive / (oxygen + _HALF_FISH)
        gained = float(self._produced[hour]) + air * float(self._full[hour]) + flow * _RIVER
        toward = (gained - breathed * oxygen) / (air + flow)
        return toward + (oxygen - toward) * math.exp(-air - flow)

    def oxygen(self, at: Moment) -> Array:
        """Dissolved oxygen, mg/L."""
        hour, rest = np.divmod(at.times - ANCHOR, HOUR_MS)
        lasts = rest / HOUR_MS
        first = self._state[hour]
        air = self._air[hour] * lasts + _AERATED * (self._aerator.total(at.times) - self._aired[hour])
        flow = _FLOW * (self._flow.total(at.times) - self._flown[hour])
        breathed = self._breathed[hour] / (first + _HALF)
        breathed += self._fish[hour] * self._living[hour] / (first + _HALF_FISH)
        gained = (self._produced[hour] - breathed * first) * lasts + air * self._full[hour] + flow * _RIVER
        exchange = air + flow
        toward = gained / np.maximum(exchange, 1e-12)
        return np.asarray(first + (toward - first) * -np.expm1(-exchange))

    def alive(self, day: int) -> float:
        """The share of this cycle's fish that lack of oxygen has not killed by noon of a day."""
        return float(self._living[24 * day + 12])

    def aerator(self, at: Moment) -> Array:
        """1 while the aerator runs."""
        return self._aerator.at(at.times)

    def ph(self, at: Moment) -> Array:
        """pH. Assumption: rain and feed move it by 0.05 over days."""
        days = 0.05 * at.between(self._drift)
        eaten = _BY_FEED * at.between(self.feed)
        return np.asarray(_PH + _BY_OXYGEN * (self.oxygen(at) - 5) - eaten + days)

    @cached_property
    def _drift(self) -> Array:
        return persistent(self._weather.field("pond"), 0.9)

    @cached_property
    def _nitrogen(self) -> tuple[Array, Array, Array]:
        """Total ammonia at the start of each hour, mg N/L; what is excreted and the share taken up in it."""
        day = np.arange(len(self._state)) // 24
        bloom = np.exp(0.25 * persistent(self._weather.field("ammonia"), 0.9))
        gains = (_EXCRETED * self.feed[day] * self._living + _MUD) / 24
        takes = _TAKEN_UP / 24 / bloom[day]
        kept = np.exp(-takes - _FLOW * np.diff(self._flown))
        added = gains * -(kept - 1) / -np.log(kept)
        # each hour's start follows from the hour before it
        begun = carried(np.append(_MUD / _TAKEN_UP, added[:-1]), np.append(0.0, kept[:-1]))
        return begun, gains, takes

    def nitrogen(self, at: Moment) -> Array:
        """Total ammonia, mg N/L."""
        begun, gains, takes = self._nitrogen
        hour, rest = np.divmod(at.times - ANCHOR, HOUR_MS)
        lasts = rest / HOUR_MS
        goes = takes[hour] * lasts + _FLOW * (self._flow.total(at.times) - self._flown[hour])
        toward = gains[hour] * lasts / np.maximum(goes, 1e-12)
        return np.asarray(begun[hour] + (toward - begun[hour]) * -np.expm1(-goes))

    def ammonia(self, at: Moment) -> Array:
        """Un-ionised ammonia, mg/L: its share of the total (Emerson et al. 1975)."""
        pka = 0.09018 + 2729.92 / (self.temperature(at) + 273.15)
        return np.asarray(self.nitrogen(at) / (1 + 10 ** (pka - self.ph(at))))
