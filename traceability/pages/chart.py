"""Small charts of growing conditions as SVG: the band from lowest to highest, the mean, and the gaps.

days of a record ─► daily ─┐
hours of a place ──────────┴─► curve ─► SVG
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from devices.texts import number

WIDTH, HEIGHT, PAD = 320, 84, 14
STEPS = 60  # points of a line; a phone's screen shows no more apart


class Spot(NamedTuple):
    """The values of one step of the axis."""

    low: float
    mean: float
    high: float


def daily(rows: Sequence[Sequence[Any]], first: date, last: date, lang: str, decimals: int) -> str:
    """A chart of days. `rows` are [day, low, mean, high, number]; the axis runs from `first` to `last`, its
    numbers have as many `decimals` as those beside the chart (see `curve`).

    Days without a row are marked at the bottom, and a step without any row breaks the line. With many days, a
    step covers several of them: their lowest, mean and highest value. The chart's only text is numbers, as
    they are written in `lang`.
    """
    days = max(1, (last - first).days)
    step = math.ceil((days + 1) / STEPS)
    known: dict[int, list[Sequence[Any]]] = {}
    for row in rows:
        known.setdefault((date.fromisoformat(row[0]) - first).days // step, []).append(row)
    spots = {
        at: Spot(min(row[1] for row in some), _mean(some), max(row[3] for row in some))
        for at, some in known.items()
    }
    missing = [at for at in range(days // step + 1)
               if len(known.get(at, ())) < min(step, days + 1 - at * step)]  # fmt: skip
    return curve(spots, days / step, missing, lang, decimals)


def curve(
    spots: Mapping[int, Spot],
    end: float,
    missing: Iterable[int],
    lang: str,
    decimals: int,
    *,
    least: float = 0.0,
    lines: Sequence[float] = (),
) -> str:
    """A chart of `spots` (by step) on an axis from 0 to `end`.

    The steps in `missing` are marked at the bottom, and a step without a spot breaks the line. The value axis
    spans at least `least`, so that a calm day looks calm, and includes `lines`, which are drawn across it
    (alarm levels). Its numbers have `decimals` decimal places, or as many as there is room for.
    """
    low = min(*(spot.low for spot in spots.values()), *lines, math.inf)
    high = max(*(spot.high for spot in spots.values()), *lines, -math.inf)
    if (more := least - (high - low)) > 0:
        # an axis of values that are never negative does not go below 0
        under = min(more / 2, low) if low >= 0 else more / 2
        low, high = round(low - under, 4), round(high + more - under, 4)
    span = (high - low) or 1.0

    def x(place: float) -> float:
        return round(34 + (WIDTH - 40) * place / end, 1)

    def y(value: float) -> float:
        return float(round(HEIGHT - PAD - (HEIGHT - 2 * PAD) * (value - low) / span, 1))

    places = min(decimals, _room(low), _room(high))
    parts = [
        f'<text x="30" y="{y(edge) + 4}" text-anchor="end">{number(edge, lang, places)}</text>'
        for edge in (high, low)
    ]
    parts += [f'<line class="level" x1="34" x2="{WIDTH - 6}" y1="{y(one)}" y2="{y(one)}"/>' for one in lines]
    for run in _runs(sorted(spots)):
        band = [f"{x(at):g},{y(spots[at].high):g}" for at in run]
        band += [f"{x(at):g},{y(spots[at].low):g}" for at in reversed(run)]
        line = [f"{x(at):g},{y(spots[at].mean):g}" for at in run]
        parts.append(f'<polygon class="band" points="{" ".join(band)}"/>')
        parts.append(f'<polyline class="mean" points="{" ".join(line)}"/>')
        if len(run) == 1:
            parts.append(f'<circle class="dot" cx="{x(run[0])}" cy="{y(spots[run[0]].mean)}" r="2"/>')
    for run in _runs(sorted(missing)):
        wide = x(run[-1]) - x(run[0]) + 4
        parts.append(
            f'<rect class="gap" x="{x(run[0]) - 2:g}" y="{HEIGHT - 8}" width="{wide:g}" height="5"/>'
        )
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">{"".join(parts)}</svg>'


def _room(edge: float) -> int:
    """The number of decimals that fit beside the axis: four digits in all."""
    return max(0, 4 - len(str(int(abs(edge)))))


def _mean(rows: Sequence[Sequence[Any]]) -> float:
    return float(sum(row[2] * row[4] for row in rows) / sum(row[4] for row in rows))


def _runs(places: Sequence[int]) -> Iterator[list[int]]:
    run: list[int] = []
    for place in places:
        if run and place - run[-1] > 1:
            yield run
            run = []
        run.append(place)
    if run:
        yield run
