"""When reports are due, which review falls into a year, and that a province names who reports and why."""

from datetime import date

import pytest
import yaml
from typer.testing import CliRunner

from dashboards import wording
from devices.pilots.pilot import HERE, load
from devices.pilots.reporting import ReportDay, ReportForm, Review, upcoming
from hoiquan import app

DAYS = load("dong-thap").reports


@pytest.mark.parametrize(
    ("today", "due"),
    [
        (date(2026, 11, 28), [(date(2026, 11, 30), 2), (date(2026, 12, 15), 17)]),
        (date(2026, 11, 30), [(date(2026, 11, 30), 0), (date(2026, 12, 15), 15)]),
        (date(2026, 12, 1), [(date(2026, 12, 15), 14), (date(2027, 11, 30), 364)]),
        (
            date(2027, 12, 31),
            [(date(2028, 11, 30), 335), (date(2028, 12, 15), 350)],
        ),  # 2028 has a 29 February
    ],
)
def test_the_next_of_each_day_the_nearest_first(today, due):
    assert [(one.day, one.days) for one in upcoming(DAYS, today)] == due


@pytest.mark.parametrize(
    ("today", "vi", "en"),
    [
        (
            date(2026, 11, 20),
            "ngày 30/11/2026, còn 10 ngày, gửi Sở",
            "in 10 days, to the Department of Science",
        ),
        (date(2026, 11, 29), "ngày mai, 30/11/2026, gửi Sở", "tomorrow"),
        (date(2026, 11, 30), "Hôm nay, 30/11/2026, là hạn báo cáo, gửi Sở", "due today"),
    ],
)
def test_the_countdown_in_words(today, vi, en):
    pilot = load("dong-thap")
    assert vi in wording.next_report(pilot, today, "vi") and en in wording.next_report(pilot, today, "en")


def test_days_and_addressees_are_those_of_the_plans():
    """Plan 93, III.2: on 15 December to the Party Committee and the People's Committee. The plan of Decision
    1338, III.5: before 10 December, so who hands in on the 10th is late.
    """
    dong_thap, binh_duong = load("dong-thap"), load("binh-duong")
    assert [(one.day, one.to.vi) for one in dong_thap.reports] == [
        ("11-30", "Sở Khoa học và Công nghệ"), ("12-15", "Tỉnh ủy, Ủy ban nhân dân Tỉnh"),
    ]  # fmt: skip
    assert [one.vi.split()[0] for one in dong_thap.report_form.to] == ["Tỉnh", "Ủy"]
    assert "Hôm nay, 09/12/2026, là hạn" in wording.next_report(binh_duong, date(2026, 12, 9), "vi")


def test_a_pilot_without_days_says_nothing():
    pilot = load("dong-thap").model_copy(update={"reports": ()})
    assert (
        wording.next_report(pilot, date(2026, 1, 1), "vi") == "" and wording.reviews(pilot, 2026, "vi") == []
    )


def test_reviews_fall_where_their_period_ends():
    three, five = (Review(years=years, since=2021, source="x") for years in (3, 5))
    assert [year for year in range(2019, 2032) if three.due(year)] == [2023, 2026, 2029]
    assert [year for year in range(2019, 2032) if five.due(year)] == [2025, 2030]
    assert [(one.years, one.since) for one in load("quang-ngai").reviews] == [(3, 2021), (5, 2021)]


@pytest.mark.parametrize("day", ["11-31", "02-29", "13-01", "00-10"])
def test_a_day_that_is_none_is_refused(day):
    with pytest.raises(ValueError, match="no day of every year"):
        ReportDay(day=day, to={"vi": "a", "en": "a"}, source="x")


@pytest.mark.parametrize("name", sorted(path.stem for path in HERE.glob("*.yaml")))
def test_each_province_says_who_reports_and_why(name):
    form = load(name).report_form
    assert form.symbol == "BC-SKHCN" and form.basis and form.to and form.source and form.assumption


@pytest.mark.parametrize(
    ("spoil", "vi"),
    [
        (lambda content: content.pop("report_form"), "báo cáo cần biết cơ quan chủ quản"),
        (lambda content: content["report_form"].pop("office"), "hãy ghi tên cơ quan lập báo cáo"),
        (lambda content: content["report_form"].pop("basis"), "ít nhất một văn bản là căn cứ"),
        (lambda content: content["report_form"].update(basis=[]), "report_form.basis"),
        (lambda content: content["report_form"]["basis"][0].update(since=2026, until=2022), "2026 đến 2022"),
        (lambda content: content["report_form"]["basis"][0].update(until=22), "report_form.basis.0.until"),
        (lambda content: content["report_form"].update(symbol="bc skhcn"), "report_form.symbol"),
        (lambda content: [content["report_form"].pop(key) for key in ("source", "assumption")], "assumption"),
    ],
)
def test_the_check_refuses_a_province_without_them(spoil, vi, tmp_path):
    content = yaml.safe_load((HERE / "quang-tri.yaml").read_text("utf-8"))
    spoil(content)
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    error = CliRunner().invoke(app, ["pilot", "check", str(path)]).exception
    assert vi in error.sentence("vi") and "report_form" in error.sentence("en")


def test_a_form_signs_once_and_files_with_the_clerks():
    plain = ReportForm(
        above={"vi": "a", "en": "a"}, office={"vi": "b", "en": "b"}, symbol="BC-SKHCN",
        place={"vi": "c", "en": "c"}, to=[{"vi": "d", "en": "d"}], basis=[{"vi": "e", "en": "e"}], source="x",
    )  # fmt: skip
    assert [one.vi for one in plain.signatures] == ["GIÁM ĐỐC"] and plain.filed == "VT"
