"""Pages over a real store that goes away, or hangs: they report it, and recover with the store."""

from collections.abc import Iterator
from contextlib import closing
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
from gateway.stores.sqlite import SqliteStore
from tests import servers
from tests.gateway.damage import WAYS
from tests.servers import until

PAGES = ("/", "/place/tam-que")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages wait tenths of a second instead of seconds."""
    for name in ("EVERY", "AGAIN", "OLD", "PATIENCE", "LEAVE"):
        monkeypatch.setattr(kept, name, getattr(kept, name) / 10)


@pytest.fixture
def client(influx: servers.Influx, pilot: Pilot, tmp_path: Path) -> Iterator[TestClient]:
    """A client of pages over an InfluxDB with a reading."""
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


@pytest.mark.parametrize("how", ["cut off", "no database"])
def test_pages_say_that_the_embedded_store_is_damaged(how: str, pilot: Pilot, tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with closing(SqliteStore(path)):
        pass
    WAYS[how](path)
    settings = Settings(data=tmp_path)
    with (
        closing(SqliteStore(path)) as store,
        TestClient(site(settings, opened(settings, store), lambda *_: Verdict(True, []), ())) as client,
    ):
        for address in ("/", "/place/tam-que", "/healthz"):
            for lang, words in (("vi", "tệp kho số liệu bị hỏng"), ("en", "the store file is damaged")):
                answer = client.get(address, headers={"Accept-Language": lang})
                assert answer.status_code == 503
                assert words in answer.text and str(tmp_path) not in answer.text
        answer = client.get("/api/v1/indicators")
        assert answer.status_code == 503
        assert answer.json()["detail"].startswith("the store file is damaged, so")


def test_pages_say_that_the_diary_is_damaged(pilot: Pilot, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    settings.trace.mkdir()
    (settings.trace / "trace.sqlite").write_bytes(b"no database " * 1000)
    with (
        closing(SqliteStore(tmp_path / "store.sqlite")) as store,
        TestClient(site(settings, opened(settings, store), lambda *_: Verdict(True, []), ())) as client,
    ):
        for address in ("/", "/place/tam-que", "/api/v1/lots"):
            answer = client.get(address, headers={"Accept-Language": "en"})
            assert answer.status_code == 503
            assert "the file is damaged; whoever runs it" in answer.text and str(tmp_path) not in answer.text
