"""One page that shows what the simulator simulates: a self-contained HTML file with SVG plots.

First a year of each driver by month, beside what is published for the province; then thirty years of what
differs from one to the next, beside the records; then a week of every signal of one community. People who
would rather look than read can judge the world here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from html import escape

import numpy as np
import numpy.typing as npt

from devices.clock import HOUR_MS, epoch_ms, midnight_of, moment_of
from devices.contract.models import MODELS
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import Pilot
from sim.physics.moment import ANCHOR, YEAR, Moment
from sim.physics.river import river
from sim.physics.water import Water, four_grams
from sim.physics.weather import Weather
from sim.physics.world import World

Array = npt.NDArray[np.float64]
WEEK = timedelta(days=7)
W, H, LEFT, PAD = 460, 150, 44, 18
STYLE = """body{font:15px/1.45 system-ui,sans-serif;color:#16241c}
body{max-width:62rem;margin:1rem auto;padding:0 1rem}
figure{display:inline-block;max-width:470px;margin:.4rem .6rem .8rem 0;vertical-align:top}
figcaption{font-size:.9rem}
svg{border:1px solid #d3dcd6;background:#fff}text{font:10px system-ui,sans-serif;fill:#50605a}
.sim{fill:none;stroke:#1d6b3a;stroke-width:1.6}
.pub{fill:none;stroke:#b45309;stroke-width:1.6;stroke-dasharray:5 3}
.line{stroke:#a3261b;stroke-dasharray:2 3}.key{font-size:.85rem;color:#50605a}"""


@dataclass(frozen=True, slots=True)
class Published:
    """A yearly course by month (January first), or single values, with where they are from."""

    title: str
    unit: str
    months: tuple[float, ...] = ()
    levels: tuple[tuple[str, float], ...] = ()
    source: str = ""


# FACTS section 3. Ho Chi Minh City's WMO normals stand for the shape of the year, 120 km away.
HCMC = "Ho Chi Minh City, WMO normals"
TEMPERATURE = Published(
    "Mean air temperature", "°C", source=HCMC,
    months=(26.4, 27.7, 29.2, 30.2, 29.6, 28.5, 28.2, 28.1, 27.9, 27.6, 26.9, 26.1),
    levels=(("year, Đồng Tháp", 27.0),),
)  # fmt: skip
RAIN = Published(
    "Rain", "mm a month", source=HCMC,
    months=(13.8, 4.1, 10.5, 50.4, 218.4, 311.7, 293.7, 269.8, 327.1, 266.7, 116.5, 48.3),
    levels=(("October, Đồng Tháp", 248.0),),
)  # fmt: skip
HUMIDITY = Published(
    "Relative humidity", "%", source=HCMC,
    months=(69, 68, 68, 70, 76, 80, 80, 81, 82, 83, 78, 73), levels=(("year, Đồng Tháp", 82.5),),
)  # fmt: skip
RADIATION = Published("Solar radiation, mean of day and night", "W/m²", source="no published monthly values")
LEVEL = Published(
    "Highest water level of the month, Cao Lãnh", "m", source="Decision 05/2020/QĐ-TTg",
    levels=(("alarm I", 1.9), ("alarm II", 2.1), ("alarm III", 2.3)),
)  # fmt: skip
# FACTS section 5. Thirty years of the seed, whatever year is drawn.
YEARS = 30
PEAKS = Published(
    "Highest water of the year, Tân Châu", "m", source="the gauge; Decision 05/2020/QĐ-TTg",
    levels=(("2000", 5.06), ("alarm III", 4.5), ("2024", 3.26), ("2015", 2.55)),
)  # fmt: skip
RAINS = Published(
    "Rain of the year", "mm", source="the province's figures, which disagree",
    levels=(("lowest", 1500.0), ("highest", 2005.0)),
)  # fmt: skip
SALT = Published(
    "How far 4 g/L of salt came up the Tiền", "km from the mouth", source="press",
    levels=(("2020", 60.0), ("2022, at least", 40.0)),
)  # fmt: skip
TIDE = Published(
    "Tide at the mouth, two weeks from a new moon", "m", source="constants: TICON-4, Vũng Tàu, CC BY 4.0",
    levels=(("", 1.35), ("spring range 2.7 m", -1.35)),
)  # fmt: skip
NEW_MOON = datetime(2026, 9, 11, tzinfo=UTC)
TAN_CHAU = 10.80, 105.24


def page(seed: int, pilot: Pilot, community: str, year: int) -> str:
    """The page as HTML. Raises KeyError for a community that the pilot does not have."""
    world = World(seed, pilot)
    place = pilot.place[community]
    zone = pilot.zone
    start = midnight_of(date(year, 1, 1), zone)
    stop = midnight_of(date(year + 1, 1, 1), zone)
    times = np.arange(start, stop, HOUR_MS, dtype=np.int64)
    month = np.array([moment_of(t, zone).month for t in times.tolist()])

    def by_month(signal: str, how: str) -> list[float]:
        values = world.signal(community, 1, signal, times, 3600)
        months = [values[month == m] for m in range(1, 13)]
        return [float({"mean": v.mean(), "sum": v.sum(), "max": v.max()}[how]) for v in months]

    year_plots = [
        _months(TEMPERATURE, by_month("air_temperature", "mean")),
        _months(RAIN, by_month("rainfall", "sum")),
        _months(HUMIDITY, by_month("relative_humidity", "mean")),
        _months(RADIATION, by_month("solar_radiation", "mean")),
        _months(LEVEL, by_month("water_level", "max")),
    ]
    years_plots = _between_years(seed)
    week = datetime(year, 9, 10, tzinfo=zone)
    first, last = (epoch_ms(t) for t in (week, week + WEEK))
    week_times = np.arange(first, last, 600_000, dtype=np.int64)
    carried = {signal for model in place.fleet for signal in MODELS[model].signals}
    week_plots = [
        _course(
            signal.vi, signal.en, signal.shown_unit, world.signal(community, 1, signal.id, week_times, 600)
        )
        for signal in SIGNALS.values()
        if signal.id in carried
    ]
    title = f"hoiquan: the simulated {escape(place.name)}, seed {seed}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body><h1>{title}</h1>"
        '<p class="key">green: simulated · orange, dashed: published · red: a published single value</p>'
        f"<h2>{year}, by month</h2>{''.join(year_plots)}"
        f"<h2>What differs from year to year: {YEARS} years from 2020</h2>{''.join(years_plots)}"
        f"<h2>A week from {week:%d/%m/%Y}: every signal of the community</h2>{''.join(week_plots)}"
        f'<p class="key">made {datetime.now(UTC):%Y-%m-%d} by `hoiquan simulate describe`</p></body></html>\n'
    )


def _months(published: Published, simulated: Sequence[float]) -> str:
    curves = [("sim", list(simulated))]
    if published.months:
        curves.append(("pub", list(published.months)))
    everything = [value for _, curve in curves for value in curve] + [level for _, level in published.levels]
    y = _Scale(min(everything), max(everything))
    parts = [_polyline(name, curve, y) for name, curve in curves]
    parts += _lines(published, y)
    for number in range(12):
        x = LEFT + (W - LEFT - 8) * number / 11
        parts.append(f'<text x="{x:.0f}" y="{H - 4}" text-anchor="middle">{number + 1}</text>')
    caption = f"{published.title}, {published.unit} <span class='key'>({escape(published.source)})</span>"
    return _figure(caption, parts, min(everything), max(everything), y)


def _between_years(seed: int) -> list[str]:
    """What one state of the Pacific makes of each year, and the tide, which is the same in all."""
    weather = Weather(seed, "tan-chau", *TAN_CHAU, int(YEARS * YEAR) + 2)
    days = slice(0, int(YEARS * YEAR))
    year = (weather.day[days] // YEAR).astype(np.int64)
    hours = Moment(ANCHOR + np.arange(24 * len(year)) * HOUR_MS)
    level = Water(weather).level(hours).reshape(-1, 24).max(axis=1)
    salt = river(seed, len(weather.day)).front[days] * four_grams()
    fortnight = Moment(epoch_ms(NEW_MOON) + np.arange(14 * 24) * HOUR_MS)
    mouth = Water(weather, kilometres=0.0).tide(fortnight)

    def highest(daily: Array) -> list[float]:
        return [float(daily[year == number].max()) for number in range(YEARS)]

    return [
        _beside(PEAKS, highest(level)),
        _beside(RAINS, np.bincount(year, weather.rain[days]).tolist()),
        _beside(SALT, highest(salt)),
        _beside(TIDE, mouth.tolist()),
    ]


def _beside(published: Published, simulated: Sequence[float]) -> str:
    """A course with published values as lines."""
    everything = [*simulated, *(level for _, level in published.levels)]
    y = _Scale(min(everything), max(everything))
    parts = [_polyline("sim", simulated, y), *_lines(published, y)]
    caption = f"{published.title}, {published.unit} <span class='key'>({escape(published.source)})</span>"
    return _figure(caption, parts, min(everything), max(everything), y)


def _lines(published: Published, y: "_Scale") -> Iterator[str]:
    for name, level in published.levels:
        yield f'<line class="line" x1="{LEFT}" x2="{W}" y1="{y(level)}" y2="{y(level)}"/>'
        label = f"{escape(name)} {level:g}" if name else ""
        yield f'<text x="{W - 4}" y="{y(level) - 2}" text-anchor="end">{label}</text>'


def _course(vi: str, en: str, unit: str, values: Array) -> str:
    low, high = float(values.min()), float(values.max())
    y = _Scale(low, high)
    parts = [_polyline("sim", values.tolist(), y)]
    for day in range(1, 7):
        x = LEFT + (W - LEFT - 8) * day / 7
        parts.append(f'<line x1="{x:.0f}" x2="{x:.0f}" y1="{PAD}" y2="{H - PAD}" stroke="#e3e9e5"/>')
    return _figure(f"{escape(vi)} · {escape(en)} {escape(unit)}", parts, low, high, y)


class _Scale:
    """From a value to its height in the picture."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._span = low, (high - low) or 1.0

    def __call__(self, value: float) -> float:
        return round(H - PAD - (H - 2 * PAD) * (value - self._low) / self._span, 1)


def _polyline(name: str, values: Sequence[float], y: _Scale) -> str:
    step = (W - LEFT - 8) / max(1, len(values) - 1)
    points = " ".join(f"{LEFT + step * i:.1f},{y(value)}" for i, value in enumerate(values))
    return f'<polyline class="{name}" points="{points}"/>'


def _figure(caption: str, parts: Sequence[str], low: float, high: float, y: _Scale) -> str:
    axis = "".join(
        f'<text x="{LEFT - 4}" y="{y(value) + 3}" text-anchor="end">{value:.4g}</text>'
        for value in (low, high)
    )
    return (
        f"<figure><figcaption>{caption}</figcaption>"
        f'<svg viewBox="0 0 {W} {H}" width="{W}" height="{H}">{axis}{"".join(parts)}</svg></figure>'
    )
