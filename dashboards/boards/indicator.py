"""Panels of one indicator, used by several boards: its line, its course, who counts and who is next."""

from grafana_foundation_sdk.builders import stat, table, timeseries
from grafana_foundation_sdk.models import common

from dashboards.boards import frame, queries, style
from dashboards.boards.queries import SERIES, InfluxQL
from dashboards.boards.style import Say, Spot
from devices.pilots.pilot import SHARE, Indicator

SOLID = common.LineStyle(fill="solid")
DASHED = common.LineStyle(fill="dash", dash=[8, 8])
DOTTED = common.LineStyle(fill="dash", dash=[2, 6])


def _unit(say: Say, indicator: Indicator) -> str:
    return style.SHARE if indicator == SHARE else f"suffix: {say(f'{indicator}_unit')}"


def line(spot: Spot, say: Say, indicator: Indicator) -> stat.Panel:
    """An indicator in one line: value (all devices, and real ones alone), target, the plan's path, forecast,
    and in words whether the value is on course.
    """
    share = indicator == SHARE
    titles = {"value": say("value"), "value_real": say("real"), "target": say("target"), "path": say("path")}
    titles |= {"forecast": say("forecast_end"), "low": say("low_end"), "high": say("high_end")}
    titles["course"] = say("course")
    panel = style.dress(
        style.number(named=True), spot, say,
        title=say(indicator), about=f"{say(f'{indicator}_about')} {say('line_about')}",
        unit=_unit(say, indicator),
    ).decimals(1 if share else 0)  # fmt: skip
    panel.with_target(InfluxQL(queries.course(indicator), "A"))
    panel.with_target(InfluxQL(queries.forecast(indicator), "B"))
    style.reshape(panel, titles, style.without_time())
    for name, colour in (("value", style.VALUE), ("value_real", style.REAL), ("target", style.TARGET)):
        style.paint(panel, titles[name], color=style.fixed(colour))
    words = style.signs((say("behind"), style.BAD), (say("on_course"), style.GOOD))
    return style.paint(panel, titles["course"], unit=style.COUNT, mappings=words)


def as_of(spot: Spot, say: Say, indicator: Indicator) -> stat.Panel:
    title = f"{say(f'{indicator}_short')} – {say('as_of')}"
    panel = style.dress(
        style.number(fields=style.TIME_COLUMN), spot, say,
        title=title, about=say("as_of_about"), unit=style.MOMENT,
    )  # fmt: skip
    return panel.with_target(InfluxQL(queries.latest("kpi", ["value"], indicator=indicator)))


def progress(spot: Spot, say: Say, indicator: Indicator) -> timeseries.Panel:
    """An indicator over the plan's years: the value counted each day, the plan's path, the dated targets
    (each at the end of its year, so that lines step *before* a point), and the forecast with its band. A
    count holds until the next one, so all lines are steps without gaps.
    """

    def by_day(column: str) -> str:
        return queries.trend("kpi", column, "last", step=queries.DAY, fill="none", indicator=indicator)

    title = f"{say(f'{indicator}_short')} – {say('progress')}"
    panel = style.dress(
        style.lines(), spot, say, title=title, about=say("progress_about"), unit=_unit(say, indicator)
    ).line_interpolation(common.LineInterpolation.STEP_BEFORE)
    panel.span_nulls(True)
    lines = [
        ("value", by_day("value"), style.VALUE, SOLID),
        ("real", by_day("value_real"), style.REAL, SOLID),
        ("path", by_day("path"), style.TARGET, SOLID),
        ("dated", queries.every("kpi_target", "value", indicator=indicator), style.TARGET, DASHED),
        ("forecast", queries.every("kpi_forecast", "value", indicator=indicator), style.VALUE, DASHED),
        ("forecast_low", queries.every("kpi_forecast", "low", indicator=indicator), style.VALUE, DOTTED),
        ("forecast_high", queries.every("kpi_forecast", "high", indicator=indicator), style.VALUE, DOTTED),
    ]
    if indicator == SHARE:
        up_to = queries.every("kpi_target", "up_to", indicator=indicator)
        lines.append(("up_to", up_to, style.TARGET, DOTTED))
    for ref, (key, query, colour, dash) in zip("ABCDEFGH", lines, strict=False):
        panel.with_target(InfluxQL(query, ref, SERIES, say(key)))
        style.paint(panel, say(key), color=style.fixed(colour), custom_lineStyle=dash)
    return panel


def standing(spot: Spot, say: Say, indicator: Indicator | None = None) -> table.Panel:
    """A table of places: first those that do not count yet, with what they have and lack."""
    titles = {"community": say("place")}
    titles |= {"indicator": say("indicator")} if indicator is None else {}
    titles |= {"counted": say("counted"), "has": say("has")}
    panel = style.listed(
        style.rows(sort=titles["counted"]), spot, say, *style.meanings(say),
        title=say("standing"), about=say("standing_about"),
    )  # fmt: skip
    by = ("community",) if indicator else ("indicator", "community")
    only = {"indicator": str(indicator)} if indicator else {}
    style.reshape(panel.with_target(InfluxQL(queries.standings(*by, **only))), titles, style.without_time())
    return frame.linked(panel, say, titles["community"])
