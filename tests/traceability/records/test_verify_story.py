"""Checking a record offline shows its recall and corrections, or that none were given, by the command and in
a browser alike.
"""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from devices.contract.diary import decode_diary
from devices.pilots.pilot import Pilot
from devices.texts import text
from tests import browser
from tests.system.running import done, hoiquan, one_line
from tests.traceability.conftest import GREW, HARVESTED, Grower, harvest, sprayed, write
from traceability.digital_link import LotKey
from traceability.pages import verify_page
from traceability.records.reports import Reports
from traceability.records.shelf import Shelf
from traceability.sealing.seal import Sealer

SERVER = "https://example.org"
MARKS = re.compile(r"^(Packed|It was corrected) on 12 Nov 2026|^As is known now")


class Farm:
    """A group that writes its diary, seals and exports; its folder is that of a running gateway."""

    def __init__(self, folder: Path, sealer: Sealer, pilot: Pilot) -> None:
        self.folder, self._sealer, self.device = folder, sealer, pilot.fleet["tam-que-diary-01"]

    def harvest(self, number: int, kilograms: float = 850.0, days: int = 0) -> LotKey:
        write(self._sealer, self.device, sprayed(6, 3))
        at = HARVESTED + timedelta(days=days)
        sealed = write(self._sealer, self.device, harvest(number, at, kilograms))
        assert sealed is not None
        self._sealer.note_published([sealed])
        return sealed.key

    def write(self, kind: str, id: str, hours: int, **fields: Any) -> None:
        at = (HARVESTED + timedelta(hours=hours)).isoformat()
        event = {"event": kind, "id": id, "ts": at, "plot": "plot-1", "crop": "mango"} | fields
        self._sealer.keep([(self.device, decode_diary(json.dumps(event).encode()))])
        self._sealer.seal_pending()

    def recall(self, lot: str = "mango-1") -> None:
        self.write("revocation", "recall-1", 16 * 24, harvest=lot, reason="dư lượng thuốc")

    def later(self, key: LotKey) -> list[dict[str, Any]]:
        """The lots that came out of a lot."""
        return [lot for one in Shelf(self.folder / "trace").addenda(key) for lot in one["lots"]]

    def export(self, key: LotKey, name: str = "out") -> Path:
        done(hoiquan(self.folder, "trace", "export", key.gtin, key.lot, "--out", name, "--data", "."))
        return self.folder / name / f"{key.lot}.json"


@pytest.fixture
def farm(tmp_path: Path, pilot: Pilot) -> Iterator[Farm]:

    sealer = Sealer(tmp_path / "trace", pilot, Grower(), SERVER, "example.org/log")
    yield Farm(tmp_path, sealer, pilot)
    sealer.close()


def verify(record: Path, *more: str, lang: str = "en") -> tuple[int, list[str], list[str]]:
    """(exit code, lines of stdout, lines of stderr)."""
    result = hoiquan(record.parent, "trace", "verify", record.name, "--lang", lang, *more)
    assert "Traceback" not in result.stderr
    return result.returncode, result.stdout.splitlines(), result.stderr.splitlines()


def test_a_recalled_lot_is_not_called_verified(farm: Farm) -> None:
    key = farm.harvest(1)
    farm.recall()
    code, out, err = verify(farm.export(key))
    assert code == 1
    assert err == ["This lot was recalled on 28 Nov 2026: dư lượng thuốc. Please do not use it."]
    assert out[0].startswith(f"The record is as it was sealed: lot {key.lot} ")
    assert not any(line.startswith("verified") for line in out)
    code, out, err = verify(farm.folder / "out" / f"{key.lot}.json", lang="vi")
    assert code == 1 and err[0].startswith("LÔ NÀY ĐÃ BỊ THU HỒI ngày 28/11/2026: dư lượng thuốc")


def test_corrections_are_told_with_what_they_break(farm: Farm) -> None:
    key = farm.harvest(1, 123456.75 / 1000)
    farm.write("packing", "pack-1", 1, quantity_kg=100.25, packages=20)
    farm.write("shipping", "ship-1", 2, quantity_kg=100.25, buyer="Chợ \u202eđầu mối")
    farm.write("correction", "mend-1", 3, of="mango-1", reason="gõ nhầm", changes={"quantity_kg": 120.5})
    farm.write("correction", "mend-2", 4, of="input-6", reason="nhãn thuốc", changes={"pre_harvest_days": 7})
    later = (HARVESTED + timedelta(seconds=7)).isoformat()
    farm.write("correction", "mend-3", 5, of="mango-1", reason="giờ", changes={"ts": later})
    record = farm.export(key)
    code, out, err = verify(record)
    assert (code, err) == (1, []), "as corrected, it would not have been sealed"
    assert out[0].startswith(f"The record is as it was sealed: lot {key.lot} of GTIN {key.gtin} is leaf 0 of")
    assert "Packed on 12 Nov 2026: 100.25 kg, 20 packages" in out
    assert "Shipped on 12 Nov 2026: 100.25 kg to Chợ \\u202eđầu mối" in out
    assert "It was corrected on 12 Nov 2026: Quantity (kg) 123.45675 → 120.5 (reason: gõ nhầm)" in out
    assert "It was corrected on 12 Nov 2026: Pre-harvest interval (days) 3 → 7 (reason: nhãn thuốc)" in out
    assert text("verify.breaks", "en", reason=text("lot.pre_harvest_interval", "en")) in out
    assert any("12 Nov 2026 10:00 → 12 Nov 2026 10:00:07" in line for line in out)
    assert f"{text('verify.later_some', 'en', number=5)} {SERVER}{key.path}" in out
    assert any("123,45675 → 120,5" in line for line in verify(record, lang="vi")[1])


def test_without_later_entries_it_is_said_whom_to_ask(farm: Farm) -> None:
    key = farm.harvest(1)
    farm.recall()
    record = farm.export(key)
    for path in record.parent.glob(f"{key.lot}.recall-1.*"):
        path.unlink()
    code, out, _ = verify(record)
    assert code == 0
    assert any(
        line.endswith(f"no later entries were given: ask the server {SERVER}{key.path}") for line in out
    )


def test_an_entry_may_be_given_from_elsewhere(farm: Farm, tmp_path: Path) -> None:
    key = farm.harvest(1)
    farm.recall()
    record, there = farm.export(key), tmp_path / "there"
    there.mkdir()
    for path in record.parent.glob(f"{key.lot}.recall-1.*"):
        path.rename(there / f"news{path.suffix}")
    assert verify(record)[0] == 0
    # the name that a browser gives; the record itself is no later entry about it
    for suffix in (".json", ".tlog-proof"):
        shutil.copy(record.with_suffix(suffix), record.with_name(f"record{suffix}"))
    assert verify(record.with_name("record.json"))[0] == 0
    code, _, err = verify(record, "--later", str(there / "news.json"))
    assert code == 1 and err[0].startswith("This lot was recalled on 28 Nov 2026")
    code, _, err = verify(there / "news.json", "--key", str(record.parent / "log.vkey"))
    assert code == 1 and err[0].startswith("This lot was recalled"), "by itself it says the same"
    assert "Traceback" not in one_line(hoiquan(there, "trace", "verify", "news.json", "--later", "x"), 2)


@pytest.mark.parametrize("spoilt", ["changed", "proof gone", "of another record", "no entry", "other key"])
def test_an_entry_that_does_not_hold_is_named(farm: Farm, spoilt: str) -> None:
    key, other = farm.harvest(1), farm.harvest(2, 400.0)
    farm.recall()
    farm.write("revocation", "recall-2", 400, harvest="mango-2", reason="khác")
    record, foreign = farm.export(key), farm.export(other, "foreign")
    entry = record.with_name(f"{key.lot}.recall-1.json")
    said = text("verify.other", "en")
    match spoilt:
        case "changed":
            entry.write_bytes(entry.read_bytes().replace("thuốc".encode(), "trống".encode()))
        case "proof gone":
            entry.with_suffix(".tlog-proof").unlink()
            said = text("verify.no_proof", "en")
        case "of another record":
            for suffix in (".json", ".tlog-proof"):
                shutil.copy(foreign.with_name(f"{other.lot}.recall-2{suffix}"), entry.with_suffix(suffix))
            said = text("verify.later_other", "en")
        case "no entry":
            entry.write_bytes(b"{}")
            said = text("verify.record", "en")
        case "other key":
            data = bytearray(entry.with_suffix(".tlog-proof").read_bytes())
            data[data.index("\n\n— ".encode()) + 60] ^= 1
            entry.with_suffix(".tlog-proof").write_bytes(data)
            said = text("verify.checkpoint", "en")
    code, out, err = verify(record)
    assert (code, out) == (1, [])
    assert err[0].startswith("NOT verified: ") and entry.name in err[0] and said in err[0]
    assert len(err) == 1


def test_the_proof_of_another_record_is_no_accusation(farm: Farm) -> None:
    key, other = farm.harvest(1), farm.harvest(2, 400.0)
    record, foreign = farm.export(key), farm.export(other, "foreign")
    there = foreign.with_suffix(".tlog-proof")
    _, _, err = verify(record, "--proof", str(there))
    assert err[0].startswith(f"NOT verified: {text('verify.other_lot', 'en', other=other.lot, lot=key.lot)}")
    _, _, err = verify(record, "--proof", str(there), lang="vi")
    assert "bằng chứng này thuộc về hồ sơ khác: " in err[0] and "bị sửa" not in err[0]
    shutil.copy(there, record.with_suffix(".tlog-proof"))  # the names agree, so nothing shows the mix-up
    code, _, err = verify(record)
    assert code == 1 and text("verify.other", "en") in err[0]


@pytest.fixture(scope="module")
def page() -> Iterator[browser.Page]:
    with browser.page() as made:
        yield made


def answer(page: browser.Page, folder: Path, files: list[Path], lang: str = "en") -> tuple[str, str]:
    """(class of verify.html's answer, its text)."""
    html = folder / "verify.html"
    html.write_bytes(verify_page.page(lang))  # type: ignore[arg-type]
    page.open(html.as_uri())
    before = len(page.requests)
    page.choose("#files", files)
    found = page.run("""new Promise(done => {
        const answer = document.getElementById("answer");
        new MutationObserver(() => answer.textContent && done([answer.className, answer.innerText]))
            .observe(answer, {childList: true});
        document.querySelector("button").click();
    })""")
    page.picture(folder / "verify.png")
    assert len(page.requests) == before, "nothing is fetched"
    return found[0], found[1]


def test_the_browser_tells_the_same(farm: Farm, page: browser.Page) -> None:
    key = farm.harvest(1)
    record = farm.export(key)
    look, said = answer(page, farm.folder, sorted(record.parent.iterdir()))
    assert look == "good" and said.startswith("✓ Verified\n")
    assert f"{text('verify.later_none', 'en')} {SERVER}{key.path}" in said
    later = (HARVESTED + timedelta(seconds=7)).isoformat()
    farm.write("packing", "pack-1", 1, quantity_kg=100.25, packages=20)
    farm.write("shipping", "ship-1", 2, quantity_kg=10, buyer="Chợ\nVerified by us")
    farm.write(
        "correction", "mend-1", 3, of="mango-1", reason="x", changes={"quantity_kg": 840.5, "ts": later}
    )
    look, said = answer(page, farm.folder, sorted(farm.export(key).parent.iterdir()))
    assert look == "note" and said.startswith("✓ Verified; it was corrected since\n")
    assert "Chợ⟨U+000A⟩Verified by us" in said, "no words of a stranger make a row of their own"
    assert verify(record)[0] == 0
    farm.write("correction", "mend-2", 4, of="input-6", reason="y", changes={"pre_harvest_days": 7})
    look, said = answer(page, farm.folder, sorted(farm.export(key).parent.iterdir()))
    told = verify(record)[1]
    assert look == "bad" and said.startswith("The record is as it was sealed.\n")
    lines = said.splitlines()
    assert [line for line in told if MARKS.search(line)] == [line for line in lines if MARKS.search(line)]
    assert any("10:00:07" in line for line in lines)
    farm.recall()
    files = sorted(farm.export(key).parent.iterdir())
    look, said = answer(page, farm.folder, files)
    assert look == "bad" and "✓" not in said
    assert said.startswith("✗ This lot was recalled on 28 Nov 2026: dư lượng thuốc. Please do not use it.\n")
    look, said = answer(page, farm.folder, files, "vi")
    assert said.startswith("✗ LÔ NÀY ĐÃ BỊ THU HỒI ngày 28/11/2026") and "100,25 kg" in said


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize("simulated", [True, False])
def test_nobody_takes_a_rehearsal_for_goods(
    tmp_path: Path, pilot: Pilot, page: browser.Page, lang: str, simulated: bool
) -> None:
    """A real lot, too, may have been grown beside simulated devices."""
    grown = Grower(replace(GREW, devices=3, on_plot=1, simulated=2))
    with closing(Sealer(tmp_path / "trace", pilot, grown, SERVER, "example.org/log")) as sealer:
        farm = Farm(tmp_path, sealer, pilot)
        farm.device = replace(farm.device, simulated=simulated)
        record = farm.export(farm.harvest(1))
    devices = text("verify.devices_simulated", lang, devices=3, simulated=2)
    rehearsal = text("verify.simulated", lang)
    for lines in (
        verify(record, lang=lang)[1],
        answer(page, tmp_path, sorted(record.parent.iterdir()), lang)[1].splitlines(),
    ):
        assert devices in lines and (rehearsal in lines) == simulated


def test_the_browser_checks_a_report(farm: Farm, page: browser.Page) -> None:
    """As `trace verify` does. Beside a record a PDF is its label, and is ignored."""
    reports, away = Reports(farm.folder / "trace"), farm.folder / "away"
    away.mkdir()
    pdf, other = b"%PDF-1.7 a report", b"%PDF-1.7 another"
    key = farm.harvest(1)
    for id, data in (("0" * 16, pdf), ("1" * 16, other)):
        reports.keep(id, data)
    farm.write("irrigation", "wet", 1, minutes=3)  # starts the next round of sealing
    file, proof, vkey = away / f"{'0' * 16}.pdf", away / f"{'0' * 16}.tlog-proof", away / "log.keys"
    file.write_bytes(pdf)
    proof.write_bytes(reports.proof(pdf) or b"")
    vkey.write_bytes((farm.folder / "trace" / "log.keys").read_bytes())
    look, said = answer(page, farm.folder, [file, proof, vkey])
    assert look == "good" and said.startswith("✓ verified: this report is leaf ")
    assert verify(file) == (0, said.removeprefix("✓ ").splitlines(), [])
    look, said = answer(page, farm.folder, [file, proof, vkey], "vi")
    assert look == "good" and "không phải chữ ký số" in said
    for wrong in (other, pdf + b" "):
        file.write_bytes(wrong)
        look, said = answer(page, farm.folder, [file, proof, vkey])
        assert look == "bad" and text("verify.other_report", "en") in said
        assert text("verify.other_report", "en") in verify(file)[2][0]
    assert text("verify.missing", "en") in answer(page, farm.folder, [file, vkey])[1]
    record = farm.export(key)
    look, said = answer(page, farm.folder, [*record.parent.iterdir(), file])
    assert look == "good" and f"Lot: {key.lot}" in said


def test_the_browser_names_what_does_not_hold(farm: Farm, page: browser.Page) -> None:
    key, other = farm.harvest(1), farm.harvest(2, 400.0)
    farm.recall()
    farm.write("revocation", "recall-2", 400, harvest="mango-2", reason="khác")
    record, foreign = farm.export(key), farm.export(other, "foreign")
    proof, vkey = record.with_suffix(".tlog-proof"), record.with_name("log.vkey")
    entry = record.with_name(f"{key.lot}.recall-1.json")

    def said(*files: Path) -> str:
        look, words = answer(page, farm.folder, list(files))
        assert look == "bad"
        return words

    assert text("verify.missing", "en") in said(record, vkey)
    assert text("verify.missing", "en") in said(record, proof)
    assert text("verify.two_records", "en") in said(
        record, foreign, proof, foreign.with_suffix(".tlog-proof"), vkey
    )
    assert text("verify.other_lot", "en", other=other.lot, lot=key.lot) in said(
        record, foreign.with_suffix(".tlog-proof"), vkey
    )
    theirs = foreign.with_name(f"{other.lot}.recall-2.json")
    words = said(record, proof, theirs, theirs.with_suffix(".tlog-proof"), vkey)
    assert f"{theirs.name}: {text('verify.later_other', 'en')}" in words
    assert f"{entry.name}: {text('verify.no_proof', 'en')}" in said(record, proof, entry, vkey)
    entry.write_bytes(entry.read_bytes().replace("thuốc".encode(), "trống".encode()))
    words = said(record, proof, entry, entry.with_suffix(".tlog-proof"), vkey)
    assert f"{entry.name}: {text('verify.other', 'en')}" in words
    # downloaded under any names: each proof names its own record
    entry.write_bytes(entry.read_bytes().replace("trống".encode(), "thuốc".encode()))
    for number, path in enumerate((entry, record, entry.with_suffix(".tlog-proof"), proof)):
        path.rename(record.with_name(f"{number}{path.suffix}"))
    assert "This lot was recalled" in said(*record.parent.iterdir())
