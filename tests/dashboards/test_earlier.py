"""Pages that an earlier run left are shown, in both languages, only until this run first draws them."""

import os
import threading
import time
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboards import progress
from dashboards.earlier import EarlierPages
from dashboards.figures import Figures
from dashboards.kept import Kept
from dashboards.pages import lately, overview, place
from dashboards.pages.frame import Lasting
from dashboards.pages.lately import Lately
from devices.texts import number, text
from devices.web import language
from gateway.stores.store import RetryLater
from tests.dashboards import soil
from tests.servers import until

DAY = 86_400


@pytest.fixture
def figures(tmp_path):
    with soil.figures(tmp_path) as made:
        made.lots = lambda *_: []
        yield made


def shown(page: str) -> tuple[str, str]:
    """The page up to its time, and from its first links on: between them it says how it is loaded again."""
    return page.partition(" · ")[0], page.partition("<nav")[2]


def drawn(client: TestClient, lang: str) -> str:
    """The page in a language, once it has been drawn."""
    client.get(f"/language/{lang}")
    until(lambda: text("overview.reading", lang) not in client.get("/").text, "it is drawn")
    return client.get("/").text


def app_of(figures: Figures, recent: Kept[Lately], folder: Path) -> FastAPI:
    app = FastAPI()
    app.include_router(
        overview.router(
            figures, recent, EarlierPages(folder, figures.pilot.pilot), progress.kept(figures), folder
        )
    )
    app.include_router(place.router(figures, recent))
    app.include_router(language.router())
    return app


def test_the_first_view_after_a_start_is_what_was_drawn_last_with_its_time(
    figures: Figures, tmp_path: Path
) -> None:
    folder, read, pages = tmp_path / "web", threading.Event(), {}
    with TestClient(app_of(figures, lately.kept(figures), folder)) as client:
        until(lambda: len([*folder.glob("*.html")]) == 2, "it is kept")
        for lang in ("vi", "en"):
            pages[lang] = drawn(client, lang)

    def slow() -> Lately:
        read.wait(60)
        return Lately.read(figures)

    figures.now = lambda: soil.NOW + 60_000
    with TestClient(app_of(figures, Kept(slow), folder)) as client:
        for lang, page in pages.items():
            client.get(f"/language/{lang}")
            answer = client.get("/")
            assert shown(answer.text) == shown(page) and answer.headers["refresh"] == str(overview.SOON)
            assert text("overview.stop", lang) in answer.text, (
                "its browser asks again, unless that is stopped"
            )
            stopped = client.get("/?live=0")
            assert "refresh" not in stopped.headers and text("overview.reading", lang) in stopped.text
        assert "tam-que" in client.get("/place/tam-que").text, "a place is read by itself meanwhile"
        read.set()
        until(lambda: shown(client.get("/").text) != shown(page), "it is drawn anew")
        assert "refresh" not in client.get("/").headers, "it may be read in peace"


def test_the_first_view_ever_says_what_is_known_while_the_store_is_read(
    figures: Figures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page does not wait for the values of ten thousand devices, and claims nothing about them before."""
    monkeypatch.setattr(overview, "FIRST", 0.01)
    read, devices = threading.Event(), len([one for one in figures.roster() if one.model != "diary"])
    untrue = ("no_indicators", "alarms_none", "silent_none", "advice_none", "none_yet")

    def slow() -> Lately:
        read.wait(60)
        return Lately.read(figures)

    with TestClient(app_of(figures, Kept(slow), tmp_path / "web")) as client:
        for lang in ("vi", "en"):
            client.get(f"/language/{lang}")
            until(lambda: '<svg class="bar"' in client.get("/").text, "how the targets stand is there")
            for path, again in (("/", overview.SOON), ("/?live=1", overview.SOON), ("/?live=0", None)):
                answer = client.get(path)
                assert answer.status_code == 200 and answer.headers.get("refresh") == (again and str(again))
                assert answer.text.count(text("overview.reading", lang)) == 5
                assert text("overview.reading_note", lang, devices=number(devices, lang)) in answer.text
                assert all(f'href="/place/{place}"' in answer.text for place in figures.pilot.place)
                assert not [one for one in untrue if text(f"overview.{one}", lang) in answer.text]
            asked = client.get("/?q=tam que").text
            assert 'href="/place/tam-que"' in asked and 'href="/place/canh-tan"' not in asked
        assert not (tmp_path / "web").exists(), "it is nothing to be kept"
        read.set()
        until(lambda: text("overview.reading", "en") not in client.get("/").text, "it is drawn")


def test_what_does_not_count_is_not_said_before_anything_was_counted(figures: Figures) -> None:
    page = overview.begun(figures, None, Lasting("vi"))
    assert text("overview.counts", "vi") not in page and 'href="/place/tam-que"' in page


def test_a_store_that_is_away_is_told_once_that_is_known(figures: Figures, tmp_path: Path) -> None:
    EarlierPages(tmp_path, figures.pilot.pilot).keep("vi", lambda: "<p>before")
    fails = threading.Event()

    def away() -> Lately:
        fails.wait(60)
        raise RetryLater("store.silent", error="down")

    with TestClient(app_of(figures, Kept(away), tmp_path), raise_server_exceptions=False) as client:
        assert client.get("/").text == "<p>before"
        fails.set()
        until(lambda: client.get("/").status_code == 500, "it is told")  # 503 where a site answers


def test_what_is_older_than_a_day_is_not_shown(tmp_path: Path) -> None:
    earlier = EarlierPages(tmp_path, soil.PILOT.pilot)
    assert earlier.page("vi") is None
    made = iter("ab")
    for _ in range(2):
        earlier.keep("vi", lambda: next(made))
    assert earlier.page("vi") == "a" and next(made) == "b", "within a minute it is made and written once"
    (file,) = tmp_path.iterdir()
    os.utime(file, (time.time() - DAY - 1,) * 2)
    assert earlier.page("vi") is None


def test_a_folder_that_takes_nothing_holds_up_no_page(tmp_path: Path) -> None:
    (tmp_path / "web").write_text("a file")
    earlier = EarlierPages(tmp_path / "web", soil.PILOT.pilot)
    earlier.keep("vi", lambda: "a")
    assert earlier.page("vi") is None


def test_what_other_code_drew_is_not_shown(tmp_path: Path) -> None:
    """After an upgrade the page's style sheet is another."""
    earlier = EarlierPages(tmp_path, soil.PILOT.pilot)
    earlier.keep("vi", lambda: "<!doctype html>\n<p>now")
    assert earlier.page("vi") == "<!doctype html>\n<p>now"
    (file,) = tmp_path.iterdir()
    head, _, page = file.read_text("utf-8").partition("\n")
    for other in (page, f"<!-- {'0' * 64} -->\n{page}"):
        file.write_text(other, "utf-8")
        assert earlier.page("vi") is None
    file.write_text(f"{head}\n{page}", "utf-8")
    assert EarlierPages(tmp_path, soil.PILOT.pilot).page("vi") == page


def test_a_disk_that_is_full_again_is_told_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("dashboards.earlier.EVERY", 0.0)
    earlier = EarlierPages(tmp_path / "web", soil.PILOT.pilot)
    for _ in range(2):
        (tmp_path / "web").write_text("a file")
        for _ in range(2):
            earlier.keep("vi", lambda: "a")
        (tmp_path / "web").unlink()
        earlier.keep("vi", lambda: "a")
        (tmp_path / "web" / f"overview-{soil.PILOT.pilot}-vi.html").unlink()
        (tmp_path / "web").rmdir()
    assert caplog.text.count("is not kept") == 2
