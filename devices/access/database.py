"""The tables of enrolled devices, of earlier enrolments and of who changed them: SQLite by default,
PostgreSQL by URL, and how either is opened and reached.

Several processes share it: the command enrols, the broker authenticates, the gateway looks up.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    func,
    inspect,
    select,
)
from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError
from sqlalchemy.schema import CreateIndex, CreateTable

from devices.salvage import damaged, why
from devices.texts import Mendable

DEVICES = Table(
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
    Column("probe", String(64)),  # the probe file that reads what it says; none: it speaks the contract
    Column("site", String(1000)),  # values of the place that the probe file needs, as JSON
)
FORMER = Table(  # what the rows of devices that were enrolled again said before
    "former",
    DEVICES.metadata,
    Column("device", String(64), nullable=False),
    Column("pilot", String(64), nullable=False),
    Column("community", String(64), nullable=False),
    Column("model", String(64), nullable=False),
    Column("enrolled", BigInteger, nullable=False),
    Column("revoked", BigInteger, nullable=False),
    Column("plot", String(64)),
    Column("probe", String(64)),
    Column("site", String(1000)),
)
ACTS = Table(
    "act",
    DEVICES.metadata,
    Column("time", BigInteger, primary_key=True, autoincrement=False),  # epoch ms
    Column("pilot", String(64), nullable=False),
    Column("what", String(32), nullable=False),
    Column("object", String(64), nullable=False),  # a device, or "" where it was none
    Column("who", String(64), nullable=False),
)
CHANGES = Index("device_changed", DEVICES.c.changed)  # what changed since is found without reading all
_MAKING = 0x686F69  # of PostgreSQL's advisory locks one that is ours
# columns that tables of earlier versions do not have
_LEARNT = (DEVICES.c.dev_eui, DEVICES.c.plot, DEVICES.c.probe, DEVICES.c.site)


class RegistryAway(Mendable, OSError):
    """The table cannot be reached now. Try again; the sentence says what the database said."""


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
    engine = create_engine(URL.create("sqlite", database=address))  # a path may hold ? and #

    @event.listens_for(engine, "connect")
    def _wal(connection: object, _: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA busy_timeout=10000")
        cursor.close()

    return engine


def prepare(connection: Connection) -> None:
    """Make the tables, or add what they lack. Several processes may be the first at once."""
    making(connection)
    for table in (DEVICES, FORMER, ACTS):
        connection.execute(CreateTable(table, if_not_exists=True))
    connection.execute(CreateIndex(CHANGES, if_not_exists=True))
    connection.commit()
    if _lacking(connection) and connection.dialect.name == "sqlite":
        connection.rollback()
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # and look again: another may have been quicker
    for column in _lacking(connection):
        kind = column.type.compile(connection.dialect)
        unless = "" if connection.dialect.name == "sqlite" else "IF NOT EXISTS "
        connection.exec_driver_sql(f"ALTER TABLE device ADD COLUMN {unless}{column.name} {kind}")
    connection.commit()


def making(connection: Connection) -> None:
    """Until the end of the transaction nobody else makes tables: PostgreSQL's IF NOT EXISTS fails for those
    who make the same one at once. SQLite waits by itself.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_MAKING)))


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
        at_fault = isinstance(error.orig, sqlite3.DatabaseError) and damaged(error.orig)
        said = why(error.orig or error)
        raise RegistryAway("enrol.damaged" if at_fault else "enrol.away", error=said) from error
