"""`hoiquan device …`: real sensors join and leave."""

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.table import Table

from devices.credentials import CHIRPSTACK, OPERATOR, READER
from devices.models import MODELS
from devices.mosquitto import write_passwords
from devices.registry import Registry
from devices.settings import Settings
from devices.topics import Topic

devices_app = typer.Typer(no_args_is_help=True, help="Enrol, list and revoke real devices.")
Data = Annotated[Path | None, typer.Option(help="Folder of all local state (HOIQUAN_DATA).")]
PilotName = Annotated[
    str | None, typer.Option("--pilot", help="Pilot file: a name or a path (HOIQUAN_PILOT).")
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
RELOAD = 1.5  # seconds in which Mosquitto has read the file: deploy/mosquitto/run looks every second
EXAMPLE = '{"values":{"soil_moisture":31.5}}'


@devices_app.command()
def enroll(
    community: Annotated[str, typer.Option(help="Community or village of the pilot file, such as tam-que.")],
    model: Annotated[str, typer.Option(help=f"One of: {', '.join(MODELS)}.")],
    device: Annotated[str, typer.Option("--id", help="Id of the device: 1 to 64 of a-z, 0-9 and -.")],
    dev_eui: Annotated[
        str | None, typer.Option(help="Of a LoRaWAN device: its uplinks come through ChirpStack.")
    ] = None,
    data: Data = None,
    pilot: PilotName = None,
    json_output: AsJson = False,
) -> None:
    """Enrol a real device: prints host, port, user, password, topic and a ready mosquitto_pub line.

    The password is shown this once and stored hashed.
    """
    settings, registry = _registry(data, pilot)
    password = registry.enroll(community, model, device, dev_eui)
    tell_broker(settings, registry)
    address = urlsplit(settings.public_mqtt or settings.mqtt)
    host, port = address.hostname or "127.0.0.1", address.port or 1883
    topic = str(Topic(registry.pilot.pilot, community, device, "telemetry"))
    line = (
        f"mosquitto_pub -h {host} -p {port} -i {device} -u {device} -P '{password}' -q 1 "
        f"-t {topic} -m '{EXAMPLE}'"
    )
    if json_output:
        shown = {"host": host, "port": port, "user": device, "client_id": device, "password": password}
        typer.echo(json.dumps(shown | {"topic": topic, "line": line}))
        return
    for name, value in (
        ("host", host),
        ("port", port),
        ("user", device),
        ("password", password),
        ("client id", device),
        ("topic", topic),
    ):
        typer.echo(f"{name:10} {value}")
    typer.echo(f"\n{line}")


@devices_app.command("list")
def list_devices(data: Data = None, pilot: PilotName = None, json_output: AsJson = False) -> None:
    """Real devices, the newest first; revoked ones too."""
    _, registry = _registry(data, pilot)
    rows = registry.enrolled()
    if json_output:
        typer.echo(json.dumps([_plain(row.device.device, registry) for row in rows], indent=2))
        return
    table = Table("device", "community", "model", "enrolled", "revoked")
    for row in rows:
        device = row.device
        revoked = _time(row.revoked) if row.revoked else ""
        table.add_row(device.device, device.community, device.model, _time(row.enrolled), revoked)
    Console().print(table if rows else "No real device is enrolled yet: hoiquan device enroll --help")


@devices_app.command()
def show(device: str, data: Data = None, pilot: PilotName = None) -> None:
    """One enrolled device as JSON."""
    _, registry = _registry(data, pilot)
    typer.echo(json.dumps(_plain(device, registry), indent=2))


@devices_app.command()
def revoke(device: str, data: Data = None, pilot: PilotName = None) -> None:
    """Shut a device out, from now on; its readings stay."""
    settings, registry = _registry(data, pilot)
    registry.revoke(device)
    tell_broker(settings, registry)
    typer.echo(f"{device} is revoked")


def tell_broker(settings: Settings, registry: Registry) -> None:
    """Bring Mosquitto's accounts up to date, where there is a Mosquitto; the embedded one asks itself."""
    if settings.mosquitto_passwords is not None:
        write_passwords(
            settings.mosquitto_passwords,
            registry,
            settings.gateway_password.get_secret_value(),
            settings.simulator_secret.get_secret_value(),
            {
                CHIRPSTACK: settings.chirpstack_password.get_secret_value(),
                READER: settings.reader_password.get_secret_value(),
                OPERATOR: settings.operator_password.get_secret_value(),
            },
        )
        time.sleep(RELOAD)


def _registry(data: Path | None, pilot: str | None) -> tuple[Settings, Registry]:
    settings = Settings.read(data=data, pilot=pilot).as_running()
    return settings, Registry(settings.registry_url, settings.loaded_pilot)


def _plain(device: str, registry: Registry) -> dict[str, object]:
    row = next((row for row in registry.enrolled() if row.device.device == device), None)
    if row is None:
        raise ValueError(f"no enrolled device {device!r}; see `hoiquan device list`")
    shown: dict[str, object] = {
        name: getattr(row.device, name) for name in ("device", "pilot", "community", "model")
    }
    return shown | {"enrolled": row.enrolled, "revoked": row.revoked}


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M")
