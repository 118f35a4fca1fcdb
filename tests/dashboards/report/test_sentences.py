"""The report's sentences: who is named in which order, and what is said where nothing was measured."""

import re

import pytest

from dashboards.report.plain import markdown
from dashboards.report.words import listed
from devices.clock import DAY_MS
from devices.pilots.pilot import load
from gateway.stores.points import Point, tags
from gateway.stores.sqlite import SqliteStore
from tests.dashboards.report.filled import NOW, PILOT, report


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


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize("years", [1, 3])
def test_the_opening_is_one_sentence_before_one_colon(store, years, lang):
    opening = report(store, lang=lang, years=years).opening
    assert opening.count(":") == 1 and opening.endswith(":")
    assert lang == "vi" or "reports as follows on progress on smart villages" in opening


def test_one_is_no_plural(store):
    """A count stands behind its noun, so that the sentence is right of one, too."""
    probe = PILOT.fleet["tam-que-soil-probe-01"]
    where = tags(pilot="dong-thap", community="tam-que", device=probe.device)
    store.write([Point("device", where, {"coverage": 0.9}, NOW - DAY_MS)])
    store.write([Point("doubted", tags(pilot="dong-thap", reason="spike"), {"doubts": 1}, NOW - DAY_MS)])
    for place in ("tam-que", "htx-001"):
        for simulated in (False, True):
            lot = {"quantity": 7.0, "coverage": 0.9, "verified": True, "simulated": simulated}
            of = tags(pilot="dong-thap", community=place, product=f"p{simulated}")
            store.write([Point("lot", of, lot, NOW - DAY_MS)] if place == "htx-001" or simulated else [])
    made = report(store, lang="en")
    said = " ".join(block.text for block in made.blocks if block.kind == "text")
    assert "Devices that reported: 1, 1 of them simulated; their mean coverage: 90%." in said
    assert "Doubted values, kept apart and not used: 1." in said
    assert "(invented for the rehearsal): 1, 7 kg" in said and "simulated ones: 2, 14 kg" in said
    assert not re.search(r"\b1 (lots|devices|values|places|days|groups|kilograms)\b", said)


@pytest.mark.parametrize("name", ["dong-thap", "binh-duong", "quang-ngai", "quang-tri"])
def test_a_target_that_no_plan_names_is_called_an_assumption(store, name):
    """Only Đồng Tháp's plan names numbers; who hands in a report must not claim others as the plan's."""
    made = markdown(report(store, pilot=load(name)))
    whole, part = made.count("Mục tiêu là giả định"), made.count("Mục tiêu có phần là giả định")
    assert (whole, part) == {"dong-thap": (0, 0), "binh-duong": (2, 1)}.get(name, (3, 0))


def test_where_no_device_reported_there_is_no_mean_coverage(store):
    (said,) = (block.text for block in report(store).blocks if "Chỉ tiêu được tính trong" in block.text)
    assert "Không thiết bị nào gửi số liệu." in said and "0%" not in said
