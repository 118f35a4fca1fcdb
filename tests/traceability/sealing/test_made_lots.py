"""Splits and merges of corrected lots: their weights, their entries, and the order of events."""

import json
from datetime import datetime
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from dashboards import wording
from devices.pilots.pilot import load
from devices.texts import text
from tests.traceability.conftest import HARVESTED
from tests.traceability.diary.test_standing import Plot, correct, entry, on, pick, plot, spray
from traceability import commands
from traceability.pages import product_page, web
from traceability.sealing import seal

assert plot  # a fixture
PILOT = load("dong-thap")


def made(plot: Plot, id: str) -> tuple[dict[str, float], dict[str, float]]:
    """(inputs, outputs) of the event that made this lot, as EPCIS has it: lot → kilograms."""
    record = json.loads(
        (plot.folder / "records" / plot.key(id).gtin / f"{plot.key(id).lot}.json").read_bytes()
    )
    (event,) = record["epcis"]["epcisBody"]["eventList"]
    inputs, outputs = (
        {one["epcClass"].rpartition("/")[2]: one["quantity"] for one in event[f"{side}QuantityList"]}
        for side in ("input", "output")
    )
    assert {one["lot"]: one["quantity_kg"] for one in record["made_from"]} == inputs
    for one in record["made_from"]:  # the same event is sealed beside each of the lots that it used
        beside = plot.folder / "records" / one["gtin"] / one["lot"] / f"{id.rpartition('-')[0]}.json"
        assert json.loads(beside.read_bytes())["epcis"]["epcisBody"]["eventList"] == [event]
    return inputs, outputs


def test_as_much_goes_into_a_merge_as_comes_out(plot: Plot) -> None:
    plot.write(pick("h", 0, 850), pick("i", 0.1, 300))
    plot.write(correct("c", "h", 1, quantity_kg=85.0))
    plot.write(
        entry("merge", "me", 2, harvests=["h", "i"]), entry("split", "sp", 3, harvest="me-1", parts=[300, 85])
    )
    lots = {id: plot.key(id).lot for id in ("h", "i", "me-1", "sp-1", "sp-2")}
    assert made(plot, "me-1") == ({lots["h"]: 85.0, lots["i"]: 300.0}, {lots["me-1"]: 385.0})


def record_of(plot: Plot, id: str) -> dict[str, Any]:
    key = plot.key(id)
    made: dict[str, Any] = json.loads((plot.folder / "records" / key.gtin / f"{key.lot}.json").read_bytes())
    return made


def test_what_merged_lots_have_in_common_was_done_once(plot: Plot) -> None:
    """A buyer would take one harvest that is listed twice for two."""
    plot.write(spray("s", -6, 3), pick("h", 0, 850), pick("i", 0.1, 300))
    plot.write(entry("split", "sp", 1, harvest="h", parts=[300, 550]))
    plot.write(entry("merge", "me", 2, harvests=["i", "sp-1", "sp-2"]))
    merged = record_of(plot, "me-1")
    assert [row["id"] for row in merged["events"]["rows"]] == ["s", "h", "i", "sp", "me"]
    assert [row["id"] for row in merged["intervals"]["rows"]] == ["s"]


def test_a_lot_of_a_corrected_one_shows_its_entries_as_they_hold(plot: Plot) -> None:
    plot.write(spray("s", -6, 3), pick("h", 1))
    plot.write(correct("c", "h", 1.5, ts=on(0)), correct("d", "s", 1.5, pre_harvest_days=2.0))
    plot.write(entry("split", "sp", 2, harvest="h", parts=[40, 60]))
    key = plot.key("sp-1")
    part = json.loads((plot.folder / "records" / key.gtin / f"{key.lot}.json").read_bytes())
    rows = {row["id"]: row for row in part["events"]["rows"]}
    assert datetime.fromisoformat(rows["h"]["ts"]) == HARVESTED
    assert [
        rows["s"]["pre_harvest_days"],
        *(row["pre_harvest_days"] for row in part["intervals"]["rows"]),
    ] == [2, 2]


@pytest.mark.parametrize(
    "done",
    [
        entry("split", "x", 1, harvest="h", parts=[40, 60]),
        entry("merge", "x", 1, harvests=["h", "i"]),
        entry("revocation", "x", 1, harvest="h", reason="hỏng"),
        entry("shipping", "x", 1, harvest="h", quantity_kg=10, buyer="Chợ"),
    ],
    ids=lambda one: one["event"],
)
def test_no_harvest_is_corrected_to_after_what_was_done_with_its_lot(
    plot: Plot, done: dict[str, Any]
) -> None:
    plot.write(pick("h"), pick("i", 0.1))
    plot.write(done)
    plot.write(correct("c", "h", 4, ts=on(3)), correct("d", "h", 4.5, ts=on(0.9)))
    assert [plot.fate(id) for id in "xcd"] == ["", "after_handling", ""]


def test_a_later_lot_shows_what_was_corrected_beside_an_earlier_one(plot: Plot) -> None:
    """Otherwise its page would show an interval that forbids the harvest, and no correction."""
    plot.write(spray("s", -6, 3), pick("h", 0))
    plot.write(correct("c", "s", 0.5, pre_harvest_days=2.0, dose="3 l"))
    plot.write(pick("i", 1))
    late = record_of(plot, "i")
    (shown,) = (row for row in late["intervals"]["rows"] if row["id"] == "s")
    assert (shown["pre_harvest_days"], shown["dose"], plot.later("i")) == (2, "3 l", [])
    assert record_of(plot, "h")["intervals"]["rows"][0]["pre_harvest_days"] == 3
    plot.write(pick("j", 2), correct("d", "s", 2.5, pre_harvest_days=1.0))
    assert record_of(plot, "j")["intervals"]["rows"][0]["pre_harvest_days"] == 1 and plot.later("j") == []


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_no_list_takes_the_day_of_a_split_for_a_harvest(plot: Plot, lang: str) -> None:
    plot.write(pick("h", 0, 850), entry("split", "sp", 1, harvest="h", parts=[300, 550]))
    plot.write(entry("revocation", "r", 2, harvest="sp-1", reason="dư lượng"))
    day, made = (text(f"page.{name}", lang) for name in ("harvested", "made"))
    reads = [(b"accept-language", lang.encode())]
    asked = Request({"type": "http", "path": "/", "query_string": b"", "headers": reads})
    page = product_page.page(plot.folder, PILOT, asked, plot.key("h").gtin, "").body.decode()
    for id, word in ("h", day), ("sp-1", made), ("sp-2", made):
        assert f"{plot.key(id).lot} · {word} " in page
    assert f"· {text('lots.simulated', lang)}" not in page
    rows = {row["lot"]: row for row in seal.lots(plot.folder)}
    assert [rows[plot.key(id).lot]["made"] for id in ("h", "sp-1", "sp-2")] == [False, True, True]
    for id, word in ("h", "harvested"), ("sp-1", "made"), ("sp-2", "made"):
        came = wording.lot_of(rows[plot.key(id).lot], PILOT, lang)["came"]
        assert came.startswith(text(f"overview.{word}", lang, day="")), "on the overview and the place's page"
    fates = [commands._fate(rows[plot.key(id).lot], lang) for id in ("h", "sp-1")]
    assert fates[0].isdecimal() and text("page.product_recalled", lang) in fates[1]
    times = [commands._time(rows[plot.key(id).lot], PILOT.zone, lang) for id in ("h", "sp-1")]
    assert "(" not in times[0] and times[1].endswith(")")


def test_the_page_of_a_lot_warns_of_recalled_lots_that_got_its_goods(plot: Plot) -> None:
    plot.write(pick("h", 0, 850), pick("i", 0.1, 300), pick("o", 0.2))
    plot.write(entry("merge", "me", 1, harvests=["h", "i"]))
    plot.write(entry("split", "sp", 2, harvest="me-1", parts=[100, 200]))
    app = FastAPI()
    app.include_router(web.router(plot.folder, PILOT, "https://example.org"))
    with TestClient(app, headers={"accept": "text/html"}) as client:

        def warned(id: str) -> bool:
            page = client.get(plot.key(id).path)
            warning = text("page.parts_recalled", "vi") in page.text
            assert page.status_code == 200 and warning != ('class="answer good"' in page.text)
            return warning

        assert not warned("h") and not warned("me-1")
        plot.write(entry("revocation", "r", 3, harvest="sp-2", reason="dư lượng thuốc"))
        assert warned("h") and warned("i") and warned("me-1"), "its goods may bear the code of any of them"
        assert not warned("o") and not warned("sp-1")
        page = client.get(plot.key("me-1").path).text
        recalled = f' <b class="wrong">{text("page.product_recalled", "vi")}</b>'
        assert page.count(recalled) == 1 and f"200 kg{recalled}" in page
        assert client.get(plot.key("sp-2").path).status_code == 410
