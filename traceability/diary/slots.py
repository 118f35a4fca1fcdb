"""When a lot is told of, in a store that keeps one value a moment of a group's product.

Harvests are written down by the minute, and two plots may be picked in the same one. The first in the log has
its own time, as it was written down; each of the others the next millisecond that is free. What comes later
in the log changes nothing of it, nor does a correction.
"""

import sqlite3
from collections.abc import Iterable

from traceability.digital_link import LotKey


def read(db: sqlite3.Connection, community: str = "") -> dict[LotKey, int]:
    """Of each sealed lot, or of those of one community, the slot in epoch ms."""
    rows = db.execute(
        "SELECT l.gtin, l.lot, l.community, coalesce(e.time, l.time) FROM lot l "
        "LEFT JOIN event e ON e.community=l.community AND e.id=l.harvest "
        f"WHERE l.leaf IS NOT NULL {'AND l.community=? ' if community else ''}ORDER BY l.leaf",
        (community,) if community else (),
    )
    return _apart((LotKey(gtin, lot), grower, time) for gtin, lot, grower, time in rows)


def _apart(lots: Iterable[tuple[LotKey, str, int]]) -> dict[LotKey, int]:
    taken: set[tuple[str, str, int]] = set()
    slots = {}
    for key, community, time in lots:
        slot = time
        while (community, key.gtin, slot) in taken:
            slot += 1
        taken.add((community, key.gtin, slot))
        slots[key] = slot
    return slots
