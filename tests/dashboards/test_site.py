"""The pages as one application: every route for machines exists, and reports it when the store is away."""

import re
import socket
import threading
from html import unescape
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from fastapi.testclient import TestClient

from dashboards.figures import Figures
from dashboards.site import opened, site
from devices.access import registry as registry_module
from devices.access.registry import Registry
from devices.clock import DAY_MS, HOUR_MS, day_of, midnight_of
from devices.settings import Settings
from devices.texts import text
from gateway.indicators.count import evaluate, points
from gateway.indicators.standing import standing
from gateway.stores.points import Point, device_tags, tags
from gateway.stores.sqlite import SqliteStore
from gateway.stores.store import RetryLater
from tests.dashboards import soil
from tests.seen import Served
from tests.servers import until

DOORS = (
    "/", "/static/place.css", "/static/check.css", "/scenarios", "/api/v1/openapi.json",
    "/api/v1/indicators", "/api/v1/devices.csv", "/api/v1/places.geojson", "/api/v1/catalog",
    "/api/v1/catalog.ttl", "/sta/v1.1", "/sta/v1.1/Things",
)  # fmt: skip


@pytest.fixture
def figures(tmp_path):
    with soil.figures(tmp_path) as made:
        yield made


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path, base_url="https://village.example")


@pytest.mark.parametrize("path", DOORS)
def test_every_door_for_machines_is_open_and_answers_head_alike(settings, figures, path):
    with TestClient(site(settings, figures, lambda *_: None, ())) as client:
        whole, head = client.get(path), client.head(path)
        assert whole.status_code == head.status_code == 200
        assert whole.headers["content-length"] == head.headers["content-length"]
        assert head.content == b"" and whole.headers["etag"] == head.headers["etag"]
        again = client.get(path, headers={"If-None-Match": whole.headers["etag"]})
        assert again.status_code == 304 and again.content == b""


def test_a_point_that_no_device_said_takes_no_page_away(settings, figures):
    """Anybody who may write to the store can write such a point."""
    nobody = tags(pilot="dong-thap", community="tam-que", simulated="false")
    doubted = tags(pilot="dong-thap", community="tam-que", signal="soil_ec", reason="spike")
    paths = ("/", "/place/tam-que", "/api/v1/devices?limit=1", "/api/v1/devices?community=tam-que",
             "/api/v1/indicators?at=2026-11-20", "/api/v1/series?signal=soil_moisture",
             "/api/v1/places.geojson", "/sta/v1.1/Things", "/sta/v1.1/Observations?$top=1")  # fmt: skip
    figures.store.write([
        Point("telemetry", nobody, {"soil_moisture": 99.0}, soil.NOW - 1),
        Point("telemetry_flagged", doubted, {"value": 99.0, "flag": 3}, soil.NOW - 1),
    ])  # fmt: skip
    with TestClient(site(settings, figures, lambda *_: None, ()), raise_server_exceptions=False) as client:
        answers = {path: client.get(path) for path in paths}
    assert {path: one.status_code for path, one in answers.items()} == dict.fromkeys(paths, 200)
    assert not [path for path, one in answers.items() if path.startswith("/api") and "99.0" in one.text]


@pytest.mark.parametrize("path", ["/api/v1/openapi.json", "/api/v1/catalog", "/api/v1/lots?x=1", "/sta/v1.1"])
def test_a_script_of_elsewhere_reads_open_data_and_what_describes_it(client, path):
    assert client.get(path).headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("path", ["/check", "/learn"])
def test_a_page_that_nobody_keeps_answers_head_too(settings, figures, path):
    with TestClient(site(settings, figures, lambda *_: None, ())) as client:
        head = client.head(path)
        assert head.status_code == 200 and head.content == b"" and "etag" not in head.headers


@pytest.mark.parametrize("host", ["village.example", "evil.example", "localhost:8080"])
@pytest.mark.parametrize("path", [
    "/api/v1/catalog", "/api/v1/catalog.ttl", "/api/v1/catalog.rdf", "/api/v1/devices?limit=1", "/sta/v1.1",
    "/sta/v1.1/Things?$top=1",
])  # fmt: skip
def test_no_link_bears_the_name_that_a_request_brings(settings, figures, path, host):
    with TestClient(site(settings, figures, lambda *_: None, ())) as client:
        answer = client.get(path, headers={"Host": host})
        said = answer.text + str(answer.headers)
        assert answer.status_code == 200 and "https://village.example/" in said
        assert "evil" not in said and "localhost" not in said and "testserver" not in said


@pytest.fixture
def client(settings, figures):
    with TestClient(site(settings, figures, lambda *_: None, ())) as made:
        yield made


MISSED = [
    ("GET", "/nowhere", 404, "Không có trang này", "No such page"),
    ("GET", "/place/nowhere", 404, "Không có nơi này", "No such place"),
    ("POST", "/", 405, "Trang này chỉ để xem", "This page can only be read"),
    ("GET", "/report.pdf?years=0", 422, "“years”", '"years"'),
]


@pytest.mark.parametrize(("method", "path", "status", "vi", "en"), MISSED)
def test_people_are_told_on_a_page_in_their_language(client, method, path, status, vi, en):
    for lang, said in (("vi", vi), ("en", en)):
        answer = client.request(method, path, headers={"Accept-Language": lang})
        assert answer.status_code == status and answer.headers["content-type"] == "text/html; charset=utf-8"
        page = unescape(answer.text)
        assert said in page and f'<html lang="{lang}">' in page and '<a href="/">' in page
        assert '<a href="/s">' in page, "a buyer's next step"
        assert answer.headers["vary"].startswith("Accept-Language, Cookie")
        assert answer.headers["cache-control"] == "no-cache"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    if status == 405:
        assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404), ("GET", "/api/v1/devices/nobody/latest", 404),
        ("POST", "/api/v1/devices", 405), ("GET", "/api/v1/devices?limit=0", 422),
        ("GET", "/api/v1/devices?community=x", 422), ("GET", "/sta/v1.1/Nothing", 404),
        ("POST", "/sta/v1.1/Things", 405),
    ],
)  # fmt: skip
def test_programs_are_told_in_json(client, method, path, status):
    answer = client.request(method, path, headers={"Accept": "text/html"})
    assert answer.status_code == status and answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json()["message" if path.startswith("/sta") else "detail"]
    if status == 405:
        assert answer.headers["allow"].startswith("GET")


@pytest.mark.parametrize("path", ["/", "/place/tam-que", "/scenarios", "/check", "/learn", "/none"])
def test_every_page_of_the_office_leads_to_itself_in_the_other_language(client, path):
    for lang, other in (("vi", "en"), ("en", "vi")):
        client.cookies.clear()
        page = client.get(path, headers={"Accept-Language": lang}).text
        (link,) = re.findall(r'href="(/language/[^"]+)"', page)
        assert link == f"/language/{other}?to={path}"
        there = client.get(link, headers={"Accept-Language": lang})
        assert there.url.path == path and f'<html lang="{other}">' in there.text


@pytest.mark.parametrize("path", ["/favicon.ico", "/static/icon.svg"])
def test_a_tab_has_its_sign(client, path):
    answer = client.get(path)
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/svg+xml"
    assert ElementTree.fromstring(answer.text).tag == "{http://www.w3.org/2000/svg}svg"
    assert '<link rel="icon" href="/static/icon.svg"' in client.get("/").text


@pytest.mark.parametrize("path", ["/", "/api/v1/series/soil_moisture.csv", "/static/place.css"])
def test_what_is_long_is_sent_small_to_whoever_can_read_it(client, path):
    until(lambda: text("overview.reading", "vi") not in client.get("/").text, "the overview is drawn")
    whole = client.get(path, headers={"Accept-Encoding": "identity"})
    small = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert small.content == whole.content and small.headers["content-encoding"] == "gzip"
    assert int(small.headers["content-length"]) < len(whole.content) / 2
    assert "content-encoding" not in whole.headers
    for one, encoding in ((whole, "identity"), (small, "gzip")):
        assert "Accept-Encoding" in one.headers["vary"]
        known = {"Accept-Encoding": encoding, "If-None-Match": one.headers["etag"]}
        again = client.get(path, headers=known)
        assert again.status_code == 304 and again.headers["vary"] == one.headers["vary"]
        head = client.head(path, headers={"Accept-Encoding": encoding})
        assert head.headers["content-length"] == one.headers["content-length"]


def test_an_upload_that_is_cut_off_is_one_line_in_the_log(settings, figures, caplog):
    with Served(site(settings, figures, lambda *_: None, ())) as address:
        at = urlsplit(address)
        for body in (b"", b"payload="):
            with socket.create_connection((at.hostname, at.port)) as one:
                one.sendall(b"POST /check HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n" + body)
        until(lambda: len(caplog.records) >= 2, "both were seen")
    assert {record.getMessage() for record in caplog.records} == {"POST /check: cut off before its end"}
    assert len(caplog.records) == 2 and not any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("path", ["/api/v1/devices.csv", "/api/v1/devices.geojson", "/sta/v1.1/Things"])
def test_a_store_that_is_away_is_503_and_says_when_to_ask_again(settings, figures, path, monkeypatch):
    def away(*_, **__):
        raise RetryLater("store.silent", error="http://influx.inside:8086 refuses")

    monkeypatch.setattr(figures.store, "latest", away)
    with TestClient(site(settings, figures, lambda *_: None, ())) as client:
        answer = client.get(path)
        assert answer.status_code == 503 and answer.headers["retry-after"] == "5"
        assert "InfluxDB does not answer" in answer.text and "influx.inside" not in answer.text


def test_head_and_options_wherever_get_is_answered(settings, figures):
    """Public routes of every kind."""
    app = site(settings, figures, lambda *_: None, ())
    with TestClient(app) as client:
        asked = sorted({path for path in ("/", "/state", "/healthz", "/check", "/learn", "/reports", *DOORS)
                        if client.get(path).status_code == 200})  # fmt: skip
        assert len(asked) > len(DOORS)
        for path in asked:
            head, options = client.head(path), client.options(path)
            assert head.status_code == 200 and not head.content, path
            assert options.status_code in (200, 204) and not options.content, path
            assert {"GET", "HEAD"} <= {name.strip() for name in options.headers["allow"].split(",")}, path
        assert client.head("/nothing").status_code == client.options("/nothing").status_code == 404


PAGES = ("/", "/?q=tam", "/place/tam-que", "/healthz", "/api/v1/indicators", "/api/v1/communities",
         "/api/v1/devices", "/api/v1/devices?community=tam-que",
         "/api/v1/devices/tam-que-soil-probe-01/latest")  # fmt: skip


def asked_of(folder, places):
    """Page → number of store queries for one visit, in a province with so many more places, all of which
    report and are counted.
    """
    one = soil.PILOT.place["tam-que"]
    more = [one.model_copy(update={"id": f"more-{n}", "products": ()}) for n in range(places)]
    pilot = soil.PILOT.changed(communities=(*soil.PILOT.communities, *more))
    store = SqliteStore(folder / "store.sqlite")
    fleet = [one for one in pilot.fleet.values() if one.model == "soil-probe"]
    store.write([Point("telemetry", device_tags(one), {"soil_moisture": 31.0}, soil.NOW) for one in fleet])
    evaluation = evaluate(store, pilot, fleet, soil.NOW + 1)
    midnight = midnight_of(day_of(soil.NOW, pilot.zone), pilot.zone)
    store.write([*points(pilot, evaluation), *standing(pilot, evaluation, midnight)])
    made = Figures(store, pilot, lambda *_: [], None, now=lambda: soil.NOW + 1)  # nothing is counted anew
    asked, found = [], {}

    def heard(_):
        if threading.current_thread().name not in ("kept", "curves"):  # these threads read ahead
            asked.append(1)

    with TestClient(site(Settings(data=folder), made, lambda *_: None, ())) as client:
        for path in PAGES:
            client.get(path)  # afterwards everything that is read ahead is there
            with store._file.turn() as db:
                db.set_trace_callback(heard)
            asked.clear()
            answer = client.get(path)
            found[path] = len(asked)
            with store._file.turn() as db:
                db.set_trace_callback(None)
            assert answer.status_code == 200 and (path != "/" or answer.text.count("/place/more-") >= places)
    store.close()
    return found


def test_a_page_has_the_store_asked_no_more_often_of_many_places_than_of_few(tmp_path):
    few, many = (asked_of(tmp_path / str(places), places) for places in (1, 60))
    assert few == many
    assert [few[path] for path in ("/", "/?q=tam", "/api/v1/devices")] == [0, 0, 0]


def test_who_counted_at_a_past_moment_is_told_by_who_was_enrolled_then(tmp_path, monkeypatch):
    """The report of a past year stays the same after a device has left or moved."""
    settings, end = Settings(data=tmp_path), soil.NOW // HOUR_MS * HOUR_MS
    registry = Registry(settings.registry_url, settings.loaded_pilot)
    monkeypatch.setattr(registry_module, "now_ms", lambda: end - 10 * DAY_MS)
    store = SqliteStore(tmp_path / "readings.sqlite")
    try:
        for name in ("d1", "d2", "d3"):
            registry.enroll("tam-que", "soil-probe", name)
            tagged = device_tags(registry.lookup(name))
            hours = range(end - 8 * DAY_MS, end, HOUR_MS)
            store.write([Point("telemetry", tagged, {"soil_ec": 1.0}, hour) for hour in hours])
        figures = opened(settings, store)
        before = figures.evaluation(end).counts[0]
        assert before.members == ("tam-que",) and before.real == 1
        monkeypatch.setattr(registry_module, "now_ms", lambda: end + HOUR_MS)
        registry.revoke("d1")
        registry.revoke("d2")
        registry.enroll("my-dien", "soil-probe", "d2")
        figures = opened(settings, store)  # with an empty memory
        assert figures.evaluation(end).counts[0] == before
        assert figures.evaluation(end + HOUR_MS).counts[0].members == ()
    finally:
        store.close()
