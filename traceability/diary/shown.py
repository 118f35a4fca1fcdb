"""Whether whoever counts lots was shown what became of a harvest: in `lot.told` 0 for nobody yet, 1 for as it
is, -1 for as it was before an entry corrected it.
"""

import sqlite3
from collections.abc import Iterable, Sequence

from traceability.diary.rows import UNHANDLED, VALID, Fate

_IS_MERGE = b'"event":"merge"'  # as encode_diary writes it
# an earlier version showed one lot of a minute alone, and corrected ones as they came
WRONGLY = """
UPDATE lot SET told=-1 WHERE leaf IS NOT NULL AND (
  EXISTS (SELECT 1 FROM lot o WHERE o.community=lot.community AND o.gtin=lot.gtin AND o.time=lot.time
          AND o.harvest<>lot.harvest AND o.leaf IS NOT NULL)
  OR EXISTS (SELECT 1 FROM addendum a WHERE a.gtin=lot.gtin AND a.lot=lot.lot AND a.kind='correction'));
"""


def judge_again(db: sqlite3.Connection, community: str, of: str, plot: str) -> None:
    """A correction of the entry `of` came: the harvest that it corrects, if that was refused, may become a
    lot after all; and so may those of its plot that an interval forbade.
    """
    db.execute(
        "UPDATE lot SET told=0 WHERE community=? AND leaf IS NULL AND refused<>? AND (harvest=? OR "
        "refused='pre_harvest_interval' AND harvest IN (SELECT id FROM event WHERE community=? AND plot=?))",
        (community, UNHANDLED, of, community, plot),
    )


def theirs(db: sqlite3.Connection, harvests: Sequence[tuple[str, str]]) -> None:
    """These harvests, as (community, id), become lots: what was done with those that had been refused, and
    what corrects it or what they rest on, is theirs now. A merge is written down of one of its lots' plots.
    """
    db.executemany(
        f"UPDATE later SET done=0, refused='' WHERE community=?1 AND refused IN {VALID[1:]} "
        "AND EXISTS (SELECT 1 FROM lot WHERE community=?1 AND harvest=?2 AND leaf IS NULL) "
        "AND id IN (SELECT id FROM event WHERE community=?1 AND (instr(body, ?3) OR plot="
        "(SELECT plot FROM event WHERE community=?1 AND id=?2)))",
        [(*one, _IS_MERGE) for one in harvests],
    )


def note(db: sqlite3.Connection, harvests: Sequence[tuple[str, str]]) -> None:
    """The outcome of these, as (community, id), was shown as it is, but for what was corrected meanwhile."""
    db.executemany("UPDATE lot SET told=1 WHERE community=? AND harvest=? AND told=0", harvests)


def corrected(db: sqlite3.Connection, fates: Iterable[Fate]) -> None:
    """Entries about lots are done: the sealed harvests that they correct are to be shown again, and those of
    corrections that were refused as well, as they may have been noted as if these held. A refused harvest is
    judged again, as its correction may have come while it was judged or shown.
    """
    for one in fates:
        found = db.execute(
            "SELECT json_extract(CAST(body AS TEXT), '$.of'), plot FROM event WHERE community=? AND id=? "
            "AND json_valid(CAST(body AS TEXT))",  # one that is damaged holds up no other
            (one.community, one.id),
        ).fetchone()
        if found is None or found[0] is None:
            continue
        of, plot = found
        db.execute(
            "UPDATE lot SET told=-1 WHERE leaf IS NOT NULL AND community=? AND harvest=?", (one.community, of)
        )
        if one.refused in VALID:
            judge_again(db, one.community, of, plot)
