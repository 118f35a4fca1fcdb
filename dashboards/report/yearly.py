"""Years of a pilot, read from the store: indicators, harvests by place, coverage, doubted values."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date
from math import fsum
from zoneinfo import ZoneInfo

from dashboards.figures import Figures, Indicator, Standing
from devices.clock import DAY_MS, day_of, midnight_of
from devices.texts import rounded
from gateway.indicators.count import harvested
from gateway.stores.points import whole
from gateway.stores.store import Bucket, all_points

DIGITS = 9  # decimals of a mean of means; further ones depend on the order of summing


@dataclass(frozen=True, slots=True)
class Harvested:
    """Harvests of one place in a year: how many lots, how many kilograms."""

    number: int
    kilograms: float


@dataclass(frozen=True, slots=True)
class Year:
    """What the store holds of one calendar year up to epoch ms `until`; `at` is the time of its last count.
    Without `indicators` it holds nothing.

    `standing`: by indicator, who counted then. `coverage`: the mean of each place's devices over the year's
    counted days. `counted`: the number of those days, of `days` that have passed. `lots`: harvests by place,
    of real diaries only (in a rehearsal, of all); those of simulated diaries are added up in `apart`.
    `devices`: those heard, by place, and of them the simulated ones as `invented`. `doubted`: number of
    values by reason. `simulated`: whether anything of the year is simulated.
    """

    year: int
    at: int
    until: int
    days: int
    counted: int
    indicators: tuple[Indicator, ...]
    standing: dict[str, Standing]
    lots: dict[str, Harvested]
    coverage: dict[str, float]
    devices: dict[str, int]
    doubted: dict[str, int]
    simulated: bool
    apart: Harvested = Harvested(0, 0.0)
    invented: dict[str, int] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not self.indicators

    def indicator(self, name: str) -> Indicator | None:
        return next((one for one in self.indicators if one.id == name), None)


def look_up(figures: Figures, year: int, now: int) -> Year:
    """The year `year` as known at epoch ms `now`. Raises RetryLater where the store does not answer."""
    pilot, store = figures.pilot, figures.store
    start, end = (midnight_of(date(one, 1, 1), pilot.zone) for one in (year, year + 1))
    stop = max(start, min(end, now + 1))  # with a point of this very moment, such as a rehearsal's last
    until = max(start, stop - 1)
    days = -(-(stop - start) // DAY_MS)
    counted = figures.indicators(until, start) if stop > start else []
    indicators = tuple(_daily(one, pilot.zone) for one in counted)
    if not indicators:
        return Year(year, until, until, days, 0, (), {}, {}, {}, {}, {}, simulated=False)
    where = {"pilot": pilot.pilot}
    simulated = any(one.simulated for one in indicators)
    harvests: dict[str, list[float]] = {}
    apart: list[float] = []
    for point in harvested(store, where, start, stop):
        simulated |= bool(point.fields["simulated"])
        real = figures.rehearsal is not None or not point.fields["simulated"]
        kept = harvests.setdefault(dict(point.tags)["community"], []) if real else apart
        kept.append(float(point.fields["quantity"]))
    shares: dict[str, list[Bucket]] = {}
    devices: dict[str, set[str]] = {}
    # the year as one step per device: in a large pilot single days would be millions of rows
    covered = store.summary("device", ("coverage",), where, start, stop, stop - start, start, only=["mean"])
    for series, buckets in covered.get("coverage", {}).items():
        labels = dict(series)
        shares.setdefault(labels["community"], []).extend(buckets)
        devices.setdefault(labels["community"], set()).add(labels["device"])
    invented = {one.device for one in figures.roster() if one.simulated}
    simulated |= any(some & invented for some in devices.values())
    doubted: Counter[str] = Counter()
    for point in whole(all_points(store, "doubted", where, start, stop), "doubts"):
        doubted[dict(point.tags)["reason"]] += int(point.fields["doubts"])
    at = max(one.at for one in indicators)
    return Year(
        year, at, until, days, max(len(one.trend) for one in indicators), indicators,
        figures.standing(at, indicators),
        {place: Harvested(len(each), sum(each)) for place, each in harvests.items()},
        {place: _mean(each) for place, each in shares.items()},
        {place: len(each) for place, each in devices.items()},
        dict(doubted), simulated, Harvested(len(apart), sum(apart)),
        {place: len(each & invented) for place, each in devices.items()},
    )  # fmt: skip


def mean(shares: Collection[float], number: int = 0) -> float:
    """The mean of shares, or their sum divided by `number`. As floats, 18 shares of 0.995 have a mean just
    below that: 99% in the sum of a table whose every row says 100%.
    """
    return rounded(fsum(shares) / (number or len(shares)), DIGITS)


def _mean(buckets: Collection[Bucket]) -> float:
    """The mean of all values in the buckets."""
    return mean([one.mean * one.number for one in buckets], sum(one.number for one in buckets))


def look_back(figures: Figures, last: int, years: int, now: int) -> tuple[Year, ...]:
    """The `years` years that end with `last`. Raises RetryLater."""
    return tuple(look_up(figures, year, now) for year in range(last - years + 1, last + 1))


def _daily(one: Indicator, zone: ZoneInfo) -> Indicator:
    """Keep the last value of each day: while a gateway runs it counts every hour."""
    by_day = {day_of(at, zone): (at, value) for at, value in one.trend}
    return replace(one, trend=tuple(by_day.values()))
