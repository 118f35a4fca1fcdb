"""The `@iot.id` of entities: integers, as clients fail over texts, assigned once and kept with the registry.

Ids are counted up and not hashed from names, as those of observations need the room: an observation's id is
`datastream << HOUR_BITS | hours since 2020`, so that it needs no row of its own. Until the year 2049 the
observations of the first 8191 datastreams have ids under 2**31, above which QGIS cuts them off; the others
stay under 2**53, so that readers of JSON keep them exact. The table's keys rule out that two entities of a
kind share an id.
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
    insert,
    select,
)
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateTable

from devices.access.database import connect, reached
from devices.clock import HOUR_MS, YEAR_2020_MS

HOUR_BITS = 18
SMALL_STREAMS = (1 << (31 - HOUR_BITS)) - 1  # the last whose observations have ids that QGIS can read
_ALONE = "SELECT pg_advisory_xact_lock(358929)"  # PostgreSQL's lock for a transaction; the number is ours
NUMBERS = Table(
    "sta_number",
    MetaData(),
    Column("kind", String(32), primary_key=True),
    Column("name", String(160), primary_key=True),
    Column("number", Integer, nullable=False),
    UniqueConstraint("kind", "number"),
)


class Numbers:
    """The ids of one installation. `url` is that of the registry; None keeps the ids in memory only."""

    def __init__(self, url: str | Path | None) -> None:
        self._engine = _in_memory() if url is None else connect(url)
        self._known: dict[str, dict[str, int]] = {}
        self._lock = threading.Lock()

    def of(self, kind: str, names: Sequence[str]) -> dict[str, int]:
        """Name → id, from 1 on; names without one get the next, in the order given. Raises RegistryAway."""
        with self._lock:
            known = self._known.get(kind, {})
            if any(name not in known for name in names):
                known = self._known[kind] = self._numbered(kind, names)
            return {name: known[name] for name in names}

    def _numbered(self, kind: str, names: Sequence[str]) -> dict[str, int]:
        """Every id of the kind, with a new one for each of `names` that had none."""
        with reached(), self._engine.begin() as connection:
            # this process alone from here on: another page server may assign ids too, or make the table
            alone = "BEGIN IMMEDIATE" if connection.dialect.name == "sqlite" else _ALONE
            connection.exec_driver_sql(alone)
            connection.execute(CreateTable(NUMBERS, if_not_exists=True))
            query = select(NUMBERS.c.name, NUMBERS.c.number).where(NUMBERS.c.kind == kind)
            known = {row.name: row.number for row in connection.execute(query)}
            new = [name for name in dict.fromkeys(names) if name not in known]
            following = max(known.values(), default=0) + 1
            added = {name: number for number, name in enumerate(new, start=following)}
            if added:
                rows = [{"kind": kind, "name": name, "number": number} for name, number in added.items()]
                connection.execute(insert(NUMBERS), rows)
        return known | added


def observation_id(stream: int, at: int) -> int:
    """The id of a datastream's observation of the hour that begins at epoch ms `at`."""
    return stream << HOUR_BITS | (at - YEAR_2020_MS) // HOUR_MS


def observed_at(number: int) -> tuple[int, int]:
    """The datastream of an observation's id, and the beginning of its hour, epoch ms."""
    return number >> HOUR_BITS, YEAR_2020_MS + (number & (1 << HOUR_BITS) - 1) * HOUR_MS


def _in_memory() -> Engine:
    return create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
