"""Chooses the broker that `hoiquan up` starts on this machine, and runs it.

Mosquitto, where it is installed ─► mosquitto.py     else amqtt, which pip brings ─► embedded.py
"""

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from devices.access.mosquitto import rules_beside, write_accounts
from devices.access.registry import Registry
from devices.files import may_fill
from devices.processes import apart
from devices.settings import Settings
from devices.texts import Misuse
from gateway.brokers import mosquitto
from gateway.stores.store import RetryLater

Kind = Literal["mosquitto", "amqtt"]
BIND = "127.0.0.1"  # neither broker has TLS here


class House(NamedTuple):
    """The broker of this machine. The catalogue's `up.mosquitto` and `up.amqtt` say what each keeps."""

    name: Kind
    version: str


def choose(wanted: Literal["auto"] | Kind, data: Path, port: int) -> tuple[House, dict[str, object]]:
    """The broker, and the settings with which others reach it. Raises Misuse if it is not installed."""
    url = f"mqtt://{BIND}:{port}"
    binary = mosquitto.binary() if wanted != "amqtt" else None
    if binary is not None:
        # whoever enrols a device before the broker runs writes the accounts there
        mosquitto.passwords(data).parent.mkdir(parents=True, exist_ok=True)
        chosen = {"mqtt": url, "mqtt_version": 5, "mosquitto_passwords": str(mosquitto.passwords(data)),
                  "mosquitto_denied": str(mosquitto.denied(data))}  # fmt: skip
        return House("mosquitto", binary[1]), chosen
    if wanted == "mosquitto":
        raise Misuse("up.no_mosquitto")
    return House("amqtt", ""), {"mqtt": url, "mqtt_version": 4}


def environment(chosen: Mapping[str, object]) -> dict[str, str]:
    """The settings of `choose` as environment variables, for our own processes."""
    return {f"HOIQUAN_{name.upper()}": str(value) for name, value in chosen.items()}


def serve(settings: Settings, kind: Kind, port: int, stop: threading.Event) -> int:
    """Run the broker until `stop` is set; returns its exit code. Raises OSError, with either broker, if the
    data folder cannot be written or the registry cannot be read.
    """
    may_fill(settings.data)
    if kind == "mosquitto":
        return _serve_mosquitto(settings, port, stop)
    Registry(settings.registry_url, settings.loaded_pilot).refresh()  # fail now, not at the first device
    from gateway.brokers.access import Access
    from gateway.brokers.embedded import serve as serve_amqtt

    access = Access(
        settings.pilot,
        settings.registry_url,
        settings.gateway_password.get_secret_value(),
        settings.simulator_secret.get_secret_value(),
        settings.reader_password.get_secret_value(),
        settings.operator_password.get_secret_value(),
        settings.chirpstack_password.get_secret_value(),
    )
    asyncio.run(serve_amqtt(BIND, port, access, stop))
    return 0


def _serve_mosquitto(settings: Settings, port: int, stop: threading.Event) -> int:
    binary = mosquitto.binary()
    if binary is None:
        raise RetryLater("store.no_mosquitto")
    config = mosquitto.configured(settings.data, BIND, port)
    accounts = mosquitto.passwords(settings.data)

    def write() -> None:
        registry = Registry(settings.registry_url, settings.loaded_pilot)
        registry.refresh()
        write_accounts(settings, accounts, registry)

    # in a process that ends: later changes come from the enrolment of devices, and watching Mosquitto needs
    # no database
    apart(write)
    return mosquitto.serve(binary[0], config, (accounts, rules_beside(accounts)), stop)
