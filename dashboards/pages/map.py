"""The communities on a small SVG map: no tiles from the net, places as good as their ±5 km."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

WIDTH = 900
PAD = 34
CHARACTER, LINE = 6.4, 13.0  # px of the 11 px labels, measured in Chromium with a little to spare
MARK = 7.0  # px from a mark's middle to its edge, with a little to spare


@dataclass(frozen=True, slots=True)
class Mark:
    """One place. `state` is counted, missed or later (a CSS class); villages are squares."""

    name: str
    lat: float
    lon: float
    state: str
    village: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """A mark in picture coordinates; its name stands at `label_x`, `label_y` (baseline), with a
    `leader` line where that is not beside it.
    """

    mark: Mark
    x: float
    y: float
    label_x: float
    label_y: float
    anchor: str
    leader: bool


@dataclass(frozen=True, slots=True)
class Map:
    """The picture: its size, its marks, and lines of whole tenths of a degree as (position, degrees)."""

    width: int
    height: int
    marks: tuple[Placed, ...]
    meridians: tuple[tuple[float, float], ...]
    parallels: tuple[tuple[float, float], ...]


class _Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "_Box") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def draw(marks: Sequence[Mark]) -> Map:
    """Place `marks` (at least one) on an equirectangular map; names step aside for one another."""
    south, north = min(m.lat for m in marks) - 0.05, max(m.lat for m in marks) + 0.03
    west, east = min(m.lon for m in marks) - 0.12, max(m.lon for m in marks) + 0.16
    scale = (WIDTH - 2 * PAD) / ((east - west) * math.cos(math.radians((south + north) / 2)))
    height = int(2 * PAD + (north - south) * scale)

    def x(lon: float) -> float:
        return round(PAD + (lon - west) / (east - west) * (WIDTH - 2 * PAD), 1)

    def y(lat: float) -> float:
        return round(height - PAD - (lat - south) * scale, 1)

    taken = [_Box(x(m.lon) - MARK, y(m.lat) - MARK, x(m.lon) + MARK, y(m.lat) + MARK) for m in marks]
    frame = _Box(0, 0, WIDTH, height)
    placed: list[Placed] = []
    for mark in sorted(marks, key=lambda m: (-m.lat, m.lon, m.village)):
        at_x, at_y = x(mark.lon), y(mark.lat)
        for seat in _seats(at_x, at_y):
            label_x, label_y, anchor, leader = seat
            box = _box(label_x, label_y, anchor, mark.name)
            inside = box.left >= frame.left and box.right <= frame.right and box.bottom <= frame.bottom - 16
            if inside and not any(box.meets(other) for other in taken):
                break
        taken.append(box)
        placed.append(Placed(mark, at_x, at_y, round(label_x, 1), round(label_y, 1), anchor, leader))
    return Map(
        WIDTH,
        height,
        tuple(placed),
        tuple((x(tenth / 10), tenth / 10) for tenth in _tenths(west, east)),
        tuple((y(tenth / 10), tenth / 10) for tenth in _tenths(south, north)),
    )


def _seats(x: float, y: float) -> Iterator[tuple[float, float, str, bool]]:
    """Where a name may stand, the best first: beside the mark, then in rings that grow."""
    for anchor, side in (("start", 1), ("end", -1)):
        yield x + side * (MARK + 2), y + 4, anchor, False
    for ring in range(1, 14):
        for rows in (-ring, ring):
            for anchor, side in (("start", 1), ("end", -1)):
                yield x + side * (MARK + 4 + 3 * ring), y + 4 + rows * LINE, anchor, True


def _box(x: float, y: float, anchor: str, name: str) -> _Box:
    width = CHARACTER * len(name)
    left = x if anchor == "start" else x - width
    return _Box(left - 2, y - LINE + 3, left + width + 2, y + 3)


def _tenths(low: float, high: float) -> range:
    return range(math.ceil(low * 10), math.floor(high * 10) + 1)
