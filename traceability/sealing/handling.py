"""Seals what happens to lots after their harvest: each diary event once, as an addendum to the record.

    pending entries ─► whose lot? ─► addendum.build ─► files ─► log ─► noted in the diary

An input that is written down after a harvest inside its interval was sealed becomes an addendum as well: the
record stays, and the addendum says what forbids the lot.

An event waits while an older harvest is still to be sealed. If its lot is not known yet, it waits for the
next harvest that arrives. Each step may be repeated after a crash: files are written once, and a leaf is
appended only if the log does not hold it yet.
"""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from devices.clock import epoch_ms
from devices.contract.diary import (
    Correction,
    DiaryEvent,
    Handling,
    Harvest,
    Input,
    Merge,
    Packing,
    Revocation,
    Shipping,
    Split,
    corrected,
    decode_diary,
)
from devices.contract.payloads import PayloadError
from devices.errors import CONTENT, error_text
from devices.files import write_all
from devices.pilots.bounds import corrected_within
from devices.pilots.pilot import Pilot
from traceability.diary.corrections import Corrections
from traceability.diary.rows import UNHANDLED, VALID, AddendumRow, Failed, Fate, LotRow
from traceability.diary.tables import ANY_TIME, IS_CORRECTION, DiaryTables
from traceability.digital_link import LotKey
from traceability.records import addendum, record, story
from traceability.records.addendum import Refused
from traceability.sealing import lot
from traceability.sealing.about import About, DraftedAddendum, DraftedLot, SealedLot, Work
from traceability.tlog.log import Log

traces = logging.getLogger(__name__)
CORRECTIONS = 5000  # looked at before a round's harvests
BATCH = 200  # events per append to the log; also limits the files open at once


class Handler:
    """Takes pending entries from the diary and notes their outcome there. Its caller lets only one thread
    seal at a time.
    """

    def __init__(
        self, tables: DiaryTables, corrections: Corrections, records: Path, pilot: Pilot, base_url: str
    ) -> None:
        self._tables, self._corrections, self._records = tables, corrections, records
        self._pilot, self._base_url = pilot, base_url
        self._about = About(tables, corrections, records, pilot)
        self.refused: dict[tuple[str, str], str] = {}  # (community, id) of refused entries: the last reason

    def seal(
        self, log: Log, secret: bytes, newest: int, before: int = ANY_TIME, *, corrections: bool = False
    ) -> None:
        """Seal or refuse the pending entries numbered up to `newest` that happened before `before` epoch ms.

        The caller sets `before` so that no older harvest is still to be sealed. `corrections`: take only
        corrections, one batch of them, whatever harvests are pending.
        """
        self._corrections.read()
        limit = CORRECTIONS if corrections else BATCH
        while pending := self._tables.pending_entries(newest, before, limit, corrections=corrections):
            work = Work()
            for community, id, body in pending:
                refused, mark = "", work.mark()
                try:
                    self._draft(community, decode_diary(body), secret, work)
                except Refused as error:
                    refused = error.reason
                except CONTENT as error:
                    traces.exception("%s: entry %s cannot be handled", community, id)
                    refused = UNHANDLED
                    work.failed.append(Failed(community, id, error_text(error)))
                if refused:
                    work.back_to(mark)
                if refused not in VALID:
                    self._corrections.drop(community, id)
                if not corrections or refused not in VALID[1:]:  # else pending: this round may seal its lot
                    work.fates.append(Fate(community, id, refused))
                    holds = VALID if IS_CORRECTION in body else ("",)
                    if refused not in (*holds, UNHANDLED):
                        self.refused[community, id] = refused
            self._enter(log, work)
            if corrections:
                return

    def verdict(self, community: str, harvest: str, gtin: str, drafted: Sequence[str] = ()) -> str:
        """Why a harvest, as corrected, may not be sealed; "" if it may."""
        return self._about.harvest_verdict(community, harvest, gtin, drafted)

    def _draft(self, community: str, event: DiaryEvent, secret: bytes, work: Work) -> None:
        """Draft the addenda of an event, and the records of the lots that it makes. Raises Refused."""
        assert isinstance(event, Handling | Input)
        sides = self._sides(community, event) if isinstance(event, Correction) else None
        # The event as it holds now: a correction may arrive before the entry is sealed.
        holds = sides[1] if sides is not None else self._corrections.applied(community, event)
        parents = self._about.lots(community, event, work)
        self._require_order(holds, parents, work)
        own = {parent.key for parent in parents}
        children: list[tuple[LotKey, float]] = []
        if isinstance(event, Split | Merge):
            for parent in parents:
                addendum.check_whole(self._about.later(parent.key, work))
            children = self._children(community, event, parents, secret)
        elif isinstance(event, Correction | Revocation | Input):
            parents = self._about.with_descendants(parents, work)
        parts = [(parent.key, addendum.weight(event, parent.kilograms)) for parent in parents]
        files = [addendum.folder_of(self._records, parent.key) / f"{event.id}.json" for parent in parents]
        drafts = {}
        for parent, path in zip(parents, files, strict=True):
            if not path.exists():
                self._require_house(community, holds)
                if parent.key in own:
                    self._require_room(holds, sides[0] if sides is not None else None, parent, work)
                later = self._about.later(parent.key, work)
                judged = isinstance(event, Correction | Input)
                built = addendum.build(
                    self._pilot, self._base_url, parent.data, event, later, parts, children, sides,
                    self._about.verdict(parent, work) if judged else "",
                )  # fmt: skip
                drafts[path] = record.canonical(built)
        work.files |= drafts  # added only once all of them are allowed
        for parent, path in zip(parents, files, strict=True):
            entry = record.entry(work.read(path))
            amount = addendum.weight(event, parent.kilograms)
            work.addenda.append(DraftedAddendum(community, event.id, parent.key, event.event, amount, entry))
            work.entries.append(entry)
        if isinstance(event, Split | Merge):
            self._make(community, event, parents, children, work)

    def _sides(self, community: str, event: Correction) -> tuple[DiaryEvent, DiaryEvent]:
        """The corrected entry before and after this correction. Raises Refused."""
        came = self._tables.event(community, event.of)
        if came is None:
            raise Refused("no_lot")
        wrong = self._corrections.applied(community, came, before=event.id)
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

    def _require_order(self, right: DiaryEvent, lots: Sequence[SealedLot], work: Work) -> None:
        """Nothing happens to a lot before its harvest, not even by a correction. Raises Refused."""
        if isinstance(right, Harvest):
            handled = [epoch_ms(one.ts) for known in lots for one in self._about.handled(known, work)]
            if handled and min(handled) < epoch_ms(right.ts):
                raise Refused("after_handling")
        elif isinstance(right, Handling) and any(epoch_ms(right.ts) < known.time for known in lots):
            raise Refused("before_harvest")

    def _require_room(self, right: DiaryEvent, wrong: DiaryEvent | None, lot: SealedLot, work: Work) -> None:
        """No more of a lot is handled than there is, not even by a correction. Raises Refused.

        A correction that reduces the excess is accepted.
        """
        total, more = lot.kilograms, True
        match wrong, right:
            case Harvest(), Harvest():
                total, more = right.quantity_kg, right.quantity_kg < wrong.quantity_kg
            case (Packing() | Shipping(), Packing() | Shipping()):
                more = right.quantity_kg > wrong.quantity_kg
        if more:
            addendum.check_quantity(right, total, self._used(lot, work, but=right.id))

    def _require_house(self, community: str, event: DiaryEvent) -> None:
        """Require a packing house's code to be the group's own, for this crop, and valid that day.

        Raises Refused.
        """
        if not isinstance(event, Packing) or event.house_code is None:
            return
        house = self._pilot.records.house(event.house_code)
        if house is None or house.community != community or event.crop not in house.crops:
            raise Refused("foreign_house")
        if not house.valid(event.ts.astimezone(self._pilot.zone).date()):
            raise Refused("expired_house")

    def _children(
        self, community: str, event: Split | Merge, parents: Sequence[SealedLot], secret: bytes
    ) -> list[tuple[LotKey, float]]:
        if len({parent.key.gtin for parent in parents}) > 1:
            raise Refused("other_product")
        whole = [sum(parent.kilograms for parent in parents)]
        grower, gtin = self._pilot.producers[community], parents[0].key.gtin
        children = []
        for number, amount in enumerate(event.parts if isinstance(event, Split) else whole, 1):
            origin = f"{event.id}/{number}"
            key = lot.key(self._records, gtin, secret, grower, origin, event.ts, self._pilot.zone)
            if self._taken(community, f"{event.id}-{number}", key):
                raise Refused("id_taken")
            children.append((key, amount))
        return children

    def _taken(self, community: str, harvest: str, key: LotKey) -> bool:
        """Whether the diary has this id already: for another lot, or for a harvest that is to become one."""
        row = self._tables.lot(community, harvest)
        return self._tables.has(community, harvest) or (row is not None and row.key != key)

    def _make(
        self, community: str, event: Split | Merge, parents: Sequence[SealedLot],
        children: Sequence[tuple[LotKey, float]], work: Work,
    ) -> None:  # fmt: skip
        """Draft the records of the lots made by a split or merge."""
        for number, (key, amount) in enumerate(children, 1):
            path = lot.record_file(self._records, key)
            if not path.exists():
                parts = [(json.loads(parent.data), self._about.later(parent.key, work)) for parent in parents]
                first = addendum.folder_of(self._records, parents[0].key) / f"{event.id}.json"
                epcis = json.loads(work.read(first))["epcis"]
                harvested = max(story.harvested(content, later) for content, later in parts)
                made_of = [
                    record.Parent(story.holding(content, later), parent.data, parent.kilograms)
                    for parent, (content, later) in zip(parents, parts, strict=True)
                ]
                work.files[path] = record.canonical(
                    record.derived(made_of, key, event, amount, harvested, epcis)
                )
            data = work.read(path)
            coverage = record.coverage(json.loads(data))
            time = epoch_ms(event.ts)
            entry = record.entry(data)
            work.lots.append(
                DraftedLot(community, f"{event.id}-{number}", key, time, amount, coverage, entry)
            )
            work.entries.append(entry)

    def _enter(self, log: Log, work: Work) -> None:
        """Write the files, append to the log what it does not hold yet, and note every outcome."""
        write_all(work.files)
        leaves = log.enter(work.entries)
        self._tables.note_entries(
            [AddendumRow(*one[:-1], leaves[one.entry]) for one in work.addenda],
            [LotRow(*one[:-1], leaves[one.entry]) for one in work.lots],
            work.fates,
            work.failed,
        )

    def _used(self, lot: SealedLot, work: Work, but: str) -> dict[str, float]:
        """Kilograms of the lot handled so far, by kind of event, as corrected; without the entry `but`."""
        used = self._tables.handled(lot.key)
        for one in work.addenda:
            if one.key == lot.key:
                used[one.kind] = used.get(one.kind, 0.0) + one.kilograms
        used |= {"packing": 0.0, "shipping": 0.0}  # may be corrected, unlike splits and merges
        for event in self._about.handled(lot, work):
            if isinstance(event, Packing | Shipping) and event.id != but:
                used[event.event] += event.quantity_kg
        return used
