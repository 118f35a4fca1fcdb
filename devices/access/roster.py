"""Which devices may speak: the simulated ones of the pilot file, and the enrolled real ones, in memory.

The pilot's own fleet is derived from its file and needs no row. `known` is for hot loops: it reads memory,
and the table only when it changed.
"""

import json
import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Row, func, select

from devices.access.database import DEVICES, RegistryAway, connect, prepare, reached
from devices.contract.reading import Device
from devices.credentials import verify_password
from devices.pilots.pilot import Pilot

log = logging.getLogger(__name__)
RECHECK = 0.5  # seconds for which the table's state may be taken from memory


class Roster:
    """Devices of one pilot. `url` is an SQLAlchemy URL or a path of an SQLite file."""

    def __init__(self, url: str | Path, pilot: Pilot) -> None:
        self.pilot = pilot
        self._engine = connect(url)
        self.trouble = ""
        self._known: dict[str, Device] = dict(pilot.fleet)
        self._euis: dict[str, Device] = {}
        self._plots: dict[str, str] = {}
        self._hashes: dict[str, str] = {}
        self._state: tuple[object, ...] = ()
        self._checked = float("-inf")
        self._lock = threading.Lock()

    def lookup(self, device: str) -> Device | None:
        """The device of that id, if it may speak."""
        known = self.known(device)
        if known is None:  # enrolled a moment ago?
            self.refresh()
            known = self._known.get(device)
        return known

    def known(self, device: str) -> Device | None:
        """The same without a second look at the table: one enrolled a moment ago may be unknown."""
        if time.monotonic() - self._checked > RECHECK:
            self.refresh()
        return self._known.get(device)

    def by_eui(self, eui: str) -> Device | None:
        """The device with that LoRaWAN devEUI, if it may speak, as `known` does."""
        if time.monotonic() - self._checked > RECHECK:
            self.refresh()
        return self._euis.get(eui)

    def eui_of(self, device: str) -> str | None:
        """The devEUI of a LoRaWAN device."""
        self.refresh()
        return next((eui for eui, one in self._euis.items() if one.device == device), None)

    def plots(self) -> Mapping[str, str]:
        """Device → the plot that it stands on, or stood on before it was revoked: what it measured then was
        measured there. As fresh as `known`.
        """
        if time.monotonic() - self._checked > RECHECK:
            self.refresh()
        return self._plots

    def devices(self) -> list[Device]:
        """All that may speak, simulated and enrolled."""
        self.refresh()
        return list(self._known.values())

    def verify(self, device: str, password: str) -> bool:
        """Whether an enrolled, unrevoked device has this password."""
        self.lookup(device)
        return verify_password(password, self._hashes.get(device, ""))

    def hashes(self) -> dict[str, str]:
        """Stored passwords of the devices that may connect, for a broker's password file."""
        self.refresh()
        return dict(self._hashes)

    def refresh(self) -> None:
        """Read the table where it changed. Others wait: the memory is never half new. While the table cannot
        be read what was known stays; raises RegistryAway where nothing was read yet.
        """
        with self._lock:
            try:
                with reached():
                    self._read()
            except RegistryAway as error:
                if not self._state:
                    raise
                if not self.trouble:
                    log.warning("%s; devices enrolled or revoked since are not known", error)
                self.trouble = str(error)
            else:
                self.trouble = ""
            self._checked = time.monotonic()

    def _read(self) -> None:
        with self._engine.connect() as connection:
            if not self._state:  # several processes may be the first at once
                prepare(connection)
            summary = select(func.count(), func.max(DEVICES.c.changed)).select_from(DEVICES)
            state = tuple(connection.execute(summary).one())
            if state == self._state:
                return
            rows = connection.execute(select(DEVICES).where(DEVICES.c.revoked.is_(None))).all()
            standing = DEVICES.c.plot.is_not(None) & (DEVICES.c.pilot == self.pilot.pilot)
            stood = connection.execute(select(DEVICES.c.device, DEVICES.c.plot).where(standing)).all()
        real = {row.device: device_of(row) for row in rows if row.pilot == self.pilot.pilot}
        self._known = {**self.pilot.fleet, **real}
        self._plots = self.pilot.plots | {row.device: row.plot for row in stood}
        self._euis = {row.dev_eui: real[row.device] for row in rows if row.dev_eui and row.device in real}
        self._hashes = {row.device: row.password for row in rows}
        self._state = state


def device_of(row: Row[Any]) -> Device:
    """The device of a row of the table."""
    return Device(
        row.pilot, row.community, row.device, row.model, simulated=False, plot=row.plot, probe=row.probe,
        site=_site(row.site),
    )  # fmt: skip


def _site(kept: str | None) -> tuple[tuple[str, float], ...]:
    return tuple((str(name), float(value)) for name, value in json.loads(kept).items()) if kept else ()
