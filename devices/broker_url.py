"""A broker's address, parsed in one place for all its clients: gateway, simulator, pages, tickets, doctor;
and how a client leaves the broker.

    mqtt://host[:1883]  |  mqtts://host[:8883]   ─► parse ─► BrokerAddress ─► host, port, and TLS or not

An address holds no user and no password: those have their own settings. An address that has them is refused
rather than half obeyed.
"""

import re
import ssl
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING

from devices.texts import Mendable, Misuse

if TYPE_CHECKING:
    from paho.mqtt.client import Client

PLAIN, TLS = 1883, 8883  # the ports that IANA assigned to MQTT without and with TLS
_FORM = re.compile(
    r"(?P<scheme>mqtts?)://(?P<host>\[[^\s/]+\]|[^\s:/?#@\[\]]+)(:(?P<port>[0-9]{1,5}))?/?", re.I
)


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker listens; `host` is a name or an address without brackets, `tls`: with TLS or not."""

    host: str
    port: int
    tls: bool

    def __str__(self) -> str:
        """`host:port`, as people and logs write it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(url: str) -> BrokerAddress:
    """The broker that `url` names. Raises Misuse, whose sentence says what is expected."""
    # a password that was put into an address by mistake must not get into logs
    shown = re.sub("(//)?.*@", r"\1…@", url, flags=re.DOTALL)
    wrong = Misuse("setting.broker", address=shown)
    match = _FORM.fullmatch(url)
    if match is None:
        raise wrong
    tls, host = match["scheme"].lower() == "mqtts", match["host"]
    try:
        host = str(IPv6Address(host[1:-1])) if host.startswith("[") else host.lower()
        host.encode("idna")  # as the resolver will do; an empty or overlong label would fail there
    except (AddressValueError, UnicodeError):
        raise wrong from None
    port = int(match["port"]) if match["port"] else TLS if tls else PLAIN
    if not 1 <= port <= 65535:
        raise Misuse("setting.broker_port", address=shown)
    return BrokerAddress(host, port, tls)


def trust(ca: Path | None) -> ssl.SSLContext:
    """A TLS context that trusts a broker whose certificate `ca` has signed; None: one of the system's CAs.
    Raises Misuse if the file holds no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificate and name
    if ca is None:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(ca)
    except OSError as error:  # SSLError is one
        why = Mendable("setting.no_certificate") if isinstance(error, ssl.SSLError) else error
        raise Misuse("setting.mqtt_ca", path=ca, why=why) from None
    return context


def leave(client: "Client") -> None:
    """Say goodbye to the broker, and end the thread that `client.loop_start` began."""
    client.disconnect()
    # paho's thread, ended by the goodbye, may drop itself while `loop_stop` is about to join it
    with suppress(AttributeError):
        client.loop_stop()
