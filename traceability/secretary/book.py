"""A group's diary as its secretary reads it: the last entries with their outcomes, and lots to choose.

Reading never blocks the writer. An entry that was sent a moment ago may not be here yet.
"""

import json
from itertools import islice
from pathlib import Path

from devices.contract.diary import DiaryEvent, Harvest
from devices.pilots.pilot import Pilot
from traceability.diary.entries import Lot
from traceability.diary.reader import DiaryReader, ShownEntry, ShownLot
from traceability.records import addendum, story

ENTRIES, LOTS = 20, 40  # that a page shows


class Book:
    """The diary as a community's secretary sees it."""

    def __init__(self, folder: Path, pilot: Pilot) -> None:
        self._diary = DiaryReader(folder)
        self._records = folder / "records"
        self._pilot = pilot

    def entries(self, community: str) -> list[ShownEntry]:
        """The last entries, the newest first."""
        return self._diary.entries(community, ENTRIES)

    def find(self, community: str, id: str) -> DiaryEvent | None:
        """The event as corrected."""
        return self._diary.held(community, id)

    def lots(self, community: str, kind: str) -> dict[str, Lot]:
        """The last lots that may get an event of this kind, by their harvest's id, the newest first."""
        suitable = (one for one in self._diary.lots(community) if self._takes(one, kind))
        lots = (lot for one in suitable if (lot := self._lot(community, one)) is not None)
        return {lot.harvest: lot for lot in islice(lots, LOTS)}

    def lot(self, community: str, code: str) -> Lot | None:
        """The lot with a label's code, however old it is and whatever happened to it."""
        shown = self._diary.lot(community, code.strip().upper())
        return self._lot(community, shown) if shown is not None else None

    def _takes(self, shown: ShownLot, kind: str) -> bool:
        """Whether sealing would accept an event of this kind for the lot.

        A recall holds for all goods under the lot's code, so it only needs some to be left.
        """
        if kind == "revocation":
            return _left(shown) > story.ROUNDING
        sealed = dict(addendum.read_all(self._records, shown.key)) if shown.judged else {}
        later = [json.loads(sealed[id]) for id in shown.judged if id in sealed]
        return addendum.takes(kind, shown.kilograms, shown.used, later)

    def _lot(self, community: str, shown: ShownLot) -> Lot | None:
        product = self._pilot.producers[community].product(shown.key.gtin)
        crop = None if product is None else product.crop
        if crop is None:  # its product left the pilot file; the lot can still be recalled
            harvest = self.find(community, shown.harvest)
            crop = harvest.crop if isinstance(harvest, Harvest) else None
        if crop is None or shown.plot is None:
            return None
        return Lot(shown.harvest, shown.key, _left(shown), shown.time, shown.plot, crop, shown.simulated)


def _left(shown: ShownLot) -> float:
    """Kilograms that no split took."""
    return shown.kilograms - shown.used.get("split", 0.0)
