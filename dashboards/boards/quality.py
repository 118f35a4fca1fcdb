"""The board “Chất lượng dữ liệu”: how many of the expected readings arrive, and how many are believed.

coverage a day by place        │ doubted values a day by reason
coverage by place, newest      │ refused messages
weakest batteries of the day   │ every device
(where there are too many places for a board, panels by place and device show those with the least coverage)
"""

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import table, timeseries

from dashboards.boards import frame, naming, queries, readings, style
from dashboards.boards.queries import DAY, SERIES, InfluxQL
from dashboards.boards.style import Say, Spot
from devices.contract.quality import REASONS

DAYS = 30
WEAKEST = 600  # rows of batteries at most, enough for all devices of the default pilot
LEAST = "least_covered"  # the variable that holds the places shown


def board(lang: str) -> build.Dashboard:
    """The board in `lang`."""
    say = Say(lang)
    return (
        frame.begin("quality", lang, say)
        .with_variable(frame.instance(say))
        .with_variable(frame.some(LEAST, least_covered(frame.MOST), say))
        .with_panel(_coverage(Spot(1, 0, 0, 12, 10), say))
        .with_panel(_doubted(Spot(2, 12, 0, 12, 10), say))
        .with_panel(_places(Spot(3, 0, 10, 12, 10), say))
        .with_panel(_refused(Spot(4, 12, 10, 12, 10), say))
        .with_panel(_batteries(Spot(5, 0, 20, 8, 12), say))
        .with_panel(readings.devices(Spot(6, 8, 20, 16, 12), lang, DAYS * 24, LEAST))
    )


def _coverage(spot: Spot, say: Say) -> timeseries.Panel:
    panel = style.dress(
        style.lines(), spot, say,
        title=say("coverage_course"), about=say("coverage_course_about", number=frame.MOST), unit=style.SHARE,
    ).max(1)  # fmt: skip
    query = queries.trend("device", "coverage", by="community", step=DAY, among=LEAST)
    panel.transformations(naming.legends(say.lang, "community"))
    return panel.with_target(InfluxQL(query, "A", SERIES, "$tag_community"))


def _doubted(spot: Spot, say: Say) -> timeseries.Panel:
    """One query per reason, so that each series has its name in the board's language."""
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
        title=say("coverage_places"), about=say("coverage_places_about", number=frame.MOST),
    ).decimals(0)  # fmt: skip
    selects = (coverage(), last_seen())
    frame.by_place(panel, say, titles, selects, style.last_seen_as_time())
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
        style.rows(sort=titles["battery"]), spot, say,
        title=say("batteries"), about=say("batteries_about", number=WEAKEST),
    ).decimals(2)  # fmt: skip
    volts = queries.lowest("telemetry", "battery_voltage", "device", 24, WEAKEST, shown="battery")
    level = queries.lowest("telemetry", "battery_level", "device", 24, WEAKEST, shown="level")
    panel.with_target(InfluxQL(volts, "A")).with_target(InfluxQL(level, "B"))
    return style.reshape(panel, titles, style.without_time(), style.joined("device"))


def least_covered(number: int) -> str:
    """Ids of the `number` chosen places whose devices had the lowest mean coverage."""
    share, place = queries.named("device", "coverage"), queries.named("device", "community")
    where = queries.chosen("device", queries.window(DAYS), {})
    of_each = f'SELECT mean({share}) AS {share} FROM "device" {where} GROUP BY {place}'
    return f"SELECT {place} FROM (SELECT bottom({share}, {place}, {number}) AS {share} FROM ({of_each}))"


def coverage() -> str:
    """One row per place among the least covered: the mean of its devices' newest coverage (0..100) as
    `coverage`, and the number of its devices as `devices`.

    The time is 1970 and means nothing. `last_seen` is a query of its own: as a second column of the inner
    query it made the engine four times as slow (benchmarks/boards.py).
    """
    share, device = queries.named("device", "coverage"), queries.named("device", "device")
    place = queries.named("device", "community")
    where = queries.chosen("device", queries.window(DAYS), {}, among=LEAST)
    newest_of_each = f'SELECT last({share}) AS {share} FROM "device" {where} GROUP BY {place}, {device}'
    return (
        f'SELECT mean({share}) * 100 AS {share}, count({share}) AS "devices" FROM ({newest_of_each}) '
        f"GROUP BY {place}"
    )


def last_seen() -> str:
    """One row per least covered place: when any of its devices was last heard (epoch ms), as `last_seen`."""
    hours = DAYS * 24
    return queries.within("device", "last_seen", "max", hours, by="community", shown="last_seen", among=LEAST)
