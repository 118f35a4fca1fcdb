"""`hoiquan quarantine …`: what was refused, why, and another try."""

import json
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from devices.payloads import PayloadError
from devices.settings import Settings
from gateway.instance import files
from gateway.spool import Quarantined, Spool

quarantine_app = typer.Typer(no_args_is_help=True, help="Refused messages: list, show, replay after a mend.")
Instance = Annotated[str | None, typer.Option(help="Whose spool: gateway-1, … (HOIQUAN_INSTANCE).")]
Data = Annotated[Path | None, typer.Option(help="Folder of all local state (HOIQUAN_DATA).")]


@quarantine_app.command("list")
def list_refused(
    data: Data = None,
    instance: Instance = None,
    limit: Annotated[int, typer.Option(help="How many, the newest first.")] = 20,
    json_output: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """The newest refused messages and their reasons; how many were refused, and how many are not kept."""
    with closing(Spool.to_read(_path(data, instance))) as spool:
        rows, books = spool.quarantined(limit), spool.books()
    if json_output:
        typer.echo(json.dumps([_plain(row) for row in rows], indent=2, ensure_ascii=False))
        return
    table = Table("id", "arrived", "topic", "bytes", "reason", "replayed")
    for row in rows:
        arrived = datetime.fromtimestamp(row.arrived / 1000).astimezone().strftime("%m-%d %H:%M:%S")
        reason = PayloadError(row.reason, row.field).sentence("en")
        table.add_row(str(row.id), arrived, row.topic, str(row.size), reason, "yes" if row.replayed else "")
    Console().print(table if rows else "Nothing was refused." if not books.forgotten else "Nothing is kept.")
    if books.quarantined:
        typer.echo(f"{books.quarantined} refused in all, {books.forgotten} of them forgotten since")


@quarantine_app.command()
def show(number: int, data: Data = None, instance: Instance = None) -> None:
    """One refused message, with its bytes."""
    with closing(Spool.to_read(_path(data, instance))) as spool:
        rows = spool.quarantined(1, number + 1)
    if not rows or rows[0].id != number:
        raise ValueError(f"quarantine: no message {number}; see `hoiquan quarantine list`")
    typer.echo(json.dumps(_plain(rows[0]), indent=2, ensure_ascii=False))


@quarantine_app.command()
def replay(
    numbers: Annotated[list[int] | None, typer.Argument(help="Ids as listed.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that were not replayed yet.")] = False,
    data: Data = None,
    instance: Instance = None,
) -> None:
    """Try refused messages again, after the cause was mended; a running gateway takes them at once."""
    with closing(Spool(_path(data, instance))) as spool:
        if every:
            numbers = [row.id for row in reversed(spool.quarantined(1_000_000)) if not row.replayed]
        if not numbers:
            raise ValueError("quarantine: name the messages to replay, or --all")
        typer.echo(f"{spool.release(numbers)} messages go to the gateway again")


def _path(data: Path | None, instance: str | None) -> Path:
    settings = Settings.read(data=data, instance=instance)
    path = files(settings.data, settings.instance).spool
    if not path.exists():
        raise ValueError(f"no spool at {path}; name the gateway's folder with --data")
    return path


def _plain(row: Quarantined) -> dict[str, object]:
    error = PayloadError(row.reason, row.field)
    return {
        "id": row.id,
        "arrived": row.arrived,
        "topic": row.topic,
        "bytes": row.size,
        "reason": row.reason,
        "field": row.field,
        "vi": error.sentence("vi"),
        "en": error.sentence("en"),
        "payload": row.payload.decode("utf-8", "backslashreplace"),
        "replayed": row.replayed,
    }
