"""Việc hôm nay: what is in alarm now, and the newest advice of each rule that holds, by name and commune."""

from grafana_foundation_sdk.builders import table

from dashboards.boards import frame, naming, queries, style
from dashboards.boards.alarms import now
from dashboards.boards.queries import InfluxQL
from dashboards.boards.style import Say, Spot
from devices.contract.signals import SIGNALS
from devices.pilots.alarms import STEPS

REFS = [f"{letter}{number}" for number in ("", 1, 2) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
HOURS = 3  # older values are not shown as of now
DAYS = 30  # older advice is no work of today


def alarms(spot: Spot, say: Say) -> table.Panel:
    """One row per place and quantity in alarm: its highest level, and the worst value of the last hours."""
    titles = {"community": say("place"), "level": say("alarm_level"), "quantity": say("quantity_measured")}
    titles |= {"worst": say("worst"), "limit": say("limit")}
    panel = style.listed(
        style.rows(sort=titles["level"], falling=True), spot, say,
        title=say("alarms_now"), about=say("alarms_now_about"),
    ).no_value(say("alarms_none")).decimals(2).mappings(naming.mappings(say.lang, commune=True))  # fmt: skip
    quantities: dict[str, str] = {}  # signal → its number, as a query can add columns of numbers only
    ref = iter(REFS)
    for pilot in naming.pilots():
        for level in pilot.alarms.levels if pilot.alarms is not None else ():
            number = quantities.setdefault(level.signal, str(len(quantities) + 1))
            for step in range(len(level.levels)):
                query = now.alarmed(
                    level, pilot.alarms.elsewhere(level) if pilot.alarms else (), step,
                    pilot=pilot.pilot, quantity=int(number), hours=HOURS,
                )  # fmt: skip
                panel.with_target(InfluxQL(query, next(ref)))
    style.reshape(panel, titles, style.without_time(), style.merged())
    frame.linked(panel, say, titles["community"])
    signals = {number: SIGNALS[signal] for signal, number in quantities.items()}
    names = {n: (f"{one.name(say.lang)} ({one.shown_unit})", style.PLAIN) for n, one in signals.items()}
    style.paint(panel, titles["quantity"], mappings=style.graded(names), decimals=0)
    steps = zip(STEPS, style.ALARM_COLOURS, strict=True)
    levels = style.graded({str(n): step for n, step in enumerate(steps, 1)})
    cell = {"type": "color-background"}
    return style.paint(panel, titles["level"], mappings=levels, decimals=0, custom_cellOptions=cell)


def advice(spot: Spot, say: Say) -> table.Panel:
    """The newest advice of each rule, the most urgent first; its text wraps."""
    words = "text" if say.lang == "vi" else "text_en"
    titles = {"community": say("place"), "severity": say("advice_severity"), words: say("advice_text")}
    titles |= {"crop": say("advice_crop"), "rule": say("advice_rule"), "Time": say("time")}
    urgent = {"1": (say("advice_soon"), style.PLAIN), "2": (say("advice_today"), style.POOR)}
    urgent["3"] = (say("advice_now"), style.BAD)
    panel = style.listed(
        style.rows(sort=titles["severity"], falling=True),
        spot,
        say,
        title=say("advice"),
        about=say("advice_about"),
    ).mappings([*style.graded(urgent), *naming.mappings(say.lang, commune=True)])
    panel.with_target(InfluxQL(queries.advice(words, DAYS)))
    frame.linked(style.reshape(panel, titles), say, titles["community"])
    style.paint(panel, titles["severity"], custom_cellOptions={"type": "color-text"}, custom_width=110)
    cell = {"type": "auto", "wrapText": True}
    return style.paint(panel, titles[words], custom_cellOptions=cell, custom_width=420)
