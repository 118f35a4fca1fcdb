"""One indicator over the plan's years as an SVG for the report: measured, targets, forecast and band."""

from datetime import date
from html import escape

from dashboards import wording
from dashboards.figures import Indicator
from devices.clock import moment_of
from gateway.indicators.course import START_YEAR

WIDTH, HEIGHT = 640, 200
LEFT, RIGHT, TOP, BOTTOM = 48, 16, 30, 26
FONT = "Tinos"  # that of the report
BLUE, ORANGE, GREY, PALE = "#0b5a8a", "#b45309", "#50605a", "#cfe3ef"


def draw(one: Indicator, words: dict[str, str], lang: str) -> str:
    """The chart as SVG. `words` are the legend: measured, target, forecast."""
    last = max(one.targets[-1].year, int(_year(one.at))) + 1
    highest = max([p.at_least for p in one.targets] + [p.up_to or 0 for p in one.targets])
    top = 1.1 * max([highest, one.value, *(f.high for f in one.forecasts)]) or 1.0

    def x(year: float) -> float:
        return round(LEFT + (year - START_YEAR) / (last - START_YEAR) * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM), 1)

    def text(at_x: float, at_y: float, words: str, anchor: str = "middle", colour: str = GREY) -> str:
        return (
            f'<text x="{at_x}" y="{at_y}" text-anchor="{anchor}" font-family="{FONT}" font-size="12" '
            f'fill="{colour}">{escape(words)}</text>'
        )

    parts = []
    for year in range(START_YEAR, last + 1):
        parts.append(
            f'<path d="M{x(year)} {TOP}V{HEIGHT - BOTTOM}" stroke="#e3e9e5" stroke-width="1" fill="none"/>'
        )
        if year < last:
            parts.append(text(x(year + 0.5), HEIGHT - 9, str(year)))
    for level in _levels(top, share=one.share):
        shown = wording.aim(one, level, lang)
        parts.append(f'<path d="M{LEFT} {y(level)}H{WIDTH - RIGHT}" stroke="#e3e9e5" fill="none"/>')
        parts.append(text(LEFT - 6, y(level) + 4, shown, "end"))
    now = (x(_year(one.at)), y(one.value))
    ahead = [(x(f.year + 1), f) for f in one.forecasts]
    band = [now, *((at, y(f.high)) for at, f in ahead), *((at, y(f.low)) for at, f in reversed(ahead))]
    # first the band, so that it hides no line: the path often runs through it
    parts.append(f'<polygon points="{_points(band)}" fill="{PALE}"/>')
    ends = [(START_YEAR, 0.0), *((point.year + 1, point.at_least) for point in one.targets)]
    parts.append(_line([(x(a), y(b)) for a, b in ends], ORANGE, "6 5"))
    parts += [f'<circle cx="{x(a)}" cy="{y(b)}" r="4" fill="{ORANGE}"/>' for a, b in ends[1:]]
    parts.append(_line([now, *((at, y(f.value)) for at, f in ahead)], BLUE, "3 4"))
    measured = [(x(_year(at)), y(value)) for at, value in one.trend]
    parts.append(_line(measured, BLUE))
    parts.append(f'<circle cx="{now[0]}" cy="{now[1]}" r="3.5" fill="{BLUE}"/>')
    for number, (key, colour, dash) in enumerate(
        (("measured", BLUE, ""), ("target", ORANGE, "6 5"), ("forecast", BLUE, "3 4"))
    ):
        at = LEFT + number * 190
        parts.append(_line([(at, 12), (at + 26, 12)], colour, dash))
        parts.append(text(at + 32, 16, words[key], "start"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}">{"".join(parts)}</svg>'
    )


def _levels(top: float, *, share: bool) -> list[float]:
    steps = (0.05, 0.1, 0.2, 0.25) if share else (1, 2, 5, 10, 20, 50)
    step = next((step for step in steps if top / step <= 7), top / 5)
    return [number * step for number in range(int(top / step) + 1)]


def _line(points: list[tuple[float, float]], colour: str, dash: str = "") -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<polyline points="{_points(points)}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>'


def _points(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{a},{b}" for a, b in points)


def _year(ms: int) -> float:
    """Epoch ms as a year with its fraction; hours do not show in a picture of ten years."""
    day = moment_of(ms).date()
    return day.year + (day - date(day.year, 1, 1)).days / 366
