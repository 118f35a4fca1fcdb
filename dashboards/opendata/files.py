"""The open data as whole files. Each path ends in the kind of its file, as GDAL and Excel open no others.

.csv      indicators, communities, devices, lots; seven days by the hour: series/{signal}.csv and
          series/{signal}/{place}.csv
.geojson  places, devices: points as good as ±5 km, as everywhere in the open data
"""

import json
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, HTTPException, Response
from fastapi import Path as FromPath

from dashboards.figures import ACCURACY_KM, GEOJSON, DeviceNow, Figures, device_json, point
from dashboards.kept import OnDemand
from dashboards.opendata import gather
from dashboards.opendata.answer import CSV, LICENCE, LOTS, as_file, csv_text, flatten, refused, require_known
from dashboards.opendata.rows import CommunityRow, IndicatorRow, LotRow, SeriesRow, columns
from dashboards.progress import Progress
from devices.clock import DAY_MS, HOUR_MS
from devices.contract.signals import SIGNALS

SERIES_MS = 7 * DAY_MS
Signal = Annotated[str, FromPath(description="id of a signal", json_schema_extra={"enum": list(SIGNALS)})]
Answering = TypeVar("Answering", bound=Callable[..., Response])
WEEKS = 64  # files of a signal held in memory; one of a whole province has a megabyte or so


def router(
    figures: Figures,
    fleet: Callable[[str | None], list[DeviceNow]],
    targets: Callable[[], Progress],
) -> APIRouter:
    """Read-only files over the figures. `fleet` gives the devices heard within a day at a place (None: at all
    of them), `targets` how the targets stand.
    """
    routes = APIRouter(prefix="/api/v1", tags=["open data, as files"], dependencies=[Depends(require_known)])

    def as_table() -> str:
        devices = fleet(None)
        return csv_text(map(device_json, devices), gather.device_columns(devices))

    table, on_map = OnDemand(as_table), OnDemand(lambda: _devices_map(figures, fleet(None)))
    weeks = _Weeks(figures)

    def a_file(path: str, media: str, summary: str, *refusals: int) -> Callable[[Answering], Answering]:
        contents: dict[int | str, dict[str, Any]] = {200: {"content": {media: {}}}}
        responses = contents | refused(*refusals, 400, 503)
        return routes.get(path, summary=summary, responses=responses, response_class=Response)

    @a_file("/indicators.csv", CSV, "How far the targets are reached, as CSV")
    def indicators() -> Response:
        """The three targets: value, target and gap; which places count, which do not, and what they lack."""
        return _table("indicators", gather.indicators(figures, targets()), columns(IndicatorRow))

    @a_file("/communities.csv", CSV, "Communities and villages, as CSV")
    def communities() -> Response:
        """The communities and villages of the pilot."""
        return _table("communities", gather.communities(figures), columns(CommunityRow))

    @a_file("/devices.csv", CSV, "Devices heard within a day, as CSV")
    def devices() -> Response:
        """The devices heard within the last day, with their newest values."""
        return as_file("devices.csv", table.get(), CSV)

    @a_file("/lots.csv", CSV, "Newest harvests, as CSV")
    def lots() -> Response:
        """The newest harvests, without the codes of their lots."""
        return _table("lots", [gather.lot(lot) for lot in figures.harvests(LOTS)], columns(LotRow))

    @a_file("/series/{signal}.csv", CSV, "One signal of all devices, as CSV", 404)
    def series(signal: Signal) -> Response:
        """One signal of every device, by the hour, over the last seven days."""
        return weeks.answer(signal, None)

    @a_file("/series/{signal}/{place}.csv", CSV, "One signal at one place, as CSV", 404)
    def series_of(signal: Signal, place: Annotated[str, FromPath(description="id of a place")]) -> Response:
        """One signal of one place's devices, by the hour, over the last seven days."""
        if place not in figures.pilot.place:
            raise HTTPException(404, f"{place}: the pilot has no such place; see communities")
        return weeks.answer(signal, place)

    @a_file("/places.geojson", GEOJSON, "Communities and villages on a map")
    def places() -> Response:
        """The communities and villages as points, ±5 km."""
        rows = gather.communities(figures)
        points = {row["id"]: (row.pop("lon"), row.pop("lat")) for row in rows}
        return as_file("places.geojson", _map(figures, [(points[row["id"]], row) for row in rows]), GEOJSON)

    @a_file("/devices.geojson", GEOJSON, "Devices heard within a day on a map")
    def devices_map() -> Response:
        """The devices heard within the last day, at the points of their places (±5 km), not their own."""
        return as_file("devices.geojson", on_map.get(), GEOJSON)

    return routes


def _table(name: str, rows: list[dict[str, Any]], named: list[str]) -> Response:
    return as_file(f"{name}.csv", csv_text(rows, named), CSV)


class _Weeks:
    """Seven days of a signal as CSV, each file read once for all who ask within some seconds (`OnDemand`).
    The WEEKS files that were asked for last are held.
    """

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._lock = threading.Lock()
        self._kept = lru_cache(WEEKS)(lambda signal, place: OnDemand(lambda: self._read(signal, place)))

    def answer(self, signal: str, place: str | None) -> Response:
        if signal not in SIGNALS:
            raise HTTPException(404, f"{signal}: there is no such signal; see devices/README.md")
        with self._lock:  # held only while the cache is searched, never while a file is read
            kept = self._kept(signal, place)
        name = signal if place is None else f"{signal}-{place}"
        return as_file(f"{name}.csv", kept.get(), CSV)

    def _read(self, signal: str, place: str | None) -> str:
        now = self._figures.now()
        rows = gather.series(self._figures, signal, place, None, now - SERIES_MS, now, HOUR_MS)
        return csv_text(rows, columns(SeriesRow))


def _devices_map(figures: Figures, devices: list[DeviceNow]) -> str:
    at = {place.id: (place.lon, place.lat) for place in figures.pilot.places}
    shown = [
        {**row, "accuracy_km": ACCURACY_KM} for row in map(device_json, devices) if row["community"] in at
    ]
    return _map(figures, [(at[row["community"]], row) for row in shown])


def _map(figures: Figures, features: list[tuple[tuple[float, float], dict[str, Any]]]) -> str:
    """GeoJSON by RFC 7946: WGS 84, so no `crs`; no BOM and no NaN."""
    collection: dict[str, Any] = {
        "type": "FeatureCollection",
        "licence": LICENCE,
        "attribution": f"hoiquan, {figures.pilot.name.vi}",
    }
    if figures.rehearsal is not None:
        collection["rehearsal"] = figures.rehearsal.en
    collection["features"] = [
        {
            "type": "Feature",
            "id": row.get("id", row.get("device")),
            "geometry": point(*at),
            "properties": dict(flatten("", row)),
        }
        for at, row in features
    ]
    return json.dumps(collection, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
