"""Entries that our own code failed on: noted for the quarantine, and tried again when they arrive again."""

import sqlite3
from collections.abc import Iterable, Sequence

from traceability.diary.rows import UNHANDLED, Failed, Unhandled


def note(db: sqlite3.Connection, failed: Iterable[Failed]) -> None:
    """Note entries that could not be handled; they are not in the quarantine yet."""
    db.executemany("INSERT OR REPLACE INTO unhandled(community, id, error) VALUES(?,?,?)", failed)


def refuse(db: sqlite3.Connection, failed: Sequence[Failed]) -> None:
    """Note harvests that could not be handled: no lots, and not pending. A sealed one stays sealed."""
    note(db, failed)
    keys = [(one.community, one.id) for one in failed]
    db.executemany("UPDATE lot SET told=1 WHERE leaf IS NOT NULL AND community=? AND harvest=?", keys)
    db.executemany(
        "INSERT OR REPLACE INTO lot SELECT community, id, '', '', time, 0, 0, NULL, ?, 1 "
        "FROM event e WHERE community=? AND id=? AND NOT EXISTS (SELECT 1 FROM lot l "
        "WHERE l.community=e.community AND l.harvest=e.id AND l.leaf IS NOT NULL)",
        [(UNHANDLED, *key) for key in keys],
    )


def note_quarantined(db: sqlite3.Connection, unhandled: Iterable[Unhandled]) -> None:
    """These entries are in the quarantine now."""
    keys = [(one.community, one.id) for one in unhandled]
    db.executemany("UPDATE unhandled SET told=1 WHERE community=? AND id=?", keys)


def try_again(db: sqlite3.Connection, community: str, id: str) -> None:
    """Forget the outcome of an entry, if it could not be handled."""
    key = community, id
    if db.execute("DELETE FROM unhandled WHERE community=? AND id=?", key).rowcount:
        db.execute("DELETE FROM lot WHERE community=? AND harvest=? AND refused=?", (*key, UNHANDLED))
        db.execute(
            "UPDATE later SET done=0, refused='' WHERE community=? AND id=? AND refused=?", (*key, UNHANDLED)
        )
