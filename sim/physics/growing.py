"""The crops of a community: when each is sown, fertilised and picked, and how much it could give.

    calendar of the pilot file ─► crops ─┬─► diaries (sim/season.py)
    flood, planthoppers ─────► sowing    └─► fertiliser, on dry days ─► nutrients (soil.py)

Days are counted from the anchor. A crop is a function of seed, community and year.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from devices.pilots.calendar import Crop
from devices.pilots.places import Community, Product
from sim.physics.moment import MONTH, YEAR
from sim.physics.river import river
from sim.physics.streams import Array, chance, uniform

FIRST_DAY = date(2020, 1, 1)
ANNUAL = frozenset({"rice", "flowers", "lotus", "vegetables", "garlic"})  # sown or planted for every crop
FED = frozenset({"pangasius", "shrimp"})  # in ponds: nothing is spread or sprayed
PROCESSED = frozenset({"rice-flour"})  # manufactured, not grown
FEW = 6  # Assumption: plants that are picked all year are tended this many times a year
LOOKS_AHEAD = 10  # Assumption: days that fertiliser waits for dry weather
# Assumption: shares of the growing time at which fertiliser is due.
_DUE = {"rice": (0.1, 0.25, 0.45)}
_DUE_ELSE = (0.15, 0.55)
_DRY = 5.0  # Assumption, mm: three days with less than this in total are dry
# Rice is sown when the flood has fallen to this level, and some days after the light traps' monthly peak, so
# that the next peak's hoppers find no young rice (né rầy, the delta's practice). Assumption: the two numbers.
_FALLEN, _AFTER_PEAK = 0.4, 5.0


class Grown(NamedTuple):
    """One crop. `id` is unique in its community. `picked` are the days and `kg_ha` the possible yields of its
    pickings. Of a crop that is picked all year only some entries are `tended`, because the plants are the
    same.
    """

    id: str
    row: Crop
    sown: int
    picked: tuple[int, ...]
    kg_ha: tuple[float, ...]
    tended: bool

    @property
    def planted(self) -> bool:
        """Whether somebody sowed or stocked it."""
        return self.row.sown is not None


def crops(seed: int, community: Community, product: Product, first: int, last: int) -> Iterator[Grown]:
    """Yield the crops that grow or are picked in days [first, last), in order of the calendar."""
    years = (FIRST_DAY + timedelta(days=day) for day in (first, last))
    low, high = (day.year for day in years)
    for year in range(low - 1, high + 2):
        for crop in _of_year(seed, community.id, product.crop, product.calendar, year):
            if crop.sown < last and crop.picked[-1] >= first:
                yield crop


@lru_cache(maxsize=16_384)
def _of_year(seed: int, community: str, crop: str, calendar: tuple[Crop, ...], year: int) -> list[Grown]:
    """Return the crops whose windows begin in a year."""
    key = np.frombuffer(chance(seed, community, crop, year)[:16], dtype=np.uint64)
    stream = np.random.Generator(np.random.Philox(key=key))
    grown = []
    for number, row in enumerate(calendar):
        for turn, (begin, end) in enumerate(row.windows(year)):
            early, longer, good = stream.random(3)
            low, high = (day.toordinal() - FIRST_DAY.toordinal() for day in (begin, end))
            start = low + int(early * (high - low + 1))
            if crop == "rice":
                start = _after_the_flood(seed, low, high, start)
            grows = row.days[0] + int(longer * (row.days[1] - row.days[0] + 1))
            sown, first = (start, start + grows) if row.sown else (start - grows, start)
            shares = 0.7 + 0.6 * stream.random(row.pickings)
            kilograms = (row.kg_ha[0] + good * (row.kg_ha[1] - row.kg_ha[0])) * shares / shares.sum()
            picked = tuple(first + row.apart * count for count in range(row.pickings))
            tended = turn % max(1, row.times // FEW) == 0
            name = f"{crop}-{year}-{number}-{turn}"
            grown.append(Grown(name, row, sown, picked, tuple(kilograms.tolist()), tended))
    return grown


def _after_the_flood(seed: int, low: int, high: int, chosen: int) -> int:
    """Return the day in [low, high] on which rice is sown: after the flood, soon after the planthoppers'
    peak, and near the day `chosen` for this field.
    """
    if low < 0:
        return chosen
    days = np.arange(low, high + 1)
    away = (days - phase(seed) - _AFTER_PEAK + MONTH / 2) % MONTH - MONTH / 2
    course = river(seed, int((high // YEAR + 1) * YEAR) + 1).course[days]
    falling = course[0] > course[-1]  # while it rises, the fields are still protected by their dykes
    flooded = np.maximum(course - _FALLEN, 0) if falling else 0.0
    return int(days[(np.abs(away) + 0.5 * np.abs(days - chosen) + 100 * flooded).argmin()])


def phase(seed: int) -> float:
    """Days: the phase of the planthoppers' monthly peak, one for all, as all fields are sown together."""
    return float(uniform(seed, "planthopper phase", np.array([0]))[0] * MONTH)


def fertilised(seed: int, community: Community, rain: Array) -> list[int]:
    """Return the days on which the first product's crops are fertilised, as far as the weather is known: when
    due, but not before rain.
    """
    days: list[int] = []
    for product in community.products[:1]:
        if product.crop in FED | PROCESSED:
            continue
        for crop in crops(seed, community, product, 0, len(rain)):
            days += spread(product.crop, crop, rain)
    return sorted(days)


def spread(name: str, crop: Grown, rain: Array) -> list[int]:
    """Return the fertiliser days of one crop."""
    grows = crop.picked[0] - crop.sown
    if not crop.tended:
        return []
    due = (crop.sown + round(share * grows) for share in _DUE.get(name, _DUE_ELSE))
    return [_dry_day(day, rain) for day in due if 0 <= day < len(rain) - LOOKS_AHEAD - 3]


def _dry_day(due: int, rain: Array) -> int:
    """Return the first day from `due` on that is dry and followed by two dry days, else the driest of ten."""
    three = np.convolve(rain[due : due + LOOKS_AHEAD + 2], np.ones(3), "valid")
    dry = np.flatnonzero(three < _DRY)
    return due + int(dry[0] if len(dry) else three.argmin())
