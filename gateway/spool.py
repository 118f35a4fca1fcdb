"""The spool: every message is on disk before the broker is told that it arrived.

One SQLite file (WAL, synchronous=FULL) holds messages not yet delivered, the quarantine, the books and
what was seen of each device. Messages are kept in segments, one row for a whole group commit: that
costs one insert, one fsync and one delete for thousands of messages. A segment leaves in the same
transaction that books its messages, files the refused ones and remembers the seen ones, so a kill at
any moment leaves books that balance: received = stored + duplicate + quarantined + spooled.
"""

import sqlite3
import struct
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from devices.payloads import MAX_BYTES

_HEADER = struct.Struct(">qHIBH")  # arrival ms, topic bytes, payload bytes, flags, packet number
_DUP, _RETAINED, _REPLAYED = 1, 2, 4
MARKS = 8192  # more than a broker may have in flight: `receive.IN_FLIGHT`

_SCHEMA = """
CREATE TABLE IF NOT EXISTS segment(
  id INTEGER PRIMARY KEY AUTOINCREMENT, messages INTEGER NOT NULL, arrived INTEGER NOT NULL,
  body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS quarantine(
  id INTEGER PRIMARY KEY AUTOINCREMENT, arrived INTEGER NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL,
  size INTEGER NOT NULL, reason TEXT NOT NULL, field TEXT NOT NULL, replayed INTEGER);
CREATE TABLE IF NOT EXISTS book(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mark(id INTEGER PRIMARY KEY AUTOINCREMENT, mark TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS seen(device TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
"""


class Message(NamedTuple):
    """What came from the broker. `arrival` is epoch milliseconds on the gateway's clock, `mid` MQTT's
    packet number (0 at QoS 0).
    """

    topic: str
    payload: bytes
    arrival: int
    dup: bool = False
    retained: bool = False
    replayed: bool = False  # out of the quarantine, so it was seen before and is wanted all the same
    mid: int = 0


class Segment(NamedTuple):
    """Messages of one or more group commits, oldest first; `ids` are their rows."""

    ids: tuple[int, ...]
    messages: list[Message]


class Refusal(NamedTuple):
    """A message that is not stored, and why: `reason` and `field` as in the catalogue `rejected.*`."""

    message: Message
    reason: str
    field: str


@dataclass(slots=True)
class Outcome:
    """What became of a segment's messages: the three counts add up to its size."""

    stored: int = 0
    duplicate: int = 0
    refused: list[Refusal] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    marks: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Books:
    """Messages since the spool was made. `oldest` is the arrival of the oldest spooled one, or None."""

    received: int
    stored: int
    duplicate: int
    quarantined: int
    spooled: int
    oldest: int | None

    @property
    def balanced(self) -> bool:
        return self.received == self.stored + self.duplicate + self.quarantined + self.spooled


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A refused message as kept: the first 16 KB of its payload, and its true size in bytes."""

    id: int
    arrived: int
    topic: str
    payload: bytes
    size: int
    reason: str
    field: str
    replayed: int | None


class SpoolFull(Exception):
    """The disk takes no more, or another process holds the file. Nothing was kept: do not ack, tell
    people, try again.
    """


class Spool:
    """One gateway's spool. Safe to use from several threads; one process at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def append(self, messages: Sequence[Message]) -> int:
        """Keep `messages`, in order; on return they survive a power cut. Raises SpoolFull."""
        body = b"".join(_pack(messages))
        with self._transaction() as db:
            cursor = db.execute(
                "INSERT INTO segment(messages, arrived, body) VALUES(?,?,?)",
                (len(messages), messages[0].arrival, body),
            )
            self._book(received=len(messages))
        return cursor.lastrowid or 0

    def pending(self, limit: int) -> Segment | None:
        """The oldest messages, in whole commits, until there are `limit` or more of them."""
        ids: list[int] = []
        messages: list[Message] = []
        with self._lock:
            for number, body in self._db.execute("SELECT id, body FROM segment ORDER BY id"):
                ids.append(number)
                messages.extend(_unpack(body))
                if len(messages) >= limit:
                    break
        return Segment(tuple(ids), messages) if ids else None

    def settle(self, segment: Segment, outcome: Outcome) -> None:
        """The segment is done: book it, file what was refused, remember what was seen. All or nothing."""
        with self._transaction() as db:
            self._quarantine(outcome.refused)
            db.executemany(
                "INSERT INTO seen VALUES(?,?) ON CONFLICT DO UPDATE SET state=excluded.state",
                outcome.seen.items(),
            )
            self._book(stored=outcome.stored, duplicate=outcome.duplicate, quarantined=len(outcome.refused))
            db.executemany("DELETE FROM segment WHERE id=?", [(number,) for number in segment.ids])

    def seen(self) -> dict[str, str]:
        """What was remembered of each device, as settled."""
        with self._lock:
            return dict(self._db.execute("SELECT device, state FROM seen"))

    def marks(self) -> list[str]:
        """The newest marks of messages without number and time, oldest first, as settled."""
        with self._lock:
            return [mark for (mark,) in self._db.execute("SELECT mark FROM mark ORDER BY id")]

    def books(self) -> Books:
        """The books, read in one transaction."""
        with self._transaction() as db:
            count: Mapping[str, int] = dict(db.execute("SELECT name, value FROM book"))
            spooled, oldest = db.execute(
                "SELECT coalesce(sum(messages),0), min(arrived) FROM segment"
            ).fetchone()
        return Books(
            count.get("received", 0),
            count.get("stored", 0),
            count.get("duplicate", 0),
            count.get("quarantined", 0),
            spooled,
            oldest,
        )

    def quarantined(self, limit: int = 100, before: int = 2**62) -> list[Quarantined]:
        """Refused messages, newest first, with ids below `before`."""
        with self._lock:
            rows = self._db.execute(
                "SELECT id, arrived, topic, payload, size, reason, field, replayed FROM quarantine "
                "WHERE id < ? ORDER BY id DESC LIMIT ?",
                (before, limit),
            ).fetchall()
        return [Quarantined(*row) for row in rows]

    def release(self, ids: Iterable[int]) -> int:
        """Put refused messages back to be tried again; returns how many. The books take them out of
        `quarantined` and into `spooled` in one step. A payload that was cut to fit stays where it is.
        """
        done = 0
        with self._transaction() as db:
            for number in ids:
                row = db.execute(
                    "SELECT topic, payload, arrived FROM quarantine "
                    "WHERE id=? AND replayed IS NULL AND size=length(payload)",
                    (number,),
                ).fetchone()
                if row is None:
                    continue
                topic, payload, arrived = row
                body = b"".join(_pack([Message(topic, payload, arrived, replayed=True)]))
                db.execute("INSERT INTO segment(messages, arrived, body) VALUES(1,?,?)", (arrived, body))
                db.execute("UPDATE quarantine SET replayed=? WHERE id=?", (time.time_ns() // 10**6, number))
                self._book(quarantined=-1)
                done += 1
        return done

    def _quarantine(self, refused: Iterable[Refusal]) -> None:
        self._db.executemany(
            "INSERT INTO quarantine(arrived, topic, payload, size, reason, field) VALUES(?,?,?,?,?,?)",
            (
                (m.arrival, m.topic[:1000], m.payload[:MAX_BYTES], len(m.payload), reason, field)
                for m, reason, field in refused
            ),
        )

    def _book(self, **counts: int) -> None:
        self._db.executemany(
            "INSERT INTO book VALUES(?,?) ON CONFLICT DO UPDATE SET value=value+excluded.value",
            [(name, count) for name, count in counts.items() if count],
        )

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db, self._lock)


class _Transaction:
    """BEGIN IMMEDIATE … COMMIT under the spool's lock; a full disk rolls back and is named."""

    def __init__(self, db: sqlite3.Connection, lock: threading.Lock) -> None:
        self._db = db
        self._lock = lock

    def __enter__(self) -> sqlite3.Connection:
        self._lock.acquire()
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            self._lock.release()
            raise SpoolFull(f"the spool cannot be written: {error}") from error
        except BaseException:
            self._lock.release()
            raise
        return self._db

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if kind is None:
                try:
                    self._db.execute("COMMIT")
                    return
                except sqlite3.OperationalError as failed:
                    self._rollback()
                    raise SpoolFull(f"the spool cannot be written: {failed}") from failed
            self._rollback()
            if isinstance(error, sqlite3.OperationalError):
                raise SpoolFull(f"the spool cannot be written: {error}") from error
        finally:
            self._lock.release()

    def _rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")


def _pack(messages: Iterable[Message]) -> Iterator[bytes]:
    for topic, payload, arrival, dup, retained, replayed, mid in messages:
        name = topic.encode("utf-8", "surrogateescape")
        flags = dup * _DUP | retained * _RETAINED | replayed * _REPLAYED
        yield _HEADER.pack(arrival, len(name), len(payload), flags, mid)
        yield name
        yield payload


def _unpack(body: bytes) -> Iterator[Message]:
    at = 0
    while at < len(body):
        arrival, name, size, flags, mid = _HEADER.unpack_from(body, at)
        at += _HEADER.size
        topic = body[at : at + name].decode("utf-8", "surrogateescape")
        at += name
        yield Message(
            topic,
            body[at : at + size],
            arrival,
            bool(flags & _DUP),
            bool(flags & _RETAINED),
            bool(flags & _REPLAYED),
            mid,
        )
        at += size
