"""Splits, merges, corrections and recalls of lots on the secretary's form."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from devices.contract.diary import DiaryEvent, Harvest
from devices.contract.reading import Device
from devices.pilots.pilot import Pilot
from devices.texts import text
from tests import browser
from tests.seen import AXE, Served, axe, judged, too_wide
from tests.traceability.conftest import HARVESTED, WHO, Grower, harvest, write
from traceability.diary.entries import Lot
from traceability.sealing import seal
from traceability.sealing.seal import Sealer
from traceability.secretary.book import Book

assert AXE and axe  # a fixture of the pages' tests

Say = Callable[..., str]


@pytest.fixture
def app(app: FastAPI, pilot: Pilot, sealer: Sealer) -> FastAPI:
    """Pages whose events are kept and sealed at once; the group has two lots, another group has one."""
    for number in (1, 2):
        write(sealer, pilot.fleet["tam-que-diary-01"], harvest(number, by="Tổ trưởng"))
    other = pilot.fleet["canh-tan-diary-01"]
    crop = pilot.producers["canh-tan"].products[0].crop
    write(sealer, other, harvest(3, kilograms=5.0, crop=crop))
    return app


@pytest.fixture
def say(client: TestClient) -> Say:
    """Fill a form in and send it; returns the page that answers."""

    def send(kind: str, of: str = "", **more: str | list[str]) -> str:
        page = client.get(f"/diary/{kind}", params={"of": of} if of else None).text
        shown = dict(re.findall(r'<input (?:type="hidden" )?name="(\w+)"[^>]* value="([^"]*)"', page))
        return client.post(f"/diary/{kind}", data={"plot": "plot-1"} | shown | more).text

    return send


@pytest.fixture
def lots(tmp_path: Path, pilot: Pilot) -> Callable[[], dict[str, Lot]]:
    return lambda: Book(tmp_path, pilot).lots("tam-que", "revocation")


def test_what_the_simulator_wrote_is_marked_in_the_diary(client: TestClient, sealer: Sealer) -> None:
    """The secretary sees what nobody of her group wrote: in the list of entries, and among lots to choose."""
    mine = harvest(5, HARVESTED + timedelta(hours=3))
    sealer.keep([(Device("dong-thap", "tam-que", "thu-ky", "diary", simulated=False), mine)])
    sealer.note_published(sealer.seal_pending())
    rows = re.findall(r"<li><span class=.when.*?</li>", client.get("/diary").text, re.S)
    assert [("mô phỏng" in row) for row in rows] == [False, True, True]
    lots = re.findall(r'<option value="(mango-\d)"[^>]*>(.*?)</option>', client.get("/diary/revocation").text)
    assert {id: name.endswith("· mô phỏng") for id, name in lots} == {
        "mango-5": False, "mango-1": True, "mango-2": True,
    }  # fmt: skip


def test_a_lot_is_split_and_its_parts_are_merged(
    say: Say, lots: Callable[[], dict[str, Lot]], client: TestClient
) -> None:
    assert set(lots()) == {"mango-1", "mango-2"}, "those of the group alone"
    assert "✓ Đã gửi: Tách lô" in say("split", harvest="mango-1", parts="400,5; 449,5")
    parts = {id: lot for id, lot in lots().items() if id != "mango-2"}
    assert sorted(lot.kilograms for lot in parts.values()) == [400.5, 449.5]
    assert {(lot.plot, lot.crop) for lot in parts.values()} == {("plot-1", "mango")}
    assert "✓ Đã gửi: Gộp lô" in say("merge", harvests=[*parts])
    merged = [lot for id, lot in lots().items() if id != "mango-2"]
    assert [lot.kilograms for lot in merged] == [850.0]
    assert "Hồ sơ nguyên vẹn" in client.get(merged[0].key.path).text


def test_the_page_of_a_merged_lot_sends_to_its_lots_for_how_they_grew(
    say: Say, lots: Callable[[], dict[str, Lot]], client: TestClient
) -> None:
    """A merged lot has no measurements of its own; its two lots do."""
    say("merge", harvests=["mango-1", "mango-2"])
    (merged,) = lots().values()
    page = client.get(merged.key.path).text
    assert text("page.grew_apart", "vi") in page
    assert text("page.not_sensed", "vi") not in page and text("page.known_not_sensed", "vi") not in page


def test_a_lot_is_recalled(say: Say, lots: Callable[[], dict[str, Lot]], client: TestClient) -> None:
    key = lots()["mango-2"].key
    assert "✓ Đã gửi: Thu hồi" in say("revocation", harvest="mango-2", reason="Dư lượng <b>")
    page = client.get(key.path)
    assert page.status_code == 410 and "ĐÃ BỊ THU HỒI" in page.text and "Dư lượng &lt;b&gt;" in page.text
    assert set(lots()) == {"mango-1"}


def test_a_lot_is_recalled_by_its_code_however_old_it_is(
    say: Say, lots: Callable[[], dict[str, Lot]], client: TestClient, sealer: Sealer, pilot: Pilot
) -> None:
    """A recall may concern an old lot; the list has room only for the newest."""
    keys, diary = {id: lot.key for id, lot in lots().items()}, pilot.fleet["tam-que-diary-01"]
    newer = [harvest(n, HARVESTED + timedelta(hours=n), 1.0) for n in range(10, 60)]
    sealer.keep([(diary, one) for one in newer])
    while done := sealer.seal_pending():
        sealer.note_published(done)
    assert "mango-1" not in lots() and keys["mango-1"].lot not in client.get("/diary/revocation").text
    wrong = say("revocation", code="TQ000000-ABCDEFGH", reason="dư lượng")
    assert f"Hãy xem lại mục “{text('form.code', 'vi')}”" in wrong and "TQ000000-ABCDEFGH" in wrong
    assert f"Hãy xem lại mục “{text('form.harvest', 'vi')}”" in say("revocation", reason="dư lượng")
    code = f" {keys['mango-1'].lot.lower()} "
    assert "là hai lô khác nhau" in say("revocation", code=code, harvest="mango-59", reason="dư lượng")
    assert "✓ Đã gửi: Thu hồi" in say("revocation", code=code, harvest="", reason="dư lượng")
    assert [client.get(keys[id].path).status_code for id in ("mango-1", "mango-2")] == [410, 200]


def test_a_lot_whose_product_left_the_pilot_file_is_recalled_by_its_code(
    tmp_path: Path, pilot: Pilot
) -> None:
    sealer = Sealer(tmp_path, pilot, Grower(), "https://example.org", "example.org/log")
    sealer.keep([(pilot.fleet["tam-que-diary-01"], harvest(1, HARVESTED, 850.0))])
    (done,) = sealer.seal_pending()
    sealer.note_published([done])
    sealer.close()
    place = pilot.place["tam-que"]
    others = place.model_copy(update={"products": tuple(p for p in place.products if p.crop != "mango")})
    without = pilot.model_copy(
        update={"communities": tuple(others if one.id == place.id else one for one in pilot.communities)}
    )
    found = Book(tmp_path, without).lot("tam-que", done.key.lot)
    assert found is not None and (found.harvest, found.crop) == (done.harvest, "mango")


def test_nobody_recalls_the_lot_of_another_group(say: Say, sent: list[DiaryEvent], tmp_path: Path) -> None:
    (other,) = (one for one in seal.lots(tmp_path) if one["community"] == "canh-tan")
    assert f"Hãy xem lại mục “{text('form.code', 'vi')}”" in say(
        "revocation", code=str(other["lot"]), reason="x"
    )
    assert sent == []


def test_a_lot_is_there_as_long_as_any_of_it_is(
    say: Say, lots: Callable[[], dict[str, Lot]], client: TestClient
) -> None:
    say("shipping", crop="mango", harvest="mango-1", quantity_kg="400", buyer="Chợ đầu mối")
    say("split", harvest="mango-1", parts="100; 150")
    assert {id: lot.kilograms for id, lot in lots().items() if id in ("mango-1", "mango-2")} == {
        "mango-1": 600, "mango-2": 850,
    }  # fmt: skip
    say("split", harvest="mango-1", parts="100; 100")
    assert lots()["mango-1"].kilograms == 400, "which were shipped under its code"
    key = lots()["mango-1"].key
    say("revocation", harvest="mango-1", reason="dư lượng")
    assert client.get(key.path).status_code == 410 and "mango-1" not in lots()
    say("split", harvest="mango-2", parts="425,5; 424,5")
    assert "mango-2" not in lots(), "nothing is left under its code"


def test_a_lot_is_shown_and_taken_as_its_harvest_was_corrected(
    say: Say, lots: Callable[[], dict[str, Lot]], client: TestClient
) -> None:
    """The harvest was entered a day late; packing on the true day must not count as packing before it."""
    say("harvest", ts="2026-11-15T08:00", crop="mango", quantity_kg="900")
    (id,) = set(lots()) - {"mango-1", "mango-2"}
    say("correction", id, when="2026-11-14T08:00", quantity_kg="500", reason="gõ nhầm")
    assert f"{lots()[id].key.lot} · 14/11/2026 · 500 kg" in client.get("/diary/packing").text
    said = say("packing", ts="2026-11-14T17:00", crop="mango", harvest=id, quantity_kg="100", packages="10")
    assert "✓ Đã gửi: Đóng gói" in said and "Không được niêm phong" not in client.get("/diary").text


def test_what_was_written_wrongly_is_corrected_and_once_more(
    say: Say, client: TestClient, sent: list[DiaryEvent], lots: Callable[[], dict[str, Lot]]
) -> None:
    assert 'href="/diary/correction?of=mango-1"' in client.get("/diary").text
    shown = client.get("/diary/correction?of=mango-1").text
    assert 'name="quantity_kg" type="number"' in shown and 'value="850"' in shown
    assert "✓ Đã gửi: Đính chính" in say("correction", "mango-1", quantity_kg="805", reason="gõ nhầm")
    assert sent[-1].changes == {"quantity_kg": 805.0}  # type: ignore[union-attr]
    page = client.get(lots()["mango-1"].key.path).text
    assert "<del>850</del> → <ins>805</ins>" in page
    assert 'value="805"' in client.get("/diary/correction?of=mango-1").text, "what holds now"
    say("correction", "mango-1", when="2026-11-12T09:00", reason="nhầm giờ")
    assert sent[-1].changes == {"ts": "2026-11-12T09:00:00+07:00"}  # type: ignore[union-attr]
    listed = re.findall(
        r'<span class="when">([^<]+)</span> <b>Thu hoạch</b>\s*· ([^<]+) kg', client.get("/diary").text
    )
    assert listed == [("12/11/2026 10:00", "850"), ("12/11/2026 09:00", "805")], "as they hold"


def test_a_correction_without_a_change_is_none(say: Say, sent: list[DiaryEvent]) -> None:
    assert text("form.changes", "vi") in say("correction", "mango-1", reason="không rõ")
    assert "Hãy xem lại mục “Lý do”" in say("correction", "mango-1", quantity_kg="805", reason="")
    assert sent == []


def test_what_cannot_be_corrected_has_no_form(client: TestClient, say: Say, sent: list[DiaryEvent]) -> None:
    say("split", harvest="mango-1", parts="400 450")
    for of in (sent[-1].id, "mango-3", "nothing", "", "' OR 1=1 --"):
        answer = client.get("/diary/correction", params={"of": of}, follow_redirects=False)
        assert answer.headers.get("location") == "/diary"
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("kind", "given", "field"),
    [
        ("split", {"harvest": "mango-1", "parts": "hai phần"}, "form.parts"),
        ("split", {"harvest": "mango-1", "parts": "400"}, "form.parts"),
        ("split", {"harvest": "mango-3", "parts": "2 3"}, "form.harvest"),  # another group's lot
        ("merge", {"harvests": "mango-1"}, "form.harvests"),
        ("merge", {}, "form.harvests"),
        ("revocation", {"harvest": "mango-1", "reason": " "}, "form.reason"),
    ],
)
def test_what_is_wrong_is_named(
    say: Say, sent: list[DiaryEvent], kind: str, given: dict[str, str], field: str
) -> None:
    assert f"Hãy xem lại mục “{text(field, 'vi')}”" in say(kind, **given)
    assert sent == []


@pytest.mark.parametrize("parts", ["1.200; 300", "300 1.200", "1,200; 300", "1.234.567; 3"])
def test_kilograms_that_can_be_read_in_two_ways_are_asked_about(
    say: Say, sent: list[DiaryEvent], parts: str
) -> None:
    """The pages write 1.500 for 1500, while 1.500 is one and a half to a machine."""
    given = next(part for part in parts.replace(";", "").split() if len(part) > 4)
    assert text("form.thousands", "vi", given=given) in say("split", harvest="mango-1", parts=parts)
    assert text("form.thousands", "vi", given="1.200") in say("harvest", crop="mango", quantity_kg="1.200")
    assert sent == []
    assert "✓ Đã gửi: Tách lô" in say("split", harvest="mango-1", parts="0,125; 1,25")
    assert sent[-1].parts == (0.125, 1.25)  # type: ignore[union-attr]


def test_what_was_refused_says_why_on_the_next_page(say: Say, client: TestClient) -> None:
    say("split", harvest="mango-1", parts="800; 800")
    shown = client.get("/diary").text
    assert text("form.refused", "vi", reason=text("lot.more_than_lot", "vi")) in shown


def test_packing_may_name_its_lot(say: Say, sent: list[DiaryEvent]) -> None:
    say("packing", crop="mango", harvest="mango-1", quantity_kg="100", packages="20")
    say("packing", crop="mango", harvest="", quantity_kg="100", packages="20")
    assert [getattr(event, "harvest", "") for event in sent] == ["mango-1", None]
    assert isinstance(harvest(), Harvest)


@pytest.mark.parametrize("width", [320, 1280])
def test_the_forms_of_lots_fit_a_phone(
    app: FastAPI, axe: str, password: str, tmp_path: Path, width: int
) -> None:
    with Served(app) as site, browser.page() as page:
        page.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": "vi"})
        page.open(f"{site}/diary", width)
        for name, value in (("device", WHO), ("password", password)):
            page.run(f"document.querySelector('[name={name}]').value = {value!r}")
        page.press("form.entry button")
        for place in ("", "/split", "/merge", "/revocation", "/correction?of=mango-1", "/packing"):
            page.open(f"{site}/diary{place}", width)
            assert judged(page, axe) == [], place
            assert too_wide(page) == [], place
            page.picture(tmp_path / f"form{place.strip('/').partition('?')[0]}.png")
