"""Labels carry the address of the running server, and say so if only this machine can reach it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from devices.contract.diary import Split
from devices.pilots.pilot import Pilot
from devices.settings import Settings
from devices.texts import LANGS, Misuse, text
from tests import browser
from tests.programs import program
from tests.scanner import codes
from tests.system.running import done, hoiquan, one_line
from tests.traceability.conftest import HARVESTED, Grower, harvest, recall, sprayed, write
from traceability.digital_link import LotKey
from traceability.records import address
from traceability.records.shelf import Shelf
from traceability.sealing.seal import Sealer, lots, read

HERE = "http://localhost:22501"  # the address that `hoiquan up --http-port 22501` seals
PUBLIC = "https://truyxuat.dongthap.example"
TRIAL = text("label.trial", "vi")


class Shop:
    """A data folder with a lot that was sealed with an address; prints labels of the lot."""

    def __init__(self, folder: Path, sealer: Sealer, pilot: Pilot) -> None:
        self.folder, self.sealer = folder, sealer
        self.device = pilot.fleet["tam-que-diary-01"]
        sealed = write(sealer, self.device, harvest())
        assert sealed is not None
        sealer.note_published([sealed])
        self.key: LotKey = sealed.key

    def label(self, out: str, *more: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        arguments = ("trace", "label", *self.key, "--out", out, "--data", ".", *more)
        return hoiquan(self.folder, *arguments, **settings)

    def runs(self, base_url: str) -> None:
        """Write the address as a running `hoiquan up` does."""
        (self.folder / "running.json").write_text(json.dumps({"base_url": base_url}))


def shop(folder: Path, pilot: Pilot, base_url: str) -> Iterator[Shop]:
    sealer = Sealer(folder / "trace", pilot, Grower(), base_url, "example.org/log")
    yield Shop(folder, sealer, pilot)
    sealer.close()


@pytest.fixture
def local(tmp_path: Path, pilot: Pilot) -> Iterator[Shop]:
    yield from shop(tmp_path, pilot, HERE)


@pytest.fixture
def public(tmp_path: Path, pilot: Pilot) -> Iterator[Shop]:
    yield from shop(tmp_path, pilot, PUBLIC)


def code_in(path: Path) -> str:
    with Image.open(path) as picture:
        (code,) = codes(picture)
    return code.text


def test_without_a_server_it_is_the_address_that_was_sealed(public: Shop) -> None:
    said = done(public.label("lot.png"))
    assert said == f"{PUBLIC}{public.key.path} → lot.png\n"
    assert code_in(public.folder / "lot.png") == PUBLIC + public.key.path
    assert TRIAL not in said


def test_a_server_that_runs_and_an_operator_who_says_otherwise(public: Shop) -> None:
    public.runs("https://now.example")
    assert done(public.label("lot.svg")).startswith(f"https://now.example{public.key.path} ")
    said = done(public.label("lot.svg", HOIQUAN_BASE_URL="https://told.example/"))
    assert said.startswith(f"https://told.example{public.key.path} ")
    (public.folder / "running.json").write_text("no JSON")
    assert done(public.label("lot.svg")).startswith(PUBLIC)


@pytest.mark.parametrize("out", ["lot.svg", "lot.png", "lot.pdf"])
def test_an_address_of_this_machine_is_refused_with_cause_and_mend(local: Shop, out: str) -> None:
    for lang in LANGS:
        line = one_line(local.label(out, "--lang", lang), 2)
        assert line == f"hoiquan: {text('label.this_machine_s', lang, address=HERE)}"
        for mend in ("hoiquan up --bind 0.0.0.0", "HOIQUAN_BASE_URL", "--rehearsal"):
            assert mend in line
    assert not (local.folder / out).exists()
    assert done(local.label(out, HOIQUAN_BASE_URL=PUBLIC)).startswith(PUBLIC)


def test_a_rehearsal_s_label_says_that_it_is_one(local: Shop) -> None:
    for out in ("lot.svg", "lot.png", "lot.pdf"):
        assert done(local.label(out, "--rehearsal")) == f"{HERE}{local.key.path} → {out} · {TRIAL}\n"
    uri = HERE + local.key.path
    assert code_in(local.folder / "lot.png") == uri
    # the caption makes the picture higher than the code is wide
    with Image.open(local.folder / "lot.png") as whole:
        assert whole.height > whole.width * 1.05
    assert TRIAL in (local.folder / "lot.svg").read_text("utf-8")
    with browser.page() as page:
        page.open((local.folder / "lot.svg").as_uri(), 400, 400)
        page.picture(local.folder / "drawn.png")
    assert code_in(local.folder / "drawn.png") == uri
    words = subprocess.run(
        [program("pdftotext"), "lot.pdf", "-"], cwd=local.folder, check=True, capture_output=True, text=True
    )
    assert TRIAL in " ".join(words.stdout.split())


def test_a_rehearsal_under_a_public_address_says_so_too(public: Shop) -> None:
    assert text("label.rehearsal", "vi") in done(public.label("lot.png", "--rehearsal"))


def test_nor_does_one_that_should_not_have_been_sealed(public: Shop) -> None:
    write(public.sealer, public.device, sprayed(2, 30))
    line = one_line(public.label("lot.svg", "--lang", "vi"), 2)
    assert text("lot.pre_harvest_interval", "vi") in line and "--anyway" in line
    assert not (public.folder / "lot.svg").exists()
    done(public.label("lot.svg", "--anyway"))


def test_nor_one_that_went_into_others(public: Shop) -> None:
    parts = Split(event="split", id="s", ts=HARVESTED, plot="plot-1", crop="mango", harvest="mango-1",
                  parts=(400.0, 450.0))  # fmt: skip
    write(public.sealer, public.device, parts)
    (lots,) = (one["lots"] for one in Shelf(public.folder / "trace").addenda(public.key))
    for lang in LANGS:
        line = one_line(public.label("lot.pdf", "--lang", lang), 2)
        assert text("label.passed_on", lang, lots=", ".join(one["lot"] for one in lots)) in line
    assert not (public.folder / "lot.pdf").exists()


def test_nor_one_whose_record_cannot_be_verified(public: Shop) -> None:
    gtin, lot = public.key.gtin, public.key.lot
    record = public.folder / "trace" / "records" / gtin / f"{lot}.json"
    changed = record.read_bytes().replace(b'"value":850', b'"value":950')
    record.write_bytes(changed)
    for lang in ("vi", "en"):
        line = one_line(public.label("lot.svg", "--lang", lang), 2)
        assert text("page.not_verified", lang, reason=text("page.not_logged", lang)) in line
    done(public.label("lot.svg", "--anyway"))
    record.write_bytes(changed.replace(b'"value":950', b'"value":850'))
    recall(public.sealer, public.device)
    record.write_bytes(changed)
    line = one_line(public.label("lot.svg", "--lang", "en"), 2)
    reason = text("page.not_verified", "en", reason=text("page.not_logged", "en"))
    assert "recalled on 12 Nov 2026" in line and reason in line, "both are told"


def test_a_recalled_lot_gets_no_label(public: Shop) -> None:
    recall(public.sealer, public.device)
    for lang, why in (("vi", "THU HỒI ngày 12/11/2026"), ("en", "recalled on 12 Nov 2026")):
        line = one_line(public.label("lot.pdf", "--lang", lang), 2)
        assert f"{why}: dư lượng thuốc" in line and "--anyway" in line
    assert not (public.folder / "lot.pdf").exists()
    done(public.label("lot.pdf", "--anyway"))
    assert (public.folder / "lot.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("base_url", "only_here"),
    [
        ("http://localhost:8080", True),
        ("http://127.0.0.1", True),
        ("http://127.9.9.9:1", True),
        ("http://[::1]:8080", True),
        ("http://0.0.0.0:8080", True),
        ("http://farm.localhost", True),
        ("http://192.168.1.5:8080", False),
        ("https://localhost.example", False),
    ],
)
def test_what_only_this_machine_reaches(base_url: str, only_here: bool) -> None:
    assert address.this_machine_s(base_url) is only_here


@pytest.mark.parametrize("wrong", ["example.org", "ftp://example.org", "http://", "http://[::1"])
def test_an_address_that_is_none_is_one_line(public: Shop, wrong: str) -> None:
    assert "HOIQUAN_BASE_URL" in one_line(public.label("lot.png", HOIQUAN_BASE_URL=wrong), 2)


@pytest.mark.parametrize("wrong", ["example.org", "https://hội-quán.vn", "https://a b", "https://a?b"])
def test_pages_do_not_begin_under_an_address_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("HOIQUAN_BASE_URL", wrong)
    with pytest.raises(Misuse, match="HOIQUAN_BASE_URL"):
        Settings.read(data=tmp_path)


@pytest.mark.parametrize("good", [HERE, "https://a.example/b/", "http://my_host", "http://[::1]:8080"])
def test_addresses_of_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: str) -> None:
    monkeypatch.setenv("HOIQUAN_BASE_URL", good)
    assert Settings.read(data=tmp_path).base_url == good


def test_a_record_s_own_address_is_read_out_of_names_of_goods_alone(local: Shop) -> None:
    content = json.loads(read(local.folder / "trace", local.key) or b"")
    assert address.sealed(content) == HERE
    said = {"hoiquan:reason": f"http://evil.example{local.key.path}"}
    assert address.sealed(content | {"epcis": {"epcisBody": {"eventList": [said]}}}) == ""
    assert address.of(Settings(data=local.folder), content) == HERE


def test_a_part_of_a_lot_has_the_address_too(local: Shop) -> None:
    event = Split(event="split", id="half", ts=HARVESTED, plot="plot-1", crop="mango", harvest="mango-1",
                  parts=(500.0, 350.0))  # fmt: skip
    local.sealer.keep([(local.device, event)])
    local.sealer.note_published(local.sealer.seal_pending())
    parts = [LotKey(str(row["gtin"]), str(row["lot"])) for row in lots(local.folder / "trace")]
    assert len(parts) == 3
    for key in parts:
        assert address.sealed(json.loads(read(local.folder / "trace", key) or b"")) == HERE


def test_up_writes_its_address_where_commands_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOIQUAN_BASE_URL", raising=False)
    assert Settings.read().on_port(22501).base_url == HERE
    monkeypatch.setenv("HOIQUAN_BASE_URL", PUBLIC)
    assert Settings.read().on_port(22501).base_url == PUBLIC
