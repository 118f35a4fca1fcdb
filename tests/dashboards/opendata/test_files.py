"""The open data as whole files, as Excel, pandas 3.1, and GDAL 3.6 and 3.12 open them over HTTP."""

import csv
import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboards.figures import ACCURACY_KM
from dashboards.opendata import files
from devices.web.conditional import Conditional
from tests.dashboards import soil
from tests.dashboards.soil import PILOT
from tests.servers import until

TABLES = [
    "indicators.csv", "communities.csv", "devices.csv", "lots.csv",
    "series/soil_moisture.csv", "series/soil_moisture/tam-que.csv",
]  # fmt: skip
MAPS = ["places.geojson", "devices.geojson"]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    app = FastAPI()
    app.add_middleware(Conditional)
    with soil.figures(tmp_path_factory.mktemp("files")) as figures:
        app.include_router(files.router(figures, soil.fleet(figures), soil.targets(figures)))
        with TestClient(app) as made:
            yield made


def _rows(client, name):
    return list(csv.DictReader(io.StringIO(client.get(f"/api/v1/{name}").content.decode("utf-8-sig"))))


@pytest.mark.parametrize("name", TABLES)
def test_excel_opens_the_table_with_its_letters_and_columns(client, name):
    answer = client.get(f"/api/v1/{name}")
    first = answer.content.split(b"\r\n")[0]
    assert first.startswith(b"\xef\xbb\xbf") and b"," in first and b"sep=" not in first and b";" not in first
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    kept = answer.headers["content-disposition"]
    assert kept.startswith("attachment; filename=") and kept.endswith('.csv"')
    assert 'rel="license"' in answer.headers["link"]
    assert len(_rows(client, name)) > 0


@pytest.mark.parametrize("name", TABLES + MAPS)
def test_gdal_3_6_and_3_12_are_told_the_length_before_and_with_the_file(client, name):
    whole, head = client.get(f"/api/v1/{name}"), client.head(f"/api/v1/{name}")
    assert whole.status_code == head.status_code == 200
    assert int(whole.headers["content-length"]) == len(whole.content) == int(head.headers["content-length"])
    assert "transfer-encoding" not in whole.headers
    again = client.get(f"/api/v1/{name}", headers={"If-None-Match": whole.headers["etag"]})
    assert again.status_code == 304 and again.content == b""


def test_a_file_takes_no_parameter(client):
    for name in (TABLES[0], TABLES[-1], MAPS[0]):
        refused = client.get(f"/api/v1/{name}?start=2026-11-20")
        assert refused.status_code == 400 and "no parameter is called start" in refused.text


def test_a_table_of_lots_says_which_are_simulated(client):
    found = [row["simulated"] for row in _rows(client, "lots.csv")]
    assert found == [str(lot["simulated"]) for lot in soil.LOTS]


def test_a_gtin_stays_a_text_in_excel_and_pandas_3_1(client):
    found = [row["gtin"] for row in _rows(client, "lots.csv")]
    assert found == [f"(01){lot['gtin']}" for lot in soil.LOTS]


@pytest.mark.parametrize("name", TABLES)
def test_times_have_one_form_and_what_is_missing_is_empty_for_pandas_3_1(client, name):
    for row in _rows(client, name):
        for column, text in row.items():
            assert text not in ("None", "nan", "NaN", "null"), column
            if column == "time" or column.endswith((".time", "last_seen")):
                assert not text or (len(text) == 24 and text.endswith("Z")), text


def test_a_series_without_values_is_a_table_with_its_heading(client):
    answer = client.get("/api/v1/series/salinity.csv")
    assert answer.status_code == 200 and answer.content.decode("utf-8-sig").startswith("time,device,")
    assert _rows(client, "series/salinity.csv") == []


def test_a_place_has_its_own_rows(client):
    everybody, one = (
        _rows(client, "series/soil_moisture.csv"),
        _rows(client, "series/soil_moisture/tam-que.csv"),
    )
    assert one == [row for row in everybody if row["community"] == "tam-que"] and len(one) < len(everybody)


@pytest.mark.parametrize("name", ["series/depth.csv", "series/salinity/nowhere.csv"])
def test_what_is_not_there_is_said(client, name):
    answer = client.get(f"/api/v1/{name}")
    assert (answer.status_code == 404 and "there is no" in answer.text) or "has no such" in answer.text


@pytest.mark.parametrize("name", MAPS)
def test_gdal_3_12_opens_the_map(client, name):
    answer = client.get(f"/api/v1/{name}")
    assert answer.headers["content-type"].startswith("application/geo+json")
    assert not answer.content.startswith(b"\xef\xbb\xbf") and b"NaN" not in answer.content
    made = json.loads(answer.content)
    assert made["type"] == "FeatureCollection" and "crs" not in made and made["licence"]["id"] == "CC-BY-4.0"
    for feature in made["features"]:
        assert feature["type"] == "Feature" and feature["geometry"]["type"] == "Point"
        assert all(not isinstance(value, dict | list) for value in feature["properties"].values())


def test_no_point_is_more_exact_than_its_place(client):
    points = {place.id: [place.lon, place.lat] for place in PILOT.places}
    for feature in client.get("/api/v1/places.geojson").json()["features"]:
        assert feature["geometry"]["coordinates"] == points[feature["id"]]
    devices = client.get("/api/v1/devices.geojson").json()["features"]
    assert {one["id"] for one in devices} >= {"sky", "tam-que-soil-probe-01"}
    for feature in devices:
        assert feature["geometry"]["coordinates"] == points[feature["properties"]["community"]]
        assert feature["properties"]["accuracy_km"] == ACCURACY_KM


@pytest.mark.parametrize(
    ("name", "question"), [("series/soil_moisture.csv", "summary"), ("devices.csv", "latest")]
)
def test_many_who_ask_at_once_cost_the_store_one_question(tmp_path, monkeypatch, name, question):
    asked, go = [], threading.Event()
    app = FastAPI()
    with soil.figures(tmp_path) as figures:
        real = getattr(figures.store, question)

        def slow(*of):
            asked.append(of)
            go.wait(30)
            return real(*of)

        app.include_router(files.router(figures, soil.fleet(figures), soil.targets(figures)))
        with TestClient(app) as client, ThreadPoolExecutor(6) as pool:
            monkeypatch.setattr(figures.store, question, slow)
            answers = [pool.submit(client.get, f"/api/v1/{name}") for _ in range(6)]
            until(lambda: asked, "the store is asked")
            go.set()
            bodies = {one.result().content for one in answers}
            assert client.get(f"/api/v1/{name}").content in bodies  # a request a moment later gets the same
    assert len(bodies) == 1 and bodies != {b""}
    of_telemetry = [of for of in asked if of[0] == "telemetry"]
    assert len(of_telemetry) == 1
