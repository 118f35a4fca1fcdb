"""A year of a pond, of a paddy's water, and of salt behind sluices, day by day."""

from collections.abc import Iterator

import numpy as np

from devices.clock import DAY_MS, HOUR_MS
from devices.pilots.pilot import Pilot
from devices.pilots.places import Community
from devices.texts import Lang, text
from sim.describe.drawing import Plot, Values
from sim.describe.records import CROP, NITROGEN, OXYGEN
from sim.physics.farm.paddy import FLOODED, TUBE
from sim.physics.growing import FED
from sim.physics.moment import ANCHOR, Moment
from sim.physics.world import Land, World


class Year:
    """A place over the days of [start, stop) epoch ms."""

    def __init__(self, world: World, place: str, start: int, stop: int) -> None:
        self.land: Land = world.land(place, stop)
        self.days = slice((start - ANCHOR) // DAY_MS, (stop - ANCHOR) // DAY_MS)
        self.hours = Moment(np.arange(start, stop, HOUR_MS, dtype=np.int64))

    def by_day(self, values: Values) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        """Reshape hourly values to one row a day."""
        return np.asarray(values, dtype=np.float64).reshape(-1, 24)


def pond(world: World, pilot: Pilot, start: int, stop: int, lang: Lang) -> Iterator[str]:
    """Draw the pond of the first community with fish."""
    place = next((one for one in pilot.communities if _crops(one) & FED), None)
    if place is None:
        return
    year = Year(world, place.id, start, stop)
    water = year.land.pond(1)
    thesis = text("describe.from_thesis", lang)
    mass = water.biomass[year.days] * water.depth * 10
    yield f"<h2>{text('describe.pond', lang, place=place.name)}</h2>"
    weight = Plot(lang).months().curve(mass)
    if "pangasius" in _crops(place):
        weight.band(text("describe.a_crop", lang), *CROP)
    yield weight.drawn(text("describe.biomass", lang), "t/ha", thesis)
    fed = water.feed[year.days] * water.depth * 1e4
    yield (
        Plot(lang)
        .months()
        .bars(fed)
        .drawn(text("describe.feed", lang), "kg/ha", text("describe.fed_as", lang))
    )
    oxygen = year.by_day(water.oxygen(year.hours))
    drawn = Plot(lang).months().band("", *OXYGEN).curve(oxygen.mean(axis=1)).curve(oxygen.min(axis=1), "low")
    level = pilot.alarms.of("dissolved_oxygen", place.id) if pilot.alarms is not None else None
    for name, at in level.named() if level is not None else ():
        drawn.level(f"{text('describe.alarm', lang)} {name}", at)
    yield drawn.drawn(text("describe.oxygen", lang), "mg/L", thesis)
    nitrogen = year.by_day(water.nitrogen(year.hours)).mean(axis=1)
    yield (
        Plot(lang)
        .months()
        .band("", *NITROGEN)
        .curve(nitrogen)
        .drawn(text("describe.nitrogen", lang), "mg N/L", thesis)
    )
    free = year.by_day(water.ammonia(year.hours))
    drawn = Plot(lang).months().curve(free.max(axis=1))
    level = pilot.alarms.of("ammonia", place.id) if pilot.alarms is not None else None
    for name, at in level.named() if level is not None else ():
        drawn.level(f"{text('describe.alarm', lang)} {name}", at)
    yield drawn.drawn(text("describe.free_ammonia", lang), "mg/L", text("describe.from_template", lang))
    runs = [year.by_day(of(year.hours)).sum(axis=1) for of in (water.aerator, water.pump)]
    drawn = Plot(lang).months().bars(runs[0]).curve(runs[1])
    yield drawn.drawn(text("describe.machines", lang), "h", text("describe.nothing", lang))


def paddy(world: World, pilot: Pilot, community: str, start: int, stop: int, lang: Lang) -> Iterator[str]:
    """Draw the paddy of this community if it grows rice, else of the first that does."""
    rice = [one for one in pilot.communities if one.products and one.products[0].crop == "rice"]
    place = next((one for one in rice if one.id == community), rice[0] if rice else None)
    if place is None:
        return
    year = Year(world, place.id, start, stop)
    soil, awd = year.land.soil(1), text("describe.from_awd", lang)
    yield f"<h2>{text('describe.paddy', lang, place=place.name)}</h2>"
    standing = year.by_day(soil.standing(year.hours))[:, 4]
    yield (
        Plot(lang)
        .months()
        .curve(standing)
        .level(text("describe.tube", lang), TUBE)
        .level(text("describe.flooded", lang), FLOODED)
        .drawn(text("describe.stands", lang), "mm", awd)
    )
    irrigation = soil.irrigation[year.days]
    yield (
        Plot(lang)
        .months()
        .bars(irrigation)
        .drawn(text("describe.irrigation", lang), "mm", text("describe.from_aquacrop", lang))
    )
    rain = year.land.weather.rain[year.days]
    yield (
        Plot(lang)
        .months()
        .bars(rain)
        .drawn(text("describe.rain_of_day", lang), "mm", text("describe.nothing", lang))
    )
    moisture = year.by_day(soil.moisture(year.hours)).mean(axis=1)
    yield (
        Plot(lang)
        .months()
        .curve(moisture)
        .drawn(text("describe.moisture", lang), "%", text("describe.nothing", lang))
    )


def salt(world: World, pilot: Pilot, start: int, stop: int, lang: Lang) -> Iterator[str]:
    """Draw the salt in river and canal at the place nearest to the sea behind a project's sluices."""
    gated = [one for one in pilot.places if one.behind_sluices]
    if not gated:
        return
    place = max(gated, key=lambda one: one.lon)
    year = Year(world, place.id, start, stop)
    water = year.land.water
    yield f"<h2>{text('describe.coast', lang, place=place.name)}</h2>"
    river = year.by_day(water.river_salt(year.hours))
    yield (
        Plot(lang)
        .months()
        .curve(river.max(axis=1))
        .curve(river.min(axis=1), "low")
        .drawn(text("describe.salt_river", lang), "g/L", text("describe.from_front", lang))
    )
    inside = Plot(lang).months().curve(year.by_day(water.salinity(year.hours)).max(axis=1))
    level = pilot.alarms.of("salinity", place.id) if pilot.alarms is not None else None
    for name, at in level.named()[:2] if level is not None else ():
        inside.level(f"{text('describe.alarm', lang)} {name}", at)
    yield inside.drawn(text("describe.salt_canal", lang), "g/L", text("describe.from_sluices", lang))


def _crops(place: Community) -> set[str]:
    return {product.crop for product in place.products}
