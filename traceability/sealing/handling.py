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
from pathlib import Path

from devices.contract.diary import (
    Correction,
    DiaryEvent,
    Handling,
    Harvest,
    Input,
    Merge,
    Revocation,
    Split,
    corrected,
    decode_diary,
)
from devices.contract.payloads import PayloadError
from devices.errors import CONTENT, said
from devices.files import write_all
from devices.pilots.bounds import corrected_within, epoch_ms
from devices.pilots.pilot import Pilot
from traceability.diary.tables import VALID, DiaryTables
from traceability.digital_link import LotKey
from traceability.records import addendum, record, story
from traceability.records.addendum import Refused
from traceability.sealing import lot
from traceability.sealing.about import About, Known, Work
from traceability.tlog.log import Log
from traceability.tlog.merkle import leaf_hash

traces = logging.getLogger(__name__)
CORRECTIONS = 5000  # that are looked at before harvests
BATCH = 200  # events with one append to the log, and so many files open


class Handler:
    """Works in the sealer's database, under its `lock`."""

    def __init__(
        self, db: sqlite3.Connection, lock: threading.Lock, tables: DiaryTables, records: Path, pilot: Pilot,
        base_url: str,
    ) -> None:  # fmt: skip
        self._db, self._lock, self._tables, self._records = db, lock, tables, records
        self._pilot, self._base_url = pilot, base_url
        self._about = About(db, lock, tables, records, pilot)

    def expect(self, events: Sequence[tuple[str, int, DiaryEvent]]) -> None:
        """(community, epoch ms, event): note those that are to be sealed. Inside the caller's transaction."""
        later = [(c, e.id, time) for c, time, e in events if isinstance(e, Handling) or _forbids(e)]
        self._db.executemany("INSERT OR IGNORE INTO later(community, id, time) VALUES(?,?,?)", later)
        fresh = {(c, e.plot) for c, _, e in events if isinstance(e, Harvest)}
        self._db.executemany(  # with a new number: the new harvest may be theirs, so they come behind it
            "INSERT OR REPLACE INTO later(community, id, time) SELECT community, id, a.time FROM later a "
            "JOIN event e USING(community, id) "
            "WHERE (refused IN ('no_lot', 'lot_refused', 'nothing_to_correct') OR NOT done) AND community=? "
            'AND (plot=? OR NOT instr(body, \'"event":"correction"\')) ORDER BY number',
            sorted(fresh),
        )

    def newest(self) -> int:
        """The number of the event that came last. Under the lock; ask before the harvests that are pending:
        one that came with this event is then among them.
        """
        return int(self._db.execute("SELECT coalesce(max(number), 0) FROM later").fetchone()[0])

    def seal(
        self, log: Log, secret: bytes, newest: int, before: int | None, *, corrections: bool = False
    ) -> None:
        """Seal or refuse what came up to the number `newest` and happened before epoch ms `before`: no
        harvest of then is still to be sealed. `corrections`: these alone.
        """
        self._tables.refresh()
        only = 'AND instr(e.body, \'"event":"correction"\') ' if corrections else ""
        while True:
            with self._lock:
                rows = self._db.execute(
                    "SELECT e.community, e.id, e.body FROM later a JOIN event e USING(community, id) "
                    f"WHERE NOT a.done AND a.number<=? AND a.time<? {only}ORDER BY a.time, a.id LIMIT ?",
                    (newest, 1 << 62 if before is None else before, CORRECTIONS if corrections else BATCH),
                ).fetchall()
            if not rows:
                return
            work = Work()
            for community, id, body in rows:
                refused, mark = "", work.mark()
                try:
                    self._draft(community, decode_diary(body), secret, work)
                except Refused as error:
                    refused = error.reason
                except CONTENT as error:
                    traces.exception("%s: entry %s cannot be handled", community, id)
                    refused = "unhandled"
                    work.failed.append((community, id, said(error)))
                if refused:
                    work.back_to(mark)
                if refused not in VALID:
                    self._tables.drop(community, id)
                if not corrections or refused not in VALID[1:]:  # else perhaps after this round's harvests
                    work.fates.append((community, id, refused))
            self._enter(log, work)
            if corrections:
                return

    def verdict(self, community: str, harvest: str, gtin: str, drafted: Sequence[str] = ()) -> str:
        """Why a harvest may not be sealed as it was corrected; "" if it may."""
        return self._about.harvest_verdict(community, harvest, gtin, drafted)

    def _draft(self, community: str, event: DiaryEvent, secret: bytes, work: Work) -> None:
        """Write the addenda of an event, and the records of lots that it makes. Raises Refused."""
        assert isinstance(event, Handling | Input)
        sides = self._sides(community, event) if isinstance(event, Correction) else None
        parents = self._about.lots(community, event, work)
        self._require_order(event, sides, parents, work)
        children: list[tuple[LotKey, float]] = []
        if isinstance(event, Split | Merge):
            self._require_whole(parents, work)
            children = self._children(community, event, parents, secret)
        elif isinstance(event, Correction | Revocation | Input):
            parents = self._about.with_descendants(parents, work)
        files = [addendum.folder_of(self._records, parent.key) / f"{event.id}.json" for parent in parents]
        drafts = {}
        for parent, path in zip(parents, files, strict=True):
            if not path.exists():
                addendum.check_quantity(event, parent.kilograms, self._used(parent.key, work))
                later = self._about.later(parent.key, work)
                judged = isinstance(event, Correction | Input)
                built = addendum.build(
                    self._pilot, self._base_url, parent.data, event, later, children, sides,
                    self._about.verdict(parent, work) if judged else "",
                )  # fmt: skip
                drafts[path] = record.canonical(built)
        work.files |= drafts  # none of them before all are allowed
        for parent, path in zip(parents, files, strict=True):
            entry = record.entry(work.read(path))
            amount = addendum.weight(event, parent.kilograms)
            work.addenda.append((community, event.id, parent.key, event.event, amount, entry))
            work.entries.append(entry)
        if isinstance(event, Split | Merge):
            self._make(community, event, parents, children, work)

    def _sides(self, community: str, event: Correction) -> tuple[DiaryEvent, DiaryEvent]:
        """The entry as it held before a correction, and as it has it. Raises Refused."""
        came = self._tables.event(community, event.of)
        if came is None:
            raise Refused("no_lot")
        wrong = self._tables.as_corrected(community, came, before=event.id)
        try:
            right = corrected(wrong, event)
        except PayloadError:
            raise Refused("bad_correction") from None
        if event.plot != came.plot:
            raise Refused("bad_correction")
        simulated = self._tables.simulated(community, event.id)
        if not corrected_within(self._pilot, community, wrong, right, event, simulated=simulated):
            raise Refused("bad_date")
        return wrong, right

    def _require_order(
        self, event: Handling | Input, sides: tuple[DiaryEvent, DiaryEvent] | None, lots: Sequence[Known],
        work: Work,
    ) -> None:  # fmt: skip
        """Nothing is done with a lot before its harvest, nor by a correction. Raises Refused."""
        right = sides[1] if sides is not None else event
        if isinstance(right, Harvest):
            handled = [epoch_ms(one.ts) for known in lots for one in self._about.handled(known, work)]
            if handled and min(handled) < epoch_ms(right.ts):
                raise Refused("before_harvest")
        elif isinstance(right, Handling) and any(epoch_ms(right.ts) < known.time for known in lots):
            raise Refused("before_harvest")

    def _require_whole(self, lots: Sequence[Known], work: Work) -> None:
        """A lot that was recalled, or should not have been sealed, gets no new name. Raises Refused."""
        for known in lots:
            later = self._about.later(known.key, work)
            if story.recalled(later):
                raise Refused("recalled")
            if story.breaks(later):
                raise Refused("broken")

    def _children(
        self, community: str, event: Split | Merge, parents: Sequence[Known], secret: bytes
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
        self, community: str, event: Split | Merge, parents: Sequence[Known],
        children: Sequence[tuple[LotKey, float]], work: Work,
    ) -> None:  # fmt: skip
        """The records of the lots that come out of a split or merge."""
        for number, (key, amount) in enumerate(children, 1):
            path = self._records / key.gtin / f"{key.lot}.json"
            if not path.exists():
                parts = [(json.loads(parent.data), parent.data) for parent in parents]
                said = addendum.folder_of(self._records, parents[0].key) / f"{event.id}.json"
                epcis = json.loads(work.read(said))["epcis"]
                work.files[path] = record.canonical(record.derived(parts, key, event, amount, epcis))
            data = work.read(path)
            coverage = json.loads(data)["conditions"]["coverage"]
            time = epoch_ms(event.ts)
            work.lots.append(
                (community, f"{event.id}-{number}", key, time, amount, coverage, record.entry(data))
            )
            work.entries.append(record.entry(data))

    def _enter(self, log: Log, work: Work) -> None:
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

    def _used(self, key: LotKey, work: Work) -> dict[str, float]:
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


def _forbids(event: DiaryEvent) -> bool:
    """Whether a harvest that is sealed already might not have been, had it been written down in time."""
    return isinstance(event, Input) and event.pre_harvest_days > 0
