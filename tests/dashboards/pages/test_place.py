"""The page of a place shows its people what was measured, how old that is, and what it means."""

import re
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from dashboards.figures import Figures
from dashboards.pages import lately, place
from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS
from devices.contract.reading import Device
from devices.pilots.pilot import Pilot, load
from devices.texts import text
from devices.web.conditional import Conditional
from gateway.indicators.count import Evaluation
from gateway.stores.points import Point, device_tags, tags
from gateway.stores.sqlite import SqliteStore
from tests.dashboards.pages.conftest import overview_of

NOW = int(datetime(2026, 11, 21, 5, 3, tzinfo=UTC).timestamp() * 1000)
PLACE = "thuan-tan"


def client_of(store: SqliteStore, pilot: Pilot, now: int = NOW, **more: object) -> TestClient:
    lots = [{"community": PLACE, "gtin": "02000000000015", "lot": f"TT-{number}", "time": NOW - DAY_MS,
             "quantity_kg": 1850.5, "coverage": 0.9, "leaf": 3, "refused": "", "recalled": number == 2,
             "unfit": {2: "recalled", 3: "passed_on"}.get(number, ""), "simulated": number == 1}
            for number in (1, 2, 3)]  # fmt: skip
    recalls = [{"community": PLACE, "gtin": "02000000000015", "lot": "TT-2", "time": NOW - HOUR_MS,
                "reason": "dư lượng <b>", "simulated": True}]  # fmt: skip
    figures = Figures(
        store, pilot, lambda limit, community="": [one for one in lots if one["community"] == community],
        lambda at: Evaluation(at, (), {}), now=lambda: now,
        recalls=lambda limit, community="": [one for one in recalls if community in ("", one["community"])],
        **more,  # type: ignore[arg-type]
    )  # fmt: skip
    app = overview_of(figures)
    app.add_middleware(Conditional)
    app.include_router(place.router(figures, lately.kept(figures)))
    return TestClient(app)


@pytest.fixture
def client(store: SqliteStore, pilot: Pilot) -> TestClient:
    return client_of(store, pilot)


def tell(store: SqliteStore, device: Device, ago: int, **values: float) -> None:
    store.write([Point("telemetry", device_tags(device), values, NOW - ago)])


def gauge(pilot: Pilot) -> Device:
    return pilot.fleet[f"{PLACE}-canal-gauge-01"]


def card(page: str, name: str) -> str:
    """The card of a quantity, as text without HTML."""
    found = next(one for one in re.findall(r"<article.*?</article>", page, re.S) if f"<h3>{name}</h3>" in one)
    return " ".join(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", found, flags=re.S).split())


def test_a_place_without_a_reading_says_so(client: TestClient) -> None:
    answer = client.get(f"/place/{PLACE}")
    assert answer.status_code == 200
    assert "<h1>Thuận Tân</h1>" in answer.text and "phường Cao Lãnh · hội quán" in answer.text
    assert "không có thiết bị nào ở đây đo: Nước, Đất, Không khí, Sâu rầy" in answer.text
    assert "Chưa có thiết bị nào ở đây" in answer.text and "Lúc này không có khuyến cáo nào" in answer.text
    assert '<a href="/">← Tổng quan</a>' in answer.text


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        (1.42, "bình thường, chưa tới báo động I (1,90 m), theo trạm Cao Lãnh"),
        (1.95, "Báo động I: đã vượt 1,90 m, theo trạm Cao Lãnh"),
        (2.55, "Báo động III: đã vượt 2,30 m, theo trạm Cao Lãnh"),
    ],
)
def test_a_level_is_said_in_words_with_value_unit_and_age(
    client: TestClient, store: SqliteStore, pilot: Pilot, value: float, meaning: str
) -> None:
    tell(store, gauge(pilot), 7 * MINUTE_MS, water_level=value)
    shown = card(client.get(f"/place/{PLACE}").text, "Mực nước")
    assert shown.startswith(f"Mực nước {value:.2f} m {meaning} 7 phút trước".replace(f"{value:.2f}",
                            f"{value:.2f}".replace(".", ",")))  # fmt: skip
    assert "1 thiết bị mô phỏng" in shown


def test_oxygen_is_in_alarm_below_its_level(store: SqliteStore, pilot: Pilot) -> None:
    buoy = next(one for one in pilot.fleet.values() if one.model == "pond-buoy")
    tell(store, buoy, MINUTE_MS, dissolved_oxygen=1.8)
    page = client_of(store, pilot).get(f"/place/{buoy.community}").text
    assert "Báo động II: đã xuống dưới 2,00 mg/L" in card(page, "Oxy hòa tan")


def test_a_gauge_that_falls_silent_in_alarm_is_not_all_clear(
    client: TestClient, store: SqliteStore, pilot: Pilot
) -> None:
    tell(store, gauge(pilot), 5 * HOUR_MS, water_level=2.2)
    page = client.get(f"/place/{PLACE}").text
    shown = card(page, "Mực nước")
    assert "Im lặng khi đang báo động, chưa biết đã hết chưa. Báo động II: đã vượt 2,10 m" in shown
    assert "5 giờ trước (số cũ)" in shown
    assert "Im lặng khi đang báo động" in client.get("/").text


def test_a_real_device_speaks_for_the_place(client: TestClient, store: SqliteStore, pilot: Pilot) -> None:
    for number in (1, 2):
        tell(store, pilot.fleet[f"{PLACE}-soil-probe-0{number}"], MINUTE_MS, soil_moisture=20.0 + number)
    assert "21,0 – 22,0%" in card(client.get(f"/place/{PLACE}").text, "Độ ẩm đất")
    real = Device("dong-thap", PLACE, "my-esp32", "soil-probe", simulated=False)
    tell(store, real, MINUTE_MS, soil_moisture=31.5)
    shown = card(client.get(f"/place/{PLACE}").text, "Độ ẩm đất")
    assert "Độ ẩm đất 31,5%" in shown and "1 thiết bị thật" in shown


def test_a_gap_breaks_the_curve_and_is_told(client: TestClient, store: SqliteStore, pilot: Pilot) -> None:
    for hour in (*range(24), *range(60, 7 * 24)):
        tell(store, gauge(pilot), hour * HOUR_MS + MINUTE_MS, salinity=0.1 + hour / 1000)
    page = client.get(f"/place/{PLACE}").text
    (drawn,) = re.findall(r"<h3>Độ mặn</h3>.*?(<svg.*?</svg>)", page, re.S)
    assert drawn.count('<polyline class="mean"') == 2 and drawn.count('<rect class="gap"') == 1
    assert drawn.count('<line class="level"') == 1, "the first alarm is drawn on a calm day, too"
    assert "7 ngày qua từ 0,10 đến 0,27 g/L, thiếu 36 giờ" in card(page, "Độ mặn")


@pytest.mark.parametrize(("signal", "values", "axis"), [
    ("water_level", (1.5, 2.4), ["2,40", "1,50"]), ("salinity", (0.1, 5.0), ["5,00", "0,10"]),
    ("water_temperature", (28.04, 30.0), ["30,0", "28,0"]),
])  # fmt: skip
def test_the_axis_has_as_many_decimals_as_the_values_beside_it(
    client: TestClient,
    store: SqliteStore,
    pilot: Pilot,
    signal: str,
    values: tuple[float, float],
    axis: list[str],
) -> None:
    for hour, value in enumerate(values):
        tell(store, gauge(pilot), hour * HOUR_MS + MINUTE_MS, **{signal: value})
    (drawn,) = re.findall(r'<svg viewBox="0 0 320.*?</svg>', client.get(f"/place/{PLACE}").text, re.S)
    assert re.findall(r"<text[^>]*>(.*?)</text>", drawn) == axis


def test_days_before_the_first_reading_are_no_gap(
    client: TestClient, store: SqliteStore, pilot: Pilot
) -> None:
    for hour in (*range(10), *range(16, 24)):
        tell(store, gauge(pilot), hour * HOUR_MS + MINUTE_MS, salinity=0.1)
    page = client.get(f"/place/{PLACE}").text
    (drawn,) = re.findall(r"<h3>Độ mặn</h3>.*?(<svg.*?</svg>)", page, re.S)
    assert drawn.count('<rect class="gap"') == 1 and "thiếu 6 giờ" in card(page, "Độ mặn")


def test_days_of_silence_after_earlier_readings_are_a_gap(
    client: TestClient, store: SqliteStore, pilot: Pilot
) -> None:
    for hour in (*range(24), *range(20 * 24, 21 * 24)):
        tell(store, gauge(pilot), hour * HOUR_MS + MINUTE_MS, salinity=0.1)
    page = client.get(f"/place/{PLACE}").text
    assert "thiếu 144 giờ" in card(page, "Độ mặn")


def test_rain_is_added_up(client: TestClient, store: SqliteStore, pilot: Pilot) -> None:
    station = pilot.fleet[f"{PLACE}-weather-station-01"]
    for hour in range(60):
        tell(store, station, hour * HOUR_MS + MINUTE_MS, rainfall=0.5)
    shown = card(client.get(f"/place/{PLACE}").text, "Lượng mưa")
    assert re.search(r"Lượng mưa 1[12],\d mm trong 24 giờ", shown), shown
    assert "7 ngày qua tổng cộng 30,0 mm" in shown


def test_rain_of_a_silent_station_is_not_nothing(
    client: TestClient, store: SqliteStore, pilot: Pilot
) -> None:
    tell(store, pilot.fleet[f"{PLACE}-weather-station-01"], 30 * HOUR_MS, rainfall=0.0)
    shown = card(client.get(f"/place/{PLACE}").text, "Lượng mưa")
    assert "không có số đo" in shown and "trong 24 giờ" not in shown


def test_dead_devices_come_first_with_since_when(store: SqliteStore, pilot: Pilot) -> None:
    tell(store, pilot.fleet[f"{PLACE}-soil-probe-01"], MINUTE_MS, soil_moisture=31.0, battery_voltage=3.9)
    tell(store, pilot.fleet[f"{PLACE}-soil-probe-02"], 2 * DAY_MS, soil_moisture=31.0)
    gone = pilot.fleet[f"{PLACE}-soil-probe-03"]
    where = tags(pilot="dong-thap", community=PLACE, device=gone.device)
    store.write(
        [Point("device", where, {"last_seen": NOW - 20 * DAY_MS, "coverage": 0.1}, NOW - 20 * DAY_MS)]
    )
    new = Device("dong-thap", PLACE, "my-gauge", "canal-gauge", simulated=False)
    client = client_of(store, pilot, roster=lambda: [*pilot.fleet.values(), new])
    page = client.get(f"/place/{PLACE}").text
    listed = re.findall(r'<li( class="dead")?><b>(.*?)</b>.*?<br>(.*?)</li>', page.partition('"devices"')[2])
    assert [(name, bool(dead)) for dead, name, _ in listed][:4] == [
        ("Trạm đo kênh rạch “my-gauge”", True), ("Đầu đo đất 3", True), ("Đầu đo đất 2", True),
        ("Đầu đo đất 1", False),
    ]  # fmt: skip
    assert [seen for *_, seen in listed][:4] == [
        "chưa có số đo nào được nhận", "im lặng từ 01/11/2026 12:03 (20 ngày trước)",
        "im lặng từ 19/11/2026 12:03 (2 ngày trước)", "gửi vừa xong · pin 3,90 V",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ago", "simulated", "may_be"),
    [(7 * HOUR_MS + MINUTE_MS, False, True), (7 * HOUR_MS - MINUTE_MS, False, True),
     (7 * HOUR_MS + MINUTE_MS, True, False), (6 * HOUR_MS, False, False), (8 * HOUR_MS, False, False)],
)  # fmt: skip
def test_a_real_device_that_seems_silent_for_seven_hours_may_have_a_wrong_clock(
    store: SqliteStore, pilot: Pilot, ago: int, simulated: bool, may_be: bool
) -> None:
    device = Device("dong-thap", PLACE, "mine", "soil-probe", simulated=simulated)
    tell(store, device, ago, soil_moisture=31.0)
    client = client_of(store, pilot)
    assert ("hoiquan device check --live --id mine" in client.get(f"/place/{PLACE}").text) is may_be
    assert (text("overview.may_be_behind", "vi") in client.get("/").text) is may_be


def test_what_is_doubted_is_said_in_words(client: TestClient, store: SqliteStore, pilot: Pilot) -> None:
    where = tuple(sorted((*device_tags(gauge(pilot)), ("signal", "salinity"), ("reason", "flat_line"))))
    store.write([Point("telemetry_flagged", where, {"value": 0.5, "flag": 3}, NOW - 1000)])
    said = "giá trị bị nghi ngờ lúc 21/11/2026 12:02: Độ mặn 0,50 g/L (Đứng yên)"
    assert said in client.get(f"/place/{PLACE}").text


def test_the_newest_advice_of_each_rule_that_holds(client: TestClient, store: SqliteStore) -> None:
    def advice(rule: str, ago: int, severity: int, vi: str) -> Point:
        where = tags(pilot="dong-thap", community=PLACE, crop="mango", rule=rule)
        return Point("advice", where, {"severity": severity, "text": vi, "text_en": "do it"}, NOW - ago)

    store.write([advice("irrigate", 2 * HOUR_MS, 2, "Tưới cũ."), advice("irrigate", HOUR_MS, 2, "Tưới mới."),
                 advice("drain", 3 * HOUR_MS, 2, "Thoát nước."), advice("drain", HOUR_MS, 0, ""),
                 advice("close-sluice", 5 * MINUTE_MS, 3, "Đóng cống.")])  # fmt: skip
    for page in (client.get(f"/place/{PLACE}").text, client.get("/").text):
        assert page.index("Đóng cống.") < page.index("Tưới mới."), "what presses most comes first"
        assert "Tưới cũ." not in page and "Thoát nước." not in page and "Xoài cát Chu" in page
    english = client.get(f"/place/{PLACE}", headers={"Accept-Language": "en"}).text
    assert "do it" in english and "Đóng cống." not in english


def test_lots_lead_to_their_records_and_a_recall_is_said(client: TestClient) -> None:
    page = client.get(f"/place/{PLACE}").text
    assert '<a href="/01/02000000000015/10/TT-1"><b>Xoài cát Chu</b> · TT-1</a>' in page
    assert "1.850,5 kg" in page and page.count("ĐÃ THU HỒI") == 1


def test_a_lot_of_the_simulator_is_marked_as_one(client: TestClient) -> None:
    lots = client.get(f"/place/{PLACE}").text.partition('<ul class="lots">')[2]
    assert re.findall(r'<b>[^<]*</b> · (TT-.)</a>.*?<span class="tag">([^<]+)</span>', lots) == [
        ("TT-1", "mô phỏng"), ("TT-2", "thật"), ("TT-3", "thật"),
    ]  # fmt: skip


def test_labels_are_printed_of_lots_that_may_be_sold_and_of_the_others_it_says_why(
    client: TestClient,
) -> None:
    page = client.get(f"/place/{PLACE}").text
    assert re.findall(r'href="(/labels/[^"]+)"', page) == ["/labels/02000000000015/TT-1.pdf"]
    assert page.count(text("unfit.recalled", "vi")) == page.count(text("unfit.passed_on", "vi")) == 1


def test_recalls_are_listed_with_day_and_reason(client: TestClient) -> None:
    for page in (client.get(f"/place/{PLACE}").text, client.get("/").text):
        part = page.partition('id="recalls"')[2].partition("</ul>")[0]
        assert '<a href="/01/02000000000015/10/TT-2"><b>Xoài cát Chu</b> · TT-2</a>' in part
        assert "thu hồi 21/11/2026: dư lượng &lt;b&gt;" in part
        assert '<span class="tag">mô phỏng</span>' in part, "no goods of anybody's are recalled"
    assert 'id="recalls"' not in client.get("/place/canh-tan").text
    assert f'href="/place/{PLACE}#recalls"' in client.get("/").text


def test_the_other_pages_are_a_tap_away(client: TestClient) -> None:
    page = client.get(f"/place/{PLACE}").text
    for path in ("/", "/report.pdf", "/diary", "/check", "/verify.html"):
        assert f'<a href="{path}">' in page


@pytest.mark.parametrize(("lang", "said"), [("vi", "Không có nơi này"), ("en", "No such place")])
@pytest.mark.parametrize("name", ["nobody", "hoi-quan-001", "%3Cscript%3E"])
def test_an_unknown_place_is_not_found_in_the_readers_language(
    client: TestClient, lang: str, said: str, name: str
) -> None:
    answer = client.get(f"/place/{name}", headers={"Accept-Language": lang})
    assert answer.status_code == 404 and said in answer.text and '<a href="/">' in answer.text


def test_a_browser_that_has_the_page_is_told_that_nothing_changed(
    client: TestClient, store: SqliteStore, pilot: Pilot
) -> None:
    first = client.get(f"/place/{PLACE}")
    assert first.headers["cache-control"] == "no-cache" and first.headers["vary"] == "Accept-Language, Cookie"
    known = {"If-None-Match": first.headers["etag"]}
    again = client.get(f"/place/{PLACE}", headers=known)
    assert (
        again.status_code == 304 and again.content == b"" and again.headers["etag"] == first.headers["etag"]
    )
    assert client.get(f"/place/{PLACE}", headers=known | {"Accept-Language": "en"}).status_code == 200
    tell(store, gauge(pilot), MINUTE_MS, water_level=1.0)
    assert client.get(f"/place/{PLACE}", headers=known).status_code == 200


def test_no_script_and_no_id_where_people_read(client: TestClient, store: SqliteStore, pilot: Pilot) -> None:
    for device in pilot.fleet.values():
        if device.community == PLACE and device.model != "diary":
            tell(store, device, MINUTE_MS, soil_moisture=20.0, pest_count=3.0)
    answer = client.get(f"/place/{PLACE}")
    assert "<script" not in answer.text and "default-src 'none'" in answer.headers["content-security-policy"]
    read = re.sub(r"<[^>]+>", " ", answer.text)
    ids = {PLACE, "soil-probe", "canal-gauge", "mango", *pilot.fleet}
    assert [one for one in ids if one in read] == []


def test_the_language_is_chosen_on_the_page_and_leads_back_to_it(client: TestClient) -> None:
    assert f'href="/language/en?to=/place/{PLACE}"' in client.get(f"/place/{PLACE}").text
    answer = client.get(f"/language/en?to=/place/{PLACE}", follow_redirects=False)
    assert answer.headers["location"] == f"/place/{PLACE}"
    longest = f"/place/{'a' * 64}"  # as long as an id may be
    answer = client.get("/language/en", params={"to": longest}, follow_redirects=False)
    assert answer.headers["location"] == longest
    for elsewhere in ("https://a.org", "//a.org", "/\\a.org", "/\t/a.org", "/a\nb", ""):
        answer = client.get("/language/en", params={"to": elsewhere}, follow_redirects=False)
        assert answer.headers["location"] == "/"


@pytest.mark.parametrize("name", ["dong-thap", "quang-tri", "quang-ngai", "binh-duong"])
def test_every_place_of_every_pilot_has_its_page(store: SqliteStore, name: str) -> None:
    pilot = load(name)
    for device in pilot.fleet.values():
        if device.model == "canal-gauge":
            where = device_tags(device)
            store.write([Point("telemetry", where, {"water_level": 2.0, "salinity": 3.0}, NOW - MINUTE_MS)])
    client = client_of(store, pilot)
    overview_page = client.get("/").text
    for one in pilot.places:
        answer = client.get(f"/place/{one.id}")
        assert answer.status_code == 200 and f"<h1>{one.name}</h1>" in answer.text
        assert f'href="/place/{one.id}"' in overview_page


def test_the_commune_is_that_of_the_moment_shown(store: SqliteStore, pilot: Pilot) -> None:
    now = client_of(store, pilot)
    then = client_of(store, pilot, now=int(datetime(2022, 5, 1, tzinfo=UTC).timestamp() * 1000))
    for path in ("/", "/place/lang-dinh-yen"):
        assert "huyện Lấp Vò" not in re.sub(r"Trước ngày[^<]*", "", now.get(path).text)
        assert "Lai Vung" in now.get(path).text and "xã Định Yên, huyện Lấp Vò" in then.get(path).text
    assert "01/07/2025" not in then.get("/place/lang-dinh-yen").text + then.get("/place/an-nong").text
    assert "huyện Lấp Vò. Tên hiện nay cần được xác nhận." in now.get("/place/lang-dinh-yen").text
    assert "tên hiện nay chưa được xác định" in now.get("/place/an-nong").text, "its district was divided"
