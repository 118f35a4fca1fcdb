"""Corrected days raise no doubt when a record is checked offline."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from devices.texts import text
from tests import browser
from tests.traceability.conftest import HARVESTED, harvest
from tests.traceability.records.test_verify_story import Farm, answer, farm, page, verify
from traceability.digital_link import LotKey
from traceability.records import story
from traceability.records.shelf import Shelf

assert farm and page  # fixtures


def test_days_are_those_that_were_corrected(farm: Farm, page: browser.Page) -> None:
    """A harvest was entered a day late, corrected, and packed on the true day."""
    farm.device = replace(farm.device, simulated=False)  # of a rehearsal no day is doubted
    key = farm.harvest(1, days=1)
    right = {"ts": HARVESTED.isoformat()}
    farm.write("correction", "mend", 30, of="mango-1", reason="gõ nhầm", changes=right)
    farm.write("packing", "pack-1", 3, quantity_kg=85, packages=10, harvest="mango-1")
    farm.write("split", "parts", 4, harvest="mango-1", parts=[40, 60])
    farm.write("packing", "pack-2", 5, quantity_kg=4, packages=1, harvest="parts-1")
    part = next(LotKey(key.gtin, one["lot"]) for one in farm.later(key) if one["quantity_kg"] == 40)
    for lot, name in ((key, "whole"), (part, "part")):
        record = farm.export(lot, name)
        code, out, err = verify(record)
        assert (code, err) == (0, []) and out[0].startswith("verified")
        look, said = answer(page, farm.folder, sorted(record.parent.iterdir()))
        assert look != "bad" and "✗" not in said
    record = farm.export(key)
    for path in record.parent.glob(f"{key.lot}.mend.*"):
        path.unlink()  # without the correction the checker cannot know
    doubt = text("verify.doubt_order", "en", event="Packing", day="12 Nov 2026")
    assert doubt in verify(record)[2]
    look, said = answer(page, farm.folder, sorted(record.parent.iterdir()))
    assert look == "bad" and f"✗ {doubt}" in said


def earlier(record: bytes, rows: dict[str, Any]) -> dict[str, Any]:
    """A merged or split record as an earlier version sealed it: with the entries uncorrected."""
    content = json.loads(record)
    content["events"]["rows"] = [rows.get(row["id"], row) for row in content["events"]["rows"]]
    return content


@pytest.mark.parametrize("days", [2, -2], ids=["typed too late", "typed too early"])
def test_a_merged_lot_of_corrected_days_is_not_doubted(farm: Farm, page: browser.Page, days: int) -> None:
    """One of its harvests was corrected before the merge, the other after it."""
    farm.device = replace(farm.device, simulated=False)
    keys = farm.harvest(1, days=days), farm.harvest(2, 400.0)
    farm.write(
        "correction", "mend", 60, of="mango-1", reason="gõ nhầm", changes={"ts": HARVESTED.isoformat()}
    )
    farm.write("merge", "all", 2, harvests=["mango-1", "mango-2"])
    farm.write("packing", "pack-1", 3, quantity_kg=85, packages=10, harvest="all-1")
    farm.write("correction", "mend-2", 61, of="mango-2", reason="cân lại", changes={"quantity_kg": 401})
    (merged,) = (LotKey(keys[0].gtin, one["lot"]) for one in farm.later(keys[0]))
    record = farm.export(merged)
    code, out, err = verify(record)
    assert (code, err) == (0, []) and out[0].startswith("verified")
    look, said = answer(page, farm.folder, sorted(record.parent.iterdir()))
    assert look == "note" and "✗" not in said
    before = earlier(
        record.read_bytes(), {"mango-1": json.loads(harvest(1, HARVESTED + timedelta(2)).model_dump_json())}
    )
    later = Shelf(farm.folder / "trace").addenda(merged)
    assert story.harvested(before, later) == HARVESTED
    at = page.run(f"harvested({json.dumps(before)}, {json.dumps(later)})")
    assert datetime.fromisoformat(at) == HARVESTED
