"""When diary entries were sealed, or took effect as corrections: one row an entry, forever.

A row is written in the transaction that notes the entry as done, and only once, however often that is noted.
Times strictly increase, so each row has a time of its own.
"""

import sqlite3
from collections.abc import Iterable, Sequence

from devices.clock import now_ms
from devices.contract.diary import Correction, decode_diary
from devices.contract.payloads import PayloadError
from traceability.diary.rows import VALID, AddendumRow, Fate, LotRow


def note_harvests(db: sqlite3.Connection, lots: Iterable[LotRow]) -> None:
    """Note the sealed ones of these harvests; a refusal is no act."""
    _note(db, ((lot.community, lot.harvest) for lot in lots if lot.leaf is not None))


def note_entries(db: sqlite3.Connection, addenda: Iterable[AddendumRow], fates: Sequence[Fate]) -> None:
    """Note sealed entries about lots, and corrections that took effect although no lot shows them."""
    sealed = {(one.community, one.id): None for one in addenda}
    holding = {(one.community, one.id): None for one in fates if one.refused in VALID and _corrects(db, one)}
    _note(db, sealed | holding)


def _note(db: sqlite3.Connection, keys: Iterable[tuple[str, str]]) -> None:
    (last,) = db.execute("SELECT coalesce(max(time), 0) FROM act").fetchone()
    first = max(now_ms(), last + 1)
    rows = [(first + place, *key) for place, key in enumerate(keys)]
    db.executemany("INSERT OR IGNORE INTO act(time, community, id) VALUES(?,?,?)", rows)


def _corrects(db: sqlite3.Connection, fate: Fate) -> bool:
    """Whether the entry is a correction of an entry in the diary."""
    query = "SELECT body FROM event WHERE community=? AND id=?"
    row = db.execute(query, (fate.community, fate.id)).fetchone()
    try:
        event = decode_diary(row[0]) if row is not None else None
    except PayloadError:
        return False
    return isinstance(event, Correction) and bool(db.execute(query, (fate.community, event.of)).fetchone())
