"""The overview's first lines: on course or not, today's work by name, and a place found as people type it."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from dashboards import wording
from dashboards.figures import Figures, Indicator, Standing
from dashboards.pages import today
from dashboards.report import results
from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS
from devices.contract.reading import Device
from devices.pilots.names import alphabetical
from devices.pilots.pilot import Pilot
from gateway.control.alarms.watch import Watch
from gateway.indicators.count import Evaluation
from gateway.indicators.course import Forecast
from gateway.stores.points import Point, device_tags, tags
from gateway.stores.sqlite import SqliteStore
from tests.dashboards.pages.conftest import NOW, overview_of


@pytest.fixture
def client(figures: Figures) -> TestClient:
    return TestClient(overview_of(figures))


def indicator(pilot: Pilot, name: str, value: float, due: float) -> Indicator:
    target = pilot.target(name)
    whole = 1.0 if name != "traceability_share" else 0.01
    forecast = Forecast(2030, 13 * whole, 10 * whole, 14 * whole)
    return Indicator(name, value, 0.0, value, NOW, target.points[-1], target.points, (), due, (forecast,))


@pytest.mark.parametrize(
    ("value", "verdict"), [(7, "chậm so với lộ trình"), (8, "theo kịp"), (9, "vượt lộ trình")]
)
def test_one_line_says_whether_an_indicator_is_on_course(pilot: Pilot, value: int, verdict: str) -> None:
    line = wording.course(indicator(pilot, "iot_communities", value, 8), "vi")
    assert line == f"{value}/14 · lộ trình cần 8 · dự báo 2030: 13 (10–14) · {verdict}"


def test_after_the_plan_s_last_year_nothing_is_forecast(pilot: Pilot) -> None:
    ended = replace(indicator(pilot, "iot_communities", 13, 14), forecasts=())
    assert wording.course(ended, "vi") == "13/14 · kế hoạch đến hết năm 2030 cần 14 · chậm so với lộ trình"


def test_a_share_is_on_course_as_exactly_as_it_is_shown(pilot: Pilot) -> None:
    share = indicator(pilot, "traceability_share", 0.2504, 0.25)
    assert wording.course(share, "vi").replace("\u00a0", " ") == (
        "25,0/50% · lộ trình cần 25,0% · dự báo 2030: 13,0% (10,0–14,0%) · theo kịp"
    )  # fmt: skip
    assert wording.course(replace(share, value=0.26), "en").endswith("· ahead")


def test_a_report_says_of_a_share_what_the_page_says_of_it(pilot: Pilot) -> None:
    share = indicator(pilot, "traceability_share", 0.2496, 0.25)
    assert wording.course(share, "vi").endswith("theo kịp")
    (*_, assessment) = results._row(share, "vi")
    assert assessment == "Theo kịp lộ trình (đến nay cần 25,0%)", "25,0% beside 25,0%"


def test_what_is_lacking_is_said_by_name(pilot: Pilot) -> None:
    assert wording.lacks("smart_villages", "irrigation, water", pilot, "vi") == (
        "thiếu số liệu: Độ ẩm đất và tưới, Quan trắc nước"
    )
    assert wording.lacks("iot_communities", "2/3", pilot, "vi") == "mới có 2/3 thiết bị đủ độ phủ"
    assert wording.lacks("traceability_share", "0/1", pilot, "vi") == "chưa có lô niêm phong"


def test_who_lacks_the_least_comes_first(pilot: Pilot) -> None:
    standing = Standing({}, {"canh-tan": "0/3", "tam-que": "2/3", "thuan-tan": "0/3"})
    rows = today.missed("iot_communities", standing, pilot, "vi")
    assert [[place.name for place in row["places"]] for row in rows] == [
        ["Tâm Quê"], ["Canh Tân", "Thuận Tân"],
    ]  # fmt: skip


@pytest.mark.parametrize("asked", ["Tâm Quê", "tam que", "TAM QUE", "  que ", "Tâm"])
def test_a_place_is_found_with_and_without_its_marks(client: TestClient, asked: str) -> None:
    page = client.get("/", params={"q": asked}).text
    assert '<a href="/place/tam-que"><b>Tâm Quê</b></a>' in page
    assert '<a href="/place/canh-tan"><b>' not in page
    assert "refresh" not in client.get("/", params={"q": asked}).headers, "nobody is torn from what they read"


def test_a_place_is_found_by_its_commune_and_by_what_it_grows(client: TestClient) -> None:
    for asked in ("cao lanh", "xoai"):
        assert '<a href="/place/thuan-tan"><b>' in client.get("/", params={"q": asked}).text


def test_what_nobody_is_called_is_said_and_stays_text(client: TestClient) -> None:
    page = client.get("/", params={"q": "<b>x"}).text
    assert "Không có nơi nào khớp với “&lt;b&gt;x”" in page and 'value="&lt;b&gt;x"' in page


def test_places_stand_in_vietnamese_order(client: TestClient, pilot: Pilot) -> None:
    shown = re.findall(r'<a href="/place/[a-z0-9-]+"><b>([^<]*)</b></a>', client.get("/").text)
    assert shown == sorted((place.name for place in pilot.places), key=alphabetical)


def test_the_page_loads_itself_only_for_a_reader_who_wants_that(client: TestClient) -> None:
    page = client.get("/")
    assert "refresh" not in page.headers and '<a href="/?live=1">Tự tải lại sau mỗi 15 giây</a>' in page.text
    live = client.get("/?live=1")
    assert live.headers["refresh"] == "15" and '<a href="/?live=0">Dừng tự tải lại</a>' in live.text
    assert "refresh" not in client.get("/?live=0").headers


@pytest.mark.parametrize("path", ["/?live=1", "/?q=c%C3%A1%20%26%3Flive"])
def test_a_language_is_chosen_without_the_loss_of_what_else_was_chosen(client: TestClient, path: str) -> None:
    (link,) = re.findall(r'href="(/language/en[^"]*)"', client.get(path).text)
    answer = client.get(link, follow_redirects=False)
    assert client.get(answer.headers["location"]).url.params == client.get(path).url.params


def test_alarms_now_by_name_and_commune_the_highest_level_first(
    client: TestClient, store: SqliteStore, pilot: Pilot
) -> None:
    for place, level in (("thuan-tan", 1.95), ("canh-tan", 2.5), ("tam-que", 1.2)):
        device = next((one for one in pilot.fleet.values()
                       if one.community == place and one.model == "canal-gauge"), None)  # fmt: skip
        if device is not None:
            store.write([Point("telemetry", device_tags(device), {"water_level": level}, NOW - MINUTE_MS)])
    part = client.get("/").text.partition("Báo động lúc này")[2].partition("Nước xấu nhất")[0]
    rows = re.findall(
        r'<li class="urgent"><a href="/place/([a-z-]+)">([^<]*)</a>, ([^<]*)<br>(.*?) <small', part
    )
    assert [(id, name, commune) for id, name, commune, _ in rows][-1] == (
        "thuan-tan", "Thuận Tân", "phường Cao Lãnh",
    )  # fmt: skip
    assert "Mực nước <b>1,95 m</b> · Báo động I: đã vượt 1,90 m" in rows[-1][3]
    assert "tam-que" not in [id for id, *_ in rows]
    if len(rows) > 1:
        assert "Báo động III" in rows[0][3]


def alarms_of(page: str) -> list[str]:
    part = page.partition('id="alarms"')[2].partition("<h3")[0]
    return [
        " ".join(re.sub("<[^>]+>", " ", row).split("·")[0].split()) for row in re.findall("<li.*?</li>", part)
    ]


def watched(store: SqliteStore, pilot: Pilot, tmp_path: Path, at: int) -> None:
    """The gateway's own watch looks at time `at`."""
    Watch(store, pilot, tmp_path / "alarms").look(at)


def test_what_the_watch_has_in_alarm_is_said_once_and_since_when(
    client: TestClient, store: SqliteStore, pilot: Pilot, tmp_path: Path
) -> None:
    gauge = device_tags(pilot.fleet["tam-que-canal-gauge-01"])
    store.write([Point("telemetry", gauge, {"salinity": 1.5}, NOW - 10 * MINUTE_MS)])
    assert alarms_of(client.get("/").text) == ["Tâm Quê , phường Cao Lãnh Độ mặn 1,50 g/L"]
    watched(store, pilot, tmp_path, NOW - MINUTE_MS)
    page = client.get("/").text
    assert alarms_of(page) == ["Tâm Quê , phường Cao Lãnh Độ mặn vượt mức II (1,2 g/L): 1,50 g/L mô phỏng"]
    assert "từ 21/11/2026 12:02" in page
    english = client.get("/", headers={"Accept-Language": "en"}).text
    assert alarms_of(english) == [
        "Tâm Quê , phường Cao Lãnh Salinity over level II (1.2 g/L): 1.50 g/L simulated"
    ]


@pytest.mark.parametrize(
    ("salinity", "said"), [(0.694, "0,694 g/L"), (0.688, "0,688 g/L"), (0.69, "0,69 g/L")]
)
def test_a_value_near_a_level_does_not_read_like_the_level(
    client: TestClient, store: SqliteStore, pilot: Pilot, salinity: float, said: str
) -> None:
    gauge = device_tags(pilot.fleet["tam-que-canal-gauge-01"])
    store.write([Point("telemetry", gauge, {"salinity": salinity}, NOW - 10 * MINUTE_MS)])
    page = re.sub(r"<[^>]+>", "", client.get("/").text)
    assert re.search(rf"Độ mặn {said}\s+· (Báo động I: đã vượt|bình thường, chưa tới báo động I)", page)


def test_each_alarm_of_a_gauge_says_whether_that_is_real_or_simulated(
    client: TestClient, store: SqliteStore, pilot: Pilot, tmp_path: Path
) -> None:
    kinds = {"tam-que": True, "canh-tan": False}
    gauges = [Device(pilot.pilot, place, f"{place}-gauge", "canal-gauge", of) for place, of in kinds.items()]
    store.write([Point("telemetry", device_tags(one), {"salinity": 1.5}, NOW - HOUR_MS) for one in gauges])
    watch = Watch(store, pilot, tmp_path / "alarms", devices=lambda: gauges)
    for minute in range(8, 0, -1):  # no gateway writes its books: the third alarm
        watch.look(NOW - minute * MINUTE_MS)
    for lang, real, simulated in (("vi", "thật", "mô phỏng"), ("en", "real", "simulated")):
        rows = alarms_of(client.get("/", headers={"Accept-Language": lang}).text)
        tags_of = {row.partition(" ,")[0]: re.split(r"1[.,]50 g/L", row)[-1].strip() for row in rows}
        assert (tags_of.pop("Canh Tân"), tags_of.pop("Tâm Quê")) == (real, simulated)
        assert len(tags_of) == 1 and not set(tags_of.values()) & {real, simulated}


def test_a_gauge_that_died_in_alarm_and_a_gateway_without_books_are_on_the_page(
    client: TestClient, store: SqliteStore, pilot: Pilot, tmp_path: Path
) -> None:
    gauge = device_tags(pilot.fleet["tam-que-canal-gauge-01"])
    store.write([Point("telemetry", gauge, {"salinity": 1.5}, NOW - 5 * HOUR_MS)])
    watch = Watch(store, pilot, tmp_path / "alarms")
    for minute in range(90, 0, -1):
        watch.look(NOW - minute * MINUTE_MS)
    rows = alarms_of(client.get("/").text)
    assert len(rows) == 2
    assert "IM LẶNG khi đang báo động" in rows[0] and rows[0].startswith("Tâm Quê")
    assert rows[1].startswith("Cổng dữ liệu im lặng")


def test_what_the_watch_said_too_long_ago_is_not_said_any_more(
    client: TestClient, store: SqliteStore, pilot: Pilot, tmp_path: Path
) -> None:
    gauge = device_tags(pilot.fleet["tam-que-canal-gauge-01"])
    store.write([Point("telemetry", gauge, {"salinity": 1.5}, NOW - 10 * DAY_MS)])
    watched(store, pilot, tmp_path, NOW - 10 * DAY_MS + MINUTE_MS)
    watched(store, pilot, tmp_path, NOW - 7 * MINUTE_MS)
    assert "Tâm Quê" not in " ".join(alarms_of(client.get("/").text))


def test_water_that_is_in_alarm_nowhere_is_shown_where_it_is_nearest(
    client: TestClient, store: SqliteStore, pilot: Pilot
) -> None:
    for place, values in (("thuan-tan", {"water_level": 1.5, "salinity": 0.2}),
                          ("my-dien", {"water_level": 1.7, "salinity": 0.9})):  # fmt: skip
        device = pilot.fleet[f"{place}-canal-gauge-01"]
        store.write([Point("telemetry", device_tags(device), values, NOW - MINUTE_MS)])
    part = client.get("/").text.partition("Nước: nơi gần báo động nhất")[2].partition("</ul>")[0]
    assert re.findall(r'/place/([a-z-]+)">', part) == ["my-dien"]
    assert "Mực nước <b>1,70 m</b> · bình thường, chưa tới báo động I" in part
    assert "Độ mặn" not in part, "that is in alarm, and said above"


def test_a_lot_of_a_place_that_is_in_no_pilot_file_is_shown_by_its_id(pilot: Pilot) -> None:
    lot = {"community": "nobody", "gtin": "02000000000015", "lot": "X-1", "time": NOW, "quantity_kg": 5.0,
           "refused": "", "simulated": False}  # fmt: skip
    shown = wording.lot_of(lot, pilot, "vi")
    assert shown["community"] == "nobody (không có trong tệp thí điểm)" and shown["place"] == ""
    assert shown["product"] == "02000000000015"


def test_what_to_hand_in_and_when_is_said_once_a_report(client: TestClient) -> None:
    part = client.get("/").text.partition('id="handin"')[2].partition("</ul>")[0]
    rows = [re.sub("<[^>]+>", "", row) for row in re.findall("<li>(.*?)</li>", part)]
    assert rows == [
        "Báo cáo tiếp theo: ngày 30/11/2026, còn 9 ngày, gửi Sở Khoa học và Công nghệ.",
        "Sau đó: ngày 15/12/2026, gửi Tỉnh ủy, Ủy ban nhân dân Tỉnh.",
        "Báo cáo năm (PDF) · Báo cáo năm (Word)",
    ]
    assert '<a href="/report.pdf">' in part and '<a href="/report.docx">' in part


def test_every_question_of_a_day_has_its_place_on_the_page(client: TestClient) -> None:
    page = client.get("/").text
    asked = re.findall(r'<a href="#([a-z]+)">', page)
    assert asked == ["course", "behind", "alarms", "silent", "places", "recalls", "handin", "map"]
    there = set(re.findall(r' id="([a-z]+)"', page))
    assert set(asked) - there == {"course", "behind"}, "which wait for the first count"


def test_silent_devices_by_place_with_when_they_were_heard(
    client: TestClient, store: SqliteStore, pilot: Pilot
) -> None:
    assert "Mọi thiết bị vẫn đang gửi." in client.get("/").text
    probe = pilot.fleet["tam-que-soil-probe-02"]
    store.write([Point("telemetry", device_tags(probe), {"soil_moisture": 31.0}, NOW - 2 * DAY_MS)])
    page = client.get("/").text
    part = page.partition("Thiết bị im lặng")[2].partition("Khuyến cáo")[0]
    assert "Tâm Quê</a>, phường Cao Lãnh<br>Đầu đo đất 2 (mô phỏng, 19/11/2026 12:03)" in part


def test_a_real_device_that_has_been_silent_for_weeks_is_still_named_until_it_is_revoked(
    store: SqliteStore, pilot: Pilot
) -> None:
    mine = Device("dong-thap", "tam-que", "my-esp32", "soil-probe", simulated=False)
    where = tags(pilot="dong-thap", community="tam-que", device="my-esp32")
    store.write([Point("device", where, {"last_seen": NOW - 20 * DAY_MS, "coverage": 0.0}, NOW - DAY_MS)])
    for enrolled, named in (([mine], True), ([], False)):
        shown = Figures(
            store, pilot, lambda limit, community="": [], lambda at: Evaluation(at, (), {}), now=lambda: NOW,
            roster=lambda enrolled=enrolled: enrolled,
        )  # fmt: skip
        page = TestClient(overview_of(shown)).get("/").text
        assert ("my-esp32" in page and "01/11/2026" in page) == named


def test_advice_of_one_rule_stands_once_with_the_other_places(client: TestClient, store: SqliteStore) -> None:
    for place, ago in (("thuan-tan", 2), ("tam-que", 1), ("an-nong", 3)):
        where = tags(pilot="dong-thap", community=place, crop="mango", rule="irrigate")
        fields = {"severity": 2, "text": f"Tưới nước {ago}.", "text_en": "Irrigate."}
        store.write([Point("advice", where, fields, NOW - ago * HOUR_MS)])
    where = tags(pilot="dong-thap", community="canh-tan", crop="mango", rule="irrigate")
    store.write([Point("advice", where, {"severity": 2, "text": "Cũ.", "text_en": "Old."}, NOW - 2 * DAY_MS)])
    part = client.get("/").text.partition("Khuyến cáo đang có hiệu lực")[2].partition("</ul>")[0]
    assert part.count("<li") == 1 and "Tưới nước 1." in part and "Cũ." not in part
    assert part.index("Tâm Quê") < part.index("cũng ở") < part.index("An Nông") < part.index("Thuận Tân")


def test_the_other_pages_are_a_tap_away(client: TestClient) -> None:
    page = client.get("/").text
    for path in ("/report.pdf", "/diary", "/check", "/learn", "/verify.html", "/api/v1/indicators"):
        assert f'<a href="{path}">' in page
