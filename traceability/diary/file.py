"""The diary's file, which several processes of one machine write: opened, and mended where it is damaged."""

import fcntl
import logging
import os
import sqlite3
from contextlib import ExitStack
from pathlib import Path

from devices.files import write_all
from devices.salvage import damaged, finish, salvage
from traceability.diary.schema import SCHEMA, TABLES, complete

MARK = ".mended"  # beside the file, in place of its suffix: it was damaged, and nobody has looked yet
log = logging.getLogger(__name__)


class Mended(OSError):
    """An entry that forbids a harvest may be among what was lost, so nothing is sealed meanwhile."""


def require_whole(path: Path) -> None:
    """Raises Mended while nobody has looked after a mend."""
    if (mark := path.with_suffix(MARK)).exists():
        raise Mended(
            f"the diary {path} was damaged and mended, so entries may be missing, and nothing is sealed: "
            f"bring it back from a backup, or have what is missing sent once more; then remove {mark}"
        )


def open_file(path: Path) -> tuple[sqlite3.Connection, int]:
    """The file, and a descriptor that says that it is in use until it is closed.

    A damaged one is put aside, and what can be read of it goes on. Raises OSError where another process has
    it too, or where it cannot be opened.
    """
    used = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    with ExitStack() as undo:
        undo.callback(os.close, used)
        try:
            db = _opened(path, used)
        except sqlite3.DatabaseError as error:
            if not damaged(error):
                raise OSError(f"the diary {path} cannot be opened: {error}") from error
            _mend(path, used, " ".join(str(error).split()))
            db = _opened(path, used)
        undo.pop_all()
    return db, used


def _opened(path: Path, used: int) -> sqlite3.Connection:
    try:
        fcntl.flock(used, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fcntl.flock(used, fcntl.LOCK_SH)  # waits for one that mends
    else:
        finish(path)
    with ExitStack() as undo:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        undo.callback(db.close)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        if (fault := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(fault)
        complete(db)
        undo.pop_all()
    fcntl.flock(used, fcntl.LOCK_SH)
    return db


def _mend(path: Path, used: int, fault: str) -> None:
    """Put what can be read of the damaged file into a new one, and that into its place."""
    try:
        fcntl.flock(used, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(
            f"the diary {path} is damaged ({fault}), and another process uses it: end all gateways, "
            "then start one, which mends it"
        ) from None
    write_all({path.with_suffix(MARK): f"{fault}\n".encode()})  # first: it must not get lost
    aside, kept = salvage(path, SCHEMA, dict.fromkeys(TABLES, "rowid"))
    log.error(
        "the diary %s is damaged (%s): it is kept as %s, and what can be read of it goes on: %d entries, "
        "%d lots. Look after the disk. Sealed records are files of their own and stay as they are",
        path, fault, aside.name, kept["event"], kept["lot"],
    )  # fmt: skip
