"""The state of the Pacific in each year: what makes a year dry or wet, late or early, hot or salty.

    state ─► rain and its onset, heat (weather.py) ─► flood, discharge, salt (river.py)

Positive is El Niño. A state lasts from June to May and is strongest in December. It affects onset, rain and
flood of the year in which it begins, and the spring heat and dry-season salt of the next year.
"""

import numpy as np

from sim.physics.moment import YEAR, smooth
from sim.physics.streams import Array, Index, normal, persistent, pinned

# Assumption: a fifth of a year's state carries over to the next; two in a hundred exceed 2.3 (as 1997 and
# 2015).
_MEMORY = 0.2
_STRONGEST = 349.0  # day of the year: mid December
# The onset of the rains varies by 23.6 days at Cao Lãnh, and in El Niño years (2014 to 2016) it was 11 days
# late (FACTS section 5). Assumption: 10 days for a state of 1, at most 45 in all; the season shifts most in
# mid May and not at all from October to January. The rest of the variation is the chance of single rains.
_ONSET_BY_STATE, _ONSET_BY_CHANCE, _ONSET_MOST = 10.0, 14.0, 45.0
_SHIFTED = (45.0, 135.0, 265.0)


def states(seed: int, years: int) -> Array:
    """Standard normal states, one a year from 2019 on: `states(…)[n + 1]` begins in 2020 + n."""
    known = persistent(normal(seed, "pacific", years + 1), _MEMORY)
    for year, state in pinned(seed, "pacific", years).items():
        known[year + 1] = state
    return known


def of_day(seed: int, day: Index) -> Array:
    """The state on each day, linear between Decembers."""
    known = states(seed, int(day[-1] // YEAR) + 2)
    return np.asarray(np.interp(day, (np.arange(len(known)) - 1) * YEAR + _STRONGEST, known))


def season(seed: int, day: Index) -> Array:
    """The calendar day that the weather follows: behind the real day in spring if the rains are late."""
    year, of_year = np.divmod(day, YEAR)
    count = int(year[-1]) + 1
    late = _ONSET_BY_STATE * states(seed, count)[1:] + _ONSET_BY_CHANCE * normal(seed, "onset", count)
    late = np.clip(late, -_ONSET_MOST, _ONSET_MOST)[year.astype(np.int64)]
    first, most, last = _SHIFTED
    rising, falling = (of_year - first) / (most - first), (last - of_year) / (last - most)
    return np.asarray(day - late * smooth(np.minimum(rising, falling)))
