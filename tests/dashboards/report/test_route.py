"""This year's report by a browser alone is the one that the command writes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboards.figures import Figures
from dashboards.report import paper, route, word
from devices.pilots.pilot import load
from devices.texts import LANGS
from devices.web.conditional import Conditional
from gateway.indicators.count import evaluate
from gateway.stores.points import Point, tags
from gateway.stores.sqlite import SqliteStore

NOW = int(datetime(2026, 11, 21, 5, tzinfo=UTC).timestamp() * 1000)
KINDS = {"pdf": (b"%PDF-", "inline"), "docx": (b"PK", "attachment")}


@pytest.fixture
def counted() -> list[int]:
    return []


@pytest.fixture
def client(tmp_path: Path, counted: list[int]) -> Iterator[TestClient]:
    store, pilot = SqliteStore(tmp_path / "store.sqlite"), load("dong-thap")
    where = tags(pilot="dong-thap", indicator="iot_communities")
    store.write([Point("kpi", where, {"value": 1.0}, NOW - 1000)])

    def evaluated(at: int) -> object:
        counted.append(at)
        return evaluate(store, pilot, pilot.fleet.values(), at)

    figures = Figures(store, pilot, lambda *_: [], evaluated, now=lambda: NOW)  # type: ignore[arg-type]
    app = FastAPI()
    app.add_middleware(Conditional)
    app.include_router(route.router(figures))
    yield TestClient(app)
    store.close()


@pytest.mark.parametrize("kind", KINDS)
def test_the_report_of_this_year_in_the_readers_language_made_once(
    kind: str, client: TestClient, counted: list[int]
) -> None:
    path, (begin, shown) = f"/report.{kind}", KINDS[kind]
    answer = client.get(path)
    assert answer.content.startswith(begin)
    assert answer.headers["content-type"] == route.TYPES[kind]  # type: ignore[index]
    assert answer.headers["content-disposition"] == f'{shown}; filename="bao-cao-2026.{kind}"'
    asked = len(counted)
    assert asked and client.get(path).content == answer.content and len(counted) == asked
    english = client.get(path, headers={"Accept-Language": "en"})
    assert english.headers["content-disposition"] == f'{shown}; filename="report-2026.{kind}"'
    assert english.content != answer.content and english.headers["etag"] != answer.headers["etag"]


@pytest.mark.parametrize("kind", KINDS)
def test_who_has_it_is_told_so_and_head_sends_no_content(kind: str, client: TestClient) -> None:
    answer = client.get(f"/report.{kind}")
    again = client.get(f"/report.{kind}", headers={"If-None-Match": answer.headers["etag"]})
    assert (
        again.status_code == 304 and again.content == b"" and again.headers["etag"] == answer.headers["etag"]
    )
    head = client.head(f"/report.{kind}")
    assert head.status_code == 200 and head.content == b""
    assert head.headers["content-length"] == str(len(answer.content))
    assert client.get(f"/report.{kind}", headers={"If-None-Match": 'W/"other"'}).status_code == 200


def test_who_asks_for_every_kind_again_and_again_has_nothing_made_anew(
    client: TestClient, counted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper, "pdf", lambda _: b"pdf")
    monkeypatch.setattr(word, "docx", lambda _: b"docx")

    def ask() -> int:
        for kind, lang, years in product(KINDS, LANGS, range(1, 11)):
            client.get(f"/report.{kind}?years={years}", headers={"Accept-Language": lang})
        return len(counted)

    assert ask() == ask()


def test_a_review_by_a_browser(client: TestClient) -> None:
    year, three = client.get("/report.pdf"), client.get("/report.pdf?years=3")
    assert three.status_code == 200 and three.headers["etag"] != year.headers["etag"]
    for wrong in ("0", "11", "x"):
        assert client.get(f"/report.pdf?years={wrong}").status_code == 422


@pytest.mark.parametrize("kind", KINDS)
def test_the_report_of_another_year_is_that_years(kind: str, client: TestClient) -> None:
    """In January people hand in last year's report; this year's must not appear under that name."""
    this, last = client.get(f"/report.{kind}"), client.get(f"/report.{kind}?year=2025")
    assert last.headers["content-disposition"].endswith(f'filename="bao-cao-2025.{kind}"')
    assert last.headers["etag"] != this.headers["etag"]
    assert client.get(f"/report.{kind}?year=2026").headers["etag"] == this.headers["etag"]
    assert client.get(f"/report.{kind}?year=2027").status_code == 404, "it has not begun"
    for wrong in ("2020", "x", ""):
        assert client.get(f"/report.{kind}?year={wrong}").status_code == 422
