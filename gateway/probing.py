"""`hoiquan device probes | set | learn`: choose a device's probe file, or make one from its messages.

quarantine, a file or --live ─► messages ─► devices.probes.learn ─► a person's answers ─► DATA/probes/ID.yaml
                          it reads the device from now on, and the device's refused messages are replayed ◄─┘
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from queue import Empty
from re import fullmatch
from typing import Annotated, Any

import typer

import gateway.actuators
import gateway.commands  # noqa: F401 # both add their commands to `hoiquan device`
from devices import installation, terminal
from devices.access.registry import Registry
from devices.access.roster import RECHECK
from devices.access.site import site_for, site_of
from devices.clock import moment_of, now_ms
from devices.commands import Probe, Set, devices_app
from devices.contract.payloads import PayloadError
from devices.contract.reading import Device
from devices.contract.signals import SIGNALS
from devices.contract.topics import ID, Topic
from devices.files import replace
from devices.probes.envelope import addressed, content, envelopes, parsed_json, sender, server
from devices.probes.learn import fields, text_of, time_in
from devices.probes.probe import Probe as ProbeFile
from devices.probes.reader import Reader
from devices.probes.shelf import Shelf, parse, read
from devices.probes.telemetry import speaks_contract
from devices.settings import Settings
from devices.terminal import AsJson, Data, Language, PilotName
from devices.texts import Misuse, moment, shown, text
from gateway import asking
from gateway.control.client import listening
from gateway.ingest.message import Quarantined
from gateway.ingest.spool import Spool
from gateway.instance import files

LOOKED_AT = 2000  # newest refused messages that are searched for the device's
ENOUGH = 50  # most messages of a device to learn from
USED_AFTER = RECHECK + 0.5  # seconds after which a running gateway uses the device's new probe file


@devices_app.command("probes")
def list_probes(
    word: Annotated[str, typer.Argument(help="help.word")] = "",
    data: Data = None,
    lang: Language = "vi",
    json_output: AsJson = False,
) -> None:
    """List the probe files, or those whose maker, model or id contains WORD."""
    shelf = Shelf(Settings.read(data=data).as_running().probes)
    matching = [one for one in shelf.probes.values() if word.casefold() in _words(one.probe)]
    for trouble in shelf.troubles:
        typer.echo(f"hoiquan: {trouble.sentence(lang)}", err=True)
    if json_output:
        plain = [one.probe.model_dump(by_alias=True, exclude_defaults=True) for one in matching]
        terminal.print_json(plain)
        return
    if not matching:
        raise Misuse("learn.no_such", word=word)
    names = [text(f"learn.{name}", lang) for name in ("probe", "maker", "models", "reads")]
    cells = [
        (one.probe.id, one.probe.maker, " ".join(one.probe.models), " ".join(one.probe.readings))
        for one in matching
    ]
    if len(matching) > 1:
        terminal.show(names, cells, whole=(0,))
        return
    probe, file = matching[0]
    typer.echo(f"{probe.id}: {probe.maker}, {' '.join(probe.models) or '-'}   {file}")
    for signal, wording in probe.readings.items():
        options = wording.model_dump(by_alias=True, exclude_defaults=True)
        more = ", ".join(f"{key}: {value}" for key, value in options.items() if key not in ("from", "unit"))
        unit = wording.unit if isinstance(wording.unit, str) else SIGNALS[signal].unit
        typer.echo(f"  {signal:20} ← {' | '.join(wording.at)}  ({unit}{', ' if more else ''}{more})")
    if probe.note:
        typer.echo(f"  {probe.note}")
    if probe.place_values:
        typer.echo(
            text("learn.needs", lang, values=" ".join(f"--set {name}=…" for name in probe.place_values))
        )


@devices_app.command("set")
def set_probe(
    device: Annotated[str, typer.Option("--id", help="help.device")],
    probe: Probe = None,
    values: Set = None,
    data: Data = None,
    pilot: PilotName = None,
    lang: Language = "vi",
) -> None:
    """Choose the probe file that reads an enrolled device's messages."""
    settings, registry = installation.registry(data, pilot)
    _enrolled(registry, device)
    site = site_of(Shelf(settings.probes), probe, values or [])
    _read_with(settings, registry, device, probe, site, lang)


@devices_app.command()
def learn(
    device: Annotated[str, typer.Option("--id", help="help.device")],
    file: Annotated[
        Path | None,
        typer.Argument(help="help.learnt_file"),
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="help.learn_live")] = False,
    seconds: Annotated[float, typer.Option(callback=terminal.seconds, help="help.learn_wait")] = 3600,
    take: Annotated[
        list[str] | None,
        typer.Option(help="help.take"),
    ] = None,
    name: Annotated[str | None, typer.Option(help="help.probe_name")] = None,
    maker: Annotated[str, typer.Option(help="help.maker")] = "-",
    values: Set = None,
    data: Data = None,
    pilot: PilotName = None,
    lang: Language = "vi",
) -> None:
    """Make a probe file from a device's messages: ask which field is which signal, in which unit."""
    settings, registry = installation.registry(data, pilot)
    enrolled = _enrolled(registry, device)
    probe = name or f"own-{device}"
    path = settings.probes / f"{probe}.yaml"
    existing = Shelf(settings.probes).probes.get(probe)
    if not fullmatch(ID, probe):
        raise Misuse("learn.bad_name", name=probe)
    if existing is not None and existing.file != path:
        raise Misuse("learn.taken_name", name=probe, path=existing.file)
    messages = list(_messages(settings, registry, enrolled, file, live, seconds, lang))
    if messages and all(map(speaks_contract, messages)):
        raise Misuse("learn.speaks", device=device)
    some = fields(messages)
    if not some:
        raise Misuse("learn.nothing", device=device)
    asking.show(some, lang)
    choices = asking.from_options(take, some) if take else asking.from_person(some, enrolled, settings, lang)
    if not choices:
        raise Misuse("learn.none_taken")
    written = text_of(probe, maker, choices)
    (parsed,) = parse(written, path)
    pairs = list(values or [])
    if "height" in parsed.place_values and not take and not any(one.startswith("height=") for one in pairs):
        pairs.append(f"height={typer.prompt(text('learn.height', lang))}")
    site = site_for(parsed, pairs)
    typer.echo(f"\n{written}")
    told = (list(asking.stored(Reader(parsed), one, site, lang)) for one in reversed(messages))
    for line in next(filter(None, told), ()):  # of the newest message with a reading
        typer.echo(line)
    if path.exists() and [one.id for one in read(path)] != [probe]:
        raise Misuse("learn.another", path=path)
    question = text("learn.overwrite" if path.exists() else "learn.write", lang, path=path)
    if not take and not terminal.agreed(question, lang, default=True):
        raise SystemExit(1)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, written)
    typer.echo(text("learn.written", lang, path=path))
    if registry.eui_of(device) is None and (clock := time_in(messages[-1])) is not None:
        typer.echo(text("learn.time", lang, path=shown(clock), file=path))
    _read_with(settings, registry, device, probe, site, lang)


def _words(probe: ProbeFile) -> str:
    return " ".join((probe.id, probe.maker, *probe.models, *probe.profiles)).casefold()


def _enrolled(registry: Registry, device: str) -> Device:
    row = registry.lookup(device)
    if row is None or row.simulated:
        raise Misuse("enrol.none", device=device)
    return row


def _messages(
    settings: Settings,
    registry: Registry,
    device: Device,
    file: Path | None,
    live: bool,
    seconds: float,
    lang: str,
) -> Iterator[Any]:
    """The contents of the device's messages, the newest last."""
    if file is not None:
        try:
            data = parsed_json(file.read_bytes())
        except PayloadError as error:
            raise Misuse(f"rejected.{error.reason}", field=error.field) from None
        yield content(data, server(data))
        return
    if not live:
        rows = [row for row in _refused(settings, registry, device) if row.size == len(row.payload)]
        contents = [_content(row.topic, row.payload) for row in reversed(rows[:ENOUGH])]
        if any(contents):
            yield from (one for one in contents if one)
            return
    eui = registry.eui_of(device.device)
    topics = [str(Topic(device.pilot, device.community, device.device, "telemetry"))]
    topics += [one for server in envelopes() for one in server.listened(eui)] if eui else []
    with listening(settings, *topics) as queue:
        typer.echo(text("check.waiting", lang, topic=", ".join(topics)), err=True)
        while True:
            try:
                message = queue.get(timeout=seconds)
            except Empty:
                raise Misuse("learn.nothing", device=device.device) from None
            payload = bytes(message.payload)
            if message.topic != topics[0] and sender(message.topic, payload) != eui:
                continue  # another device's message: the topic alone does not tell
            if latest := _content(message.topic, payload):
                yield latest
                return


def _refused(settings: Settings, registry: Registry, device: Device) -> list[Quarantined]:
    """The device's refused messages, the newest first."""
    path = files(settings.data, settings.instance).spool
    if not path.exists():
        return []
    eui = registry.eui_of(device.device)
    own = f"/{device.community}/{device.device}/telemetry"
    with closing(Spool.to_read(path)) as spool:
        rows = spool.quarantined(LOOKED_AT)
    return [row for row in rows if row.topic.endswith(own) or (eui and sender(row.topic, row.payload) == eui)]


def _content(topic: str, payload: bytes) -> Any:
    """The content of a message, out of its envelope; None if it cannot be read."""
    with suppress(PayloadError):
        data = parsed_json(payload)
        whose = addressed(topic)
        return content(data, None if whose is None else whose.envelope)
    return None


def _read_with(
    settings: Settings,
    registry: Registry,
    device: str,
    probe: str | None,
    site: Mapping[str, float],
    lang: str,
) -> None:
    registry.read_with(device, probe, site)
    if files(settings.data, settings.instance).alive.exists():
        time.sleep(USED_AFTER)  # messages that come until then may still be refused: they are replayed, too
    rows = _refused(settings, registry, _enrolled(registry, device))
    again = 0
    if rows:
        with closing(Spool(files(settings.data, settings.instance).spool)) as spool:
            again = spool.release(row.id for row in reversed(rows) if not row.replayed)
    at = moment(moment_of(now_ms(), registry.pilot.zone), lang, seconds=True)
    key = "learn.read_with" if probe else "learn.read_plainly"
    typer.echo(text(key, lang, device=device, probe=probe, number=again, time=at))
