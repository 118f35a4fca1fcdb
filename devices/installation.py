"""A data folder that `hoiquan up` runs on: who runs, on which ports, and how others reach it.

claim ─► up.lock (held) ─► running.json, which commands beside it read ─► gone at the end

A command works beside one (`beside`): a folder that nobody runs in is not made by looking.
HOIQUAN_REGISTRY, HOIQUAN_MOSQUITTO_PASSWORDS or HOIQUAN_INFLUX_URL is set ─► what runs is elsewhere
else the data folder holds something that an installation makes             ─► here
"""

import errno
import fcntl
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from devices.access.registry import Registry
from devices.settings import Settings

RUNNING, LOCK = "running.json", "up.lock"
MARKS = (RUNNING, "secrets.json", "registry.sqlite", "store.sqlite", "gateway", "trace")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NOWHERE = "192.0.2.1"  # of no network (RFC 5737); nothing is sent to it


class Occupied(Exception):
    """It cannot run there; the sentence names what is in the way, and the mend."""


@contextmanager
def claim(data: Path) -> Iterator[Path]:
    """Be the one that runs on this folder until the end of the block; gives where to tell of it. Raises
    Occupied where another runs, before anything of that is touched.
    """
    data.mkdir(parents=True, exist_ok=True)
    told = data / RUNNING
    lock = os.open(data / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            where = _running(told)
            raise Occupied(
                f"up: another hoiquan runs on {data.absolute()}{where}; stop that one with Ctrl-C, or use "
                "another folder with --data"
            ) from None
        yield told
        told.unlink(missing_ok=True)
    finally:
        os.close(lock)


def tell(told: Path, chosen: Mapping[str, object]) -> None:
    """Say what was chosen, whole or not at all."""
    temporary = told.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(chosen), "utf-8")
    temporary.replace(told)


def require_ports(bind: str, http_port: int, mqtt_port: int) -> None:
    """Raise Occupied where the pages cannot listen on `bind`, or the broker on this machine alone."""
    for option, port in (("--http-port", http_port), ("--mqtt-port", mqtt_port)):
        if not 1 <= port <= 65535:
            raise Occupied(f"up: {option} {port}: a port is a number from 1 to 65535")
    if http_port == mqtt_port:
        raise Occupied(f"up: --http-port and --mqtt-port are both {http_port}: give each a port of its own")
    _listen("--http-port", bind, http_port)
    _listen("--mqtt-port", LOOPBACK[0], mqtt_port)


def _listen(option: str, bind: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(bind, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # those that just ended are none
            probe.bind(address)
    except PermissionError:
        raise Occupied(
            f"up: {option} {port}: ports below 1024 are the administrator's; choose a higher one"
        ) from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = "another program listens there; end it, or choose another port"
            raise Occupied(f"up: {option} {port}: {why}") from None
        raise Occupied(f"up: --bind {bind}: this machine has no such address ({error.strerror})") from None


def taken(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1" if host == "0.0.0.0" else host, port)) == 0  # noqa: S104


def own_address() -> str:
    """The address under which others on the same network reach this machine, as its routes have it."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((_NOWHERE, 9))
        return str(probe.getsockname()[0])
    return socket.gethostname()


def _running(told: Path) -> str:
    try:
        chosen = json.loads(told.read_text("utf-8"))
        return f": pages {chosen['web_url']}, broker {chosen['mqtt']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


class NotInstalled(ValueError):
    """Nothing runs here, nor did; the sentence says what to start or name."""


def beside(data: Path | None = None, pilot: str | None = None) -> Settings:
    """The settings of the installation that a command was started beside. Raises NotInstalled."""
    settings = Settings.read(data=data, pilot=pilot).as_running()
    elsewhere = settings.registry.get_secret_value() or settings.mosquitto_passwords or settings.influx_url
    if not elsewhere and not any((settings.data / mark).exists() for mark in MARKS):
        raise NotInstalled(
            f"no installation in {_shown(settings.data)}: start `hoiquan up` there, or name its folder with "
            "--data"
        )
    return settings


def registry(data: Path | None, pilot: str | None) -> tuple[Settings, Registry]:
    """The installation's settings and registry. Raises NotInstalled, PermissionError."""
    settings = beside(data, pilot)
    local = settings.data.exists() and not settings.registry.get_secret_value()
    if local and not os.access(settings.data, os.W_OK | os.X_OK):  # SQLite wants to write even to read
        raise PermissionError(f"{settings.data} is not open to this user; run this as whoever runs hoiquan")
    return settings, Registry(settings.registry_url, settings.loaded_pilot)


def _shown(folder: Path) -> str:
    return str(folder) if folder.is_absolute() or str(folder).startswith(".") else f"./{folder}"
