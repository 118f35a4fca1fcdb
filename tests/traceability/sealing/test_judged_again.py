"""A refused harvest becomes a lot once its error is corrected, with all later entries about it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from devices.clock import epoch_ms
from devices.contract.diary import decode_diary
from devices.pilots.pilot import Pilot
from tests.traceability.conftest import HARVESTED
from tests.traceability.diary.test_standing import WHO, Plot, correct, entry, on, pack, pick, plot, spray
from traceability.pages import web
from traceability.records import story
from traceability.sealing import seal

assert plot  # a fixture


@pytest.mark.parametrize("together", [True, False])
def test_a_mistyped_weight_that_was_corrected_is_no_reason_any_more(plot: Plot, together: bool) -> None:
    given = [
        pick("h", 0, 85_000),
        pack("p", 1, 800),
        correct("c", "h", 2, quantity_kg=850.0),
        pack("q", 3, 60),
    ]
    for batch in [given] if together else [[one] for one in given]:
        plot.write(*batch)
    assert [plot.fate(id) for id in "hpcq"] == ["", "", "", "more_than_lot"]
    later = plot.later("h")
    assert sorted(one["event"]["id"] for one in later) == ["c", "p"]
    (mended,) = (one["correction"] for one in later if one["correction"] is not None)
    assert (mended["before"]["quantity_kg"], mended["after"]["quantity_kg"]) == (85_000, 850)
    assert plot.breaks("h") == "" and story.kilograms({"made_from": []}, later) == 850
    (listed,) = seal.lots(plot.folder)
    assert (listed["quantity_kg"], listed["refused"]) == (850.0, "")
    assert plot.found["h"].quantity_kg == 850.0 and plot.found["h"].leaf is not None


def test_a_mistyped_interval_that_was_corrected_forbids_nothing_any_more(plot: Plot) -> None:
    plot.write(spray("s", -3, 30), pick("h"), pick("i", 1))
    plot.write(spray("t", -3, 30, plot="plot-2"), pick("j", 0, plot="plot-2"))
    assert [plot.fate(id) for id in "hij"] == ["pre_harvest_interval"] * 3
    plot.write(correct("c", "s", 2, pre_harvest_days=3.5))
    assert plot.fate("h") == "pre_harvest_interval" and plot.fate("c") == "bad_correction"
    plot.write(correct("d", "s", 2, pre_harvest_days=3.0))
    assert [plot.fate(id) for id in "hij"] == ["", "", "pre_harvest_interval"]
    assert [one["event"]["id"] for one in plot.later("h")] == ["d"] and plot.breaks("h") == ""


def test_the_day_of_a_harvest_may_have_been_wrong(plot: Plot) -> None:
    plot.write(spray("s", -3, 4), pick("h", 0.5))
    plot.write(correct("c", "h", 3, ts=on(1.5)), pack("p", 1, 10), pack("q", 2, 10))
    assert [plot.fate(id) for id in "hcpq"] == ["", "", "before_harvest", ""]


@pytest.mark.parametrize(
    "ts",
    [
        "0001-01-01T00:00:00+07:00",
        "1970-01-01T00:00:00Z",
        f"{datetime.now(UTC).year + 5}-01-01T07:00:00+07:00",
        "9999-12-31T23:59:59Z",
    ],
)
def test_a_day_that_cannot_be_is_none_any_more_once_it_was_corrected(
    plot: Plot, pilot: Pilot, ts: str
) -> None:
    """An entry of a phone whose clock was wrong, kept by an earlier version."""
    plot.write(spray("s", -2, 1), pick("h") | {"ts": ts})
    assert plot.fate("h") == "bad_date"
    plot.write(correct("c", "h", 0.2, quantity_kg=90.0))
    assert plot.fate("h") == "bad_date"
    plot.write(correct("d", "h", 0.3, ts=on(0)), pack("p", 1, 10))
    assert [plot.fate(id) for id in "hcdp"] == ["", "", "", ""]
    (listed,) = seal.lots(plot.folder)
    assert (listed["time"], listed["quantity_kg"]) == (epoch_ms(HARVESTED), 90.0)
    sealed = json.loads(seal.read(plot.folder, plot.key("h")) or b"")
    assert datetime.fromisoformat(sealed["times"]["harvested"]) == HARVESTED
    assert [row["id"] for row in sealed["events"]["rows"]] == ["s", "h"], "as of the day that holds"
    assert [row["id"] for row in sealed["intervals"]["rows"]] == ["s"]
    assert story.doubts(sealed, plot.later("h"), HARVESTED.date(), "vi") == []
    app = FastAPI()
    app.include_router(web.router(plot.folder, pilot, "https://example.org"))
    page = TestClient(app).get(f"{plot.key('h').path}/record.html").text
    assert f"<del>{ts[8:10]}/{ts[5:7]}/{ts[:4]} " in page


@pytest.mark.parametrize("judged", [False, True])
@pytest.mark.parametrize(
    ("wrong", "mend"),
    [
        ([pick("h", 0, 85_000)], correct("c", "h", 2, quantity_kg=850.0)),
        ([spray("s", -3, 30), pick("h")], correct("c", "s", 2, pre_harvest_days=3.0)),
    ],
    ids=["harvest", "input"],
)
def test_a_correction_that_comes_while_its_harvest_is_judged_or_shown_is_heard(
    plot: Plot,
    wrong: list[dict[str, Any]],
    mend: dict[str, Any],
    judged: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def come() -> None:
        assert plot.sealer.keep([(WHO, decode_diary(json.dumps(mend).encode()))]) == []

    def noted(*given: Any) -> None:
        come()
        note(*given)

    tables = plot.sealer._tables
    note = tables.note_harvests
    assert plot.sealer.keep([(WHO, decode_diary(json.dumps(one).encode())) for one in wrong]) == []
    if not judged:
        monkeypatch.setattr(tables, "note_harvests", noted)
    found = plot.sealer.seal_pending()
    monkeypatch.undo()
    if judged:
        come()
    plot.sealer.note_published(found)
    for _ in range(2):
        plot.write()
    assert [plot.fate(id) for id in "hc"] == ["", ""]


def test_a_merge_of_two_plots_waits_for_the_one_that_was_refused(plot: Plot) -> None:
    plot.write(pick("h"), pick("i", 0, 85_000, plot="plot-2"), entry("merge", "m", 1, harvests=["h", "i"]))
    assert [plot.fate(id) for id in "im"] == ["yield_cap", "lot_refused"]
    plot.write(correct("c", "i", 2, quantity_kg=850.0) | {"plot": "plot-2"})
    assert [plot.fate(id) for id in "imc"] == ["", "", ""]


@pytest.mark.parametrize(
    "mend",
    [
        correct("c", "h", 2, by="Tổ trưởng"),
        correct("c", "h", 2, quantity_kg=84_000.0),
        correct("c", "h", 2, quantity_kg=-1.0),
        correct("c", "i", 2, quantity_kg=1.0),
    ],
    ids=["another field", "still too much", "no correction", "of another harvest"],
)  # fmt: skip
def test_what_mends_nothing_lifts_nothing(plot: Plot, mend: dict[str, Any]) -> None:
    """Nor does room that another harvest makes under the cap: the refused one may have been written twice."""
    plot.write(pick("i", -1, 1_000), pick("h", 0, 85_000))
    plot.write(mend)
    assert plot.fate("h") == "yield_cap"
    plot.write(entry("irrigation", "w", 3, minutes=3))
    assert plot.fate("h") == "yield_cap"
