"""Lots of real and simulated diaries in a report: which are in tables, which only in a sentence below."""

from dataclasses import replace

import pytest

from dashboards.report.compose import compose
from dashboards.report.yearly import look_back
from devices.clock import DAY_MS
from gateway.stores.points import Point, tags
from tests.dashboards.report.filled import NOW, PILOT, PLAYED, figures, filled, report, rows


def sentences(made):
    return [block.text for block in made.blocks if block.kind == "text"]


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """The filled store, with a lot of a simulated diary."""
    made = filled(tmp_path_factory.mktemp("tried") / "store.sqlite")
    lot = {"quantity": 700.0, "coverage": 0.9, "verified": True, "simulated": True}
    made.write([Point("lot", tags(pilot="dong-thap", community="thuan-tan", product="p"), lot, NOW - DAY_MS)])
    yield made
    made.close()


@pytest.mark.parametrize("years", [1, 3])
def test_lots_of_simulated_diaries_are_in_no_table_but_told_of(tried, years):
    made = report(tried, years=years)
    assert rows(made.blocks, "Xã, phường")[-1][5:] == ("2", "2.000")
    told = [one for one in sentences(made) if "1 lô, 700 kg từ nhật ký mô phỏng" in one]
    assert len(told) == (1 if years == 1 else 2), "below each table that has lots"
    assert any("gồm cả 8 thiết bị mô phỏng" in one for one in sentences(made))
    assert any("8 thiết bị gửi số liệu, trong đó 8 là mô phỏng, độ phủ" in one for one in sentences(made))
    assert ("Các cột chỉ tiêu và độ phủ gồm cả thiết bị, nhật ký mô phỏng." in sentences(made)) is (years > 1)
    if years > 1:
        assert [row[4:6] for row in rows(made.blocks, "Năm")[1:]] == [
            ("chưa có", "chưa có"), ("chưa có", "chưa có"), ("2", "2.000"),
        ]  # fmt: skip


@pytest.mark.parametrize("years", [1, 2])
def test_the_mean_of_equal_coverages_is_theirs(tried, years):
    """Summed as floats, 18 times 0.995 is less than 17.91: 99% below rows of 100%."""
    shown = figures(tried)
    covered = dict.fromkeys(PILOT.place, 0.995)
    past = [replace(one, coverage=covered) for one in look_back(shown, 2026, years, NOW)]
    made = compose(PILOT, tuple(past), "vi")
    _, *table = rows(made.blocks, "Xã, phường")
    assert len(table) > 9 and {row[4] for row in table} == {"100%"}
    assert any("độ phủ trung bình 100%" in one for one in sentences(made))
    assert years == 1 or rows(made.blocks, "Năm")[-1][-1] == "100%"


def test_of_a_rehearsal_all_lots_are_in_the_tables(tried):
    made = report(tried, played=PLAYED)
    assert rows(made.blocks, "Xã, phường")[-1][5:] == ("3", "2.700")
    assert not any("nhật ký mô phỏng" in one for one in sentences(made))


def test_of_the_devices_it_is_said_how_many_are_simulated_where_no_diary_is(tried):
    """Of the eight that report, five are real here; no harvest of theirs is simulated."""
    real = [
        replace(one, simulated=False) if one.community != "tam-que" else one for one in PILOT.fleet.values()
    ]
    told = sentences(report(tried, roster=lambda: real))
    assert any("gồm cả 3 thiết bị mô phỏng" in one for one in told)
    assert any("8 thiết bị gửi số liệu, trong đó 3 là mô phỏng" in one for one in told)
    none = sentences(report(tried, roster=list))
    assert not any("thiết bị mô phỏng" in one or "là mô phỏng" in one for one in none)
