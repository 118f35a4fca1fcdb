"""Finds the lots that a diary entry is about: those it names or concerns, and their descendants.

harvest ─► lot ─► split, merge ─► descendant lots (a recall of the first lot holds for all of them)
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from devices.clock import DAY_MS, epoch_ms
from devices.contract.diary import (
    Correction,
    Handling,
    Harvest,
    Input,
    Merge,
    Packing,
    Shipping,
)
from devices.pilots.pilot import Pilot
from traceability.diary.corrections import Corrections
from traceability.diary.rows import Failed, Fate, LotRow
from traceability.diary.season import LOOK_BACK_MS, basis
from traceability.diary.tables import DiaryTables
from traceability.digital_link import LotKey
from traceability.records import addendum
from traceability.records.addendum import Refused
from traceability.sealing import lot


@dataclass(frozen=True, slots=True)
class SealedLot:
    """A sealed lot. `harvest` is its id in the diary; kilograms and time (epoch ms) are as corrected."""

    community: str
    harvest: str
    key: LotKey
    data: bytes
    kilograms: float
    time: int


class DraftedAddendum(NamedTuple):
    """An addendum to be sealed; `entry` goes into the log."""

    community: str
    id: str
    key: LotKey
    kind: str
    kilograms: float
    entry: bytes


class DraftedLot(NamedTuple):
    """A lot made by a split or merge, to be sealed; `time` is epoch ms, `entry` goes into the log."""

    community: str
    harvest: str
    key: LotKey
    time: int
    kilograms: float
    coverage: float | None
    entry: bytes


@dataclass(slots=True)
class Work:
    """The drafts of one batch: files to write, entries to log, and what to note in the diary afterwards."""

    files: dict[Path, bytes] = field(default_factory=dict)
    entries: list[bytes] = field(default_factory=list)
    addenda: list[DraftedAddendum] = field(default_factory=list)
    lots: list[DraftedLot] = field(default_factory=list)
    fates: list[Fate] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    understood: dict[Path, dict[str, Any]] = field(default_factory=dict)  # parsed once: a lot may have many

    def mark(self) -> tuple[int, int, int, int]:
        """The current number of files, entries, addenda and lots."""
        return len(self.files), len(self.entries), len(self.addenda), len(self.lots)

    def back_to(self, mark: tuple[int, int, int, int]) -> None:
        """Drop what was drafted since `mark`, for an event whose handling failed."""
        files, entries, addenda, lots = mark
        for path in list(self.files)[files:]:
            del self.files[path]
            self.understood.pop(path, None)
        del self.entries[entries:], self.addenda[addenda:], self.lots[lots:]

    def read(self, path: Path) -> bytes:
        """The bytes of a file, or of its draft. Raises LookupError for a lot whose record is gone."""
        if path in self.files:
            return self.files[path]
        try:
            return path.read_bytes()
        except FileNotFoundError:
            raise LookupError(f"the sealed file {path.parent.name}/{path.name} is gone") from None

    def content(self, path: Path) -> dict[str, Any]:
        """The parsed content of such a file; do not change it. Raises LookupError like `read`."""
        if path not in self.understood:
            self.understood[path] = json.loads(self.read(path))
        return self.understood[path]


class About:
    """Looks up lots in the diary and their files below the folder `records`."""

    def __init__(self, tables: DiaryTables, corrections: Corrections, records: Path, pilot: Pilot) -> None:
        self._tables, self._corrections = tables, corrections
        self._records, self._pilot = records, pilot

    def lots(self, community: str, event: Handling | Input, work: Work) -> list[SealedLot]:
        """The lots that an event is about, without their descendants.

        Raises Refused if one of the lots was not sealed, or if there is no lot; only an input may be about
        none.
        """
        match event:
            case Input():
                return [
                    one
                    for one in self._reached(community, event, work)
                    if not self._names(one, event.id, work)
                ]
            case Merge():
                return [self.lot(community, harvest, work) for harvest in dict.fromkeys(event.harvests)]
            case Correction():
                return self._corrected(community, event, work)
            case Packing() | Shipping() if event.harvest is None:
                last = self._corrections.last_harvest(
                    community, event.plot, event.crop, epoch_ms(event.ts),
                    simulated=self._tables.simulated(community, event.id),
                )  # fmt: skip
                if last is None:
                    raise Refused("no_lot")
                return [self.lot(community, last, work)]
        return [self.lot(community, event.harvest or "", work)]

    def with_descendants(self, lots: Sequence[SealedLot], work: Work) -> list[SealedLot]:
        """These lots and all lots made from them by splits and merges, each once."""
        reached = {one.key: one for one in lots}
        rest = list(lots)
        while rest:
            parent = rest.pop()
            for one in self.later(parent.key, work):
                for child in one["lots"]:
                    key = LotKey(child["gtin"], child["lot"])
                    if key not in reached:
                        reached[key] = self._by_key(parent.community, key, work)
                        rest.append(reached[key])
        return list(reached.values())

    def later(self, key: LotKey, work: Work) -> list[dict[str, Any]]:
        """The parsed addenda of a lot in the order of the log, then those drafted in this batch."""
        folder = addendum.folder_of(self._records, key)
        noted = [folder / f"{id}.json" for id in self._tables.addenda(key)]
        drafted = [path for path in work.files if path.parent == folder]
        return [work.content(path) for path in dict.fromkeys([*noted, *drafted])]

    def lot(self, community: str, harvest: str, work: Work) -> SealedLot:
        """The lot with this id in the diary. Raises Refused."""
        row: LotRow | DraftedLot | None = self._tables.lot(community, harvest) or next(
            (one for one in work.lots if (one.community, one.harvest) == (community, harvest)), None
        )
        if row is None:
            raise Refused("no_lot")
        if isinstance(row, LotRow) and row.leaf is None:
            raise Refused("lot_refused")
        key, kilograms, time = row.key, row.kilograms, row.time
        now = self._corrections.held(community, harvest)
        if isinstance(now, Harvest):
            kilograms, time = now.quantity_kg, epoch_ms(now.ts)
        data = work.read(lot.record_file(self._records, key))
        return SealedLot(community, harvest, key, data, kilograms, time)

    def verdict(self, known: SealedLot, work: Work) -> str:
        """Why a lot would not be sealed as is known now, a key of the catalogue `lot.*`; "" if it would."""
        for harvest in self._roots(known, work):
            if reason := self.harvest_verdict(known.community, harvest, known.key.gtin):
                return reason
        return ""

    def harvest_verdict(self, community: str, id: str, gtin: str, drafted: Sequence[str] = ()) -> str:
        """Why one harvest, as corrected, would not be sealed; "" if it would or cannot be judged."""
        grower, product = self._pilot.producers.get(community), self._pilot.product_of(gtin)
        now = self._corrections.held(community, id)
        if grower is None or product is None or not isinstance(now, Harvest):
            return ""
        rests = basis(self._tables, self._corrections, community, product, now, self._pilot.zone, drafted)
        area = self._pilot.records.area(now.area_code) if now.area_code is not None else None
        return lot.refusal(grower, product, now, rests, area, self._pilot.zone)

    def handled(self, known: SealedLot, work: Work) -> Iterator[Handling]:
        """The handling events of a lot, as corrected."""
        for one in self.later(known.key, work):
            now = self._corrections.held(known.community, one["event"]["id"])
            if isinstance(now, Handling) and not isinstance(now, Correction):
                yield now

    def _roots(self, known: SealedLot, work: Work) -> Iterator[str]:
        """The ids of the harvests that a lot consists of."""
        parents = json.loads(known.data)["made_from"]
        if not parents:
            yield known.harvest
        for parent in parents:
            yield from self._roots(
                self._by_key(known.community, LotKey(parent["gtin"], parent["lot"]), work), work
            )

    def _by_key(self, community: str, key: LotKey, work: Work) -> SealedLot:
        harvest = self._tables.harvest_of(key)
        if harvest is None:
            harvest = next((one.harvest for one in work.lots if one.key == key), "")
        return self.lot(community, harvest, work)

    def _reached(self, community: str, treated: Input, work: Work) -> list[SealedLot]:
        """Sealed lots of the plot harvested inside an input's pre-harvest interval, both as corrected.

        A simulated input reaches only simulated lots, and a real input only real ones.
        """
        now = self._corrections.applied(community, treated)
        if not isinstance(now, Input):
            return []
        start = epoch_ms(now.ts)
        stop, simulated = start + now.pre_harvest_days * DAY_MS - 1, self._tables.simulated(community, now.id)
        picked = self._corrections.picked(community, start, stop, simulated=simulated)
        return [self.lot(community, one.id, work) for one in picked if one.plot == now.plot]

    def _names(self, known: SealedLot, id: str, work: Work) -> bool:
        """Whether a lot's record or one of its addenda contains the entry `id`."""
        content = json.loads(known.data)
        rows = [*content["events"]["rows"], *content.get("intervals", {"rows": []})["rows"]]
        rows += [one["event"] for one in self.later(known.key, work)]
        return any(row["id"] == id for row in rows)

    def _corrected(self, community: str, event: Correction, work: Work) -> list[SealedLot]:
        """The lots whose record or addenda contain the wrong entry, and those that the right one reaches."""
        wrong = self._tables.event(community, event.of)
        if wrong is None:
            raise Refused("no_lot")
        if isinstance(wrong, Harvest):
            return [self.lot(community, wrong.id, work)]
        keys = self._tables.lots_with(community, event.of)
        keys |= {one.key for one in work.addenda if (one.community, one.id) == (community, event.of)}
        concerned = {key: self._by_key(community, key, work) for key in sorted(keys)}
        if isinstance(wrong, Handling):
            if not concerned:
                raise Refused("nothing_to_correct")
            return list(concerned.values())
        first = min(epoch_ms(wrong.ts), epoch_ms(self._corrections.applied(community, wrong).ts))
        # Of both kinds: in records of earlier versions real and simulated entries stand side by side.
        for one in self._corrections.picked(community, first, first + 2 * LOOK_BACK_MS, simulated=None):
            known = self.lot(community, one.id, work)
            if one.plot == wrong.plot and self._names(known, wrong.id, work):
                concerned[known.key] = known
        if isinstance(wrong, Input):
            concerned |= {one.key: one for one in self._reached(community, wrong, work)}
        if not concerned:
            raise Refused("no_lot")
        return list(concerned.values())
