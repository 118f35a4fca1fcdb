"""The places of a year by commune: one line per commune in the report, and an annex for each."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from dashboards import wording
from dashboards.report.document import Annex, Block
from dashboards.report.words import roman, say
from dashboards.report.yearly import Harvested, Year, mean
from devices.clock import day_of
from devices.pilots.names import alphabetical
from devices.pilots.pilot import INDICATORS, SHARE, Pilot
from devices.pilots.places import Place, Village
from devices.texts import day, number, percent, rounded


@dataclass(frozen=True, slots=True)
class Commune:
    """A commune of today with its places, both in Vietnamese order."""

    name: str
    places: tuple[Place, ...]


def communes(pilot: Pilot, year: Year) -> list[Commune]:
    """Every commune with a place that had joined by the end of the year, or by now."""
    until = day_of(year.until, pilot.zone)
    by_name: dict[str, list[Place]] = {}
    for place in sorted(pilot.places, key=lambda one: alphabetical(one.name)):
        if place.joined <= until and place.joined.year <= year.year:
            by_name.setdefault(pilot.commune(place, date.max), []).append(place)
    return [Commune(name, tuple(by_name[name])) for name in sorted(by_name, key=alphabetical)]


def by_commune(pilot: Pilot, year: Year, lang: str) -> list[Block]:
    """The section on communes: a line each, their sum, and harvests elsewhere, which the sum leaves out."""
    heading = Block("heading", say(lang, "communes", year=year.year))
    some = communes(pilot, year)
    if not some:
        return [heading, Block("text", say(lang, "nobody_yet"))]
    if year.empty:
        joined = sum(len(commune.places) for commune in some)
        return [heading, Block("text", say(lang, "joined_alone", places=joined))]
    head = ("commune", "places", "counted", "devices", "coverage", "lots", "kilograms")
    rows = [tuple(say(lang, f"column_{name}") for name in head)]
    rows += [(commune.name, *_summed(commune.places, year, lang)) for commune in some]
    everywhere = [place for commune in some for place in commune.places]
    rows.append((say(lang, "sum"), *_summed(everywhere, year, lang)))
    widths = (2.5, 0.8, 1, 0.9, 1, 0.8, 1.3)
    blocks = [heading, Block("table", say(lang, "communes_note"), tuple(rows), widths, summed=True)]
    listed = {place.id for place in everywhere}
    others = [lots for place, lots in year.lots.items() if place not in listed]
    if others:
        key = "others_invented" if pilot.adopters else "others"
        lots, kilograms = sum(one.number for one in others), sum(rounded(one.kilograms, 0) for one in others)
        sentence = say(lang, key, lots=number(lots, lang), kilograms=number(kilograms, lang))
        blocks.append(Block("text", sentence))
    return [*blocks, *apart((year,), lang), *_simulated(everywhere, year, lang)]


def apart(years: Iterable[Year], lang: str) -> list[Block]:
    """A sentence on the lots of simulated diaries, which no table has."""
    years = tuple(years)
    lots = sum(year.apart.number for year in years)
    kilograms = number(sum(year.apart.kilograms for year in years), lang, 0)
    sentence = say(lang, "lots_apart", lots=number(lots, lang), kilograms=kilograms)
    return [Block("text", sentence)] if lots else []


def _simulated(places: Iterable[Place], year: Year, lang: str) -> list[Block]:
    """A sentence on the simulated devices, which the table counts with the real ones."""
    simulated = sum(year.invented.get(place.id, 0) for place in places)
    sentence = say(lang, "devices_simulated", number=number(simulated, lang))
    return [Block("text", sentence)] if simulated else []


def annexes(pilot: Pilot, year: Year, attached: str, lang: str) -> tuple[Annex, ...]:
    """One annex per commune, none for a year without data."""
    if year.empty:
        return ()
    return tuple(
        Annex(
            say(lang, "annex", number=roman(annex)),
            say(lang, "annex_name", commune=commune.name, year=year.year).upper(),
            attached,
            (Block("text", _before(commune, lang)), _table(pilot, year, commune, lang)),
        )
        for annex, commune in enumerate(communes(pilot, year), 1)
    )


def _summed(places: Iterable[Place], year: Year, lang: str) -> tuple[str, ...]:
    """How many places, how many count, devices, their coverage, lots, kilograms."""
    places = tuple(places)
    counted = _counted(year)
    harvests = [_harvested(place, year) for place in places]
    return (
        number(len(places), lang),
        number(sum(place.id in counted for place in places), lang),
        number(sum(year.devices.get(place.id, 0) for place in places), lang),
        _coverage([year.coverage[place.id] for place in places if place.id in year.coverage], lang),
        number(sum(one.number for one in harvests), lang),
        number(sum(rounded(one.kilograms, 0) for one in harvests), lang),  # as each is shown: they add up
    )


def _table(pilot: Pilot, year: Year, commune: Commune, lang: str) -> Block:
    head = ("place", "joined", "devices", "coverage", "lots", "kilograms", "counts", "lacks")
    rows = [tuple(say(lang, f"column_{name}") for name in head)]
    counted = _counted(year)
    for place in commune.places:
        harvested = _harvested(place, year)
        lots = number(harvested.number, lang), number(harvested.kilograms, lang, 0)
        shares = [year.coverage[place.id]] if place.id in year.coverage else []
        rows.append(
            (f"{place.name} ({wording.kind(place, lang)})", day(place.joined, lang),
             number(year.devices.get(place.id, 0), lang), _coverage(shares, lang),
             *(("–", "–") if isinstance(place, Village) else lots),
             say(lang, "counts" if place.id in counted else "misses"), _lacks(place, pilot, year, lang))
        )  # fmt: skip
    return Block("table", rows=tuple(rows), widths=(2.2, 1.35, 0.9, 0.95, 0.75, 1.2, 0.85, 2.2))


def _before(commune: Commune, lang: str) -> str:
    """The names of the commune before 1 July 2025, or that its name since then is not known."""
    old = "; ".join(dict.fromkeys(place.commune_old for place in commune.places))
    known = all(place.commune_new for place in commune.places)
    return say(lang, "commune_before", old=old) if known else say(lang, "commune_unknown")


def _counted(year: Year) -> set[str]:
    """Communities and villages that count for the indicator of their kind."""
    return {place for name, one in year.standing.items() if name != SHARE for place in one.members}


def _lacks(place: Place, pilot: Pilot, year: Year, lang: str) -> str:
    """What a place lacks for each indicator that it could count for."""
    lacking = [
        wording.lacks(name, year.standing[name].missed[place.id], pilot, lang)
        for name in INDICATORS
        if name in year.standing and place.id in year.standing[name].missed
    ]
    return "; ".join(lacking) or say(lang, "lacks_nothing")


def _harvested(place: Place, year: Year) -> Harvested:
    return Harvested(0, 0.0) if isinstance(place, Village) else year.lots.get(place.id, Harvested(0, 0.0))


def _coverage(shares: list[float], lang: str) -> str:
    return percent(mean(shares), lang) if shares else say(lang, "none")
