"""`hoiquan alarms …`: the alarms that fire now and who was told; a test message on every channel."""

import json
from typing import NamedTuple

import typer
from pydantic import ValidationError

from devices import terminal
from devices.access.registry import Registry
from devices.clock import MINUTE_MS, now_ms
from devices.settings import Settings
from devices.terminal import AsJson, Data, Language
from devices.texts import Misuse, text
from gateway.control.alarms.message import Message, Words
from gateway.control.alarms.rules import rules
from gateway.control.alarms.sending import channels
from gateway.control.alarms.states import Notice, States, highest
from gateway.control.alarms.watch import read
from gateway.instance import files

LATE_MS = 5 * MINUTE_MS  # the watch looks each minute: if its last look is older than this, it does not run
alarms_app = typer.Typer(no_args_is_help=True)


class Listed(NamedTuple):
    """An alarm that fires at a place, since epoch ms `since`, and the channels that told people of it."""

    quantity: str
    place: str
    text: str
    since: int
    told: list[str]


@alarms_app.command("list")
def list_alarms(data: Data = None, lang: Language = "vi", json_output: AsJson = False) -> None:
    """List the alarms that fire, since when, and on which channels people were told."""
    settings = Settings.read(data=data).as_running()
    file = files(settings.data, settings.instance).alarms
    if not file.exists():
        raise Misuse("alerts.not_watched")
    try:
        memory = read(file)
    except (OSError, ValidationError):  # an unreadable file must not pass for an all-clear
        raise Misuse("alerts.unreadable", file=file) from None
    pilot = settings.loaded_pilot
    looked = int(file.stat().st_mtime * 1000)
    if now_ms() - looked > LATE_MS:
        typer.echo(text("alerts.late", lang, time=terminal.moment(looked, pilot.zone, lang)), err=True)
    ruled = {rule.id: rule for rule in rules(pilot, lang)}
    states = States({(one.rule, one.key): one for one in memory.alarms if one.rule in ruled})
    models = {one.device: one.model for one in Registry(settings.registry_url, pilot).devices()}
    words = Words(pilot, ruled, lang, settings.base_url, lambda: models)
    rows = [
        Listed(
            *group,
            "; ".join(words.named(one) for one in firing),
            min(one.began for one in firing),
            [
                name
                for name, messages in memory.told.items()
                if any(one.group == group and one.named for one in messages)
            ],
        )
        for group, alarms in sorted(states.groups(ruled).items())
        if (firing := highest([one for one in alarms if one.firing], ruled))
    ]
    if json_output:
        typer.echo(json.dumps([one._asdict() for one in rows], indent=2, ensure_ascii=False))
    elif rows:
        columns = [text(f"alerts.column_{name}", lang) for name in ("alarm", "since", "told")]
        cells = [
            (one.text, terminal.moment(one.since, pilot.zone, lang), ", ".join(one.told)) for one in rows
        ]
        terminal.show(columns, cells, whole=(1,))
    else:
        typer.echo(text("alerts.none", lang))


@alarms_app.command()
def test(lang: Language = "vi", data: Data = None) -> None:
    """Send a harmless test message on every channel that is set (mail, webhook)."""
    ways = channels(Settings.read(data=data))
    if not ways:
        raise Misuse("alerts.no_channel")
    message = Message(
        text("alerts.test_title", lang),
        text("alerts.test_text", lang) + "\n",
        Notice("test", "", (), over=False),
    )
    failed = False
    for way in ways:
        try:
            way.send(message)
        except OSError as error:
            failed = True
            typer.echo(text("alerts.not_sent", lang, channel=way.name, why=error), err=True)
        else:
            typer.echo(text("alerts.sent", lang, channel=way.name))
    if failed:
        raise typer.Exit(1)
