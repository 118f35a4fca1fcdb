"""Alert rules as Grafana's provisioning files, one a pilot and language; thresholds are the pilot file's.

    devices/pilots/{pilot}.yaml, alarms ─► rules ─► alerts/{lang}/{pilot}.yaml ─┐
    provisioning/contact/{email,webhook}.yaml, addresses from the environment ─┴─► Grafana

A rule asks the store (A), takes the newest number of each series (B) and holds it against a threshold (C).
Grafana knows no template variables in alert rules, so pilot and time are written out; its labels take `$` for
the environment, so only annotations hold templates. Where a query finds nothing the rule says nothing, but
for the one whose silence is the news: the books of a gateway that writes none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dashboards.boards.frame import uid as board_uid
from dashboards.boards.queries import SOURCE, named
from devices.clock import MINUTE_MS
from devices.contract.signals import SIGNALS
from devices.pilots.alarms import Alarms, Level
from devices.pilots.pilot import HERE, Pilot, load
from devices.texts import LANGS, catalogue, text
from devices.texts import number as written

FOLDER = Path(__file__).parents[1] / "alerts"
LONGEST_UID = 40  # Grafana refuses a longer one
EVERY = {"field": "1m", "system": "1m", "plan": "1h"}  # how often a group's rules are looked at
_BOARDS = {"water_level": "water", "salinity": "water", "battery_level": "quality"}  # else the place's own
OVER, UNDER, OUTSIDE = "gt", "lt", "outside_range"


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert: it fires where `query`'s number is `evaluator` of `limit` for as long as `lasts`."""

    id: str
    group: str
    kind: str  # its sentences in the catalogue: alerts.{kind} and alerts.{kind}_do
    query: str
    evaluator: str
    limit: tuple[float, ...]
    lasts: str
    where: str  # the tag that says where, shown in the message
    board: str
    severity: str = "warning"
    silence: str = "OK"  # the state when the query finds nothing
    words: tuple[tuple[str, str], ...] = ()  # what its sentences are filled with


def files() -> Iterator[tuple[str, str]]:
    """Name and content of every file: `{lang}/{pilot}.yaml`, without rules where a pilot has no alarms."""
    for path in sorted(HERE.glob("*.yaml")):
        pilot = load(path.stem)
        for lang in LANGS:
            yield f"{lang}/{pilot.pilot}.yaml", content(pilot, lang)


def content(pilot: Pilot, lang: str) -> str:
    """The rules of one pilot as Grafana reads them."""
    made = rules(pilot, lang)
    groups = [
        {
            "orgId": 1,
            "name": f"{pilot.pilot}-{group}",
            "folder": text("alerts.folder", lang),
            "interval": interval,
            "rules": [_written(rule, lang) for rule in made if rule.group == group],
        }
        for group, interval in EVERY.items()
    ]
    about = "# Written by `hoiquan dashboards build` from the pilot file: change that, and build again.\n"
    data = {"apiVersion": 1, "groups": [group for group in groups if group["rules"]]}
    return about + yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=100)


def rules(pilot: Pilot, lang: str) -> list[Rule]:
    """Every rule of a pilot. Raises ValueError for one that Grafana would refuse."""
    if pilot.alarms is None:
        return []
    rules = [*_levels(pilot, pilot.alarms, lang), *_system(pilot, pilot.alarms), *_plan(pilot, lang)]
    for rule in rules:
        if len(rule.id) > LONGEST_UID:
            raise ValueError(f"alert {rule.id}: Grafana takes ids of {LONGEST_UID} characters at most")
    return rules


def _levels(pilot: Pilot, alarms: Alarms, lang: str) -> Iterator[Rule]:
    """One rule for each level of each signal, and for each set of places with levels of its own."""
    for number, level in enumerate(alarms.levels):
        signal = SIGNALS[level.signal]
        pick = "max" if level.when == "over" else "min"
        of = named("telemetry", level.signal)
        places = _places(alarms, level)
        query = (
            f"SELECT {pick}({of}) FROM {named('telemetry')} WHERE {_pilot('telemetry', pilot)}{places} "
            f"AND time > now() - 1h GROUP BY {named('telemetry', 'community')}"
        )
        for step, limit in level.named():
            shown = written(limit, lang)
            yield Rule(
                f"{pilot.pilot}-{level.signal}-{number}-{step}", "field", _kind(level), query,
                OVER if level.when == "over" else UNDER, (limit,), "10m", "community",
                board=_BOARDS.get(level.signal, "community"),
                severity="critical" if step != "I" else "warning",
                words=(("level", step), ("limit", f"{shown} {signal.shown_unit}".rstrip()),
                       ("gauge", level.gauge), ("name", signal.name(lang))),
            )  # fmt: skip


def _kind(level: Level) -> str:
    """The sentences of a level: the signal's own, else those of any that is over or under."""
    return level.signal if f"alerts.{level.signal}" in catalogue() else f"level_{level.when}"


def _places(alarms: Alarms, level: Level) -> str:
    """Its own places; of the levels of everywhere, all but those that have their own."""
    tag = named("telemetry", "community")
    if level.places:
        return " AND (" + " OR ".join(f"{tag} = '{place}'" for place in level.places) + ")"
    others = [p for one in alarms.levels if one.signal == level.signal for p in one.places]
    return "".join(f" AND {tag} != '{place}'" for place in others)


def _system(pilot: Pilot, alarms: Alarms) -> Iterator[Rule]:
    """What the data's road itself is woken for."""
    device, by_device = named("device"), f"{named('device', 'community')}, {named('device', 'device')}"
    mine, name = _pilot("device", pilot), pilot.pilot
    yield Rule(
        f"{name}-device-silent", "system", "silent",
        f"SELECT last({named('device', 'silent_minutes')}) FROM {device} WHERE {mine} "
        f"AND time > now() - 25h GROUP BY {by_device}",
        OVER, (alarms.silent_hours * 60,), "5m", "device", "quality",
        words=(("hours", str(alarms.silent_hours)),),
    )  # fmt: skip
    share = named("device", "coverage")
    newest = (
        f"SELECT last({share}) AS {share} FROM {device} WHERE {mine} AND time > now() - 49h "
        f"GROUP BY {by_device}"
    )
    yield Rule(
        f"{name}-coverage-low", "system", "coverage_low",
        f"SELECT mean({share}) FROM ({newest}) GROUP BY {named('device', 'community')}",
        UNDER, (alarms.coverage,), "1h", "community", "quality",
        words=(("coverage", f"{alarms.coverage * 100:g}"),),
    )  # fmt: skip
    gateway, instance = named("gateway"), named("gateway", "instance")
    whole, *parts = (
        named("gateway", part) for part in ("received", "stored", "duplicate", "quarantined", "spooled")
    )
    columns = ", ".join(f"last({one}) AS {one}" for one in (whole, *parts))
    books = f"SELECT {columns} FROM {gateway} WHERE time > now() - 10m GROUP BY {instance}"
    yield Rule(
        f"{name}-books", "system", "books",
        f"SELECT {whole} - {' - '.join(parts)} FROM ({books}) GROUP BY {instance}",
        OUTSIDE, (-0.5, 0.5), "2m", "instance", "operations", "critical", silence="Alerting",
    )  # fmt: skip
    yield Rule(
        f"{name}-quarantine", "system", "quarantine",
        f"SELECT spread({named('gateway', 'quarantined')}) FROM {gateway} "
        f"WHERE time > now() - 1h GROUP BY {instance}",
        OVER, (alarms.quarantined_an_hour,), "5m", "instance", "operations",
        words=(("number", str(alarms.quarantined_an_hour)),),
    )  # fmt: skip
    yield Rule(
        f"{name}-spool-old", "system", "spool",
        f"SELECT last({named('gateway', 'lag_ms')}) FROM {gateway} "
        f"WHERE time > now() - 10m GROUP BY {instance}",
        OVER, (alarms.spool_minutes * MINUTE_MS,), "2m", "instance", "operations", "critical",
        words=(("minutes", str(alarms.spool_minutes)),),
    )  # fmt: skip


def _plan(pilot: Pilot, lang: str) -> Iterator[Rule]:
    """Each indicator against the path between its dated targets."""
    value, asked = named("kpi", "value"), named("kpi", "path")
    for target in pilot.targets:
        yield Rule(
            f"{pilot.pilot}-{target.indicator}", "plan", "off_course",
            f"SELECT last({value}) - last({asked}) FROM {named('kpi')} WHERE {_pilot('kpi', pilot)} "
            f"AND {named('kpi', 'indicator')} = '{target.indicator}' AND time > now() - 2d",
            UNDER, (0.0,), "24h", "", "targets",
            words=(("indicator", text(f"boards.{target.indicator}", lang)),),
        )  # fmt: skip


def _pilot(measurement: str, pilot: Pilot) -> str:
    return f"{named(measurement, 'pilot')} = '{pilot.pilot}'"


def _written(rule: Rule, lang: str) -> dict[str, Any]:
    """A rule as Grafana reads it."""
    words = dict(rule.words)
    place = f" – {{{{ $labels.{rule.where} }}}}" if rule.where else ""
    number = '{{ printf "%.2f" $values.B.Value }}'
    return {
        "uid": rule.id,
        "title": f"{text(f'alerts.{rule.kind}', lang, **words)} [{rule.id}]",
        "condition": "C",
        "data": [
            _data("A", SOURCE.uid, query=rule.query, rawQuery=True, resultFormat="time_series"),
            _data(
                "B", "__expr__", type="reduce", expression="A", reducer="last",
                settings={"mode": "dropNN"},
            ),
            _data(
                "C", "__expr__", type="threshold", expression="B",
                conditions=[{"evaluator": {"type": rule.evaluator, "params": list(rule.limit)}}],
            ),
        ],
        "noDataState": rule.silence,
        "execErrState": "Error",
        "for": rule.lasts,
        "annotations": {
            "summary": f"{text(f'alerts.{rule.kind}', lang, **words)}{place}: {number}",
            "description": text(f"alerts.{rule.kind}_do", lang, **words),
            "__dashboardUid__": board_uid(rule.board, lang),
            "__panelId__": "1",
        },
        "labels": {"severity": rule.severity, "hoiquan": rule.group},
        "isPaused": False,
    }  # fmt: skip


def _data(ref: str, source: str | None, **model: Any) -> dict[str, Any]:
    return {
        "refId": ref,
        "relativeTimeRange": {"from": 3600, "to": 0},
        "datasourceUid": source,
        "model": {"refId": ref, **model},
    }
