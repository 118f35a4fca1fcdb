"""InfluxDB and SQLite give the same answers: whole, by page, in order, and the newest of all at once."""

from urllib.parse import quote

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboards.figures import Figures
from dashboards.sta import routes
from devices.clock import DAY_MS, HOUR_MS
from devices.contract.reading import Device
from gateway.stores.influx import InfluxStore
from gateway.stores.points import Point, device_tags
from gateway.stores.sqlite import SqliteStore
from tests.dashboards.soil import NOW, PILOT

DAY = "phenomenonTime ge 2026-11-20T00:00:00+07:00 and phenomenonTime lt 2026-11-21T00:00:00+07:00"
ASKED = [
    "Things?$expand=Locations,Datastreams($expand=Observations($top=1))",
    "Datastreams(1)/Observations?$count=true&$top=5",
    f"Datastreams(1)/Observations?$orderby=phenomenonTime&$top=30&$filter={DAY}",
    f"Observations?$orderby=result desc&$count=true&$filter={DAY}",
    "ObservedProperties?$filter=Datastreams/Thing/name eq 'vane'",
]


@pytest.fixture(scope="module")
def clients(any_influx, tmp_path_factory):
    vane = device_tags(Device("dong-thap", "tam-que", "vane", "weather-station", simulated=False))
    probe = device_tags(PILOT.fleet["tam-que-soil-probe-01"])
    times = range(NOW - 3 * DAY_MS, NOW, HOUR_MS // 2)
    points = [Point("telemetry", probe, {"soil_moisture": 30.0 + at // HOUR_MS % 7}, at) for at in times]
    points += [Point("telemetry", vane, {"wind_direction": float(at // HOUR_MS % 360)}, at) for at in times]
    made = []
    for store in (
        SqliteStore(tmp_path_factory.mktemp("engine") / "store.sqlite"),
        InfluxStore(any_influx.url, any_influx.token, any_influx.org, any_influx.bucket()),
    ):
        store.write(points)
        app = FastAPI()
        app.include_router(routes.router(Figures(store, PILOT, lambda n: [], None, now=lambda: NOW)))
        made.append(TestClient(app))
    return made


@pytest.mark.parametrize("asked", ASKED)
def test_both_stores_give_the_same(clients, asked):
    path, _, query = asked.partition("?")
    address = f"/sta/v1.1/{path}?{quote(query, safe='$=&(),/:')}"
    embedded, engine = (client.get(address) for client in clients)
    assert embedded.status_code == engine.status_code == 200, engine.text
    assert _rounded(embedded.json()) == _rounded(engine.json()) and embedded.json()["value"]


def _rounded(answer):
    """Round all numbers: a direction's mean comes from sines, whose last digit differs between engines."""
    if isinstance(answer, dict):
        return {name: _rounded(one) for name, one in answer.items()}
    if isinstance(answer, list):
        return [_rounded(one) for one in answer]
    return round(answer, 4) if isinstance(answer, float) else answer
