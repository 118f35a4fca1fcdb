"""Small charts of daily conditions as SVG: the band from lowest to highest, the mean, and the gaps."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

WIDTH, HEIGHT, PAD = 320, 84, 14


def daily(rows: Sequence[Sequence[Any]], first: date, last: date) -> str:
    """`rows` are [day, low, mean, high, number]; the axis runs from `first` to `last`. Days without a
    row break the line and are hatched at the bottom. Text in it is numbers alone.
    """
    days = max(1, (last - first).days)
    low, high = min(row[1] for row in rows), max(row[3] for row in rows)
    span = (high - low) or 1.0

    def x(day: date) -> float:
        return round(34 + (WIDTH - 40) * (day - first).days / days, 1)

    def y(value: float) -> float:
        return float(round(HEIGHT - PAD - (HEIGHT - 2 * PAD) * (value - low) / span, 1))

    known = {date.fromisoformat(row[0]): row for row in rows}
    parts = [
        f'<text x="30" y="{y(high) + 4}" text-anchor="end">{high:g}</text>',
        f'<text x="30" y="{y(low) + 4}" text-anchor="end">{low:g}</text>',
    ]
    for run in _runs(known):
        band = [f"{x(day)},{y(known[day][3])}" for day in run]
        band += [f"{x(day)},{y(known[day][1])}" for day in reversed(run)]
        line = [f"{x(day)},{y(known[day][2])}" for day in run]
        parts.append(f'<polygon class="band" points="{" ".join(band)}"/>')
        parts.append(f'<polyline class="mean" points="{" ".join(line)}"/>')
        if len(run) == 1:
            parts.append(f'<circle class="dot" cx="{x(run[0])}" cy="{y(known[run[0]][2])}" r="2"/>')
    for number in range(days + 1):
        day = first + timedelta(days=number)
        if day not in known:
            parts.append(f'<rect class="gap" x="{x(day) - 2}" y="{HEIGHT - 8}" width="4" height="5"/>')
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">{"".join(parts)}</svg>'


def _runs(known: dict[date, Any]) -> Iterator[list[date]]:
    run: list[date] = []
    for day in sorted(known):
        if run and day - run[-1] > timedelta(days=1):
            yield run
            run = []
        run.append(day)
    if run:
        yield run
