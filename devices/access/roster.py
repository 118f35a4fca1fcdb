"""Which devices may connect: the pilot file's simulated ones and the enrolled real ones, kept in memory.

The pilot's own fleet is derived from its file and needs no rows. `known` is for hot loops: it reads memory,
and reads the table only after a change.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, func, select

from devices.access.database import ACTS, DEVICES, RegistryAway, connect, prepare, reached
from devices.contract.reading import Device
from devices.credentials import verify_password
from devices.errors import CONTENT, error_text
from devices.pilots.pilot import Pilot

log = logging.getLogger(__name__)
# A subquery for each figure, so that it is found without a look at every row.
_STATE = select(
    select(func.count()).select_from(DEVICES).scalar_subquery(),
    select(func.coalesce(func.max(DEVICES.c.changed), 0)).scalar_subquery(),
    select(func.coalesce(func.max(ACTS.c.time), 0)).scalar_subquery(),
    select(func.count()).select_from(ACTS).where(ACTS.c.time == bindparam("act")).scalar_subquery(),
)
RECHECK = 0.5  # seconds for which memory is used before the table's state is read again
PATIENCE = 2.0  # seconds that anybody waits for the database once it was read; then what was known stands


class State(NamedTuple):
    """The table's state: the number of rows; the number of the newest change; the time of the newest act.
    That act was written with the newest change or after it, and acts are never deleted: an older copy that is
    put back does not have it.
    """

    rows: int = 0
    last: int = 0
    act: int = 0


class Roster:
    """The devices of one pilot. `url` is an SQLAlchemy URL or the path of an SQLite file."""

    def __init__(self, url: str | Path, pilot: Pilot) -> None:
        self.pilot = pilot
        self._engine = connect(url)
        self.trouble = ""
        # is told of rows that our code stumbles over, and once of any other error of ours in reading them
        self.report: Callable[[str], None] = _report
        self._reported = ""
        self._table = _Table(pilot)
        self._state: State | None = None
        self._checked = float("-inf")
        self._lock = threading.Lock()  # held while the table is read and taken in
        self._starting = threading.Lock()  # of `_reader`
        self._reader: threading.Thread | None = None

    def lookup(self, device: str) -> Device | None:
        """The device with that id, if it may connect."""
        known = self.known(device)
        if known is None:  # perhaps enrolled a moment ago
            self.refresh()
            known = self._table.known.get(device)
        return known

    def known(self, device: str) -> Device | None:
        """`lookup` without a second look at the table: a device enrolled a moment ago may be unknown."""
        self._freshen()
        return self._table.known.get(device)

    def by_eui(self, eui: str) -> Device | None:
        """The device with that LoRaWAN devEUI, if it may connect; a new one may be unknown, as in `known`."""
        self._freshen()
        return self._table.euis.get(eui)

    def _freshen(self) -> None:
        """Have the table read again after RECHECK. The caller waits for PATIENCE, and not at all while the
        database is away.
        """
        if time.monotonic() - self._checked <= RECHECK:
            return
        if self._state is None:
            self.refresh()
            return
        with self._starting:
            if self._reader is None or not self._reader.is_alive():
                self._reader = self._reading()
            reader = self._reader
        if not self.trouble:
            self._await(reader)

    def _reading(self) -> threading.Thread:
        """A thread of its own that reads the table: a database whose host is gone may take minutes to say so,
        and one that hangs never does.
        """
        reader = threading.Thread(target=self._reread, name="roster", daemon=True)
        reader.start()
        return reader

    def _await(self, reader: threading.Thread) -> None:
        reader.join(PATIENCE)
        if reader.is_alive():
            self._away(_silent())

    def eui_of(self, device: str) -> str | None:
        """The devEUI of a LoRaWAN device; None for any other."""
        self.refresh()
        return self._table.eui_of.get(device)

    def devices(self) -> list[Device]:
        """All devices that may connect, simulated and enrolled."""
        self.refresh()
        return list(self._table.known.values())

    def verify(self, device: str, password: str) -> bool:
        """Whether an enrolled, unrevoked device has this password."""
        return verify_password(password, self.stored(device))

    def stored(self, device: str) -> str:
        """The stored password of a device that may connect, "" if it has none. The table is read first: an
        old password opens nothing once a new one was given.
        """
        self.refresh()
        return self._table.hashes.get(device, "")

    def hashes(self) -> dict[str, str]:
        """Stored passwords of the devices that may connect, for a broker's password file: whoever is missing
        there is kept out. So the table is read for as long as that takes. Raises RegistryAway.
        """
        with self._lock, reached():
            self._read()
            return dict(self._table.hashes)

    def refresh(self) -> None:
        """Read what changed in the table, for PATIENCE at most once something was read. While it cannot be
        read, what was known stays, and `report` is told of an error of ours. Raises RegistryAway, or that
        error, if nothing was ever read.
        """
        if self._state is None:
            self._reread()
        else:
            self._await(self._reading())

    def _reread(self) -> None:
        """`refresh` for as long as it takes. Of several threads one reads; the others wait for PATIENCE."""
        if not self._lock.acquire(timeout=PATIENCE if self._state is not None else -1):
            self._away(_silent())
            return
        try:
            with reached():
                self._read()
            self.trouble = self._reported = ""
        except RegistryAway as error:
            self._away(error)
        except Exception as error:
            if self._state is None:
                raise
            # this is the reader's thread, and nobody would catch it
            if (text := error_text(error)) != self._reported:
                self.report(text)
            self._reported = text
        finally:
            self._checked = time.monotonic()
            self._lock.release()

    def _away(self, error: RegistryAway) -> None:
        """Note that the table cannot be read. Raises the error if nothing was ever read."""
        if self._state is None:
            raise error
        if not self.trouble:
            log.warning("%s; devices enrolled or revoked since are not known", error)
        self.trouble = str(error)

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
                    if rows:
                        self._table = self._table.with_rows(rows, self.report)
                    self._state = now
                    return
            # the first time; or rows were taken out by hand, or an earlier table was put back
            table = _Table(self.pilot)
            table.take(connection.execute(select(DEVICES)).all(), self.report)
        self._table, self._state = table, now


def _report(fault: str) -> None:
    log.error("the registry cannot be read as it should, a defect of this program: %s", fault)


def _silent() -> RegistryAway:
    return RegistryAway("enrol.silent", seconds=PATIENCE)


class _Table:
    """The contents of the table, beside the pilot's own fleet. It is not changed once others may read it:
    they would miss the devices whose rows are just being taken in.
    """

    def __init__(self, pilot: Pilot) -> None:
        self._pilot = pilot
        self.known = dict(pilot.fleet)
        self.hashes: dict[str, str] = {}  # of all pilots: one broker may serve several
        self.euis: dict[str, Device] = {}
        self.eui_of: dict[str, str] = {}
        self._revoked: set[str] = set()

    def with_rows(self, rows: Sequence[Row[Any]], report: Callable[[str], None]) -> "_Table":
        """A copy that has taken in new or changed rows."""
        made = copy(self)
        for name, value in vars(self).items():
            if isinstance(value, dict | set):
                setattr(made, name, value.copy())
        made.take(rows, report)
        return made

    def strangers(self, rows: Sequence[Row[Any]]) -> int:
        """How many of these rows are of devices that had no row before."""
        return sum(row.device not in self.hashes and row.device not in self._revoked for row in rows)

    def take(self, rows: Sequence[Row[Any]], report: Callable[[str], None]) -> None:
        """Take in new or changed rows: revoked devices first, since their devEUI may be another's now.
        `report` is told of a row that our code stumbles over. What was known of its device stays, except the
        password: it may connect, and what it sends is refused, not lost, where nothing was known.
        """
        for row in sorted(rows, key=lambda row: row.revoked is None):
            try:
                device = None if row.revoked is not None else device_of(row)
            except CONTENT as error:
                report(f"{error_text(error)}; revoke the device {row.device} and enrol it again")
                self.hashes[row.device] = row.password
                continue
            self._forget(row.device)
            if device is None:
                self._revoked.add(row.device)
                continue
            self.hashes[row.device] = row.password
            if row.pilot == self._pilot.pilot:
                self.known[row.device] = device
                if row.dev_eui:
                    self.euis[row.dev_eui], self.eui_of[row.device] = device, row.dev_eui

    def _forget(self, device: str) -> None:
        """Forget the row of a device."""
        eui = self.eui_of.pop(device, None)
        if eui is not None and self.euis[eui].device == device:
            del self.euis[eui]
        self._revoked.discard(device)
        self.hashes.pop(device, None)
        self.known.pop(device, None)
        if device in self._pilot.fleet:
            self.known[device] = self._pilot.fleet[device]


def state_since(connection: Connection, before: State) -> tuple[State, bool]:
    """The table's state, and whether it came from the state `before` by changes alone."""
    rows, last, act, same_acts = connection.execute(_STATE, {"act": before.act}).one()
    # a table of an earlier version has no acts
    return State(rows, last, act), last >= before.last and (same_acts > 0 or not before.act)


def device_of(row: Row[Any], *, site: bool = True) -> Device:
    """The device of a row of the table; `site`: with the values of its place. Text that many devices have in
    common is stored once.
    """
    return Device(
        intern(row.pilot), intern(row.community), row.device, intern(row.model), simulated=False,
        plot=_shared(row.plot), probe=_shared(row.probe), site=_site(row.site) if site else (),
        enrolled=row.enrolled,
    )  # fmt: skip


def readable(rows: Sequence[Row[Any]], *, site: bool = True) -> Iterator[tuple[Row[Any], Device]]:
    """The rows with their devices (`device_of`), without those that our code stumbles over: the roster
    reported them.
    """
    for row in rows:
        try:
            device = device_of(row, site=site)
        except CONTENT:
            continue
        yield row, device


def _shared(word: str | None) -> str | None:
    return word if word is None else intern(word)


def _site(kept: str | None) -> tuple[tuple[str, float], ...]:
    return tuple((str(name), float(value)) for name, value in json.loads(kept).items()) if kept else ()
