"""The state of the Pacific, year by year: what makes a year dry or wet, late or early, hot or salty.

    state ─► rain and its onset, heat (weather.py) ─► flood, discharge, salt (river.py)

Positive is El Niño. A state lasts from June to May and is strongest in December: of the year that it begins
in come onset, rain and flood, of the next the heat of spring and the salt of the dry season.
"""

import numpy as np

from sim.physics.moment import YEAR, smooth
from sim.physics.streams import Array, Index, normal, persistent, pinned

# Assumption: a year takes over a fifth of the one before, and two in a hundred pass 2.3 (as 1997 and 2015).
_MEMORY = 0.2
_STRONGEST = 349.0  # day of the year: mid December
# The onset of the rains varies by 23.6 days at Cao Lãnh, and an El Niño year's (2014 to 2016) was 11 days
# late (FACTS section 5). Assumption: 10 days for a state of 1, not over 45 in all; the season shifts most in
# mid May and not at all from October to January. What else varies is the chance of single rains.
_ONSET_BY_STATE, _ONSET_BY_CHANCE, _ONSET_MOST = 10.0, 14.0, 45.0
_SHIFTED = (45.0, 135.0, 265.0)


def states(seed: int, years: int) -> Array:
    """Standard normal, one a year from that which began in 2019 on: `states(…)[n + 1]` begins in 2020 + n."""
    known = persistent(normal(seed, "pacific", years + 1), _MEMORY)
    for year, state in pinned(seed, "pacific", years).items():
        known[year + 1] = state
    return known


def of_day(seed: int, day: Index) -> Array:
    """The state of each day, lines between Decembers."""
    known = states(seed, int(day[-1] // YEAR) + 2)
    return np.asarray(np.interp(day, (np.arange(len(known)) - 1) * YEAR + _STRONGEST, known))


def season(seed: int, day: Index) -> Array:
    """The day by which weather follows the calendar: behind it in spring where the rains are late."""
    year, of_year = np.divmod(day, YEAR)
    count = int(year[-1]) + 1
    late = _ONSET_BY_STATE * states(seed, count)[1:] + _ONSET_BY_CHANCE * normal(seed, "onset", count)
    late = np.clip(late, -_ONSET_MOST, _ONSET_MOST)[year.astype(np.int64)]
    first, most, last = _SHIFTED
    rising, falling = (of_year - first) / (most - first), (last - of_year) / (last - most)
    return np.asarray(day - late * smooth(np.minimum(rising, falling)))
