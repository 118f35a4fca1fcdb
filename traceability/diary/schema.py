"""The tables of trace.sqlite.

event      every entry as it came                      lot        the outcome of each harvest, and other lots
later      entries about lots, each sealed once        unhandled  entries that our own code failed on
addendum   entries sealed after their lot's harvest    slot       a lot's timestamps in the store
act        when an entry was sealed or took effect
"""

import sqlite3

from traceability.diary import shown, slots
from traceability.diary.rows import SOURCE

SCHEMA = f"""{slots.SCHEMA}
CREATE TABLE IF NOT EXISTS event(
  community TEXT NOT NULL, id TEXT NOT NULL, plot TEXT NOT NULL, time INTEGER NOT NULL,
  simulated INTEGER NOT NULL, harvest INTEGER NOT NULL, body BLOB NOT NULL, device TEXT NOT NULL DEFAULT '',
  PRIMARY KEY(community, id));
CREATE INDEX IF NOT EXISTS harvests ON event(harvest, time) WHERE harvest;
CREATE INDEX IF NOT EXISTS seasons ON event(community, plot, time);
CREATE TABLE IF NOT EXISTS lot(
  community TEXT NOT NULL, harvest TEXT NOT NULL, gtin TEXT NOT NULL, lot TEXT NOT NULL,
  time INTEGER NOT NULL, quantity REAL NOT NULL, coverage REAL, leaf INTEGER, refused TEXT NOT NULL,
  told INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(community, harvest));
CREATE TABLE IF NOT EXISTS later(
  number INTEGER PRIMARY KEY AUTOINCREMENT, community TEXT NOT NULL, id TEXT NOT NULL, time INTEGER NOT NULL,
  refused TEXT NOT NULL DEFAULT '', done INTEGER NOT NULL DEFAULT 0, UNIQUE(community, id));
CREATE INDEX IF NOT EXISTS undone ON later(time) WHERE NOT done;
CREATE TABLE IF NOT EXISTS unhandled(
  community TEXT NOT NULL, id TEXT NOT NULL, error TEXT NOT NULL, told INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY(community, id));
CREATE TABLE IF NOT EXISTS addendum(
  community TEXT NOT NULL, id TEXT NOT NULL, gtin TEXT NOT NULL, lot TEXT NOT NULL, kind TEXT NOT NULL,
  quantity REAL NOT NULL, leaf INTEGER NOT NULL, PRIMARY KEY(gtin, lot, id));
CREATE INDEX IF NOT EXISTS addenda ON addendum(community, id);
CREATE TABLE IF NOT EXISTS act(
  time INTEGER PRIMARY KEY, community TEXT NOT NULL, id TEXT NOT NULL, UNIQUE(community, id));
"""
TABLES = ("event", "lot", "later", "unhandled", "addendum", "act", "slot")


# Earlier versions stored coverage 0, as if nothing had been measured, for lots whose growing conditions
# nobody had asked for: refused lots, merged lots, and the lots made from merged ones.
WITHOUT_CONDITIONS = f"""
WITH RECURSIVE
  made(community, harvest, merged, parent) AS (
    SELECT l.community, l.harvest, instr(s.body, CAST('"event":"merge"' AS BLOB)),
      CASE WHEN json_valid(CAST(s.body AS TEXT)) THEN json_extract(CAST(s.body AS TEXT), '$.harvest') END
    FROM lot l JOIN event s ON {SOURCE}
    WHERE NOT EXISTS (SELECT 1 FROM event e WHERE e.community=l.community AND e.id=l.harvest)),
  unasked(community, harvest) AS (
    SELECT community, harvest FROM made WHERE merged
    UNION SELECT m.community, m.harvest FROM unasked u
    JOIN made m ON (m.community, m.parent)=(u.community, u.harvest))
UPDATE lot SET coverage=NULL WHERE refused<>'' OR (community, harvest) IN (SELECT * FROM unasked);
"""
MENDS = (shown.WRONGLY, WITHOUT_CONDITIONS, shown.MIXED)  # index n: from version n to the next
VERSION = len(MENDS)


def complete(db: sqlite3.Connection) -> None:
    """Create what an earlier version lacks. Mark lots that it published wrongly to be published again, and
    harvests that it may have refused wrongly to be judged again.
    """
    db.executescript(SCHEMA)
    before = db.execute("PRAGMA user_version").fetchone()[0]
    if before < VERSION:
        mends = "".join(MENDS[before:])
        db.executescript(f"BEGIN IMMEDIATE;{mends}PRAGMA user_version={VERSION};COMMIT;")
    if "device" not in {row[1] for row in db.execute("PRAGMA table_info(event)")}:
        db.execute("ALTER TABLE event ADD COLUMN device TEXT NOT NULL DEFAULT ''")
    with db:
        db.execute("BEGIN IMMEDIATE")
        slots.complete(db)
