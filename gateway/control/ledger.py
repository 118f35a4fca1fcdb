"""The ledger of commands: who commanded what, for how long, and what the device answered.

It is one table beside the registry's devices, in the same database. A row is written before its command is
sent, so every command that went out is on record.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    MetaData,
    Select,
    String,
    Table,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.schema import CreateIndex, CreateTable

from devices.access.database import connect, making, reached
from devices.clock import MINUTE_MS

SENDER = 64  # most characters of the sender's name
_COMMANDS = Table(
    "command",
    MetaData(),
    Column("id", String(64), primary_key=True),
    Column("device", String(64), nullable=False, index=True),
    Column("actuator", String(16), nullable=False),
    Column("set", Float, nullable=False),
    Column("by", String(SENDER), nullable=False),
    Column("sent", BigInteger, nullable=False, index=True),
    Column("until", BigInteger, nullable=False),
    Column("answered", BigInteger),
    Column("ok", Boolean),
    Column("error", String(1000)),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A command as recorded. Times are epoch ms; `answered` is None if the device has not answered."""

    id: str
    device: str
    actuator: str
    set: float
    by: str
    sent: int
    until: int
    answered: int | None = None
    ok: bool | None = None
    error: str | None = None


class Ledger:
    """The commands of a registry's database; `url` as for `Registry`. All methods raise RegistryAway."""

    def __init__(self, url: str | Path) -> None:
        self._engine = connect(url)
        with reached(), self._engine.begin() as connection:
            making(connection)
            # `create_all` looks for the table first, and another process may make it between the two
            connection.execute(CreateTable(_COMMANDS, if_not_exists=True))
            for index in _COMMANDS.indexes:
                connection.execute(CreateIndex(index, if_not_exists=True))

    def sent(self, entry: Entry) -> None:
        """Record a command that is about to be sent."""
        row = {
            name: getattr(entry, name) for name in ("id", "device", "actuator", "set", "by", "sent", "until")
        }
        with reached(), self._engine.begin() as connection:
            connection.execute(insert(_COMMANDS), [row])

    def answered(self, name: str, device: str, ok: bool, error: str | None, at: int) -> bool | None:
        """Record the device's answer, which came at epoch ms `at`. Only the first answer counts.

        Returns True if this answer is the recorded one, also when it was recorded before; False if another
        answer came first; None if the device was sent no such command.
        """
        c = _COMMANDS.c
        mine = (c.id == name) & (c.device == device)
        with reached(), self._engine.begin() as connection:
            row = connection.execute(select(c.answered, c.ok, c.error).where(mine)).one_or_none()
            if row is None:
                return None
            if row.answered is not None:
                return tuple(row) == (at, ok, error)
            unsaid = update(_COMMANDS).where(mine, c.answered.is_(None))
            return connection.execute(unsaid.values(answered=at, ok=ok, error=error)).rowcount == 1

    def entry(self, name: str) -> Entry:
        """Return the command with that id, which must exist."""
        (command,) = self._read(select(_COMMANDS).where(_COMMANDS.c.id == name))
        return command

    def entries(self, limit: int, device: str | None = None) -> list[Entry]:
        """Return the newest commands, newest first."""
        query = select(_COMMANDS).order_by(_COMMANDS.c.sent.desc()).limit(limit)
        if device is not None:
            query = query.where(_COMMANDS.c.device == device)
        return self._read(query)

    def since(self, start: int) -> list[Entry]:
        """Return the commands sent since epoch ms `start`, oldest first."""
        return self._read(select(_COMMANDS).where(_COMMANDS.c.sent >= start).order_by(_COMMANDS.c.sent))

    def minutes(self, device: str, actuator: str, by: str, since: int) -> float:
        """Return for how many minutes `by` has commanded this actuator since epoch ms `since`. Unanswered
        commands count, refused ones do not.
        """
        c = _COMMANDS.c
        query = select(func.coalesce(func.sum(c.until - c.sent), 0)).where(
            c.device == device, c.actuator == actuator, c.by == by, c.sent >= since, c.ok.is_not(False)
        )
        with reached(), self._engine.connect() as connection:
            return float(connection.execute(query).scalar_one()) / MINUTE_MS

    def holding(self, device: str, actuator: str, now: int) -> Entry | None:
        """Return the newest command that holds this actuator at epoch ms `now`, if any."""
        c = _COMMANDS.c
        query = select(_COMMANDS).where(
            c.device == device, c.actuator == actuator, c.until > now, c.ok.is_not(False)
        )
        return next(iter(self._read(query.order_by(c.sent.desc()).limit(1))), None)

    def _read(self, query: Select[Any]) -> list[Entry]:
        with reached(), self._engine.connect() as connection:
            return [Entry(**row._mapping) for row in connection.execute(query)]
