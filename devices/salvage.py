"""Copies the readable rows of a damaged SQLite file into a new file, and keeps the damaged one beside it. The
cause is a bad disk or a bad copy: after a power cut, SQLite recovers by itself.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TypeVar

from devices.files import of_sqlite, sync_directory, to_read
from devices.texts import Mendable

T = TypeVar("T")
_ASIDE = ".damaged-"  # then seconds since 1970
_BESIDE = ("-wal", "-shm")  # SQLite's files beside the file
log = logging.getLogger(__name__)


def salvage(path: Path, schema: str, keys: Mapping[str, str], after: str = "") -> tuple[Path, dict[str, int]]:
    """Replace the damaged `path`, which only the caller may use, by a new file with its readable rows.
    Returns the path that the damaged file is kept under, and the number of rows kept by table. `keys`: each
    table's key ("rowid" where the order of arrival counts); `after`: SQL to run at the end. If a call is cut
    off, `finish` takes the last step, or a second call does everything again.
    """

    def copy(old: sqlite3.Connection, new: sqlite3.Connection) -> dict[str, int]:
        kept = dict.fromkeys(keys, 0)
        for table, key in keys.items():
            known = {row[1] for row in new.execute(f"PRAGMA table_info({table})")}
            for row in _readable(old, table, key):
                names = [name for name in row if name in known or name == key]
                marks = ",".join("?" * len(names))
                new.execute(
                    f"INSERT OR IGNORE INTO {table}({','.join(names)}) VALUES({marks})",
                    [row[name] for name in names],
                )
                kept[table] += 1
        new.execute(after)
        return kept

    return renewed(path, lambda new: new.executescript(schema), copy)


def renewed(
    path: Path,
    prepare: Callable[[sqlite3.Connection], object],
    copy: Callable[[sqlite3.Connection, sqlite3.Connection], T],
) -> tuple[Path, T]:
    """As `salvage`, where `prepare` makes the tables of the new file and `copy(old, new)` copies the rows, in
    one transaction. Returns the path that the damaged file is kept under, and what `copy` returns.
    """
    fresh = _fresh(path)
    fresh.unlink(missing_ok=True)
    with closing(sqlite3.connect(fresh, isolation_level=None)) as new, closing(to_read(path, 1)) as old:
        new.execute("PRAGMA synchronous=FULL")
        prepare(new)
        old.execute("PRAGMA writable_schema=ON")  # else SQLite reads nothing of a file that was cut off
        new.execute("BEGIN")
        result = copy(old, new)
        new.execute("COMMIT")
    return _put_in_place(path), result


def damaged(error: sqlite3.DatabaseError) -> bool:
    """Whether the file itself is damaged; else its permissions, its disk or another process is the cause."""
    return type(error) is sqlite3.DatabaseError or "unsupported file format" in str(error)


def why(error: BaseException) -> Mendable | str:
    """SQLite's error about a file with its mend, as our sentence; the text of any other error as it is."""
    return of_sqlite(error) or " ".join(str(error).split())


def begun(path: Path, schema: str, timeout: float) -> sqlite3.Connection:
    """Open a file whose loss would only cost work: a damaged one is put aside, and an empty one begun. Raises
    sqlite3.Error if the file cannot be opened. `timeout`: seconds to wait for locks of others.
    """
    while True:
        with ExitStack() as undo:
            db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=timeout)
            undo.callback(db.close)
            try:
                db.executescript(schema)
            except sqlite3.DatabaseError as error:
                if not damaged(error):
                    raise
                fault = error
            else:
                undo.pop_all()
                return db
        log.error("%s is damaged (%s): it is kept as %s, and begun anew", path, fault, _put_aside(path).name)


def aside(path: Path) -> list[Path]:
    """The damaged files that were once at `path` and are kept, oldest first."""
    return sorted(one for one in path.parent.glob(f"{path.name}{_ASIDE}*") if not one.name.endswith(_BESIDE))


def _put_aside(path: Path) -> Path:
    """Move a file and its WAL out of the way of a new one; returns the new path. May be cut off anywhere."""
    kept = path.with_name(f"{path.name}{_ASIDE}{time.time_ns() // 10**9}")
    for end in ("", *_BESIDE):
        with suppress(FileNotFoundError):
            path.with_name(path.name + end).replace(kept.with_name(kept.name + end))
    return kept


def finish(path: Path) -> None:
    """Take the last step of a `salvage` that was cut off before it: by then the new file is complete."""
    if _fresh(path).exists() and not path.exists():
        _put_in_place(path)


def _fresh(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def _put_in_place(path: Path) -> Path:
    """Move the damaged file aside, and rename the new one to its name. May be cut off anywhere."""
    kept = _put_aside(path)
    _fresh(path).replace(path)
    sync_directory(path.parent)
    return kept


def _readable(db: sqlite3.Connection, table: str, key: str) -> Iterator[dict[str, object]]:
    """The rows of a table as dicts by column: from its start up to the damage, then from its end back."""
    first: object = None
    for order in ("ASC", "DESC"):
        try:
            for (name,) in db.execute(f"SELECT {key} FROM {table} ORDER BY {key} {order}"):
                if order == "DESC" and name == first:
                    break
                if order == "ASC":
                    first = name  # the last row found from this side
                with suppress(sqlite3.DatabaseError):  # an error skips this row alone
                    rows = db.execute(f"SELECT * FROM {table} WHERE {key}=?", (name,))
                    columns = [column[0] for column in rows.description]
                    for row in rows:
                        yield dict(zip(columns, row, strict=True)) | {key: name}
        except sqlite3.DatabaseError:
            continue
