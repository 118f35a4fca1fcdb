"""The board “Vận hành và an toàn”: do the gateways' books balance, do they keep up, which logins are refused.

the books of each gateway
messages a step: received, stored │ lag
messages waiting on disk          │ size of spool and quarantine
numbered messages that never came │ messages that the broker dropped
refused logins                    │ devices that say they are off line
who did what
"""

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import table, timeseries

from dashboards.boards import frame, queries, style
from dashboards.boards.queries import InfluxQL
from dashboards.boards.style import Say, Spot
from dashboards.figures import BOOKS
from devices.texts import text
from gateway.audit.acts import WHAT, WHERE
from gateway.control.advisor import BY

DAYS, ACTS = 30, 500


def board(lang: str) -> build.Dashboard:
    """The board in `lang`."""
    say = Say(lang)
    return (
        frame.begin("operations", lang, say)
        .with_variable(frame.instance(say))
        .with_panel(_books(Spot(1, 0, 0, 24, 6), say))
        .with_panel(_flow(Spot(2, 0, 6, 12, 9), say))
        .with_panel(_level(Spot(3, 12, 6, 12, 9), say, "lag", style.MILLISECONDS, "lag_ms"))
        .with_panel(_level(Spot(4, 0, 15, 12, 8), say, "waiting", style.COUNT, "spooled"))
        .with_panel(_level(Spot(5, 12, 15, 12, 8), say, "held", style.BYTES, "spool_bytes"))
        .with_panel(_level(Spot(6, 0, 23, 12, 8), say, "gaps", style.COUNT, "missing"))
        .with_panel(_level(Spot(7, 12, 23, 12, 8), say, "broker", style.COUNT, "broker_dropped"))
        .with_panel(_level(Spot(8, 0, 31, 12, 8), say, "knocks", style.COUNT, "refused_logins"))
        .with_panel(_offline(Spot(9, 12, 31, 12, 8), say))
        .with_panel(_acts(Spot(10, 0, 39, 24, 10), say))
    )


def _books(spot: Spot, say: Say) -> table.Panel:
    titles = {"instance": say("instance")} | {name: say(f"books_{name}") for name in BOOKS}
    titles["missing"] = say("books_missing")
    panel = style.listed(
        style.rows(sort=titles["instance"]), spot, say, title=say("books"), about=say("books_about")
    ).decimals(0)
    style.reshape(panel.with_target(InfluxQL(queries.balance())), titles, style.without_time())
    return style.paint(
        panel, titles["missing"], custom_cellOptions={"type": "color-text"},
        **style.steps(((None, style.BAD), (0, style.GOOD), (1, style.BAD))),
    )  # fmt: skip


def _flow(spot: Spot, say: Say) -> timeseries.Panel:
    panel = style.dress(
        style.lines(), spot, say, title=say("flow"), about=say("flow_about"), unit=style.COUNT
    )
    return frame.by_gateway(panel, "sum", {"arrived": say("books_received"), "kept": say("books_stored")})


def _level(spot: Spot, say: Say, key: str, unit: str, field: str) -> timeseries.Panel:
    """The highest value of a gateway's figure in each step."""
    panel = style.dress(style.lines(), spot, say, title=say(key), about=say(f"{key}_about"), unit=unit)
    return frame.by_gateway(panel, "max", {field: ""})


def _offline(spot: Spot, say: Say) -> table.Panel:
    titles = {"community": say("place"), "device": say("device"), "last_seen": say("last_seen")}
    titles["online"] = say("online")
    panel = style.listed(
        style.rows(sort=titles["last_seen"]), spot, say, *style.meanings(say),
        title=say("presence"), about=say("presence_about"),
    )  # fmt: skip
    query = queries.newest("device", ("last_seen", "online"), "device", "community", hours=30 * 24)
    return style.reshape(
        panel.with_target(InfluxQL(query)), titles, style.without_time(), style.last_seen_as_time()
    )


def _acts(spot: Spot, say: Say) -> table.Panel:
    """Who did what, in the words of `hoiquan audit`."""
    titles = {name: say(f"act_{name}") for name in ("who", "what", "object", "where")}
    titles |= {"Time": say("time"), "simulated": say("is_simulated")}
    known = {name: (text(f"audit.{name}", say.lang), style.PLAIN) for name in (*WHAT, *WHERE, BY)}
    panel = style.listed(
        style.rows(sort=titles["Time"], falling=True), spot, say,
        *style.meanings(say, yes=style.PLAIN, no=style.PLAIN), *style.graded(known),
        title=say("acts"), about=say("acts_about"),
    )  # fmt: skip
    fields = ("who", "what", "object", "where", "simulated")
    return style.reshape(panel.with_target(InfluxQL(queries.recent("audit", fields, DAYS, ACTS))), titles)
