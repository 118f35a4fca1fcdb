"""The mean of directions is the mean of their vectors: the mean of 350° and 10° is north, not south.

reading, ° ─► its parts to the east and to the north ─► their means ─► °

Each reading counts the same, whatever the wind's speed. Directions that cancel each other out have no mean.
"""

from math import atan2, cos, degrees, hypot, nan, radians, sin

from devices.contract.signals import heading
from gateway.stores.store import Bucket

_NOWHERE = 1e-9  # a mean vector this short is a rounding error of directions that cancel each other out


def east(direction: float | None) -> float | None:
    """The eastern part of a direction in degrees; None for SQL's NULL."""
    return None if direction is None else sin(radians(direction))


def north(direction: float | None) -> float | None:
    """The northern part of a direction in degrees; None for SQL's NULL."""
    return None if direction is None else cos(radians(direction))


def vectors(field: str) -> str:
    """The same parts in InfluxQL, as columns `east` and `north`."""
    angle = f'"{field}" * {radians(1)!r}'
    return f'sin({angle}) AS "east", cos({angle}) AS "north"'


def bucket(time: int, eastern: float, northern: float, number: int) -> Bucket:
    """A step's bucket from the means of the parts; directions have no lowest and no highest."""
    if hypot(eastern, northern) < _NOWHERE:
        return Bucket(time, nan, nan, nan, number)
    return Bucket(time, nan, heading(round(degrees(atan2(eastern, northern)), 9)), nan, number)
