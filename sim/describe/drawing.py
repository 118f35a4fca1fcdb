"""SVG plots: simulated values as curves and bars, published ones as dashed curves, lines and bands."""

from collections.abc import Sequence
from html import escape

import numpy as np
import numpy.typing as npt

from devices.texts import Lang, number

Values = Sequence[float] | npt.NDArray[np.float64]
WIDTH, HEIGHT, LEFT, PAD = 460, 150, 44, 18
STYLE = """body{font:15px/1.45 system-ui,sans-serif;color:#16241c}
body{max-width:62rem;margin:1rem auto;padding:0 1rem}
figure{display:inline-block;width:470px;max-width:100%;margin:.4rem .6rem .8rem 0;vertical-align:top}
figure.wide{width:auto;display:block}figure.wide svg{width:100%;height:auto}
figcaption{font-size:.9rem}
svg{border:1px solid #d3dcd6;background:#fff}text{font:10px system-ui,sans-serif;fill:#50605a}
text{paint-order:stroke;stroke:#fff;stroke-width:3px}
text.name{font-size:11px;fill:#16241c}
.sim{fill:none;stroke:#1d6b3a;stroke-width:1.6}.low{fill:none;stroke:#2a6f97;stroke-width:1.2}
.pub{fill:none;stroke:#b45309;stroke-width:1.6;stroke-dasharray:5 3}
.bar{fill:#2a6f97;opacity:.55}.range{fill:#f2c57c;opacity:.35}
.line{stroke:#a3261b;stroke-dasharray:2 3}.grid{stroke:#e3e9e5}.tet{stroke:#c1121f;stroke-width:1.5}
.sown{fill:#8a5a2b}.grows{fill:#b9d8b0}.picked{fill:#e08e0b}.once{stroke:#16241c;stroke-width:1.2}
.key{font-size:.85rem;color:#50605a}ul.key{columns:2}"""


class Plot:
    """A plot under construction; its scale is fixed when it is drawn."""

    def __init__(self, lang: Lang, width: int = WIDTH) -> None:
        self._lang, self._width, self._end = lang, width, width - 8
        self._values: list[float] = []
        self._bands: list[tuple[str, float, float]] = []
        self._curves: list[tuple[str, list[float]]] = []
        self._bars: list[float] = []
        self._levels: list[tuple[str, float]] = []
        self._ticks: list[tuple[float, str]] = []

    def curve(self, values: Values, name: str = "sim") -> "Plot":
        """Add a curve, its values spread evenly over the width."""
        self._curves.append((name, [float(value) for value in values]))
        self._values += self._curves[-1][1]
        return self

    def bars(self, values: Values) -> "Plot":
        """Add one bar a value, standing on 0 or on the lower edge."""
        self._bars = [float(value) for value in values]
        self._values += [*self._bars, 0.0]
        return self

    def level(self, name: str, value: float) -> "Plot":
        """Add a published value as a horizontal line."""
        self._levels.append((name, value))
        self._values.append(value)
        return self

    def band(self, name: str, low: float, high: float) -> "Plot":
        """Add a published range as a band."""
        self._bands.append((name, low, high))
        self._values += [low, high]
        return self

    def months(self) -> "Plot":
        """Name twelve months along the axis, each at its middle."""
        self._ticks = [((month + 0.5) / 12, str(month + 1)) for month in range(12)]
        return self

    def points(self, names: Sequence[str]) -> "Plot":
        """Name the points of a curve along the axis; "" leaves one unnamed."""
        last = max(1, len(names) - 1)
        self._ticks = [(place / last, name) for place, name in enumerate(names) if name]
        return self

    def _x(self, share: float) -> float:
        return round(LEFT + (self._end - LEFT) * share, 1)

    def drawn(self, title: str, unit: str, source: str = "") -> str:
        """Return the figure with its caption."""
        low, high = min(self._values), max(self._values)
        span = (high - low) or 1.0

        def y(value: float) -> float:
            return round(HEIGHT - PAD - (HEIGHT - 2 * PAD) * (value - low) / span, 1)

        parts, labels = list[str](), list[str]()
        for name, bottom, top in self._bands:
            parts.append(
                f'<rect class="range" x="{LEFT}" y="{y(top)}" width="{self._end - LEFT}" '
                f'height="{round(y(bottom) - y(top), 1)}"/>'
            )
            labels.append(self._label(name, y(top) + 10))
        for share, name in self._ticks:
            parts.append(
                f'<text x="{self._x(share)}" y="{HEIGHT - 4}" text-anchor="middle">{escape(name)}</text>'
            )
        wide = (self._end - LEFT) / max(1, len(self._bars))
        for place, value in enumerate(self._bars):
            if value:
                top, foot = sorted((y(value), y(max(0.0, low))))
                parts.append(
                    f'<rect class="bar" x="{round(LEFT + wide * place, 1)}" y="{top}" '
                    f'width="{round(max(wide, 1.2), 1)}" height="{round(foot - top, 1)}"/>'
                )
        for name, values in self._curves:
            last = max(1, len(values) - 1)
            points = " ".join(f"{self._x(place / last)},{y(value)}" for place, value in enumerate(values))
            parts.append(f'<polyline class="{name}" points="{points}"/>')
        for name, value in self._levels:
            parts.append(f'<line class="line" x1="{LEFT}" x2="{self._end}" y1="{y(value)}" y2="{y(value)}"/>')
            labels.append(self._label(name, y(value) - 2))
        for value in (low, high):
            parts.append(
                f'<text x="{LEFT - 4}" y="{y(value) + 3}" text-anchor="end">{self._number(value)}</text>'
            )
        return figure(title, unit, source, "".join(parts + labels), self._width, HEIGHT)

    def _label(self, name: str, at: float) -> str:
        return f'<text x="{self._end - 4}" y="{at}" text-anchor="end">{escape(name)}</text>' if name else ""

    def _number(self, value: float) -> str:
        most = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 4
        return number(value, self._lang, most=most)


def figure(title: str, unit: str, source: str, inside: str, width: int, height: int) -> str:
    """Return a picture with a caption: what it shows, its unit, and the source of the published values."""
    caption = escape(f"{title}, {unit}" if unit else title)
    if source:
        caption += f' <span class="key">({escape(source)})</span>'
    wide = ' class="wide"' if width > WIDTH else ""
    return (
        f"<figure{wide}><figcaption>{caption}</figcaption>"
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(title)}">{inside}</svg></figure>'
    )
