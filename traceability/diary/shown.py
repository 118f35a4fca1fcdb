"""Whether whoever counts lots was shown what became of a harvest: in `lot.told` 0 for nobody yet, 1 for as it
is, -1 for as it was before an entry corrected it.
"""

import sqlite3
from collections.abc import Iterable, Sequence

from devices.contract.diary import Correction
from traceability.diary.rows import UNHANDLED, Fate

# an earlier version showed one lot of a minute alone, and corrected ones as they came
WRONGLY = """
UPDATE lot SET told=-1 WHERE leaf IS NOT NULL AND (
  EXISTS (SELECT 1 FROM lot o WHERE o.community=lot.community AND o.gtin=lot.gtin AND o.time=lot.time
          AND o.harvest<>lot.harvest AND o.leaf IS NOT NULL)
  OR EXISTS (SELECT 1 FROM addendum a WHERE a.gtin=lot.gtin AND a.lot=lot.lot AND a.kind='correction'));
"""


def judge_again(db: sqlite3.Connection, community: str, correction: Correction) -> None:
    """A correction came: the harvest that it corrects, if that was refused, may become a lot after all; and
    so may those of its plot that an interval forbade.
    """
    db.execute(
        "UPDATE lot SET told=0 WHERE community=? AND leaf IS NULL AND refused<>? AND (harvest=? OR "
        "refused='pre_harvest_interval' AND harvest IN (SELECT id FROM event WHERE community=? AND plot=?))",
        (community, UNHANDLED, correction.of, community, correction.plot),
    )


def note(db: sqlite3.Connection, harvests: Sequence[tuple[str, str]]) -> None:
    """The outcome of these, as (community, id), was shown as it is, but for what was corrected meanwhile."""
    db.executemany("UPDATE lot SET told=1 WHERE community=? AND harvest=? AND told=0", harvests)


def corrected(db: sqlite3.Connection, fates: Iterable[Fate]) -> None:
    """Entries about lots are done: the sealed harvests that they correct are to be shown again, and those of
    corrections that were refused as well, as they may have been noted as if these held.
    """
    db.executemany(
        "UPDATE lot SET told=-1 WHERE leaf IS NOT NULL AND community=? AND harvest="
        "(SELECT CASE WHEN json_valid(CAST(body AS TEXT)) THEN json_extract(CAST(body AS TEXT), '$.of') END "
        "FROM event WHERE community=? AND id=?)",  # one that is damaged holds up no other
        [(one.community, one.community, one.id) for one in fates],
    )
