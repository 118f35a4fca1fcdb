"""Which outcomes of harvests the caller has published, in the column `lot.told`.

0: not yet; 1: yes; -1: published before an entry corrected the harvest.
"""

import sqlite3
from collections.abc import Iterable, Sequence

from traceability.diary.rows import UNHANDLED, VALID, Fate

_IS_MERGE = b'"event":"merge"'  # as encode_diary writes it
# an earlier version published only one of several lots with the same time, and corrected lots as they came
WRONGLY = """
UPDATE lot SET told=-1 WHERE leaf IS NOT NULL AND (
  EXISTS (SELECT 1 FROM lot o WHERE o.community=lot.community AND o.gtin=lot.gtin AND o.time=lot.time
          AND o.harvest<>lot.harvest AND o.leaf IS NOT NULL)
  OR EXISTS (SELECT 1 FROM addendum a WHERE a.gtin=lot.gtin AND a.lot=lot.lot AND a.kind='correction'));
"""
# an earlier version judged real harvests by simulated entries of their group too, and simulated ones by real
MIXED = """
UPDATE lot SET told=0 WHERE leaf IS NULL
  AND refused IN ('pre_harvest_interval', 'yield_cap', 'code_yield_cap')
  AND community IN (SELECT community FROM event GROUP BY community HAVING min(simulated)<max(simulated));
"""


def judge_again(db: sqlite3.Connection, community: str, of: str, plot: str) -> None:
    """A correction of the entry `of` came: judge the refused harvests again that it may allow.

    These are the harvest that it corrects, and those of its plot that a pre-harvest interval forbade.
    """
    db.execute(
        "UPDATE lot SET told=0 WHERE community=? AND leaf IS NULL AND refused<>? AND (harvest=? OR "
        "refused='pre_harvest_interval' AND harvest IN (SELECT id FROM event WHERE community=? AND plot=?))",
        (community, UNHANDLED, of, community, plot),
    )


def reopen(db: sqlite3.Connection, harvests: Sequence[tuple[str, str]]) -> None:
    """These harvests, as (community, id), become lots: reopen entries that were refused for want of a lot.

    If such a harvest was refused before, entries of its plot become pending again: what was done with the
    lot, and corrections. So does every merge, because a merge names only the plot of one of its lots.
    """
    db.executemany(
        f"UPDATE later SET done=0, refused='' WHERE community=?1 AND refused IN {VALID[1:]} "
        "AND EXISTS (SELECT 1 FROM lot WHERE community=?1 AND harvest=?2 AND leaf IS NULL) "
        "AND id IN (SELECT id FROM event WHERE community=?1 AND (instr(body, ?3) OR plot="
        "(SELECT plot FROM event WHERE community=?1 AND id=?2)))",
        [(*one, _IS_MERGE) for one in harvests],
    )


def note(db: sqlite3.Connection, harvests: Sequence[tuple[str, str]]) -> None:
    """The outcomes of these harvests, as (community, id), are published, except those corrected meanwhile."""
    db.executemany("UPDATE lot SET told=1 WHERE community=? AND harvest=? AND told=0", harvests)


def corrected(db: sqlite3.Connection, fates: Iterable[Fate]) -> None:
    """Entries about lots are done: mark the sealed harvests that they correct to be published again.

    This includes refused corrections, because a harvest may have been noted as if they held. A refused
    harvest is judged again, because its correction may have come while it was being judged or published.
    """
    for one in fates:
        row = db.execute(
            "SELECT json_extract(CAST(body AS TEXT), '$.of'), plot FROM event WHERE community=? AND id=? "
            "AND json_valid(CAST(body AS TEXT))",  # a damaged entry must not stop the others
            (one.community, one.id),
        ).fetchone()
        if row is None or row[0] is None:
            continue
        of, plot = row
        db.execute(
            "UPDATE lot SET told=-1 WHERE leaf IS NOT NULL AND community=? AND harvest=?", (one.community, of)
        )
        if one.refused in VALID:
            judge_again(db, one.community, of, plot)
