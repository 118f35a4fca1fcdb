"""What the store has of a lot: that it was harvested, and how often its record was opened.

A lot's points stand in its slot (`traceability.diary.slots`). One whose time was corrected has left another,
and nothing is ever taken out of a store: what it left is emptied, to weigh nothing and be called nothing.
"""

from collections.abc import Iterator, Mapping

from gateway.stores.points import Point, Tags, Value
from traceability.diary.slots import Slots

_EMPTIED: Mapping[str, Value] = {
    "quantity": 0.0, "coverage": 0.0, "verified": False, "lot": "", "scans": 0, "packages": 0,
    "far_more": False,
}  # fmt: skip


def points(where: Tags, fields: Mapping[str, Value], slots: Slots) -> Iterator[Point]:
    """`fields` of a lot in its slot; what it left before is empty."""
    for slot in slots.left:
        yield Point("lot", where, _EMPTIED, slot)
    yield Point("lot", where, fields, slots.now)
