"""Lots of real and simulated diaries in a report: which are in tables, which only in a sentence below."""

import pytest

from devices.clock import DAY_MS
from gateway.stores.points import Point, tags
from tests.dashboards.report.filled import NOW, PLAYED, filled, report, rows


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
    if years > 1:
        assert [row[4:6] for row in rows(made.blocks, "Năm")[1:]] == [
            ("chưa có", "chưa có"), ("chưa có", "chưa có"), ("2", "2.000"),
        ]  # fmt: skip


def test_of_a_rehearsal_all_lots_are_in_the_tables(tried):
    made = report(tried, played=PLAYED)
    assert rows(made.blocks, "Xã, phường")[-1][5:] == ("3", "2.700")
    assert not any("nhật ký mô phỏng" in one for one in sentences(made))
