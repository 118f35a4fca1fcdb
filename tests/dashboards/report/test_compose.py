"""The report: its numbers are the store's, its sums add up, and a year without data gives a report too."""

import dataclasses
from datetime import date

import pytest
from typer.testing import CliRunner

from dashboards.report import yearly
from dashboards.report.compose import compose
from dashboards.report.document import Block
from dashboards.report.plain import markdown
from dashboards.report.yearly import look_up
from devices.clock import DAY_MS, HOUR_MS, midnight_of
from devices.pilots.names import alphabetical
from devices.pilots.pilot import HERE, TargetPoint, load
from gateway.indicators import count
from gateway.stores import store as stores
from gateway.stores.points import Point, tags
from gateway.stores.sqlite import SqliteStore
from hoiquan import app
from tests.dashboards.report.filled import NOW, PILOT, PLAYED, figures, filled, report, rows

PILOTS = sorted(path.stem for path in HERE.glob("*.yaml"))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = filled(tmp_path_factory.mktemp("report") / "store.sqlite")
    yield made
    made.close()


def sentences(report):
    return [block.text for block in report.blocks if block.kind == "text"]


def test_the_table_of_targets_has_the_stores_values(store):
    _, iot, villages, share = rows(report(store).blocks, "Chỉ tiêu")
    assert iot[:5] == ("Hội quán ứng dụng IoT", "ít nhất 14 (đến năm 2030)", "2", "0", "2")
    assert iot[5] == "còn thiếu 12" and "Chậm so với lộ trình" in iot[6]
    assert villages[2] == "0"
    assert share[1] == "trên 50% (đến năm 2030)" and share[2] == "0,3%", "1 of 400"
    assert share[5] == "còn thiếu 49,7 điểm phần trăm", "of the numbers as they are written"


def test_a_commune_a_line_and_the_sum_of_all_lines(store):
    head, *communes, summed = rows(report(store).blocks, "Xã, phường")
    assert head[1:] == ("Số nơi", "Được tính", "Thiết bị", "Độ phủ", "Lô hàng", "Khối lượng (kg)")
    names = [row[0] for row in communes]
    assert names == sorted(names, key=alphabetical) and len(set(names)) == len(names)
    assert ("phường Cao Lãnh", "3", "2", "6", "98%", "2", "2.000") in communes
    for column in (1, 2, 3, 5, 6):
        numbers = [int(row[column].replace(".", "")) for row in communes]
        assert sum(numbers) == int(summed[column].replace(".", "")), head[column]


def test_nothing_of_a_year_is_left_out_however_much_there_is(store, monkeypatch):
    """A pilot of 14,000 devices has five million device-days in a year, and any number of harvests."""
    whole = report(store)
    for module in (yearly, count, stores):  # as if one answer held fewer rows than there are
        monkeypatch.setattr(module, "AT_ONCE", 1, raising=False)
    assert report(store) == whole


def test_an_annex_a_commune_with_its_places_and_what_each_lacks(store):
    made = report(store)
    communes = rows(made.blocks, "Xã, phường")[1:-1]
    assert [one.number for one in made.annexes][:4] == [
        "Phụ lục I",
        "Phụ lục II",
        "Phụ lục III",
        "Phụ lục IV",
    ]
    assert [one.name for one in made.annexes] == [
        f"KẾT QUẢ NĂM 2026 TẠI {row[0].upper()}" for row in communes
    ]
    first = made.annexes[0]
    assert first.attached.startswith("(Kèm theo Báo cáo số ……/BC-SKHCN ngày")
    assert first.blocks[0].text == "Trước ngày 01/07/2025: xã Tân Thuận Tây, TP. Cao Lãnh."
    _, tam_que, village, thuan_tan = rows(first.blocks, "Nơi")
    assert tam_que == ("Tâm Quê (hội quán)", "01/09/2022", "3", "98%", "2", "2.000", "có", "không")
    assert village[0] == "Tân Thuận Tây (làng)" and village[4:7] == ("–", "–", "chưa"), "it sells nothing"
    assert village[7].startswith("thiếu số liệu: Quan trắc môi trường"), "what is silent, by its name"
    assert thuan_tan[6:] == ("có", "chưa có lô niêm phong"), "counts for one target, and lacks for another"
    every = {row[0]: row for annex in made.annexes for row in rows(annex.blocks, "Nơi")[1:]}
    assert every["Canh Tân (hội quán)"][7] == "mới có 2/3 thiết bị đủ độ phủ; chưa có lô niêm phong"
    assert every["Canh Tân (hội quán)"][4] == "0", "last year's lot is last year's"
    assert not any("An Nông" in name for name in every), "it joins in 2028"


def test_form_basis_coverage_rules_and_due_dates_are_there(store):
    made = report(store)
    text = markdown(made)
    for part in (
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", "Số: ……/BC-SKHCN",
        "Kính gửi: Tỉnh ủy Đồng Tháp; Ủy ban nhân dân tỉnh Đồng Tháp.", "Căn cứ Kế hoạch số 93/KH-UBND",
        "năm 2026 trên địa bàn tỉnh Đồng Tháp",
        "được tính trong 3 ngày trên 325 ngày", "ít nhất 3 thiết bị đạt độ phủ 80%",
        "Ngày 30/11/2026: gửi Sở Khoa học và Công nghệ.",
        "Ngày 15/12/2026: gửi Tỉnh ủy, Ủy ban nhân dân Tỉnh.",
        "Báo cáo tiếp theo: ngày 30/11/2026, còn 9 ngày", "Nơi nhận:", "- Như trên;", "- Lưu: VT.",
        "GIÁM ĐỐC",
    ):  # fmt: skip
        assert part in text, part
    assert made.closing.endswith("./.") and made.signatures == ("GIÁM ĐỐC",)
    headings = [block.text for block in made.blocks if block.kind == "heading"]
    assert [one.split(".")[0] for one in headings] == ["I", "II", "III", "IV", "V", "VI"]
    assert all(one == one.upper() for one in headings)


def test_no_per_cent_with_a_blank_no_id_no_point_for_a_comma(store):
    text = markdown(report(store))
    assert " %" not in text and "\u00a0%" not in text
    for id in ("iot_communities", "environment", "irrigation", "tam-que", "soil-probe", "lang-"):
        assert id not in text, id


@pytest.mark.parametrize("name", PILOTS)
@pytest.mark.parametrize("lang", ["vi", "en"])
def test_each_province_has_its_own_office_and_basis(name, lang, tmp_path):
    store, pilot = SqliteStore(tmp_path / "empty.sqlite"), load(name)
    made = report(store, lang=lang, pilot=pilot)
    store.close()
    assert made.office == (("SỞ KHOA HỌC VÀ CÔNG NGHỆ",) if lang == "vi" else made.office)
    assert pilot.name.vi.upper() in " ".join(made.above) and pilot.name.vi in made.place_and_date
    own = {"dong-thap": "93/KH-UBND", "quang-ngai": "66/KH-UBND", "quang-tri": "5807/KH-UBND",
           "binh-duong": "1338/QĐ-UBND"}[name]  # fmt: skip
    assert any(own in one for one in made.basis)
    assert "………" not in markdown(made), "nothing is left to fill in but number and date"


@pytest.mark.parametrize(
    ("last", "years", "cited"),
    [
        (2021, 1, ("93/KH-UBND",)),
        (2022, 1, ("93/KH-UBND", "145/KH-UBND")),
        (2026, 1, ("93/KH-UBND", "02/2024/TT-BKHCN")),
        (2026, 5, ("93/KH-UBND", "145/KH-UBND", "02/2024/TT-BKHCN")),
    ],
)
def test_a_report_rests_on_the_documents_of_its_years(store, last, years, cited):
    """Plan 145 is of 2022 alone, and the circular was issued in 2024."""
    basis = report(store, last, years=years).basis
    assert len(basis) == len(cited) and all(name in one for name, one in zip(cited, basis, strict=True))


def test_the_year_of_signing_stands_there_of_a_year_that_runs_and_is_left_open_of_one_that_is_over(store):
    assert report(store).place_and_date == "Đồng Tháp, ngày …… tháng …… năm 2026"
    assert report(store, 2025).place_and_date == "Đồng Tháp, ngày …… tháng …… năm ……"


def test_a_year_without_data_says_so_and_is_still_a_report(store):
    for year in (2024, 2027):
        made = report(store, year)
        text = markdown(made)
        assert f"không có chỉ tiêu nào được tính trong năm {year}" in text
        assert "CỘNG HÒA XÃ HỘI" in text and "Căn cứ" in text and "GIÁM ĐỐC" in text
        assert all(row[2] == "chưa có" for row in rows(made.blocks, "Chỉ tiêu")[1:]), "no invented zero"
        assert made.annexes == ()
    assert "ít nhất 7 (đến năm 2025)" in markdown(report(store, 2024)), "the target of that year"


def test_every_page_is_marked_where_nothing_is_real(store):
    assert report(store).mark.startswith("CÓ SỐ LIỆU MÔ PHỎNG")
    made = report(store, played=PLAYED)
    assert made.mark.startswith("SỐ LIỆU DIỄN TẬP: mười năm")
    assert markdown(made).startswith("> **SỐ LIỆU DIỄN TẬP"), "and Markdown, which has no pages, first of all"


def test_what_is_real_alone_is_not_marked(tmp_path):
    store = SqliteStore(tmp_path / "store.sqlite")
    where = tags(pilot="dong-thap", indicator="iot_communities")
    store.write(
        [Point("kpi", where, {"value": 1.0, "value_real": 1.0, "value_simulated": 0.0}, NOW - DAY_MS)]
    )
    assert report(store).mark == ""
    devices = tags(pilot="dong-thap", community="tam-que", device="tam-que-soil-probe-01")
    store.write([Point("device", devices, {"coverage": 0.1}, NOW - DAY_MS)])
    assert report(store).mark, "a simulated device that counts for nothing is still in the sums"
    assert report(store, roster=list).mark == "", "one that the roster does not call simulated"
    store.close()


def test_the_sum_of_real_and_simulated_is_explained_where_it_is_none(store):
    [year] = [look_up(figures(store), 2026, NOW)]
    iot, *others = year.indicators

    def told(**values):
        changed = dataclasses.replace(year, indicators=(dataclasses.replace(iot, **values), *others))
        return [one for one in sentences(compose(PILOT, (changed,), "vi")) if "Chỉ mô phỏng" in one]

    assert told() == []
    [apart] = told(value=3.0, real=1.0, simulated=1.0)
    assert "Hội quán ứng dụng IoT" in apart and "không cộng thành" in apart
    share = dataclasses.replace(others[-1], value=0.0028, real=0.0014, simulated=0.0014)
    changed = dataclasses.replace(year, indicators=(iot, share))
    assert any("làm tròn" in one for one in sentences(compose(PILOT, (changed,), "vi")))


def test_the_mean_coverage_is_that_of_the_places_in_the_table(store):
    year = look_up(figures(store), 2026, NOW)
    year = dataclasses.replace(year, coverage={"tam-que": 0.5, "canh-tan": 0.7, "gone-from-the-file": 0.1})
    made = compose(PILOT, (year,), "vi")
    assert rows(made.blocks, "Xã, phường")[-1][4] == "60%"
    assert any("độ phủ trung bình 60%" in one for one in sentences(made))


def test_after_the_plan_s_last_year_there_is_a_report_without_a_forecast(tmp_path):
    store = SqliteStore(tmp_path / "store.sqlite")
    now = midnight_of(date(2031, 6, 1), PILOT.zone)
    where = tags(pilot="dong-thap", indicator="iot_communities")
    store.write([Point("kpi", where, {"value": 13.0, "value_real": 0.0, "value_simulated": 13.0}, now - 1)])
    made = report(store, 2031, now=now)
    store.close()
    assert rows(made.blocks, "Chỉ tiêu")[1][2] == "13"
    assert not any("dự báo đến cuối năm" in one for one in sentences(made))
    (chart,) = (one for one in made.blocks if one.kind == "chart")
    assert chart.alt == "Biểu đồ tiến độ qua các năm; hiện nay 13."
    assert ">2031<" in chart.svg, "its year is in the picture"


def test_exactly_half_is_not_over_half(store):
    year = look_up(figures(store), 2026, NOW)
    share = year.indicators[-1]
    point = TargetPoint(year=2030, at_least=0.5, strictly_over=True)
    half, more = (dataclasses.replace(share, value=value, due=point) for value in (0.5, 0.51))
    assert not half.reached and more.reached
    made = compose(PILOT, (dataclasses.replace(year, indicators=(half,)),), "vi")
    row = rows(made.blocks, "Chỉ tiêu")[3]
    assert "Đã đạt" not in row[6] and "đạt" not in row[5].replace("chưa đạt", "")


def test_the_gap_is_that_of_the_numbers_as_they_are_written(store):
    """51,3% is 1,3 points over 50%, although in binary 0.5125 * 100 is less than 51.25."""
    year = look_up(figures(store), 2026, NOW)
    point = TargetPoint(year=2030, at_least=0.5, strictly_over=True)
    share = dataclasses.replace(year.indicators[-1], value=0.5125, due=point)
    made = compose(PILOT, (dataclasses.replace(year, indicators=(share,)),), "vi")
    row = rows(made.blocks, "Chỉ tiêu")[3]
    assert row[2] == "51,3%" and row[5] == "đạt, vượt 1,3 điểm phần trăm"


def test_what_others_harvest_stands_beside_the_sum(tmp_path):
    other = SqliteStore(tmp_path / "store.sqlite")
    where = tags(pilot="dong-thap", indicator="iot_communities")
    other.write([Point("kpi", where, {"value": 0.0}, NOW - DAY_MS)])
    lot = {"quantity": 1234.0, "simulated": False}
    other.write([Point("lot", tags(pilot="dong-thap", community="htx-001", product="p"), lot, NOW - DAY_MS)])
    made = report(other)
    other.close()
    assert rows(made.blocks, "Xã, phường")[-1][5:] == ("0", "0")
    assert any("Ngoài ra có 1 lô, 1.234 kg" in one for one in sentences(made))


def test_days_are_counted_and_not_the_hours_of_a_running_gateway(tmp_path):
    store = SqliteStore(tmp_path / "store.sqlite")
    where = tags(pilot="dong-thap", indicator="iot_communities")
    hours = range(NOW - 3 * DAY_MS, NOW, HOUR_MS)
    store.write([Point("kpi", where, {"value": float(n)}, at) for n, at in enumerate(hours)])
    year = look_up(figures(store), 2026, NOW)
    store.close()
    assert year.counted == 4 and len(year.indicators[0].trend) == 4, "noon to noon is of four days"
    assert year.indicators[0].trend[-1][1] == year.indicators[0].value == 71.0


def test_english_has_the_same_blocks(store):
    vi, en = (report(store, lang=lang) for lang in ("vi", "en"))
    assert [(b.kind, len(b.rows)) for b in vi.blocks] == [(b.kind, len(b.rows)) for b in en.blocks]
    assert len(vi.annexes) == len(en.annexes)
    assert "Against the target" in markdown(en)


def test_a_review_has_a_row_a_year_and_is_called_one(store):
    made = report(store, years=3)
    assert made.subject.startswith("Đánh giá 3 năm (2024–2026)")
    head, *years = rows(made.blocks, "Năm")
    assert [row[0] for row in years] == ["2024", "2025", "2026"]
    assert set(years[0][1:]) == {"chưa có"} and years[2][1] == "2 (lộ trình 8)"
    assert len(head) == len(years[0])
    assert not any(block.rows and block.rows[0][0] == "Năm" for block in report(store).blocks)


def test_a_review_draws_all_its_years(tmp_path):
    store = SqliteStore(tmp_path / "store.sqlite")
    where = tags(pilot="dong-thap", indicator="iot_communities")
    store.write(
        [
            Point("kpi", where, {"value": float(year - 2020)}, midnight_of(date(year, 6, 1), PILOT.zone))
            for year in (2024, 2025, 2026)
        ]
    )

    def drawn(years):
        [chart] = [block for block in report(store, years=years).blocks if block.kind == "chart"]
        assert chart.alt.startswith("Biểu đồ tiến độ qua các năm; hiện nay 6.")
        return [len(part.split('"')[0].split()) for part in chart.svg.split('<polyline points="')[1:]]

    one, three = drawn(1), drawn(3)
    store.close()
    assert one[2] == 1 and three[2] == 3, "after the path and the forecast, what was measured"


def test_which_review_is_due_is_said(tmp_path):
    store, pilot = SqliteStore(tmp_path / "empty.sqlite"), load("quang-ngai")
    in_2026, in_2025 = (markdown(report(store, year, pilot=pilot)) for year in (2026, 2025))
    store.close()
    assert "Năm 2026 đến kỳ đánh giá 3 năm (2024–2026)." in in_2026
    assert "Kỳ đánh giá 5 năm tiếp theo: năm 2030 (2026–2030)." in in_2026
    assert "Năm 2025 đến kỳ đánh giá 5 năm (2021–2025)." in in_2025


def test_what_is_markup_elsewhere_is_text_here(store):
    community = PILOT.communities[0].model_copy(update={"name": "A|B <b> #set *x*"})
    pilot = PILOT.model_copy(update={"communities": (community, *PILOT.communities[1:])})
    assert r"A\|B \<b\> \#set \*x\*" in markdown(report(store, pilot=pilot))


def test_the_command_writes_each_kind_and_refuses_another(tmp_path):
    filled(tmp_path / "store.sqlite").close()
    run = CliRunner()
    for name, years in (("bao-cao.pdf", "1"), ("bao-cao.docx", "1"), ("bao-cao.md", "5")):
        out = tmp_path / name
        given = ("--year", "2026", "--years", years, "--data", str(tmp_path), "--out", str(out))
        done = run.invoke(app, ["report", *given])
        assert done.exit_code == 0, done.output
        assert out.stat().st_size > 3000
    wrong = run.invoke(app, ["report", "--data", str(tmp_path), "--out", "bao-cao.odt"])
    assert isinstance(wrong.exception, ValueError) and ".docx" in str(wrong.exception)
    assert run.invoke(app, ["report", "--data", str(tmp_path), "--years", "0"]).exit_code == 2


def test_the_last_moment_of_a_year_is_of_that_year(tmp_path):
    """The years are Vietnam's: the store's first hours of 2027 in Hanoi are not in the report of 2026."""
    store = filled(tmp_path / "store.sqlite")
    late = midnight_of(date(2027, 1, 1), PILOT.zone)
    where = tags(pilot="dong-thap", indicator="smart_villages")
    store.write([Point("kpi", where, {"value": 9.0}, late)])
    shown = figures(store, now=late + DAY_MS)
    found = {one.id: one.value for one in look_up(shown, 2026, late + DAY_MS).indicators}
    assert found["smart_villages"] == 0
    assert [one.value for one in look_up(shown, 2027, late + DAY_MS).indicators] == [9.0]
    store.close()


def test_blocks_that_are_tables_have_a_share_for_each_column(store):
    made = report(store, years=3)
    parts = (*made.blocks, *(block for annex in made.annexes for block in annex.blocks))
    tables: list[Block] = [block for block in parts if block.kind == "table"]
    assert tables and all(len(one.widths) == len(row) for one in tables for row in one.rows)
