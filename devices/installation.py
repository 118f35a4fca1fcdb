"""A data folder that `hoiquan up` runs on: its lock, its ports, and how others reach it.

claim ─► up.lock (held) ─► running.json, which commands beside it read ─► deleted at the end

`beside` finds the installation that a command works on. It only looks: it never creates the folder.
HOIQUAN_REGISTRY, HOIQUAN_MOSQUITTO_PASSWORDS or HOIQUAN_INFLUX_URL is set ─► the installation is elsewhere
else the data folder holds one of MARKS                                    ─► it is here
"""

import errno
import fcntl
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from devices import credentials
from devices.access.registry import Registry
from devices.files import replace
from devices.pilots.pilot import PilotError, load
from devices.pilots.written import SCENARIO
from devices.settings import ADDRESSES, LAST, RUNNING, Settings, http_address
from devices.texts import Mendable, Misuse

LOCK = "up.lock"
MARKS = (RUNNING, credentials.FILE, "registry.sqlite", "store.sqlite", "gateway", "trace")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- how this machine reaches a listener there
_NOWHERE = "192.0.2.1"  # in no network (RFC 5737); nothing is sent to it


class Occupied(Misuse):
    """`hoiquan up` cannot run there; the sentence names what is in the way, and the mend."""


def require_same(settings: Settings) -> None:
    """Raise Occupied if the data folder holds anything but the live data of the settings' pilot.

    Live data would be mixed into a rehearsal. Of another pilot's folder the log, the registry and the last
    pages are that pilot's, and no gateway starts on its log.
    """
    if (settings.data / SCENARIO).exists():
        raise Occupied("up.rehearsal", folder=settings.data)
    with suppress(PilotError):  # a file of one's own that was moved since: nobody can say whose data it was
        held = settings.kept_pilot()
        if held is not None and (kept := load(held).pilot) != settings.loaded_pilot.pilot:
            raise Occupied("up.another_pilot", folder=settings.data, pilot=kept, asked=settings.pilot)


@contextmanager
def claim(data: Path) -> Iterator[Path]:
    """Hold the folder's lock until the end of the block; yields the path of running.json. Raises Occupied if
    another process holds the lock, before touching any file of that process.
    """
    data.mkdir(parents=True, exist_ok=True)
    running = data / RUNNING
    lock = os.open(data / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise _another(data, running) from None
        try:
            yield running
        finally:
            running.unlink(missing_ok=True)
    finally:
        os.close(lock)


def tell(running: Path, chosen: Mapping[str, object]) -> None:
    """Write `chosen` to `running` as JSON, whole or not at all; the addresses stay when that is gone."""
    replace(running, json.dumps(chosen))
    replace(running.with_name(LAST), json.dumps({name: chosen[name] for name in ADDRESSES & chosen.keys()}))


def require_ports(bind: str, http_port: int, mqtt_port: int) -> None:
    """Raise Occupied if both ports are one, the pages cannot listen on `bind`, or the broker on 127.0.0.1."""
    for option, port in (("--http-port", http_port), ("--mqtt-port", mqtt_port)):
        _possible(option, port)
    if http_port == mqtt_port:
        raise Occupied("up.same_port", port=http_port)
    require_port("--http-port", bind, http_port)
    require_port("--mqtt-port", LOOPBACK[0], mqtt_port)


def require_port(option: str, bind: str, port: int) -> None:
    """Raise Occupied if nothing can listen on `port` of `bind`; the sentence names the `option` for it."""
    _possible(option, port)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(bind, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # closed connections do not count
            probe.bind(address)
    except PermissionError:
        raise Occupied("up.low_port", option=option, port=port) from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Occupied("up.taken_port", option=option, port=port) from None
        raise Occupied("up.no_address", bind=bind) from None


def _possible(option: str, port: int) -> None:
    if not 1 <= port <= 65535:
        raise Occupied("up.no_port", option=option, port=port)


def taken(host: str, port: int) -> bool:
    """Whether something listens on `port` of `host`."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.settimeout(1)
        return probe.connect_ex((EVERYWHERE.get(host, host), port)) == 0


def environment(settings: Settings, lang: str) -> dict[str, str]:
    """Environment variables that the installation's processes share. Its folder keeps the pilot and the
    secrets, for commands that come when nothing runs.
    """
    settings.keep_pilot()
    return credentials.environment(settings.data) | {
        "HOIQUAN_DATA": str(settings.data),
        "HOIQUAN_PILOT": settings.pilot,
        "HOIQUAN_BASE_URL": settings.base_url,
        "HOIQUAN_LANG": lang,
    }


def places(settings: Settings, bind: str, http_port: int) -> dict[str, str]:
    """Which pilot the pages show, and their addresses: for commands on this machine, and for people."""
    here = EVERYWHERE.get(bind, bind)
    return {
        "pilot": settings.pilot,
        "web_url": http_address(here, http_port),
        "base_url": settings.base_url,
    }


def reached_as(bind: str, host: str | None) -> str:
    """This machine's name in links: `host`, or else the name under which pages on `bind` are reached."""
    return host or ("localhost" if bind in LOOPBACK else _own_address() if bind in EVERYWHERE else bind)


def _own_address() -> str:
    """The address under which others on the same network reach this machine, by its routes; else its name."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((_NOWHERE, 9))
        return str(probe.getsockname()[0])
    return socket.gethostname()


def _another(data: Path, running: Path) -> Occupied:
    folder = data.absolute()
    try:
        chosen = json.loads(running.read_text("utf-8"))
        return Occupied("up.another_at", folder=folder, pages=chosen["web_url"], broker=chosen["mqtt"])
    except (OSError, ValueError, KeyError, TypeError):
        return Occupied("up.another", folder=folder)


class NotInstalled(Misuse):
    """Nothing runs in this folder, nor ever did; the sentence says what to start or name."""


class Shut(Mendable, PermissionError):
    """The installation belongs to another user."""


def beside(data: Path | None, pilot: str | None = None) -> Settings:
    """The settings of the installation that a command was started beside. Raises NotInstalled."""
    settings = Settings.read(data=data, pilot=pilot).as_running()
    elsewhere = settings.registry.get_secret_value() or settings.mosquitto_passwords or settings.influx_url
    if not elsewhere and not any((settings.data / mark).exists() for mark in MARKS):
        raise NotInstalled("path.not_installed", folder=_shown(settings.data))
    return settings


def registry(data: Path | None, pilot: str | None) -> tuple[Settings, Registry]:
    """The installation's settings and registry. Raises NotInstalled, Shut."""
    settings = beside(data, pilot)
    local = settings.data.exists() and not settings.registry.get_secret_value()
    if local and not os.access(settings.data, os.W_OK | os.X_OK):  # SQLite needs write access even to read
        raise Shut("path.not_its_user", folder=settings.data)
    return settings, Registry(settings.registry_url, settings.loaded_pilot)


def _shown(folder: Path) -> str:
    return str(folder) if folder.is_absolute() or str(folder).startswith(".") else f"./{folder}"
