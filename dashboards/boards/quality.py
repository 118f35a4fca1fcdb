"""The board “Chất lượng dữ liệu”: how much of what should come comes, and how much of it is believed.

coverage a day by place        │ doubted values a day by reason
coverage by place, newest      │ refused messages
weakest batteries of the day   │ every device
"""

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import table, timeseries

from dashboards.boards import frame, naming, queries, readings, style
from dashboards.boards.queries import DAY, SERIES, InfluxQL
from dashboards.boards.style import Say, Spot
from devices.contract.quality import REASONS

DAYS = 30


def board(lang: str) -> build.Dashboard:
    """The board in `lang`."""
    say = style.words(lang)
    return (
        frame.begin("quality", lang, say)
        .with_variable(frame.instance(say))
        .with_panel(_coverage(Spot(1, 0, 0, 12, 10), say))
        .with_panel(_doubted(Spot(2, 12, 0, 12, 10), say))
        .with_panel(_places(Spot(3, 0, 10, 12, 10), say))
        .with_panel(_refused(Spot(4, 12, 10, 12, 10), say))
        .with_panel(_batteries(Spot(5, 0, 20, 8, 12), say))
        .with_panel(readings.devices(Spot(6, 8, 20, 16, 12), lang, DAYS * 24))
    )


def _coverage(spot: Spot, say: Say) -> timeseries.Panel:
    panel = style.dress(
        style.lines(), spot, say,
        title=say("coverage_course"), about=say("coverage_course_about"), unit=style.SHARE,
    ).max(1)  # fmt: skip
    query = queries.trend("device", "coverage", by="community", step=DAY)
    panel.transformations(naming.legends(say.lang, "community"))
    return panel.with_target(InfluxQL(query, "A", SERIES, "$tag_community"))


def _doubted(spot: Spot, say: Say) -> timeseries.Panel:
    """A query for each reason, so that each has its name in the board's language."""
    panel = style.dress(
        style.bars(), spot, say, title=say("doubted"), about=say("doubted_about"), unit=style.COUNT
    )
    for ref, reason in zip("ABCDEFGH", REASONS, strict=False):
        query = queries.trend("doubted", "doubts", "sum", step=DAY, fill="none", reason=reason)
        panel.with_target(InfluxQL(query, ref, SERIES, say(f"reason_{reason}")))
    return panel


def _places(spot: Spot, say: Say) -> table.Panel:
    titles = {"community": say("place"), "coverage": say("coverage"), "devices": say("devices")}
    titles["last_seen"] = say("last_seen")
    panel = style.listed(
        style.rows(sort=titles["coverage"]), spot, say,
        title=say("coverage_places"), about=say("coverage_places_about"),
    ).decimals(0)  # fmt: skip
    selects = (queries.coverage(DAYS), queries.last_seen(DAYS))
    frame.by_place(panel, say, titles, selects, style.as_time("last_seen"))
    return style.covered(panel, titles["coverage"])


def _refused(spot: Spot, say: Say) -> timeseries.Panel:
    panel = style.dress(
        style.lines(), spot, say, title=say("refused"), about=say("refused_about"), unit=style.COUNT
    )
    return frame.by_gateway(
        panel, "max", {field: say(f"books_{field}") for field in ("quarantined", "forgotten")}
    )


def _batteries(spot: Spot, say: Say) -> table.Panel:
    titles = {"device": say("device"), "battery": say("battery"), "level": say("battery_level")}
    panel = style.listed(
        style.rows(sort=titles["battery"]), spot, say, title=say("batteries"), about=say("batteries_about")
    ).decimals(2)
    volts = queries.within("telemetry", "battery_voltage", "min", 24, by="device", shown="battery")
    level = queries.within("telemetry", "battery_level", "min", 24, by="device", shown="level")
    panel.with_target(InfluxQL(volts, "A")).with_target(InfluxQL(level, "B"))
    return style.reshape(panel, titles, style.without_time(), style.joined("device"))
