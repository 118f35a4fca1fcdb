"""Damages the embedded store's file as a bad disk or a bad copy does. Processes may have it open."""

import sqlite3
from contextlib import closing

PAGE = 4096  # bytes


def pages(path, table):
    """The number of pages of the file, and the first page of a table."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (number,) = db.execute("PRAGMA page_count").fetchone()
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name=?", (table,)).fetchone()
    return number, root


def overwrite(path, page, number=1):
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\xa5" * PAGE * number)


def cut(path):
    with path.open("r+b") as file:
        file.truncate(pages(path, "telemetry")[0] // 2 * PAGE)


WAYS = {
    "a page overwritten": lambda path: overwrite(path, pages(path, "telemetry")[0] // 2),
    "cut off": cut,
    "no database": lambda path: overwrite(path, 1),
    "the table's first page": lambda path: overwrite(path, pages(path, "telemetry")[1]),
}
