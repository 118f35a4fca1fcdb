"""Runs all checks once and prints the findings."""

from collections.abc import Callable, Iterator
from dataclasses import asdict

import typer

from devices import terminal
from devices.clock import now_ms
from devices.settings import Settings
from devices.texts import text
from gateway.doctor import broker, data, gateways, pages, records, store
from gateway.doctor.finding import Check, Finding, Level, Visit, finding, one_line

MARKS: dict[Level, str] = {"ok": "✓", "warning": "!", "bad": "✗"}
CHECKS: tuple[Check, ...] = (
    data.folder,
    data.registry,
    data.probes,
    broker.broker,
    gateways.gateways,
    records.diary,
    store.store,
    records.log,
    pages.pages,
)  # in the order in which messages pass the parts


def examine(settings: Settings, lang: str) -> Iterator[Finding]:
    """Check everything, from the settings to the pages."""
    try:
        pilot = settings.loaded_pilot
    except ValueError as error:
        yield finding(lang, "settings", "bad", "settings_bad", error=error)
        return
    yield finding(lang, "settings", "ok", "settings_ok", pilot=pilot.pilot, places=len(pilot.place))
    visit = Visit(settings, pilot, lang, now_ms())
    for check in CHECKS:
        yield from check(visit)


def report(read: Callable[[], Settings], lang: str, *, as_json: bool) -> int:
    """Check the settings that `read` returns and print the findings; returns 1 if a part is bad, else 0."""
    try:
        findings = list(examine(read(), lang))
    except ValueError as error:  # from the settings; it names the variable and the cause
        findings = [finding(lang, "settings", "bad", "settings_bad", error=one_line(error))]
    levels = [one.level for one in findings]
    if as_json:
        terminal.print_json([asdict(one) for one in findings])
    else:
        for one in findings:
            level = text(f"doctor.level_{one.level}", lang)
            typer.echo(f"{MARKS[one.level]} {level}: {one.sentence}")
            if one.mend:
                typer.echo("    " + text("doctor.mend", lang, mend=one.mend))
        some = {level: levels.count(level) for level in ("bad", "warning")}
        well = not any(some.values())
        typer.echo(text("doctor.all_well", lang) if well else text("doctor.some_bad", lang, **some))
    return int("bad" in levels)
