"""Labels at GS1's sizes are read back as by a phone, from the printer's files, with a stain on them."""

import random
import re
import subprocess
from pathlib import Path

import pytest
import segno
import zxingcpp
from PIL import Image, ImageDraw

from tests.programs import program
from tests.scanner import codes
from traceability.digital_link import LotKey
from traceability.pages import label

BASE = "https://truyxuat.dongthap.example"
KEY = LotKey("02000000000039", "TQ261112-PJIDMRMH")
URI = BASE + KEY.path
LABEL = label.Label(KEY, "Xoài cát Hòa Lộc", "Hội quán Tâm Quê", "Thu hoạch 12/11/2026", "DIỄN TẬP")
DPI = 200


def pages(data: bytes, folder: Path, dpi: int = DPI) -> list[Image.Image]:
    (folder / "labels.pdf").write_bytes(data)
    command = [program("pdftoppm"), "-r", str(dpi), "-gray", "-png", "labels.pdf", "page"]
    subprocess.run(command, cwd=folder, check=True)
    return [Image.open(path).convert("L") for path in sorted(folder.glob("page*.png"))]


def stained(picture: Image.Image, code: zxingcpp.Barcode, share: float, seed: int) -> Image.Image:
    """The picture with a square blot of this share of the code's modules, somewhere on its data: without its
    three corners no reader finds a code.
    """
    at = random.Random(seed)
    corner = code.position.top_left
    side = code.position.top_right.x - corner.x
    blot = side * share**0.5
    while True:
        x, y = at.uniform(0, side - blot), at.uniform(0, side - blot)
        eye = side * 9 / 33  # an eye and its border, of 33 modules or more
        if not any(x < ex + eye and ex < x + blot and y < ey + eye and ey < y + blot
                   for ex, ey in ((0, 0), (side - eye, 0), (0, side - eye))):  # fmt: skip
            break
    spoilt = picture.copy()
    box = (corner.x + x, corner.y + y, corner.x + x + blot, corner.y + y + blot)
    ImageDraw.Draw(spoilt).rectangle(box, fill=at.choice((0, 255)))
    return spoilt


def read(picture: Image.Image) -> list[str]:
    return [code.text for code in codes(picture)]


@pytest.mark.parametrize(("paper", "copies", "sheets"), [("roll", 3, 3), ("a4", 24, 1), ("a4", 25, 2)])
def test_every_label_of_a_sheet_is_read(tmp_path: Path, paper: str, copies: int, sheets: int) -> None:
    made = pages(label.pdf([LABEL] * copies, BASE, paper), tmp_path)
    assert len(made) == sheets
    width, height = (mm / 25.4 * DPI for mm in label.PAPERS[paper].page)
    assert all(abs(p.width - width) < 2 and abs(p.height - height) < 2 for p in made)
    assert [text for page in made for text in read(page)] == [URI] * copies


@pytest.mark.parametrize("paper", label.PAPERS)
@pytest.mark.parametrize("seed", range(20))
def test_a_stain_of_a_twentieth_is_read_from_the_sheet(tmp_path: Path, paper: str, seed: int) -> None:
    (page,) = pages(label.pdf([LABEL], BASE, paper), tmp_path)
    (code,) = codes(page)
    assert read(stained(page, code, 0.05, seed)) == [URI]


@pytest.mark.parametrize("seed", range(20))
def test_a_stain_of_a_twentieth_is_read_from_the_picture(tmp_path: Path, seed: int) -> None:
    (tmp_path / "qr.png").write_bytes(label.png(URI))
    picture = Image.open(tmp_path / "qr.png").convert("L")
    (code,) = codes(picture)
    assert read(stained(picture, code, 0.05, seed)) == [URI]


def specked(picture: Image.Image, code: zxingcpp.Barcode, share: float, seed: int) -> Image.Image:
    """The picture with single modules inverted, all over its data."""
    at = random.Random(seed)
    modules = segno.make(URI, error="m", boost_error=False).symbol_size(border=0)[0]
    corner = code.position.top_left
    side = (code.position.top_right.x - corner.x) / modules
    free = [(x, y) for x in range(modules) for y in range(modules)
            if not any(x in ex and y in ey for ex, ey in eyes(modules))]  # fmt: skip
    spoilt = picture.copy()
    for x, y in at.sample(free, round(share * modules**2)):
        left, top = corner.x + x * side, corner.y + y * side
        box = [round(place) for place in (left, top, left + side - 1, top + side - 1)]
        middle = picture.getpixel(((box[0] + box[2]) // 2, (box[1] + box[3]) // 2))
        ImageDraw.Draw(spoilt).rectangle(box, fill=255 if middle < 128 else 0)  # type: ignore[operator]
    return spoilt


def eyes(modules: int) -> list[tuple[range, range]]:
    """The three eyes with their borders, and the format information beside them."""
    first, last = range(9), range(modules - 8, modules)
    return [(first, first), (last, first), (first, last)]


@pytest.mark.parametrize("paper", label.PAPERS)
@pytest.mark.parametrize("seed", range(10))
def test_specks_on_a_hundredth_are_read_from_the_sheet(tmp_path: Path, paper: str, seed: int) -> None:
    """More than 2 in a hundred would damage more codewords than error correction M repairs: label.py."""
    (page,) = pages(label.pdf([LABEL], BASE, paper), tmp_path)
    (code,) = codes(page)
    assert read(specked(page, code, 0.01, seed)) == [URI]


@pytest.mark.parametrize("seed", range(20))
def test_specks_on_a_hundredth_are_read_from_the_picture(tmp_path: Path, seed: int) -> None:
    (tmp_path / "qr.png").write_bytes(label.png(URI))
    picture = Image.open(tmp_path / "qr.png").convert("L")
    (code,) = codes(picture)
    assert read(specked(picture, code, 0.01, seed)) == [URI]


@pytest.mark.parametrize("paper", label.PAPERS)
def test_modules_are_of_gs1_s_size_on_paper(tmp_path: Path, paper: str) -> None:
    """Measured in the raster: the side of the code, divided by its modules."""
    dpi = 600
    (page,) = pages(label.pdf([LABEL], BASE, paper), tmp_path, dpi)
    (code,) = codes(page)
    side = (code.position.top_right.x - code.position.top_left.x) / dpi * 25.4
    modules = segno.make(URI, error="m", boost_error=False).symbol_size(border=0)[0]
    assert 0.396 <= side / modules <= 0.990


def test_what_a_person_reads_is_there_with_its_marks(tmp_path: Path) -> None:
    (tmp_path / "labels.pdf").write_bytes(label.pdf([LABEL], BASE, "roll"))
    found = subprocess.run(
        [program("pdftotext"), "labels.pdf", "-"], cwd=tmp_path, check=True, capture_output=True
    )
    words = found.stdout.decode().replace("\n", " ")
    for part in ("Xoài cát Hòa Lộc", "Hội quán Tâm Quê", f"(01) {KEY.gtin}", f"(10) {KEY.lot}", "DIỄN TẬP"):
        assert part in words
    fonts = subprocess.run([program("pdffonts"), "labels.pdf"], cwd=tmp_path, check=True, capture_output=True)
    assert all(line.split()[-5] == "yes" for line in fonts.stdout.decode().splitlines()[2:])  # embedded


def test_hostile_names_are_text() -> None:
    hostile = label.Label(KEY, '#read("/etc/passwd")', "$x$ *b* \\ <a>", "\u202e", '"#')
    assert label.pdf([hostile], BASE, "roll").startswith(b"%PDF")


def test_what_no_font_draws_is_a_question_mark() -> None:
    """PDF/A requires a glyph for every character, and a name must not prevent a label."""
    assert label.drawn("Xoài \U0001f600 漢 a\u0301") == "Xoài ? ? á"
    assert label.drawn("Ưu Đãi ₫ ễ ợ ỹ – “”") == "Ưu Đãi ₫ ễ ợ ỹ – “”"
    assert label.pdf([label.Label(KEY, "😀", "漢", "ﷺ", "Ưu")], BASE, "a4").startswith(b"%PDF")


@pytest.mark.parametrize("paper", label.PAPERS)
def test_a_sheet_is_a_document_to_keep_and_to_be_read_aloud(tmp_path: Path, paper: str) -> None:
    """PDF/A-2b and PDF/UA-1, as tests/dashboards/report/test_verapdf.py has judged."""
    (tmp_path / "labels.pdf").write_bytes(label.pdf([LABEL] * 24, BASE, paper))
    told = subprocess.run([program("pdfinfo"), "labels.pdf"], cwd=tmp_path, check=True, capture_output=True)
    words = told.stdout.decode()
    assert re.search(rf"Title: +Nhãn truy xuất nguồn gốc, lô {KEY.lot}", words)
    assert re.search(r"Author: +Hội quán Tâm Quê", words) and re.search(r"Tagged: +yes", words)
    written = label.pdf([LABEL], BASE, paper)
    assert b"pdfaid:part>2<" in written and b"pdfuaid:part>1<" in written and b"/Lang" in written


@pytest.mark.parametrize(
    ("modules", "room", "size"),
    [(41, 27, 5 * label.DOT), (49, 27, 4 * label.DOT), (66, 27, 27 / 66), (20, 100, 7 * label.DOT)],
)
def test_modules_are_whole_dots_where_they_may_be(modules: int, room: float, size: float) -> None:
    found = label.module_mm(modules, room)
    assert found == pytest.approx(size)
    assert label.LEAST <= found <= label.MOST and modules * found <= room + 1e-9


def test_a_code_that_would_be_too_small_is_refused() -> None:
    with pytest.raises(label.LabelError, match="HOIQUAN_BASE_URL"):
        label.pdf([LABEL], "https://" + "x" * 200, "roll")
    with pytest.raises(label.LabelError, match="roll, a4"):
        label.pdf([LABEL], BASE, "letter")


def test_the_picture_has_gs1_s_size_at_its_own_resolution(tmp_path: Path) -> None:
    (tmp_path / "qr.png").write_bytes(label.png(URI))
    picture = Image.open(tmp_path / "qr.png")
    assert 0.396 <= 8 / picture.info["dpi"][0] * 25.4 <= 0.990
