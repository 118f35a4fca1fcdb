"""The page: a year by month, farms and salt, differences between years, and a week of every signal."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from html import escape

import numpy as np
import numpy.typing as npt

from devices.clock import HOUR_MS, epoch_ms, midnight_of, moment_of
from devices.contract.models import MODELS
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import Pilot
from devices.pilots.places import Place
from devices.texts import Lang, day, number, text
from sim.describe.calendars import calendars
from sim.describe.drawing import STYLE, Plot, Values
from sim.describe.farm import paddy, pond, salt
from sim.describe.records import (
    HUMIDITY,
    NEW_MOON,
    PEAKS,
    RADIATION,
    RAIN,
    RAINS,
    SALT,
    TAN_CHAU,
    TEMPERATURE,
    TIDE,
    YEARS,
    Published,
)
from sim.physics.growing import FIRST_DAY
from sim.physics.moment import ANCHOR, YEAR, Moment
from sim.physics.river import FOUR_GRAMS, river
from sim.physics.water import Water
from sim.physics.weather import Weather
from sim.physics.world import World

Array = npt.NDArray[np.float64]
WEEK = timedelta(days=7)


def page(seed: int, pilot: Pilot, community: str, year: int, lang: Lang = "vi") -> str:
    """Return the page as HTML. Raises KeyError for a community that the pilot does not have."""
    world = World(seed, pilot)
    place = pilot.place[community]
    start, stop = (midnight_of(date(one, 1, 1), pilot.zone) for one in (year, year + 1))
    parts = [
        f"<h2>{text('describe.by_month', lang, year=str(year))}</h2>",
        *_year(world, pilot, place, start, stop, lang),
        f"<h2>{text('describe.farming', lang)}</h2>",
        calendars(seed, pilot, year, lang),
        *pond(world, pilot, start, stop, lang),
        *paddy(world, pilot, community, start, stop, lang),
        *salt(world, pilot, start, stop, lang),
    ]
    # the records are of the Mekong, so only for pilots on it
    if any(one.behind_sluices for one in pilot.places):
        parts += [
            f"<h2>{text('describe.between_years', lang, many=YEARS, first=str(FIRST_DAY.year))}</h2>",
            *_between_years(seed, lang),
        ]
    week = datetime(year, 9, 10, tzinfo=pilot.zone)
    parts += [
        f"<h2>{text('describe.week', lang, day=day(week, lang))}</h2>",
        *_week(world, place, week, lang),
    ]
    title = text("describe.title", lang, place=place.name, commune=place.commune_old, seed=str(seed))
    note = text("describe.made", lang, day=day(datetime.now(UTC), lang))
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f'<body><h1>{escape(title)}</h1><p class="key">{escape(text("describe.colours", lang))}</p>'
        f'{"".join(parts)}<p class="key">{escape(note)}</p></body></html>\n'
    )


def _year(world: World, pilot: Pilot, place: Place, start: int, stop: int, lang: Lang) -> Iterator[str]:
    """Draw weather and water of the place by month, beside the published values."""
    times = np.arange(start, stop, HOUR_MS, dtype=np.int64)
    month = np.array([moment_of(t, pilot.zone).month for t in times.tolist()])

    def by_month(signal: str, how: str) -> list[float]:
        values = world.signal(place.id, 1, signal, times, 3600)
        months = [values[month == m] for m in range(1, 13)]
        return [float({"mean": v.mean(), "sum": v.sum(), "max": v.max()}[how]) for v in months]

    for published, signal, how in (
        (TEMPERATURE, "air_temperature", "mean"),
        (RAIN, "rainfall", "sum"),
        (HUMIDITY, "relative_humidity", "mean"),
        (RADIATION, "solar_radiation", "mean"),
    ):
        yield _beside(published, by_month(signal, how), lang, [str(m) for m in range(1, 13)])
    plot = Plot(lang).curve(by_month("water_level", "max")).points([str(m) for m in range(1, 13)])
    level = pilot.alarms.of("water_level", place.id) if pilot.alarms is not None else None
    for name, at in level.named() if level is not None else ():
        plot.level(f"{text('describe.alarm', lang)} {name} {number(at, lang)}", at)
    source = (level.source or "") if level is not None else text("describe.nothing", lang)
    yield plot.drawn(text("describe.level", lang, place=place.name), "m", source)


def _between_years(seed: int, lang: Lang) -> Iterator[str]:
    """Draw what one state of the Pacific makes of each year, and the tide, which is the same in all years."""
    weather = Weather(seed, "tan-chau", *TAN_CHAU, int(YEARS * YEAR) + 2)
    days = slice(0, int(YEARS * YEAR))
    year = (weather.day[days] // YEAR).astype(np.int64)
    hours = Moment(ANCHOR + np.arange(24 * len(year)) * HOUR_MS)
    level = Water(weather).level(hours).reshape(-1, 24).max(axis=1)
    line = river(seed, len(weather.day)).front[days] * FOUR_GRAMS
    fortnight = Moment(epoch_ms(NEW_MOON) + np.arange(14 * 24) * HOUR_MS)
    mouth = Water(weather, kilometres=0.0).tide(fortnight)
    years = ["" if number_ % 5 else str(FIRST_DAY.year + number_) for number_ in range(YEARS)]

    def highest(daily: Array) -> list[float]:
        return [float(daily[year == number_].max()) for number_ in range(YEARS)]

    yield _beside(PEAKS, highest(level), lang, years)
    yield _beside(RAINS, np.bincount(year, weather.rain[days]).tolist(), lang, years)
    yield _beside(SALT, highest(line), lang, years)
    yield _beside(
        TIDE, mouth, lang, [str(count // 24) if count % 48 == 0 else "" for count in range(14 * 24)]
    )


def _beside(published: Published, simulated: Values, lang: Lang, names: list[str]) -> str:
    """Draw a simulated curve together with the published values."""
    plot = Plot(lang).curve(simulated).points(names)
    if published.months:
        plot.curve(published.months, "pub")
    for name, value in published.levels:
        worded = name if name.isdigit() or not name else text(f"describe.{name}", lang)
        plot.level(f"{worded} {number(value, lang)}" if name else "", value)
    source = text(f"describe.from_{published.source}", lang) if published.source else ""
    return plot.drawn(text(f"describe.{published.key}", lang), published.unit, source)


def _week(world: World, place: Place, week: datetime, lang: Lang) -> Iterator[str]:
    first, last = (epoch_ms(t) for t in (week, week + WEEK))
    times = np.arange(first, last, 600_000, dtype=np.int64)
    carried = {signal for model in place.fleet for signal in MODELS[model].signals}
    names = ["" if count % 144 else str((week + timedelta(days=count // 144)).day) for count in range(1008)]
    for signal in SIGNALS.values():
        if signal.id in carried:
            values = world.signal(place.id, 1, signal.id, times, 600)
            name = signal.name(lang)
            yield Plot(lang).curve(values).points(names).drawn(name, signal.shown_unit)
