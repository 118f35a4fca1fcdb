"""Is there an installation for a command to work beside? A folder that nobody runs in is not made by looking.

HOIQUAN_REGISTRY, HOIQUAN_MOSQUITTO_PASSWORDS or HOIQUAN_INFLUX_URL is set ─► what runs is elsewhere
else the data folder holds something that an installation makes             ─► here
"""

import os
from pathlib import Path

from devices.registry import Registry
from devices.settings import Settings

MARKS = ("running.json", "secrets.json", "registry.sqlite", "store.sqlite", "gateway", "trace")


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
