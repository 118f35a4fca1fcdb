"""What a group has written down, as its secretary reads it: the last entries and what became of them, and the
lots that something may be done with.

Read without holding the writer up; an entry that was sent a moment ago may not be here yet.
"""

from pathlib import Path

from devices.contract.diary import DiaryEvent
from devices.pilots.pilot import Pilot
from traceability.diary.entries import Lot
from traceability.diary.reader import DiaryReader, ShownEntry

ENTRIES, LOTS = 20, 40  # that are shown


class Book:
    """What a community's secretary sees of its diary."""

    def __init__(self, folder: Path, pilot: Pilot) -> None:
        self._diary = DiaryReader(folder)
        self._pilot = pilot

    def entries(self, community: str) -> list[ShownEntry]:
        """The last of them, the newest first."""
        return self._diary.entries(community, ENTRIES)

    def find(self, community: str, id: str) -> DiaryEvent | None:
        """The event as it holds now."""
        return self._diary.held(community, id)

    def lots(self, community: str) -> dict[str, Lot]:
        """The last lots that are still there, by their harvest's id, the newest first."""
        crops = {product.gtin: product.crop for product in self._pilot.producers[community].products}
        return {
            lot.harvest: Lot(lot.harvest, lot.key, lot.kilograms, lot.time, lot.plot, crops[lot.key.gtin])
            for lot in self._diary.lots(community, LOTS)
            if lot.plot is not None and lot.key.gtin in crops
        }
