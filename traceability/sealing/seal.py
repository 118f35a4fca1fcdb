"""Sealing: a harvest in the diary becomes a record on disk and a leaf in the log, exactly once.

    diary event ─► keep ═► pending harvest ─► lot.refusal ─► record file ─► log ─► noted in diary ─► published

`keep` is quick and durable. Sealing asks the store for growing conditions and may take long, so it runs in a
thread of its own. A harvest stays pending until the caller has published its outcome and calls
`note_published`. Each step may be repeated after a crash: the lot's code follows from the harvest, a record
file is never rewritten, and a leaf is appended only if the log does not hold it yet.

Several processes of one machine may `keep`. The process that holds the log seals for all of them; when it is
gone, the next process that calls `seal_pending` takes over.
"""

import json
import logging
import secrets
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from devices.clock import epoch_ms, now_ms
from devices.contract.diary import DiaryEvent, Harvest, decode_diary
from devices.contract.reading import Device
from devices.errors import CONTENT, error_text
from devices.files import create_private, write_all
from devices.pilots.bounds import tomorrow
from devices.pilots.pilot import Pilot
from devices.pilots.places import LAST, Product
from traceability.diary.corrections import Corrections
from traceability.diary.file import require_whole
from traceability.diary.reader import DiaryReader
from traceability.diary.rows import Failed, LotRow, NewEntry, Outcome, PendingHarvest, Unhandled, Unsealed
from traceability.diary.season import basis
from traceability.diary.slots import NOWHERE, Slots
from traceability.diary.tables import ANY_TIME, DiaryTables
from traceability.digital_link import LotKey
from traceability.records import addendum, record, story
from traceability.records.conditions import Grew
from traceability.records.reports import Reports
from traceability.sealing import lot
from traceability.sealing.handling import Handler
from traceability.tlog import keys
from traceability.tlog.log import Log, LogBusy
from traceability.tlog.note import Signer

traces = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A harvest and its outcome: `leaf` is its index in the log, or None with the reason in `refused`, a key
    of the catalogue `lot.*`. `time` (epoch ms) and kilograms are the harvest's as corrected; `coverage` is
    None for a refused harvest; `slots` are the lot's timestamps in the store (`traceability.diary.slots`).
    """

    harvest: str
    community: str
    product: str
    key: LotKey
    time: int
    quantity_kg: float
    coverage: float | None
    leaf: int | None
    refused: str
    simulated: bool
    slots: Slots = NOWHERE


class _Draft(NamedTuple):
    """A judged harvest: `entry` is to be logged, empty if the harvest is refused or logged already."""

    sealed: Sealed
    entry: bytes


class Sealer:
    """Stores a folder's diary; writes its records and log unless another process holds the log."""

    def __init__(self, folder: Path, pilot: Pilot, grew: Grew, base_url: str, origin: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._pilot = pilot
        self._grew = grew
        self._base_url = base_url.rstrip("/")
        self.folder = folder
        self._sealing = threading.Lock()  # owns log, records and corrections; held while the store is asked
        self._origin = origin
        self._key = folder / "log.key"
        signer = Signer.from_file(self._key, origin)
        keys.show(folder, signer.verifier)
        self._secret = b""
        self._log: Log | None = None
        with suppress(LogBusy):
            self._take_log()
        self._reports, self._reported = Reports(folder), set[Path]()  # files of reports that are logged
        self._tables = DiaryTables(folder / "trace.sqlite")
        self._corrections = Corrections(self._tables, pilot)
        self._answered: set[tuple[tuple[str, str], str]] = set()  # what `refused` returned
        self._handler = Handler(self._tables, self._corrections, folder / "records", pilot, self._base_url)

    def close(self) -> None:
        with self._sealing:
            self._tables.close()
            if self._log is not None:
                self._log.close()

    def keep(
        self, events: Iterable[tuple[Device, DiaryEvent]], again: Iterable[tuple[str, str]] = ()
    ) -> list[int]:
        """Store diary events; durable on return. A repeated event changes nothing. Returns the positions of
        events that are not stored, because their id is another event's. `again`: (community, id) of entries
        whose handling failed and is to be tried again.
        """
        kept = [
            NewEntry(
                device,
                event,
                isinstance(event, Harvest) and self._product(device.community, event) is not None,
            )
            for device, event in events
        ]
        return self._tables.keep(kept, again)

    def seal_pending(self, limit: int = 20) -> list[Sealed]:
        """Seal or refuse the oldest harvests that are not published yet, at most `limit`, with one append to
        the log; then seal reports and the events about lots. A harvest is returned again until it is noted as
        published, and again after a correction. One that our own code fails on is refused as `unhandled` (see
        there) and delays no other. May raise the store's RetryLater; what was drafted until then is written
        and used next time. Raises LogBusy while another process holds the log, Mended after a damage that
        nobody has looked at.
        """
        with self._sealing:
            require_whole(self.folder / "trace.sqlite")
            log = self._take_log()
            newest = self._tables.newest_entry()
            # corrections of known entries first, because a harvest is judged by the corrected diary
            self._handler.seal(log, self._secret, newest, corrections=True)
            self._corrections.read()  # some of them are sealed now
            pending = self._tables.pending_harvests(limit)
            drafts: list[_Draft] = []
            files: dict[Path, bytes] = {}
            failed: list[Failed] = []
            try:
                for harvest in pending:
                    try:
                        drafts.append(self._draft(harvest, drafts, files))
                    except CONTENT as error:
                        traces.exception("%s: harvest %s cannot be handled", harvest.community, harvest.id)
                        failed.append(Failed(harvest.community, harvest.id, error_text(error)))
            finally:
                write_all(files)  # before any of them is logged
            if failed:
                self._tables.set_aside(failed)
            sealed = self._enter(log, drafts)
            self._reports.adopt()
            reports = dict(self._reports.entries(self._reported))
            log.enter(reports.values())
            self._reported |= reports.keys()
            before = pending[-1].time if len(pending) == limit else ANY_TIME
            self._handler.seal(log, self._secret, newest, before)
            return sealed

    def refused(self, sealed: Sequence[Sealed]) -> list[Unsealed]:
        """Refused entries of real diaries: harvests in `sealed`, and entries about lots, each reason once."""
        found = {(one.community, one.harvest): one.refused for one in sealed if one.refused}
        with self._sealing:
            found |= sorted(self._handler.refused.items() - self._answered)
            self._answered |= self._handler.refused.items()
        senders = [(key, reason, *self._tables.sender(*key)) for key, reason in found.items()]
        return [Unsealed(*key, device, reason) for key, reason, device, simulated in senders if not simulated]

    def unhandled(self) -> list[Unhandled]:
        """Events that could not be handled, until `note_published` is given them."""
        return self._tables.unhandled()

    def note_published(self, sealed: Sequence[Sealed], unhandled: Sequence[Unhandled] = ()) -> None:
        """Note that the caller has published these outcomes; they are not pending any more."""
        self._tables.note_published([(one.community, one.harvest) for one in sealed], unhandled)

    def _product(self, community: str, event: DiaryEvent) -> Product | None:
        grower = self._pilot.producers.get(community)
        products = grower.products if grower is not None else ()
        return next((product for product in products if product.crop == event.crop), None)

    def _draft(
        self, pending: PendingHarvest, others: Sequence["_Draft"], files: dict[Path, bytes]
    ) -> "_Draft":
        """Judge a harvest and, if it is accepted, put its record among `files`, to be written and then
        logged. A record that exists is used as it is. `others`: this batch's drafts, not noted in the diary
        yet.
        """
        community_id, simulated = pending.community, pending.simulated
        harvest = decode_diary(pending.body)
        now = self._corrections.applied(community_id, harvest)  # figures count the harvest as corrected
        assert isinstance(harvest, Harvest) and isinstance(now, Harvest)
        known = self._tables.lot(community_id, harvest.id)
        if known is not None and known.leaf is not None:  # sealed already, whatever the pilot file says now
            sealed = Sealed(
                harvest.id, community_id, harvest.crop, known.key, epoch_ms(now.ts), now.quantity_kg,
                known.coverage, known.leaf, "", simulated,
            )  # fmt: skip
            return _Draft(sealed, b"")
        product = self._product(community_id, harvest)
        if product is None:
            raise LookupError(f"{community_id} has no product of crop {harvest.crop!r} in its pilot file now")
        community = self._pilot.producers[community_id]
        records = self.folder / "records"
        key = lot.key(
            records, product.gtin, self._secret, community, harvest.id, harvest.ts, self._pilot.zone
        )
        path = lot.record_file(records, key)
        sealed = Sealed(
            harvest.id, community_id, product.crop, key, epoch_ms(now.ts), now.quantity_kg, None, None, "",
            simulated,
        )  # fmt: skip
        # a record that exists stays: a late diary entry cannot unmake it
        if not path.exists():
            last = LAST if simulated else tomorrow(now_ms(), self._pilot.zone)
            if not lot.datable(now, self._pilot.zone, last):
                return _Draft(replace(sealed, refused="bad_date"), b"")
            if not lot.datable(harvest, self._pilot.zone, last):
                harvest = now  # the date it came with is impossible
            drafted = [
                d.sealed.harvest
                for d in others
                if d.sealed.community == community_id and not d.sealed.refused
            ]
            rests = basis(
                self._tables, self._corrections, community_id, product, harvest, self._pilot.zone, drafted
            )
            if refused := self._handler.verdict(community_id, harvest.id, key.gtin, drafted):
                return _Draft(replace(sealed, refused=refused), b"")
            grew = self._grew.conditions(community.id, harvest.plot, rests.start, epoch_ms(harvest.ts))
            data = record.canonical(
                record.build(
                    self._pilot, community, product, key, harvest, rests, grew, self._base_url,
                    simulated=simulated,
                )
            )  # fmt: skip
            files[path] = data
            return _Draft(replace(sealed, coverage=grew.coverage), record.entry(data))
        data = path.read_bytes()
        return _Draft(replace(sealed, coverage=record.coverage(record.parse(data))), record.entry(data))

    def _take_log(self) -> Log:
        """The log, opened once for this process, with the secret of the lot codes. Raises LogBusy."""
        while self._log is None:
            signer = Signer.from_file(self._key, self._origin)  # read anew: others may have changed it
            log = Log.open(self.folder / "log", signer, self._origin)
            if Signer.from_file(self._key, self._origin).verifier != signer.verifier:
                log.close()  # the key was replaced between the two reads
                continue
            self._log = log
            today = datetime.now(self._pilot.zone).date()
            keys.note_current(self.folder / "log.keys", signer.verifier, log.size, today)
            self._secret = _secret(self.folder / "lot.secret")  # only the log's holder may make it
        return self._log

    def _enter(self, log: Log, drafts: Sequence["_Draft"]) -> list[Sealed]:
        """Append to the log what it does not hold yet, all at once, and note every outcome."""
        leaves = log.enter(draft.entry for draft in drafts if draft.entry)
        sealed = [
            replace(draft.sealed, leaf=leaves[draft.entry]) if draft.entry else draft.sealed
            for draft in drafts
        ]
        self._tables.note_harvests(
            LotRow(s.community, s.harvest, s.key, s.time, s.quantity_kg, s.coverage, s.leaf, s.refused)
            for s in sealed
        )
        slots: dict[LotKey, Slots] = {}
        for community in {one.community for one in sealed if one.leaf is not None}:
            slots |= self._tables.slots(community)
        return [replace(one, slots=slots.get(one.key, one.slots)) for one in sealed]


def lots(folder: Path, limit: int = 100, community: str = "", gtin: str = "") -> list[dict[str, object]]:
    """The newest lots of a folder, or of one community, sealed and refused; with `gtin` only sealed lots of
    that product. Does not block the writer. `unfit` says why a lot may not be sold, read from its record;
    `made`: by a split or merge, whose time is its `time`.
    """
    reader = DiaryReader(folder)
    recalled, judged = reader.recalled(), reader.judged()
    return [
        _summary(one, recalled) | {"unfit": _unfit(folder, one.lot.key, judged.get(one.lot.key, ()))}
        for one in reader.outcomes(limit, community, gtin)
    ]


def harvests(folder: Path, limit: int, community: str = "") -> list[dict[str, object]]:
    """`lots` without those made by a split or merge, so that each harvested weight counts once, and without
    `unfit`.
    """
    reader = DiaryReader(folder)
    recalled = reader.recalled()
    return [_summary(one, recalled) for one in reader.outcomes(limit, community, harvests=True)]


def _summary(one: Outcome, recalled: set[LotKey]) -> dict[str, object]:
    row = one.lot
    return {
        "community": row.community,
        "gtin": row.key.gtin,
        "lot": row.key.lot,
        "time": row.time,
        "quantity_kg": row.kilograms,
        "coverage": row.coverage,
        "leaf": row.leaf,
        "refused": row.refused,
        "recalled": row.key in recalled,
        "simulated": one.simulated,
        "made": one.made,
    }


def _unfit(folder: Path, key: LotKey, judged: Sequence[str]) -> str:
    """Why a lot may not be sold (`story.unfit`), from its record and the addenda `judged`."""
    data = read(folder, key) if judged else None
    if data is None:
        return ""
    sealed = dict(addendum.read_all(folder / "records", key))
    try:
        return story.unfit(json.loads(data), [json.loads(sealed[id]) for id in judged if id in sealed])
    except CONTENT:  # a damaged file: the lot's own page reports it, and the list goes on
        traces.exception("the record of lot %s, or an entry beside it, cannot be read", key.lot)
        return ""


def recalls(folder: Path, limit: int, community: str = "") -> list[dict[str, object]]:
    """The newest recalls of a folder, or of one community."""
    return [
        {"community": one.community, "gtin": one.key.gtin, "lot": one.key.lot, "time": one.time,
         "reason": one.reason, "simulated": one.simulated}
        for one in DiaryReader(folder).recalls(limit, community)
    ]  # fmt: skip


def read(folder: Path, key: LotKey) -> bytes | None:
    """The canonical bytes of a sealed record, or None. `key` must come from digital_link.parse."""
    path = lot.record_file(folder / "records", key)
    return path.read_bytes() if path.is_file() else None


def _secret(path: Path) -> bytes:
    """32 random bytes in a file that only the owner can read, made once."""
    if not path.exists():
        create_private(path, json.dumps(secrets.token_hex(32)))
    return bytes.fromhex(json.loads(path.read_text("utf-8")))
