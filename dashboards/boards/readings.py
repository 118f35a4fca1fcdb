"""Panels of one signal: a line per device or place, with the alarm levels of the pilot file."""

from collections.abc import Iterable

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import table, timeseries
from grafana_foundation_sdk.models import common

from dashboards.boards import frame, naming, queries, style
from dashboards.boards.alarms import now
from dashboards.boards.queries import DAY, SERIES, InfluxQL
from dashboards.boards.style import Say, Spot
from devices.contract.signals import SIGNALS
from devices.pilots.alarms import STEPS, Level

# Usual lowest and highest values in the delta, in the signal's unit. Assumption, from instrument makers'
# scales and the delta's climate.
COMMON: dict[str, tuple[float | None, float | None]] = {
    "air_temperature": (20, 36), "relative_humidity": (None, 100), "soil_moisture": (None, 50),
    "soil_ec": (None, 2), "water_temperature": (22, 34), "water_ph": (5, 9), "turbidity": (None, 100),
    "dissolved_oxygen": (None, 8), "water_level": (None, None), "soil_ph": (4, 8),
}  # fmt: skip

POINTS = 360  # per line where a panel draws many: a year by days, a month by two hours


def course(spot: Spot, lang: str, signal: str, *, levels: bool = False) -> timeseries.Panel:
    """The signal's mean in each step of the chosen range, a line per device; `levels` adds the alarm levels
    of the chosen place.
    """
    panel = _panel(_lines(signal), spot, lang, signal, "course_about")
    panel.with_target(InfluxQL(queries.trend("telemetry", signal, by="device"), "A", SERIES, "$tag_device"))
    panel.transformations(naming.legends(lang, "device"))
    if levels:
        name = Say(lang)("alarm_level")
        panel.with_target(InfluxQL(queries.levels(signal), "B", SERIES, f"{name} $tag_level"))
        for step, colour in zip(STEPS, style.ALARM_COLOURS, strict=True):
            style.paint(
                panel, f"{name} {step}", color=style.fixed(colour),
                custom_lineStyle=common.LineStyle(fill="dash", dash=[8, 8]),
            )  # fmt: skip
    return panel


def everywhere(spot: Spot, lang: str, signal: str) -> timeseries.Panel:
    """The signal at the places in the variable of `nearest`, by hours: nobody reads a thousand lines."""
    panel = _panel(_lines(signal), spot, lang, signal, "anywhere_about", "anywhere", number=frame.MOST)
    panel.interval("1h").max_data_points(POINTS).transformations(naming.legends(lang, "community"))
    query = queries.hourly(signal, f"nearest_{signal}")
    return panel.with_target(InfluxQL(query, "A", SERIES, "$tag_community"))


def nearest(say: Say, signal: str) -> build.QueryVariable:
    """The variable of the places that `everywhere` draws."""
    limits: list[tuple[str, Level | None, Iterable[str]]] = []
    for pilot in naming.pilots():
        levels = [one for one in pilot.alarms.levels if one.signal == signal] if pilot.alarms else []
        own = [place for one in levels for place in one.places]
        limits += [(pilot.pilot, one, own) for one in levels]
        if all(one.places for one in levels):
            limits.append((pilot.pilot, None, own))
    return frame.some(f"nearest_{signal}", now.nearest(signal, limits, frame.MOST), say)


def together(spot: Spot, lang: str, *signals: str) -> timeseries.Panel:
    """Several signals of one kind and unit, each the mean of the chosen place's devices."""
    say = Say(lang)
    panel = style.dress(
        style.lines(), spot, say, title=" · ".join(SIGNALS[one].name(lang) for one in signals),
        about=say("together_about"), unit=style.unit_of(signals[0]),
    )  # fmt: skip
    for ref, signal in zip("ABCDEF", signals, strict=False):
        query = queries.trend("telemetry", signal)
        panel.with_target(InfluxQL(query, ref, SERIES, SIGNALS[signal].name(lang)))
    return panel


def day_by_day(spot: Spot, lang: str, signal: str, of: str) -> timeseries.Panel:
    """The aggregate `of` (sum, max) of the signal on each Vietnamese day."""
    panel = style.bars() if of == "sum" else _lines(signal)
    _panel(panel, spot, lang, signal, f"day_{of}_about", f"day_{of}")
    panel.transformations(naming.legends(lang, "device"))
    fill = "none" if of == "sum" else "null"
    query = queries.trend("telemetry", signal, of, by="device", step=DAY, fill=fill)
    return panel.with_target(InfluxQL(query, "A", SERIES, "$tag_device"))


def heading(spot: Spot, lang: str, signal: str) -> timeseries.Panel:
    """A direction over the chosen range as points: a line from 350° to 10° would cross the whole circle."""
    panel = _panel(style.lines().max(360), spot, lang, signal, "heading_about")
    panel.draw_style(common.GraphDrawStyle.POINTS).decimals(0).transformations(naming.legends(lang, "device"))
    return panel.with_target(InfluxQL(queries.heading(signal), "A", SERIES, "$tag_device"))


def used(spot: Spot, lang: str, signal: str) -> timeseries.Panel:
    """What a meter counted on each Vietnamese day."""
    say = Say(lang)
    panel = _panel(style.bars(), spot, lang, signal, "used_about").title(say(f"{signal}_used"))
    panel.transformations(naming.legends(lang, "device"))
    return panel.with_target(InfluxQL(queries.used(signal), "A", SERIES, "$tag_device"))


def devices(spot: Spot, lang: str, hours: int, among: str = "") -> table.Panel:
    """A table of the devices at the chosen places, or at those in the variable `among`: coverage, battery,
    number of doubted values, and when each was last heard.
    """
    say = Say(lang)
    columns = ("coverage", "battery_voltage", "battery_level", "last_seen")
    titles = {"community": say("place"), "device": say("device"), "coverage": say("coverage_share")}
    titles |= {"battery_voltage": say("battery"), "battery_level": say("battery_level")}
    titles |= {"last_seen": say("last_seen"), "doubts": say("doubts")}
    panel = style.listed(
        style.rows(sort=titles["last_seen"]),
        spot,
        say,
        title=say("devices_title"),
        about=say("devices_about_least", number=frame.MOST) if among else say("devices_about"),
    ).decimals(2)
    newest = queries.newest("device", columns, "device", "community", hours=hours, among=among)
    doubts = queries.within(
        "telemetry_flagged", "value", "count", hours, by="device", shown="doubts", among=among
    )
    panel.with_target(InfluxQL(newest, "A")).with_target(InfluxQL(doubts, "B"))
    one_row_each = (style.without_time(), style.joined("device"), style.last_seen_as_time())
    style.reshape(panel, titles, *one_row_each)
    frame.linked(panel, say, titles["community"])
    style.paint(panel, titles["doubts"], noValue="0", decimals=0)
    style.paint(panel, titles["battery_level"], decimals=0)
    return style.paint(
        panel, titles["coverage"], custom_cellOptions={"type": "color-text"}, unit=style.SHARE, decimals=0,
        **style.steps(style.SHARE_STEPS),
    )  # fmt: skip


def _lines(signal: str) -> timeseries.Panel:
    """A panel whose axis starts at 0 only where the signal can be no lower: a temperature would be a flat
    line at the top. The axis covers at least the usual values and alarm I, so that noise does not fill the
    panel and the alarm's line is seen on calm days.
    """
    panel = style.lines(zero=SIGNALS[signal].low == 0)
    low, high = COMMON.get(signal, (None, None))
    alarm = max(_first_levels(signal), default=0.0) * 1.1
    if low is not None:
        panel.axis_soft_min(low)
    if high is not None or alarm:
        panel.axis_soft_max(max(high or 0.0, alarm))
    return panel


def _first_levels(signal: str) -> list[float]:
    """Alarm I of the signal, at every place of every pilot."""
    return [
        level.levels[0]
        for pilot in naming.pilots()
        if pilot.alarms is not None
        for level in pilot.alarms.levels
        if level.signal == signal
    ]


def _panel(
    panel: timeseries.Panel, spot: Spot, lang: str, signal: str, about: str, more: str = "", **values: object
) -> timeseries.Panel:
    """Dress a panel: its title is the signal's name, and `more` (a key) where the signal has several panels.
    `about` is the key of its description, filled by `values`.
    """
    say = Say(lang)
    known = SIGNALS[signal]
    title = f"{known.name(lang)} – {say(more)}" if more else known.name(lang)
    about = say(about, **values)
    return style.dress(panel, spot, say, title=title, about=about, unit=style.unit_of(signal)).decimals(
        known.decimals
    )
