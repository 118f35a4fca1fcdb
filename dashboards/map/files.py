"""Files that Grafana serves for the map, in place of tiles from the internet.

pilots ─► places.json (a gazetteer: id ─► point)      lands ─► land.geojson (outlines, rivers, all places)
"""

import json
from collections.abc import Iterable, Iterator

from dashboards.map.land import Line, lands
from devices.pilots.pilot import Pilot
from devices.pilots.places import Place

FOLDER = "maps"  # docker-compose.yml mounts it where Grafana serves files: public/hoiquan


def files(pilots: Iterable[Pilot]) -> Iterator[tuple[str, str]]:
    """Name and content of every file."""
    everywhere = [place for pilot in pilots for place in pilot.places]
    places = [
        {"key": place.id, "name": place.name, "latitude": place.lat, "longitude": place.lon}
        for place in everywhere
    ]
    yield f"{FOLDER}/places.json", _lines("[", places, "]")
    yield (
        f"{FOLDER}/land.geojson",
        _lines('{"type": "FeatureCollection", "features": [', [*_features(), *_points(everywhere)], "]}"),
    )


def _features() -> Iterator[dict[str, object]]:
    for land in lands().values():
        yield from (_feature("province", "Polygon", [_coordinates(line)]) for line in land.today)
        yield from (_feature("before", "LineString", _coordinates(line)) for line in land.before)
        yield from (_feature("river", "LineString", _coordinates(line)) for line in land.rivers)


def _points(places: Iterable[Place]) -> Iterator[dict[str, object]]:
    return (_feature("place", "Point", [place.lon, place.lat]) for place in places)


def _coordinates(line: Line) -> list[list[float]]:
    return [list(point) for point in line]


def _feature(kind: str, shape: str, coordinates: object) -> dict[str, object]:
    geometry = {"type": shape, "coordinates": coordinates}
    return {"type": "Feature", "properties": {"kind": kind}, "geometry": geometry}


def _lines(head: str, rows: list[dict[str, object]], end: str) -> str:
    """One row per line, so that a change of a place is a small diff."""
    written = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    return f"{head}\n{written}\n{end}\n"
