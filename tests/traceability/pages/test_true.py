"""What a lot's pages say is true, also where the record was changed, damaged or corrected."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboards.pages import trouble
from devices.contract.diary import Correction
from devices.pilots.pilot import Pilot
from devices.texts import text
from tests.traceability.conftest import HARVESTED, harvest, sprayed, write
from traceability.digital_link import LotKey
from traceability.sealing.seal import Sealer


@pytest.fixture
def lot(sealer: Sealer, pilot: Pilot) -> LotKey:
    device = pilot.fleet["tam-que-diary-01"]
    sealer.keep([(device, sprayed(6, 3))])
    done = write(sealer, device, harvest())
    assert done is not None
    return done.key


@pytest.fixture
def record(tmp_path: Path, lot: LotKey) -> Path:
    return tmp_path / "records" / lot.gtin / f"{lot.lot}.json"


def test_a_changed_record_has_no_proof_and_nobody_calls_its_label_false(
    client: TestClient, lot: LotKey, record: Path
) -> None:
    record.write_bytes(record.read_bytes().replace(b'"value":850', b'"value":950'))
    answer = client.get(f"{lot.path}/proof")
    assert answer.status_code == 404
    assert text("page.no_proof", "vi") in answer.text and text("page.unknown_lot", "vi") not in answer.text
    assert text("page.unknown_lot", "vi") in client.get("/01/02000000000039/10/NONE/proof").text


@pytest.mark.parametrize("damaged", ["record", "checkpoint"])
@pytest.mark.parametrize("lang", ["vi", "en"])
def test_a_damaged_file_is_told_in_the_readers_language(
    app: FastAPI, tmp_path: Path, lot: LotKey, record: Path, damaged: str, lang: str
) -> None:
    file = record if damaged == "record" else tmp_path / "log" / "checkpoint"
    file.write_bytes(file.read_bytes()[:60])
    trouble.add_handlers(app)
    with TestClient(app, raise_server_exceptions=False) as client:
        path = f"{lot.path}/{'record.html' if damaged == 'record' else 'proof'}"
        answer = client.get(path, headers={"Accept-Language": lang})
    assert answer.status_code == 500
    assert text("trouble.broken", lang) in answer.text and str(tmp_path) not in answer.text


def test_an_interval_that_was_corrected_is_marked_where_it_stands(
    client: TestClient, sealer: Sealer, pilot: Pilot, lot: LotKey
) -> None:
    mend = Correction(event="correction", id="mend", ts=HARVESTED, plot="plot-1", crop="mango",
                      of="input-6", reason="nhầm", changes={"pre_harvest_days": 4.0})  # fmt: skip
    stands = f"({text('page.interval', 'vi', days=3)})"
    assert stands in client.get(f"{lot.path}/record.html").text
    write(sealer, pilot.fleet["tam-que-diary-01"], mend)
    shown = client.get(f"{lot.path}/record.html").text
    assert stands not in shown
    assert f'{stands[:-1]}; <b class="wrong">{text("page.corrected", "vi")}</b>)' in shown
