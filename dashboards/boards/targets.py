"""The board “Chỉ tiêu”: is the province on course, who is next, how it is counted.

one line an indicator: what there is, of real devices alone, due now, likely in the end, on course or behind
its course over the plan's years, with the forecast's band
who is next, and what he lacks
which reports are due next, when, to whom
map │ places with their commune
how it is counted
"""

from typing import get_args

from grafana_foundation_sdk.builders import common as build_common
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import geomap, table, text
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import geomap as map_models
from grafana_foundation_sdk.models import text as text_models

from dashboards.boards import frame, indicator, naming, queries, style
from dashboards.boards.queries import InfluxQL
from dashboards.boards.style import Say, Spot
from devices.pilots.pilot import Indicator

INDICATORS: tuple[Indicator, ...] = get_args(Indicator)

# The whole of the plans, 1 January 2021 to 31 December 2030 in Vietnam (FACTS section 1: works 9 to 11).
PLAN = ("2020-12-31T17:00:00.000Z", "2030-12-31T16:59:59.000Z")


def board(lang: str) -> build.Dashboard:
    """The board in `lang`."""
    say = style.words(lang)
    result = frame.begin("targets", lang, say).time(*PLAN)
    for row, name in enumerate(INDICATORS):
        first = 10 * (row + 1)
        result.with_panel(indicator.line(Spot(first, 0, 4 * row, 20, 4), say, name))
        result.with_panel(indicator.as_of(Spot(first + 3, 20, 4 * row, 4, 4), say, name))
        result.with_panel(indicator.progress(Spot(first + 4, 8 * row, 12, 8, 10), say, name))
    return (
        result.with_panel(indicator.standing(Spot(4, 0, 22, 24, 10), say))
        .with_panel(_reports(Spot(5, 0, 32, 24, 4), say))
        .with_panel(_map(Spot(2, 0, 36, 9, 13), say))
        .with_panel(_communities(Spot(3, 9, 36, 15, 13), say))
        .with_panel(_how(Spot(1, 0, 49, 24, 5), say))
    )


def _reports(spot: Spot, say: Say) -> table.Panel:
    to = "to" if say.lang == "vi" else "to_en"
    titles = {"due": say("report_due"), "days": say("report_days"), to: say("report_to")}
    panel = style.dress(
        style.rows(sort=titles["due"]), spot, say,
        title=say("reports"), about=say("reports_about"), unit=style.COUNT,
    ).no_value(say("missing"))  # fmt: skip
    panel.with_target(InfluxQL(queries.latest("report", titles, by="day")))
    style.paint(panel, titles["due"], unit=style.DATE, custom_width=180)
    style.paint(panel, titles["days"], custom_width=180)
    return style.reshape(panel, titles, style.without_time("day"))


def _how(spot: Spot, say: Say) -> text.Panel:
    return (
        style.dress(text.Panel(), spot, say, title=say("how_title"), about="", unit=style.COUNT)
        .mode(text_models.TextMode.MARKDOWN)
        .content(say("how"))
    )


def _map(spot: Spot, say: Say) -> geomap.Panel:
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
        style.dress(geomap.Panel(), spot, say, title=say("map"), about=say("map_about"), unit=style.COUNT)
        .view(view)
        .controls(geomap.ControlsOptions().show_zoom(True).mouse_wheel_zoom(False).show_attribution(True))
        .basemap(build_common.MapLayerOptions().type("default").name(say("map_base")))
        .layers([layer.location(where.latitude("lat").longitude("lon"))])
        .tooltip(geomap.TooltipOptions().mode(map_models.TooltipMode.DETAILS))
    )
    panel.with_target(InfluxQL(queries.latest("community", titles, by="community")))
    return style.reshape(
        panel.mappings([*style.meanings(say), *naming.mappings(say.lang)]), titles, style.without_time()
    )


def _communities(spot: Spot, say: Say) -> table.Panel:
    roster = ("commune", "kind", "products", "joined", "active", "fictional")
    titles = {"community": say("place")} | {field: say(field) for field in roster}
    panel = style.listed(
        style.rows(sort=titles["joined"]), spot, say, *style.meanings(say),
        title=say("communities"), about=say("communities_about"),
    )  # fmt: skip
    return frame.by_place(panel, say, titles, [queries.latest("community", roster, by="community")])
