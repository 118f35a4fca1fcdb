"""The `@iot.id` of entities: integers, as clients fail over texts, given once and kept with the registry.

Numbers are counted up, not hashed from names: those of observations need the room. An observation's is
`datastream << HOUR_BITS | hours since 2020`, so it needs no row of its own. Until the year 2049 those of the
first 8191 datastreams stay under 2**31, above which QGIS cuts them off; the others stay under 2**53, so that
JSON's readers bear them. The table's keys rule out that two share one.
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
_ALONE = "SELECT pg_advisory_xact_lock(358929)"  # PostgreSQL's, for a transaction; the number is ours
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
        self._lock = threading.Lock()

    def of(self, kind: str, names: Sequence[str]) -> dict[str, int]:
        """The number of each name, from 1 on; one without gets the next, in the order given. Raises
        RegistryAway.
        """
        with self._lock:
            known = self._known.get(kind, {})
            if any(name not in known for name in names):
                known = self._known[kind] = self._given(kind, names)
            return {name: known[name] for name in names}

    def _given(self, kind: str, names: Sequence[str]) -> dict[str, int]:
        """Every number of the kind, with a new one for each of `names` that had none."""
        with reached(), self._engine.begin() as connection:
            # alone from here on: another page server may be counting too, or be the first
            alone = "BEGIN IMMEDIATE" if connection.dialect.name == "sqlite" else _ALONE
            connection.exec_driver_sql(alone)
            connection.execute(CreateTable(NUMBERS, if_not_exists=True))
            query = select(NUMBERS.c.name, NUMBERS.c.number).where(NUMBERS.c.kind == kind)
            known = {row.name: row.number for row in connection.execute(query)}
            new = [name for name in dict.fromkeys(names) if name not in known]
            following = max(known.values(), default=0) + 1
            given = {name: number for number, name in enumerate(new, start=following)}
            if given:
                rows = [{"kind": kind, "name": name, "number": number} for name, number in given.items()]
                connection.execute(insert(NUMBERS), rows)
        return known | given


def observation_id(stream: int, at: int) -> int:
    """Of the hour that begins at epoch ms `at`."""
    return stream << HOUR_BITS | (at - YEAR_2020_MS) // HOUR_MS


def observed_at(number: int) -> tuple[int, int]:
    """The datastream of an observation's id, and the beginning of its hour, epoch ms."""
    return number >> HOUR_BITS, YEAR_2020_MS + (number & (1 << HOUR_BITS) - 1) * HOUR_MS


def _in_memory() -> Engine:
    return create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
