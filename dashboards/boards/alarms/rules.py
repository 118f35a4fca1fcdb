"""Alert rules as Grafana's provisioning files, one per pilot and language.

    gateway/control/alarms/rules.py ─► queries, conditions ─► alerts/{lang}/{pilot}.yaml ─┐
    provisioning/contact/{email,webhook}.yaml, addresses from the environment ────────────┴─► Grafana

gateway/control/alarms/rules.py says what is watched, and what holds when something is missing; this module
translates it for Grafana. A rule queries the store (A, and M where it needs a second number), takes the
newest number of each series (B, N) and tests these against a condition (C). Grafana has no variables in alert
rules: pilot and time are written out. In labels Grafana takes `$` for the environment, so only annotations
hold templates. `KeepLast` keeps an alert's state while there is no data; an alert that ended goes on firing
for `keepFiringFor` (Grafana 12).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from dashboards.boards.alarms import messages
from dashboards.boards.alarms.now import places
from dashboards.boards.community import PANELS
from dashboards.boards.frame import uid as board_uid
from dashboards.boards.queries import SOURCE, named
from dashboards.figures import BOOKS
from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS
from devices.pilots.alarms import Alarms, Level
from devices.pilots.pilot import HERE, Pilot, load
from devices.texts import LANGS, spelt, text
from gateway.control.alarms.rules import BOOKS_MS, LOOK_BACK_MS, OVERLAP_MS, SLOT_MS, Rule, rules

FOLDER = Path(__file__).parents[2] / "alerts"
LONGEST_UID = 40  # Grafana refuses a longer one
EVERY = {"field": "1m", "system": "1m", "plan": "1h"}  # how often Grafana evaluates a group's rules
BOARD_OF = {"battery_level": ("quality", 5)}  # of a signal that is not on its place's board
PLAN_PANELS = {"iot_communities": 10, "smart_villages": 20, "traceability_share": 30}  # on the targets' board
PANEL_OF = {
    "store": ("operations", 1), "silent": ("community", PANELS["devices"]), "coverage": ("quality", 6),
    "gateway": ("operations", 1), "books": ("operations", 1), "quarantine": ("quality", 4),
    "spool": ("operations", 3),
}  # fmt: skip
KEEP = "KeepLast"


def files() -> Iterator[tuple[str, str]]:
    """Name and content of every file: `{lang}/{pilot}.yaml`, without rules where a pilot has no alarms."""
    for path in sorted(HERE.glob("*.yaml")):
        pilot = load(path.stem)
        for lang in LANGS:
            yield f"{lang}/{pilot.pilot}.yaml", content(pilot, lang)


def content(pilot: Pilot, lang: str) -> str:
    """The rules of one pilot as Grafana reads them, and the template of their messages. Raises ValueError for
    a rule that Grafana would refuse.
    """
    every = rules(pilot, lang)
    groups = [
        {
            "orgId": 1,
            "name": f"{pilot.pilot}-{group}",
            "folder": text("alerts.folder", lang),
            "interval": interval,
            "rules": [_written(rule, pilot, lang) for rule in every if rule.group == group],
        }
        for group, interval in EVERY.items()
    ]
    about = "# Written by `hoiquan dashboards build` from the pilot file: change that, and build again.\n"
    data = {
        "apiVersion": 1,
        "groups": [group for group in groups if group["rules"]],
        "templates": [{"orgId": 1, "name": messages.NAME, "template": messages.template(lang)}],
    }
    return about + yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=100)


def queries(rule: Rule, pilot: Pilot) -> tuple[str, ...]:
    """The InfluxQL of query A, and of M where the rule needs a second number."""
    if rule.gauge is not None and pilot.alarms is not None:
        newest, readings = _hours(rule.gauge, pilot, pilot.alarms)
        return (newest, readings) if rule.query == "quiet" else (newest,)
    device, by_device = named("device"), f"{named('device', 'community')}, {named('device', 'device')}"
    gateway, instance = named("gateway"), named("gateway", "instance")
    by_instance = f"GROUP BY {instance}"
    mine = _pilot("device", pilot)
    whole, *parts = (named("gateway", part) for part in BOOKS)
    match rule.query:
        case "store":
            return (f"SELECT count({whole}) FROM {gateway} WHERE time > now() - 10m",)
        case "silent":
            minutes = named("device", "silent_minutes")
            lately = f"WHERE {mine} AND time > now() - 25h GROUP BY {by_device}"
            return (f"SELECT last({minutes}) / 60.0 FROM {device} {lately}",)
        case "coverage":
            share, window = named("device", "coverage"), pilot.rules.iot_communities.window_days
            settled = (
                f'SELECT last({share}) AS {share}, count({share}) AS "days" FROM {device} WHERE {mine} '
                f"AND time > now() - {window + 2}d GROUP BY {by_device}"
            )
            by_place = f"GROUP BY {named('device', 'community')}"
            return (f'SELECT mean({share}) * 100 FROM ({settled}) WHERE "days" > {window} {by_place}',)
        case "gateway":
            lately = "WHERE time > now() - 1d AND time < now() "
            # the running slot and the one before: in a slot's first seconds its books are not there yet
            slots = f'SELECT moving_average(count({whole}), 2) * 2 AS "slots" FROM {gateway} {lately}'
            slots += f"GROUP BY time({_duration(SLOT_MS)}), {instance} fill(0)"
            return (f'SELECT last("slots") FROM ({slots}) {by_instance}',)
        case "books":
            columns = ", ".join(f"last({one}) AS {one}" for one in (whole, *parts))
            lately = f"WHERE time > now() - {_duration(BOOKS_MS)}"
            books = f"SELECT {columns} FROM {gateway} {lately} {by_instance}"
            return (f"SELECT {whole} - {' - '.join(parts)} FROM ({books}) {by_instance}",)
        case "quarantine":
            # not spread(): the number falls when refused messages are tried again, which refuses none
            added = f'SELECT non_negative_difference({parts[2]}) AS "added" FROM {gateway}'
            return (
                f'SELECT sum("added") FROM ({added} WHERE time > now() - 1h {by_instance}) {by_instance}',
            )
        case "spool":
            lag = named("gateway", "lag_ms")
            return (
                f"SELECT last({lag}) / {MINUTE_MS} FROM {gateway} WHERE time > now() - 10m {by_instance}",
            )
        case _:
            number = f"last({named('kpi', 'course')})"
            mine = f"{_pilot('kpi', pilot)} AND {named('kpi', 'indicator')} = '{rule.quantity}'"
            return (f"SELECT {number} FROM {named('kpi')} WHERE {mine} AND time > now() - 2d",)


def _hours(level: Level, pilot: Pilot, alarms: Alarms) -> tuple[str, str]:
    """Two queries by place: the worst of each gauge's newest hour; how many readings the running hour has."""
    of, place = named("telemetry", level.signal), named("telemetry", "community")
    gauge = f"{place}, {named('telemetry', 'device')}"
    hours = (
        f"FROM {named('telemetry')} WHERE {_pilot('telemetry', pilot)}"
        f"{places(level.places, alarms.elsewhere(level))} "
        f"AND time > now() - {LOOK_BACK_MS // DAY_MS}d AND time < now() GROUP BY time(1h), "
    )
    pick = "max" if level.when == "over" else "min"
    each = f'SELECT {pick}({of}) AS "worst" {hours}{gauge} fill(none)'
    newest = f'SELECT {pick}("worst") FROM (SELECT last("worst") AS "worst" FROM ({each}) GROUP BY {gauge}) '
    newest += f"GROUP BY {place}"
    count = f'SELECT count({of}) AS "readings" {hours}{place} fill(0)'
    return newest, f'SELECT last("readings") FROM ({count}) GROUP BY {place}'


def condition(rule: Rule) -> str:
    """The expression in Grafana's language that is true where a rule fires."""
    when, limit, end = rule.condition
    if when == "apart":
        return f"$B < -{spelt(limit)} || $B > {spelt(limit)}"
    beyond, within = (">", "<=") if when == "over" else ("<", ">=")
    # an alarm level as its file has it, 4.0; a limit of the system's state without a needless .0
    number = repr if rule.gauge is not None else spelt
    until = "" if end is None else f" && $B {within} {number(end)}"
    quiet = " && $N < 1" if rule.query == "quiet" else ""
    return f"$B {beyond} {number(limit)}{until}{quiet}"


def _duration(ms: int) -> str:
    if ms and ms % HOUR_MS == 0:
        return f"{ms // HOUR_MS}h"
    return f"{ms // MINUTE_MS}m" if ms else "0s"


def _board(rule: Rule) -> tuple[str, int]:
    """The board and panel that a message links to."""
    if rule.gauge is not None:
        signal = rule.gauge.signal
        return BOARD_OF.get(signal, ("community", PANELS.get(signal, 1)))
    if rule.query == "course":
        return "targets", PLAN_PANELS[rule.quantity]
    return PANEL_OF[rule.query]


def _pilot(measurement: str, pilot: Pilot) -> str:
    return f"{named(measurement, 'pilot')} = '{pilot.pilot}'"


def _written(rule: Rule, pilot: Pilot, lang: str) -> dict[str, Any]:
    """A rule as Grafana reads it."""
    if len(rule.id) > LONGEST_UID:
        raise ValueError(f"alert {rule.id}: Grafana takes ids of {LONGEST_UID} characters at most")
    title = rule.title(lang)
    data = []
    for (letter, newest), query in zip((("A", "B"), ("M", "N")), queries(rule, pilot), strict=False):
        data += [
            _data(letter, SOURCE.uid, query=query, rawQuery=True, resultFormat="time_series"),
            _newest(newest, letter),
        ]
    data.append(_data("C", "__expr__", type="math", expression=condition(rule)))
    labels = {
        "severity": "critical" if rule.severe else "warning",
        "hoiquan": rule.group,
        "quantity": rule.quantity,
    }
    return {
        "uid": rule.id,
        "title": f"{title}, {pilot.name.get(lang)}",
        "condition": "C",
        "data": data,
        "noDataState": "OK" if rule.away_speaks else "Alerting" if rule.none_speaks else KEEP,
        "execErrState": "Alerting" if rule.away_speaks else KEEP,
        "for": _duration(rule.lasts),
        "keepFiringFor": _duration(OVERLAP_MS),
        "annotations": _annotations(rule, pilot, title, lang),
        "labels": labels | ({"level": rule.level} if rule.level else {}),
        "isPaused": False,
    }


def _annotations(rule: Rule, pilot: Pilot, title: str, lang: str) -> dict[str, str]:
    """The annotations that a message is made of."""
    watched = [place for place in pilot.places if not rule.places or place.id in rule.places]
    shown = rule.value and messages.number(*rule.value, lang, rule.condition.limit, absolute=rule.absolute)
    value = f": {shown}" if shown else ""
    do = rule.advice(lang)
    none = title if rule.bare else text("alerts.no_value", lang, what=title)
    board, panel = _board(rule)
    calm = text("alerts.calm", lang, what=title) + messages.valued(value, "")
    lost = text("alerts.lost", lang, what=title)
    if rule.bare:  # an alert that fired without a series has none to lose
        lost = (
            f"{{{{ if $labels.{rule.where} }}}}{lost}{{{{ else }}}}{calm}{{{{ end }}}}"
            if rule.where
            else calm
        )
    return {
        "summary": messages.valued(f"{title}{value}", none),
        "place": messages.where(rule.where, messages.places(pilot, watched, lang), lang),
        "description": do if rule.bare else messages.valued(do, text("alerts.no_value_do", lang)),
        "calm": calm,
        "lost": lost,
        "board": messages.link(board_uid(board, lang), panel, pilot.pilot, bool(rule.where)),
        "__dashboardUid__": board_uid(board, lang),
        "__panelId__": str(panel),
    }


def _newest(ref: str, of: str) -> dict[str, Any]:
    return _data(ref, "__expr__", type="reduce", expression=of, reducer="last", settings={"mode": "dropNN"})


def _data(ref: str, source: str | None, **model: Any) -> dict[str, Any]:
    return {
        "refId": ref,
        "relativeTimeRange": {"from": 3600, "to": 0},
        "datasourceUid": source,
        "model": {"refId": ref, **model},
    }
