"""A lot's points in the store: its harvest, and how often its record was opened.

A lot's points stand in its slot (`traceability.diary.slots`). When its time is corrected, the lot moves to
another slot. Nothing is ever deleted from a store, so the points in the old slot are overwritten with empty
values: no weight and no name.
"""

from collections.abc import Iterator, Mapping

from gateway.stores.points import Point, Tags, Value
from traceability.diary.slots import Slots

_EMPTIED: Mapping[str, Value] = {
    "quantity": 0.0, "coverage": 0.0, "verified": False, "lot": "", "scans": 0, "packages": 0,
    "far_more": False,
}  # fmt: skip


def points(where: Tags, fields: Mapping[str, Value], slots: Slots) -> Iterator[Point]:
    """Yield `fields` as the point of the lot's slot, and empty points for the slots that it left."""
    for slot in slots.former:
        yield Point("lot", where, _EMPTIED, slot)
    yield Point("lot", where, fields, slots.current)
