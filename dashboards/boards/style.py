"""The house style of every board, in one place: colours, units, thresholds, texts, legends, ids.

Boards use only what Grafana 10, 11 and 12 all know: `plain` drops what the SDK adds for newer versions. The
transformation `organize` names and orders columns (without it their order is random where a query has two
tags); a panel's mappings (naming.py) put words for values.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

from grafana_foundation_sdk.builders import common as build_common
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common, dashboard

from dashboards.boards import naming
from dashboards.boards.queries import SOURCE
from devices.clock import HOUR_MS
from devices.contract.signals import SIGNALS
from devices.texts import text


@dataclass(frozen=True, slots=True)
class Say:
    """The boards' sentences in `lang`, by key."""

    lang: str

    def __call__(self, key: str, **values: object) -> str:
        return text(f"boards.{key}", self.lang, **values)


TIME_ZONE = "Asia/Ho_Chi_Minh"
VALUE, TARGET, REAL, SIMULATED = "blue", "orange", "green", "purple"
GOOD, POOR, BAD, PLAIN = "green", "orange", "red", "text"

ALARM_COLOURS = ("yellow", "orange", "red")  # of the levels I, II and III

COUNT, SHARE = "none", "percentunit"  # a share is a ratio 0..1 in the store; tables say % in the title
MILLISECONDS, BYTES = "ms", "bytes"
MOMENT = "time:DD/MM/YYYY HH:mm"  # for epoch milliseconds and for time columns
DATE = "time:DD/MM/YYYY"
TIME_COLUMN = "/^time$/i"  # the plugin calls it Time

# Assumption: under half of the slots with a reading is bad, under 80 % poor; 80 % is what the pilot
# files ask of a device before it counts (rules.iot_communities.min_coverage).
COVERAGE_STEPS = ((None, BAD), (50, POOR), (80, GOOD))
SHARE_STEPS = ((None, BAD), (0.5, POOR), (0.8, GOOD))  # the same steps for a ratio 0..1

# A line joins readings that are at most this far apart; a longer silence is a gap. Queries of lines fill a
# step without a reading with null (queries.trend), so where steps are longer each empty one is a gap.
JOINED_MS = 2 * HOUR_MS

TOO_NEW = {"stat": ("percentChangeColorMode", "showPercentChange", "wideLayout"), "table": ("footer",)}


@dataclass(frozen=True, slots=True)
class Spot:
    """A panel's permanent id, and its place and size on the grid of 24 columns."""

    id: int
    x: int
    y: int
    w: int
    h: int


class _Panel(Protocol):
    def id(self, value: int, /) -> Self: ...
    def title(self, value: str, /) -> Self: ...
    def description(self, value: str, /) -> Self: ...
    def datasource(self, value: common.DataSourceRef, /) -> Self: ...
    def grid_pos(self, value: dashboard.GridPos, /) -> Self: ...
    def unit(self, value: str, /) -> Self: ...
    def no_value(self, value: str, /) -> Self: ...
    def transformations(self, value: list[dashboard.DataTransformerConfig], /) -> Self: ...
    def with_override(
        self, matcher: dashboard.MatcherConfig, properties: list[dashboard.DynamicConfigValue], /
    ) -> Self: ...


P = TypeVar("P", bound=_Panel)


def dress(panel: P, spot: Spot, say: Say, *, title: str, about: str, unit: str) -> P:
    """Set what every panel of data has. `title` and `about` are already in the board's language."""
    return (
        panel.id(spot.id)
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .grid_pos(dashboard.GridPos(x=spot.x, y=spot.y, w=spot.w, h=spot.h))
        .unit(unit)
        .no_value(say("no_value"))
    )


def listed(
    panel: table.Panel, spot: Spot, say: Say, *own: dashboard.ValueMapping, title: str, about: str
) -> table.Panel:
    """Dress a table: ids become names (its `own` mappings come first), dates start with the day, and missing
    values are marked as missing.
    """
    dressed = dress(panel, spot, say, title=title, about=about, unit=COUNT).no_value(say("missing"))
    return dressed.mappings([*own, *naming.mappings(say.lang)])


def number(*, named: bool = False, fields: str = "") -> stat.Panel:
    """A stat of the newest value; `named` shows each column's name, `fields` picks columns by pattern."""
    shown = common.BigValueTextMode.VALUE_AND_NAME if named else common.BigValueTextMode.VALUE
    return (
        stat.Panel()
        .graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(common.BigValueColorMode.VALUE)
        .text_mode(shown)
        .reduce_options(build_common.ReduceDataOptions().calcs(["lastNotNull"]).fields(fields).values(False))
        .color_scheme(_fixed(PLAIN))
    )


def lines(*, zero: bool = True) -> timeseries.Panel:
    """A timeseries with its legend on (the SDK leaves it off); `zero` starts its axis at 0."""
    legend = (
        build_common.VizLegendOptions()
        .show_legend(True)
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
        .calcs([])
    )
    tooltip = build_common.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI)
    panel = timeseries.Panel().legend(legend).tooltip(tooltip.sort(common.SortOrder.NONE)).line_width(2)
    panel.span_nulls(JOINED_MS)
    return panel.min(0) if zero else panel


def bars() -> timeseries.Panel:
    """Stacked columns from 0: the parts of a day's total."""
    stacked = build_common.StackingConfig().mode(common.StackingMode.NORMAL).group("A")
    return lines().draw_style(common.GraphDrawStyle.BARS).fill_opacity(60).line_width(1).stacking(stacked)


def unit_of(signal: str) -> str:
    """Grafana's unit for a signal: what people write behind the number."""
    shown = SIGNALS[signal].shown_unit
    return f"suffix: {shown}" if shown else COUNT


def rows(sort: str = "", *, falling: bool = False) -> table.Panel:
    """A table, sorted by the column shown as `sort`."""
    panel = table.Panel().show_header(True)
    if sort:
        panel.sort_by([build_common.TableSortByFieldState().display_name(sort).desc(falling)])
    return panel


def reshape(panel: P, titles: Mapping[str, str], *before: dashboard.DataTransformerConfig) -> P:
    """Rename columns (field → title) and put them in that order, after the transformations `before`."""
    rename = dashboard.DataTransformerConfig(
        "organize",
        options={
            "excludeByName": {},
            "indexByName": {field: place for place, field in enumerate(titles)},
            "renameByName": dict(titles),
        },
    )
    return panel.transformations([*before, rename])


def paint(panel: P, shown: str, **properties: object) -> P:
    """An override of the column or series shown as `shown`."""
    matcher = dashboard.MatcherConfig("byNames", {"mode": "include", "names": [shown]})
    return panel.with_override(
        matcher,
        [dashboard.DynamicConfigValue(name.replace("_", "."), value) for name, value in properties.items()],
    )


def covered(panel: P, shown: str) -> P:
    """A column of coverage in percent, coloured by how good it is."""
    return paint(panel, shown, custom_cellOptions={"type": "color-text"}, **steps(COVERAGE_STEPS))


def fixed(colour: str) -> dashboard.FieldColor:
    """One colour, whatever the value."""
    return _fixed(colour).build()


def steps(rising: Iterable[tuple[float | None, str]]) -> dict[str, object]:
    """Properties that colour by thresholds; the first begins at minus infinity (None)."""
    thresholds = [dashboard.Threshold(value=value, color=colour) for value, colour in rising]
    return {
        "thresholds": dashboard.ThresholdsConfig(mode=dashboard.ThresholdsMode.ABSOLUTE, steps=thresholds),
        "color": dashboard.FieldColor(mode=dashboard.FieldColorModeId.THRESHOLDS),
    }


def meanings(say: Say, *, yes: str = GOOD, no: str = POOR) -> list[dashboard.ValueMapping]:
    """Words for yes and no, with their colours."""
    return graded({"true": (say("answer_yes"), yes), "false": (say("answer_no"), no)})


def graded(known: Mapping[str, tuple[str, str]]) -> list[dashboard.ValueMapping]:
    """A word and its colour for each value."""
    options = {
        value: dashboard.ValueMappingResult(text=word, color=colour, index=index)
        for index, (value, (word, colour)) in enumerate(known.items())
    }
    return [dashboard.ValueMap(options=options)]


def signs(below: tuple[str, str], otherwise: tuple[str, str]) -> list[dashboard.ValueMapping]:
    """A word and its colour for values below 0, and for 0 and above."""
    return [
        dashboard.RangeMap(
            options=dashboard.DashboardRangeMapOptions(
                from_val=low, to=high,
                result=dashboard.ValueMappingResult(text=word, color=colour, index=number),
            )
        )
        for number, (low, high, (word, colour)) in enumerate(
            ((None, -1e-9, below), (-1e-9, None, otherwise))
        )
    ]  # fmt: skip


def without_time(*others: str) -> dashboard.DataTransformerConfig:
    """Drop the time column (1970 of an aggregate, or of no interest), and the columns `others`."""
    pattern = f"/^({'|'.join(('time', *others))})$/i" if others else TIME_COLUMN
    return dashboard.DataTransformerConfig("filterFieldsByName", options={"exclude": {"pattern": pattern}})


def last_seen_as_time() -> dashboard.DataTransformerConfig:
    """Show the column `last_seen`, epoch milliseconds, as a time."""
    change = {"targetField": "last_seen", "destinationType": "time"}
    return dashboard.DataTransformerConfig(
        "convertFieldType", options={"fields": {}, "conversions": [change]}
    )


def merged() -> dashboard.DataTransformerConfig:
    """Put the rows of all frames into one table."""
    return dashboard.DataTransformerConfig("merge", options={})


def joined(field: str) -> dashboard.DataTransformerConfig:
    """Join frames by a column; a row that only one of them has stays."""
    return dashboard.DataTransformerConfig("joinByField", options={"byField": field, "mode": "outer"})


def board(uid: str, title: str, about: str) -> build.Dashboard:
    """A board with the house's time zone and range. It is read-only, as boards are changed in code."""
    return (
        build.Dashboard(title)
        .uid(uid)
        .description(about)
        .tags(["hoiquan"])
        .timezone(TIME_ZONE)
        .time("now-30d", "now")
        .refresh("15m")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .readonly()
    )


def plain(model: dashboard.Dashboard) -> dict[str, Any]:
    """The board as JSON data, without options that only newer versions of Grafana have."""
    data: dict[str, Any] = json.loads(json.dumps(model, cls=JSONEncoder))
    for panel in data["panels"]:
        for option in TOO_NEW.get(panel["type"], ()):
            panel["options"].pop(option, None)
    for link in data.get("links", ()):
        link.pop("placement", None)  # the SDK's default hides a link in a menu that 10 and 11 do not have
    return data


def _fixed(colour: str) -> build.FieldColor:
    return build.FieldColor().mode(dashboard.FieldColorModeId.FIXED).fixed_color(colour)
