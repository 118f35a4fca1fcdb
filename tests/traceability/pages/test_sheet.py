"""Labels from the browser: the same sheet as of `hoiquan trace label`, and none for a recalled lot."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from devices.contract.diary import Correction, Merge, Split
from devices.pilots.pilot import Pilot
from devices.texts import text
from tests.traceability.conftest import HARVESTED, harvest, recall, sprayed, write
from traceability.digital_link import LotKey
from traceability.pages import label, web
from traceability.records.shelf import Shelf
from traceability.sealing import seal
from traceability.sealing.seal import Sealer


@pytest.fixture
def key(sealer: Sealer, pilot: Pilot) -> LotKey:
    done = write(sealer, pilot.fleet["tam-que-diary-01"], harvest())
    assert done is not None
    return done.key


def client(folder: Path, pilot: Pilot, address: str = "https://example.org") -> TestClient:
    app = FastAPI()
    app.include_router(web.router(folder, pilot, address))
    return TestClient(app, follow_redirects=False)


def test_a_sheet_to_print(key: LotKey, tmp_path: Path, pilot: Pilot) -> None:
    answer = client(tmp_path, pilot).get(f"/labels/{key.gtin}/{key.lot}.pdf")
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert answer.headers["content-disposition"] == f'inline; filename="{key.lot}.pdf"'


def test_a_recalled_lot_leads_to_its_page_which_says_why(
    key: LotKey, sealer: Sealer, tmp_path: Path, pilot: Pilot
) -> None:
    recall(sealer, pilot.fleet["tam-que-diary-01"])
    answer = client(tmp_path, pilot).get(f"/labels/{key.gtin}/{key.lot}.pdf")
    assert answer.status_code == 303 and answer.headers["location"] == key.path


def test_nor_are_there_labels_of_a_record_that_cannot_be_verified(
    key: LotKey, tmp_path: Path, pilot: Pilot
) -> None:
    record = tmp_path / "records" / key.gtin / f"{key.lot}.json"
    record.write_bytes(record.read_bytes().replace(b'"value":850', b'"value":950'))
    answer = client(tmp_path, pilot).get(f"/labels/{key.gtin}/{key.lot}.pdf")
    assert answer.status_code == 303 and answer.headers["location"] == key.path


def test_nor_are_there_labels_of_a_lot_that_should_not_have_been_sealed(
    key: LotKey, sealer: Sealer, tmp_path: Path, pilot: Pilot
) -> None:
    write(sealer, pilot.fleet["tam-que-diary-01"], sprayed(2, 30))
    answer = client(tmp_path, pilot).get(f"/labels/{key.gtin}/{key.lot}.pdf")
    assert answer.status_code == 303 and answer.headers["location"] == key.path
    mend = Correction(event="correction", id="mend", ts=HARVESTED, plot="plot-1", crop="mango", of="input-2",
                      reason="nhầm", changes={"pre_harvest_days": 1.0})  # fmt: skip
    write(sealer, pilot.fleet["tam-que-diary-01"], mend)
    assert client(tmp_path, pilot).get(f"/labels/{key.gtin}/{key.lot}.pdf").status_code == 200


def test_nor_are_there_labels_of_a_lot_that_went_into_others(
    key: LotKey, sealer: Sealer, tmp_path: Path, pilot: Pilot
) -> None:
    device = pilot.fleet["tam-que-diary-01"]
    half = Split(event="split", id="half", ts=HARVESTED, plot="plot-1", crop="mango", harvest="mango-1",
                 parts=(300.0, 200.0))  # fmt: skip
    write(sealer, device, half)
    served = client(tmp_path, pilot)
    assert served.get(f"/labels/{key.gtin}/{key.lot}.pdf").status_code == 200, "350 kg are left of it"
    other = write(sealer, device, harvest(2, plot="plot-2"))
    assert other is not None
    merge = Merge(event="merge", id="one", ts=HARVESTED, plot="plot-1", crop="mango",
                  harvests=("half-1", "mango-2"))  # fmt: skip
    write(sealer, device, merge)
    rest = Split(event="split", id="rest", ts=HARVESTED, plot="plot-1", crop="mango", harvest="mango-1",
                 parts=(150.0, 200.0))  # fmt: skip
    write(sealer, device, rest)
    unfit = {str(row["lot"]): row["unfit"] for row in seal.lots(tmp_path)}
    assert sorted(unfit.values()) == ["", "", "", "", *["passed_on"] * 3]
    assert unfit[key.lot] == unfit[other.key.lot] == "passed_on"
    for lot, why in unfit.items():
        answer = served.get(f"/labels/{key.gtin}/{lot}.pdf")
        assert answer.status_code == (303 if why else 200), "as it is offered"
    served.get(f"/labels/{key.gtin}/{key.lot}.pdf")
    page = TestClient(served.app).get(f"/labels/{key.gtin}/{key.lot}.pdf", headers={"accept": "text/html"})
    assert text("event.split", "vi") in page.text


def test_page_and_label_have_what_was_corrected(
    key: LotKey, sealer: Sealer, tmp_path: Path, pilot: Pilot
) -> None:
    changes: dict[str, str | float] = {"ts": (HARVESTED - timedelta(days=1)).isoformat(), "quantity_kg": 50.0}
    mend = Correction(event="correction", id="mend", ts=HARVESTED, plot="plot-1", crop="mango", of="mango-1",
                      reason="gõ nhầm", changes=changes)  # fmt: skip
    before = client(tmp_path, pilot).get(f"/labels/{key.gtin}/{key.lot}.pdf").content
    write(sealer, pilot.fleet["tam-que-diary-01"], mend)
    shelf = Shelf(tmp_path)
    data = json.loads(seal.read(tmp_path, key) or b"")
    assert label.of(data).harvested == "Thu hoạch 12/11/2026"
    assert label.of(data, shelf.addenda(key)).harvested == "Thu hoạch 11/11/2026"
    assert client(tmp_path, pilot).get(f"/labels/{key.gtin}/{key.lot}.pdf").content != before
    page = TestClient(client(tmp_path, pilot).app).get(key.path, headers={"accept": "text/html"}).text
    assert "<del>850 kg</del> → <ins>50 kg</ins>" in page
    assert "<del>12/11/2026 10:00</del> → <ins>11/11/2026 10:00</ins>" in page
    assert text("page.verified_corrected", "vi", index=0) in page and "answer good" not in page


def test_labels_that_no_phone_can_open_are_marked(key: LotKey, tmp_path: Path, pilot: Pilot) -> None:
    here = client(tmp_path, pilot, "http://localhost:8080").get(f"/labels/{key.gtin}/{key.lot}.pdf").content
    there = client(tmp_path, pilot).get(f"/labels/{key.gtin}/{key.lot}.pdf").content
    assert here.startswith(b"%PDF-") and here != there


@pytest.mark.parametrize(
    ("gtin", "lot", "status"), [("02000000000015", "NONE", 404), ("02000000000016", "A", 400)]
)
def test_of_no_lot_there_is_none(tmp_path: Path, pilot: Pilot, gtin: str, lot: str, status: int) -> None:
    assert client(tmp_path, pilot).get(f"/labels/{gtin}/{lot}.pdf").status_code == status
