"""The report's sentences: who is named in which order, and what is said where nothing was measured."""

import pytest

from dashboards.report.words import listed
from devices.clock import DAY_MS
from gateway.stores.points import Point, tags
from gateway.stores.sqlite import SqliteStore
from tests.dashboards.report.filled import NOW, report


@pytest.fixture
def store(tmp_path):
    """A year with a count, in which no device reported."""
    made = SqliteStore(tmp_path / "store.sqlite")
    where = tags(pilot="dong-thap", indicator="iot_communities")
    made.write([Point("kpi", where, {"value": 0.0}, NOW - DAY_MS)])
    yield made
    made.close()


def test_the_closing_names_all_whom_the_report_is_submitted_to(store):
    said = "Tỉnh ủy Đồng Tháp, Ủy ban nhân dân tỉnh Đồng Tháp xem xét, chỉ đạo./."
    assert report(store).closing.endswith(said)
    to = "to the Party Committee of Đồng Tháp Province and the People's Committee of Đồng Tháp Province for"
    assert to in report(store, lang="en").closing


@pytest.mark.parametrize(
    ("names", "lang", "key", "said"),
    [
        ("A", "en", "closing", "A"),
        ("ABC", "en", "closing", "A, the B and the C"),
        ("ABC", "vi", "closing", "A, B, C"),
        ("AB", "en", "sum", "A and B"),
        ("ABC", "vi", "sum", "A, B và C"),
    ],
)
def test_names_are_joined_as_people_write_them(names, lang, key, said):
    assert listed(names, lang, key) == said


def test_where_no_device_reported_there_is_no_mean_coverage(store):
    (said,) = (block.text for block in report(store).blocks if "Chỉ tiêu được tính trong" in block.text)
    assert "Không thiết bị nào gửi số liệu." in said and "0%" not in said
