"""`hoiquan device …`: real sensors join and leave; `hoiquan ca`, `config`, `accounts`, `pilot check`."""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.serialization import Encoding

from devices import broker_url, credentials, installation, terminal
from devices.access.authority import CA, authority, fingerprint, prepare
from devices.access.mosquitto import write_accounts
from devices.access.registry import Enrolled, EnrolmentError, Registry
from devices.access.roll import enroll_roll
from devices.access.site import site_of
from devices.access.ticket import Ticket, guessed, own_topic, ticket
from devices.contract.models import DIARY, MODELS
from devices.files import PICTURES, may_write
from devices.pilots.pilot import load
from devices.pilots.review import review
from devices.probes.shelf import Shelf
from devices.settings import Settings
from devices.terminal import AsJson, Data, Language, PilotName
from devices.texts import Misuse, text

devices_app = typer.Typer(no_args_is_help=True)
pilot_app = typer.Typer(no_args_is_help=True)
Known = Annotated[str, typer.Argument(help="help.device")]
Qr = Annotated[
    Path | None,
    typer.Option(help="help.qr"),
]
Probe = Annotated[
    str | None,
    typer.Option(help="help.probe"),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="help.set"),
]
COMPOSE_S = "secrets/chirpstack_password"  # where docker-compose.yml reads it
SHOWN = 20  # refused lines that are printed; all of them are in the report
RELOAD = 1.5  # seconds until Mosquitto has read the file: deploy/mosquitto/run looks every second


@devices_app.command()
def enroll(
    community: Annotated[str, typer.Option(help="help.community")],
    model: Annotated[str, typer.Option(help=f"help.model {', '.join(MODELS)}")],
    device: Annotated[str, typer.Option("--id", help="help.new_device")],
    dev_eui: Annotated[
        str | None,
        typer.Option(help="help.dev_eui"),
    ] = None,
    plot: Annotated[
        str | None,
        typer.Option(help="help.plot"),
    ] = None,
    probe: Probe = None,
    values: Set = None,
    network_password: Annotated[
        bool,
        typer.Option("--network-password", help="help.network_password"),
    ] = False,
    qr: Qr = None,
    data: Data = None,
    pilot: PilotName = None,
    lang: Language = "vi",
    json_output: AsJson = False,
) -> None:
    """Enrol a real device, and print its host, port, user, password, topic and a ready mosquitto_pub line."""
    may_write(qr, PICTURES, new=True)
    settings, registry = installation.registry(data, pilot)
    shelf = Shelf(settings.probes)
    site = site_of(shelf, probe, values or [])
    # before the password becomes valid: if the connection details cannot be shown, the command stops here
    way_in = ticket(settings, registry.pilot.pilot, community, model, device)
    password = registry.enroll(community, model, device, dev_eui, plot, probe, site)
    _hand_over(settings, registry, replace(way_in, password=password), qr, lang, json_output)
    if dev_eui is not None and not json_output:
        kept = shelf.probes.get(probe) if probe else None
        profile = (kept.probe.profiles or kept.probe.models or [kept.probe.id])[0] if kept else "-"
        shown_in = settings.as_last_run()
        way = broker_url.parse(shown_in.public_mqtt or shown_in.mqtt)
        own = settings.data / credentials.FILE
        secret = text("device.network_password", lang, file=own if own.exists() else COMPOSE_S)
        if network_password:  # one for all devices: it need not be shown in every technician's terminal
            secret = settings.chirpstack_password.get_secret_value() or secret
        shown = {"eui": dev_eui.lower(), "host": way.host, "port": way.port, "profile": profile,
                 "password": secret}  # fmt: skip
        typer.echo("\n" + text("device.lorawan" if kept else "device.lorawan_bare", lang, **shown))


@devices_app.command("enroll-many")
def enroll_many(
    file: Annotated[Path, typer.Argument(help="help.roll")],
    report: Annotated[Path, typer.Option(help="help.roll_report")],
    data: Data = None,
    pilot: PilotName = None,
    lang: Language = "vi",
) -> None:
    """Enrol all devices of a CSV file, and write a report with the result of each line."""
    may_write(report, new=True)
    settings, registry = installation.registry(data, pilot)
    name = registry.pilot.pilot
    done = enroll_roll(
        registry, file, report,
        lambda one, password: ticket(settings, name, one.community, one.model, one.device, password),
        lang,
        Shelf(settings.probes),
    )  # fmt: skip
    if done.enrolled:
        tell_broker(settings, registry)
        _doubt_port(settings, lang)
    for number, why in done.refused[:SHOWN]:
        typer.echo(text("device.line", lang, number=number, why=why), err=True)
    if len(done.refused) > SHOWN:
        more = len(done.refused) - SHOWN
        typer.echo(text("device.more_lines", lang, number=more, report=report), err=True)
    counts = {"enrolled": done.enrolled, "refused": len(done.refused)}
    typer.echo(text("device.enrolled_many", lang, **counts, report=report))
    if done.refused:
        raise SystemExit(1)


@devices_app.command()
def rotate(
    device: Known,
    qr: Qr = None,
    data: Data = None,
    pilot: PilotName = None,
    lang: Language = "vi",
    json_output: AsJson = False,
) -> None:
    """Give a device a new password, and print it only this once."""
    may_write(qr, PICTURES, new=True)
    settings, registry = installation.registry(data, pilot)
    known = registry.lookup(device)
    if known is None:
        raise EnrolmentError("enrol.none", device=device)
    way_in = ticket(settings, known.pilot, known.community, known.model, device)  # as in `enroll`
    password = registry.rotate(device)
    _hand_over(settings, registry, replace(way_in, password=password), qr, lang, json_output)


@devices_app.command("list")
def list_devices(
    data: Data = None, pilot: PilotName = None, lang: Language = "vi", json_output: AsJson = False
) -> None:
    """List the enrolled devices, newest first, revoked ones included."""
    _, registry = installation.registry(data, pilot)
    rows = registry.enrolled()
    if json_output:
        terminal.print_json([_plain(row) for row in rows])
        return
    if not rows:
        typer.echo(text("device.none", lang))
        return
    names = [text(f"device.{name}", lang)
             for name in ("device", "community", "model", "plot", "enrolled", "revoked")]  # fmt: skip
    zone = registry.pilot.zone
    cells = [
        (row.device.device, row.device.community, row.device.model, row.device.plot or "",
         terminal.moment(row.enrolled, zone, lang),
         terminal.moment(row.revoked, zone, lang) if row.revoked else "")
        for row in rows
    ]  # fmt: skip
    terminal.show(names, cells, whole=(0,))


@devices_app.command()
def show(device: Known, data: Data = None, pilot: PilotName = None) -> None:
    """Print one enrolled device as JSON, with its topic, and its devEUI and the values of its site if any."""
    _, registry = installation.registry(data, pilot)
    row = next((row for row in registry.enrolled() if row.device.device == device), None)
    if row is None:
        raise Misuse("enrol.none", device=device)
    it = row.device
    more = {
        "topic": own_topic(it.pilot, it.community, it.model, it.device),
        "dev_eui": registry.eui_of(device),
    }
    terminal.print_json(_plain(row) | more)


@devices_app.command()
def revoke(device: Known, data: Data = None, pilot: PilotName = None, lang: Language = "vi") -> None:
    """Shut a device out from now on: cut its connection, and keep its readings."""
    settings, registry = installation.registry(data, pilot)
    registry.revoke(device)
    tell_broker(settings, registry)
    typer.echo(text("device.is_revoked", lang, device=device))


@pilot_app.command("check")
def check_pilot(
    file: Annotated[str, typer.Argument(help="help.pilot_file")],
    lang: Language = "vi",
) -> None:
    """Check whether a pilot file can be used, and list what to think over before using it."""
    pilot = load(file)
    sensors = sum(device.model != DIARY for device in pilot.fleet.values())
    counts = {"communities": len(pilot.communities), "villages": len(pilot.villages),
              "devices": sensors, "rules": len(pilot.advice.rules)}  # fmt: skip
    typer.echo(text("review.fine", lang, pilot=pilot.pilot, **counts))
    doubts = list(review(pilot))
    for doubt in doubts:
        typer.echo(doubt.sentence(lang))
    if doubts:
        raise SystemExit(1)


def ca(
    der: Annotated[bool, typer.Option("--der", help="help.der")] = False,
    out: Annotated[Path | None, typer.Option(help="help.ca_out")] = None,
    data: Data = None,
    lang: Language = "vi",
) -> None:
    """Print the CA certificate of the broker, for devices to trust, as PEM; make it if there is none."""
    if der and out is None and sys.stdout.isatty():
        raise Misuse("ca.der")
    may_write(out, new=True)
    settings = installation.beside(data)
    prepare_authority(settings)
    certificate = authority(settings.ca)
    marks = {"sha256": fingerprint(certificate), "end": certificate.not_valid_after_utc.date()}
    typer.echo(f"{settings.ca / CA}\n{text('device.authority', lang, **marks)}", err=True)
    content = certificate.public_bytes(Encoding.DER) if der else (settings.ca / CA).read_bytes()
    if out is None:
        typer.echo(content, nl=False)
    else:
        out.write_bytes(content)


def config(lang: Language = "vi", json_output: AsJson = False) -> None:
    """Show every setting: variable, value and meaning (secrets are hidden)."""
    settings = Settings.read()
    values = {name: getattr(settings, name) for name in Settings.model_fields}
    rows = {f"HOIQUAN_{name.upper()}": "" if value is None else str(value) for name, value in values.items()}
    if json_output:
        terminal.print_json(rows)
        return
    for name in values:
        variable = f"HOIQUAN_{name.upper()}"
        typer.echo(f"{variable}={rows[variable]}\n    {text(f'config.{name}', lang)}")


def accounts(data: Data = None, pilot: PilotName = None) -> None:
    """Write Mosquitto's passwords, rules, CA and certificate (docker-compose.yml, before the broker)."""
    settings = Settings.read(data=data, pilot=pilot)
    if settings.mosquitto_passwords is None:
        raise Misuse("setting.no_passwords")
    prepare_authority(settings)
    tell_broker(settings, Registry(settings.registry_url, settings.loaded_pilot))


def prepare_authority(settings: Settings) -> None:
    """Make the CA and the broker's certificate if missing; Mosquitto's is beside its password file."""
    hosts = [broker_url.parse(url).host for url in (settings.public_mqtt, settings.mqtt) if url]
    names = list(dict.fromkeys([*hosts, "localhost", "127.0.0.1"]))
    server = settings.mosquitto_passwords.parent if settings.mosquitto_passwords else settings.ca
    prepare(settings.ca, server, names)


def tell_broker(settings: Settings, registry: Registry) -> None:
    """Bring Mosquitto's accounts up to date, if it is used; the embedded broker asks the registry itself."""
    if settings.mosquitto_passwords is not None:
        write_accounts(settings, settings.mosquitto_passwords, registry)
        time.sleep(RELOAD)


def _hand_over(
    settings: Settings, registry: Registry, way: Ticket, qr: Path | None, lang: str, as_json: bool
) -> None:
    """Tell the broker the new password, and show it even if that fails: it is stored nowhere else."""
    try:
        tell_broker(settings, registry)
    finally:
        typer.echo(json.dumps(way.plain()) if as_json else "\n".join(way.lines(lang)))
        _doubt_port(settings, lang)
    if qr is not None:
        way.draw(qr)


def _doubt_port(settings: Settings, lang: str) -> None:
    """Say so where the ticket's port is only the default."""
    if guessed(settings):
        typer.echo(text("ticket.guessed", lang, port=broker_url.parse(settings.mqtt).port), err=True)


def _plain(row: Enrolled) -> dict[str, object]:
    shown: dict[str, object] = {
        name: getattr(row.device, name) for name in ("device", "pilot", "community", "model", "plot", "probe")
    }
    shown |= {"set": dict(row.device.site)} if row.device.site else {}
    return shown | {"enrolled": row.enrolled, "revoked": row.revoked}
