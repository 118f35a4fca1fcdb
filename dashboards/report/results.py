"""How the indicators stand: against their targets, over the years, and as charts."""

from dataclasses import replace
from datetime import date

from dashboards import wording
from dashboards.figures import Indicator
from dashboards.report import drawing
from dashboards.report.document import Block
from dashboards.report.places import apart
from dashboards.report.words import aim, listed, named, say
from dashboards.report.yearly import Year, mean
from dashboards.wording import number as value
from devices.clock import moment_of
from devices.pilots.pilot import Pilot
from devices.texts import moment, number, percent, rounded


def targets(pilot: Pilot, year: Year, lang: str) -> list[Block]:
    """One row per indicator, as of the newest count of the year, and a sentence for each forecast."""
    head = ("indicator", "target", "value", "real", "simulated_only", "gap", "assessment")
    rows = [tuple(say(lang, f"column_{name}") for name in head)]
    for target in pilot.targets:
        one = year.indicator(target.indicator)
        if one is None:
            due = target.due(date(year.year, 12, 31))
            none = [say(lang, "none")] * 5
            rows.append((named(target.indicator, lang), aim(target.indicator, due, lang), *none))
        else:
            rows.append(_row(one, lang))
    as_of = "" if year.empty else say(lang, "as_of", time=moment(moment_of(year.at, pilot.zone), lang))
    widths = (1.5, 1.35, 0.8, 0.85, 0.95, 1.15, 1.6)
    return [
        Block("heading", say(lang, "targets")),
        Block("table", as_of, tuple(rows), widths),
        *_sums(year, lang),
        *(Block("text", _ahead(one, lang)) for one in year.indicators if one.forecasts),
    ]


def _row(one: Indicator, lang: str) -> tuple[str, ...]:
    stands = "reached" if one.reached else wording.pace(one)
    return (
        named(one.id, lang), aim(one.id, one.due, lang), value(one, one.value, lang),
        value(one, one.real, lang), value(one, one.simulated, lang), wording.gap(one, lang),
        say(lang, f"assessment_{stands}", path=value(one, one.required, lang)),
    )  # fmt: skip


def _sums(year: Year, lang: str) -> list[Block]:
    """Why the real and the simulated value do not add up to the whole, for indicators where they do not."""
    apart: dict[str, list[Indicator]] = {"overlap": [], "rounded": []}
    for one in year.indicators:
        if why := wording.uneven(one):
            apart[why].append(one)
    return [
        Block(
            "text",
            say(lang, f"sum_{why}", indicators=listed((named(one.id, lang) for one in some), lang, "sum")),
        )
        for why, some in apart.items()
        if some
    ]


def _ahead(one: Indicator, lang: str) -> str:
    """The forecast of an indicator in a sentence; after the plan's last year there is none."""
    if not one.forecasts:
        return ""
    last = one.forecasts[-1]
    return say(
        lang, "forecast", indicator=named(one.id, lang), year=last.year, value=value(one, last.value, lang),
        low=value(one, last.low, lang), high=value(one, last.high, lang),
        target=aim(one.id, one.targets[-1], lang),
    )  # fmt: skip


def course(pilot: Pilot, years: tuple[Year, ...], lang: str) -> list[Block]:
    """One row per year: each indicator with what the plan's path asked for, harvests, coverage."""
    names = [target.indicator for target in pilot.targets]
    head = (say(lang, "column_of_year"), *(named(name, lang) for name in names))
    head += tuple(say(lang, f"column_{name}") for name in ("lots", "kilograms", "coverage"))
    rows = [head]
    for year in years:
        none = say(lang, "none")
        if year.empty:
            rows.append((str(year.year), *[none] * (len(head) - 1)))
            continue
        shown = [none if (one := year.indicator(name)) is None else _by(one, lang) for name in names]
        lots = [number(sum(one.number for one in year.lots.values()), lang),
                number(sum(rounded(one.kilograms, 0) for one in year.lots.values()), lang)]  # fmt: skip
        shares = year.coverage.values()
        rows.append((str(year.year), *shown, *lots, percent(mean(shares), lang) if shares else none))
    widths = (0.7, 1.4, 1.4, 1.4, 0.8, 1.2, 1)
    return [
        Block("heading", say(lang, "course")),
        Block("table", say(lang, "course_note"), tuple(rows), widths),
        *apart(years, lang),
        *([Block("text", say(lang, "years_simulated"))] if any(year.simulated for year in years) else []),
    ]


def _by(one: Indicator, lang: str) -> str:
    return say(lang, "course_cell", value=value(one, one.value, lang), path=value(one, one.required, lang))


def charts(years: tuple[Year, ...], lang: str) -> list[Block]:
    """One chart per indicator, measured over all the years, with its numbers as rows."""
    words = {key: say(lang, f"legend_{key}") for key in ("measured", "target", "forecast")}
    blocks = []
    for one in years[-1].indicators:
        dated = {point.year: aim(one.id, point, lang) for point in one.targets}
        rows = [(say(lang, "column_year"), say(lang, "legend_target"), say(lang, "legend_forecast"))]
        for ahead in one.forecasts:
            likely = f"{value(one, ahead.value, lang)} ({wording.band(one, ahead, lang)})"
            rows.append((str(ahead.year), dated.get(ahead.year, "–"), likely))
        before = [past for year in years[:-1] if (past := year.indicator(one.id)) is not None]
        whole = replace(one, trend=tuple(point for past in (*before, one) for point in past.trend))
        alt = say(lang, "chart_alt", value=value(one, one.value, lang), forecast=_ahead(one, lang)).strip()
        picture = drawing.draw(whole, words, lang)
        blocks.append(Block("chart", named(one.id, lang), tuple(rows), svg=picture, alt=alt))
    return [Block("heading", say(lang, "charts")), *blocks] if blocks else []
