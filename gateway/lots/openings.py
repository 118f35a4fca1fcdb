"""How often the records of lots were opened: from the page counts to the boards.

    pages ─► scans.sqlite ─► scan: openings of a place and day
                        └──► lot: openings and packages of each, and whether it was opened far more often

The pages count openings by lot and day and record nothing else (`traceability.pages.scans`). A community
without openings today gets a 0, and so does a lot of the last days: "nobody looked" differs from "unknown".
"""

import json
import sqlite3
from collections import Counter
from datetime import date
from pathlib import Path

from devices.clock import DAY_MS, HOUR_MS, day_of, midnight_of
from devices.pilots.pilot import Pilot
from devices.salvage import why
from gateway.lots import told
from gateway.stores.points import Point, Value, tags
from gateway.stores.store import RejectPoints, RetryLater, Store
from traceability.diary.reader import EVERY, DiaryReader
from traceability.diary.slots import Slots
from traceability.digital_link import LotKey
from traceability.pages import scans
from traceability.records import addendum

LATELY_MS = 31 * DAY_MS  # lots harvested this recently are written even if nobody opened them


class Openings:
    """Reads the records folder and writes its counts."""

    def __init__(self, folder: Path, pilot: Pilot) -> None:
        self._folder = folder
        self._pilot = pilot
        self._written: tuple[int, list[scans.Opened]] = 0, []  # the time and the counts of the last write

    def write(self, store: Store, at: int) -> None:
        """Write all points of epoch ms `at` if a count changed since the last write or an hour passed. Raises
        RejectPoints, and RetryLater if the files cannot be read now or the store takes nothing: the next call
        then writes them.
        """
        try:
            counted = scans.read(self._folder / "scans.sqlite")
            if counted == self._written[1] and at - self._written[0] < HOUR_MS:
                return
            points = self._all(counted, at)
        except (sqlite3.Error, OSError) as error:
            raise RetryLater("store.openings", error=why(error)) from error
        try:
            store.write(points)
        except RejectPoints:  # the others are stored
            self._written = at, counted
            raise
        self._written = at, counted

    def _all(self, counted: list[scans.Opened], at: int) -> list[Point]:
        of_lot: Counter[LotKey] = Counter()
        for one in counted:
            of_lot[one.key] += one.number
        today = day_of(at, self._pilot.zone)
        days = {(place.id, today): 0 for place in self._pilot.communities if place.joined <= today}
        result: list[Point] = []
        grower: dict[LotKey, str] = {}
        diary = DiaryReader(self._folder)
        outcomes = diary.outcomes(EVERY)
        slots = diary.slots()  # read after the outcomes, so it has a slot for each of their lots
        for lot in (one.lot for one in outcomes):
            grower[lot.key] = lot.community
            if not lot.refused and (lot.key in of_lot or lot.time >= at - LATELY_MS):
                result += self._lot(lot.community, lot.key, slots[lot.key], of_lot[lot.key])
        for one in counted:
            if one.key in grower:
                key = grower[one.key], date.fromisoformat(one.day)
                days[key] = days.get(key, 0) + one.number
        for (community, day), number in days.items():
            where = tags(pilot=self._pilot.pilot, community=community)
            result.append(Point("scan", where, {"scans": number}, midnight_of(day, self._pilot.zone)))
        return result

    def _lot(self, community: str, key: LotKey, when: Slots, opened: int) -> list[Point]:
        """Return the points of one lot. For a harvest they add to what sealing wrote; a lot from a split or
        merge has only these, so that its kilograms count once. Returns nothing if the pilot no longer has its
        product.
        """
        place = self._pilot.producers.get(community)
        product = place.product(key.gtin) if place is not None else None
        if product is None:
            return []
        later = addendum.read_all(self._folder / "records", key)
        packed = scans.packages(json.loads(data) for _, data in later)
        where = tags(pilot=self._pilot.pilot, community=community, product=product.crop)
        far = scans.far_more(opened, packed)
        fields: dict[str, Value] = {"scans": opened, "packages": packed, "far_more": far, "lot": key.lot}
        return [*told.points(where, fields, when)]
