"""The embedded store's file: its tables, how it is opened, shared and mended, and what its errors mean.

opened ─► turn: one thread at a time ─► SQLite's error ─► RetryLater: the file, the cause, the mend
damage is met ─► a mark beside the file: nothing more is written ─► next start ─► readable rows in a new file

A power cut damages nothing: SQLite recovers. A bad disk or a bad copy does. Every process that has the file
open holds a lock on another file beside it, so that nobody mends a file that others use.
"""

import fcntl
import logging
import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from devices.files import mend, of_sqlite, replace, share
from devices.salvage import damaged, finish, renewed
from devices.texts import Mendable
from gateway.stores import heading
from gateway.stores.points import MEASUREMENTS, Kind
from gateway.stores.store import RetryLater

LOCK, MARK = ".lock", ".damaged"  # suffixes of the files beside the store
_TYPES: dict[Kind, str] = {"float": "REAL", "int": "INTEGER", "text": "TEXT", "bool": "INTEGER"}
log = logging.getLogger(__name__)


class Turns:
    """A fair lock: a waiting thread gets it before the thread that has just released it. Python's own lock
    goes back to a thread that asks again at once, before a waiting thread has woken up. Not reentrant.
    """

    def __init__(self) -> None:
        self._next = threading.Lock()  # held by the thread that is next; all others wait behind it
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._next:
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class StoreFile:
    """A connection that several threads share in turn. It is opened when it is made, or, where that fails, in
    the next turn that succeeds. With `mend` a damaged file is mended, if no other process has it open.
    """

    def __init__(self, path: Path, *, mend: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._mend = path, mend
        self._turns = Turns()
        self._db: sqlite3.Connection | None = None
        self._used = -1  # descriptor of the locked file, while the file is open
        self._fault: str | None = None  # of damage that was met, even if it could not be marked
        with suppress(RetryLater), self.turn():
            pass

    def close(self) -> None:
        """Close the file. Whoever asks for a turn afterwards opens it again."""
        with self._turns:
            if self._db is not None:
                self._db.close()
                os.close(self._used)
                self._db = None

    @contextmanager
    def turn(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """The connection, for the block alone. Raises RetryLater where the file cannot be used, and with
        `write` where damage was met in it since it was opened: more could be lost by writing.
        """
        with self._turns:
            try:
                if self._db is None:
                    self._open()
                assert self._db is not None
                if write and (fault := damage(self._path) or self._fault) is not None:
                    raise self._damaged(fault)
                yield self._db
            except sqlite3.DatabaseError as error:
                if (trouble := self._trouble(error)) is None:
                    raise
                raise trouble from error

    def _open(self) -> None:
        with ExitStack() as undo:
            try:
                used = os.open(self._path.with_suffix(LOCK), os.O_RDWR | os.O_CREAT, 0o600)
                undo.callback(os.close, used)
                self._db = self._whole(used)
            except (sqlite3.OperationalError, OSError) as error:
                raise self._unusable(mend(error, Mendable)) from error
            self._used, self._fault = used, None
            undo.pop_all()

    def _whole(self, used: int) -> sqlite3.Connection:
        """The file, opened; a damaged one is mended before, if it may be. `used`: the descriptor to lock."""
        if (fault := damage(self._path)) is None:
            with _locked(used, fcntl.LOCK_SH) as mine:
                if not mine:
                    raise RetryLater("store.mending", path=self._path)
                try:
                    return _opened(self._path)
                except sqlite3.DatabaseError as error:
                    if not damaged(error):
                        raise
                    fault = self._note(error)
        if not self._mend:
            raise self._damaged(fault)
        with _locked(used, fcntl.LOCK_EX) as mine:
            if not mine:
                raise self._damaged(fault)
            _renew(self._path, fault)
            db = _opened(self._path)
        fcntl.flock(used, fcntl.LOCK_SH)
        return db

    def _trouble(self, error: sqlite3.DatabaseError) -> RetryLater | None:
        """What to tell of an error; None for one that is a defect of ours."""
        if damaged(error):
            return self._damaged(self._note(error))
        cause = of_sqlite(error)
        return None if cause is None else self._unusable(cause)

    def _unusable(self, cause: Exception) -> RetryLater:
        return RetryLater("store.unread", path=self._path, why=cause)

    def _damaged(self, fault: str) -> RetryLater:
        return RetryLater("store.damaged", path=self._path, error=fault, alarm=True)

    def _note(self, error: sqlite3.DatabaseError) -> str:
        """Mark the file as damaged; returns what is wrong with it."""
        self._fault = fault = " ".join(str(error).split())
        if damage(self._path) is None:
            log.error("%s", self._damaged(fault))
            with suppress(OSError):  # such as a full disk: whoever meets the damage next marks it
                replace(self._path.with_suffix(MARK), f"{fault}\n")
        return fault


def damage(path: Path) -> str | None:
    """What was wrong with the file when damage was met in it; None if none was since it was mended."""
    try:
        return path.with_suffix(MARK).read_text("utf-8", "replace").strip()
    except OSError:
        return None


@contextmanager
def _locked(used: int, how: int) -> Iterator[bool]:
    """Try to lock a descriptor; yields whether that worked. An error in the block unlocks it."""
    try:
        fcntl.flock(used, how | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
        return
    with ExitStack() as undo:
        undo.callback(fcntl.flock, used, fcntl.LOCK_UN)
        yield True
        undo.pop_all()


def _opened(path: Path) -> sqlite3.Connection:
    with ExitStack() as undo:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        undo.callback(db.close)
        share(db)
        db.execute("PRAGMA synchronous=FULL")
        # SQLite has sin and cos only if it was built with mathematical functions
        for name, part in (("east", heading.east), ("north", heading.north)):
            db.create_function(name, 1, part, deterministic=True)
        _prepare(db)
        undo.pop_all()
    return db


def _prepare(db: sqlite3.Connection) -> None:
    """Make the tables, or add the columns that are newer than the file."""
    db.execute(
        "CREATE TABLE IF NOT EXISTS series(id INTEGER PRIMARY KEY, "
        "measurement TEXT NOT NULL, tags TEXT NOT NULL, UNIQUE(measurement, tags))"
    )
    db.execute(
        "CREATE TABLE IF NOT EXISTS reported("
        "series INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY(series, name)) WITHOUT ROWID"
    )
    for measurement in MEASUREMENTS.values():
        columns = ", ".join(f'"{name}" {_TYPES[kind]}' for name, kind in measurement.fields.items())
        db.execute(
            f"CREATE TABLE IF NOT EXISTS {measurement.name}("
            f"series INTEGER NOT NULL, time INTEGER NOT NULL, {columns}, "
            "PRIMARY KEY(series, time)) WITHOUT ROWID"
        )
        existing = {row[1] for row in db.execute(f"PRAGMA table_info({measurement.name})")}
        for name, kind in measurement.fields.items():
            if name not in existing:
                db.execute(f'ALTER TABLE {measurement.name} ADD COLUMN "{name}" {_TYPES[kind]}')


def _renew(path: Path, fault: str) -> None:
    """Copy the readable rows of a damaged file into a new one, unless a whole file was brought back."""
    finish(path)  # an earlier call may have been cut off in its last step
    if not _is_whole(path):
        log.error("%s is damaged (%s): what can be read of it is copied into a new file", path, fault)
        aside, rows = renewed(path, _prepare, _copy)
        log.error(
            "%s is mended with %d readings and counts; the damaged file is kept as %s. Look after the disk; "
            "`hoiquan doctor` says what to do with the damaged file", path, rows, aside.name,
        )  # fmt: skip
    path.with_suffix(MARK).unlink(missing_ok=True)  # a full disk may have kept it from being written


def _is_whole(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path)) as db:
            return bool(db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.DatabaseError as error:
        if not damaged(error):
            raise
        return False


def _copy(old: sqlite3.Connection, new: sqlite3.Connection) -> int:
    """Copy all that can be read; returns the number of rows. What is damaged of a series costs rows of this
    series alone. Which fields a series ever had is looked up anew.
    """
    series = _series(old)
    new.executemany("INSERT INTO series VALUES(?,?,?)", ((number, *one) for number, one in series.items()))
    before = new.total_changes
    for measurement in MEASUREMENTS.values():
        name = measurement.name
        own = [number for number, (of, _) in series.items() if of == name]
        known: list[str] = []
        with suppress(sqlite3.DatabaseError):
            known = [row[1] for row in old.execute(f"PRAGMA table_info({name})")]  # not the newest fields
        columns = ", ".join(f'"{one}"' for one in ("series", "time", *measurement.fields) if one in known)
        into = f"INSERT OR IGNORE INTO {name}({columns}) VALUES({','.join('?' * (columns.count(',') + 1))})"
        for number in own if known else ():
            new.executemany(into, _rows(old, name, columns, number))
    copied = new.total_changes - before
    for measurement in MEASUREMENTS.values():
        counts = ", ".join(f'count("{field}")' for field in measurement.fields)
        for number, *numbers in new.execute(
            f"SELECT series, {counts} FROM {measurement.name} GROUP BY series"
        ):
            had = [(number, field) for field, count in zip(measurement.fields, numbers, strict=True) if count]
            new.executemany("INSERT INTO reported VALUES(?,?)", had)
    return copied


def _series(old: sqlite3.Connection) -> dict[int, tuple[str, str]]:
    """Measurement and tags of each series of which they can be read and told from others, by its number."""
    found: list[tuple[int, str, str]] = []
    newest = 0
    for measurement in MEASUREMENTS:
        with suppress(sqlite3.DatabaseError):
            newest = max(newest, old.execute(f"SELECT max(series) FROM {measurement}").fetchone()[0] or 0)
    for number in range(1, newest + 1):
        with suppress(sqlite3.DatabaseError):
            found += old.execute("SELECT id, measurement, tags FROM series WHERE id=?", (number,))
    for order in ("ASC", "DESC"):  # all of it stands in the index, too
        with suppress(sqlite3.DatabaseError):
            found += old.execute(
                "SELECT id, measurement, tags FROM series INDEXED BY sqlite_autoindex_series_1 "
                f"ORDER BY measurement {order}, tags {order}"
            )
    known = {number: (name, text) for number, name, text in found if name in MEASUREMENTS}
    uses = Counter(known.values())
    return {number: one for number, one in known.items() if uses[one] == 1}  # of two alike, one is false


def _rows(old: sqlite3.Connection, name: str, columns: str, series: int) -> Iterator[tuple[object, ...]]:
    """The readable rows of a series: from its start up to the damage, then from its end back."""
    last: object = None
    for order in ("ASC", "DESC"):
        with suppress(sqlite3.DatabaseError):
            for row in old.execute(
                f"SELECT {columns} FROM {name} WHERE series=? ORDER BY time {order}", (series,)
            ):
                if order == "DESC" and row[1] == last:
                    return
                if order == "ASC":
                    last = row[1]
                yield row
            return
