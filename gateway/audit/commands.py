"""`hoiquan audit list`: who did what, for the person who has to answer for it."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from devices import installation, terminal
from devices.clock import epoch_ms
from devices.terminal import AsJson, Data, Language, PilotName
from devices.texts import Misuse, shown, text
from gateway.audit.acts import WHAT, Acts

audit_app = typer.Typer(no_args_is_help=True)


@audit_app.command("list")
def list_acts(
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="help.since"),
    ] = None,
    what: Annotated[str | None, typer.Option(help=f"help.what {', '.join(WHAT)}")] = None,
    limit: Annotated[int, typer.Option(min=1, max=terminal.MOST_ROWS, help="help.most")] = 50,
    data: Data = None,
    pilot: PilotName = None,
    lang: Language = "vi",
    json_output: AsJson = False,
) -> None:
    """List what was done, by whom, when and from where, oldest first. Acts that failed are not listed."""
    settings, registry = installation.registry(data, pilot)
    zone = registry.pilot.zone
    if what is not None and what not in WHAT:
        raise Misuse("audit.no_such", what=what, there=", ".join(WHAT))
    start = epoch_ms(since.replace(tzinfo=zone)) if since is not None else 0
    acts = [act for act in Acts(settings, registry).since(start) if what in (None, act.what)][-limit:]
    if json_output:
        terminal.print_json([asdict(act) for act in acts])
        return
    if not acts:
        typer.echo(text("audit.none", lang))
        return
    cells = [
        (terminal.moment(act.time, zone, lang, seconds=True), text(f"audit.{act.what}", lang),
         shown(act.object),
         text("audit.advice", lang) if act.where == "itself" else shown(act.who),
         text(f"audit.{act.where}", lang)
         + (f" ({text('audit.is_simulated', lang)})" if act.simulated else ""), act.note)
        for act in acts
    ]  # fmt: skip
    columns = ("time", "what", "object", "who", "where", "note")
    terminal.show([text(f"audit.{column}", lang) for column in columns], cells, whole=(0,))
