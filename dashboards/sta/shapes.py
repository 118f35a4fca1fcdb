"""Points and polygons, as far as a map needs them to ask for what it shows."""

import re
from dataclasses import dataclass
from typing import Any

from dashboards.sta.sets import BadQuery

Position = tuple[float, float]
_WKT = re.compile(r"(?:SRID=4326;)?\s*(POINT|POLYGON)\s*(?:Z\s*)?\((.*)\)\s*$", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Shape:
    """A point, or the rings of a polygon: the first its outline, the others holes in it."""

    point: Position | None
    rings: tuple[tuple[Position, ...], ...] = ()

    def covers(self, at: Position) -> bool:
        """Whether a position is the point, or in the polygon or on its outline."""
        if self.point is not None:
            return self.point == at
        outline, *holes = self.rings
        return _inside(outline, at) and not any(_inside(hole, at) for hole in holes)


def parse(text: str) -> Shape:
    """A shape written as WKT, longitude first. Raises BadQuery."""
    match = _WKT.match(text.strip())
    if match is None:
        raise BadQuery(f"geography'{text[:40]}': a POINT or a POLYGON in WKT is understood")
    try:
        if match[1].upper() == "POINT":
            return Shape(_position(match[2]))
        rings = re.findall(r"\(([^()]*)\)", match[2])
        shape = Shape(None, tuple(tuple(_position(one) for one in ring.split(",")) for ring in rings))
    except ValueError as error:
        raise BadQuery(f"geography'{text[:40]}': {error}") from error
    if not shape.rings or any(len(ring) < 4 for ring in shape.rings):
        raise BadQuery(f"geography'{text[:40]}': a ring has four positions or more")
    return shape


def of_geojson(value: Any) -> Position | None:
    """The position of a GeoJSON point; None for anything else."""
    if isinstance(value, dict) and value.get("type") == "Point":
        longitude, latitude = value["coordinates"][:2]
        return float(longitude), float(latitude)
    return None


def _position(text: str) -> Position:
    numbers = [float(one) for one in text.split()]
    if len(numbers) not in (2, 3):
        raise ValueError(f"{text.strip()!r} is no position")
    return numbers[0], numbers[1]


def _inside(ring: tuple[Position, ...], at: Position) -> bool:
    """Whether a ray to the east crosses the ring an odd number of times, or the position lies on it."""
    x, y = at
    inside = False
    for (x1, y1), (x2, y2) in zip(ring, (*ring[1:], ring[0]), strict=True):
        cross = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
        if cross == 0 and min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2):
            return True
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside
