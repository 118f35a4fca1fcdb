"""Where an indicator should be by now (the path between targets), and where it is going (the forecast).

Path. The plan names only values at the ends of years. Assumption: a straight line between them, starting from
zero at the beginning of `START_YEAR`.

Forecast. Each community, village or organisation that counts is taken as an event of a Poisson process whose
constant, unknown rate has run since `START_YEAR`. With Jeffreys' prior the rate after n events in t years is
Gamma(n + 1/2, t), and the number of further events in u years is negative binomial with r = n + 1/2 and p = t
/ (t + u) (Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.6). The forecast is its median and its
central 80 %. The width covers chance and the uncertainty of a rate known from few events. It does not cover a
change of pace, and it assumes that what counts today goes on counting. Where the total is limited (the
share's denominator, the pilot's list), the forecast is limited too.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from devices.pilots.pilot import SHARE, Pilot, Target
from devices.texts import in_percent, rounded

DIGITS = 1  # decimals of an indicator as people see it, a share in per cent: always of it, at most of a count
START_YEAR = 2021  # the plan's works run from 2021 (annex, works 9 and 11)
TAIL = 0.1  # probability on either side of the band


@dataclass(frozen=True, slots=True)
class Forecast:
    """The forecast for the end of `year`, in the indicator's unit: the median, and 80 % from low to high."""

    year: int
    value: float
    low: float
    high: float


def path(target: Target, day: date) -> float:
    """Return the value on `day` of the straight line between the dated targets."""
    ends = [(START_YEAR, 0.0), *((point.year + 1, point.at_least) for point in target.points)]
    now = _year(day)
    for (first, low), (last, high) in pairwise(ends):
        if now <= last:
            return low + (high - low) * max(0.0, now - first) / (last - first)
    return ends[-1][1]


def required(target: Target, day: date) -> float:
    """Return what is required when `day` is over: the path, rounded down for a count. On the last day of a
    target's year it is the target itself.
    """
    due = path(target, day + timedelta(days=1))
    return due if target.indicator == SHARE else float(math.floor(due))


def shown(indicator: str, value: float) -> float:
    """Return a value rounded as people see it, in counts or in per cent."""
    return rounded(in_percent(value) if indicator == SHARE else value, DIGITS)


def ahead(indicator: str, value: float, asked: float) -> float:
    """Return by how much a value exceeds what is asked, in counts or percentage points; below zero it falls
    short. It is the difference of the numbers as shown: pages, boards and alarms judge by what people read.
    """
    return rounded(shown(indicator, value) - shown(indicator, asked), DIGITS)


def forecasts(pilot: Pilot, indicator: str, value: float, day: date) -> list[Forecast]:
    """Return a forecast for the end of each year, from the year of `day` to the year of the last target."""
    last = pilot.target(indicator).points[-1].year
    whole, most = 1, len(pilot.communities if indicator == "iot_communities" else pilot.villages)
    if indicator == SHARE:
        organisations = pilot.organisations_of(day.year)
        whole = most = max(1, organisations.hoi_quan + organisations.htx)
    counted, passed = round(value * whole), _year(day) - START_YEAR
    result = []
    for year in range(day.year, last + 1):
        more = [
            min(counted + further, max(most, counted)) / whole
            for further in further_events(counted, passed, max(0.0, year + 1 - _year(day)))
        ]
        result.append(Forecast(year, more[1], more[0], more[2]))
    return result


def further_events(events: int, years: float, ahead: float) -> tuple[int, int, int]:
    """Return the 10 %, 50 % and 90 % quantiles of the number of events in the next `ahead` years.

    `events` happened in the past `years`, which count as at least 0.1: no time at all gives no rate.
    """
    if ahead <= 0:
        return 0, 0, 0
    years = max(years, 0.1)
    quantiles = []
    levels = iter((TAIL, 0.5, 1 - TAIL))
    level = next(levels)
    for number, below in _cumulative(events + 0.5, years / (years + ahead)):
        while below >= level:
            quantiles.append(number)
            level = next(levels, 2.0)
        if len(quantiles) == 3:
            break
    return quantiles[0], quantiles[1], quantiles[2]


def _cumulative(r: float, p: float) -> Iterator[tuple[int, float]]:
    """Yield k and P(K <= k) of the negative binomial distribution, far enough for the upper quantile."""
    number, total = 0, 0.0
    chance = r * math.log(p)  # a logarithm, because p^r may be too small for a float
    while total < 1 - TAIL / 2:
        total += math.exp(chance)
        yield number, total
        chance += math.log((number + r) / (number + 1)) + math.log1p(-p)
        number += 1


def _year(day: date) -> float:
    """Return a day as a year with a fraction."""
    first, following = datetime(day.year, 1, 1, tzinfo=UTC), datetime(day.year + 1, 1, 1, tzinfo=UTC)
    return day.year + (day - first.date()).days / (following - first).days
