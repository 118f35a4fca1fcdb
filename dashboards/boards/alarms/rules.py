"""Alert rules as Grafana's provisioning files, one a pilot and language; thresholds are the pilot file's.

    devices/pilots/{pilot}.yaml, alarms ─► rules ─► alerts/{lang}/{pilot}.yaml ─┐
    provisioning/contact/{email,webhook}.yaml, addresses from the environment ─┴─► Grafana

A rule asks the store (A, and M where it needs a second number), takes the newest number of each series (B, N)
and holds them against a condition (C). Grafana knows no template variables in alert rules, so pilot and time
are written out; its labels take `$` for the environment, so only annotations hold templates.

What is true when something is missing:
- The store is away: the rule `store` says so. All others keep their state (KeepLast), so nothing of the field
  begins, and nothing ends.
- A gauge falls silent in alarm: its level is that of the newest hour that has readings, looked for over
  `LOOK_BACK` days, so it goes on; after an hour a second rule says that it is silent. If it stays so, the
  series vanishes in the end, and the message says that nobody knows (messages.py).
- A level holds from its limit to the next one's: where III fires, II does not. What ends waits two minutes
  (`keepFiringFor`; Grafana 12), so that no all-clear fits between two levels.
- A device that joined lately has an empty past, not bad coverage. The store does not know when a device was
  enrolled; it has a row a day of each that was heard in the window. So coverage is asked of devices that have
  had a row on more days than the window is long.
- No rule that finds nothing speaks, but for the one whose silence is the news: the books of a gateway. It
  waits longer than a gateway takes from book to book, as there is none while the store was away; so do silent
  devices, which a gateway counts anew every few minutes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dashboards.boards.alarms import messages
from dashboards.boards.community import PANELS
from dashboards.boards.frame import uid as board_uid
from dashboards.boards.queries import SOURCE, named, places
from devices.clock import MINUTE_MS
from devices.contract.signals import SIGNALS
from devices.pilots.alarms import Alarms, Level
from devices.pilots.pilot import HERE, Pilot, Target, load
from devices.texts import LANGS, catalogue, text
from devices.texts import number as written

FOLDER = Path(__file__).parents[2] / "alerts"
LONGEST_UID = 40  # Grafana refuses a longer one
EVERY = {"field": "1m", "system": "1m", "plan": "1h"}  # how often a group's rules are looked at
LOOK_BACK = 7  # days over which the newest hour of a gauge is looked for
OVERLAP = "2m"  # how long what ended still counts as firing
BOARD_OF = {"battery_level": ("quality", 5)}  # board and panel of a signal that is not on its place's board
PLAN_PANELS = {"iot_communities": 10, "smart_villages": 20, "traceability_share": 30}  # on the targets' board
KEEP = "KeepLast"


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert: it fires where `condition` holds of `query`'s number B (and `second`'s N) for as long as
    `lasts`.
    """

    id: str
    group: str
    kind: str  # its sentences in the catalogue: alerts.{kind} and alerts.{kind}_do
    quantity: str  # with the place: what one message is about
    query: str
    condition: str
    lasts: str
    where: str  # the tag that says where, shown in the message
    board: tuple[str, int]  # and its panel
    value: tuple[int, str] | None  # decimals and unit of B in the message; None: it has no number to say
    places: tuple[str, ...] = ()  # ids that it asks about; empty: all
    level: str = ""
    second: str = ""
    severity: str = "warning"
    silence: str = KEEP  # the state when the query finds nothing
    trouble: str = KEEP  # the state when the store does not answer
    absolute: bool = False  # B is a lack: said without its minus
    bare: bool = False  # it speaks where there is no B too
    words: tuple[tuple[str, str], ...] = ()  # what its sentences are filled with


def files() -> Iterator[tuple[str, str]]:
    """Name and content of every file: `{lang}/{pilot}.yaml`, without rules where a pilot has no alarms."""
    for path in sorted(HERE.glob("*.yaml")):
        pilot = load(path.stem)
        for lang in LANGS:
            yield f"{lang}/{pilot.pilot}.yaml", content(pilot, lang)


def content(pilot: Pilot, lang: str) -> str:
    """The rules of one pilot as Grafana reads them, and the template of their messages."""
    made = rules(pilot, lang)
    groups = [
        {
            "orgId": 1,
            "name": f"{pilot.pilot}-{group}",
            "folder": text("alerts.folder", lang),
            "interval": interval,
            "rules": [_written(rule, pilot, lang) for rule in made if rule.group == group],
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


def rules(pilot: Pilot, lang: str) -> list[Rule]:
    """Every rule of a pilot. Raises ValueError for one that Grafana would refuse."""
    if pilot.alarms is None:
        return []
    rules = [*_levels(pilot, pilot.alarms, lang), *_system(pilot, pilot.alarms, lang), *_plan(pilot, lang)]
    for rule in rules:
        if len(rule.id) > LONGEST_UID:
            raise ValueError(f"alert {rule.id}: Grafana takes ids of {LONGEST_UID} characters at most")
    return rules


def _levels(pilot: Pilot, alarms: Alarms, lang: str) -> Iterator[Rule]:
    """Of each signal, and for each set of places with levels of its own: one rule a level, and one for the
    gauge that falls silent over the first.
    """
    for number, level in enumerate(alarms.levels):
        signal = SIGNALS[level.signal]
        of, place = named("telemetry", level.signal), named("telemetry", "community")
        others = alarms.elsewhere(level)
        asked = level.places or tuple(p.id for p in pilot.places if p.id not in others)
        hours = (
            f"FROM {named('telemetry')} WHERE {_pilot('telemetry', pilot)}{places(level.places, others)} "
            f"AND time > now() - {LOOK_BACK}d AND time < now() GROUP BY time(1h), {place}"
        )
        pick = "max" if level.when == "over" else "min"
        newest = (
            f'SELECT last("worst") FROM (SELECT {pick}({of}) AS "worst" {hours} fill(none)) GROUP BY {place}'
        )
        count = f'SELECT count({of}) AS "readings" {hours} fill(0)'
        readings = f'SELECT last("readings") FROM ({count}) GROUP BY {place}'
        beyond, within = (">", "<=") if level.when == "over" else ("<", ">=")
        board = BOARD_OF.get(level.signal, ("community", PANELS.get(level.signal, 1)))
        value = (signal.decimals, signal.shown_unit)
        named_steps = level.named()
        for (step, limit), (_, end) in zip(named_steps, (*named_steps[1:], ("", None)), strict=True):
            shown = written(limit, lang)
            until = "" if end is None else f" && $B {within} {end!r}"
            yield Rule(
                f"{pilot.pilot}-{level.signal}-{number}-{step}", "field", _kind(level), level.signal, newest,
                f"$B {beyond} {limit!r}{until}", "0s", "community", board, value, asked, step,
                severity="critical" if step != "I" else "warning",
                words=(("level", step), ("limit", f"{shown} {signal.shown_unit}".rstrip()),
                       ("gauge", level.gauge), ("name", signal.name(lang))),
            )  # fmt: skip
        yield Rule(
            f"{pilot.pilot}-{level.signal}-{number}-silent", "field", "silent_in_alarm", level.signal, newest,
            f"$B {beyond} {named_steps[0][1]!r} && $N < 1", "1h", "community", board, value, asked,
            second=readings, severity="critical",
            words=(("name", signal.name(lang)), ("gauge", level.gauge or text("alerts.everywhere", lang))),
        )  # fmt: skip


def _kind(level: Level) -> str:
    """The sentences of a level: the signal's own, else those of any that is over or under."""
    return level.signal if f"alerts.{level.signal}" in catalogue() else f"level_{level.when}"


def _system(pilot: Pilot, alarms: Alarms, lang: str) -> Iterator[Rule]:
    """What the data's road itself is woken for."""
    device, by_device = named("device"), f"{named('device', 'community')}, {named('device', 'device')}"
    mine, name = _pilot("device", pilot), pilot.pilot
    gateway, instance = named("gateway"), named("gateway", "instance")
    yield Rule(
        f"{name}-store", "system", "store", "store",
        f"SELECT count({named('gateway', 'received')}) FROM {gateway} WHERE time > now() - 10m",
        "$B < 0", "2m", "", ("operations", 1), None, severity="critical", silence="OK", trouble="Alerting",
        bare=True,
    )  # fmt: skip
    yield Rule(
        f"{name}-device-silent", "system", "silent", "silent",
        f"SELECT last({named('device', 'silent_minutes')}) / 60.0 FROM {device} WHERE {mine} "
        f"AND time > now() - 25h GROUP BY {by_device}",
        f"$B > {alarms.silent_hours}", "15m", "device", ("community", PANELS["devices"]),
        (1, text("alerts.hours", lang)), words=(("hours", str(alarms.silent_hours)),),
    )  # fmt: skip
    share, window = named("device", "coverage"), pilot.rules.iot_communities.window_days
    settled = (
        f'SELECT last({share}) AS {share}, count({share}) AS "days" FROM {device} WHERE {mine} '
        f"AND time > now() - {window + 2}d GROUP BY {by_device}"
    )
    yield Rule(
        f"{name}-coverage-low", "system", "coverage_low", "coverage",
        f'SELECT mean({share}) * 100 FROM ({settled}) WHERE "days" > {window} '
        f"GROUP BY {named('device', 'community')}",
        f"$B < {alarms.coverage * 100:g}", "1h", "community", ("quality", 6), (0, "%"),
        words=(("coverage", f"{alarms.coverage * 100:g}"),),
    )  # fmt: skip
    whole, *parts = (
        named("gateway", part) for part in ("received", "stored", "duplicate", "quarantined", "spooled")
    )
    columns = ", ".join(f"last({one}) AS {one}" for one in (whole, *parts))
    books = f"SELECT {columns} FROM {gateway} WHERE time > now() - 10m GROUP BY {instance}"
    unit = text("alerts.messages", lang)
    yield Rule(
        f"{name}-books", "system", "books", "books",
        f"SELECT {whole} - {' - '.join(parts)} FROM ({books}) GROUP BY {instance}",
        "$B < -0.5 || $B > 0.5", "6m", "instance", ("operations", 1), (0, unit),
        severity="critical", silence="Alerting", bare=True,
    )  # fmt: skip
    yield Rule(
        f"{name}-quarantine", "system", "quarantine", "quarantine",
        f"SELECT spread({named('gateway', 'quarantined')}) FROM {gateway} "
        f"WHERE time > now() - 1h GROUP BY {instance}",
        f"$B > {alarms.quarantined_an_hour}", "5m", "instance", ("quality", 4), (0, unit),
        words=(("number", str(alarms.quarantined_an_hour)),),
    )  # fmt: skip
    yield Rule(
        f"{name}-spool-old", "system", "spool", "spool",
        f"SELECT last({named('gateway', 'lag_ms')}) / {MINUTE_MS} FROM {gateway} "
        f"WHERE time > now() - 10m GROUP BY {instance}",
        f"$B > {alarms.spool_minutes}", "2m", "instance", ("operations", 3),
        (0, text("alerts.minutes", lang)), severity="critical",
        words=(("minutes", str(alarms.spool_minutes)),),
    )  # fmt: skip


def _plan(pilot: Pilot, lang: str) -> Iterator[Rule]:
    """Each indicator against the path between its dated targets."""
    for target in pilot.targets:
        yield _off_course(pilot, target, lang)


def _off_course(pilot: Pilot, target: Target, lang: str) -> Rule:
    value, asked = named("kpi", "value"), named("kpi", "path")
    share = target.indicator == "traceability_share"
    number = f"last({value}) - last({asked})"
    unit = "alerts.points" if share else f"boards.{target.indicator}_unit"
    return Rule(
        f"{pilot.pilot}-{target.indicator}", "plan", "off_course", target.indicator,
        f"SELECT {f'({number}) * 100' if share else number} FROM {named('kpi')} WHERE {_pilot('kpi', pilot)} "
        f"AND {named('kpi', 'indicator')} = '{target.indicator}' AND time > now() - 2d",
        "$B < 0", "24h", "", ("targets", PLAN_PANELS[target.indicator]),
        (1 if share else 0, text(unit, lang)), absolute=True,
        words=(("indicator", text(f"boards.{target.indicator}", lang)),),
    )  # fmt: skip


def _pilot(measurement: str, pilot: Pilot) -> str:
    return f"{named(measurement, 'pilot')} = '{pilot.pilot}'"


def _written(rule: Rule, pilot: Pilot, lang: str) -> dict[str, Any]:
    """A rule as Grafana reads it."""
    title = text(f"alerts.{rule.kind}", lang, **dict(rule.words))
    data = [
        _data("A", SOURCE.uid, query=rule.query, rawQuery=True, resultFormat="time_series"),
        _newest("B", "A"),
    ]
    if rule.second:
        data += [
            _data("M", SOURCE.uid, query=rule.second, rawQuery=True, resultFormat="time_series"),
            _newest("N", "M"),
        ]
    data.append(_data("C", "__expr__", type="math", expression=rule.condition))
    labels = {"severity": rule.severity, "hoiquan": rule.group, "quantity": rule.quantity}
    return {
        "uid": rule.id,
        "title": f"{title}, {pilot.name.get(lang)}",
        "condition": "C",
        "data": data,
        "noDataState": rule.silence,
        "execErrState": rule.trouble,
        "for": rule.lasts,
        "keepFiringFor": OVERLAP,
        "annotations": _annotations(rule, pilot, title, lang),
        "labels": labels | ({"level": rule.level} if rule.level else {}),
        "isPaused": False,
    }


def _annotations(rule: Rule, pilot: Pilot, title: str, lang: str) -> dict[str, str]:
    """What the message is made of."""
    asked = [place for place in pilot.places if not rule.places or place.id in rule.places]
    value = f": {messages.number(*rule.value, lang, absolute=rule.absolute)}" if rule.value else ""
    do = text(f"alerts.{rule.kind}_do", lang, **dict(rule.words))
    none = title if rule.bare else text("alerts.no_value", lang, what=title)
    board, panel = rule.board
    calm = text("alerts.calm", lang, what=title) + messages.valued(value, "")
    lost = text("alerts.lost", lang, what=title)
    if rule.bare:  # what began without a series has none to lose
        lost = (
            f"{{{{ if $labels.{rule.where} }}}}{lost}{{{{ else }}}}{calm}{{{{ end }}}}"
            if rule.where
            else calm
        )
    return {
        "summary": messages.valued(f"{title}{value}", none),
        "place": messages.where(rule.where, messages.places(asked, lang), lang),
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
