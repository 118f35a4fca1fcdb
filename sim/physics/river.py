"""The Mekong in the delta, day by day: its flood, its discharge, and how far salt intrudes.

    Pacific ─┬─► flood at Tân Châu ─┬─► discharge ─┬─► salt front
             └──────────────────────┘   monsoon ───┴─► surge

All places share one river: `river(seed, days)` is computed once.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from sim.physics import pacific
from sim.physics.moment import YEAR, seasonal, smooth
from sim.physics.streams import Array, Index, normal, persistent, pinned, uniform

# The flood's peak at Tân Châu, m, mean of the day. Record (FACTS section 5): 2000 5.06, 2009 4.12, 2010 3.1,
# 2011 over 4.75, 2015 2.55, 2022 3.67, 2024 3.26; spread about 0.9; 3.34 is the mean of 29 August over many
# years. Assumption: a year's departure from the usual peak has a correlation of -0.6 with the Pacific, and is
# within 1.65 m.
DRY, PEAK = 0.75, 3.75
_BY_PACIFIC, _APART_MOST, _SHARPLY = -0.6, 1.65, 0.75
# Days of the year. Assumption: the water begins to rise in late May (noticed from July), peaks about 1
# October (7 October 2024) and is gone by new year, each within a fortnight; El Niño delays it by some days.
_RISES, _HIGHEST, _GONE = 142.0, 273.0, 366.0
_EARLY_LATE, _BY_STATE = 9.0, 4.0
# Assumption: three years in ten have a second peak (as 2011), some 40 days before the main one, 0.75 to 1 of
# it.
_TWO_PEAKS, _APART, _WIDE = 0.3, 40.0, 16.0
# Assumption: discharge into the delta by month, 1,000 m3/s, as dams and the Tonle Sap leave it: least in
# February and March (FACTS section 5). Dry seasons vary with the flood before them, the Pacific and chance.
_DISCHARGE = (7.0, 4.6, 4.6, 5.3, 6.0, 9.0, 14.0, 20.0, 25.0, 24.0, 17.0, 11.0)
_BY_FLOOD, _BY_STATE_DRY, _BY_CHANCE = 0.12, -0.16, 0.12
# The salt front in km, as used by `water.salt`: fitted to the Tiền in February 2023 (FACTS section 3: 4.93
# g/L at 42 km, 1.4 at 46, 0.16 at 51), within 8 %. Assumption: that was a usual year, and the front is
# inversely proportional to the root of the discharge. The 4 g/L line at 60 km in March 2020 (FACTS) means a
# front at 52.8, the farthest.
FRONT, FARTHEST = 37.7, 52.8
# Salt falls up the river as sea * exp(-(distance / front)^5.5), g/L. Assumption: 30 g/L at the mouth.
SEA, STEEPNESS = 30.0, 5.5
# the place of 4 g/L in units of the front; forecasts draw that line
FOUR_GRAMS = math.log(SEA / 4) ** (1 / STEEPNESS)
# The winter monsoon piles up water before the mouths and carries salt up to 10 km inland (Eslami 2021,
# FACTS). Assumption: at most 25 cm in most years, in bouts of days from November to March.
_LASTS, _HEIGHT, _CARRIES = 0.75, 0.1, 3.0


class River(NamedTuple):
    """Values by day from the anchor on. `course`: 0 in the dry season, 1 at the year's peak; `apart`: m by
    which Tân Châu is above a usual year's water; `discharge`: 1,000 m3/s; `front`: km from the mouth;
    `surge`: m there.
    """

    course: Array
    apart: Array
    discharge: Array
    front: Array
    surge: Array


@lru_cache(maxsize=32)
def river(seed: int, days: int) -> River:
    """Return the river of a seed over `days` days."""
    day = np.arange(days)
    year, of_year = np.divmod(day, YEAR)
    number = year.astype(np.int64)
    count = int(number[-1]) + 1
    state = pacific.states(seed, count)[1:]
    chance = normal(seed, "flood", count)
    odd = _BY_PACIFIC * state + np.sqrt(1 - _BY_PACIFIC**2) * chance
    for known, peak in pinned(seed, "flood_m", count).items():
        odd[known] = np.arctanh((peak - PEAK) / _APART_MOST) / _SHARPLY
    course = _course(seed, of_year, number, state)
    apart = course * (_APART_MOST * np.tanh(_SHARPLY * odd))[number]
    discharge = seasonal(_DISCHARGE, day) * np.exp(_dry(seed, day, state, odd) * (1 - np.minimum(course, 1)))
    # bouts of the monsoon, none in the rainy season
    winter = np.maximum(np.cos(2 * np.pi * (of_year - 15) / YEAR), 0)
    bout = winter * np.maximum(persistent(normal(seed, "surge", days), _LASTS), 0)
    front = FRONT * np.sqrt(_DISCHARGE[1] / discharge) + _CARRIES * bout
    return River(course, apart, discharge, np.minimum(front, FARTHEST), _HEIGHT * bout)


def _course(seed: int, of_year: Array, year: Index, state: Array) -> Array:
    """Return 0 in the dry season and 1 on the day of the year's peak."""
    count = len(state)
    late = (_EARLY_LATE * normal(seed, "flood time", count) + _BY_STATE * state).clip(-25, 25)[year]
    rise = np.clip((of_year - _RISES - late) / (_HIGHEST - _RISES), 0, 1)
    fall = np.clip((of_year - _HIGHEST - late) / (_GONE - _HIGHEST - late), 0, 1)
    course = (1 - np.cos(np.pi * rise)) / 2 * (1 + np.cos(np.pi * fall)) / 2
    years = np.arange(count)
    two = uniform(seed, "two peaks", years) < _TWO_PEAKS
    for known, whether in pinned(seed, "two_peaks", count).items():
        two[known] = whether
    height = 0.75 + 0.25 * uniform(seed, "second peak", years)
    away = np.abs(of_year - (_HIGHEST - _APART) - late) / _WIDE
    second = np.where(two, height, 0.0)[year] * smooth(1.5 - away)
    # between two peaks the water falls a little
    gap = 1 - 0.25 * two[year] * smooth(1.5 - np.abs(of_year - (_HIGHEST - _APART / 2) - late) / (_WIDE / 2))
    return np.asarray(np.maximum(course * gap, second))


def _dry(seed: int, day: Index, state: Array, odd: Array) -> Array:
    """Departure of the discharge's logarithm in the dry season that begins at each flood's peak."""
    season = ((day + YEAR - _HIGHEST) // YEAR).astype(np.int64)
    count = int(season[-1]) + 1
    chance = normal(seed, "discharge", count)
    before = np.concatenate((_BY_FLOOD * odd + _BY_STATE_DRY * state, [0.0]))
    first = _BY_STATE_DRY * pacific.states(seed, 0)
    departs = np.concatenate((first, before))[:count] + _BY_CHANCE * chance
    for year, km in pinned(seed, "salt_km", count).items():
        departs[year] = -2 * np.log(km / FOUR_GRAMS / FRONT)
    return np.asarray(departs[season])
