"""The page that draws the world: in both languages, every plot with its source, as a browser shows it."""

import re
from html.parser import HTMLParser

import pytest

from devices.pilots.calendar import tet
from devices.pilots.pilot import load
from devices.texts import text
from sim.describe import page
from tests import browser

PILOT = load("dong-thap")


@pytest.fixture(scope="module", params=["vi", "en"])
def lang(request):
    return request.param


@pytest.fixture(scope="module")
def drawn(lang):
    return page(1, PILOT, "tan-binh", 2026, lang)


class Captions(HTMLParser):
    """The texts of captions, and of headings."""

    def __init__(self, html):
        super().__init__()
        self.found, self._inside = [], False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self._inside = self._inside or tag in ("figcaption", "h2")
        if tag in ("figcaption", "h2"):
            self.found.append("")

    def handle_endtag(self, tag):
        self._inside = self._inside and tag not in ("figcaption", "h2")

    def handle_data(self, data):
        if self._inside:
            self.found[-1] += data


def test_it_draws_crops_ponds_fields_and_salt_beside_weather_tide_and_flood(drawn, lang):
    captions = " | ".join(Captions(drawn).found)
    for key in ("temperature", "rain", "peaks", "rains", "salt_line", "tide", "biomass", "feed", "oxygen",
                "nitrogen", "stands", "irrigation", "salt_river", "salt_canal"):  # fmt: skip
        assert text(f"describe.{key}", lang) in captions
    other = "en" if lang == "vi" else "vi"
    assert text("describe.biomass", other) not in captions


def test_a_plot_names_its_own_place_and_its_own_gauge(drawn, lang):
    assert text("describe.level", lang, place="Tân Bình") in drawn
    assert "Cao Lãnh" in drawn  # whose alarm levels are drawn there
    upriver = page(1, PILOT, "ca-tra-hong-ngu", 2026, lang)
    assert re.findall(r"<figcaption>[^<]*Cao Lãnh", upriver) == []
    assert "alarms I to III at Tân Châu" in upriver


@pytest.mark.parametrize("year", [2026, 2030])
def test_tet_is_marked_where_vietnam_has_it(year, lang):
    first = tet(year)
    written = f"{first.day:02}/{first.month:02}/{year}" if lang == "vi" else f"{first.day} Feb {year}"
    assert f"{text('describe.tet', lang)} {written}" in page(1, PILOT, "tan-binh", year, lang)


def test_a_calendar_has_a_row_for_each_product_and_says_how_it_is_known(drawn, lang):
    names = {product.name.get(lang) for place in PILOT.communities for product in place.products
             if product.crop != "rice-flour"}  # fmt: skip
    rows = set(re.findall(r'<text class="name"[^>]*>([^<]+)<', drawn))
    assert rows == names
    listed = re.findall(r"<li>([^<]+)</li>", drawn)
    assert len(listed) == len(names)
    assert all("FACTS" in line or "Assumption" in line for line in listed)


def test_provinces_without_ponds_rice_or_sluices_have_their_page_too(lang):
    for name in ("binh-duong", "quang-ngai", "quang-tri"):
        pilot = load(name)
        html = page(1, pilot, pilot.communities[0].id, 2026, lang)
        assert text("describe.calendars", lang, year="2026") in html
        assert text("describe.peaks", lang) not in html  # the Mekong's records are not of these rivers


def test_a_browser_shows_it_without_the_net(drawn, tmp_path):
    path = tmp_path / "simulated.html"
    path.write_text(drawn, "utf-8")
    with browser.page() as tab:
        tab.open(path.as_uri(), width=1020)
        assert tab.requests == [path.as_uri()]
        inside = """
            [...document.querySelectorAll("svg[role=img]")].map(picture => {
              const frame = picture.getBoundingClientRect();
              return [...picture.querySelectorAll("rect, polyline, circle, line, text")].every(part => {
                const box = part.getBoundingClientRect();
                return box.left >= frame.left - 1 && box.right <= frame.right + 1
                    && box.top >= frame.top - 1 && box.bottom <= frame.bottom + 1;
              });
            })"""
        pictures = tab.run(inside)
        assert len(pictures) > 30
        assert all(pictures)  # nothing is drawn outside its frame
        assert tab.run("document.documentElement.scrollWidth") <= 1020
