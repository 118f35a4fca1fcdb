"""The board “Chỉ tiêu”: is the province on course, who is next, how it is counted.

one line per indicator: value, real devices alone, due now, forecast, on course or behind
each indicator over the plan's years, with the forecast's band
who is next, and what each lacks
which reports are due next, when, to whom
map │ places with their commune
how it is counted
"""

from itertools import product

from grafana_foundation_sdk.builders import common as build_common
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import geomap, table, text
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import geomap as map_models
from grafana_foundation_sdk.models import text as text_models

from dashboards.boards import frame, indicator, naming, queries, style
from dashboards.boards.alarms import now
from dashboards.boards.queries import InfluxQL
from dashboards.boards.style import Say, Spot
from devices.pilots.pilot import INDICATORS

# Where Grafana serves dashboards/maps (docker-compose.yml), and an empty tile: the map loads nothing from the
# internet.
FILES = "public/hoiquan"
BLANK = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
SOURCES = "geoBoundaries (CC BY 4.0) · GSHHG 2.3.7 (LGPL 3)"
LAND = {"color": {"fixed": "#8a938d"}, "opacity": 0.12, "lineWidth": 1,
        "size": {"fixed": 4, "min": 2, "max": 15}}  # fmt: skip
RULES = [
    {"check": {"property": "kind", "operation": "eq", "value": "river"},
     "style": {"color": {"fixed": "light-blue"}, "opacity": 1, "lineWidth": 2}},
    {"check": {"property": "kind", "operation": "eq", "value": "place"},
     "style": {"color": {"fixed": "#8a938d"}, "opacity": 0.6, "size": {"fixed": 4, "min": 2, "max": 15}}},
]  # fmt: skip
SHAPES = {"iot_communities": "circle", "smart_villages": "square"}
COUNTED = {True: style.GOOD, False: style.POOR}

# All years of the plans, 1 January 2021 to 31 December 2030 in Vietnam (FACTS section 1: works 9 to 11).
PLAN = ("2020-12-31T17:00:00.000Z", "2030-12-31T16:59:59.000Z")


def board(lang: str) -> build.Dashboard:
    """The board in `lang`."""
    say = Say(lang)
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
    """A map with a layer per state of a place: its sign, colour and entry in the legend. Positions come from
    a file that Grafana itself serves; nothing is loaded from the internet.
    """
    panel = (
        style.dress(geomap.Panel(), spot, say, title=say("map"), about=say("map_about"), unit=style.COUNT)
        .view(_view(_called("iot_communities", True, say)))
        .controls(geomap.ControlsOptions().show_zoom(True).mouse_wheel_zoom(False).show_attribution(True))
        .basemap(_layer("xyz", say("map_base"), {"url": BLANK, "attribution": SOURCES}))
        .tooltip(geomap.TooltipOptions().mode(map_models.TooltipMode.DETAILS))
        .mappings([*style.meanings(say), *naming.mappings(say.lang, commune=True)])
    )
    layers: list[Builder[common.MapLayerOptions]] = [
        _layer("geojson", say("map_land"), {"src": f"{FILES}/land.geojson", "style": LAND, "rules": RULES})
    ]
    refs = iter("ABCDEFGHIJ")
    for (who, shape), (counted, colour) in product(SHAPES.items(), COUNTED.items()):
        ref = next(refs)
        layers.append(_marked(ref, _called(who, counted, say), shape, colour, 8))
        panel.with_target(InfluxQL(queries.standings_of(who, counted=counted), ref))
    alarmed = next(refs)
    layers.append(_marked(alarmed, say("map_alarm"), "triangle", style.BAD, 10))
    panel.with_target(InfluxQL(now.in_alarm(), alarmed))
    titles = {"community": say("place"), "has": say("has"), "beyond": say("map_beyond")}
    return style.reshape(panel.layers(layers), titles, style.without_time())


def _view(layer: str) -> geomap.MapViewConfig:
    """A view that fits a layer; lat and lon (whole degrees in the SDK) serve while the layer is empty."""
    view = geomap.MapViewConfig().id("fit").all_layers(False).layer(layer)
    return view.lat(10).lon(106).zoom(8).max_zoom(12).padding(20)


def _called(indicator: str, counted: bool, say: Say) -> str:
    return f"{say(f'map_{indicator}')}: {say('map_counted' if counted else 'map_missed')}"


def _marked(ref: str, name: str, shape: str, colour: str, size: int) -> build_common.MapLayerOptions:
    """A layer of markers at the places of query `ref`."""
    marker = {
        "showLegend": True,
        "style": {
            "color": {"fixed": colour},
            "opacity": 0.8,
            "size": {"fixed": size, "min": 2, "max": 15},
            "symbol": {"mode": "fixed", "fixed": f"img/icons/marker/{shape}.svg"},
        },
    }
    where = build_common.FrameGeometrySource().mode(common.FrameGeometrySourceMode.LOOKUP)
    where = where.lookup("community").gazetteer(f"{FILES}/places.json")
    only = {"id": "byRefId", "options": ref}
    return _layer("markers", name, marker).location(where).filter_data(only).tooltip(True)


def _layer(kind: str, name: str, config: object) -> build_common.MapLayerOptions:
    return build_common.MapLayerOptions().type(kind).name(name).config(config)


def _communities(spot: Spot, say: Say) -> table.Panel:
    roster = ("commune", "kind", "products", "joined", "active", "fictional")
    titles = {"community": say("place")} | {field: say(field) for field in roster}
    panel = style.listed(
        style.rows(sort=titles["joined"]), spot, say, *style.meanings(say),
        title=say("communities"), about=say("communities_about"),
    )  # fmt: skip
    return frame.by_place(panel, say, titles, [queries.latest("community", roster, by="community")])
