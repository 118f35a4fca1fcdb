"""This year's report by a browser alone: the same as the command writes."""

from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboards.figures import Figures
from dashboards.report import route
from devices.pilots.pilot import load
from gateway.indicators.count import evaluate
from gateway.stores.sqlite import SqliteStore

NOW = int(datetime(2026, 11, 21, 5, tzinfo=UTC).timestamp() * 1000)


def test_the_report_of_this_year_in_the_readers_language_made_once(tmp_path: Path) -> None:
    store, pilot, counted = SqliteStore(tmp_path / "store.sqlite"), load("dong-thap"), []

    def evaluated(at: int) -> object:
        counted.append(at)
        return evaluate(store, pilot, pilot.fleet.values(), at)

    figures = Figures(store, pilot, lambda *_: [], evaluated, now=lambda: NOW)  # type: ignore[arg-type]
    app = FastAPI()
    app.include_router(route.router(figures))
    client = TestClient(app)
    answer = client.get("/report.pdf")
    assert answer.content.startswith(b"%PDF-") and answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'inline; filename="bao-cao-2026.pdf"'
    asked = len(counted)
    assert client.get("/report.pdf").content == answer.content and len(counted) == asked
    english = client.get("/report.pdf", headers={"Accept-Language": "en"})
    assert english.headers["content-disposition"] == 'inline; filename="report-2026.pdf"'
    assert english.content != answer.content
    store.close()
