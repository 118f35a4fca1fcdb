"""Which devices may speak: the simulated ones of the pilot file, and the enrolled real ones.

Enrolled devices live in one SQL table (SQLite by default, PostgreSQL by URL); the pilot's own fleet
is derived from its file and needs no row. Several processes share the table: the command enrols, the
broker authenticates, the gateway looks up. `lookup` is for hot loops: it reads memory, and the table
only when it changed.
"""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    MetaData,
    Row,
    String,
    Table,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError
from sqlalchemy.schema import CreateTable

from devices.contract.models import MODELS
from devices.contract.reading import Device
from devices.contract.topics import ID
from devices.credentials import hash_password, new_password, reserved, verify_password
from devices.pilots.pilot import Pilot

log = logging.getLogger(__name__)
_DEVICES = Table(
    "device",
    MetaData(),
    Column("device", String(64), primary_key=True),
    Column("pilot", String(64), nullable=False),
    Column("community", String(64), nullable=False),
    Column("model", String(64), nullable=False),
    Column("password", String(200), nullable=False),
    Column("enrolled", BigInteger, nullable=False),
    Column("revoked", BigInteger),
    Column("changed", BigInteger, nullable=False),
    Column("dev_eui", String(16)),  # of a LoRaWAN device
    Column("plot", String(64)),  # where it stands; none: it measures for the whole community
)
_LEARNT = (_DEVICES.c.dev_eui, _DEVICES.c.plot)  # columns that tables of earlier versions do not have
# Every change gets the next number, so that it is noticed whatever the clocks of two machines say.
_NEXT = select(func.coalesce(func.max(_DEVICES.c.changed), 0) + 1).scalar_subquery()
_UNNUMBERED = -1  # of rows inside the transaction that writes them
RECHECK = 0.5  # seconds for which the table's state may be taken from memory


class EnrolmentError(ValueError):
    """The device cannot be enrolled or revoked; the sentence says why and what would do."""


class RegistryAway(OSError):
    """The table cannot be reached now. Try again; the sentence says what the database said."""


class Wanted(NamedTuple):
    """A device that is to be enrolled; `dev_eui`: 16 hexadecimal digits of a LoRaWAN device; `plot`: where
    it stands.
    """

    community: str
    model: str
    device: str
    dev_eui: str | None = None
    plot: str | None = None


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A device as listed; times are epoch milliseconds."""

    device: Device
    enrolled: int
    revoked: int | None


class Registry:
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

    def enroll(
        self, community: str, model: str, device: str, dev_eui: str | None = None, plot: str | None = None
    ) -> str:
        """Enrol a real device, or one that was revoked again, and return its password, which is stored
        hashed and shown once. `dev_eui`: 16 hexadecimal digits of a LoRaWAN device; `plot`: where it stands.
        Raises EnrolmentError.
        """
        (given,) = self.enroll_many([Wanted(community, model, device, dev_eui, plot)])
        if isinstance(given, EnrolmentError):
            raise given
        return given

    def enroll_many(
        self, wanted: Sequence[Wanted], keep: Callable[[list[str | EnrolmentError]], None] = lambda _: None
    ) -> list[str | EnrolmentError]:
        """Enrol all that can be; for each its password, or why not. `keep` gets them before they hold, so
        that no password is lost between here and there; where it raises nobody is enrolled.
        """
        with self._writing() as connection:
            there = self._there(connection, wanted)
            answers: list[str | EnrolmentError] = []
            rows: list[dict[str, object]] = []
            for one in wanted:
                eui = one.dev_eui.lower() if one.dev_eui else None
                if cause := self._refusal(one, eui, there):
                    answers.append(EnrolmentError(cause))
                    continue
                answers.append(password := new_password())
                there[one.device] = True
                if eui is not None:
                    there[f"eui {eui}"] = one.device
                rows.append(
                    {"device": one.device, "pilot": self.pilot.pilot, "community": one.community,
                     "model": one.model, "password": hash_password(password), "enrolled": _now(),
                     "changed": _UNNUMBERED, "dev_eui": eui, "plot": one.plot}
                )  # fmt: skip
            keep(answers)
            for part in _chunks([str(row["device"]) for row in rows]):  # one that was revoked joins again
                connection.execute(delete(_DEVICES).where(_DEVICES.c.device.in_(part)))
            if rows:
                connection.execute(insert(_DEVICES), rows)
                connection.execute(
                    update(_DEVICES).where(_DEVICES.c.changed == _UNNUMBERED).values(changed=_NEXT)
                )
        self._checked = float("-inf")
        return answers

    def _there(self, connection: Connection, wanted: Sequence[Wanted]) -> dict[str, bool | str]:
        """What the table has of these: id → whether it may speak; "eui " and devEUI → whose it is."""
        found: dict[str, bool | str] = {}
        for part in _chunks([one.device for one in wanted]):
            of = select(_DEVICES.c.device, _DEVICES.c.revoked).where(_DEVICES.c.device.in_(part))
            found.update({row.device: row.revoked is None for row in connection.execute(of)})
        for part in _chunks([one.dev_eui.lower() for one in wanted if one.dev_eui]):
            alive = _DEVICES.c.dev_eui.in_(part) & _DEVICES.c.revoked.is_(None)
            owners = select(_DEVICES.c.device, _DEVICES.c.dev_eui).where(alive)
            found.update({f"eui {row.dev_eui}": row.device for row in connection.execute(owners)})
        return found

    def _refusal(self, one: Wanted, eui: str | None, there: Mapping[str, bool | str]) -> str:
        """Why this one cannot be enrolled, and what would do; "" where it can."""
        device = one.device
        if eui is not None and not re.fullmatch(r"[0-9a-f]{16}", eui):
            return f"devEUI {one.dev_eui!r}: write its 16 hexadecimal digits"
        owner = there.get(f"eui {eui}", device)
        if owner != device:
            return f"devEUI {eui} belongs to {owner!r}; revoke that device first"
        if one.community not in self.pilot.place:
            return (
                f"no community {one.community!r} in pilot {self.pilot.pilot}; there are: "
                f"{', '.join(self.pilot.place)}"
            )
        if one.model not in MODELS:
            return f"no model {one.model!r}; there are: {', '.join(MODELS)}"
        if not re.fullmatch(ID, device) or reserved(device):
            return (
                f"id {device!r}: use 1 to 64 of a-z, 0-9 and -, and none of gateway, gateway-…, chirpstack, "
                "reader, operator"
            )
        if one.plot is not None and not re.fullmatch(ID, one.plot):
            return f"plot {one.plot!r}: use 1 to 64 of a-z, 0-9 and -, as the diary names it"
        if device in self.pilot.fleet:
            return f"id {device!r} belongs to a simulated node of the pilot; choose another"
        if there.get(device):
            return f"id {device!r} is enrolled already; choose another, or revoke it first"
        return ""

    def rotate(self, device: str) -> str:
        """A new password for an enrolled device, which is returned; the old one is worth nothing from now on.
        Raises EnrolmentError.
        """
        password = new_password()
        self._change(device, password=hash_password(password))
        return password

    def revoke(self, device: str) -> None:
        """From now on the device may neither connect nor be stored. Its readings stay. Raises
        EnrolmentError.
        """
        self._change(device, revoked=_now())

    def _change(self, device: str, **values: object) -> None:
        with self._writing() as connection:
            done = connection.execute(
                update(_DEVICES)
                .where(_DEVICES.c.device == device, _DEVICES.c.revoked.is_(None))
                .values(changed=_NEXT, **values)
            )
        if not done.rowcount:
            raise EnrolmentError(f"no enrolled device {device!r}; see `hoiquan device list`")
        self._checked = float("-inf")

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction that has the table for itself from its beginning: numbers of changes are given once.
        Raises RegistryAway.
        """
        self.refresh()
        with reached(), self._engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.exec_driver_sql("LOCK TABLE device IN SHARE ROW EXCLUSIVE MODE")
            yield connection

    def enrolled(self) -> list[Enrolled]:
        """Real devices, revoked ones too, newest first."""
        self.refresh()
        with reached(), self._engine.connect() as connection:
            rows = connection.execute(select(_DEVICES).order_by(_DEVICES.c.enrolled.desc())).all()
        return [
            Enrolled(
                _device(row),
                row.enrolled,
                row.revoked,
            )
            for row in rows
        ]

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
                _prepare(connection)
            summary = select(func.count(), func.max(_DEVICES.c.changed)).select_from(_DEVICES)
            state = tuple(connection.execute(summary).one())
            if state == self._state:
                return
            rows = connection.execute(select(_DEVICES).where(_DEVICES.c.revoked.is_(None))).all()
            standing = _DEVICES.c.plot.is_not(None) & (_DEVICES.c.pilot == self.pilot.pilot)
            stood = connection.execute(select(_DEVICES.c.device, _DEVICES.c.plot).where(standing)).all()
        real = {row.device: _device(row) for row in rows if row.pilot == self.pilot.pilot}
        self._known = {**self.pilot.fleet, **real}
        self._plots = self.pilot.plots | {row.device: row.plot for row in stood}
        self._euis = {row.dev_eui: real[row.device] for row in rows if row.dev_eui and row.device in real}
        self._hashes = {row.device: row.password for row in rows}
        self._state = state


def _device(row: Row[Any]) -> Device:
    return Device(row.pilot, row.community, row.device, row.model, simulated=False, plot=row.plot)


def _prepare(connection: Connection) -> None:
    """Make the table, or add what it lacks. Several processes may be the first at once."""
    connection.execute(CreateTable(_DEVICES, if_not_exists=True))
    connection.commit()
    if _lacking(connection) and connection.dialect.name == "sqlite":
        connection.rollback()
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # and look again: another may have been quicker
    for column in _lacking(connection):
        kind = column.type.compile(connection.dialect)
        unless = "" if connection.dialect.name == "sqlite" else "IF NOT EXISTS "
        connection.exec_driver_sql(f"ALTER TABLE device ADD COLUMN {unless}{column.name} {kind}")
    connection.commit()


def _lacking(connection: Connection) -> list[Column[Any]]:
    there = {column["name"] for column in inspect(connection).get_columns("device")}
    return [column for column in _LEARNT if column.name not in there]


@contextmanager
def reached() -> Iterator[None]:
    """Raises RegistryAway for what is wrong with the database, and not with what it was asked."""
    try:
        yield
    except (InterfaceError, DatabaseError) as error:
        if type(error) not in (
            InterfaceError,
            OperationalError,
            DatabaseError,
        ):  # a kind of its own: our fault
            raise
        raise RegistryAway(f"the registry does not answer: {str(error.orig).strip()}") from error


def _chunks(names: list[str]) -> Iterator[list[str]]:
    """As many as fit into one question."""
    for first in range(0, len(names), 500):
        yield names[first : first + 500]


def connect(url: str | Path) -> Engine:
    """The registry's database: an SQLAlchemy URL, or a path of an SQLite file."""
    address = str(url)
    if address.startswith("postgresql://"):  # by itself SQLAlchemy looks for another driver than we have
        address = address.replace("://", "+psycopg://", 1)
    if "://" in address:
        # whatever a database was made for: one of SQL_ASCII would else answer in bytes
        asked = {"client_encoding": "utf8"} if address.startswith("postgresql") else {}
        return create_engine(address, pool_pre_ping=True, connect_args=asked)
    Path(address).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(f"sqlite:///{address}")

    @event.listens_for(engine, "connect")
    def _wal(connection: object, _: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA busy_timeout=10000")
        cursor.close()

    return engine


def _now() -> int:
    return time.time_ns() // 1_000_000
