"""The map by state: a place's mark shows its worst state, in colour, sign and words."""

import re
from datetime import date

from fastapi.testclient import TestClient

from dashboards.figures import Figures, Standing
from dashboards.map.picture import Mark
from dashboards.pages import marks, today
from dashboards.pages.lately import Lately
from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS, day_of
from devices.pilots.pilot import Pilot
from gateway.stores.points import Point, device_tags, tags
from gateway.stores.sqlite import SqliteStore
from tests.dashboards.pages.conftest import NOW, overview_of

STANDING = {
    "iot_communities": Standing(
        {"tam-que": "3/3", "thuan-tan": "3/3"}, {"canh-tan": "2/3", "my-dien": "0/3"}
    ),
    "smart_villages": Standing({}, {"lang-an-nhon": "water"}),
}


def tell(store: SqliteStore, pilot: Pilot, device: str, ago: int, **values: float) -> None:
    store.write([Point("telemetry", device_tags(pilot.fleet[device]), values, NOW - ago)])


def found(figures: Figures) -> dict[str, Mark]:
    recent = Lately.read(figures)
    work = today.work(recent.devices, figures.pilot, NOW)
    rows = today.places(figures.pilot, STANDING, NOW, "vi")
    return {one.id: one for one in marks.marks(figures, work, recent, STANDING, rows, NOW, "vi")}


def test_each_state(figures: Figures, store: SqliteStore, pilot: Pilot) -> None:
    tell(store, pilot, "thuan-tan-canal-gauge-01", MINUTE_MS, water_level=2.2)
    tell(store, pilot, "tam-que-soil-probe-01", 5 * HOUR_MS, soil_moisture=30.0)
    where = tags(pilot="dong-thap", community="hoa-kieng-lai-vung", device="hoa-kieng-lai-vung-soil-probe-01")
    store.write(
        [Point("device", where, {"last_seen": NOW - 20 * DAY_MS, "coverage": 0.1}, NOW - 20 * DAY_MS)]
    )
    states = {id: one.state for id, one in found(figures).items()}
    assert states["thuan-tan"] == "alarm", "though it counts"
    assert states["tam-que"] == "silent", "though it counts: nothing it has was heard within three hours"
    assert states["hoa-kieng-lai-vung"] == "silent", "for longer than a week"
    assert states["canh-tan"] == states["lang-an-nhon"] == "next"
    assert states["my-dien"] == "missed" and states["an-nong"] == "later"
    tell(store, pilot, "tam-que-soil-probe-02", MINUTE_MS, soil_moisture=30.0)
    assert found(figures)["tam-que"].state == "counted", "one that is heard is enough"


def test_a_mark_says_in_words_what_its_colour_says(figures: Figures) -> None:
    texts = {id: one.description for id, one in found(figures).items()}
    assert texts["canh-tan"] == "Canh Tân, xã Phú Hựu (hội quán): gần đạt nhất; mới có 2/3 thiết bị đủ độ phủ"
    assert texts["an-nong"].endswith("(hội quán): tham gia sau")


def test_what_is_invented_has_a_star_instead_of_words(figures: Figures, pilot: Pilot) -> None:
    by_id = found(figures)
    assert by_id["ca-tra-hong-ngu"].name == "Cá tra Hồng Ngự*"
    assert by_id["ca-tra-hong-ngu"].description.startswith("Cá tra Hồng Ngự (giả định), ")
    starred = {id for id, one in by_id.items() if one.name.endswith("*")}
    assert starred == {place.id for place in pilot.places if place.fictional}


def test_the_legend_counts_every_place_once(figures: Figures, pilot: Pilot) -> None:
    legend = marks.legend(list(found(figures).values()), "vi")
    assert [one["word"] for one in legend][:4] == [
        "đang báo động", "mọi thiết bị im lặng", "được tính", "gần đạt nhất",
    ]  # fmt: skip
    assert sum(one["number"] for one in legend) == len(pilot.places)


def test_a_mark_on_the_page_is_a_link_with_a_name_a_shape_and_a_sign(
    figures: Figures, store: SqliteStore, pilot: Pilot
) -> None:
    tell(store, pilot, "thuan-tan-canal-gauge-01", MINUTE_MS, water_level=2.2)
    page = TestClient(overview_of(figures)).get("/").text
    links = dict(re.findall(r'<a href="/place/([a-z-]+)" class="[a-z ]+" aria-label="[^"]+"(.*?)</a>', page))
    assert links.keys() == {place.id for place in pilot.places}
    assert "<title>Thuận Tân, phường Cao Lãnh (hội quán): đang báo động" in links["thuan-tan"]
    assert '<circle r="9"/><path' in links["thuan-tan"] and "<rect" not in links["thuan-tan"]
    assert "<rect" in links["lang-an-nhon"]
    later = next(place.id for place in pilot.communities if place.joined > day_of(NOW, pilot.zone))
    assert "<path" not in links[later], "an empty ring"
    assert "geoBoundaries" in page and "GSHHG" in page, "whose outlines they are"


def test_no_state_of_a_day_that_has_not_come(figures: Figures, pilot: Pilot) -> None:
    assert pilot.place["an-nong"].joined > date(2026, 11, 21)
    assert found(figures)["an-nong"].state == "later"
