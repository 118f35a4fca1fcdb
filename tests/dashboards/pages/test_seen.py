"""The overview and the page of a place in a browser, on a phone and on a desk."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashboards import scenarios
from dashboards.figures import Figures
from dashboards.pages import check, lately, learn, place
from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS, day_of, midnight_of
from devices.pilots import scenario
from devices.pilots.pilot import load
from gateway.indicators.count import evaluate, points
from gateway.indicators.standing import standing
from gateway.stores.points import Point, device_tags, tags
from gateway.stores.sqlite import SqliteStore
from tests import browser
from tests.dashboards.pages.conftest import overview_of
from tests.seen import SIZES, Served, judged, too_wide

NOW = int(datetime(2026, 11, 21, 5, 3, tzinfo=UTC).timestamp() * 1000)
PILOT = load("dong-thap")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """The pages of a pilot with high water, a gap, a silent device and advice."""
    store = SqliteStore(tmp_path / "store.sqlite")
    lots = [{"community": "thuan-tan", "gtin": "02000000000015", "lot": "TT261120-ABCDEFGH",
             "time": NOW - DAY_MS, "quantity_kg": 1850.5, "coverage": 0.9, "leaf": 3, "refused": "",
             "recalled": True, "simulated": True}]  # fmt: skip
    for name, device in PILOT.fleet.items():
        if device.community not in ("thuan-tan", "lang-tan-thuan-tay") or device.model == "diary":
            continue
        last = 30 if name == "thuan-tan-soil-probe-02" else 0
        values = {"canal-gauge": {"water_level": 2.2, "salinity": 0.1}, "weather-station": {"rainfall": 0.2}}
        store.write([
            Point("telemetry", device_tags(device), values.get(device.model, {"soil_moisture": 21.0}),
                  NOW - hour * HOUR_MS - MINUTE_MS)
            for hour in range(last, 8 * 24) if not 40 < hour < 60
        ])  # fmt: skip
    where = tags(pilot="dong-thap", community="thuan-tan", crop="mango", rule="irrigate")
    fields = {"severity": 2, "text": "Đất khô, độ ẩm 21,0%: tưới nước 30 phút.", "text_en": "Irrigate."}
    store.write([Point("advice", where, fields, NOW - HOUR_MS)])
    evaluation = evaluate(store, PILOT, PILOT.fleet.values(), NOW)
    store.write([*points(PILOT, evaluation),
                 *standing(PILOT, evaluation, midnight_of(day_of(NOW, PILOT.zone), PILOT.zone))])  # fmt: skip
    figures = Figures(
        store, PILOT, lambda limit, community="": list(lots), lambda at: evaluation, now=lambda: NOW
    )
    app = overview_of(figures)
    app.include_router(place.router(figures, lately.kept(figures)))
    app.include_router(check.router(lambda *_: check.Verdict(False, ["Không có trường values."])))
    app.include_router(learn.router())
    app.include_router(scenarios.router(scenario.load("theft")))
    with Served(app) as address:
        yield address
    store.close()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?q=que",
        "/?q=nobody",
        "/place/thuan-tan",
        "/place/lang-hong-ngu",
        "/place/x",
        "/check",
        "/learn",
        "/scenarios",
    ],
)
def test_a_page_is_readable_by_everybody(
    page: browser.Page,
    axe: str,
    site: str,
    tmp_path: Path,
    size: str,
    path: str,
) -> None:
    before = len(page.requests)
    page.open(site + path, SIZES[size])
    assert judged(page, axe) == []
    assert too_wide(page) == []
    assert page.run("document.scripts.length") == 0
    assert [url for url in page.requests[before:] if not url.startswith(site)] == [], "asks nobody else"
    page.picture(tmp_path / "page.png")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("path", ["/check", "/learn"])
def test_an_answer_is_readable_by_everybody(
    page: browser.Page, axe: str, site: str, size: str, path: str
) -> None:
    page.open(site + path, SIZES[size])
    page.press("button")
    assert page.run("document.querySelector('.verdict, table') !== null"), "it was answered"
    if path == "/check":
        assert page.focused() == "section status", "the next key goes on from the answer"
    assert judged(page, axe) == []
    assert too_wide(page) == []


@pytest.mark.parametrize("path", ["/", "/place/thuan-tan", "/check"])
def test_one_key_leads_past_the_links_at_the_top(page: browser.Page, site: str, path: str) -> None:
    page.open(site + path)
    page.keys("Tab")
    assert page.focused() == "a #main" and page.run("document.activeElement.offsetHeight") > 20, "it is seen"
    page.keys("Enter", "Tab")
    assert page.run("document.activeElement.closest('main') !== null")


@pytest.mark.parametrize("path", ["/", "/?q=que", "/place/thuan-tan"])
def test_a_page_says_that_it_has_been_open_for_long(page: browser.Page, site: str, path: str) -> None:
    page.open(site + path)
    old = "document.getAnimations().find(one => one.animationName === 'old')"
    page.run(f"{old}.pause()")
    for milliseconds, seen in ((299_999, "hidden"), (300_001, "visible")):
        page.run(f"{old}.currentTime = {milliseconds}")
        assert page.run("getComputedStyle(document.querySelector('.old')).visibility") == seen
    page.press(".old a")
    assert page.sent()[0] == site + path


@pytest.mark.parametrize("path", ["/", "/place/thuan-tan", "/check", "/learn", "/scenarios", "/place/x"])
def test_paper_has_dark_words_and_no_links_that_lead_elsewhere(
    page: browser.Page, site: str, path: str
) -> None:
    page.call("Emulation.setEmulatedMedia", media="print")
    page.open(site + path)
    assert page.run("getComputedStyle(document.querySelector('header')).color") == "rgb(0, 0, 0)"
    assert page.run("[...document.querySelectorAll('nav, .links, .skip')].every(one => !one.offsetHeight)")
    page.call("Emulation.setEmulatedMedia", media="")
