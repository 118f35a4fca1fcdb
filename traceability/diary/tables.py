"""The diary as it stands in trace.sqlite: what sealing asks of it, in the words of the diary.

    event   every entry as it came                     lot     what became of a harvest
    later   entries about lots, each sealed once       unhandled   entries that nobody could work on
                                                       (handling.py has what it adds: addendum)

An entry that was corrected is read as it was corrected: what forbids a harvest is what was really done. One
whose bytes nobody understands is left out and told in the log; it holds up no other.
"""

import logging
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from devices.contract.diary import Correction, DiaryEvent, Harvest, corrected, decode_diary
from devices.contract.payloads import PayloadError
from devices.pilots.bounds import corrected_within, epoch_ms
from devices.pilots.pilot import Pilot

log = logging.getLogger(__name__)
VALID = (
    "",
    "no_lot",
    "lot_refused",
    "nothing_to_correct",
)  # corrections that hold, shown by a lot or by none
SCHEMA = """
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
"""
TABLES = ("event", "lot", "later", "unhandled", "addendum")


class Picked(NamedTuple):
    """A sealed harvest; `time` is epoch ms."""

    id: str
    crop: str
    plot: str
    time: int
    kilograms: float
    area_code: str | None


class Unhandled(NamedTuple):
    """An entry that our own code stumbled over, the error's text, and who sent it ("": unknown)."""

    community: str
    id: str
    device: str
    body: bytes
    error: str


class DiaryTables:
    """Reads the tables over somebody's connection, each question under its `lock`."""

    def __init__(self, db: sqlite3.Connection, lock: threading.Lock, pilot: Pilot) -> None:
        self._db, self._lock, self._pilot = db, lock, pilot
        if "device" not in {
            row[1] for row in db.execute("PRAGMA table_info(event)")
        }:  # of an earlier version
            db.execute("ALTER TABLE event ADD COLUMN device TEXT NOT NULL DEFAULT ''")
        self._chains: dict[tuple[str, str], list[Correction]] = {}
        self._standing: dict[tuple[str, str], DiaryEvent] = {}

    def refresh(self) -> None:
        """Read all corrections, in the order they came; what is asked from now on knows those that are valid.
        That no lot could show one says nothing of the entry that it corrects.
        """
        with self._lock:
            rows = self._db.execute(
                "SELECT e.community, e.body, e.simulated FROM later a JOIN event e USING(community, id) "
                f"WHERE a.refused IN ({','.join('?' * len(VALID))}) AND instr(e.body, ?) ORDER BY e.rowid",
                (*VALID, b'"event":"correction"'),
            ).fetchall()
        self._chains.clear()
        self._standing.clear()
        for community, body, simulated in rows:
            correction = understood(body)
            if not isinstance(correction, Correction):
                continue
            key = community, correction.of
            before = self._standing.get(key) or self.event(*key)
            if before is None:
                continue
            try:
                now = corrected(before, correction)
            except PayloadError:
                continue
            if corrected_within(self._pilot, community, before, now, correction, simulated=bool(simulated)):
                self._chains.setdefault(key, []).append(correction)
                self._standing[key] = now

    def drop(self, community: str, correction: str) -> None:
        """A correction was refused: what it said does not hold."""
        for key, chain in list(self._chains.items()):
            kept = [one for one in chain if key[0] != community or one.id != correction]
            if len(kept) == len(chain):
                continue
            self._chains[key] = kept
            event = self.event(*key)
            if event is not None:
                self._standing[key] = self.as_corrected(community, event)

    def event(self, community: str, id: str) -> DiaryEvent | None:
        """An entry as it came."""
        with self._lock:
            row = self._db.execute(
                "SELECT body FROM event WHERE community=? AND id=?", (community, id)
            ).fetchone()
        return understood(row[0]) if row is not None else None

    def simulated(self, community: str, id: str) -> bool:
        """Whether an entry is of a simulated diary."""
        with self._lock:
            row = self._db.execute(
                "SELECT simulated FROM event WHERE community=? AND id=?", (community, id)
            ).fetchone()
        return bool(row and row[0])

    def as_corrected(self, community: str, event: DiaryEvent, before: str = "") -> DiaryEvent:
        """The event as it holds with every valid correction, or with those before the one called so."""
        for correction in self._chains.get((community, event.id), ()):
            if correction.id == before:
                break
            try:
                event = corrected(event, correction)
            except PayloadError:  # one before it was dropped
                continue
        return event

    def keep(self, rows: Sequence[tuple[str, str, str, int, bool, bool, bytes, str]]) -> list[int]:
        """Keep events as (community, id, plot, epoch ms, simulated, sealable harvest, bytes, device) inside
        the caller's transaction. Returns the places of those whose id is another event's: they are not kept.
        """
        taken = []
        for place, row in enumerate(rows):
            known = self._db.execute("SELECT body FROM event WHERE community=? AND id=?", row[:2]).fetchone()
            if (
                known is None
                and self._db.execute(  # what came out of a split or merge has an id as well
                    "SELECT 1 FROM lot WHERE community=? AND harvest=?", row[:2]
                ).fetchone()
            ):
                taken.append(place)
            elif known is None:
                self._db.execute("INSERT INTO event VALUES(?,?,?,?,?,?,?,?)", row)
            elif bytes(known[0]) != row[6]:
                taken.append(place)
        return taken

    def set_aside(self, found: Iterable[tuple[str, str, str]]) -> None:
        """Note (community, id, error) of what could not be handled, inside the caller's transaction."""
        self._db.executemany("INSERT OR REPLACE INTO unhandled(community, id, error) VALUES(?,?,?)", found)

    def try_again(self, events: Iterable[tuple[str, str]]) -> None:
        """Forget that these (community, id) could not be handled, inside the caller's transaction."""
        for key in events:
            if self._db.execute("DELETE FROM unhandled WHERE community=? AND id=?", key).rowcount:
                self._db.execute(
                    "DELETE FROM lot WHERE community=? AND harvest=? AND refused='unhandled'", key
                )
                self._db.execute(
                    "UPDATE later SET done=0, refused='' WHERE community=? AND id=? AND refused='unhandled'",
                    key,
                )

    def unhandled(self) -> list[Unhandled]:
        """What could not be handled and was not told to anybody yet."""
        with self._lock:
            rows = self._db.execute(
                "SELECT u.community, u.id, e.device, e.body, u.error FROM unhandled u "
                "JOIN event e USING(community, id) WHERE NOT u.told"
            ).fetchall()
        return [Unhandled(*row) for row in rows]

    def told(self, found: Iterable[Unhandled]) -> None:
        """These are in the quarantine now."""
        with self._lock:
            self._db.executemany(
                "UPDATE unhandled SET told=1 WHERE community=? AND id=?",
                [(one.community, one.id) for one in found],
            )

    def plot(self, community: str, plot: str, start: int, stop: int) -> list[DiaryEvent]:
        """What was written down about a plot in [start, stop] epoch ms, in order of time, as it came."""
        with self._lock:
            rows = self._db.execute(
                "SELECT body FROM event WHERE community=? AND plot=? AND time BETWEEN ? AND ? "
                "ORDER BY time, id",
                (community, plot, start, stop),
            ).fetchall()
        return list(_events(body for (body,) in rows))

    def moved(self, community: str, plot: str | None, start: int, stop: int) -> list[DiaryEvent]:
        """Entries, as they came, that hold in [start, stop] epoch ms by a correction; of one plot or all."""
        found = []
        for (place, id), event in self._standing.items():
            if place == community and plot in (None, event.plot) and start <= epoch_ms(event.ts) <= stop:
                came = self.event(community, id)
                found += [came] if came is not None else []
        return found

    def picked(self, community: str, start: int, stop: int, also: Collection[str] = ()) -> list[Picked]:
        """A community's sealed harvests, and those among `also`, as they hold in [start, stop] epoch ms."""
        with self._lock:
            rows = self._db.execute(
                "SELECT e.id, e.body, l.leaf FROM event e LEFT JOIN lot l "
                "ON l.community=e.community AND l.harvest=e.id "
                "WHERE e.community=? AND e.harvest AND e.time>=? AND e.time<=?",
                (community, start, stop),
            ).fetchall()
        events = {id: understood(body) for id, body, leaf in rows if leaf is not None or id in also}
        for came in self.moved(community, None, start, stop):
            if (
                isinstance(came, Harvest)
                and came.id not in events
                and (came.id in also or self._sealed(community, came.id))
            ):
                events[came.id] = came
        found = []
        for id, event in events.items():
            now = self.as_corrected(community, event) if event is not None else None
            if isinstance(now, Harvest) and start <= (at := epoch_ms(now.ts)) <= stop:
                found.append(Picked(id, now.crop, now.plot, at, now.quantity_kg, now.area_code))
        return sorted(found, key=lambda one: (one.time, one.id))

    def _sealed(self, community: str, harvest: str) -> bool:
        with self._lock:
            row = self._db.execute(
                "SELECT 1 FROM lot WHERE community=? AND harvest=? AND leaf IS NOT NULL", (community, harvest)
            ).fetchone()
        return row is not None


def understood(body: bytes) -> DiaryEvent | None:
    """The event of these bytes, or None (told in the log): one that cannot be read holds up no other."""
    try:
        return decode_diary(body)
    except PayloadError as error:
        log.warning("a diary entry in trace.sqlite cannot be read, and is left out: %s: %.200r", error, body)
        return None


def _events(bodies: Iterable[bytes]) -> Iterator[DiaryEvent]:
    return (event for event in map(understood, bodies) if event is not None)
