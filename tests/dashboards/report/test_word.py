"""The report as DOCX, read back: it has the report's form and content."""

from io import BytesIO

import pytest
from docx import Document
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from dashboards.report.word import docx
from tests.dashboards.report.filled import PLAYED, filled, report


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    store = filled(tmp_path_factory.mktemp("word") / "store.sqlite")
    yield report(store, played=PLAYED)
    store.close()


@pytest.fixture(scope="module")
def page(made):
    return Document(BytesIO(docx(made)))


def test_page_margins_and_number(page):
    [section] = page.sections
    assert abs(section.page_width - Mm(210)) < Mm(0.1) and abs(section.page_height - Mm(297)) < Mm(0.1)
    for margin, low, high in (
        (section.top_margin, 20, 25), (section.bottom_margin, 20, 25), (section.left_margin, 30, 35),
        (section.right_margin, 15, 20),
    ):  # fmt: skip
        assert low - 0.1 <= margin.mm <= high
    assert section.different_first_page_header_footer
    assert not section.first_page_header.paragraphs[0]._p.findall(f".//{qn('w:instrText')}")
    [field] = section.header.paragraphs[0]._p.findall(f".//{qn('w:instrText')}")
    assert field.text == "PAGE" and section.header.paragraphs[0].alignment == 1


def test_every_page_says_that_it_is_a_rehearsal(page):
    [section] = page.sections
    for footer in (section.footer, section.first_page_footer):
        assert footer.paragraphs[0].text.startswith("SỐ LIỆU DIỄN TẬP: mười năm")


def test_the_font_is_times_of_13_points_and_the_language_vietnamese(page):
    style = page.styles["Normal"]
    assert style.font.name == "Times New Roman" and style.font.size == Pt(13)
    fonts = page.styles["Heading 1"].element.rPr.rFonts
    assert fonts.get(qn("w:ascii")) == "Times New Roman" and fonts.get(qn("w:asciiTheme")) is None
    assert page.styles.element.find(f".//{qn('w:lang')}").get(qn("w:val")) == "vi-VN"
    sizes = {run.font.size.pt for one in page.paragraphs for run in one.runs if run.font.size}
    assert sizes <= {11, 13, 14}


def test_its_content_is_the_reports(page, made):
    said = [one.text for one in page.paragraphs]
    for one in (made.title, made.subject, *made.basis, made.opening, made.closing):
        assert one in said
    at = said.index("Kính gửi:")
    assert said[at + 1 : at + 3] == ["- Tỉnh ủy Đồng Tháp;", "- Ủy ban nhân dân tỉnh Đồng Tháp."]
    headings = [one.text for one in page.paragraphs if one.style.name == "Heading 1"]
    assert headings == [
        *(block.text for block in made.blocks if block.kind == "heading"),
        *(one.number for one in made.annexes),
    ]  # fmt: skip
    found = [tuple(tuple(cell.text for cell in row.cells) for row in table.rows) for table in page.tables]
    blocks = (*made.blocks, *(block for annex in made.annexes for block in annex.blocks))
    assert [one for one in found if len(one) > 1] == [one.rows for one in blocks if one.kind == "table"]
    head, foot = found[0], next(one for one in found if "Nơi nhận" in one[0][0])
    assert "CỘNG HÒA" in head[0][1] and "Số: ……/BC-SKHCN" in head[0][0]
    assert "- Lưu: VT." in foot[0][0]
    closing = next(one for one in page.paragraphs if one.text == made.closing)
    assert closing.paragraph_format.keep_with_next, "nobody signs a page with nothing else on it"


def test_charts_are_pictures_with_their_sentence(page, made):
    charts = [block for block in made.blocks if block.kind == "chart"]
    assert len(page.inline_shapes) == len(charts) == 3
    for shape, block in zip(page.inline_shapes, charts, strict=True):
        assert shape._inline.docPr.get("descr") == block.alt and abs(shape.width - Mm(165)) < Mm(0.1)


def test_what_the_file_is_called(page, made):
    about = page.core_properties
    assert (
        about.title == made.name and about.language == "vi-VN" and about.author == "SỞ KHOA HỌC VÀ CÔNG NGHỆ"
    )


def test_the_forecasts_band_hides_no_line_of_its_chart(made):
    """Where a target is likely to be met, the plan's path runs through the band."""
    for block in (block for block in made.blocks if block.kind == "chart"):
        assert block.svg.count("<polygon") == 1 and "<polyline" not in block.svg.partition("<polygon")[0]
