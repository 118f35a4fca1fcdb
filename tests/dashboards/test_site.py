"""The pages as one application: every door for machines is there, and says when the store is away."""

import pytest
from fastapi.testclient import TestClient

from dashboards.site import site
from gateway.stores.store import RetryLater
from tests.dashboards import soil

DOORS = (
    "/api/v1/indicators", "/api/v1/devices.csv", "/api/v1/places.geojson", "/api/v1/catalog",
    "/api/v1/catalog.ttl", "/sta/v1.1", "/sta/v1.1/Things",
)  # fmt: skip


@pytest.fixture
def figures(tmp_path):
    with soil.figures(tmp_path) as made:
        yield made


@pytest.mark.parametrize("path", DOORS)
def test_every_door_for_machines_is_open_and_answers_head_alike(figures, path):
    with TestClient(site(figures, lambda *_: None, ())) as client:
        whole, head = client.get(path), client.head(path)
        assert whole.status_code == head.status_code == 200
        assert whole.headers["content-length"] == head.headers["content-length"]


@pytest.mark.parametrize("path", ["/api/v1/devices.csv", "/api/v1/devices.geojson", "/sta/v1.1/Things"])
def test_a_store_that_is_away_is_503_and_says_when_to_ask_again(figures, path, monkeypatch):
    def away(*_):
        raise RetryLater("the store does not answer")

    monkeypatch.setattr(figures.store, "latest", away)
    with TestClient(site(figures, lambda *_: None, ())) as client:
        answer = client.get(path)
        assert answer.status_code == 503 and answer.headers["retry-after"] == "5"
