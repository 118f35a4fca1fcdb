"""The QR code of a lot, and sheets of labels to print and stick on: error correction M, GS1's module sizes.

A code with a stain over a twentieth of its modules can be read. Single spoilt modules all over the code are
worse, because a codeword has eight modules: one spoilt module in a hundred spoils 8 % of the codewords, which
can be read; one in twenty spoils 34 %, which is more than any level of QR can mend (M 15 %, H 30 %).

LotKey ─► Digital Link URI ─► QR ─► svg, png (on the page)
                              └► label: name, producer, (01) (10), short link ─► templates/label.typ ─► pdf
"""

import io
import json
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import segno
from markupsafe import escape
from PIL import Image

from devices.texts import Misuse, day, rounded, text
from traceability.digital_link import LotKey
from traceability.records import story

QUIET = 4  # modules around the code, ISO/IEC 18004
DRAWN, PIXELS = 4, 8  # units of a module in an SVG, pixels in a PNG
# GS1 General Specifications 5.12.3.1, QR codes with a Digital Link at retail points of sale: mm a module
LEAST, MOST = 0.396, 0.990
DOT = 25.4 / 203  # mm per dot of a common label printer; modules of whole dots print sharply
TEMPLATE = Path(__file__).parents[1] / "templates" / "label.typ"
CAPTIONED = TEMPLATE.with_name("captioned.typ")


class LabelError(Misuse):
    """The label cannot be printed; the sentence names cause and remedy."""


@dataclass(frozen=True, slots=True)
class Paper:
    """Sizes in mm of the page and of one label, and the number of labels in a row and in a column."""

    page: tuple[float, float]
    label: tuple[float, float]
    columns: int = 1
    rows: int = 1


PAPERS = {
    "roll": Paper((50, 30), (50, 30)),
    "a4": Paper((210, 297), (70, 37), columns=3, rows=8),  # the usual 24 labels, 0.5 mm left above and below
}
MARGIN = 1.5  # mm inside a label
# characters that Libertinus Serif, typst's own font, may lack; PDF/A wants every character drawn
UNDRAWN = re.compile("[^ -~\u00a0-\u024f\u0300-\u0309\u0323\u1e00-\u1eff\u2010-\u2026\u20ab\u20ac]")


@dataclass(frozen=True, slots=True)
class Label:
    """The text on a label beside its code."""

    key: LotKey
    name: str
    producer: str
    harvested: str
    note: str  # may be empty; says for example that the label is a rehearsal's


def of(record: dict[str, Any], later: Sequence[dict[str, Any]] = (), trial: str = "") -> Label:
    """The label of a sealed record, with the day of harvest as corrected by its addenda `later`.

    `trial` is a note for a label that is only to be tried out.
    """
    harvested = story.harvested(record, later)
    return Label(
        LotKey(record["gtin"], record["lot"]),
        record["product"]["name"]["vi"],
        record["producer"]["name"],
        text("label.harvested", "vi", day=day(harvested, "vi")),
        trial or (text("label.rehearsal", "vi") if record["simulated"] or record["fictional"] else ""),
    )


def svg(uri: str, trial: str = "") -> bytes:
    """The code as a scalable picture, with the text `trial` below it. Its ground is white wherever it stands:
    on a dark page nothing could be read.
    """
    code = _save(uri, "svg", scale=DRAWN, xmldecl=False, svgclass=None, lineclass=None, light="#fff")
    if not trial:
        return code
    side = _side(uri) * DRAWN
    height, wide = round(side * 1.08), round(side * 0.92)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}" height="{height}" '
        f'viewBox="0 0 {side} {height}"><rect width="{side}" height="{height}" fill="#fff"/>{code.decode()}'
        f'<text x="{side / 2:g}" y="{side * 1.03:g}" text-anchor="middle" textLength="{wide}" '
        f'lengthAdjust="spacingAndGlyphs" font-family="sans-serif" font-size="{side / 20:g}" '
        f'font-weight="bold">{escape(trial)}</text></svg>'
    ).encode()


def png(uri: str, trial: str = "") -> bytes:
    """The code as a bitmap; printed at its own resolution, a module is 0.5 mm wide."""
    dpi = round(PIXELS * 25.4 / 0.5)
    code = _save(uri, "png", scale=PIXELS, dpi=dpi)
    if not trial:
        return code
    import typst  # imported late: 7 MB that a process without labels saves

    data = json.dumps({"qr": list(code), "side": _side(uri) * PIXELS, "caption": trial})
    drawn = typst.compile(CAPTIONED.read_bytes(), format="png", ppi=72, sys_inputs={"data": data},
                          ignore_system_fonts=True)  # fmt: skip
    assert isinstance(drawn, bytes)  # a single page gives bytes
    out = io.BytesIO()
    with Image.open(io.BytesIO(drawn)) as whole:
        whole.convert("L").save(out, "PNG", dpi=(dpi, dpi))
    return out.getvalue()


def pdf(labels: list[Label], base_url: str, paper: str) -> bytes:
    """A sheet of labels, in order, as PDF/A-2b and PDF/UA-1. Raises LabelError."""
    if paper not in PAPERS:
        raise LabelError("label.no_paper", paper=paper, there=", ".join(PAPERS))
    if not labels:
        raise LabelError("label.none")
    import typst

    size = PAPERS[paper]
    filled = {label.key: _filled(label, base_url, size) for label in labels}
    page = {
        "page": size.page,
        "label": size.label,
        "columns": size.columns,
        "rows": size.rows,
        "margin": MARGIN,
        "title": text("label.title", "vi", lots=", ".join(key.lot for key in filled)),
        "author": drawn(labels[0].producer),
        "date": datetime.now(UTC).timetuple()[:3],  # the sheet's date
    }
    data = json.dumps(page | {"labels": [filled[label.key] for label in labels]})
    return typst.compile(
        TEMPLATE.read_bytes(), sys_inputs={"data": data}, ignore_system_fonts=True,
        pdf_standards=["a-2b", "ua-1"],  # PDF/A for the lot's archive, PDF/UA for screen readers
    )  # fmt: skip


def module_mm(modules: int, room_mm: float) -> float:
    """The width in mm of a module, for a code of `modules` (with quiet zone) in `room_mm`.

    As large as fits, in whole printer dots where those are allowed. Raises LabelError.
    """
    size = min(room_mm / modules, MOST)
    if size < LEAST:
        needed = rounded(modules * LEAST, 1)
        raise LabelError("label.too_small", modules=modules, needed=needed, room=room_mm)
    dots = math.floor(size / DOT) * DOT
    return dots if dots >= LEAST else size


def drawn(words: str) -> str:
    """`words` with a question mark for each character that the label's font may lack."""
    return UNDRAWN.sub("?", unicodedata.normalize("NFC", words))


def _filled(label: Label, base_url: str, size: Paper) -> dict[str, object]:
    uri = base_url + label.key.path
    modules = _side(uri)
    room = min(size.label[1] - 2 * MARGIN, size.label[0] / 2)
    return {
        "qr": svg(uri).decode(),
        "alt": text("label.alt", "vi", uri=uri),
        "side": modules * module_mm(modules, room),
        "name": drawn(label.name),
        "producer": drawn(label.producer),
        "harvested": drawn(label.harvested),
        "note": drawn(label.note),
        "gtin": f"(01) {label.key.gtin}",
        "lot": f"(10) {label.key.lot}",
        "short": f"{base_url.partition('://')[2]}/s/{label.key.lot}",
    }


def _side(uri: str) -> int:
    """Number of modules in a side of the code, with the quiet zone."""
    return int(_code(uri).symbol_size(border=QUIET)[0])


def _code(uri: str) -> segno.QRCode:
    return segno.make(uri, error="m", boost_error=False, micro=False)


def _save(uri: str, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    _code(uri).save(out, kind=kind, border=QUIET, **options)
    return out.getvalue()
