"""`hoiquan quarantine …`: what was refused, why, and another try; `hoiquan device check`: why it would be;
`hoiquan device command`: actuators; `hoiquan advice off`; `hoiquan tokens`: the services' own at InfluxDB.
"""

import json
import sys
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from functools import partial
from getpass import getuser
from pathlib import Path
from queue import Empty
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Column, Table

from devices.commands import devices_app
from devices.ledger import Entry, Ledger
from devices.orders import ACTUATORS
from devices.payloads import PayloadError
from devices.registry import Registry
from devices.settings import Settings
from devices.texts import Lang, shown, text
from devices.topics import Topic
from gateway.advisor import OFF
from gateway.clerk import now_ms
from gateway.dispatch import dispatch
from gateway.instance import files
from gateway.listen import listening
from gateway.preview import anybody, lines, plain, preview
from gateway.spool import Quarantined, Spool

quarantine_app = typer.Typer(no_args_is_help=True, help="Refused messages: list, show, replay after a mend.")
Instance = Annotated[str | None, typer.Option(help="Whose spool: gateway-1, … (HOIQUAN_INSTANCE).")]
PilotName = Annotated[
    str | None, typer.Option("--pilot", help="Pilot file: a name or a path (HOIQUAN_PILOT).")
]
Data = Annotated[Path | None, typer.Option(help="Folder of all local state (HOIQUAN_DATA).")]
Language = Annotated[Lang, typer.Option("--lang", help="Language of the answer.")]


@quarantine_app.command("list")
def list_refused(
    data: Data = None,
    instance: Instance = None,
    limit: Annotated[int, typer.Option(help="How many, the newest first.")] = 20,
    lang: Language = "vi",
    json_output: Annotated[bool, typer.Option("--json", help="As JSON, in both languages.")] = False,
) -> None:
    """The newest refused messages and their reasons; how many were refused, and how many are not kept."""
    with closing(Spool.to_read(_path(data, instance))) as spool:
        rows, books = spool.quarantined(limit), spool.books()
    if json_output:
        typer.echo(json.dumps([_plain(row) for row in rows], indent=2, ensure_ascii=False))
        return
    said = partial(text, lang=lang)
    columns = ("id", "arrived", "topic", "bytes", "reason", "replayed")
    # who sent stands near a topic's end: it goes on in the next line and is not cut
    table = Table(*(Column(said(f"quarantine.{column}"), overflow="fold") for column in columns))
    for row in rows:
        arrived = datetime.fromtimestamp(row.arrived / 1000).astimezone().strftime("%m-%d %H:%M:%S")
        reason = PayloadError(row.reason, row.field).sentence(lang)
        again = said("quarantine.was_replayed") if row.replayed else ""
        table.add_row(str(row.id), arrived, shown(row.topic), str(row.size), reason, again)
    _print(table if rows else said("quarantine.none_kept" if books.forgotten else "quarantine.none"))
    if books.quarantined:
        typer.echo(said("quarantine.total", refused=books.quarantined, forgotten=books.forgotten))


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
    lang: Language = "vi",
    data: Data = None,
    instance: Instance = None,
) -> None:
    """Try refused messages again, after the cause was mended; a running gateway takes them at once."""
    with closing(Spool(_path(data, instance))) as spool:
        if every:
            numbers = [row.id for row in reversed(spool.quarantined(1_000_000)) if not row.replayed]
        if not numbers:
            raise ValueError("quarantine: name the messages to replay, or --all")
        typer.echo(text("quarantine.again", lang, count=spool.release(numbers)))


@devices_app.command()
def check(
    file: Annotated[str, typer.Argument(help="File with one message; - is standard input.")] = "-",
    device: Annotated[str | None, typer.Option("--id", help="Id of the device whose message it is.")] = None,
    live: Annotated[bool, typer.Option("--live", help="Listen to what the device (--id) sends.")] = False,
    uplink: Annotated[bool, typer.Option("--uplink", help="It is an uplink of ChirpStack v4.")] = False,
    number: Annotated[int, typer.Option(help="With --live: messages after which to stop; 0: never.")] = 0,
    seconds: Annotated[float, typer.Option(help="With --live: seconds of silence that are mentioned.")] = 60,
    lang: Annotated[Literal["vi", "en", "both"], typer.Option(help="Language of the answer.")] = "both",
    data: Data = None,
    pilot: PilotName = None,
    json_output: Annotated[bool, typer.Option("--json", help="As JSON, a line a message.")] = False,
) -> None:
    """Say what is wrong with each field of a message, what would be right, and what would be stored.

    Nothing is kept. Exit code 1 where the gateway would refuse it (with --live: the last one).
    """
    settings = Settings.read(data=data, pilot=pilot).as_running()
    place = settings.loaded_pilot
    known = Registry(settings.registry_url, place).lookup(device) if device else None
    if live and known is None:
        raise ValueError(f"--live needs --id of an enrolled device, not {device!r}: hoiquan device list")
    who = known or anybody(place, device or "my-device")
    taken = True

    def look(payload: bytes | bytearray) -> None:
        nonlocal taken
        found = preview(bytes(payload), who, place, now_ms(), uplink=uplink)
        taken = found.taken
        if json_output:
            typer.echo(json.dumps(plain(found), ensure_ascii=False))
            return
        for one in ("vi", "en") if lang == "both" else (lang,):
            typer.echo("\n".join(lines(found, place, one)) + "\n")

    if not live:
        look(_bytes(file))
        raise SystemExit(0 if taken else 1)
    topic = str(Topic(who.pilot, who.community, who.device, "telemetry"))
    spoken = "en" if lang == "en" else "vi"
    typer.echo(text("check.waiting", spoken, topic=topic), err=True)
    with listening(settings, topic) as heard:
        while True:
            try:
                look(heard.get(timeout=seconds).payload)
            except Empty:
                typer.echo(text("check.silence", spoken, seconds=f"{seconds:g}", topic=topic), err=True)
                taken = False
                if number:
                    break
                continue
            number -= 1
            if not number:
                break
    raise SystemExit(0 if taken else 1)


@devices_app.command()
def command(
    device: Annotated[str, typer.Argument(help="Id of a device with an actuator.")],
    actuator: Annotated[str, typer.Argument(help=f"One of: {', '.join(ACTUATORS)}.")],
    value: Annotated[str, typer.Argument(metavar="SET", help="on, off, open, closed, or 0 to 1.")],
    minutes: Annotated[float, typer.Option(help="For how long; then the device lets it go.")] = 30,
    by: Annotated[str, typer.Option(help="Who sends it, for the record.")] = getuser(),
    wait: Annotated[float, typer.Option(help="Seconds to wait for the device's answer.")] = 10,
    data: Data = None,
    pilot: PilotName = None,
    json_output: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Move an actuator for a limited time, and wait for the device's answer. All of it is recorded.

    Exit code 1 where the device refuses or does not answer. It needs the broker's account `operator`.
    """
    settings = Settings.read(data=data, pilot=pilot).as_running()
    registry = Registry(settings.registry_url, settings.loaded_pilot)
    entry = dispatch(
        settings, registry, Ledger(settings.registry_url), device, actuator, _set(value),
        now_ms() + round(minutes * 60_000), by, wait,
    )  # fmt: skip
    if json_output:
        typer.echo(json.dumps(asdict(entry)))
    else:
        typer.echo(f"{device} {actuator} {value} for {minutes:g} min: {_answer(entry)}")
    raise SystemExit(0 if entry.ok else 1)


@devices_app.command()
def commands(
    device: Annotated[str | None, typer.Option("--id", help="Of this device alone.")] = None,
    limit: Annotated[int, typer.Option(help="How many, the newest first.")] = 20,
    data: Data = None,
    pilot: PilotName = None,
    json_output: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """What was commanded, by whom, and what became of it."""
    settings = Settings.read(data=data, pilot=pilot).as_running()
    entries = Ledger(settings.registry_url).entries(limit, device)
    if json_output:
        typer.echo(json.dumps([asdict(entry) for entry in entries], indent=2, ensure_ascii=False))
        return
    table = Table("sent", "by", "device", "actuator", "set", "minutes", "answer")
    for one in entries:
        sent = datetime.fromtimestamp(one.sent / 1000).astimezone().strftime("%m-%d %H:%M:%S")
        minutes = f"{(one.until - one.sent) / 60_000:.0f}"
        table.add_row(sent, shown(one.by), one.device, one.actuator, f"{one.set:g}", minutes, _answer(one))
    _print(table if entries else "Nothing was commanded yet.")


advice_app = typer.Typer(no_args_is_help=True, help="Automatic commands: stop them all, or let them go on.")


@advice_app.command()
def off(data: Data = None) -> None:
    """Send no automatic command any more, from now on; what runs ends when its time is over."""
    settings = Settings.read(data=data)
    settings.data.mkdir(parents=True, exist_ok=True)
    (settings.data / OFF).touch()
    typer.echo("no automatic commands any more; again with: hoiquan advice on")


@advice_app.command()
def on(data: Data = None) -> None:
    """Let the pilot file decide again."""
    (Settings.read(data=data).data / OFF).unlink(missing_ok=True)
    typer.echo("automatic commands as the pilot file allows them")


def _print(what: Table | str) -> None:
    """Words of strangers are no markup: "[/b]" stands as it is."""
    Console(markup=False, emoji=False, highlight=False).print(what)


def _set(value: str) -> float:
    words = {"on": 1.0, "open": 1.0, "off": 0.0, "closed": 0.0}
    try:
        return words[value] if value in words else float(value)
    except ValueError:
        raise ValueError(f"set {value!r}: write on, off, open, closed, or a number from 0 to 1") from None


def _answer(entry: Entry) -> str:
    if entry.answered is None:
        return "no answer"
    return "done" if entry.ok else f"refused: {shown(entry.error or '')}"


def _bytes(file: str) -> bytes:
    """A file's message, without the line end that an editor puts behind it."""
    try:
        payload = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise ValueError(f"device check: {file}: {error.strerror}") from None
    return payload.rstrip(b"\r\n") if payload[:1] in (b"{", b"[") else payload


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


def tokens(
    writer: Annotated[Path, typer.Option(help="File for the token of gateway and simulator.")],
    reader: Annotated[Path, typer.Option(help="File for the token of pages and Grafana.")],
) -> None:
    """Make the services' tokens with the administrator's (docker-compose.yml, once InfluxDB runs)."""
    from gateway.grants import Grant, provide

    settings = Settings.read()
    wanted = [
        Grant("hoiquan writer", ("read", "write"), writer),
        Grant("hoiquan reader", ("read",), reader, 0o444),  # Grafana is another user; its volume is its own
    ]
    admin = settings.influx_token.get_secret_value()
    new = provide(settings.influx_url, admin, settings.influx_org, settings.influx_bucket, wanted)
    typer.echo(f"tokens: new: {', '.join(new) or 'none, each is taken'}")
