"""Panels of one indicator, which several boards show: value, target, course, who counts."""

from typing import get_args

from grafana_foundation_sdk.builders import stat, table, timeseries
from grafana_foundation_sdk.models import common

from dashboards.boards import queries, style
from dashboards.boards.queries import SERIES, InfluxQL
from dashboards.boards.style import Say, Spot
from devices.pilots.pilot import Indicator

SOLID = common.LineStyle(fill="solid")
DASHED = common.LineStyle(fill="dash", dash=[8, 8])
DOTTED = common.LineStyle(fill="dash", dash=[2, 6])


def _unit(say: Say, indicator: Indicator) -> str:
    return style.SHARE if indicator == "traceability_share" else f"suffix:{say(f'{indicator}_unit')}"


def _stat(panel: stat.Panel, spot: Spot, say: Say, indicator: Indicator, part: str) -> stat.Panel:
    """A stat about an indicator; `part` names the rest of its title and its description."""
    title = f"{say(f'{indicator}_short')} – {say(part)}"
    dressed = style.dress(
        panel, spot, say, title=title, about=say(f"{part}_about"), unit=_unit(say, indicator)
    )
    return dressed.decimals(1 if indicator == "traceability_share" else 0)


def value(spot: Spot, say: Say, indicator: Indicator) -> stat.Panel:
    panel = _stat(style.number(style.VALUE), spot, say, indicator, "value")
    query = queries.latest("kpi", ["value"], indicator=indicator)
    return panel.title(say(indicator)).description(say(f"{indicator}_about")).with_target(InfluxQL(query))


def target(spot: Spot, say: Say, indicator: Indicator) -> stat.Panel:
    titles = {"target": say("target"), "gap": say("gap")}
    panel = _stat(style.number(style.TARGET, named=True), spot, say, indicator, "target")
    panel.with_target(InfluxQL(queries.latest("kpi", titles, indicator=indicator)))
    return style.paint(style.reshape(panel, titles), titles["gap"], **style.steps(style.GAP_STEPS))


def apart(spot: Spot, say: Say, indicator: Indicator) -> stat.Panel:
    titles = {"value_real": say("real"), "value_simulated": say("simulated")}
    panel = _stat(style.number(style.REAL, named=True), spot, say, indicator, "apart")
    panel.with_target(InfluxQL(queries.latest("kpi", titles, indicator=indicator)))
    simulated = style.fixed(style.SIMULATED)
    return style.paint(style.reshape(panel, titles), titles["value_simulated"], color=simulated)


def as_of(spot: Spot, say: Say, indicator: Indicator) -> stat.Panel:
    panel = _stat(style.number(fields=style.TIME_COLUMN), spot, say, indicator, "as_of")
    query = queries.latest("kpi", ["value"], indicator=indicator)
    return panel.unit(style.MOMENT).with_target(InfluxQL(query))


def progress(spot: Spot, say: Say, indicator: Indicator) -> timeseries.Panel:
    """Two lines of target: `kpi.target` is what was in force on each day (and gives the axis its height);
    `kpi_target` is dated at the end of its year, so its line steps *before* each point and reaches into
    the future of a long range. A count holds until the next one: all lines are steps.
    """
    title = f"{say(f'{indicator}_short')} – {say('progress')}"
    panel = style.dress(
        style.lines(), spot, say, title=title, about=say("progress_about"), unit=_unit(say, indicator)
    ).line_interpolation(common.LineInterpolation.STEP_BEFORE)
    lines = [
        ("value", queries.history("kpi", "value", indicator=indicator), style.VALUE, SOLID),
        ("real", queries.history("kpi", "value_real", indicator=indicator), style.REAL, SOLID),
        ("in_force", queries.history("kpi", "target", indicator=indicator), style.TARGET, SOLID),
        ("dated", queries.every("kpi_target", "value", indicator=indicator), style.TARGET, DASHED),
        ("forecast", queries.every("kpi_forecast", "value", indicator=indicator), style.VALUE, DASHED),
        ("forecast_low", queries.every("kpi_forecast", "low", indicator=indicator), style.VALUE, DOTTED),
        ("forecast_high", queries.every("kpi_forecast", "high", indicator=indicator), style.VALUE, DOTTED),
    ]
    if indicator == "traceability_share":
        up_to = queries.every("kpi_target", "up_to", indicator=indicator)
        lines.append(("up_to", up_to, style.TARGET, DOTTED))
    for ref, (key, query, colour, dash) in zip("ABCDEFGH", lines, strict=False):
        panel.with_target(InfluxQL(query, ref, SERIES, say(key)))
        style.paint(panel, say(key), color=style.fixed(colour), custom_lineStyle=dash)
    return panel


def standing(spot: Spot, say: Say, indicator: Indicator | None = None) -> table.Panel:
    """Who counts on the last day of the range, and who just misses, and by what; of one indicator or all."""
    titles = {"community": say("community")}
    titles |= {"indicator": say("indicator")} if indicator is None else {}
    titles |= {"name": say("name"), "counted": say("counted"), "has": say("has")}
    words = {name: say(f"{name}_short") for name in get_args(Indicator)}
    panel = style.dress(
        style.rows(sort=titles["counted"]), spot, say,
        title=say("standing"), about=say("standing_about"), unit=style.COUNT,
    ).mappings(style.meanings(say, **words))  # fmt: skip
    by = ("community",) if indicator else ("indicator", "community")
    only = {"indicator": str(indicator)} if indicator else {}
    query = queries.newest("standing", ("name", "counted", "has"), *by, hours=24, **only)
    return style.reshape(panel.with_target(InfluxQL(query)), titles, style.without_time())
