"""Queries and writes on trace.sqlite (schema.py), in terms of the diary's rows (rows.py).

Every query is one statement under the lock, every write one transaction. This module knows nothing of record
files and the log: the caller makes those durable before it notes them here as sealed.

An entry whose bytes cannot be decoded is skipped and logged; it does not stop the others.
"""

import json
import logging
import os
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from devices.clock import epoch_ms
from devices.contract.diary import (
    Correction,
    DiaryEvent,
    Handling,
    Harvest,
    Input,
    decode_diary,
    encode_diary,
)
from devices.contract.payloads import PayloadError
from traceability.diary import acts, aside, shown, slots
from traceability.diary.file import open_file
from traceability.diary.rows import (
    VALID,
    AddendumRow,
    Correcting,
    Failed,
    Fate,
    LotRow,
    NewEntry,
    PendingEntry,
    PendingHarvest,
    PlotHarvest,
    Unhandled,
)
from traceability.diary.slots import Slots
from traceability.digital_link import LotKey

log = logging.getLogger(__name__)
ANY_TIME = 1 << 62  # epoch ms later than everything
IS_CORRECTION = b'"event":"correction"'  # as encode_diary writes it


class DiaryTables:
    """A folder's trace.sqlite. Safe for several threads; other local processes may have it open too."""

    def __init__(self, path: Path) -> None:
        """Raises OSError where the file cannot be opened (file.py)."""
        self._db, self._used = open_file(path)
        self._lock = threading.Lock()  # owns the connection, held for one statement or transaction

    def close(self) -> None:
        with self._lock:
            self._db.close()
            os.close(self._used)

    # -- incoming events

    def keep(self, entries: Sequence[NewEntry], again: Iterable[tuple[str, str]] = ()) -> list[int]:
        """Store events, and make pending those that are to be sealed; durable on return. Returns the
        positions of events that are not stored, because their id is another event's. `again`: (community, id)
        of entries whose handling failed and is to be tried again.
        """
        bodies = [encode_diary(entry.event) for entry in entries]
        with self._writing():
            clashing = [
                place
                for place, (entry, body) in enumerate(zip(entries, bodies, strict=True))
                if not self._keep(entry, body)
            ]
            for community, id in again:
                aside.try_again(self._db, community, id)
            self._expect([entry for place, entry in enumerate(entries) if place not in clashing])
        return clashing

    def _keep(self, entry: NewEntry, body: bytes) -> bool:
        """Store one event. False if its id is another event's."""
        event, key = entry.event, (entry.device.community, entry.event.id)
        known = self._db.execute("SELECT body FROM event WHERE community=? AND id=?", key).fetchone()
        if known is not None:
            return bytes(known[0]) == body
        # a lot made by a split or merge has an id as well
        if self._db.execute("SELECT 1 FROM lot WHERE community=? AND harvest=?", key).fetchone():
            return False
        self._db.execute(
            "INSERT INTO event VALUES(?,?,?,?,?,?,?,?)",
            (*key, event.plot, epoch_ms(event.ts), entry.device.simulated, entry.sealable, body,
             entry.device.device),
        )  # fmt: skip
        return True

    def _expect(self, entries: Sequence[NewEntry]) -> None:
        """Make entries pending: those to be sealed, and those that waited for a harvest of this batch."""
        self._db.executemany(
            "INSERT OR IGNORE INTO later(community, id, time) VALUES(?,?,?)",
            [
                (device.community, event.id, epoch_ms(event.ts))
                for device, event, _ in entries
                if isinstance(event, Handling) or _forbids(event)
            ],
        )
        for device, event, _ in entries:
            if isinstance(event, Correction):
                shown.judge_again(self._db, device.community, event.of, event.plot)
        fresh = {(device.community, event.plot) for device, event, _ in entries if isinstance(event, Harvest)}
        self._db.executemany(  # renumbered behind the new harvest, which may be theirs
            "INSERT OR REPLACE INTO later(community, id, time) SELECT community, id, a.time FROM later a "
            "JOIN event e USING(community, id) "
            "WHERE (refused IN ('no_lot', 'lot_refused', 'nothing_to_correct') OR NOT done) AND community=? "
            "AND (plot=? OR NOT instr(body, ?)) ORDER BY number",
            [(*one, IS_CORRECTION) for one in sorted(fresh)],
        )

    # -- pending work

    def newest_entry(self) -> int:
        """The number of the last entry about lots; a harvest stored together with it is pending by now."""
        (row,) = self._ask("SELECT coalesce(max(number), 0) FROM later")
        return int(row[0])

    def pending_harvests(self, limit: int) -> list[PendingHarvest]:
        """The oldest harvests whose current outcome is not published yet; at most `limit`."""
        rows = self._ask(
            "SELECT e.community, e.id, e.simulated, e.body, e.time FROM event e LEFT JOIN lot l "
            "ON l.community=e.community AND l.harvest=e.id "
            "WHERE e.harvest AND coalesce(l.told, 0)<1 ORDER BY e.time, e.id LIMIT ?",
            (limit,),
        )
        return [PendingHarvest(c, id, bool(s), body, time) for c, id, s, body, time in rows]

    def pending_entries(
        self, newest: int, before: int, limit: int, *, corrections: bool = False
    ) -> list[PendingEntry]:
        """Pending entries about lots, numbered up to `newest`, that happened before `before` (epoch ms), the
        oldest first. `corrections`: only corrections.
        """
        only = "AND instr(e.body, ?) " if corrections else ""
        rows = self._ask(
            "SELECT e.community, e.id, e.body FROM later a JOIN event e USING(community, id) "
            f"WHERE NOT a.done AND a.number<=? AND a.time<? {only}ORDER BY a.time, a.id LIMIT ?",
            (newest, before, *((IS_CORRECTION,) if corrections else ()), limit),
        )
        return [PendingEntry(*row) for row in rows]

    # -- outcomes

    def note_harvests(self, lots: Iterable[LotRow]) -> None:
        """These harvests are sealed or refused, and not published yet. Entries about a lot that had been
        refused become pending again. Sealed lots get the slots of their corrected times.
        """
        rows = list(lots)
        with self._writing():
            shown.reopen(self._db, [(row.community, row.harvest) for row in rows if row.leaf is not None])
            self._db.executemany(
                "INSERT OR REPLACE INTO lot VALUES(?,?,?,?,?,?,?,?,?,0)",
                [(row.community, row.harvest, *row.key, *row[3:]) for row in rows],
            )
            slots.take(self._db, rows)
            acts.note_harvests(self._db, rows)

    def note_entries(
        self, addenda: Sequence[AddendumRow], lots: Iterable[LotRow], fates: Sequence[Fate],
        failed: Iterable[Failed],
    ) -> None:  # fmt: skip
        """These entries are done: store their addenda, the lots they made, and the reasons of refusals. A lot
        made here counts as published, because only harvests are counted. A sealed harvest that one of them
        corrects is to be published again.
        """
        new_lots = list(lots)
        with self._writing():
            self._db.executemany(
                "INSERT OR REPLACE INTO addendum VALUES(?,?,?,?,?,?,?)",
                [(row.community, row.id, *row.key, *row[3:]) for row in addenda],
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO lot VALUES(?,?,?,?,?,?,?,?,?,1)",
                [(row.community, row.harvest, *row.key, *row[3:]) for row in new_lots],
            )
            slots.take(self._db, new_lots)
            self._db.executemany(
                "UPDATE later SET done=1, refused=? WHERE community=? AND id=?",
                [(refused, community, id) for community, id, refused in fates],
            )
            shown.corrected(self._db, fates)
            acts.note_entries(self._db, addenda, fates)
            aside.note(self._db, failed)

    def set_aside(self, failed: Sequence[Failed]) -> None:
        """These harvests could not be handled: they are no lots, and not pending."""
        with self._writing():
            aside.refuse(self._db, failed)

    def note_published(self, harvests: Sequence[tuple[str, str]], unhandled: Sequence[Unhandled]) -> None:
        """These harvests, as (community, id), are published, and `unhandled` are in the quarantine."""
        if not harvests and not unhandled:
            return
        with self._writing():
            shown.note(self._db, harvests)
            aside.note_quarantined(self._db, unhandled)

    # -- diary entries

    def event(self, community: str, id: str) -> DiaryEvent | None:
        """An entry as it came."""
        rows = self._ask("SELECT body FROM event WHERE community=? AND id=?", (community, id))
        return understood(rows[0][0]) if rows else None

    def has(self, community: str, id: str) -> bool:
        """Whether there is an entry of this id, readable or not."""
        return bool(self._ask("SELECT 1 FROM event WHERE community=? AND id=?", (community, id)))

    def simulated(self, community: str, id: str) -> bool:
        """Whether an entry is of a simulated diary."""
        return self.sender(community, id)[1]

    def sender(self, community: str, id: str) -> tuple[str, bool]:
        """The account that sent an entry, and whether it is simulated."""
        rows = self._ask("SELECT device, simulated FROM event WHERE community=? AND id=?", (community, id))
        return (rows[0][0], bool(rows[0][1])) if rows else ("", False)

    def plot(self, community: str, plot: str, start: int, stop: int, *, simulated: bool) -> list[DiaryEvent]:
        """The entries of a plot in [start, stop] epoch ms, in order of time, as they came."""
        rows = self._ask(
            "SELECT body FROM event WHERE community=? AND plot=? AND time BETWEEN ? AND ? AND simulated=? "
            "ORDER BY time, id",
            (community, plot, start, stop, simulated),
        )
        return [event for (body,) in rows if (event := understood(body)) is not None]

    def last_harvest(
        self, community: str, plot: str, crop: str, until: int, but: Collection[str], *, simulated: bool
    ) -> tuple[int, str] | None:
        """Time and id of a plot's last harvest of a crop until epoch ms `until`, as it came, not in `but`."""
        rows = self._ask(
            "SELECT time, id FROM event WHERE harvest AND community=? AND plot=? AND time<=? "
            "AND instr(body, ?) AND id NOT IN (SELECT value FROM json_each(?)) AND simulated=? "
            "ORDER BY time DESC, id DESC LIMIT 1",
            (community, plot, until, f'"crop":"{crop}"'.encode(), json.dumps([*but]), simulated),
        )
        return rows[0] if rows else None

    def harvests(self, community: str, start: int, stop: int) -> list[PlotHarvest]:
        """A community's harvests in [start, stop] epoch ms, sealed or not."""
        rows = self._ask(
            "SELECT e.id, e.body, l.leaf IS NOT NULL, e.simulated FROM event e LEFT JOIN lot l "
            "ON l.community=e.community AND l.harvest=e.id "
            "WHERE e.community=? AND e.harvest AND e.time>=? AND e.time<=?",
            (community, start, stop),
        )
        return [PlotHarvest(id, body, bool(sealed), bool(played)) for id, body, sealed, played in rows]

    def corrections(self) -> list[Correcting]:
        """All corrections not refused for their content, in the order of arrival. A correction that no lot
        can show still holds for the entry that it corrects.
        """
        rows = self._ask(
            "SELECT e.community, e.body, e.simulated, a.done AND a.refused='' "
            "FROM later a JOIN event e USING(community, id) "
            f"WHERE a.refused IN ({','.join('?' * len(VALID))}) AND instr(e.body, ?) ORDER BY e.rowid",
            (*VALID, IS_CORRECTION),
        )
        return [Correcting(group, body, bool(played), bool(sealed)) for group, body, played, sealed in rows]

    def unhandled(self) -> list[Unhandled]:
        """Entries that could not be handled and are not in the quarantine yet."""
        rows = self._ask(
            "SELECT u.community, u.id, e.device, e.body, u.error FROM unhandled u "
            "JOIN event e USING(community, id) WHERE NOT u.told"
        )
        return [Unhandled(*row) for row in rows]

    # -- lots and their addenda

    def lot(self, community: str, harvest: str) -> LotRow | None:
        """The lot or refused harvest with this id."""
        rows = self._ask(
            "SELECT community, harvest, gtin, lot, time, quantity, coverage, leaf, refused FROM lot "
            "WHERE community=? AND harvest=?",
            (community, harvest),
        )
        return next((LotRow(c, h, LotKey(gtin, lot), *rest) for c, h, gtin, lot, *rest in rows), None)

    def harvest_of(self, key: LotKey) -> str | None:
        """A lot's id in the diary."""
        rows = self._ask("SELECT harvest FROM lot WHERE gtin=? AND lot=?", key)
        return str(rows[0][0]) if rows else None

    def slots(self, community: str) -> dict[LotKey, Slots]:
        """The slots of each of a community's sealed lots (slots.py)."""
        with self._lock:
            return slots.read(self._db, community)

    def addenda(self, key: LotKey) -> list[str]:
        """The ids of a lot's addenda, in the order of the log."""
        rows = self._ask("SELECT id FROM addendum WHERE gtin=? AND lot=? ORDER BY leaf", key)
        return [id for (id,) in rows]

    def lots_with(self, community: str, id: str) -> set[LotKey]:
        """The lots to which an entry was sealed as an addendum."""
        rows = self._ask("SELECT gtin, lot FROM addendum WHERE community=? AND id=?", (community, id))
        return {LotKey(*row) for row in rows}

    def handled(self, key: LotKey) -> dict[str, float]:
        """Kilograms of a lot handled so far, by kind of event."""
        return dict(
            self._ask("SELECT kind, sum(quantity) FROM addendum WHERE gtin=? AND lot=? GROUP BY kind", key)
        )

    # -- the connection

    def changes(self) -> tuple[int, int]:
        """A value that differs once this process or another has written anything."""
        with self._lock:
            (others,) = self._db.execute("PRAGMA data_version").fetchone()
            return int(others), self._db.total_changes

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction: all or nothing, and durable when it ends."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            yield

    def _ask(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(query, values).fetchall()


def understood(body: bytes) -> DiaryEvent | None:
    """Decode an entry; None (logged) if that fails, so that it does not stop the others."""
    try:
        return decode_diary(body)
    except PayloadError as error:
        log.warning("a diary entry in trace.sqlite cannot be read, and is left out: %s: %.200r", error, body)
        return None


def _forbids(event: DiaryEvent) -> bool:
    """Whether the event might forbid a harvest that is already sealed."""
    return isinstance(event, Input) and event.pre_harvest_days > 0
