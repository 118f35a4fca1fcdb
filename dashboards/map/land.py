"""Outlines of provinces and rivers behind the map: land.json, which deploy/land makes of public geometry."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from devices.pilots.names import Names

Line = tuple[tuple[float, float], ...]  # of (lon, lat), degrees


@dataclass(frozen=True, slots=True)
class River:
    """A river's name, and where it is written."""

    name: Names
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Land:
    """The province of `today` and as it was `before` 1 July 2025, as rings; rivers, and their names."""

    today: tuple[Line, ...]
    before: tuple[Line, ...]
    rivers: tuple[Line, ...]
    names: tuple[River, ...]


NOWHERE = Land((), (), (), ())


@cache
def lands() -> dict[str, Land]:
    """Pilot → its land, for each pilot that has outlines."""
    read = json.loads(Path(__file__).with_name("land.json").read_text("utf-8"))
    return {
        pilot: Land(
            _lines(one["today"]), _lines(one["before"]), _lines(one["rivers"]),
            tuple(River(Names(vi=of["vi"], en=of["en"]), of["lat"], of["lon"]) for of in one["names"]),
        )
        for pilot, one in read["pilots"].items()
    }  # fmt: skip


def _lines(read: list[list[list[float]]]) -> tuple[Line, ...]:
    return tuple(tuple((lon, lat) for lon, lat in line) for line in read)
