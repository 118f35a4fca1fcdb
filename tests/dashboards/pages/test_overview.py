"""The overview page over a real store: it shows an officer the numbers that were counted."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from dashboards import kept
from dashboards.figures import Figures, Indicator
from dashboards.opendata import routes as api
from dashboards.pages import overview
from dashboards.pages.check import Verdict
from dashboards.pages.frame import Lasting
from dashboards.pages.lately import Lately
from dashboards.progress import Progress
from dashboards.site import opened, site
from devices.clock import DAY_MS, HOUR_MS, day_of, midnight_of
from devices.contract.reading import Device
from devices.pilots.pilot import Pilot
from devices.settings import Settings
from gateway.indicators.count import Evaluation, evaluate, points, roster
from gateway.indicators.standing import standing
from gateway.stores.influx import InfluxStore
from gateway.stores.points import Point, device_tags, tags
from gateway.stores.sqlite import SqliteStore
from tests.dashboards import soil
from tests.dashboards.pages.conftest import overview_of
from tests.servers import until

NOW = int(datetime(2026, 11, 21, 5, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def client(store: SqliteStore, pilot: Pilot) -> Iterator[TestClient]:
    lots = [{"community": "tam-que", "gtin": pilot.place["tam-que"].products[0].gtin,  # type: ignore[attr-defined]
             "lot": "TQ261120-ABCDEFGH", "time": NOW - DAY_MS, "quantity_kg": 850.0, "coverage": 0.9,
             "leaf": 3, "refused": "", "simulated": True, "recalled": False}]  # fmt: skip
    figures = Figures(
        store, pilot, lambda *_: list(lots), lambda at: evaluate(store, pilot, pilot.fleet.values(), at),
        now=lambda: NOW,
    )  # fmt: skip
    app = overview_of(figures)
    app.include_router(api.router(figures, soil.fleet(figures), soil.targets(figures)))
    yield TestClient(app)  # without its lifespan: nothing is read ahead


def drawn(figures: Figures, lasting: Lasting) -> str:
    return overview.Drawn.of(figures, Progress.read(figures), Lately.read(figures), lasting).page()


def fill(store: SqliteStore, pilot: Pilot, communities: tuple[str, ...]) -> None:
    """Three soil probes in each community report every hour of the last eight days."""
    store.write(
        [
            Point(
                "telemetry",
                device_tags(pilot.fleet[f"{name}-soil-probe-{n:02}"]),
                {"soil_moisture": 31.0},
                at,
            )
            for name in communities
            for n in (1, 2, 3)
            for at in range(NOW - 8 * DAY_MS, NOW, HOUR_MS)
        ]
    )
    store.write([*roster(pilot, NOW), *points(pilot, evaluate(store, pilot, pilot.fleet.values(), NOW))])


def test_empty_store_says_so(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "Chưa có chỉ tiêu nào được tính" in page.text and "Chưa có số đo nào" in page.text


def test_a_diary_is_shown_as_no_device(client: TestClient, store: SqliteStore, pilot: Pilot) -> None:
    for name in ("tam-que-diary-01", "tam-que-soil-probe-01"):
        store.write([Point("telemetry", device_tags(pilot.fleet[name]), {"soil_moisture": 31.0}, NOW - 1)])
    page, data = client.get("/").text, client.get("/api/v1/devices").text
    assert "Đầu đo đất 1" in page and "tam-que-soil-probe-01" in data
    assert "Nhật ký canh tác" not in page and "tam-que-diary-01" not in data


def test_counts_targets_and_gaps(client: TestClient, store: SqliteStore, pilot: Pilot) -> None:
    fill(store, pilot, ("tam-que", "thuan-tan"))
    page = client.get("/").text
    values = re.findall(r'<span class="course">([^· ]+)', page.replace("\u00a0", " "))
    assert values == ["2/14", "0/14", "0,0/50%"]
    assert "Mục tiêu 2025: 7 · Mục tiêu 2030: 14" in page and "còn thiếu 12" in page
    assert "Mục tiêu 2025: 15–20% · Mục tiêu 2030: trên 50%" in page
    assert "Chỉ thiết bị thật: 0 · chỉ mô phỏng: 2" in page
    assert re.search(r"mới có 0/3 thiết bị đủ độ phủ</b>: (?:<span[^>]*>)?<a [^>]*>Canh Tân</a>", page), (
        "who misses is named, with what they have"
    )
    rows = {row["indicator"]: row for row in client.get("/api/v1/indicators").json()["rows"]}
    assert rows["iot_communities"]["value"] == 2 and rows["iot_communities"]["gap"] == -12
    assert rows["iot_communities"]["counted"] == ["thuan-tan", "tam-que"]


def test_the_first_count_is_on_the_page_at_once(client: TestClient, store: SqliteStore, pilot: Pilot) -> None:
    assert "Chưa có chỉ tiêu nào được tính" in client.get("/").text
    fill(store, pilot, ("tam-que",))
    assert "Chưa có chỉ tiêu nào được tính" not in client.get("/").text


def test_before_the_first_count_nobody_waits_for_a_drawing_and_then_for_one(
    store: SqliteStore, pilot: Pilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("EVERY", "OLD"):  # drawn at the start, and then only for a visitor who waits
        monkeypatch.setattr(kept, name, 600.0)
    drawings = []
    figures = Figures(
        store, pilot, lambda limit: drawings.append(limit) or [],  # type: ignore[func-returns-value]
        lambda at: evaluate(store, pilot, pilot.fleet.values(), at), now=lambda: NOW,
    )  # fmt: skip
    with TestClient(overview_of(figures)) as running:
        assert "Chưa có chỉ tiêu nào được tính" in running.get("/").text
        until(lambda: len(drawings) == 2, "both languages are drawn")
        for _ in range(5):
            assert "Chưa có chỉ tiêu nào được tính" in running.get("/").text
        assert len(drawings) == 2
        fill(store, pilot, ("tam-que",))
        for lang in ("vi", "en"):
            assert "1/14" in running.get("/", headers={"Accept-Language": lang}).text


def test_what_lasts_of_a_page_is_what_would_be_drawn(store: SqliteStore, pilot: Pilot) -> None:
    now = [NOW]
    figures = Figures(
        store, pilot, lambda limit: [], lambda at: evaluate(store, pilot, pilot.fleet.values(), at),
        now=lambda: now[0],
    )  # fmt: skip
    pages, lasting = [], Lasting("vi")
    gauge = device_tags(pilot.fleet["thuan-tan-canal-gauge-01"])
    for step in (
        lambda: None,
        lambda: fill(store, pilot, ("tam-que",)),
        lambda: store.write([Point("telemetry", gauge, {"water_level": 2.2}, NOW)]),
        lambda: now.__setitem__(0, NOW + 5 * HOUR_MS),
        lambda: now.__setitem__(0, NOW + 40 * DAY_MS),
    ):
        step()
        pages.append(drawn(figures, lasting))
        assert pages[-1] == drawn(figures, Lasting("vi"))
    assert len(set(pages)) == len(pages)


def test_a_strangers_reading_comes_first(client: TestClient, store: SqliteStore, pilot: Pilot) -> None:
    fill(store, pilot, ("tam-que",))
    real = Device("dong-thap", "tam-que", "my-esp32", "soil-probe", simulated=False)
    store.write([Point("telemetry", device_tags(real), {"soil_moisture": 31.5}, NOW - 1000)])
    page = client.get("/").text
    assert page.index("my-esp32") < page.index("Đầu đo đất 1 ")
    assert "Độ ẩm đất <b>31,5%</b>" in page
    latest = client.get("/api/v1/devices/my-esp32/latest").json()
    assert latest["values"]["soil_moisture"] == {
        "value": 31.5, "unit": "%", "time": "2026-11-21T04:59:59.000Z",
    }  # fmt: skip
    assert client.get("/api/v1/devices/nobody/latest").status_code == 404


def test_what_a_real_station_measures_besides_is_shown_with_its_unit(
    client: TestClient, store: SqliteStore
) -> None:
    sky = Device("dong-thap", "tam-que", "sky", "weather-station", simulated=False)
    values = {"battery_level": 64.0, "illuminance": 52_000.0, "wind_direction": 225.0, "rain_rate": 12.4,
              "water_volume": 1520.125, "pm2_5": 38.0, "pm10": 61.0, "noise": 58.3}  # fmt: skip
    store.write([Point("telemetry", device_tags(sky), values, NOW - 1000)])
    page = client.get("/").text
    for shown in (
        "Mức pin <b>64%</b>", "Độ rọi <b>52.000 lux</b>", "Hướng gió <b>225°</b>",
        "Lượng nước <b>1.520,125 m³</b>", "Cường độ mưa <b>12,4 mm/h</b>", "Bụi mịn PM2,5 <b>38 µg/m³</b>",
        "Bụi PM10 <b>61 µg/m³</b>", "Độ ồn <b>58,3 dB(A)</b>",
    ):  # fmt: skip
        assert shown in page


def test_flagged_values_are_shown_as_such(client: TestClient, store: SqliteStore, pilot: Pilot) -> None:
    where = tuple(sorted((*device_tags(pilot.fleet["tam-que-soil-probe-01"]), ("signal", "soil_moisture"),
                          ("reason", "gross_range"))))  # fmt: skip
    store.write([Point("telemetry_flagged", where, {"value": 99.0, "flag": 4}, NOW - 1000)])
    assert re.search(r'class="pair flagged">Độ ẩm đất 99,0% \(Ngoài khoảng có thể\)', client.get("/").text)


def test_the_days_of_a_decade_are_written_as_numbers_are(figures: Figures, store: SqliteStore) -> None:
    where = tags(pilot="dong-thap", indicator="smart_villages")
    store.write([Point("kpi", where, {"value": float(back)}, NOW - back * DAY_MS) for back in (0, 1)])
    figures.trend_days = 3652
    client = TestClient(overview_of(figures))
    assert "3.652 ngày qua" in client.get("/").text
    assert "Last 3,652 days" in client.get("/", headers={"Accept-Language": "en"}).text


def test_how_much_is_simulated_is_counted(client: TestClient, store: SqliteStore) -> None:
    """A province with mostly real devices must not read that most of them are simulated."""
    assert "không có thiết bị mô phỏng nào gửi số liệu" in client.get("/").text
    for number, (simulated, ago) in enumerate(((False, 1), (False, 6), (True, 2), (True, 8))):
        one = device_tags(Device("dong-thap", "tam-que", f"n-{number}", "soil-probe", simulated=simulated))
        store.write([Point("telemetry", one, {"soil_moisture": 31.0}, NOW - ago * DAY_MS)])
    for path in ("/", "/?q=tam que"):
        assert "1 trên 3 thiết bị gửi trong 7 ngày qua là mô phỏng" in client.get(path).text
    english = client.get("/", headers={"Accept-Language": "en"}).text
    assert "simulated devices among the 3 heard in the last 7 days: 1" in english


@pytest.mark.parametrize(
    ("signal", "value", "vi", "en"),
    [
        ("pump_state", 0.0, "Máy bơm <b>tắt", "Pump <b>off"),
        ("aerator_state", 1.0, "sục khí <b>đang chạy", "Aerator <b>running"),
        ("valve_state", 0.0, "Van, cống <b>đóng", "sluice <b>closed"),
        ("valve_state", 0.3, "Van, cống <b>mở 30%", "sluice <b>30% open"),
        ("valve_state", 1.0, "Van, cống <b>mở</b>", "sluice <b>open</b>"),
    ],
)
def test_what_is_switched_is_said_in_words(
    client: TestClient, store: SqliteStore, signal: str, value: float, vi: str, en: str
) -> None:
    """A pump that "is 0" means nothing to an officer."""
    device = device_tags(Device("dong-thap", "tam-que", "box", "pump-controller", simulated=False))
    store.write([Point("telemetry", device, {signal: value}, NOW - 1000)])
    assert vi in client.get("/").text
    assert en in client.get("/", headers={"Accept-Language": "en"}).text


def test_english_on_request(client: TestClient, store: SqliteStore, pilot: Pilot) -> None:
    fill(store, pilot, ("tam-que",))
    client.get("/language/en")
    page = client.get("/").text
    assert '<html lang="en">' in page and "Smart villages" in page


def test_a_browser_that_prefers_english_gets_it_without_asking(client: TestClient) -> None:
    english = client.get("/", headers={"Accept-Language": "en,vi;q=0.5"})
    assert '<html lang="en">' in english.text and english.headers["vary"] == "Accept-Language, Cookie"
    assert '<html lang="vi">' in client.get("/", headers={"Accept-Language": "vi,en;q=0.5"}).text


def test_lots_lead_to_their_records_and_stay_secret_in_open_data(client: TestClient) -> None:
    page = client.get("/").text
    assert re.search(r'href="/01/\d{14}/10/TQ261120-ABCDEFGH"', page)
    assert 'thu hoạch 20/11/2026 <span class="tag">mô phỏng</span>' in page
    assert "TQ261120" not in client.get("/api/v1/lots").text


def test_books_out_of_balance_are_not_hidden(client: TestClient, store: SqliteStore) -> None:
    fields = {"received": 10, "stored": 8, "duplicate": 1, "quarantined": 1, "spooled": 0}
    store.write([Point("gateway", tags(instance="a"), dict(fields), NOW - 1000)])
    assert "<b>cân đối</b>" in client.get("/").text
    store.write([Point("gateway", tags(instance="a"), fields | {"stored": 7}, NOW - 500)])
    assert "<b>KHÔNG cân đối</b>" in client.get("/").text


def test_a_store_that_is_away_is_said_and_no_traceback(tmp_path: Path) -> None:
    store = InfluxStore("http://127.0.0.1:1", "token", "org", "bucket")
    figures = opened(Settings(data=tmp_path), store)
    with TestClient(site(Settings(data=tmp_path), figures, lambda *_: Verdict(True, []), ())) as client:
        for path in ("/", "/api/v1/indicators", "/healthz"):
            answer = client.get(path)
            said = "Tạm thời chưa xem được" if path == "/" else "InfluxDB does not answer"
            assert answer.status_code == 503 and said in answer.text and "Traceback" not in answer.text, path
            assert "127.0.0.1" not in answer.text, "its address is nobody's business"
    store.close()


def test_who_counts_by_commune_and_where_it_is_going(
    client: TestClient, store: SqliteStore, pilot: Pilot
) -> None:
    fill(store, pilot, ("tam-que",))
    page = client.get("/").text
    rows = dict(re.findall(r'<a href="/place/([a-z0-9-]+)"><b>[^<]*</b></a> (.*)</li>', page))
    assert "hội quán" in rows["tam-que"] and "phường Cao Lãnh" in rows["tam-que"]
    assert "Được tính: có; chưa có lô niêm phong" in rows["tam-que"]
    assert "mới có 0/3 thiết bị đủ độ phủ" in rows["canh-tan"]
    assert "sẽ tham gia từ" in rows["an-nong"] and "Được tính" not in rows["an-nong"]
    assert re.search(r"lộ trình cần 8 · dự báo 2030: \d+ \(1–\d+\) · chậm so với lộ trình", page)


def test_what_the_clerk_wrote_down_is_shown_without_counting_again(store: SqliteStore, pilot: Pilot) -> None:
    fill(store, pilot, ("tam-que",))
    evaluation = evaluate(store, pilot, pilot.fleet.values(), NOW)
    store.write(standing(pilot, evaluation, midnight_of(day_of(NOW, pilot.zone), pilot.zone)))

    def count(_: int) -> Evaluation:
        raise AssertionError("a page must not wait for a count")

    figures = Figures(store, pilot, lambda limit: [], count, now=lambda: NOW)
    page = drawn(figures, Lasting("vi"))
    assert "mới có 0/3 thiết bị đủ độ phủ" in page


def test_a_silent_real_device_still_comes_first(client: TestClient, store: SqliteStore, pilot: Pilot) -> None:
    """If the last hour has enough simulated devices, they are queried for that hour alone."""
    fill(store, pilot, tuple(c.id for c in pilot.communities if f"{c.id}-soil-probe-03" in pilot.fleet))
    for community in pilot.communities[:5]:
        probe = pilot.fleet[f"{community.id}-soil-probe-01"]
        store.write([Point("telemetry", device_tags(probe), {"soil_moisture": 30.0}, NOW - 1000)])
    real = Device("dong-thap", "tam-que", "my-esp32", "soil-probe", simulated=False)
    store.write([Point("telemetry", device_tags(real), {"soil_moisture": 31.5}, NOW - 20 * HOUR_MS)])
    page = client.get("/").text
    assert page.index("my-esp32") < page.index("Đầu đo đất 1 ")


def test_the_page_runs_no_script_and_asks_again_by_itself_for_who_wants_that(client: TestClient) -> None:
    answer = client.get("/?live=1")
    assert "<script" not in answer.text and "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["refresh"] == "15"
    assert "refresh" not in client.get("/?live=0").headers
    assert "@media print" in client.get("/static/overview.css").text


def test_while_it_runs_the_page_says_as_of_when_and_who_spoke_since_is_on_it(
    store: SqliteStore, pilot: Pilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("EVERY", "OLD"):  # read once
        monkeypatch.setattr(kept, name, 600.0)
    fill(store, pilot, ("tam-que",))
    now = [NOW]
    figures = Figures(
        store, pilot, lambda limit: [], lambda at: evaluate(store, pilot, pilot.fleet.values(), at),
        now=lambda: now[0],
    )  # fmt: skip
    with TestClient(overview_of(figures)) as running:
        assert "Tính đến 21/11/2026 12:00:00" in running.get("/").text
        now[0] += 3000
        real = Device("dong-thap", "tam-que", "my-esp32", "soil-probe", simulated=False)
        store.write([Point("telemetry", device_tags(real), {"soil_moisture": 31.5}, now[0] - 1000)])
        until(lambda: "Độ ẩm đất <b>31,5%</b>" in running.get("/").text, "who spoke since")
        assert "Tính đến 21/11/2026 12:00:00" in running.get("/").text, "all else is as it was read"


def test_a_trend_is_drawn_by_its_corners(pilot: Pilot) -> None:
    target = pilot.target("iot_communities")
    values = (1, 1, 1, 1, 2, 2, 2, 3)
    trend = tuple((hour * HOUR_MS, float(value)) for hour, value in enumerate(values))
    one = Indicator(target.indicator, 3.0, 0.0, 3.0, NOW, target.points[0], target.points, trend, 1.0, ())
    assert [point.partition(",")[0] for point in overview._trend(one).split()] == [
        "0.0", "42.9", "57.1", "85.7", "100.0",
    ]  # fmt: skip
