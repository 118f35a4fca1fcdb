"""Opens the diary's file, which several processes of one machine write, and mends it if it is damaged."""

import fcntl
import logging
import os
import sqlite3
from contextlib import ExitStack
from pathlib import Path

from devices.files import share, write_all
from devices.salvage import damaged, finish, salvage
from traceability.diary.schema import SCHEMA, TABLES, complete

MARK = ".mended"  # file suffix of the mark beside the diary: it was damaged, and nobody has looked yet
log = logging.getLogger(__name__)


class Mended(OSError):
    """Nothing is sealed after a mend until somebody has looked.

    An entry that forbids a harvest may be among the lost ones.
    """


def require_whole(path: Path) -> None:
    """Raise Mended if the diary was mended and nobody has looked since."""
    if (mark := path.with_suffix(MARK)).exists():
        raise Mended(
            f"the diary {path} was damaged and mended, so entries may be missing, and nothing is sealed: "
            f"bring it back from a backup, or have what is missing sent once more; then remove {mark}"
        )


def open_file(path: Path) -> tuple[sqlite3.Connection, int]:
    """Open the file. Also returns a descriptor that marks the file as in use until it is closed.

    A damaged file is set aside, and its readable rows go into a new one. Raises OSError where a damaged file
    is in use by another process, or where the file cannot be opened.
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
        fcntl.flock(used, fcntl.LOCK_SH)  # waits while another process mends the file
    else:
        finish(path)
    with ExitStack() as undo:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        undo.callback(db.close)
        share(db)
        db.execute("PRAGMA synchronous=FULL")
        if (fault := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(fault)
        complete(db)
        undo.pop_all()
    fcntl.flock(used, fcntl.LOCK_SH)
    return db


def _mend(path: Path, used: int, fault: str) -> None:
    """Copy the readable rows of the damaged file into a new one, and put that into its place."""
    try:
        fcntl.flock(used, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(
            f"the diary {path} is damaged ({fault}), and another process uses it: end all gateways, "
            "then start one, which mends it"
        ) from None
    # written first, so that no crash can lose the mark
    write_all({path.with_suffix(MARK): f"{fault}\n".encode()})
    aside, kept = salvage(path, SCHEMA, dict.fromkeys(TABLES, "rowid"))
    log.error(
        "the diary %s is damaged (%s): it is kept as %s, and what can be read of it goes on: %d entries, "
        "%d lots. Look after the disk. Sealed records are files of their own and stay as they are",
        path, fault, aside.name, kept["event"], kept["lot"],
    )  # fmt: skip
