"""The spool's file: its tables, how it is opened and mended, how much it may hold, and its transactions.

A power cut may tear the end of SQLite's write-ahead log; SQLite itself then leaves out the unfinished
transaction, whose messages the gateway did not report as kept. A file that is damaged otherwise (a bad disk,
a bad copy) is put aside as it is, and what can be read of it goes into a new file. Messages that are lost for
good show in the books, which are off balance by their number.
"""

import logging
import os
import sqlite3
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from devices.files import to_read
from devices.salvage import damaged, finish, salvage, why
from devices.texts import Mendable

log = logging.getLogger(__name__)
MB = 2**20  # bytes
WAL_BYTES = 64 * MB  # the write-ahead log is cut back to this after a checkpoint
_SCHEMA = """
CREATE TABLE IF NOT EXISTS segment(
  id INTEGER PRIMARY KEY AUTOINCREMENT, messages INTEGER NOT NULL, arrived INTEGER NOT NULL,
  body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS answer(
  id INTEGER PRIMARY KEY AUTOINCREMENT, messages INTEGER NOT NULL, arrived INTEGER NOT NULL,
  body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS quarantine(
  id INTEGER PRIMARY KEY AUTOINCREMENT, arrived INTEGER NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL,
  size INTEGER NOT NULL, reason TEXT NOT NULL, field TEXT NOT NULL, replayed INTEGER);
CREATE INDEX IF NOT EXISTS quarantine_topic ON quarantine(topic);
CREATE TABLE IF NOT EXISTS book(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mark(id INTEGER PRIMARY KEY AUTOINCREMENT, mark TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS seen(device TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replay(
  time INTEGER PRIMARY KEY, who TEXT NOT NULL, ids TEXT NOT NULL, messages INTEGER NOT NULL);
"""
QUARANTINE_BYTES = "quarantine_bytes"  # the row of `book` with what the quarantine holds
_KEYS = {
    "segment": "id",
    "answer": "id",
    "quarantine": "id",
    "book": "name",
    "mark": "id",
    "seen": "device",
    "replay": "time",
}


class SpoolFull(Mendable):
    """The spool takes no more: it has reached its limit, the disk is full, or another process locks the file.
    Nothing was kept: do not acknowledge, tell people, try again.
    """

    alarm = True  # as of RetryLater


class SpoolShut(Mendable, OSError):
    """The file cannot be opened: its disk, its permissions or another process are at fault."""


class SpoolDamaged(Mendable, OSError):
    """The file cannot be read as a spool; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Room:
    """A spool's limits: `most` bytes that it may hold, and bytes that must stay `free` on its disk."""

    most: int = 4096 * MB
    free: int = 0


def open_file(path: Path, *, mend: bool = False) -> sqlite3.Connection:
    """Open or create the file, ready for use. With `mend` a damaged file is put aside and read into a new
    one; the caller must be the file's only user. Without `mend` a damaged file raises SpoolDamaged. Raises
    SpoolShut where the file cannot be opened.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if mend:
        finish(path)  # an earlier start may have been cut off in the last step of mending
    try:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        with ExitStack() as undo:
            undo.callback(db.close)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.execute(f"PRAGMA journal_size_limit={WAL_BYTES}")
            if mend and (fault := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                raise sqlite3.DatabaseError(fault)
            db.executescript(_SCHEMA)
            undo.pop_all()
        return db
    except sqlite3.DatabaseError as error:
        if not damaged(error):
            raise SpoolShut("spool.unopened", path=path, why=why(error)) from error
        fault = " ".join(str(error).split())
    if not mend:
        raise SpoolDamaged("quarantine.damaged", path=path, fault=fault)
    _mend(path, fault)
    return open_file(path)


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open the file read-only: waits for nobody and holds nobody up."""
    return to_read(path, 1)


class File:
    """A connection that several threads share, each for a whole transaction under `lock`, and its limits."""

    def __init__(self, path: Path, db: sqlite3.Connection, room: Room) -> None:
        self.path = path
        self.db = db
        self.lock = threading.Lock()
        self._room = room
        self._page = int(db.execute("PRAGMA page_size").fetchone()[0])  # bytes

    def close(self) -> None:
        with self.lock:
            self.db.close()

    def used(self) -> int:
        """Bytes in use. The file itself may be larger: it keeps freed pages for later rows."""
        pages, unused = self._pages()
        return (pages - unused) * self._page

    def require(self, more: int) -> None:
        """Raises SpoolFull where `more` bytes would exceed the spool's limit or leave too little free disk.
        Called once a commit: two pragmas and a statvfs take about 10 µs.
        """
        pages, unused = self._pages()
        used = (pages - unused) * self._page
        waiting = "SELECT 1 FROM segment UNION ALL SELECT 1 FROM answer LIMIT 1"
        # Where no message waits, no delivery could ever make room: then the limit does not hold.
        if used + more > self._room.most and self.db.execute(waiting).fetchone():
            raise SpoolFull("spool.holds", path=self.path, used=used // MB, most=self._room.most // MB)
        # Freed pages take new rows; the file grows by the rest, and by what so far is only in the log.
        growth = more - unused * self._page
        if growth <= 0:
            return
        disk = os.statvfs(self.path.parent)
        free = disk.f_bavail * disk.f_frsize
        growth += max(0, pages * self._page - self.path.stat().st_size)
        if free - growth < self._room.free:
            remaining = max(0, free - growth) // MB
            raise SpoolFull("spool.disk", path=self.path, free=remaining, keep=self._room.free // MB)

    def transaction(self) -> "Transaction":
        """BEGIN IMMEDIATE … COMMIT; raises SpoolFull for a full disk, and then keeps nothing."""
        return Transaction(self)

    def _pages(self) -> tuple[int, int]:
        """How many pages the file has, and how many of them are free."""
        execute = self.db.execute
        return execute("PRAGMA page_count").fetchone()[0], execute("PRAGMA freelist_count").fetchone()[0]


class Transaction:
    """BEGIN IMMEDIATE … COMMIT under the file's lock; rolls back and raises SpoolFull for a full disk."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._db = file.db

    def __enter__(self) -> sqlite3.Connection:
        with ExitStack() as undo:
            undo.enter_context(self._file.lock)
            try:
                self._db.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                raise self._full(error) from error
            undo.pop_all()  # `__exit__` releases it
        return self._db

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                try:
                    self._db.execute("COMMIT")
                    return
                except sqlite3.OperationalError as failed:
                    self._rollback()
                    raise self._full(failed) from failed
            self._rollback()
            if isinstance(error, sqlite3.OperationalError):
                raise self._full(error) from error
        finally:
            self._file.lock.release()

    def _rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def _full(self, error: sqlite3.OperationalError) -> SpoolFull:
        return SpoolFull("spool.unwritable", path=self._file.path, why=why(error))


def _mend(path: Path, fault: str) -> None:
    """Copy what can be read of the damaged file into a new one, and put that in its place."""
    counted_anew = f"DELETE FROM book WHERE name='{QUARANTINE_BYTES}'"
    aside, salvaged = salvage(path, _SCHEMA, _KEYS, counted_anew)
    log.error(
        "the spool %s is damaged (%s): it is kept as %s, and what can be read of it goes on: %d commits "
        "waiting, %d refused messages. Look after the disk; `hoiquan doctor` says how many messages are lost",
        path, fault, aside.name, salvaged["segment"] + salvaged["answer"], salvaged["quarantine"],
    )  # fmt: skip
