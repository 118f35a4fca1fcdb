"""The yearly report: its numbers are the store's, a year without data is a report, the PDF can be read."""

import subprocess
import unicodedata
from datetime import UTC, date, datetime

import pytest
from typer.testing import CliRunner

from dashboards.figures import Figures
from dashboards.report.compose import compose
from dashboards.report.paper import pdf
from dashboards.report.plain import markdown
from dashboards.report.yearly import look_up
from devices.clock import DAY_MS, HOUR_MS, midnight_of
from devices.pilots.names import Names
from devices.pilots.pilot import load
from gateway.clerk.indicators import recount
from gateway.indicators.count import evaluate
from gateway.stores.points import Point, device_tags, tags
from gateway.stores.sqlite import SqliteStore
from hoiquan import app
from tests.programs import program

PILOT = load("dong-thap")
NOW = int(datetime(2026, 11, 21, 5, tzinfo=UTC).timestamp() * 1000)
WET = {"soil_moisture": 31.0}


def filled(path):
    """Three communities report for ten days, one of them with two probes; two seal a lot."""
    store = SqliteStore(path)
    store.write(
        [
            Point("telemetry", device_tags(PILOT.fleet[f"{name}-soil-probe-0{n}"]), WET, at)
            for name, probes in (("tam-que", (1, 2, 3)), ("thuan-tan", (1, 2, 3)), ("canh-tan", (1, 2)))
            for n in probes
            for at in range(NOW - 10 * DAY_MS, NOW, HOUR_MS)
        ]
    )
    for name, quantity, day in (("tam-que", 850.0, 1), ("tam-que", 1150.0, 2), ("canh-tan", 20.0, 400)):
        fields = {"quantity": quantity, "coverage": 0.9, "verified": True, "simulated": True, "lot": "L"}
        store.write(
            [Point("lot", tags(pilot="dong-thap", community=name, product="p"), fields, NOW - day * DAY_MS)]
        )
    for _ in recount(store, PILOT, list(PILOT.fleet.values()), date(2026, 11, 18), date(2026, 11, 22)):
        pass
    return store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = filled(tmp_path_factory.mktemp("report") / "store.sqlite")
    yield made
    made.close()


def report(store, year=2026, lang="vi", rehearsal=None):
    figures = Figures(
        store, PILOT, lambda _: [], lambda at: evaluate(store, PILOT, PILOT.fleet.values(), at),
        now=lambda: NOW, rehearsal=rehearsal,
    )  # fmt: skip
    return compose(PILOT, look_up(figures, year, NOW), lang, rehearsal)


def rows(report, first):
    """The table whose head begins with `first`."""
    return next(b.rows for b in report.blocks if b.kind == "table" and b.rows[0][0] == first)


def test_the_table_of_targets_has_the_stores_values(store):
    _, iot, villages, share = rows(report(store), "Chỉ tiêu")
    assert iot[:5] == ("Hội quán ứng dụng IoT", "ít nhất 14 (đến năm 2030)", "2", "0", "2")
    assert iot[5] == "còn thiếu 12" and "Chậm so với lộ trình" in iot[6]
    assert villages[2] == "0"
    assert share[1] == "trên 50 % (đến năm 2030)" and share[2] == "0,2 %", "1 of 400"


def test_by_commune_each_place_that_had_joined(store):
    head, *places = rows(report(store), "Xã, phường")
    found = {row[1]: dict(zip(head, row, strict=True)) for row in places}
    assert found["Tâm Quê (hội quán)"]["Lô hàng"] == "2"
    assert found["Tâm Quê (hội quán)"]["Khối lượng (kg)"] == "2.000"
    assert found["Tâm Quê (hội quán)"]["Được tính"] == "có"
    assert found["Canh Tân (hội quán)"]["Được tính"] == "chưa: 2/3", "who just misses, and by what"
    assert found["Canh Tân (hội quán)"]["Lô hàng"] == "0", "last year's lot is last year's"
    assert "phường Cao Lãnh (xã Tân Thuận Tây, TP. Cao Lãnh)" in found["Tâm Quê (hội quán)"].values()
    assert not any("An Nông" in name for name in found), "it joins in 2028"


def test_header_basis_coverage_rules_due_dates_and_signatures_are_there(store):
    text = markdown(report(store))
    for part in (
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập – Tự do – Hạnh phúc", "Kế hoạch số 93/KH-UBND",
        "năm 2026, Đồng Tháp", "được tính trong 3 ngày trên 325 ngày", "ít nhất 3 thiết bị đạt độ phủ 80 %",
        "30/11/2026: Sở Thông tin và Truyền thông", "15/12/2026: Ủy ban nhân dân Tỉnh", "Nơi nhận:",
        "THỦ TRƯỞNG ĐƠN VỊ", "dùng cột “Chỉ số liệu thật”",
    ):  # fmt: skip
        assert part in text, part


def test_a_year_without_data_says_so_and_is_still_a_report(store):
    for year in (2024, 2027):
        made = report(store, year)
        text = markdown(made)
        assert f"không có chỉ tiêu nào được tính trong năm {year}" in text
        assert "CỘNG HÒA XÃ HỘI" in text and "Căn cứ" in text and "THỦ TRƯỞNG ĐƠN VỊ" in text
        assert all(row[2] == "chưa có số liệu" for row in rows(made, "Chỉ tiêu")[1:]), "no invented zero"
        assert pdf(made).startswith(b"%PDF")
    assert "ít nhất 7 (đến năm 2025)" in markdown(report(store, 2024)), "the target of that year"


def test_a_rehearsal_says_so_first(store):
    made = report(store, rehearsal=Names(vi="mười năm", en="a decade"))
    assert made.blocks[0].kind == "note" and "DIỄN TẬP: mười năm" in made.blocks[0].text


def test_english_has_the_same_blocks(store):
    vi, en = (report(store, lang=lang) for lang in ("vi", "en"))
    assert [(b.kind, len(b.rows)) for b in vi.blocks] == [(b.kind, len(b.rows)) for b in en.blocks]
    assert "Against the target" in markdown(en)


def test_the_pdf_carries_its_fonts_and_its_vietnamese(store, tmp_path):
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf(report(store)))
    text = subprocess.run(
        [program("pdftotext"), "-layout", path, "-"], capture_output=True, text=True, check=True
    )
    found = unicodedata.normalize("NFC", " ".join(text.stdout.split()))
    for part in ("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Hội quán ứng dụng IoT", "Kết quả theo xã, phường",
                 "Giá trị đã tính", "chưa: 2/3"):  # fmt: skip
        assert part in found, part
    fonts = subprocess.run([program("pdffonts"), path], capture_output=True, text=True, check=True)
    table = fonts.stdout.splitlines()[2:]
    assert table and all(line.split()[-5] == "yes" for line in table), "every font is embedded"


def test_what_is_markup_elsewhere_is_text_here(store):
    community = PILOT.communities[0].model_copy(update={"name": "A|B <b> #set *x*"})
    pilot = PILOT.model_copy(update={"communities": (community, *PILOT.communities[1:])})
    figures = Figures(
        store,
        pilot,
        lambda _: [],
        lambda at: evaluate(store, pilot, pilot.fleet.values(), at),
        now=lambda: NOW,
    )
    made = compose(pilot, look_up(figures, 2026, NOW), "vi")
    assert r"A\|B \<b\> \#set \*x\*" in markdown(made)
    assert pdf(made).startswith(b"%PDF")


def test_the_command_writes_both_kinds_and_refuses_a_third(tmp_path):
    filled(tmp_path / "store.sqlite").close()
    run = CliRunner()
    for name in ("bao-cao.pdf", "bao-cao.md"):
        out = tmp_path / name
        done = run.invoke(app, ["report", "--year", "2026", "--data", str(tmp_path), "--out", str(out)])
        assert done.exit_code == 0, done.output
        assert out.stat().st_size > 3000
    wrong = run.invoke(app, ["report", "--data", str(tmp_path), "--out", "bao-cao.docx"])
    assert isinstance(wrong.exception, ValueError) and ".pdf" in str(wrong.exception)


def test_the_last_moment_of_a_year_is_of_that_year(store):
    """Vietnamese years: the store's first hours of 2027 in Hanoi are not in the report of 2026."""
    late = midnight_of(date(2027, 1, 1), PILOT.zone)
    where = tags(pilot="dong-thap", indicator="smart_villages")
    store.write([Point("kpi", where, {"value": 9.0}, late)])
    figures = Figures(
        store, PILOT, lambda _: [], lambda at: evaluate(store, PILOT, PILOT.fleet.values(), at),
        now=lambda: late + DAY_MS,
    )  # fmt: skip
    assert {one.id: one.value for one in look_up(figures, 2026, late + DAY_MS).indicators}[
        "smart_villages"
    ] == 0
    assert [one.value for one in look_up(figures, 2027, late + DAY_MS).indicators] == [9.0]
