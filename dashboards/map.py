"""The communities on a small SVG map: no tiles from the net, places as good as their ±5 km."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 640
PAD = 34
LABEL_GAP = 12.0


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
    """A mark in picture coordinates; `label_x`, `label_y` and `anchor` say where its name stands."""

    mark: Mark
    x: float
    y: float
    label_x: float
    label_y: float
    anchor: str


@dataclass(frozen=True, slots=True)
class Map:
    """The picture: its size, its marks, and lines of whole tenths of a degree as (position, text)."""

    width: int
    height: int
    marks: tuple[Placed, ...]
    meridians: tuple[tuple[float, str], ...]
    parallels: tuple[tuple[float, str], ...]


def draw(marks: Sequence[Mark]) -> Map:
    """Place `marks` (at least one) on an equirectangular map; names step aside for one another."""
    south, north = min(m.lat for m in marks) - 0.03, max(m.lat for m in marks) + 0.03
    west, east = min(m.lon for m in marks) - 0.08, max(m.lon for m in marks) + 0.12
    scale = (WIDTH - 2 * PAD) / ((east - west) * math.cos(math.radians((south + north) / 2)))
    height = int(2 * PAD + (north - south) * scale)

    def x(lon: float) -> float:
        return round(PAD + (lon - west) / (east - west) * (WIDTH - 2 * PAD), 1)

    def y(lat: float) -> float:
        return round(height - PAD - (lat - south) * scale, 1)

    placed: list[Placed] = []
    taken: list[tuple[float, float, str]] = []
    for mark in sorted(marks, key=lambda m: (-m.lat, m.lon, m.village)):
        at_x, at_y = x(mark.lon), y(mark.lat)
        anchor = "end" if at_x > WIDTH * 0.55 else "start"
        label_y = at_y + 4
        while any(abs(label_y - t_y) < LABEL_GAP and abs(at_x - t_x) < 150 and t_a == anchor
                  for t_x, t_y, t_a in taken):  # fmt: skip
            label_y += LABEL_GAP
        taken.append((at_x, label_y, anchor))
        label_x = at_x + (9 if anchor == "start" else -9)
        placed.append(Placed(mark, at_x, at_y, label_x, round(label_y, 1), anchor))
    return Map(
        WIDTH,
        height,
        tuple(placed),
        tuple((x(tenth / 10), f"{tenth / 10:.1f}°Đ") for tenth in _tenths(west, east)),
        tuple((y(tenth / 10), f"{tenth / 10:.1f}°B") for tenth in _tenths(south, north)),
    )


def _tenths(low: float, high: float) -> range:
    return range(math.ceil(low * 10), math.floor(high * 10) + 1)
