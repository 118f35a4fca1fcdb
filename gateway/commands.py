"""`hoiquan quarantine …`: list, show and replay refused messages; `hoiquan device check`: would a message be
refused, and why; `hoiquan tokens`: make the services' InfluxDB tokens.
"""

import json
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty
from typing import Annotated

import typer

from devices import installation, terminal
from devices.access.registry import Registry
from devices.access.site import site_of
from devices.clock import now_ms
from devices.commands import Probe, Set, devices_app
from devices.contract.payloads import PayloadError
from devices.contract.reading import Device
from devices.contract.topics import Topic
from devices.files import may_write
from devices.probes.envelope import envelopes, sender
from devices.probes.shelf import Shelf
from devices.settings import Settings
from devices.terminal import Data, Language, Languages, Limit, PilotName
from devices.texts import Misuse, number, shown, text
from gateway.control.client import listening
from gateway.ingest.message import Quarantined
from gateway.ingest.spool import Spool
from gateway.instance import files
from gateway.preview import UNKNOWN, anybody, fitting_of, lines, plain, preview

quarantine_app = typer.Typer(no_args_is_help=True)
# reasons that `look` cannot know: it does not hear other topics, nor the retain flag of a message that is new
UNHEARD = frozenset({"forbidden_topic", "foreign_topic", "bad_topic", "retained", "two_at_once"})
LEAST, MENTIONED = 0.1, 3600.0  # seconds between two mentions of one silence, at least and at most
LAST = 2**62  # highest id that is accepted: SQLite can hold it and the number after it
Number = Annotated[int, typer.Argument(max=LAST, help="help.message")]
Instance = Annotated[
    str | None,
    typer.Option(help="help.whose_refused"),
]


@quarantine_app.command("list")
def list_refused(
    data: Data = None,
    instance: Instance = None,
    limit: Limit = 20,
    lang: Language = "vi",
    json_output: Annotated[bool, typer.Option("--json", help="help.json_both")] = False,
) -> None:
    """List the newest refused messages with their reasons."""
    settings = Settings.read(data=data, instance=instance).as_running()
    with closing(Spool.to_read(_path(settings))) as spool:
        rows, books = spool.quarantined(limit), spool.books()
    if json_output:
        terminal.print_json([_plain(row) for row in rows])
        return
    shelf = Shelf(settings.probes)
    if rows:
        again, zone = text("quarantine.was_replayed", lang), settings.loaded_pilot.zone
        cells = [
            (str(row.id), shown(row.topic), terminal.moment(row.arrived, zone, lang, seconds=True),
             number(row.size, lang), _sentence(row, shelf, lang), again if row.replayed else "")
            for row in rows
        ]  # fmt: skip
        columns = ("id", "topic", "arrived", "bytes", "reason", "replayed")
        terminal.show([text(f"quarantine.{column}", lang) for column in columns], cells, whole=(0, 1))
    else:
        typer.echo(text("quarantine.none_kept" if books.forgotten else "quarantine.none", lang))
    if books.quarantined:
        typer.echo(text("quarantine.total", lang, refused=books.quarantined, forgotten=books.forgotten))


@quarantine_app.command()
def show(number: Number, data: Data = None, instance: Instance = None) -> None:
    """Print one refused message as JSON, with its reason and its payload."""
    with closing(Spool.to_read(_path(Settings.read(data=data, instance=instance)))) as spool:
        rows = spool.quarantined(1, number + 1)
    if not rows or rows[0].id != number:
        raise Misuse("quarantine.no_message", number=number)
    terminal.print_json(_plain(rows[0]))


@quarantine_app.command()
def replay(
    numbers: Annotated[list[int] | None, typer.Argument(max=LAST, help="help.messages")] = None,
    every: Annotated[bool, typer.Option("--all", help="help.replay_all")] = False,
    lang: Language = "vi",
    data: Data = None,
    instance: Instance = None,
) -> None:
    """Process refused messages again, once the cause is mended."""
    with closing(Spool(_path(Settings.read(data=data, instance=instance)))) as spool:
        if every:
            numbers = [row.id for row in reversed(spool.quarantined(1_000_000)) if not row.replayed]
        if not numbers:
            raise Misuse("quarantine.name_some")
        typer.echo(text("quarantine.again", lang, count=spool.release(numbers)))


@devices_app.command()
def check(
    file: Annotated[str, typer.Argument(help="help.message_file")] = "-",
    device: Annotated[str | None, typer.Option("--id", help="help.as_device")] = None,
    live: Annotated[bool, typer.Option("--live", help="help.live")] = False,
    uplink: Annotated[
        bool,
        typer.Option("--uplink", help="help.uplink"),
    ] = False,
    probe: Probe = None,
    values: Set = None,
    messages: Annotated[int, typer.Option("--number", help="help.number")] = 0,
    seconds: Annotated[
        float,
        typer.Option(callback=terminal.seconds, help="help.silence"),
    ] = 60,
    lang: Languages = "both",
    data: Data = None,
    pilot: PilotName = None,
    json_output: Annotated[bool, typer.Option("--json", help="help.json_lines")] = False,
) -> None:
    """Check a message: say which fields are wrong, what would be right, and what would be stored."""
    if device:  # only an installation knows its devices; a payload alone can be judged anywhere
        settings, registry = installation.registry(data, pilot)
        place, enrolled = registry.pilot, registry.lookup(device)
    else:
        settings, enrolled = Settings.read(data=data, pilot=pilot).as_running(), None
        place = settings.loaded_pilot
    if enrolled is None and (device or live):
        raise Misuse("check.id" if device else "check.live", device=device)
    who, shelf = enrolled or anybody(place), Shelf(settings.probes)
    if probe is not None:
        who = replace(who, probe=probe, site=tuple(site_of(shelf, probe, values or []).items()))

    def look(payload: bytes, uplink: bool) -> bool:
        result = preview(payload, who, place, now_ms(), uplink=uplink, shelf=shelf)
        if json_output:
            typer.echo(json.dumps(plain(result), ensure_ascii=False))
            return result.taken
        for one in ("vi", "en") if lang == "both" else (lang,):
            typer.echo("\n".join(lines(result, place, one)) + "\n")
        return result.taken

    if not live:
        raise SystemExit(0 if look(_bytes(file), uplink) else 1)
    form = "json" if json_output else "en" if lang == "en" else "vi"
    raise SystemExit(0 if _look_live(settings, registry, who, look, messages, seconds, form) else 1)


def _look_live(
    settings: Settings,
    registry: Registry,
    who: Device,
    look: Callable[[bytes, bool], bool],
    messages: int,
    seconds: float,
    form: str,
) -> bool:
    """Look at each message that a device sends from now on, itself or through a network server. Returns
    whether the last one was taken. `form`: print as vi, en or json. A silence is mentioned after `seconds`,
    then each time that it has lasted twice as long, at least once an hour.
    """
    accepted, spoken = True, "en" if form == "en" else "vi"
    own = str(Topic(who.pilot, who.community, who.device, "telemetry"))
    answers = own.removesuffix("telemetry") + "rejected"
    eui = registry.eui_of(who.device)
    topics = [own, *(one for server in envelopes() for one in server.listened(eui))] if eui else [own]
    named = ", ".join(topics)
    with listening(settings, *topics, answers) as queue:
        typer.echo(text("check.waiting", spoken, topic=named), err=True)
        last, silent = time.monotonic(), seconds
        while True:
            try:
                message = queue.get(timeout=max(0.0, last + silent - time.monotonic()))
            except Empty:
                typer.echo(text("check.silence", spoken, seconds=silent, topic=named), err=True)
                if messages:
                    return False
                accepted = False
                silent += min(max(silent, LEAST), MENTIONED)
                continue
            payload = bytes(message.payload)
            if message.topic not in (own, answers) and sender(message.topic, payload) != eui:
                continue  # another device's
            if message.retain:  # the broker kept it: it is not what the device sends now
                typer.echo(text("check.retained", spoken, topic=message.topic), err=True)
                continue
            if message.topic == answers:
                denied = _denied(payload)
                if denied is None:  # it answers a message that `look` has judged itself
                    continue
                accepted = False
                typer.echo(json.dumps(denied, ensure_ascii=False) if form == "json" else denied[spoken])
            else:
                accepted = look(payload, message.topic != own)
            last, silent = time.monotonic(), seconds
            messages -= 1
            if not messages:
                return accepted


def _denied(answer: bytes | bytearray) -> dict[str, str] | None:
    """The gateway's answer for one of the reasons UNHEARD; None for any other answer."""
    with suppress(ValueError, KeyError, TypeError):
        content: dict[str, str] = json.loads(answer)
        if content["reason"] in UNHEARD:
            return content
    return None


def _bytes(file: str) -> bytes:
    """A file's message; of JSON without the line end that an editor adds."""
    payload = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    return payload.rstrip(b"\r\n") if payload[:1] in (b"{", b"[") else payload


def _path(settings: Settings) -> Path:
    path = files(settings.data, settings.instance).spool
    if not path.exists():
        raise Misuse("quarantine.no_spool", path=path)
    return path


def _sentence(row: Quarantined, shelf: Shelf, lang: str) -> str:
    """Why a message was refused, and which probe files know the names that the gateway does not."""
    why = PayloadError(row.reason, row.field).sentence(lang)
    fitting = fitting_of(shelf, row.topic, row.payload) if row.reason in UNKNOWN else []
    return f"{why} {text('check.fitting', lang, probes=', '.join(fitting))}" if fitting else why


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
    writer: Annotated[Path, typer.Option(help="help.writer")],
    reader: Annotated[Path, typer.Option(help="help.reader")],
    lang: Language = "vi",
) -> None:
    """Make the services' tokens with the administrator's (docker-compose.yml, once InfluxDB runs)."""
    from gateway.stores.grants import Grant, provide

    settings = Settings.read()
    if not settings.influx_url:
        raise Misuse("setting.no_influx")
    for file in (writer, reader):  # check first: a token that cannot be written to its file is lost
        # An existing file is replaced, so its own permissions do not matter: the reader's file is read-only.
        may_write(file.with_suffix(".try") if file.exists() else file)
    wanted = [
        Grant("hoiquan writer", ("read", "write"), writer),
        Grant("hoiquan reader", ("read",), reader, 0o444),  # Grafana is another user; its volume is its own
    ]
    admin = settings.influx_token.get_secret_value()
    new = provide(settings.influx_url, admin, settings.influx_org, settings.influx_bucket, wanted)
    typer.echo(text("store.new_tokens" if new else "store.no_new_token", lang, names=", ".join(new)))
