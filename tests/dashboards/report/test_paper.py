"""The report on paper, measured in the PDF: Decree 30/2020/NĐ-CP, annex I; fonts, title, language, PDF/A."""

import re
import subprocess
import unicodedata
from itertools import pairwise

import pytest
import typst
from PIL import Image

from dashboards.report.paper import DRAWN, FONTS, pdf
from devices.texts import catalogue
from tests.dashboards.report.filled import PILOT, PLAYED, filled, report
from tests.programs import program
from tests.scanner import codes
from traceability.pages import label

MM = 72 / 25.4  # points
HIGH = 0.693 + 0.216  # Tinos's typographic ascent plus descent, which is the height of a box of pdftotext
NEAR = 0.3  # points; the bold face measures 2 % less
WORD = re.compile(r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">(.*?)</word>')


class Page:
    """The words of a page: (left, top, right, bottom in mm, size in points, word)."""

    def __init__(self, text):
        self.width, self.height = (
            float(one) / MM for one in re.search(r'width="([\d.]+)" height="([\d.]+)"', text).groups()
        )
        self.words = [
            (float(x) / MM, float(y) / MM, float(to) / MM, float(end) / MM, (float(end) - float(y)) / HIGH,
             unicodedata.normalize("NFC", word))
            for x, y, to, end, word in WORD.findall(text)
        ]  # fmt: skip

    def find(self, *words):
        """The first place where these words follow one another."""
        texts = [one[5] for one in self.words]
        at = next(at for at in range(len(texts)) if texts[at : at + len(words)] == list(words))
        return self.words[at : at + len(words)]

    def middle(self, *words):
        """(middle of these words in mm from the left, their size)."""
        found = self.find(*words)
        return (found[0][0] + found[-1][2]) / 2, found[0][4]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = filled(tmp_path_factory.mktemp("paper") / "store.sqlite")
    yield made
    made.close()


def said(*arguments):
    return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def file(store, tmp_path_factory):
    path = tmp_path_factory.mktemp("paper") / "report.pdf"
    path.write_bytes(pdf(report(store, played=PLAYED)))
    return path


@pytest.fixture(scope="module")
def pages(file):
    boxes = said(program("pdftotext"), "-bbox", file, "-")
    return [Page(text) for text in boxes.split("<page ")[1:]]


def test_a4_with_the_decrees_margins(pages):
    assert len(pages) > 4
    for number, page in enumerate(pages, 1):
        assert (round(page.width), round(page.height)) == (210, 297)
        top, bottom = 20, 297 - 20
        body = [one for one in page.words if one[1] > top - 1 and one[3] < bottom + 1]
        assert min(one[0] for one in body) >= 30 - 0.1, "30 to 35 mm on the left"
        assert max(one[2] for one in body) <= 210 - 15 + 0.1, "15 to 20 mm on the right"
        assert min(one[1] for one in body) >= top - 0.1 and max(one[3] for one in body) <= bottom + 0.1
        beyond = [one for one in page.words if one[1] < top - 1]
        assert [one[5] for one in beyond] == ([str(number)] if number > 1 else []), "from the second page on"
        for one in beyond:
            assert one[4] == pytest.approx(13, abs=NEAR)
            assert (one[0] + one[2]) / 2 == pytest.approx(30 + 165 / 2, abs=0.5), "in the middle of the text"


def test_sizes_and_places_of_the_head(pages):
    page = pages[0]
    state, size = page.middle("CỘNG", "HÒA", "XÃ", "HỘI", "CHỦ", "NGHĨA", "VIỆT", "NAM")
    assert size == pytest.approx(12, abs=NEAR)
    motto, size = page.middle("Độc", "lập", "-", "Tự", "do", "-", "Hạnh", "phúc")
    assert size == pytest.approx(13, abs=NEAR) and motto == pytest.approx(state, abs=0.5)
    office, size = page.middle("SỞ", "KHOA", "HỌC", "VÀ", "CÔNG", "NGHỆ")
    assert size == pytest.approx(12, abs=NEAR)
    number, size = page.middle("Số:", "……/BC-SKHCN")
    assert size == pytest.approx(13, abs=NEAR) and number == pytest.approx(office, abs=0.5)
    above, _ = page.middle("TỈNH", "ĐỒNG", "THÁP")
    assert above == pytest.approx(office, abs=0.5)
    [day] = page.find("2026")[:1]
    [place] = page.find("Đồng", "Tháp,")[:1]
    assert place[1] == pytest.approx(page.find("Số:")[0][1], abs=0.2), "on the line of the number"
    assert day[4] == pytest.approx(13, abs=NEAR)
    title, size = page.middle("BÁO", "CÁO")
    assert size == pytest.approx(14, abs=NEAR) and title == pytest.approx(30 + 165 / 2, abs=0.5)
    assert office < title < state


def test_the_body_is_of_13_points_and_ends_as_it_should(pages):
    [word] = pages[0].find("Căn", "cứ", "Kế", "hoạch")[:1]
    assert word[4] == pytest.approx(13, abs=NEAR)
    assert word[0] == pytest.approx(30 + 10, abs=0.2), "the first line is drawn in by 10 mm"
    lines = sorted({one[1] for one in pages[0].words if one[0] < 90 and round(one[4]) == 13})
    pitch = min(after - line for line, after in pairwise(lines) if after - line > 1) * MM
    assert 1.149 * 13 <= pitch <= 1.5 * 1.149 * 13, "from single spacing, as Word has it, to one and a half"
    page = next(page for page in pages if any(one[5].endswith("./.") for one in page.words))
    ends = next(one for one in page.words if one[5].endswith("./."))
    [to] = page.find("Nơi", "nhận:")[:1]
    [first] = page.find("-", "Như", "trên;")[:1]
    [last] = page.find("-", "Lưu:", "VT.")[:1]
    assert ends[3] < to[1] < first[1] < last[1]
    assert to[4] == pytest.approx(12, abs=NEAR) and first[4] == pytest.approx(11, abs=NEAR)
    assert first[0] == pytest.approx(30, abs=0.2)
    director, size = page.middle("GIÁM", "ĐỐC")
    assert size == pytest.approx(13, abs=NEAR) and director > 110


def test_every_page_says_that_it_is_a_rehearsal(pages):
    for page in pages:
        [mark] = page.find("SỐ", "LIỆU", "DIỄN", "TẬP:")[:1]
        assert mark[1] > 297 - 20


def test_fonts_are_embedded_and_of_times_metrics(file):
    table = said(program("pdffonts"), file).splitlines()[2:]
    assert table and all(line.split()[-5] == "yes" for line in table), "every font is embedded"
    names = {line.split()[0].partition("+")[2] for line in table}
    assert names == {"Tinos", "Tinos-Bold", "Tinos-Italic", "Tinos-BoldItalic"}


def test_pdf_a_title_and_language(file, store):
    content = file.read_bytes()
    about = content[content.index(b"<?xpacket") : content.index(b"<?xpacket end")].decode()
    assert "<pdfaid:part>2</pdfaid:part>" in about and "<pdfaid:conformance>B</pdfaid:conformance>" in about
    assert "<pdfuaid:part>1</pdfuaid:part>" in about
    assert "BÁO CÁO: Kết quả thực hiện các chỉ tiêu" in about and "vi-VN" in about
    assert b"/Lang(vi-VN)" in content or b"/Lang (vi-VN)" in content
    again = pdf(report(store, played=PLAYED))
    assert again == content, "the same bytes for the same numbers"


def test_the_fonts_draw_what_is_said_to_be_drawn():
    """Every character of the list, and of the catalogue; otherwise no PDF/A could be made."""
    drawn = [chr(one) for first, last in DRAWN for one in range(first, last + 1)]
    source = '#set text(font: "Tinos")\n#sys.inputs.all'
    for face in ("", '#set text(weight: "bold")\n', '#set text(style: "italic")\n'):
        typst.compile(
            (face + source).encode(), format="pdf", font_paths=FONTS, sys_inputs={"all": "".join(drawn)},
            pdf_standards=["a-2b"],
        )  # fmt: skip
    said = {
        letter
        for key, entry in catalogue().items()
        if key.startswith("report.")
        for letter in "".join(entry.values())
    }
    assert said <= set(drawn)


def test_a_character_without_a_glyph_and_decomposed_letters_are_no_trouble(store):
    names = ("Tâm Quê 😀 龍", unicodedata.normalize("NFD", "Thuận Tân"), "A <b> #set *x*")
    changed = tuple(
        one.model_copy(update={"name": name}) for one, name in zip(PILOT.communities, names, strict=False)
    )
    pilot = PILOT.model_copy(update={"communities": (*changed, *PILOT.communities[len(names) :])})
    assert pdf(report(store, pilot=pilot)).startswith(b"%PDF")


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_a_year_without_data_and_a_review_are_set_too(store, lang):
    assert pdf(report(store, 2024, lang)).startswith(b"%PDF")
    assert pdf(report(store, 2026, lang, years=5)).startswith(b"%PDF")


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_a_sealed_report_bears_the_address_that_checks_it(store, tmp_path, lang):
    """The QR code is read at 150 dots an inch; without an alt text typst would refuse PDF/A."""
    address = "https://village.example/report/0123456789abcdef"
    (tmp_path / "a.pdf").write_bytes(pdf(report(store, lang=lang), address, label.svg(address).decode()))
    command = [program("pdftoppm"), "-r", "150", "-png", str(tmp_path / "a.pdf"), str(tmp_path / "page")]
    subprocess.run(command, check=True, timeout=60)
    read = [code.text for page in sorted(tmp_path.glob("page*.png")) for code in codes(Image.open(page))]
    assert read == [address]
    said = {"vi": "Kiểm tra báo cáo này", "en": "Check this report"}[lang]
    assert (
        said
        in subprocess.run(
            [program("pdftotext"), str(tmp_path / "a.pdf"), "-"], capture_output=True, check=True, text=True
        ).stdout
    )
