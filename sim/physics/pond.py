"""Fish pond of one plot: oxygen hour by hour, and the aerator that answers to it.

    light ─► photosynthesis ─┐
    warmth ─► respiration ───┼─► oxygen ─► pH ─► ammonia
    wind, aerator ─► air ────┘      └────► aerator (unless it was told)

Targets (FACTS): pangasius 25-34 °C, pH 7-8, oxygen 3-6.5 mg/L.
"""

import math
from collections.abc import Iterable
from functools import cached_property

import numpy as np

from devices.clock import HOUR_MS
from sim.physics.actions import Action, Run, Runs, commanded, overlay, spread
from sim.physics.moment import ANCHOR, Moment
from sim.physics.streams import Array, persistent, uniform
from sim.physics.water import lagging
from sim.physics.weather import Weather

# Assumption, mg/L an hour: photosynthesis in full light (saturating beyond 700 W/m2, for in deep water
# algae shade each other; the form is Jassby and Platt 1976), respiration of plankton, mud and fish at 20 °C.
# Algae come and go: the spread of the logarithm, with a memory of days; ponds differ by a tenth.
_MADE, _SATURATING, _BREATHED = 1.1, 700.0, 0.285
_BLOOM, _MEMORY, _PONDS = 0.15, 0.85, 0.1
_WARMER = 1.047  # respiration for a degree more (Thomann and Mueller 1987, the usual factor)
_HALF = 0.5  # Assumption, mg/L: with so little oxygen half as much is breathed
# Assumption, exchange with the air an hour: at 2 m of depth, more in the windy day; by an aerator.
_STILL, _WINDY, _AERATED = 0.035, 0.02, 0.18
# The aerator's own switch, between 20 and 8 h: on below 3 mg/L (FACTS: alert level 1), off above 4 (good).
_LOW, _GOOD, _EVENING, _MORNING = 3.0, 4.0, 20, 8
_NITROGEN = 0.7  # Assumption: total ammonia, mg/L, within a factor of about two
# Assumption: pH 7.4 at 5 mg/L; carbon dioxide goes as oxygen comes, 0.1 for a mg/L.
_PH, _BY_OXYGEN = 7.4, 0.1


def saturation(celsius: Array) -> Array:
    """Oxygen in fresh water under air, mg/L (Benson and Krause 1984, as in APHA Standard Methods 4500-O)."""
    t = celsius + 273.15
    steps = -139.34411 + 1.575701e5 / t - 6.642308e7 / t**2 + 1.243800e10 / t**3 - 8.621949e11 / t**4
    return np.asarray(np.exp(steps))


class Pond:
    """A pond of a place's plot."""

    def __init__(self, weather: Weather, plot: int = 1, actions: Iterable[Action] = ()) -> None:
        self._weather, self._plot = weather, plot
        self._commanded = commanded(actions, "aerator", plot)
        self._hours()

    @cached_property
    def _mean_temperature(self) -> Array:
        """Assumption: the air's mean of about three days, 1.2 °C warmer."""
        return lagging(self._weather.mean, 3) + 1.2

    def temperature(self, at: Moment) -> Array:
        """°C near the surface. Assumption: 1.3 warmer at 16 h, 1.3 colder at 4 h."""
        return np.asarray(at.between(self._mean_temperature) + 1.3 * np.cos(2 * np.pi * (at.hour - 16) / 24))

    @cached_property
    def _algae(self) -> Array:
        """Plankton of each hour, about 1: it makes oxygen and breathes."""
        weather = self._weather
        own = 2 * uniform(weather.seed, f"pond@{weather.place}", np.array([self._plot]))[0] - 1
        bloom = persistent(weather.field("oxygen"), _MEMORY)
        return np.repeat(np.exp(_BLOOM * bloom + _PONDS * own), 24)

    def _hours(self) -> None:
        """Oxygen at the start of each hour: d oxygen / dt = made - breathed + exchange (saturation - oxygen).

        Rates are an hour's; within it the equation is solved exactly, so a switch acts from its moment on.
        """
        weather = self._weather
        hours = np.arange(24 * (len(weather.day) - 1))  # the last day lacks the next, to draw lines to
        at = Moment(ANCHOR + hours * HOUR_MS)
        passed = weather.sky.passed(at.day, at.hour).reshape(-1, 24)
        share = np.diff(passed, axis=1, append=1.0).ravel()
        light = weather.light[at.day] * share * 1e6 / 3600  # W/m2
        heat, algae = self.temperature(at.ago(-0.5)), self._algae[: len(hours)]
        self._made = _MADE * algae * np.tanh(light / _SATURATING)
        self._breathed = _BREATHED * (1 + algae) / 2 * _WARMER ** (heat - 20)
        self._air = _STILL + _WINDY * np.maximum(np.sin(2 * np.pi * (at.hour - 8) / 24), 0)
        self._full = saturation(heat)
        overruled = spread(self._commanded, ANCHOR, HOUR_MS, len(hours))
        supplied = -np.expm1(-self._air) / self._air  # hours' worth of a rate, while no aerator runs
        gained = supplied * (self._made + self._air * self._full)
        rows = (np.exp(-self._air), gained, supplied * self._breathed)
        oxygen, on, state = 5.0, False, []
        running: list[Run] = []
        for hour, (left, gain, lost) in enumerate(zip(*(row.tolist() for row in rows), strict=True)):
            state.append(oxygen)
            if on or oxygen < _LOW:
                on = oxygen < _GOOD and not _MORNING <= hour % 24 < _EVENING
            if on or hour in overruled:
                start = ANCHOR + hour * HOUR_MS
                runs = overlay([(start, start + HOUR_MS, 1.0)] if on else [], overruled.get(hour, ()))
                running += runs
                oxygen = self._aerate(hour, oxygen, sum((b - a) * value for a, b, value in runs) / HOUR_MS)
            else:
                oxygen = oxygen * left + gain - lost * oxygen / (oxygen + _HALF)
        self._state, self._aerator = np.array(state), Runs(running)
        self._aired = self._aerator.total(ANCHOR + hours * HOUR_MS)

    def _aerate(self, hour: int, oxygen: float, lasts: float) -> float:
        """Oxygen an hour later when the aerator runs for `lasts` hours."""
        exchange = self._air[hour] + _AERATED * lasts
        made = self._made[hour] - self._breathed[hour] * oxygen / (oxygen + _HALF)
        toward = made / exchange + self._full[hour]
        return float(toward + (oxygen - toward) * math.exp(-exchange))

    def oxygen(self, at: Moment) -> Array:
        """mg/L."""
        hour, rest = np.divmod(at.times - ANCHOR, HOUR_MS)
        lasts = rest / HOUR_MS
        first = self._state[hour]
        exchange = self._air[hour] * lasts + _AERATED * (self._aerator.total(at.times) - self._aired[hour])
        source = (self._made[hour] - self._breathed[hour] * first / (first + _HALF)) * lasts
        toward = (source + exchange * self._full[hour]) / np.maximum(exchange, 1e-12)
        return np.asarray(first + (toward - first) * -np.expm1(-exchange))

    def aerator(self, at: Moment) -> Array:
        """1 while it runs."""
        return self._aerator.at(at.times)

    def ph(self, at: Moment) -> Array:
        """Assumption: rain and feed move it by 0.05 over days."""
        days = 0.05 * at.between(self._drift)
        return np.asarray(_PH + _BY_OXYGEN * (self.oxygen(at) - 5) + days)

    @cached_property
    def _drift(self) -> Array:
        return persistent(self._weather.field("pond"), 0.9)

    @cached_property
    def _nitrogen(self) -> Array:
        return np.asarray(_NITROGEN * np.exp(0.35 * persistent(self._weather.field("ammonia"), 0.9)))

    def ammonia(self, at: Moment) -> Array:
        """Un-ionised ammonia, mg/L: its share of the total (Emerson et al. 1975)."""
        pka = 0.09018 + 2729.92 / (self.temperature(at) + 273.15)
        return np.asarray(at.between(self._nitrogen) / (1 + 10 ** (pka - self.ph(at))))
