"""`hoiquan device command`, `commands`: move actuators; `hoiquan advice off`: stop automatic commands."""

from dataclasses import asdict
from math import isfinite
from typing import Annotated

import typer

from devices import installation, terminal
from devices.access.acts import account
from devices.clock import MINUTE_MS, now_ms
from devices.commands import devices_app
from devices.contract.orders import ACTUATORS
from devices.terminal import AsJson, Data, Language, Limit, PilotName
from devices.texts import Misuse, number, shown, text
from gateway.control.advisor import OFF
from gateway.control.dispatch import dispatch
from gateway.control.ledger import SENDER, Entry, Ledger

RECORDED = b"recorded\n"  # content of the mark OFF once the registry has recorded who made it

advice_app = typer.Typer(no_args_is_help=True)


@devices_app.command()
def command(
    device: Annotated[str, typer.Argument(help="help.actuated")],
    actuator: Annotated[str, typer.Argument(help=f"help.actuator {', '.join(ACTUATORS)}")],
    value: Annotated[str, typer.Argument(metavar="SET", help="help.value")],
    minutes: Annotated[float, typer.Option(help="help.minutes")] = 30,
    by: Annotated[str, typer.Option(help="help.by")] = "",
    wait: Annotated[
        float,
        typer.Option(callback=terminal.seconds, help="help.wait"),
    ] = 10,
    data: Data = None,
    pilot: PilotName = None,
    lang: Language = "vi",
    json_output: AsJson = False,
) -> None:
    """Move an actuator for a limited time, and wait for the device's answer."""
    settings, registry = installation.registry(data, pilot)
    if not isfinite(minutes):
        raise Misuse("order.too_long")
    entry = dispatch(
        settings, registry, Ledger(settings.registry_url), device, actuator, _set(value),
        now_ms() + round(minutes * MINUTE_MS), _sender(by), wait,
    )  # fmt: skip
    if json_output:
        terminal.print_json(asdict(entry))
    else:
        order = {"device": device, "actuator": actuator, "set": value, "minutes": number(minutes, lang)}
        typer.echo(text("order.told", lang, **order, answer=_answer(entry, lang)))
        if entry.answered is None:
            typer.echo(text("order.later", lang, device=device))
    raise SystemExit(0 if entry.ok else 1)


@devices_app.command()
def commands(
    device: Annotated[str | None, typer.Option("--id", help="help.only_device")] = None,
    limit: Limit = 20,
    data: Data = None,
    pilot: PilotName = None,
    lang: Language = "vi",
    json_output: AsJson = False,
) -> None:
    """List the commands to actuators: who sent each, when, and what the device answered."""
    settings, registry = installation.registry(data, pilot)
    entries = Ledger(settings.registry_url).entries(limit, device)
    if json_output:
        terminal.print_json([asdict(entry) for entry in entries])
        return
    if not entries:
        typer.echo(text("order.none", lang))
        return
    cells = [
        (one.device, one.actuator, terminal.moment(one.sent, registry.pilot.zone, lang, seconds=True),
         shown(one.by), number(one.set, lang), number((one.until - one.sent) / MINUTE_MS, lang, 0),
         _answer(one, lang))
        for one in entries
    ]  # fmt: skip
    columns = ("device", "actuator", "sent", "by", "set", "minutes", "answer")
    terminal.show([text(f"order.{column}", lang) for column in columns], cells, whole=(0, 1))


@advice_app.command()
def off(data: Data = None, lang: Language = "vi") -> None:
    """Stop all automatic commands from now on. A command that runs already ends at its own time."""
    mark = installation.beside(data).data / OFF
    try:
        mark.touch()  # before anything else: stopping pumps must not wait for the registry
    except PermissionError:
        raise installation.Shut("path.not_its_user", folder=mark.parent) from None
    typer.echo(text("order.automatic_off", lang))
    if mark.read_bytes() != RECORDED:
        _, registry = installation.registry(data, None)
        with registry.acting("advice_off"):
            pass
        mark.write_bytes(RECORDED)


@advice_app.command()
def on(data: Data = None, lang: Language = "vi") -> None:
    """Allow automatic commands again, where the pilot file enables them."""
    settings, registry = installation.registry(data, None)
    if (settings.data / OFF).exists():
        with registry.acting("advice_on"):
            (settings.data / OFF).unlink(missing_ok=True)
    typer.echo(text("order.automatic_on", lang))


def _sender(by: str) -> str:
    """The sender as recorded. A long name is cut to fit; the account behind it stays whole."""
    who = account()
    return f"{by[: max(0, SENDER - len(who) - 3)]} ({who})" if by else who


def _set(value: str) -> float:
    words = {"on": 1.0, "open": 1.0, "off": 0.0, "closed": 0.0}
    try:
        return words[value] if value in words else float(value)
    except ValueError:
        raise Misuse("order.no_set", value=value) from None


def _answer(entry: Entry, lang: str) -> str:
    if entry.answered is None:
        return text("order.no_answer", lang)
    return text("order.done", lang) if entry.ok else text("order.refused", lang, why=shown(entry.error or ""))
