"""The places on a small SVG map, sized for a phone: no tiles from the internet, positions within ±5 km.

marks ─► frame ─► apart (a finger meets one at a time) ─► names where there is room ─► Map
land ──────────────────────────────────────► paths of province and rivers ─┘
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from dashboards.map.land import Land, Line

WIDTH, TALLEST = 360, 420  # units, which are pixels on a phone
MARGIN = 0.08  # degrees around the outermost places
CHARACTER, LINE = 6.1, 12.0  # units, size of a name's letters, measured in Chromium with a little to spare
MARK = 9.0  # units from a mark's middle to its edge
APART = 26.0  # units between two marks: 24 pixels on the narrowest phone, what WCAG 2.2 asks of a target
GAP, SHUT = 0.3, 0.05  # degrees of longitude: a gap without places, and the width at which it is drawn
ROOM = 13  # units of height per mark, so that many marks find room above and below
ROUNDS = 400  # of pushing marks apart, at most
TURNS = 60_000  # of single marks in all rounds, at most: a thousand marks have fewer rounds
SQUARE = 48  # units, side of the squares by which boxes are looked up
RINGS = 6  # around a mark in which its name is tried; a name without room is shown when the reader asks


@dataclass(frozen=True, slots=True)
class Mark:
    """One place. `state` is one of marks.STATES, in words `description`. A village's mark is square."""

    id: str
    name: str
    lat: float
    lon: float
    state: str
    village: bool
    description: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A mark in picture coordinates. Its name stands at `label_x`, `label_y` (baseline), with a `leader` line
    where that is not beside the mark. A name that is not `shown` found no room.
    """

    mark: Mark
    x: float
    y: float
    label_x: float
    label_y: float
    anchor: str
    leader: bool
    shown: bool


@dataclass(frozen=True, slots=True)
class Named:
    """A word on the map, such as a river's name."""

    word: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Map:
    """The picture: its size, its marks, and paths (SVG) of the province, as it was before, and of rivers."""

    width: int
    height: int
    marks: tuple[Placed, ...]
    today: str
    before: str
    rivers: str
    names: tuple[Named, ...]


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

    def within(self, other: "_Box") -> bool:
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.top >= other.top
            and self.bottom <= other.bottom
        )


class _Taken:
    """Boxes by the squares that they lie in: of a thousand, a new box is compared with the few beside it."""

    def __init__(self, boxes: Iterable[_Box]) -> None:
        self._squares: dict[tuple[int, int], list[_Box]] = {}
        for box in boxes:
            self.add(box)

    def add(self, box: _Box) -> None:
        for square in _squares(box):
            self._squares.setdefault(square, []).append(box)

    def meets(self, box: _Box) -> bool:
        return any(box.meets(other) for square in _squares(box) for other in self._squares.get(square, ()))


def _squares(box: _Box) -> Iterator[tuple[int, int]]:
    for across in range(int(box.left // SQUARE), int(box.right // SQUARE) + 1):
        for down in range(int(box.top // SQUARE), int(box.bottom // SQUARE) + 1):
            yield across, down


class _Frame:
    """Converts degrees to units, equirectangular, so that all marks are inside. A stretch from west to east
    without a place, wider than GAP degrees, is drawn as narrow as SHUT, which leaves its room to the places.
    """

    def __init__(self, marks: Sequence[Mark]) -> None:
        places = sorted(m.lon for m in marks)
        self._gaps = [(one + MARGIN, other - MARGIN) for one, other in pairwise(places) if other - one > GAP]
        south, north = min(m.lat for m in marks) - MARGIN, max(m.lat for m in marks) + MARGIN
        west, east = self._shut(places[0] - MARGIN), self._shut(places[-1] + MARGIN)
        self._middle = (west + east) / 2, (south + north) / 2
        self._shrink = math.cos(math.radians(self._middle[1]))
        self._scale = min(WIDTH / ((east - west) * self._shrink), TALLEST / (north - south))
        self.height = max(int((north - south) * self._scale), ROOM * len(marks))

    def _shut(self, lon: float) -> float:
        """A longitude with the gaps west of it made narrow."""
        return lon - sum(
            (min(max(lon, west), east) - west) * (1 - SHUT / (east - west)) for west, east in self._gaps
        )

    def at(self, lon: float, lat: float) -> tuple[float, float]:
        x = WIDTH / 2 + (self._shut(lon) - self._middle[0]) * self._shrink * self._scale
        return x, self.height / 2 - (lat - self._middle[1]) * self._scale

    def path(self, lines: Sequence[Line], end: str = "") -> str:
        """Lines as an SVG path in whole units; the picture's edge cuts off what lies outside."""
        points = [[self.at(lon, lat) for lon, lat in line] for line in lines]
        return " ".join("M" + " ".join(f"{x:.0f},{y:.0f}" for x, y in line) + end for line in points)


@lru_cache(maxsize=8)  # states change seldom, and each reader of the page would draw them again
def draw(marks: tuple[Mark, ...], land: Land, lang: str) -> Map:
    """Place `marks` (at least one) on the map; marks and names step aside for one another."""
    # the marks' positions do not depend on their states
    laid = _laid(tuple(replace(mark, state="", description="") for mark in marks), land, lang)
    by_id = {(mark.id, mark.village): mark for mark in marks}
    placed = tuple(replace(one, mark=by_id[one.mark.id, one.mark.village]) for one in laid.marks)
    return replace(laid, marks=placed)


@lru_cache(maxsize=4)
def _laid(marks: tuple[Mark, ...], land: Land, lang: str) -> Map:
    """The map of marks without a state."""
    frame = _Frame(marks)
    ordered = sorted(marks, key=lambda mark: (-mark.lat, mark.lon, mark.village))
    spots = _apart(tuple(frame.at(mark.lon, mark.lat) for mark in ordered), frame.height)
    taken = _Taken(_Box(x - MARK, y - MARK, x + MARK, y + MARK) for x, y in spots)
    inside = _Box(0, 0, WIDTH, frame.height)
    rivers = tuple(_names(land, frame, inside, taken, lang))
    placed = []
    for mark, (x, y) in zip(ordered, spots, strict=True):
        seats = ((seat, _box(*seat[:3], mark.name)) for seat in _seats(x, y))
        free = ((seat, box) for seat, box in seats
                if box.within(inside) and not taken.meets(box))  # fmt: skip
        seat_taken = next(free, None)
        if seat_taken is not None:
            taken.add(seat_taken[1])
        (label_x, label_y, anchor, leader), _ = seat_taken or _above(x, y, mark.name)
        placed.append(
            Placed(mark, round(x, 1), round(y, 1), round(label_x, 1), round(label_y, 1), anchor, leader,
                   seat_taken is not None)
        )  # fmt: skip
    return Map(
        WIDTH,
        frame.height,
        tuple(placed),
        frame.path(land.today, "Z"),
        frame.path(land.before, "Z"),
        frame.path(land.rivers),
        rivers,
    )


@lru_cache(maxsize=4)  # seconds of work for a thousand places, and the same in each language
def _apart(spots: tuple[tuple[float, float], ...], height: int) -> tuple[tuple[float, float], ...]:
    """The spots pushed away from one another until none is nearer than APART, or the rounds are used up."""
    moved = [list(spot) for spot in spots]
    for _ in range(min(ROUNDS, TURNS // len(spots))):
        still = True
        near = _near(moved)
        for number, one in enumerate(moved):
            for index in near[number]:
                other = moved[index]
                across, down = one[0] - other[0], one[1] - other[1]
                if across >= APART or across <= -APART or down >= APART or down <= -APART:
                    continue  # as most are; compared cheaply, as there are millions
                distance = math.hypot(across, down)
                if distance >= APART:
                    continue
                still = False
                if distance < 1:  # as good as the same spot: put them side by side
                    across, down, distance = 1.0, 0.0, 1.0
                push = (APART - distance) / 2 + 0.1
                for spot, side in ((one, 1), (other, -1)):
                    spot[0] = _clamp(spot[0] + side * push * across / distance, WIDTH)
                    spot[1] = _clamp(spot[1] + side * push * down / distance, height)
        if still:
            break
    return tuple((x, y) for x, y in moved)


def _near(spots: Sequence[Sequence[float]]) -> list[list[int]]:
    """For each spot the indices of spots before it that it may meet within a round, in ascending order."""
    cells: dict[tuple[int, int], list[int]] = {}
    near = []
    for number, (x, y) in enumerate(spots):
        column, row = int(x // APART), int(y // APART)
        around = [
            index
            for across in range(column - 2, column + 3)
            for down in range(row - 2, row + 3)
            for index in cells.get((across, down), ())
        ]
        near.append(sorted(around))
        cells.setdefault((column, row), []).append(number)
    return near


def _clamp(value: float, size: int) -> float:
    return min(max(value, MARK + 4), size - MARK - 4)


def _seats(x: float, y: float) -> Iterator[tuple[float, float, str, bool]]:
    """Where a name may stand, the best first: beside the mark, above or below it, then in rings."""
    for anchor, side in (("start", 1), ("end", -1)):
        yield x + side * (MARK + 3), y + 4, anchor, False
    for rows in (-MARK - 4, MARK + LINE):
        for anchor in ("middle", "start", "end"):
            yield x, y + rows, anchor, False
    for ring in range(1, RINGS + 1):
        for rows in (-ring, ring):
            for anchor, side in (("start", 1), ("end", -1)):
                yield x + side * (MARK + 4 + 4 * ring), y + 4 + rows * LINE, anchor, True


def _above(x: float, y: float, name: str) -> tuple[tuple[float, float, str, bool], _Box]:
    """The seat of a name that found no room of its own: over whatever is there, inside the picture."""
    half = CHARACTER * len(name) / 2 + 2
    middle = min(max(x, half), WIDTH - half)
    seat = (middle, y - MARK - 5 if y > 3 * MARK else y + MARK + LINE, "middle", False)
    return seat, _box(*seat[:3], name)


def _box(x: float, y: float, anchor: str, name: str) -> _Box:
    width = CHARACTER * len(name)
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
    return _Box(left - 2, y - LINE + 3, left + width + 2, y + 3)


def _names(land: Land, frame: _Frame, inside: _Box, taken: "_Taken", lang: str) -> Iterator[Named]:
    """Place each river's name near its spot, beside the marks; a name that finds no room is left out."""
    for river in land.names:
        word, (x, y) = river.name.get(lang), frame.at(river.lon, river.lat)
        half = CHARACTER * len(word) / 2 + 2
        x = min(max(x, half), WIDTH - half)
        for rows in (0, -1, 1, -2, 2):
            box = _box(x, y + rows * LINE, "middle", word)
            if box.within(inside) and not taken.meets(box):
                taken.add(box)
                yield Named(word, round(x, 1), round(y + rows * LINE, 1))
                break
