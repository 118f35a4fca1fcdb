"""The tables of enrolled devices, of earlier enrolments and of who changed them, and how their database
(SQLite by default, PostgreSQL by URL) is opened and reached.

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

from devices.files import share
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
    Column("probe", String(64)),  # the probe file that decodes its messages; none: it speaks the contract
    Column("site", String(1000)),  # values of the place that the probe file needs, as JSON
)
FORMER = Table(  # earlier rows of devices that were enrolled again
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
    Column("object", String(64), nullable=False),  # a device, or "" if the act had none
    Column("who", String(64), nullable=False),
)
CHANGES = Index("device_changed", DEVICES.c.changed)  # finds newer changes without reading all rows
_MAKING = 0x686F69  # our number among PostgreSQL's advisory locks
# columns that the tables of earlier versions lack
_LEARNT = (DEVICES.c.dev_eui, DEVICES.c.plot, DEVICES.c.probe, DEVICES.c.site)


# How PostgreSQL is spoken to (libpq's parameters; the address may set others).
POSTGRESQL = {
    "client_encoding": "utf8",  # a database of SQL_ASCII would otherwise answer in bytes
    "connect_timeout": 3,  # s; without it a host that is gone is waited for for two minutes
    "tcp_user_timeout": 5000,  # ms; and on an open connection for a quarter of an hour
}


class RegistryAway(Mendable, OSError):
    """The database cannot be reached now. Try again; the sentence holds what the database said."""


def connect(url: str | Path) -> Engine:
    """Open the registry's database: an SQLAlchemy URL, or the path of an SQLite file."""
    address = str(url)
    if address.startswith("postgresql://"):  # SQLAlchemy's default driver is another than ours
        address = address.replace("://", "+psycopg://", 1)
    if "://" in address:
        options = POSTGRESQL if address.startswith("postgresql") else {}
        return create_engine(address, pool_pre_ping=True, connect_args=options)
    Path(address).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(URL.create("sqlite", database=address))  # a path may hold ? and #

    @event.listens_for(engine, "connect")
    def _wal(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA busy_timeout=10000")
        share(connection)

    return engine


def prepare(connection: Connection) -> None:
    """Make the tables, or add missing columns. Several processes may be the first at once."""
    making(connection)
    for table in (DEVICES, FORMER, ACTS):
        connection.execute(CreateTable(table, if_not_exists=True))
    connection.execute(CreateIndex(CHANGES, if_not_exists=True))
    connection.commit()
    if _lacking(connection) and connection.dialect.name == "sqlite":
        connection.rollback()
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # and look again: another process may have been quicker
    for column in _lacking(connection):
        kind = column.type.compile(connection.dialect)
        unless = "" if connection.dialect.name == "sqlite" else "IF NOT EXISTS "
        connection.exec_driver_sql(f"ALTER TABLE device ADD COLUMN {unless}{column.name} {kind}")
    connection.commit()


def making(connection: Connection) -> None:
    """Keep other processes from making tables until the transaction ends: PostgreSQL's IF NOT EXISTS fails if
    two make the same table at once. SQLite waits by itself.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_MAKING)))


def _lacking(connection: Connection) -> list[Column[Any]]:
    columns = {column["name"] for column in inspect(connection).get_columns("device")}
    return [column for column in _LEARNT if column.name not in columns]


@contextmanager
def reached() -> Iterator[None]:
    """Raise RegistryAway for an error of the database itself, but not for an error of the statement."""
    try:
        yield
    except (InterfaceError, DatabaseError) as error:
        if type(error) not in (
            InterfaceError,
            OperationalError,
            DatabaseError,
        ):  # a subclass of its own: our fault
            raise
        at_fault = isinstance(error.orig, sqlite3.DatabaseError) and damaged(error.orig)
        if at_fault:
            raise RegistryAway("enrol.damaged", error=" ".join(str(error.orig).split())) from error
        raise RegistryAway("enrol.away", error=why(error.orig or error)) from error
