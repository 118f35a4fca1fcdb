"""What a group has written down, as its secretary reads it: the last entries and what became of them, and the
lots that something may be done with.

Read without holding the writer up; an entry that was sent a moment ago may not be here yet.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from devices.contract.diary import Correction, DiaryEvent, corrected
from devices.contract.payloads import PayloadError
from devices.files import to_read
from devices.pilots.pilot import Pilot
from traceability.diary.entries import Lot
from traceability.diary.tables import VALID, understood
from traceability.digital_link import LotKey

ENTRIES, LOTS = 20, 40  # that are shown
GONE = ("split", "merge", "revocation")  # a lot is not there any more after one of these


class Entry(NamedTuple):
    """An event and what became of it: the lot that it made, or why it was refused (a key of `lot.*`)."""

    event: DiaryEvent
    lot: LotKey | None
    refused: str


class Book:
    """The diary of a folder, whose writer may not have begun it yet."""

    def __init__(self, folder: Path, pilot: Pilot) -> None:
        self._path = folder / "trace.sqlite"
        self._pilot = pilot

    def entries(self, community: str) -> list[Entry]:
        """The last of them, the newest first."""
        rows = self._rows(
            "SELECT e.body, l.gtin, l.lot, coalesce(nullif(l.refused, ''), a.refused, ''), l.leaf "
            "FROM event e LEFT JOIN lot l ON l.community=e.community AND l.harvest=e.id "
            "LEFT JOIN later a ON a.community=e.community AND a.id=e.id "
            "WHERE e.community=? ORDER BY e.time DESC, e.id DESC LIMIT ?",
            (community, ENTRIES),
        )
        return [
            Entry(event, LotKey(gtin, lot) if leaf is not None else None, refused)
            for body, gtin, lot, refused, leaf in rows
            if (event := understood(body)) is not None
        ]

    def find(self, community: str, id: str) -> DiaryEvent | None:
        """The event as it holds now: with what corrected it so far."""
        rows = self._rows("SELECT body FROM event WHERE community=? AND id=?", (community, id))
        event = next((understood(body) for (body,) in rows), None)
        if event is None:
            return None
        later = self._rows(
            "SELECT e.body FROM event e JOIN later a USING(community, id) WHERE a.community=? AND a.done "
            f"AND a.refused IN ({','.join('?' * len(VALID))}) AND instr(e.body, ?) ORDER BY e.rowid",
            (community, *VALID, f'"of":"{id}"'.encode()),
        )
        for (body,) in later:
            found = understood(body)
            if isinstance(found, Correction) and found.of == id:
                try:
                    event = corrected(event, found)
                except PayloadError:
                    continue
        return event

    def lots(self, community: str) -> dict[str, Lot]:
        """The last lots that are still there, by their harvest's id, the newest first."""
        crops = {product.gtin: product.crop for product in self._pilot.producers[community].products}
        rows = self._rows(
            "SELECT l.harvest, l.gtin, l.lot, l.quantity, l.time, coalesce(e.plot, s.plot) FROM lot l "
            "LEFT JOIN event e ON e.community=l.community AND e.id=l.harvest "
            # what came out of a split or merge is known as its id, a hyphen and a number
            "LEFT JOIN event s ON s.community=l.community AND "
            "s.id=rtrim(rtrim(l.harvest, '0123456789'), '-') "
            "WHERE l.community=? AND l.leaf IS NOT NULL AND NOT EXISTS (SELECT 1 FROM addendum a "
            "WHERE a.gtin=l.gtin AND a.lot=l.lot AND a.kind IN (?,?,?)) ORDER BY l.time DESC LIMIT ?",
            (community, *GONE, LOTS),
        )
        return {
            harvest: Lot(harvest, LotKey(gtin, lot), kilograms, time, plot, crops[gtin])
            for harvest, gtin, lot, kilograms, time, plot in rows
            if plot is not None and gtin in crops
        }

    def _rows(self, question: str, values: tuple[object, ...]) -> Iterator[tuple[Any, ...]]:
        if not self._path.exists():
            return
        with closing(to_read(self._path)) as db:
            yield from db.execute(question, values).fetchall()
