"""What pages say of a place in alarm, and of values that are older than the row they stand in."""

import re
from pathlib import Path

import pytest
import yaml
from fastapi.testclient import TestClient

from dashboards import wording
from devices.clock import HOUR_MS, MINUTE_MS, moment_of
from devices.contract.reading import Device
from devices.pilots.pilot import HERE, SHARE, Pilot, load
from devices.texts import moment, text
from gateway.stores.points import Point, device_tags
from gateway.stores.sqlite import SqliteStore
from tests.dashboards.pages.test_place import NOW, PLACE, client_of, gauge, tell


@pytest.fixture
def client(store: SqliteStore, pilot: Pilot) -> TestClient:
    return client_of(store, pilot)


def todo(page: str) -> str:
    """What the page says is to be done, as text without HTML."""
    section = page.partition("<h2>Việc cần làm</h2>")[2].partition("</section>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", section).split())


@pytest.mark.parametrize(
    ("ago", "does"),
    [(MINUTE_MS, text("alerts.water_level_do", "vi")),
     (5 * HOUR_MS, text("alerts.silent_in_alarm_do", "vi"))],
)  # fmt: skip
def test_what_to_do_begins_with_the_alarms(
    client: TestClient, store: SqliteStore, pilot: Pilot, ago: int, does: str
) -> None:
    tell(store, gauge(pilot), ago, water_level=2.2, salinity=0.1)
    told = todo(client.get(f"/place/{PLACE}").text)
    assert "Mực nước 2,20 m: " in told and "Báo động II: đã vượt 2,10 m" in told and does in told
    assert "mô phỏng" in told and "Độ mặn" not in told
    assert "không có khuyến cáo nào" not in told


def test_what_a_simulated_gauge_says_of_water_is_marked_on_the_overview(
    client: TestClient, store: SqliteStore, pilot: Pilot
) -> None:
    """Nobody closes a sluice because of water that is not there."""
    real = Device("dong-thap", "canh-tan", "my-gauge", "canal-gauge", simulated=False)
    tell(store, gauge(pilot), MINUTE_MS, water_level=2.2, salinity=0.1)
    tell(store, real, MINUTE_MS, water_level=2.4, salinity=0.2)
    page = client.get("/").text
    work = page.partition('id="alarms"')[2].partition('id="silent"')[0]
    marked = re.findall(r"<li[^>]*><a[^>]*>(.*?)</a>.*?<b>(.*?)</b>.*?<span class=.tag.>(.*?)</span>", work)
    assert marked == [
        ("Canh Tân", "2,40 m", "thật"), ("Thuận Tân", "2,20 m", "mô phỏng"), ("Canh Tân", "0,20 g/L", "thật"),
    ]  # fmt: skip


def test_a_value_older_than_its_row_says_from_when_it_is(
    client: TestClient, store: SqliteStore, pilot: Pilot
) -> None:
    """A sensor that was stuck for hours, and a doubted value, are not as new as what the device last sent."""
    probe = device_tags(pilot.fleet["tam-que-soil-probe-01"])
    store.write([
        Point("telemetry", probe, {"soil_moisture": 31.5, "soil_ec": 0.8}, NOW - 1000),
        Point("telemetry", probe, {"soil_temperature": 27.0}, NOW - 5 * HOUR_MS),
    ])  # fmt: skip
    where = tuple(sorted((*probe, ("signal", "soil_ec"), ("reason", "spike"))))
    store.write([Point("telemetry_flagged", where, {"value": 9.0, "flag": 3}, NOW - 2 * HOUR_MS)])
    page = client.get("/").text
    at = [moment(moment_of(NOW - hours * HOUR_MS, pilot.zone), "vi") for hours in (5, 2)]
    assert f"Nhiệt độ đất <b>27,0 °C</b> (lúc {at[0]})" in page
    assert f"Độ dẫn điện của đất 9,00 dS/m (Nhảy vọt, lúc {at[1]})" in page
    assert "Độ ẩm đất <b>31,5%</b></span>" in page


def test_what_the_pilot_file_does_not_assume_is_not_called_assumed(
    store: SqliteStore, pilot: Pilot, tmp_path: Path
) -> None:
    """A province that counted its cooperatives and knows who joined when is not told that it guesses."""
    content = yaml.safe_load((HERE / "dong-thap.yaml").read_text("utf-8"))
    for one in (*content["organisations"], *content["communities"], *content["villages"]):
        one.pop("assumption", None)
        one["source"] = "counted"
    known = tmp_path / "known.yaml"
    known.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    for of, assumed in ((pilot, True), (load(str(known)), False)):
        page = client_of(store, of).get("/").text
        assert ("ngày tham gia là kế hoạch diễn tập" in page) is assumed
        rule = wording.rule(SHARE, of, 2026, "vi")
        assert ("số HTX là giả định" in rule) is assumed
        assert "một lô thu hoạch trong 365 ngày qua" in rule, "not sealed within them"
        assert "không có thiết bị mô phỏng nào gửi số liệu" in page
