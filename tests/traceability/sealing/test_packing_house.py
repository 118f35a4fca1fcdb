"""A packing house's code is checked when packing is sealed, as a planting area's code is at the harvest."""

from datetime import date
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from devices.pilots.certificates import PackingHouse
from devices.pilots.pilot import Pilot
from tests.traceability.sealing.test_handling import Diary
from traceability.exchange.reader import problems
from traceability.pages import web
from traceability.records.shelf import Shelf
from traceability.sealing import seal
from traceability.sealing.seal import Sealer

CODE, OLD, OTHERS = "GD-DG-0001", "GD-DG-0002", "GD-DG-0003"


def house(code: str, community: str = "tam-que", crop: str = "mango", until: int = 2030) -> PackingHouse:
    return PackingHouse(
        code=code, community=community, crops=(crop,), market="CN", issuer="Chi cục (giả định)",
        valid_from=date(2022, 1, 1), valid_until=date(until, 12, 31), fictional=True,
    )  # fmt: skip


@pytest.fixture
def pilot(pilot: Pilot) -> Pilot:
    """The pilot with a valid packing house, an expired one, and one of another group."""
    houses = (house(CODE), house(OLD, until=2025), house(OTHERS, "thuan-tan"))
    records = pilot.records.model_copy(update={"packing_houses": houses})
    return pilot.model_copy(update={"records": records})


@pytest.fixture
def book(sealer: Sealer, pilot: Pilot, tmp_path: Path) -> Diary:
    return Diary(sealer, pilot.fleet["tam-que-diary-01"], tmp_path)


def test_a_valid_code_is_sealed_as_certified_and_shown(book: Diary, pilot: Pilot, tmp_path: Path) -> None:
    lot = book.harvest()
    book.write("packing", "pack-1", quantity_kg=800, packages=160, house_code=CODE)
    (packed,) = book.addenda(lot.key)
    assert packed["packing_house"]["code"] == CODE and packed["packing_house"]["known"] == "certified"
    assert "community" not in packed["packing_house"]
    app = FastAPI()
    app.include_router(web.router(tmp_path, pilot, "https://example.org"))
    with TestClient(app) as client:
        page = client.get(f"{lot.key.path}/record.html").text
    assert "Mã số cơ sở đóng gói" in page and CODE in page and "thị trường Trung Quốc" in page
    document = Shelf(tmp_path).epcis(lot.key, seal.read(tmp_path, lot.key) or b"")
    assert document["epcisBody"]["eventList"][-1]["hoiquan:packingHouseCode"] == CODE
    assert problems(document) == []


def test_packing_without_a_code_says_nothing_of_one(book: Diary) -> None:
    lot = book.harvest()
    book.write("packing", "pack-1", quantity_kg=800, packages=160)
    assert "packing_house" not in book.addenda(lot.key)[0]


@pytest.mark.parametrize(
    ("code", "refused"), [("GD-DG-9999", "foreign_house"), (OTHERS, "foreign_house"), (OLD, "expired_house")]
)
def test_a_code_that_is_not_the_group_s_or_not_valid_is_refused(book: Diary, code: str, refused: str) -> None:
    lot = book.harvest()
    book.write("packing", "pack-1", quantity_kg=800, packages=160, house_code=code)
    assert book.refused() == {"pack-1": refused} and book.addenda(lot.key) == []


def test_neither_comes_one_in_by_a_correction(book: Diary) -> None:
    lot = book.harvest()
    book.write("packing", "pack-1", quantity_kg=800, packages=160, house_code=CODE)
    book.write("correction", "mend-1", 2, of="pack-1", reason="gõ nhầm", changes={"house_code": OTHERS})
    assert book.refused() == {"mend-1": "foreign_house"} and len(book.addenda(lot.key)) == 1
