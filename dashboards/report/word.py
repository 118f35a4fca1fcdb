"""The report as DOCX, by python-docx: the same content and form, for an office that goes on writing in it.

Its font is Times New Roman itself, which everybody with Word has.
"""

from collections.abc import Sequence
from datetime import UTC
from io import BytesIO
from typing import Any

from docx import Document
from docx.document import Document as Page
from docx.enum.section import WD_ORIENT
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Length, Mm, Pt
from docx.table import Table, _Cell
from docx.text.paragraph import Paragraph

from dashboards.report.document import Block, Report
from dashboards.report.paper import picture

FONT = "Times New Roman"
WIDTH, HEIGHT = Mm(210), Mm(297)
TOP, BOTTOM, LEFT, RIGHT = Mm(20), Mm(20), Mm(30), Mm(15)
TEXT = Mm(165)  # the width between the margins
SIDES = (Mm(72), Mm(93))  # the office's side of the head, and the state's
BODY, HEAD, SMALL, MARK = Pt(13), Pt(12), Pt(11), Pt(10)
NOTHING = Pt(0)
INDENT = Mm(10)
CENTRE, BOTH, ASIDE = WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.JUSTIFY, WD_ALIGN_PARAGRAPH.LEFT
LANGUAGES = {"vi": "vi-VN", "en": "en-GB"}


def docx(report: Report) -> bytes:
    """The report as a Word file."""
    page = _page(report)
    _head(page, report)
    for one in report.basis:
        _body(page, one, italic=True)
    _body(page, report.opening)
    for block in report.blocks:
        _write(page, block)
    _body(page, report.closing).paragraph_format.keep_with_next = True  # no page with signatures alone
    _foot(page, report)
    for place, annex in enumerate(report.annexes):
        title = page.add_heading(annex.number, 1)
        title.alignment, title.paragraph_format.page_break_before = CENTRE, place == 0
        title.runs[0].font.size = Pt(14)
        _line(page.add_paragraph(), annex.name, bold=True).paragraph_format.keep_with_next = True
        _line(page.add_paragraph(), annex.attached, italic=True).paragraph_format.keep_with_next = True
        for block in annex.blocks:
            _write(page, block, close=True)
    file = BytesIO()
    page.save(file)
    return file.getvalue()


def _page(report: Report) -> Page:
    """An empty A4 page: fonts, margins, the page's number from the second on, the mark on each."""
    page = Document()
    defaults = page.styles.element.find(qn("w:docDefaults")).find(qn("w:rPrDefault")).find(qn("w:rPr"))
    defaults.find(qn("w:lang")).set(qn("w:val"), LANGUAGES[report.lang])
    for style in (page.styles["Normal"], page.styles["Heading 1"]):
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for name in list(fonts.attrib):
            del fonts.attrib[name]  # fonts of the theme would take precedence over these
        for script in ("ascii", "hAnsi", "cs", "eastAsia"):
            fonts.set(qn(f"w:{script}"), FONT)
        style.font.size = BODY
        style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(0), Pt(6)
        style.paragraph_format.line_spacing = 1.0
    heading = page.styles["Heading 1"]
    heading.font.bold, heading.font.color.rgb = True, None
    for colour in heading.element.rPr.findall(qn("w:color")):
        heading.element.rPr.remove(colour)
    heading.paragraph_format.space_before, heading.paragraph_format.keep_with_next = Pt(6), True
    section = page.sections[0]
    section.orientation, section.page_width, section.page_height = WD_ORIENT.PORTRAIT, WIDTH, HEIGHT
    section.top_margin, section.bottom_margin = TOP, BOTTOM
    section.left_margin, section.right_margin = LEFT, RIGHT
    section.header_distance, section.footer_distance = Mm(8), Mm(8)
    section.different_first_page_header_footer = True
    _number(section.header.paragraphs[0])
    if report.mark:
        for footer in (section.footer, section.first_page_footer):
            _line(footer.paragraphs[0], report.mark, size=MARK, bold=True)
    about = page.core_properties
    about.title, about.author, about.language = report.name, " ".join(report.office), LANGUAGES[report.lang]
    about.created = about.modified = report.made.astimezone(UTC).replace(tzinfo=None)
    about.comments = ""
    return page


def _head(page: Page, report: Report) -> None:
    """Office and state, number and date, title, to whom."""
    office, state = _sides(page)
    _line(office.paragraphs[0], "\n".join(report.above), size=HEAD)
    _line(office.add_paragraph(), "\n".join(report.office), size=HEAD, bold=True)
    _rule(office.add_paragraph(), Mm(24), SIDES[0])
    _line(office.add_paragraph(), report.number)
    _line(state.paragraphs[0], report.state, size=HEAD, bold=True)
    _line(state.add_paragraph(), report.motto, bold=True)
    _rule(state.add_paragraph(), Mm(57), SIDES[1])
    _line(state.add_paragraph(), report.place_and_date, italic=True)
    title = _line(page.add_paragraph(), report.title, size=Pt(14), bold=True)
    title.paragraph_format.space_before = Pt(12)
    _line(page.add_paragraph(), report.subject, bold=True)
    _rule(page.add_paragraph(), Mm(50), TEXT)
    if len(report.to) == 1:
        _line(page.add_paragraph(), f"{report.addressed} {report.to[0]}", after=Pt(8))
    else:
        # the dashes stand below the colon
        for at, one in ((Mm(35), report.addressed), *((Mm(53), f"- {one}") for one in report.to)):
            line = _line(page.add_paragraph(), one)
            line.alignment, line.paragraph_format.left_indent = ASIDE, at
        line.paragraph_format.space_after = Pt(8)


def _foot(page: Page, report: Report) -> None:
    """Recipients and signatures, kept on one page."""
    left, right = _sides(page)
    recipients = _line(left.paragraphs[0], report.recipients_title, size=HEAD, bold=True, italic=True)
    recipients.alignment = ASIDE
    for one in report.recipients:
        _line(left.add_paragraph(), f"- {one}", size=SMALL).alignment = ASIDE
    share = Length(SIDES[1] // len(report.signatures))
    signing = right.add_table(1, len(report.signatures))
    for cell, one in zip(signing.rows[0].cells, report.signatures, strict=True):
        cell.width = share
        _line(cell.paragraphs[0], one, bold=True, after=Mm(28))
    right._tc.remove(right.paragraphs[0]._p)  # the empty paragraph that each cell begins with
    right.add_paragraph()
    page.add_paragraph()


def _write(page: Page, block: Block, *, close: bool = False) -> None:
    """Write a block; `close` keeps a sentence on the page of what follows."""
    if block.kind == "heading":
        page.add_heading(block.text, 1)
    elif block.kind == "list":
        for (item,) in block.rows:
            _body(page, f"- {item}")
    elif block.kind == "table":
        _table(page, block)
    elif block.kind == "chart":
        caption = _line(page.add_paragraph(), block.text, bold=True)
        caption.alignment, caption.paragraph_format.keep_with_next = ASIDE, True
        shape = page.add_picture(BytesIO(picture(block.svg)), width=TEXT)
        shape._inline.docPr.set("descr", block.alt)
    else:
        _body(page, block.text).paragraph_format.keep_with_next = close


def _table(page: Page, block: Block) -> None:
    head, *rows = block.rows
    shares = sum(block.widths)
    widths = [Length(int(TEXT * share / shares)) for share in block.widths]
    table = page.add_table(0, len(head), style="Table Grid")
    _wide(table, widths)
    for place, row in enumerate(block.rows):
        bold = place == 0 or (block.summed and place == len(rows))
        line = table.add_row()
        line._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
        for number, (cell, content) in enumerate(zip(line.cells, row, strict=True)):
            cell.width = widths[number]
            written = _line(cell.paragraphs[0], content, size=SMALL, bold=bold)
            written.alignment = ASIDE if number == 0 else CENTRE
            written.paragraph_format.keep_with_next = place < len(rows) and len(rows) <= 12
    table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))  # again on the next page
    after = page.add_paragraph()
    after.paragraph_format.space_before = Pt(3)
    if block.text:
        _run(after, block.text, SMALL, italic=True)


def _body(page: Page, content: str, *, italic: bool = False) -> Paragraph:
    paragraph = page.add_paragraph()
    paragraph.alignment, paragraph.paragraph_format.first_line_indent = BOTH, INDENT
    _run(paragraph, content, BODY, italic=italic)
    return paragraph


def _line(
    paragraph: Paragraph, content: str, *, size: Pt = BODY, bold: bool = False, italic: bool = False,
    after: Length = NOTHING,
) -> Paragraph:  # fmt: skip
    """Write a centred line, with the space `after` it."""
    paragraph.alignment, paragraph.paragraph_format.space_after = CENTRE, after
    _run(paragraph, content, size, bold=bold, italic=italic)
    return paragraph


def _run(paragraph: Paragraph, content: str, size: Pt, *, bold: bool = False, italic: bool = False) -> None:
    run = paragraph.add_run(content)
    run.font.size, run.font.bold, run.font.italic = size, bold, italic


def _rule(paragraph: Paragraph, length: Length, within: Length) -> None:
    """Draw a centred rule: the lower border of a line of almost no height, indented from both sides."""
    layout = paragraph.paragraph_format
    layout.left_indent = layout.right_indent = Length((within - length) // 2)
    layout.space_after, layout.line_spacing = Pt(6), Pt(2)
    borders = _element("w:pBdr")
    borders.append(_element("w:bottom", val="single", sz="6", space="0", color="000000"))
    paragraph._p.get_or_add_pPr().insert_element_before(borders, "w:spacing", "w:ind", "w:jc")


def _sides(page: Page) -> tuple[_Cell, ...]:
    """Two cells without lines, to put things side by side."""
    table: Table = page.add_table(1, len(SIDES))
    _wide(table, SIDES)
    (row,) = table.rows
    row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
    cells: tuple[_Cell, ...] = row.cells
    for cell, width in zip(cells, SIDES, strict=True):
        cell.width = width
    return cells


def _wide(table: Table, widths: Sequence[Length]) -> None:
    """Set the widths of the columns, for programs that read these; Word reads those of the cells."""
    table.alignment, table.autofit = WD_TABLE_ALIGNMENT.CENTER, False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    margins = _element("w:tblCellMar")
    margins.extend(_element(f"w:{side}", w="57", type="dxa") for side in ("left", "right"))  # 1 mm
    table._tbl.tblPr.append(margins)


def _number(paragraph: Paragraph) -> None:
    """Write the page's number, centred."""
    paragraph.alignment = CENTRE
    for part in ("begin", "PAGE", "end"):
        run = paragraph.add_run()
        run.font.size = BODY
        if part == "PAGE":
            field = _element("w:instrText")
            field.text = part
        else:
            field = _element("w:fldChar", fldCharType=part)
        run._r.append(field)


def _element(tag: str, **attributes: str) -> Any:
    element = OxmlElement(tag)
    for name, value in attributes.items():
        element.set(qn(f"w:{name}"), value)
    return element
