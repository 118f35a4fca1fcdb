"""A lot's timestamp (slot) in the store, which keeps one value per time for each product of a group.

Harvests are written down by the minute, and two plots may be picked in the same minute. The lot sealed first
gets the time itself, every other one the next free millisecond. A lot whose time is corrected moves to a new
slot. It keeps its former slots, so that the gateway can empty them in the store again and again.
"""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from traceability.diary.rows import LotRow
from traceability.digital_link import LotKey

SCHEMA = """
CREATE TABLE IF NOT EXISTS slot(
  community TEXT NOT NULL, gtin TEXT NOT NULL, time INTEGER NOT NULL, lot TEXT NOT NULL,
  current INTEGER NOT NULL, PRIMARY KEY(community, gtin, time));
CREATE INDEX IF NOT EXISTS slots ON slot(gtin, lot);
"""


class Slots(NamedTuple):
    """The slots of one lot, in epoch ms: the current one and the former ones."""

    current: int
    former: tuple[int, ...] = ()


NOWHERE = Slots(0)  # for a harvest that is no lot


def take(db: sqlite3.Connection, lots: Iterable[LotRow]) -> None:
    """Give the sealed lots among these the slots of their times; a lot that is there already stays."""
    for row in lots:
        if row.leaf is not None:
            _take(db, row.community, row.key, row.time)


def complete(db: sqlite3.Connection) -> None:
    """Give slots to sealed lots that have none, because an earlier version sealed them.

    That version derived a slot from the harvest's original time. Lots corrected since then move to a new slot
    and are to be published again.
    """
    without = db.execute(
        "SELECT l.community, l.harvest, l.gtin, l.lot, coalesce(e.time, l.time), l.time FROM lot l "
        "LEFT JOIN event e ON e.community=l.community AND e.id=l.harvest WHERE l.leaf IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM slot s WHERE s.gtin=l.gtin AND s.lot=l.lot) ORDER BY l.leaf"
    ).fetchall()
    for community, harvest, gtin, lot, first, latest in without:
        _take(db, community, LotKey(gtin, lot), first)
        if first != latest:
            db.execute("UPDATE lot SET told=-1 WHERE community=? AND harvest=?", (community, harvest))


def read(db: sqlite3.Connection, community: str = "") -> dict[LotKey, Slots]:
    """The slots of each sealed lot, of all communities or of one."""
    rows = db.execute(
        f"SELECT gtin, lot, time, current FROM slot {'WHERE community=? ' if community else ''}ORDER BY time",
        (community,) if community else (),
    )
    slots: dict[LotKey, Slots] = {}
    former: dict[LotKey, list[int]] = {}
    for gtin, lot, time, current in rows:
        key = LotKey(gtin, lot)
        if current:
            slots[key] = Slots(time)
        else:
            former.setdefault(key, []).append(time)
    return {key: Slots(slot.current, tuple(former.get(key, ()))) for key, slot in slots.items()}


def _take(db: sqlite3.Connection, community: str, key: LotKey, time: int) -> None:
    query = "SELECT lot FROM slot WHERE community=? AND gtin=? AND time=?"
    while db.execute(query, (community, key.gtin, time)).fetchone() not in (None, (key.lot,)):
        time += 1
    db.execute("UPDATE slot SET current=0 WHERE gtin=? AND lot=?", key)
    db.execute("INSERT OR REPLACE INTO slot VALUES(?,?,?,?,1)", (community, key.gtin, time, key.lot))
