"""A report and the overview of the same moment agree: how a target stands, what is due next."""

import dataclasses
from contextlib import nullcontext
from datetime import UTC, date, datetime

import pytest
import typer
from typer.testing import CliRunner

from dashboards import wording
from dashboards.commands import report_command
from dashboards.report.compose import compose
from dashboards.report.plain import markdown
from dashboards.report.yearly import look_up
from devices.clock import HOUR_MS, epoch_ms, midnight_of
from devices.texts import text
from gateway.indicators.count import Count, Evaluation, points
from gateway.indicators.standing import standing
from gateway.stores.points import Point, tags
from tests.dashboards.report.filled import NOW, PILOT, PLAYED, figures, filled, report, rows


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = filled(tmp_path_factory.mktemp("report") / "store.sqlite")
    yield made
    made.close()


@pytest.mark.parametrize(("value", "pace"), [(9.0, "ahead"), (8.0, "on_course"), (7.0, "behind")])
def test_the_assessment_is_the_overviews(store, value, pace):
    """8.3 are due by now, as a whole number 8."""
    year = look_up(figures(store), 2026, NOW)
    one = dataclasses.replace(year.indicators[0], value=value)
    made = compose(PILOT, (dataclasses.replace(year, indicators=(one,)),), "vi")
    said = text(f"report.assessment_{pace}", "vi", path="8")
    assert rows(made.blocks, "Chỉ tiêu")[1][6] == said
    assert text(f"overview.{pace}", "vi").lower() in said.lower()
    assert text(f"overview.{pace}", "vi") in wording.course(one, "vi")


def test_a_target_with_two_ends_is_no_least_one(store):
    assert rows(report(store, 2025).blocks, "Chỉ tiêu")[3][1] == "15–20% (đến năm 2025)"
    assert rows(report(store, 2025, "en").blocks, "Indicator")[3][1] == "15–20% (by 2025)"


def test_what_a_commune_was_is_one_old_commune_beside_another(store):
    """Each name has a comma before its district, so a semicolon stands between two names."""
    said = [annex.blocks[0].text for annex in report(store).annexes]
    assert "Trước ngày 01/07/2025: xã Mỹ Thọ, huyện Cao Lãnh; xã Mỹ Xương, huyện Cao Lãnh." in said


@pytest.mark.parametrize(
    ("moment", "due"),
    [
        (datetime(2026, 11, 29, 16, 59, 59, tzinfo=UTC), "ngày mai, 30/11/2026"),
        (datetime(2026, 11, 29, 17, tzinfo=UTC), "Hôm nay, 30/11/2026, là hạn báo cáo"),
        (datetime(2026, 12, 15, 3, tzinfo=UTC), "Hôm nay, 15/12/2026, là hạn báo cáo"),
        (datetime(2027, 1, 5, 3, tzinfo=UTC), "Tính đến ngày 31/12/2026. Báo cáo tiếp theo: ngày 30/11/2027"),
    ],
)
def test_what_is_due_next_is_due_from_the_day_on_which_the_report_is_made(store, moment, due):
    """Not from the day of the last count, which may be weeks ago; the overview does the same."""
    assert due in markdown(report(store, now=epoch_ms(moment)))


@pytest.mark.parametrize(
    ("moment", "year"),
    [(datetime(2026, 12, 31, 16, 59, tzinfo=UTC), 2026), (datetime(2026, 12, 31, 17, tzinfo=UTC), 2027)],
)
def test_the_commands_year_is_that_of_the_province(store, tmp_path, moment, year):
    """As at /report.pdf: in Hanoi a year begins seven hours earlier than in UTC."""
    app = typer.Typer()
    app.command()(report_command(lambda _: nullcontext(figures(store, now=epoch_ms(moment)))))
    (tmp_path / "store.sqlite").touch()  # the command asks for a folder with a store in it
    out = tmp_path / "report.md"
    made = CliRunner().invoke(app, ["--lang", "en", "--data", str(tmp_path), "--out", str(out)])
    assert made.exit_code == 0, made.output
    assert f"in {year}" in out.read_text("utf-8").partition("## ")[0]


def test_the_count_of_the_very_moment_is_in_the_report(tmp_path):
    """A rehearsal is shown at its last moment, which is also the moment of its last count."""
    store = filled(tmp_path / "store.sqlite")
    last = midnight_of(date(2027, 1, 1), PILOT.zone) - 1
    kpi = {"value": 5.0, "target": 14.0, "gap": -9.0, "value_real": 0.0, "value_simulated": 5.0, "path": 8.4}
    store.write([Point("kpi", tags(pilot="dong-thap", indicator="iot_communities"), kpi, last)])
    made = report(store, now=last, played=PLAYED)
    store.close()
    assert rows(made.blocks, "Chỉ tiêu")[1][2] == "5"
    assert "Tính đến 31/12/2026 23:59" in markdown(made)


def test_who_counts_is_whom_the_stored_number_counted(tmp_path):
    """Counted again, the number and the places beside it could differ, as devices have been revoked since;
    and among 14,000 devices that took twenty seconds.
    """
    store = filled(tmp_path / "store.sqlite")
    last = midnight_of(date(2026, 11, 30), PILOT.zone) + 17 * HOUR_MS
    members = "thuan-tan", "canh-tan", "tam-que"
    counts = (
        Count("iot_communities", 3, 3, 0, 14, members, (("my-dien", "1/3"),)),
        Count("smart_villages", 1, 1, 0, 14, ("lang-an-nhon",), (("lang-my-tho", "water"),)),
    )
    evaluation = Evaluation(last, counts, {})
    store.write(points(PILOT, evaluation))
    store.write(standing(PILOT, evaluation, midnight_of(date(2026, 11, 30), PILOT.zone)))
    made = report(store, now=last + HOUR_MS)
    store.close()
    assert [row[2] for row in rows(made.blocks, "Chỉ tiêu")[1:3]] == ["3", "1"]
    assert rows(made.blocks, "Xã, phường")[-1][2] == "4"
    said = markdown(made)
    assert "mới có 1/3 thiết bị đủ độ phủ" in said and "thiếu số liệu: Quan trắc nước" in said
