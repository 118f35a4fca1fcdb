"""Pages over a real store that goes away, or hangs: they report it, and recover with the store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from dashboards import kept
from dashboards.pages.check import Verdict
from dashboards.site import opened, site
from devices.clock import now_ms
from devices.pilots.pilot import Pilot
from devices.settings import Settings
from gateway.stores.influx import InfluxStore
from gateway.stores.points import Point, device_tags
from tests import servers
from tests.servers import until

PAGES = ("/", "/place/tam-que")


@pytest.fixture
def client(
    influx: servers.Influx, pilot: Pilot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    """A client of pages that wait tenths of a second instead of seconds."""
    for name in ("EVERY", "AGAIN", "OLD", "PATIENCE", "LEAVE"):
        monkeypatch.setattr(kept, name, getattr(kept, name) / 10)
    store = InfluxStore(influx.url, influx.token, influx.org, influx.bucket())
    probe = device_tags(pilot.fleet["tam-que-soil-probe-01"])
    store.write([Point("telemetry", probe, {"soil_moisture": 31.0}, now_ms() - 1000)])
    settings = Settings(data=tmp_path)
    figures = opened(settings, store)
    with TestClient(site(settings, figures, lambda *_: Verdict(True, []), ())) as made:
        yield made
    store.close()


@pytest.mark.parametrize("how", ["down", "behind_a_dead_engine", "hung"])
def test_pages_say_that_the_store_is_away_and_are_back_with_it(
    client: TestClient, influx: servers.Influx, how: str
) -> None:
    def shown(code: int) -> bool:
        return all(client.get(path).status_code == code for path in PAGES)

    until(lambda: shown(200), "the pages are there")
    with getattr(influx, how)():
        until(lambda: shown(503), "the pages say that it is away")
        answer = client.get("/")
        assert answer.headers["retry-after"] == "5" and "Tạm thời chưa xem được" in answer.text
        assert "Influx" not in answer.text, "the cause is for the log"
    until(lambda: shown(200), "the pages are back")
