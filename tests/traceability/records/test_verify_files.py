"""What a person may choose to check: files that are missing, not ours, spoilt, or all that a page offers."""

import json
import re
from pathlib import Path

import pytest

from devices.texts import text
from tests import browser
from tests.system.running import done, hoiquan, one_line
from tests.traceability.records.test_verify_story import Farm, answer, farm, page, verify
from traceability.pages import verify_page
from traceability.records.shelf import Shelf

assert farm and page  # fixtures


@pytest.mark.parametrize("missing", ["record", "proof", "key", "later", "photo", "witnesses", "nothing"])
def test_a_missing_file_is_not_taken_for_a_false_proof(farm: Farm, missing: str) -> None:
    """Exit code 2 is no judgement; a script may read 1 as "this record is false"."""
    record = farm.export(farm.harvest(1))
    more = {name: (f"--{name}", "none") for name in ("later", "photo", "witnesses")}
    match missing:
        case "record":
            record.unlink()
        case "proof":
            record.with_suffix(".tlog-proof").unlink()
        case "key":
            for name in ("log.vkey", "log.keys"):
                record.with_name(name).unlink()
    code, out, err = verify(record, *more.get(missing, ()))
    if missing == "nothing":
        assert (code, err) == (0, [])
    else:
        assert (code, out) == (2, []) and len(err) == 1
        assert not err[0].startswith(text("verify.bad", "en"))


def test_the_help_tells_the_exit_codes(tmp_path: Path) -> None:
    for command in (["trace", "verify"], ["trace", "epcis"], []):
        told = " ".join(done(hoiquan(tmp_path, *command, "--help")).split())
        assert re.search(r"Mã thoát\b.*?\b0\b", told) and " 1 " in told and " 2 " in told


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_all_that_a_lots_page_offers_may_be_chosen_at_once(farm: Farm, page: browser.Page, lang: str) -> None:
    """The EPCIS document beside the record is for others' software; nobody changed a record."""
    key = farm.harvest(1)
    record = farm.export(key)
    document = Shelf(farm.folder / "trace").epcis(key, record.read_bytes())
    epcis, label = record.with_name("epcis.json"), record.with_name("label.png")
    epcis.write_text(json.dumps(document), "utf-8")
    label.write_bytes(b"\x89PNG")
    files = [*record.parent.iterdir()]
    look, said = answer(page, farm.folder, files, lang)
    assert look == "good"
    (told,) = (row for row in said.splitlines() if row.startswith(text("verify.aside", lang, files="")))
    assert {"epcis.json", "label.png"} == set(told.partition(": ")[2].split(", "))
    files.remove(record)
    assert answer(page, farm.folder, files, lang) == ("bad", text("verify.missing", lang))
    code, _, err = verify(epcis, "--proof", record.with_suffix(".tlog-proof").name, lang=lang)
    assert code == 1 and text("verify.record", lang) in err[0], "it may be no record at all"


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_a_key_from_a_forgers_hand_is_told_apart(farm: Farm, page: browser.Page, lang: str) -> None:
    """A forger makes a log of his own, and its key lies among his files."""
    record = farm.export(farm.harvest(1))
    sentence, key = text("verify.key_beside", lang), record.with_name("log.vkey")
    _, said = answer(page, farm.folder, [*record.parent.iterdir()], lang)
    assert sentence in said.splitlines() and sentence in verify(record, lang=lang)[1]
    assert sentence not in verify(record, "--key", key.name, lang=lang)[1]
    page.choose("#key", [key])
    assert sentence not in pressed(page)[1]


def pressed(page: browser.Page) -> tuple[str, str]:
    """(class of the answer, its text) after the button was pressed once more."""
    look, said = page.run("""new Promise(done => {
        const answer = document.getElementById("answer");
        new MutationObserver(() => answer.textContent && done([answer.className, answer.innerText]))
            .observe(answer, {childList: true});
        document.querySelector("button").click();
    })""")
    return look, said


def test_a_file_that_is_gone_since_it_was_chosen_is_told(farm: Farm, page: browser.Page) -> None:
    """As on a stick that was pulled out; the page stayed silent."""
    record = farm.export(farm.harvest(1))
    answer(page, farm.folder, [*record.parent.iterdir()], "vi")
    record.unlink()
    assert pressed(page) == (
        "bad", f"✗ {text('verify.bad', 'vi')}: {record.name}: {text('verify.unreadable', 'vi')}"
    )  # fmt: skip


@pytest.mark.parametrize("spoilt", [b"{", b"", b"\xff", b'{"a": 1}', b"[" * 100_000])
def test_no_parser_speaks_english_in_a_vietnamese_line(farm: Farm, page: browser.Page, spoilt: bytes) -> None:
    record = farm.export(farm.harvest(1))
    files = [*record.parent.iterdir()]
    record.write_bytes(spoilt)
    said = page_words(page, farm, files)
    assert said[0].endswith(f": {text('verify.record', 'vi')}"), said
    assert re.match("not (JSON|UTF-8|canonical)", said[1]), "in the page's own words, and marked as English"
    _, _, err = verify(record, lang="vi")
    assert "Expecting" not in err[0] and "chi tiết kỹ thuật bằng tiếng Anh: not " in err[0]
    if spoilt != b'{"a": 1}':
        line = one_line(hoiquan(record.parent, "trace", "epcis", record.name, HOIQUAN_LANG="vi"), 2)
        assert re.fullmatch(r"hoiquan: \S+ không phải JSON(: sai từ dòng 1, cột \d+)?", line)


def page_words(page: browser.Page, farm: Farm, files: list[Path]) -> tuple[str, str]:
    """(the answer's Vietnamese before the detail, its parts that are marked as English)."""
    look, said = answer(page, farm.folder, files, "vi")
    english = page.run("document.querySelector('#answer [lang=en]').textContent")
    assert look == "bad" and said.endswith(f" (chi tiết kỹ thuật bằng tiếng Anh: {english})")
    return said.partition(" (chi tiết")[0], english


def test_a_screen_reader_is_told_of_the_answer(farm: Farm, page: browser.Page) -> None:
    """Only a region that is there before the answer is read out when the answer comes."""
    answer(page, farm.folder, [], "vi")
    page.open((farm.folder / "verify.html").as_uri())
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    assert "status" in {one["role"]["value"] for one in nodes if not one["ignored"]}


def test_without_javascript_the_page_says_so(page: browser.Page, tmp_path: Path) -> None:
    html = tmp_path / "verify.html"
    html.write_bytes(verify_page.page("vi"))
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    page.open(html.as_uri())
    root = page.call("DOM.getDocument")["root"]["nodeId"]
    shown = page.call("DOM.querySelector", nodeId=root, selector="noscript p")["nodeId"]
    assert text("verify.no_script", "vi") in page.call("DOM.getOuterHTML", nodeId=shown)["outerHTML"]
    assert page.call("DOM.getBoxModel", nodeId=shown)["model"]["height"] > 0, "it is seen"
    page.call("Emulation.setScriptExecutionDisabled", value=False)
