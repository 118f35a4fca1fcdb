"""Which devices may speak: the simulated ones of the pilot file, and the enrolled real ones, in memory.

The pilot's own fleet is derived from its file and needs no row. `known` is for hot loops: it reads memory,
and the table only when it changed.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, func, select

from devices.access.database import ACTS, DEVICES, RegistryAway, connect, prepare, reached
from devices.contract.reading import Device
from devices.credentials import verify_password
from devices.pilots.pilot import Pilot

log = logging.getLogger(__name__)
# Each by itself, so that it is found without a look at every row.
_STATE = select(
    select(func.count()).select_from(DEVICES).scalar_subquery(),
    select(func.coalesce(func.max(DEVICES.c.changed), 0)).scalar_subquery(),
    select(func.coalesce(func.max(ACTS.c.time), 0)).scalar_subquery(),
    select(func.count()).select_from(ACTS).where(ACTS.c.time == bindparam("act")).scalar_subquery(),
)
RECHECK = 0.5  # seconds for which the table's state may be taken from memory


class State(NamedTuple):
    """Of the table: how many rows; the number of the newest change; the time of the newest act, which was
    written with that change or after it, and stays: in a copy that was put back there is no such act.
    """

    rows: int = 0
    last: int = 0
    act: int = 0


class Roster:
    """Devices of one pilot. `url` is an SQLAlchemy URL or a path of an SQLite file."""

    def __init__(self, url: str | Path, pilot: Pilot) -> None:
        self.pilot = pilot
        self._engine = connect(url)
        self.trouble = ""
        self._table = _Table(pilot)
        self._state: State | None = None
        self._checked = float("-inf")
        self._lock = threading.Lock()

    def lookup(self, device: str) -> Device | None:
        """The device of that id, if it may speak."""
        known = self.known(device)
        if known is None:  # enrolled a moment ago?
            self.refresh()
            known = self._table.known.get(device)
        return known

    def known(self, device: str) -> Device | None:
        """The same without a second look at the table: one enrolled a moment ago may be unknown."""
        if time.monotonic() - self._checked > RECHECK:
            self.refresh()
        return self._table.known.get(device) or self._unless_changing(lambda table: table.known.get(device))

    def by_eui(self, eui: str) -> Device | None:
        """The device with that LoRaWAN devEUI, if it may speak, as `known` does."""
        if time.monotonic() - self._checked > RECHECK:
            self.refresh()
        return self._table.euis.get(eui) or self._unless_changing(lambda table: table.euis.get(eui))

    def _unless_changing(self, find: Callable[["_Table"], Device | None]) -> Device | None:
        """What is there when no row is being taken in: one that changes is away for a moment."""
        with self._lock:
            return find(self._table)

    def eui_of(self, device: str) -> str | None:
        """The devEUI of a LoRaWAN device."""
        self.refresh()
        return self._table.eui_of.get(device)

    def devices(self) -> list[Device]:
        """All that may speak, simulated and enrolled."""
        self.refresh()
        return list(self._table.known.values())

    def verify(self, device: str, password: str) -> bool:
        """Whether an enrolled, unrevoked device has this password."""
        return verify_password(password, self.stored(device))

    def stored(self, device: str) -> str:
        """The stored password of a device that may connect, "" where it has none. The table is looked at: an
        old password opens nothing once a new one was given.
        """
        self.refresh()
        return self._table.hashes.get(device, "")

    def hashes(self) -> dict[str, str]:
        """Stored passwords of the devices that may connect, for a broker's password file."""
        self.refresh()
        return dict(self._table.hashes)

    def refresh(self) -> None:
        """Read what changed in the table. Others wait. While the table cannot be read what was known stays;
        raises RegistryAway where nothing was read yet.
        """
        with self._lock:
            try:
                with reached():
                    self._read()
            except RegistryAway as error:
                if self._state is None:
                    raise
                if not self.trouble:
                    log.warning("%s; devices enrolled or revoked since are not known", error)
                self.trouble = str(error)
            else:
                self.trouble = ""
            self._checked = time.monotonic()

    def _read(self) -> None:
        with self._engine.connect() as connection:
            if self._state is None:  # several processes may be the first at once
                prepare(connection)
            before = self._state
            now, follows = state_since(connection, before or State())
            if before is not None and follows:
                rows: Sequence[Row[Any]] = ()
                if now.last > before.last:
                    rows = connection.execute(select(DEVICES).where(DEVICES.c.changed > before.last)).all()
                if before.rows + self._table.strangers(rows) == now.rows:
                    self._table.take(rows)
                    self._state = now
                    return
            # the first time; or somebody took rows out by hand, or put an earlier table back
            table = _Table(self.pilot)
            table.take(connection.execute(select(DEVICES)).all())
        self._table, self._state = table, now


class _Table:
    """What the table says, beside the pilot's own fleet."""

    def __init__(self, pilot: Pilot) -> None:
        self._pilot = pilot
        self.known = dict(pilot.fleet)
        self.hashes: dict[str, str] = {}  # of all pilots: one broker may serve several
        self.euis: dict[str, Device] = {}
        self.eui_of: dict[str, str] = {}
        self._revoked: set[str] = set()

    def strangers(self, rows: Sequence[Row[Any]]) -> int:
        """How many of these are of devices that no row was about before."""
        return sum(row.device not in self.hashes and row.device not in self._revoked for row in rows)

    def take(self, rows: Sequence[Row[Any]]) -> None:
        """Take in rows that are new or changed: those of the revoked first, whose devEUI may be another's."""
        for row in sorted(rows, key=lambda row: row.revoked is None):
            self._forget(row.device)
            if row.revoked is not None:
                self._revoked.add(row.device)
                continue
            self.hashes[row.device] = row.password
            if row.pilot == self._pilot.pilot:
                self.known[row.device] = device = device_of(row)
                if row.dev_eui:
                    self.euis[row.dev_eui], self.eui_of[row.device] = device, row.dev_eui

    def _forget(self, device: str) -> None:
        """As if there had been no row of it."""
        eui = self.eui_of.pop(device, None)
        if eui is not None and self.euis[eui].device == device:
            del self.euis[eui]
        self._revoked.discard(device)
        self.hashes.pop(device, None)
        self.known.pop(device, None)
        if device in self._pilot.fleet:
            self.known[device] = self._pilot.fleet[device]


def state_since(connection: Connection, before: State) -> tuple[State, bool]:
    """The table's state, and whether it came from the one `before` by changes alone."""
    rows, last, act, there = connection.execute(_STATE, {"act": before.act}).one()
    # a table of an earlier version has no acts
    return State(rows, last, act), last >= before.last and (there > 0 or not before.act)


def device_of(row: Row[Any]) -> Device:
    """The device of a row of the table. What many have in common is one text for all of them."""
    return Device(
        intern(row.pilot), intern(row.community), row.device, intern(row.model), simulated=False,
        plot=_shared(row.plot), probe=_shared(row.probe), site=_site(row.site),
    )  # fmt: skip


def _shared(word: str | None) -> str | None:
    return word if word is None else intern(word)


def _site(kept: str | None) -> tuple[tuple[str, float], ...]:
    return tuple((str(name), float(value)) for name, value in json.loads(kept).items()) if kept else ()
