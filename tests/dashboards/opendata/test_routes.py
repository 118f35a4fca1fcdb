"""Open data over a real store: rows as in OpenAPI, units everywhere, pages, CSV, caches, limits."""

import csv
import io
import threading
from datetime import date
from functools import partial
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboards.figures import Figures
from dashboards.kept import Kept
from dashboards.opendata import gather
from dashboards.opendata import routes as api
from dashboards.opendata import rows as open_rows
from dashboards.pages import lately
from dashboards.progress import Progress
from devices.clock import DAY_MS, day_of, midnight_of
from devices.contract.signals import SIGNALS
from devices.web.conditional import Conditional
from gateway.indicators.count import Count, Evaluation
from gateway.indicators.standing import standing
from gateway.stores.points import Point, tags
from tests.dashboards import soil
from tests.dashboards.soil import MORE, NOW, PILOT

LOT = {"quantity": 1.0, "simulated": False}
LISTS = {
    "/api/v1/indicators": open_rows.Indicators,
    "/api/v1/indicators?at=2026-11-20": open_rows.Indicators,
    "/api/v1/communities": open_rows.Communities,
    "/api/v1/series?signal=soil_moisture": open_rows.Series,
    "/api/v1/devices": open_rows.Devices,
    "/api/v1/lots": open_rows.Lots,
}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    app = FastAPI()
    app.add_middleware(Conditional)
    with soil.figures(tmp_path_factory.mktemp("api")) as figures:
        app.include_router(api.router(figures, soil.fleet(figures), soil.targets(figures)))
        with TestClient(app) as made:
            yield made


@pytest.mark.parametrize("path", LISTS)
def test_rows_are_what_openapi_says_and_name_unit_and_licence(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    given = LISTS[path].model_validate(answer.json())
    assert given.rows and given.licence.id == "CC-BY-4.0" and given.page.total >= len(given.rows)
    assert '"unit":' in answer.text
    for row in given.rows:
        if isinstance(row, open_rows.DeviceRow):
            assert all(value.unit for value in (*row.values.values(), *row.flagged.values()))
        else:
            assert row.unit
    documented = client.get("/openapi.json").json()["paths"][path.partition("?")[0]]["get"]
    assert {"application/json", "text/csv"} <= documented["responses"]["200"]["content"].keys()
    assert {"limit", "offset", "format"} <= {p["name"] for p in documented["parameters"]}


@pytest.mark.parametrize("path", LISTS)
def test_csv_has_the_same_rows(client, path):
    rows = client.get(path).json()["rows"]
    joint = "&" if "?" in path else "?"
    for answer in (
        client.get(path, headers={"Accept": "text/csv"}),
        client.get(f"{path}{joint}format=csv"),
    ):
        assert answer.headers["content-type"].startswith("text/csv")
        assert 'rel="license"' in answer.headers["link"]
        found = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
        assert len(found) == len(rows)
        assert any("unit" in column for column in found[0])
        first = {name: value for name, value in rows[0].items() if isinstance(value, str | bool)}
        if "gtin" in first:  # written as GS1 writes it for people, so that every program reads a text
            first["gtin"] = f"(01){first['gtin']}"
        assert {name: found[0][name] for name in first} == {name: str(value) for name, value in first.items()}


@pytest.mark.parametrize("path", LISTS)
def test_each_page_of_a_csv_has_the_same_columns_and_one_without_rows_too(client, path):
    joint = "&" if "?" in path else "?"
    total = client.get(path).json()["page"]["total"]
    heads = {
        client.get(f"{path}{joint}format=csv&limit=1&offset={offset}").text.partition("\r\n")[0]
        for offset in {*range(0, total, max(1, total // 50)), total}
    }
    (head,) = heads
    assert head.strip("\ufeff").count(",") > 3


def test_a_text_that_a_spreadsheet_would_run_is_only_text():
    community = PILOT.communities[0].model_copy(update={"name": '=HYPERLINK("x")'})
    pilot = PILOT.model_copy(update={"communities": (community,)})
    app = FastAPI()
    app.include_router(
        api.router(Figures(None, pilot, lambda n: [], None, now=lambda: NOW), lambda _: [], list)
    )
    text = TestClient(app).get("/api/v1/communities?format=csv").text
    assert "'=HYPERLINK" in text and ",=HYPERLINK" not in text and ',"=HYPERLINK' not in text


def test_pages_join_to_the_whole(client):
    whole = client.get("/api/v1/communities?limit=1000").json()["rows"]
    found, address = [], "/api/v1/communities?limit=5"
    while address:
        answer = client.get(address)
        page = answer.json()["page"]
        assert len(answer.json()["rows"]) <= 5 and page["total"] == len(whole)
        assert ('rel="next"' in answer.headers["link"]) == (page["next"] is not None)
        found += answer.json()["rows"]
        address = page["next"]
    assert found == whole == client.get("/api/v1/communities").json()["rows"]


def test_caches_are_told_and_asked(client):
    now = client.get("/api/v1/indicators")
    assert now.headers["cache-control"] == "public, max-age=30"
    past = client.get("/api/v1/indicators?at=2026-11-19")
    assert past.headers["cache-control"] == "public, max-age=86400"
    same = client.get("/api/v1/indicators", headers={"If-None-Match": now.headers["etag"]})
    assert same.status_code == 304 and same.content == b""
    assert past.headers["etag"] != now.headers["etag"]
    assert now.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("path", "cause", "status"),
    [
        ("/api/v1/communities?limit=1001", "less than or equal to 1000", 422),
        ("/api/v1/communities?limit=0", "greater than or equal to 1", 422),
        ("/api/v1/communities?offset=-1", "greater than or equal to 0", 422),
        ("/api/v1/devices?format=xml", "json", 422),
        ("/api/v1/series?signal=depth", "no such signal", 422),
        ("/api/v1/series?signal=salinity&community=nowhere", "no such place", 422),
        ("/api/v1/series?signal=salinity&start=2026-11-20T00:00:00", "with a zone", 422),
        ("/api/v1/series?signal=salinity&start=2026-11-22T00:00:00Z", "not before", 404),
        ("/api/v1/series?signal=salinity&start=2026-01-01T00:00:00Z", "wider step", 403),
        ("/api/v1/series?signal=salinity&end=0001-01-01T00:00:00Z", "before 2021", 404),
        ("/api/v1/series?signal=salinity&start=0001-01-01T00:00:00%2B14:00", "wider step", 403),
        ("/api/v1/series?signal=salinity&start=9999-12-31T23:59:59-12:00", "not before", 404),
        ("/api/v1/indicators?at=2027-01-01", "2021-01-01 to 2026-11-21", 404),
        ("/api/v1/indicators?at=yesterday", "date", 422),
        ("/api/v1/indicators?day=2026-11-19", "no parameter is called day: there are at, limit,", 400),
        ("/api/v1/series?signal=salinity&frm=2026-11-20", "called frm: there are signal, community,", 400),
        ("/api/v1/lots?Community=tam-que&from=1", "called Community, from: there are community,", 400),
        ("/api/v1/devices/x/latest?limit=1", "called limit: there are none here", 400),
    ],
)
def test_what_cannot_be_answered_is_refused_with_its_cause(client, path, cause, status):
    answer = client.get(path)
    assert answer.status_code == status and cause in answer.text, answer.text


def test_a_series_is_summed_up_by_vietnamese_days(client):
    rows = client.get("/api/v1/series?signal=soil_moisture&device=tam-que-soil-probe-01&step=1d").json()[
        "rows"
    ]
    assert len(rows) == 8 and {row["time"][11:19] for row in rows} == {"17:00:00"}
    assert rows[1]["number"] == 48 and (rows[1]["low"], rows[1]["mean"], rows[1]["high"]) == (30, 30.5, 31)
    assert {row["unit"] for row in rows} == {"%"}
    hourly = client.get("/api/v1/series?signal=soil_moisture&community=canh-tan&limit=1000").json()
    assert {row["device"] for row in hourly["rows"]} == {"canh-tan-soil-probe-01", "canh-tan-soil-probe-02"}
    assert hourly["page"]["total"] == 2 * 7 * 24


def test_a_direction_has_the_mean_of_its_vectors_and_no_ends(client):
    address = "/api/v1/series?signal=wind_direction&community=thuan-tan&step=1d"
    for answer in (client.get(address), client.get(f"{address}&format=csv")):
        assert answer.status_code == 200 and "NaN" not in answer.text and "nan" not in answer.text
    rows = client.get(address).json()["rows"]
    assert [(row["low"], row["mean"], row["high"], row["number"], row["unit"]) for row in rows] == [
        (None, 0.0, None, 2, "deg"),
        (None, None, None, 2, "deg"),  # the two directions cancel each other out
    ]
    open_rows.Series.model_validate(client.get(address).json())
    table = list(csv.DictReader(io.StringIO(client.get(f"{address}&format=csv").content.decode("utf-8-sig"))))
    assert [(row["low"], row["mean"], row["high"]) for row in table] == [("", "0.0", ""), ("", "", "")]


@pytest.mark.parametrize("signal", MORE)
def test_every_signal_that_a_station_may_have_besides_is_given_with_its_unit(client, signal):
    device = client.get("/api/v1/devices/sky/latest").json()
    assert device["values"][signal]["value"] == MORE[signal]
    assert device["values"][signal]["unit"] == SIGNALS[signal].unit
    rows = client.get(f"/api/v1/series?signal={signal}&device=sky").json()["rows"]
    assert {row["unit"] for row in rows} == {SIGNALS[signal].unit}


def test_a_past_day_is_counted_again(client):
    now = {row["indicator"]: row for row in client.get("/api/v1/indicators").json()["rows"]}
    assert now["iot_communities"]["counted"] == ["tam-que"]
    assert {"id": "canh-tan", "has": "2/3"} in now["iot_communities"]["missed"]
    before = {row["indicator"]: row for row in client.get("/api/v1/indicators?at=2026-11-18").json()["rows"]}
    assert before["iot_communities"]["counted"] == ["tam-que"]
    assert before["iot_communities"]["time"] == "2026-11-18T16:59:59.999Z"
    assert before["smart_villages"]["value"] == 0, "that nobody counted is known"


@pytest.mark.parametrize("day", ["2022-01-01", "2026-11-12", "2026-11-17"])
def test_of_a_day_whose_week_began_before_the_first_readings_nothing_is_known(client, day):
    """Then 0 would say that nobody counted; the clerk stores no such day, and pages show none."""
    assert client.get(f"/api/v1/indicators?at={day}").json()["rows"] == []
    (head,) = client.get(f"/api/v1/indicators?at={day}&format=csv").text.splitlines()
    assert head.startswith("\ufeffindicator,unit,value,")


def test_a_target_that_has_to_be_exceeded_says_so(client):
    """2030 asks for over 50 % of cooperatives: 50 % itself is a gap of 0, and not reached."""
    rows = {row["indicator"]: row for row in client.get("/api/v1/indicators").json()["rows"]}
    over = {name: (row["target"], row["target_over"], row["target_up_to"]) for name, row in rows.items()}
    assert over["traceability_share"] == (0.5, True, None)
    assert over["iot_communities"] == over["smart_villages"] == (14, False, None)


def test_a_difference_of_shares_has_no_digits_of_its_own():
    """As floats, 0.16 is 0.010000000000000009 more than 0.15."""
    count = Count("traceability_share", 0.16, 0.0, 0.16, 0.15, (), ())
    figures = SimpleNamespace(pilot=PILOT, evaluation=lambda at: Evaluation(at, (count,), {}))
    (row,) = gather.counted(figures, midnight_of(date(2025, 12, 31), PILOT.zone))
    assert (row["value"], row["target"], row["gap"]) == (0.16, 0.15, 0.01)


def test_whether_a_commune_is_certain_is_said(client):
    rows = {row["id"]: row for row in client.get("/api/v1/communities").json()["rows"]}
    assert rows["thuan-tan"]["commune_assumed"] and not rows["an-nong"]["commune_assumed"]
    assert rows["an-nong"]["commune_new"] is None


def test_lots_keep_their_codes(client):
    assert "SECRET" not in client.get("/api/v1/lots").text
    rows = client.get("/api/v1/lots?community=tam-que").json()["rows"]
    assert [row["quantity"] for row in rows] == [
        {"value": 850.0, "unit": "kg"},
        {"value": 852.0, "unit": "kg"},
    ]


def test_lots_are_asked_for_of_whoever_seals_some(client):
    """Cooperatives, which are no places of the pilot, seal most lots; villages seal none."""
    known = {one["community"] for one in client.get("/api/v1/lots").json()["rows"]} | {"htx-061"}
    assert {client.get(f"/api/v1/lots?community={one}").status_code for one in known} == {200}
    for nobody in ("nowhere", soil.PILOT.villages[0].id):
        refused = client.get(f"/api/v1/lots?community={nobody}")
        assert refused.status_code == 422 and "seals lots" in refused.text


def test_nobody_takes_a_lot_of_the_simulator_for_a_harvest(client):
    rows = client.get("/api/v1/lots").json()["rows"]
    assert (
        [row["simulated"] for row in rows] == [one["simulated"] for one in soil.LOTS] == [False, True, True]
    )


def test_a_recalled_lot_is_told_from_the_others(client):
    assert [row["recalled"] for row in client.get("/api/v1/lots").json()["rows"]] == [False, False, True]


def test_harvests_of_a_community_are_not_cut_off_by_those_of_others(client, monkeypatch):
    monkeypatch.setattr("dashboards.opendata.routes.LOTS", 1)
    answer = client.get("/api/v1/lots?community=canh-tan").json()
    assert [row["quantity"]["value"] for row in answer["rows"]] == [851.0]
    assert [row["community"] for row in client.get("/api/v1/lots").json()["rows"]] == ["tam-que"]


def test_who_counts_is_what_the_clerk_wrote_down_as_if_it_were_counted_again(tmp_path):
    rows, lot = [], {"quantity": 1.0, "simulated": False}
    besides, late, *_ = sorted(PILOT.producers.keys() - PILOT.place.keys())
    with soil.figures(tmp_path) as figures:
        for place in ("tam-que", besides):
            where = tags(pilot=PILOT.pilot, community=place, product="p")
            figures.store.write([Point("lot", where, lot, NOW - 9 * DAY_MS)])
        where = tags(pilot=PILOT.pilot, community=late, product="p")  # a lot sealed after the count
        figures.store.write([Point("lot", where, lot, NOW)])
        evaluation = figures.evaluation(NOW)
        app = FastAPI()
        app.include_router(api.router(figures, soil.fleet(figures), soil.targets(figures)))
        for _ in range(2):
            rows.append(TestClient(app).get("/api/v1/indicators").json()["rows"])
            midnight = midnight_of(day_of(NOW, PILOT.zone), PILOT.zone)
            figures.store.write(standing(PILOT, evaluation, midnight))
            figures._evaluated = None  # forget this count, so that the stored one is used
    assert rows[0] == rows[1]
    assert {row["indicator"]: row["counted"] for row in rows[1]} == {
        "iot_communities": ["tam-que"], "smart_villages": [], "traceability_share": [besides, "tam-que"],
    }  # fmt: skip


def test_a_harvest_sealed_since_the_count_is_in_the_share_and_among_who_counts_or_in_neither(tmp_path):
    """In the first seconds of a pilot: counted, then a year of harvests is sealed, at their own times."""
    with soil.figures(tmp_path) as figures:
        progress = Progress.read(figures)
        where = tags(pilot=PILOT.pilot, community="tam-que", product="p")
        figures.store.write([Point("lot", where, LOT, NOW - 9 * DAY_MS)])
        app = FastAPI()
        app.include_router(api.router(figures, soil.fleet(figures), lambda: progress))
        row = TestClient(app).get("/api/v1/indicators").json()["rows"][-1]
    assert (row["indicator"], row["counted"]) == ("traceability_share", ["tam-que"])
    assert row["value"] == row["value_real"] == 1 / 400 and row["gap"] == row["value"] - row["target"]
    assert row["forecast"][0]["low"] >= row["value"]
    assert "canh-tan" in (missed := {one["id"] for one in row["missed"]}) and "tam-que" not in missed


def test_who_asks_for_a_place_before_all_are_read_waits_for_it_alone(tmp_path):
    go = threading.Event()

    def slow():
        go.wait(60)
        return lately.Lately.read(figures)

    with soil.figures(tmp_path) as figures:
        recent, app = Kept(slow), FastAPI()
        app.include_router(api.router(figures, partial(lately.of_a_day, figures, recent), list))
        path = "/api/v1/devices?community=tam-que"
        with TestClient(app) as client, recent.running():
            early = client.get(path).json()["rows"]
            go.set()
            assert client.get("/api/v1/devices").json()["page"]["total"] == 6
            assert client.get(path).json()["rows"] == early
    assert [row["device"] for row in early] == [f"tam-que-soil-probe-0{n}" for n in (1, 2, 3)]


def test_how_the_targets_stand_is_written_once_for_each_reading(tmp_path):
    with soil.figures(tmp_path) as figures:
        app, read = FastAPI(), Progress.read(figures)
        app.include_router(api.router(figures, soil.fleet(figures), lambda: read))
        client = TestClient(app)
        rows = client.get("/api/v1/indicators").json()["rows"]
        assert len(rows) == 3
        figures.store.close()  # the rows were read before, so the store is not needed
        assert client.get("/api/v1/indicators").json()["rows"] == rows
