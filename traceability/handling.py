"""Seals what happens to lots after their harvest: each diary event once, as an addendum beside its record.

    keep ─► later (trace.sqlite) ─► whose lot? ─► addendum.build ─► files ─► log ─► addendum rows

An input that is written down after a harvest inside its interval was sealed becomes an addendum as well: what
is sealed stays, and says what forbids it.

An event waits while an older harvest is still to be sealed, and where its lot is not known yet, for the next
harvest that comes. Each step may be repeated after a crash: files are written once, and the log is asked
before it gets a leaf.
"""

import json
import logging
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devices.bounds import DAY_MS, epoch_ms
from devices.diary import (
    Correction,
    DiaryEvent,
    Handling,
    Harvest,
    Input,
    Merge,
    Packing,
    Shipping,
    Split,
    decode_diary,
)
from devices.errors import CONTENT, said
from devices.pilot import Pilot
from traceability import addendum, lot, record
from traceability.addendum import Refused
from traceability.diary_tables import DiaryTables, understood
from traceability.digital_link import LotKey
from traceability.durable import write_all
from traceability.log import Log
from traceability.merkle import leaf_hash
from traceability.season import Basis, basis

traces = logging.getLogger(__name__)
BATCH = 200  # events with one append to the log, and so many files open
_SCHEMA = """
CREATE TABLE IF NOT EXISTS addendum(
  community TEXT NOT NULL, id TEXT NOT NULL, gtin TEXT NOT NULL, lot TEXT NOT NULL, kind TEXT NOT NULL,
  quantity REAL NOT NULL, leaf INTEGER NOT NULL, PRIMARY KEY(gtin, lot, id));
"""


@dataclass(frozen=True, slots=True)
class _Lot:
    """A sealed lot: `harvest` is the id that the diary knows it by."""

    community: str
    harvest: str
    key: LotKey
    data: bytes
    kilograms: float
    time: int


@dataclass(slots=True)
class _Work:
    """What one batch has drafted: files to write, entries to log, and what to note once they are."""

    files: dict[Path, bytes] = field(default_factory=dict)
    entries: list[bytes] = field(default_factory=list)
    addenda: list[tuple[str, str, LotKey, str, float, bytes]] = field(default_factory=list)
    lots: list[tuple[str, str, LotKey, int, float, float, bytes]] = field(default_factory=list)
    fates: list[tuple[str, str, str]] = field(default_factory=list)  # community, id, refused
    failed: list[tuple[str, str, str]] = field(default_factory=list)  # community, id, the error's text

    def mark(self) -> tuple[int, int, int, int]:
        """How far it has come."""
        return len(self.files), len(self.entries), len(self.addenda), len(self.lots)

    def back_to(self, mark: tuple[int, int, int, int]) -> None:
        """Forget what an event drafted that could not be handled to its end."""
        files, entries, addenda, lots = mark
        for path in list(self.files)[files:]:
            del self.files[path]
        del self.entries[entries:], self.addenda[addenda:], self.lots[lots:]


class Handler:
    """Works in the sealer's database, under its `lock`."""

    def __init__(
        self, db: sqlite3.Connection, lock: threading.Lock, tables: DiaryTables, records: Path, pilot: Pilot,
        base_url: str,
    ) -> None:  # fmt: skip
        self._db, self._lock, self._tables, self._records = db, lock, tables, records
        self._pilot, self._base_url = pilot, base_url
        db.executescript(_SCHEMA)

    def expect(self, events: Sequence[tuple[str, int, DiaryEvent]]) -> None:
        """(community, epoch ms, event): note those that are to be sealed. Inside the caller's transaction."""
        later = [(c, e.id, time) for c, time, e in events if isinstance(e, Handling) or _forbids(e)]
        self._db.executemany("INSERT OR IGNORE INTO later(community, id, time) VALUES(?,?,?)", later)
        fresh = {(c,) for c, _, e in events if isinstance(e, Harvest)}
        self._db.executemany(  # with a new number: the new harvest may be theirs, so they come behind it
            "INSERT OR REPLACE INTO later(community, id, time) SELECT community, id, time FROM later "
            "WHERE (refused='no_lot' OR NOT done) AND community=? ORDER BY number",
            sorted(fresh),
        )

    def newest(self) -> int:
        """The number of the event that came last. Under the lock; ask before the harvests that are pending:
        one that came with this event is then among them.
        """
        return int(self._db.execute("SELECT coalesce(max(number), 0) FROM later").fetchone()[0])

    def seal(self, log: Log, secret: bytes, newest: int, before: int | None) -> None:
        """Seal or refuse what came up to the number `newest` and happened before epoch ms `before`: no
        harvest of then is still to be sealed.
        """
        while True:
            with self._lock:
                rows = self._db.execute(
                    "SELECT e.community, e.id, e.body FROM later a JOIN event e USING(community, id) "
                    "WHERE NOT a.done AND a.number<=? AND a.time<? ORDER BY a.time, a.id LIMIT ?",
                    (newest, 1 << 62 if before is None else before, BATCH),
                ).fetchall()
            if not rows:
                return
            self._tables.refresh()
            work = _Work()
            for community, id, body in rows:
                refused, mark = "", work.mark()
                try:
                    self._draft(community, decode_diary(body), secret, work)
                except Refused as error:
                    refused = error.reason
                except CONTENT as error:
                    traces.exception("%s: entry %s cannot be handled", community, id)
                    refused = "unhandled"
                    work.back_to(mark)
                    work.failed.append((community, id, said(error)))
                work.fates.append((community, id, refused))
            self._enter(log, work)

    def _draft(self, community: str, event: DiaryEvent, secret: bytes, work: _Work) -> None:
        """Write the addenda of an event, and the records of lots that it makes. Raises Refused."""
        assert isinstance(event, Handling | Input)
        parents = self._lots(community, event, work)
        if not isinstance(event, Correction | Input) and any(
            epoch_ms(event.ts) < one.time for one in parents
        ):
            raise Refused("before_harvest")
        children: list[tuple[LotKey, float]] = []
        if isinstance(event, Split | Merge):
            children = self._children(community, event, parents, secret)
        files = [addendum.folder_of(self._records, parent.key) / f"{event.id}.json" for parent in parents]
        drafts = {}
        for parent, path in zip(parents, files, strict=True):
            if not path.exists():
                addendum.check_quantity(event, parent.kilograms, self._used(parent.key, work))
                earlier = [json.loads(data) for data in self._earlier(parent.key, work)]
                rests = self._rests(parent, event)
                built = addendum.build(
                    self._pilot, self._base_url, parent.data, event, earlier, children, rests
                )
                drafts[path] = record.canonical(built)
        work.files |= drafts  # none of them before all are allowed
        for parent, path in zip(parents, files, strict=True):
            entry = record.entry(_read(path, work))
            amount = addendum.weight(event, parent.kilograms)
            work.addenda.append((community, event.id, parent.key, event.event, amount, entry))
            work.entries.append(entry)
        if isinstance(event, Split | Merge):
            self._make(community, event, parents, children, work)

    def _reached(self, community: str, late: Input, work: _Work) -> list[_Lot]:
        """Lots sealed before it was written down that their plot was treated, inside the interval."""
        now = self._tables.as_corrected(community, late)
        if not isinstance(now, Input):
            return []
        start = epoch_ms(now.ts)
        picked = self._tables.picked(community, start, start + now.pre_harvest_days * DAY_MS - 1)
        lots = [self._lot(community, one.id, work) for one in picked if one.plot == now.plot]
        name = f'"id":"{late.id}"'.encode()  # as canonical JSON has it
        return [one for one in lots if name not in one.data]

    def _rests(self, parent: _Lot, event: Handling | Input) -> Basis | None:
        """What the lot rests on as it is now, where that is asked again: for a correction."""
        if not isinstance(event, Correction):
            return None
        with self._lock:
            row = self._db.execute(
                "SELECT body FROM event WHERE community=? AND id=?", (parent.community, parent.harvest)
            ).fetchone()
        harvest = decode_diary(row[0]) if row is not None else None
        product = self._pilot.product_of(parent.key.gtin)
        if product is None or not isinstance(harvest, Harvest):
            return None  # it came out of a split or merge
        return basis(self._tables, parent.community, product, harvest, self._pilot.zone)

    def _children(
        self, community: str, event: Split | Merge, parents: Sequence[_Lot], secret: bytes
    ) -> list[tuple[LotKey, float]]:
        if len({parent.key.gtin for parent in parents}) > 1:
            raise Refused("other_product")
        whole = [sum(parent.kilograms for parent in parents)]
        grower, gtin = self._pilot.producers[community], parents[0].key.gtin
        children = []
        for number, amount in enumerate(event.parts if isinstance(event, Split) else whole, 1):
            key = LotKey(gtin, lot.code(secret, grower, f"{event.id}/{number}", event.ts))
            if self._taken(community, f"{event.id}-{number}", key):
                raise Refused("id_taken")
            children.append((key, amount))
        return children

    def _taken(self, community: str, harvest: str, key: LotKey) -> bool:
        """Whether the diary knows another lot, or a harvest that is to become one, by this id."""
        with self._lock:
            found = self._db.execute(
                "SELECT gtin, lot FROM lot WHERE community=? AND harvest=?", (community, harvest)
            ).fetchone()
            event = self._db.execute(
                "SELECT 1 FROM event WHERE community=? AND id=?", (community, harvest)
            ).fetchone()
        return event is not None or (found is not None and tuple(found) != key)

    def _make(
        self, community: str, event: Split | Merge, parents: Sequence[_Lot],
        children: Sequence[tuple[LotKey, float]], work: _Work,
    ) -> None:  # fmt: skip
        """The records of the lots that come out of a split or merge."""
        for number, (key, amount) in enumerate(children, 1):
            path = self._records / key.gtin / f"{key.lot}.json"
            if not path.exists():
                parts = [(json.loads(parent.data), parent.data) for parent in parents]
                said = addendum.folder_of(self._records, parents[0].key) / f"{event.id}.json"
                epcis = json.loads(_read(said, work))["epcis"]
                work.files[path] = record.canonical(record.derived(parts, key, event, amount, epcis))
            data = _read(path, work)
            coverage = json.loads(data)["conditions"]["coverage"]
            time = epoch_ms(event.ts)
            work.lots.append(
                (community, f"{event.id}-{number}", key, time, amount, coverage, record.entry(data))
            )
            work.entries.append(record.entry(data))

    def _earlier(self, key: LotKey, work: _Work) -> list[bytes]:
        """The lot's addenda, those of this batch among them."""
        folder = addendum.folder_of(self._records, key)
        drafted = [data for path, data in work.files.items() if path.parent == folder]
        return [data for _, data in addendum.read_all(self._records, key)] + drafted

    def _enter(self, log: Log, work: _Work) -> None:
        write_all(work.files)
        leaves = {entry: log.index_of(leaf_hash(entry)) for entry in work.entries}
        new = [entry for entry, leaf in leaves.items() if leaf is None]
        leaves |= dict(zip(new, log.append(new), strict=True))
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(
                "INSERT OR REPLACE INTO addendum VALUES(?,?,?,?,?,?,?)",
                [(c, id, *key, kind, kg, leaves[entry]) for c, id, key, kind, kg, entry in work.addenda],
            )
            self._db.executemany(  # told already: what is counted is harvests
                "INSERT OR IGNORE INTO lot VALUES(?,?,?,?,?,?,?,?,'',1)",
                [(c, id, *key, t, kg, cov, leaves[entry]) for c, id, key, t, kg, cov, entry in work.lots],
            )
            self._db.executemany(
                "UPDATE later SET done=1, refused=? WHERE community=? AND id=?",
                [(refused, community, id) for community, id, refused in work.fates],
            )
            self._tables.set_aside(work.failed)

    def _used(self, key: LotKey, work: _Work) -> dict[str, float]:
        """Kilograms of the lot that were handled, by kind of event."""
        with self._lock:
            rows = self._db.execute(
                "SELECT kind, sum(quantity) FROM addendum WHERE gtin=? AND lot=? GROUP BY kind", key
            ).fetchall()
        used = dict(rows)
        for _, _, other, kind, amount, _ in work.addenda:
            if other == key:
                used[kind] = used.get(kind, 0.0) + amount
        return used

    def _lots(self, community: str, event: Handling | Input, work: _Work) -> list[_Lot]:
        """The lots that an event is about. Raises Refused where there is none, or one was not sealed."""
        match event:
            case Input():
                return self._reached(community, event, work)
            case Merge():
                return [self._lot(community, harvest, work) for harvest in dict.fromkeys(event.harvests)]
            case Correction():
                return [self._corrected(community, event, work)]
            case Packing() | Shipping() if event.harvest is None:
                return [self._lot(community, self._last_harvest(community, event), work)]
        return [self._lot(community, event.harvest or "", work)]

    def _lot(self, community: str, harvest: str, work: _Work) -> _Lot:
        with self._lock:
            row = self._db.execute(
                "SELECT gtin, lot, leaf, quantity, time FROM lot WHERE community=? AND harvest=?",
                (community, harvest),
            ).fetchone()
        if row is None:
            row = next(
                (
                    (*key, 0, kg, at)
                    for c, id, key, at, kg, _, _ in work.lots
                    if (c, id) == (community, harvest)
                ),
                None,
            )
        if row is None:
            raise Refused("no_lot")
        if row[2] is None:
            raise Refused("lot_refused")
        key = LotKey(row[0], row[1])
        data = _read(self._records / key.gtin / f"{key.lot}.json", work)
        return _Lot(community, harvest, key, data, row[3], row[4])

    def _last_harvest(self, community: str, event: DiaryEvent) -> str:
        """The plot's last harvest of the event's crop before it."""
        return self._harvest(community, event, "time<=? ORDER BY time DESC, id DESC", event)

    def _corrected(self, community: str, event: Correction, work: _Work) -> _Lot:
        """The lot in whose record or addenda the wrong event stands."""
        with self._lock:
            row = self._db.execute(
                "SELECT body FROM event WHERE community=? AND id=?", (community, event.of)
            ).fetchone()
            handled = self._db.execute(
                "SELECT l.harvest FROM addendum a JOIN lot l USING(gtin, lot) WHERE a.community=? AND a.id=?",
                (community, event.of),
            ).fetchone()
        if row is None:
            raise Refused("no_lot")
        handled = handled or next(
            ((self._name(key),) for c, id, key, *_ in work.addenda if (c, id) == (community, event.of)), None
        )
        if handled is not None:
            return self._lot(community, handled[0], work)
        wrong = decode_diary(row[0])
        if isinstance(wrong, Handling):
            raise Refused("nothing_to_correct")
        if isinstance(wrong, Harvest):
            return self._lot(community, wrong.id, work)
        return self._lot(community, self._harvest(community, wrong, "time>=? ORDER BY time, id", event), work)

    def _name(self, key: LotKey) -> str:
        with self._lock:
            row = self._db.execute("SELECT harvest FROM lot WHERE gtin=? AND lot=?", key).fetchone()
        return str(row[0]) if row else ""

    def _harvest(self, community: str, event: DiaryEvent, where: str, like: DiaryEvent) -> str:
        with self._lock:
            rows = self._db.execute(
                f"SELECT body FROM event WHERE harvest AND community=? AND plot=? AND {where} LIMIT 9",
                (community, like.plot, epoch_ms(event.ts)),
            ).fetchall()
        for (body,) in rows:
            found = understood(body)
            if found is not None and found.crop == event.crop:
                return found.id
        raise Refused("no_lot")


def _forbids(event: DiaryEvent) -> bool:
    """Whether a harvest that is sealed already might not have been, had it been written down in time."""
    return isinstance(event, Input) and event.pre_harvest_days > 0


def _read(path: Path, work: _Work) -> bytes:
    return work.files[path] if path in work.files else path.read_bytes()
