"""The pages as one application: every door for machines is there, and says when the store is away."""

import pytest
from fastapi.testclient import TestClient

from dashboards.site import site
from devices.settings import Settings
from gateway.stores.store import RetryLater
from tests.dashboards import soil

DOORS = (
    "/", "/static/place.css", "/static/check.css", "/api/v1/openapi.json",
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


@pytest.mark.parametrize("path", ["/api/v1/devices.csv", "/api/v1/devices.geojson", "/sta/v1.1/Things"])
def test_a_store_that_is_away_is_503_and_says_when_to_ask_again(settings, figures, path, monkeypatch):
    def away(*_):
        raise RetryLater("the store does not answer")

    monkeypatch.setattr(figures.store, "latest", away)
    with TestClient(site(settings, figures, lambda *_: None, ())) as client:
        answer = client.get(path)
        assert answer.status_code == 503 and answer.headers["retry-after"] == "5"


def test_head_and_options_wherever_get_is_answered(settings, figures):
    """Of public routes of every kind."""
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
