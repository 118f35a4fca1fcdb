"""The `@iot.id` of entities: integers, as clients fail over texts, given once and kept with the registry.

Numbers are counted up, not hashed from names: those of observations need the room. An observation's is
`datastream << HOUR_BITS | hours since 2020`, so it needs no row of its own, and all stay under 2**31 (QGIS
cuts larger ones off) for 8191 datastreams until the year 2049. The table's keys rule out that two share one.
"""

import threading
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import (
    Column,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    select,
)
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateTable

from devices.access.database import connect, reached
from devices.clock import HOUR_MS, YEAR_2020_MS

HOUR_BITS = 18
MOST_STREAMS = (1 << (31 - HOUR_BITS)) - 1
NUMBERS = Table(
    "sta_number",
    MetaData(),
    Column("kind", String(32), primary_key=True),
    Column("name", String(160), primary_key=True),
    Column("number", Integer, nullable=False),
    UniqueConstraint("kind", "number"),
)


class Numbers:
    """Numbers of one installation. `url` is that of the registry; None keeps them in memory alone."""

    def __init__(self, url: str | Path | None) -> None:
        self._engine = _in_memory() if url is None else connect(url)
        self._known: dict[str, dict[str, int]] = {}
        self._prepared = False
        self._lock = threading.Lock()

    def of(self, kind: str, names: Sequence[str]) -> dict[str, int]:
        """The number of each name, from 1 on; one without gets the next, in the order given. Raises
        RegistryAway.
        """
        with self._lock:
            known = self._known.setdefault(kind, {})
            if any(name not in known for name in names):
                self._give(kind, names, known)
            return {name: known[name] for name in names}

    def _give(self, kind: str, names: Sequence[str], known: dict[str, int]) -> None:
        with reached(), self._engine.begin() as connection:
            sqlite = connection.dialect.name == "sqlite"
            if not self._prepared:
                connection.execute(CreateTable(NUMBERS, if_not_exists=True))
                self._prepared = True
            if not sqlite:  # another page server may be counting too; SQLite has one writer anyway
                connection.exec_driver_sql("LOCK TABLE sta_number IN SHARE ROW EXCLUSIVE MODE")
            insert = insert_sqlite if sqlite else insert_postgresql
            query = select(NUMBERS.c.name, NUMBERS.c.number).where(NUMBERS.c.kind == kind)
            for _ in range(2):  # the second time with what another had given in between
                known |= {row.name: row.number for row in connection.execute(query)}
                new = [name for name in dict.fromkeys(names) if name not in known]
                if not new:
                    return
                following = max(known.values(), default=0) + 1
                rows = [
                    {"kind": kind, "name": name, "number": n} for n, name in enumerate(new, start=following)
                ]
                connection.execute(insert(NUMBERS).on_conflict_do_nothing(), rows)
            known |= {row.name: row.number for row in connection.execute(query)}


def observation_id(stream: int, at: int) -> int:
    """Of the hour that begins at epoch ms `at`."""
    return stream << HOUR_BITS | (at - YEAR_2020_MS) // HOUR_MS


def observed_at(number: int) -> tuple[int, int]:
    """The datastream of an observation's id, and the beginning of its hour, epoch ms."""
    return number >> HOUR_BITS, YEAR_2020_MS + (number & (1 << HOUR_BITS) - 1) * HOUR_MS


def _in_memory() -> Engine:
    return create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
