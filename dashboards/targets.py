"""The board “Chỉ tiêu”: each indicator against its target, on the map, by community and by lot.

how it is counted
one column an indicator:  value │ target, gap
                          real, simulated │ as of
                          value against the stepped target
map │ communities with coverage and last seen
lots of the last 30 days
"""

from typing import get_args

from grafana_foundation_sdk.builders import common as build_common
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import geomap, stat, table, text, timeseries
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models import geomap as map_models
from grafana_foundation_sdk.models import text as text_models

from dashboards import queries, style
from dashboards.queries import SERIES, InfluxQL
from dashboards.style import Place, Say
from devices.pilot import Indicator

UID = "hoiquan-targets"
DAYS = 30
LOTS = 500
INDICATORS: tuple[Indicator, ...] = get_args(Indicator)

# The whole of the plans, 1 January 2021 to 31 December 2030 in Vietnam (FACTS section 1: works 9 to 11).
PLAN_FROM, PLAN_TO = 1609434000000, 1924966799000


def board(lang: str) -> build.Dashboard:
    """The board in `lang`. Its English twin has a uid of its own, so that both can be provisioned."""
    say = style.words(lang)
    uid = UID if lang == "vi" else f"{UID}-{lang}"
    result = (
        style.board(uid, say("targets_title"), say("targets_about"))
        .with_variable(_pilot(say))
        .link(_whole_plan(uid, say))
        .with_panel(_how(Place(1, 0, 0, 24, 5), say))
    )
    for column, indicator in enumerate(INDICATORS):
        x, first = 8 * column, 10 * (column + 1)
        result.with_panel(_value(Place(first, x, 5, 4, 4), say, indicator))
        result.with_panel(_target(Place(first + 1, x + 4, 5, 4, 4), say, indicator))
        result.with_panel(_apart(Place(first + 2, x, 9, 5, 4), say, indicator))
        result.with_panel(_as_of(Place(first + 3, x + 5, 9, 3, 4), say, indicator))
        result.with_panel(_progress(Place(first + 4, x, 13, 8, 9), say, indicator))
    return (
        result.with_panel(_map(Place(2, 0, 22, 9, 13), say))
        .with_panel(_communities(Place(3, 9, 22, 15, 13), say))
        .with_panel(_lots(Place(4, 0, 35, 24, 9), say))
    )


def _pilot(say: Say) -> build.QueryVariable:
    default = dashboard.VariableOption(selected=True, text="dong-thap", value="dong-thap")
    return (
        build.QueryVariable("pilot")
        .label(say("pilot"))
        .datasource(queries.SOURCE)
        .query(queries.values("community", "pilot"))
        .current(default)
        .refresh(dashboard.VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    )


def _whole_plan(uid: str, say: Say) -> build.DashboardLink:
    return (
        build.DashboardLink(say("whole_plan"))
        .type(dashboard.DashboardLinkType.LINK)
        .url(f"/d/{uid}?from={PLAN_FROM}&to={PLAN_TO}")
        .include_vars(True)
        .icon("external link")
    )


def _how(place: Place, say: Say) -> text.Panel:
    return (
        style.dress(text.Panel(), place, say, title=say("how_title"), about="", unit=style.COUNT)
        .mode(text_models.TextMode.MARKDOWN)
        .content(say("how"))
    )


def _unit(say: Say, indicator: Indicator) -> str:
    return style.SHARE if indicator == "traceability_share" else f"suffix:{say(f'{indicator}_unit')}"


def _stat(panel: stat.Panel, place: Place, say: Say, indicator: Indicator, part: str) -> stat.Panel:
    """A stat about an indicator; `part` names the rest of its title and its description."""
    title = f"{say(f'{indicator}_short')} – {say(part)}"
    dressed = style.dress(
        panel, place, say, title=title, about=say(f"{part}_about"), unit=_unit(say, indicator)
    )
    return dressed.decimals(1 if indicator == "traceability_share" else 0)


def _value(place: Place, say: Say, indicator: Indicator) -> stat.Panel:
    panel = _stat(style.number(style.VALUE), place, say, indicator, "value")
    query = queries.latest("kpi", ["value"], indicator=indicator)
    return panel.title(say(indicator)).description(say(f"{indicator}_about")).with_target(InfluxQL(query))


def _target(place: Place, say: Say, indicator: Indicator) -> stat.Panel:
    titles = {"target": say("target"), "gap": say("gap")}
    panel = _stat(style.number(style.TARGET, named=True), place, say, indicator, "target")
    panel.with_target(InfluxQL(queries.latest("kpi", titles, indicator=indicator)))
    return style.paint(style.reshape(panel, titles), titles["gap"], **style.steps(style.GAP_STEPS))


def _apart(place: Place, say: Say, indicator: Indicator) -> stat.Panel:
    titles = {"value_real": say("real"), "value_simulated": say("simulated")}
    panel = _stat(style.number(style.REAL, named=True), place, say, indicator, "apart")
    panel.with_target(InfluxQL(queries.latest("kpi", titles, indicator=indicator)))
    simulated = style.fixed(style.SIMULATED)
    return style.paint(style.reshape(panel, titles), titles["value_simulated"], color=simulated)


def _as_of(place: Place, say: Say, indicator: Indicator) -> stat.Panel:
    panel = _stat(style.number(fields=style.TIME_COLUMN), place, say, indicator, "as_of")
    query = queries.latest("kpi", ["value"], indicator=indicator)
    return panel.unit(style.MOMENT).with_target(InfluxQL(query))


def _progress(place: Place, say: Say, indicator: Indicator) -> timeseries.Panel:
    """Two lines of target: `kpi.target` is what was in force on each day (and gives the axis its height);
    `kpi_target` is dated at the end of its year, so its line steps *before* each point and reaches into
    the future of a long range. A count holds until the next one: all lines are steps.
    """
    title = f"{say(f'{indicator}_short')} – {say('progress')}"
    panel = style.dress(
        style.lines(), place, say, title=title, about=say("progress_about"), unit=_unit(say, indicator)
    ).line_interpolation(common.LineInterpolation.STEP_BEFORE)
    of_kpi = [
        queries.history("kpi", field, indicator=indicator) for field in ("value", "value_real", "target")
    ]
    dated = queries.every("kpi_target", "value", indicator=indicator)
    names = [say(key) for key in ("value", "real", "in_force", "dated")]
    colours = (style.VALUE, style.REAL, style.TARGET, style.TARGET)
    for ref, query, name, colour in zip("ABCD", [*of_kpi, dated], names, colours, strict=True):
        panel.with_target(InfluxQL(query, ref, SERIES, name))
        style.paint(panel, name, color=style.fixed(colour))
    return style.paint(panel, names[-1], custom_lineStyle=common.LineStyle(fill="dash", dash=[8, 8]))


def _map(place: Place, say: Say) -> geomap.Panel:
    titles = {field: say(field) for field in ("name", "products", "joined", "active", "lat", "lon")}
    marker = {
        "showLegend": False,
        "style": {
            "color": {"field": "active", "fixed": style.GOOD},
            "opacity": 0.7,
            "size": {"fixed": 8, "min": 2, "max": 15},
        },
    }
    where = build_common.FrameGeometrySource().mode(common.FrameGeometrySourceMode.COORDS)
    layer = build_common.MapLayerOptions().type("markers").name(say("map_layer")).config(marker).tooltip(True)
    # fitted to the data; lat and lon (whole degrees in the SDK) serve while there is none
    view = geomap.MapViewConfig().id("fit").lat(10).lon(106).zoom(9).max_zoom(12).padding(10)
    panel = (
        style.dress(geomap.Panel(), place, say, title=say("map"), about=say("map_about"), unit=style.COUNT)
        .view(view)
        .controls(geomap.ControlsOptions().show_zoom(True).mouse_wheel_zoom(False).show_attribution(True))
        .basemap(build_common.MapLayerOptions().type("default").name(say("map_base")))
        .layers([layer.location(where.latitude("lat").longitude("lon"))])
        .tooltip(geomap.TooltipOptions().mode(map_models.TooltipMode.DETAILS))
    )
    panel.with_target(InfluxQL(queries.latest("community", titles, by="community")))
    return style.reshape(panel.mappings(style.meanings(say)), titles, style.without_time())


def _communities(place: Place, say: Say) -> table.Panel:
    roster = ("name", "kind", "products", "joined", "active", "fictional")
    titles = {field: say(field) for field in ("community", *roster, "coverage", "devices", "last_seen")}
    kinds = style.meanings(say, hoi_quan=say("kind_hoi_quan"), htx=say("kind_htx"))
    panel = style.dress(
        style.rows(sort=titles["coverage"]), place, say,
        title=say("communities"), about=say("communities_about"), unit=style.COUNT,
    ).decimals(0).mappings(kinds)  # fmt: skip
    panel.with_target(InfluxQL(queries.latest("community", roster, by="community"), "A"))
    panel.with_target(InfluxQL(queries.coverage(DAYS), "B"))
    one_row_each = (style.without_time(), style.joined("community"), style.as_time("last_seen"))
    return _covered(style.reshape(panel, titles, *one_row_each), titles)


def _lots(place: Place, say: Say) -> table.Panel:
    fields = ("lot", "community", "product", "quantity", "coverage", "verified", "simulated")
    titles = {"Time": say("time")} | {field: say(field) for field in fields}
    titles |= {"community": say("lot_community"), "simulated": say("is_simulated")}
    panel = style.dress(
        style.rows(sort=titles["Time"], falling=True), place, say,
        title=say("lots"), about=say("lots_about"), unit=style.COUNT,
    ).decimals(0).mappings(style.meanings(say))  # fmt: skip
    panel.with_target(InfluxQL(queries.recent("lot", fields, DAYS, LOTS, percent="coverage")))
    return _covered(style.reshape(panel, titles), titles)


def _covered(panel: table.Panel, titles: dict[str, str]) -> table.Panel:
    steps = style.steps(style.COVERAGE_STEPS)
    return style.paint(panel, titles["coverage"], custom_cellOptions={"type": "color-text"}, **steps)
