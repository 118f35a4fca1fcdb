"""The board “Chỉ tiêu”: each indicator against its target, on the map, by community and who counts.

how it is counted
one column an indicator:  value │ target, gap
                          real, simulated │ as of
                          value against the stepped target, and its forecast
map │ communities with their commune, coverage and last seen
who counts, who just misses
"""

from typing import get_args

from grafana_foundation_sdk.builders import common as build_common
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import geomap, table, text
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models import geomap as map_models
from grafana_foundation_sdk.models import text as text_models

from dashboards.boards import frame, indicator, queries, style
from dashboards.boards.queries import InfluxQL
from dashboards.boards.style import Say, Spot
from devices.pilots.pilot import Indicator

DAYS = 30
INDICATORS: tuple[Indicator, ...] = get_args(Indicator)

# The whole of the plans, 1 January 2021 to 31 December 2030 in Vietnam (FACTS section 1: works 9 to 11).
PLAN_FROM, PLAN_TO = 1609434000000, 1924966799000


def board(lang: str) -> build.Dashboard:
    """The board in `lang`."""
    say = style.words(lang)
    result = (
        frame.begin("targets", lang, say)
        .link(_whole_plan(lang, say))
        .with_panel(_how(Spot(1, 0, 0, 24, 5), say))
    )
    for column, name in enumerate(INDICATORS):
        x, first = 8 * column, 10 * (column + 1)
        result.with_panel(indicator.value(Spot(first, x, 5, 4, 4), say, name))
        result.with_panel(indicator.target(Spot(first + 1, x + 4, 5, 4, 4), say, name))
        result.with_panel(indicator.apart(Spot(first + 2, x, 9, 5, 4), say, name))
        result.with_panel(indicator.as_of(Spot(first + 3, x + 5, 9, 3, 4), say, name))
        result.with_panel(indicator.progress(Spot(first + 4, x, 13, 8, 10), say, name))
    return (
        result.with_panel(_map(Spot(2, 0, 23, 9, 13), say))
        .with_panel(_communities(Spot(3, 9, 23, 15, 13), lang, say))
        .with_panel(indicator.standing(Spot(4, 0, 36, 24, 10), say))
    )


def _whole_plan(lang: str, say: Say) -> build.DashboardLink:
    return (
        build.DashboardLink(say("whole_plan"))
        .type(dashboard.DashboardLinkType.LINK)
        .url(f"/d/{frame.uid('targets', lang)}?from={PLAN_FROM}&to={PLAN_TO}")
        .include_vars(True)
        .icon("external link")
    )


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
    return style.reshape(panel.mappings(style.meanings(say)), titles, style.without_time())


def _communities(spot: Spot, lang: str, say: Say) -> table.Panel:
    roster = ("name", "commune", "kind", "products", "joined", "active", "fictional")
    titles = {field: say(field) for field in ("community", *roster, "coverage", "devices", "last_seen")}
    kinds = style.meanings(say, hoi_quan=say("kind_hoi_quan"), htx=say("kind_htx"))
    panel = style.dress(
        style.rows(sort=titles["coverage"]), spot, say,
        title=say("communities"), about=say("communities_about"), unit=style.COUNT,
    ).decimals(0).mappings(kinds)  # fmt: skip
    known = queries.latest("community", roster, by="community")
    selects = (known, queries.coverage(DAYS), queries.last_seen(DAYS))
    frame.by_place(panel, lang, say, titles, selects, style.as_time("last_seen"))
    return style.covered(panel, titles["coverage"])
