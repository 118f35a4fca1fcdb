"""Small charts of daily conditions as SVG: the band from lowest to highest, the mean, and the gaps."""

import math
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from devices.texts import number

WIDTH, HEIGHT, PAD = 320, 84, 14
STEPS = 60  # points of a line; more are not told apart on a phone


def daily(rows: Sequence[Sequence[Any]], first: date, last: date, lang: str) -> str:
    """`rows` are [day, low, mean, high, number]; the axis runs from `first` to `last`. Days without a row
    are marked at the bottom, and where there is none they break the line. Many days are drawn a few at a
    time, lowest, mean and highest of them. Text in it is numbers alone, as they are written in `lang`.
    """
    days = max(1, (last - first).days)
    step = math.ceil((days + 1) / STEPS)
    low, high = min(row[1] for row in rows), max(row[3] for row in rows)
    span = (high - low) or 1.0

    def x(place: float) -> float:
        return round(34 + (WIDTH - 40) * place * step / days, 1)

    def y(value: float) -> float:
        return float(round(HEIGHT - PAD - (HEIGHT - 2 * PAD) * (value - low) / span, 1))

    known: dict[int, list[Sequence[Any]]] = {}
    for row in rows:
        known.setdefault((date.fromisoformat(row[0]) - first).days // step, []).append(row)
    parts = [
        f'<text x="30" y="{y(high) + 4}" text-anchor="end">{number(float(f"{high:g}"), lang)}</text>',
        f'<text x="30" y="{y(low) + 4}" text-anchor="end">{number(float(f"{low:g}"), lang)}</text>',
    ]
    for run in _runs(sorted(known)):
        band = [f"{x(at):g},{y(max(row[3] for row in known[at])):g}" for at in run]
        band += [f"{x(at):g},{y(min(row[1] for row in known[at])):g}" for at in reversed(run)]
        line = [f"{x(at):g},{y(_mean(known[at])):g}" for at in run]
        parts.append(f'<polygon class="band" points="{" ".join(band)}"/>')
        parts.append(f'<polyline class="mean" points="{" ".join(line)}"/>')
        if len(run) == 1:
            parts.append(f'<circle class="dot" cx="{x(run[0])}" cy="{y(_mean(known[run[0]]))}" r="2"/>')
    missing = [at for at in range(days // step + 1)
               if len(known.get(at, ())) < min(step, days + 1 - at * step)]  # fmt: skip
    for run in _runs(missing):
        wide = x(run[-1]) - x(run[0]) + 4
        parts.append(
            f'<rect class="gap" x="{x(run[0]) - 2:g}" y="{HEIGHT - 8}" width="{wide:g}" height="5"/>'
        )
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">{"".join(parts)}</svg>'


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
