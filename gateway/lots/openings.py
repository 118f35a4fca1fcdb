"""How often the records of lots were opened, from the counts of the pages to the boards.

    pages ─► scans.sqlite ─► scan: openings of a place and day
                        └──► lot: openings and packages of each, and whether it was opened far more often

The pages count (`traceability.pages.scans`), by lot and day and nothing else. Communities of which nobody
opened a record today have a 0, and lots of the last days too: nobody looked is not the same as nothing is
known.
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
from gateway.stores.store import RetryLater
from traceability.diary.reader import EVERY, DiaryReader
from traceability.diary.slots import Slots
from traceability.digital_link import LotKey
from traceability.pages import scans
from traceability.records import addendum

LATELY_MS = 31 * DAY_MS  # lots harvested since then are told of even if nobody opened them


class Openings:
    """Reads the folder of records. `points` gives what is new, and all of it once an hour."""

    def __init__(self, folder: Path, pilot: Pilot) -> None:
        self._folder = folder
        self._pilot = pilot
        self._told: tuple[int, list[scans.Opened]] = 0, []  # when, and what had been counted

    def points(self, at: int) -> list[Point]:
        """Points of epoch ms `at`. Raises RetryLater where the files cannot be read now."""
        try:
            counted = scans.read(self._folder / "scans.sqlite")
            if counted == self._told[1] and at - self._told[0] < HOUR_MS:
                return []
            points = self._all(counted, at)
        except (sqlite3.Error, OSError) as error:
            raise RetryLater("store.openings", error=why(error)) from error
        self._told = at, counted
        return points

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
        slots = diary.slots()  # behind the lots: it has them all
        for lot, _ in outcomes:
            grower[lot.key] = lot.community
            if not lot.refused and (lot.key in of_lot or lot.time >= at - LATELY_MS):
                result += self._lot(lot.community, lot.key, slots[lot.key], of_lot[lot.key])
        for one in counted:
            if one.key in grower:
                there = grower[one.key], date.fromisoformat(one.day)
                days[there] = days.get(there, 0) + one.number
        for (community, day), number in days.items():
            where = tags(pilot=self._pilot.pilot, community=community)
            result.append(Point("scan", where, {"scans": number}, midnight_of(day, self._pilot.zone)))
        return result

    def _lot(self, community: str, key: LotKey, when: Slots, opened: int) -> list[Point]:
        """Beside what sealing wrote of a harvest; of what came out of a split or merge this alone, so that
        kilograms count once. Nothing where its product left the pilot.
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
