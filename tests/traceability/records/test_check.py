"""One flipped byte anywhere is refused, and the part is named, by the command and in a browser alike."""

import base64
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from devices.pilots.pilot import Pilot
from devices.texts import text
from tests import browser
from tests.traceability.conftest import harvest, sprayed, write
from traceability.commands import trace_app
from traceability.pages import verify_page
from traceability.records.check import CheckFailed, check
from traceability.records.shelf import Shelf
from traceability.sealing.seal import Sealer, read
from traceability.tlog import keys
from traceability.tlog.note import NoteError, Signer

RUN = CliRunner()


class Files(NamedTuple):
    """The files that a buyer downloads."""

    record: bytes
    proof: bytes
    key: bytes


class Case(NamedTuple):
    """Files of which one has a flipped byte, and the part that must be named."""

    files: Files
    part: str


@pytest.fixture
def files(sealer: Sealer, pilot: Pilot, tmp_path: Path) -> Files:
    device = pilot.fleet["tam-que-diary-01"]
    for number in (2, 3, 4):  # so that the proof has a path
        write(sealer, device, harvest(number))
    write(sealer, device, sprayed(6, 3))
    done = write(sealer, device, harvest())
    assert done is not None
    data = read(tmp_path, done.key)
    assert data is not None
    proof = Shelf(tmp_path).proof(data)
    assert proof is not None
    return Files(data, proof, (tmp_path / "log.vkey").read_bytes())


def flipped(files: Files, step: int) -> Iterator[Case]:
    """A case for every `step`th byte of the record, and for every byte of proof, checkpoint and key."""
    bit = random.Random(5)
    blank = files.proof.index(b"\n\n")
    for name, data in files._asdict().items():
        for at in range(0, len(data), step if name == "record" else 1):
            spoilt = data[:at] + bytes([data[at] ^ 1 << bit.randrange(8)]) + data[at + 1 :]
            part = "record other" if name == "record" else name  # other: a record, but not the sealed one
            if name == "proof" and at > blank + 1:
                part = "checkpoint"
            elif name == "proof" and (at >= blank or b"\n\n" in spoilt[:blank]):
                part = "proof checkpoint"  # an empty line between the two, or instead of a J, belongs to both
            elif name == "key" and at == len(data) - 1:
                continue  # the newline at its end belongs to nothing
            yield Case(files._replace(**{name: spoilt}), part)


def test_whole_files_are_verified(files: Files) -> None:
    found = check(files.record, files.proof, files.key.decode())
    assert (found.index, found.size, found.log) == (3, 4, "example.org/log")


def test_a_flipped_byte_is_found_and_its_part_is_named(files: Files) -> None:
    for case in flipped(files, 1):
        with pytest.raises(CheckFailed) as error:
            check(case.files.record, case.files.proof, case.files.key.decode("latin-1"))
        assert error.value.part in case.part.split(), str(error.value)


@pytest.mark.parametrize("part", ["record", "proof", "checkpoint", "key"])
def test_the_command_says_which(files: Files, tmp_path: Path, part: str) -> None:
    cases = [case for case in flipped(files, 97) if case.part.split()[0] == part]
    for case in random.Random(1).sample(cases, 10):
        for name, data in zip(("a.json", "a.tlog-proof", "log.vkey"), case.files, strict=True):
            (tmp_path / name).write_bytes(data)
        result = RUN.invoke(trace_app, ["verify", str(tmp_path / "a.json"), "--lang", "en"])
        assert result.exit_code == 1
        if part == "record" and text("verify.other", "en") in result.stderr:
            continue  # the bytes cannot show whether this is another record or a changed one
        assert result.stderr.startswith(f"NOT verified: {text(f'verify.{part}', 'en')}")


def test_the_page_is_one_file_that_may_fetch_nothing() -> None:
    for lang in ("vi", "en"):
        page = verify_page.page(lang).decode()  # type: ignore[arg-type]
        policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
        assert policy is not None and policy[1].startswith("default-src &#39;none&#39;")
        assert "unsafe" not in policy[1] and "connect-src" not in policy[1]
        assert not re.search(r"""(src|href)=|https?://|url\(|import\(|fetch|XMLHttp""", page)


def test_the_page_in_a_browser(files: Files, tmp_path: Path) -> None:
    """Opened as a file, as somebody does who trusts no server."""
    html = tmp_path / "verify.html"
    html.write_bytes(verify_page.page("vi"))
    names = ("lot.json", "lot.tlog-proof", "log.vkey")
    with browser.page() as page:
        page.open(html.as_uri())

        def answer(given: Files) -> str:
            for name, data in zip(names, given, strict=True):
                (tmp_path / name).write_bytes(data)
            page.choose("#files", [tmp_path / name for name in names])
            return str(
                page.run("""new Promise(done => {
                    const answer = document.getElementById("answer");
                    answer.textContent = "";
                    new MutationObserver(() => answer.textContent && done(answer.textContent))
                        .observe(answer, {childList: true});
                    document.querySelector("button").click();
                })""")
            )

        good = answer(files)
        assert good.startswith("✓ Đã xác minh\nDIỄN TẬP: ") and "Xoài cát Hòa Lộc" in good
        assert "\nLô: TQ261112-" in good
        assert good.endswith(": 3 / 4, example.org/log")
        page.choose("#files", [tmp_path / names[0]])
        assert page.run('document.getElementById("answer").textContent') == "", "it was of other files"
        bad = answer(files._replace(record=files.record.replace(b'"value":850', b'"value":950')))
        assert bad.startswith(
            "✗ KHÔNG xác minh được: bằng chứng này thuộc về hồ sơ khác, hoặc hồ sơ đã bị sửa"
        )
        for case in flipped(files, 41):
            packed = json.dumps([base64.b64encode(data).decode() for data in case.files])
            said = page.run(
                f"""check(...{packed}.map(text => Uint8Array.from(atob(text), c => c.charCodeAt(0))))
                    .then(() => "verified", error => error.part || String(error))"""
            )
            assert said in case.part.split(), said
        assert page.requests == [html.as_uri()]


def test_a_list_of_keys_says_which_sizes_each_signed(files: Files) -> None:
    (key,) = keys.parse(files.key.decode())
    other = keys.LogKey(Signer.from_seed("example.org/log", bytes(32)).verifier, 5)
    for last, right in ((4, True), (3, False)):
        listed = keys.write([keys.LogKey(key.verifier, 0, last, "2026-01-01"), other])
        assert keys.parse(listed)[0].last == last
        if right:
            assert check(files.record, files.proof, listed).index == 3
        else:
            with pytest.raises(CheckFailed, match="trees of 0 to 3 leaves, not of 4") as error:
                check(files.record, files.proof, listed)
            assert error.value.part == "key"
    with pytest.raises(NoteError, match="key list"):
        keys.parse(key.line.replace(" 0 ", " none "))
    with pytest.raises(NoteError, match="no key"):
        keys.parse("# nothing\n")
