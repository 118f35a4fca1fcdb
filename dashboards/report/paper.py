"""The report as PDF, set by typst with the fonts beside this file: the same bytes on every machine.

The decree wants Times New Roman, which nobody may pass on. Tinos has the same metrics, letter by letter, all
letters of Vietnamese, and the SIL Open Font License (fonts/OFL.txt). Its four faces (1.33), without hinting
and with only the characters in DRAWN, take 140 kB. They are made by fonttools:

    pyftsubset Tinos-Regular.ttf --no-hinting --name-IDs='*' --unicodes=…
"""

import json
import re
import unicodedata
from dataclasses import asdict
from datetime import UTC
from pathlib import Path

import typst

from dashboards.report.document import Report
from dashboards.report.words import say

TEMPLATE = Path(__file__).parents[1] / "templates" / "report.typ"
FONTS = typst.Fonts(include_system_fonts=False, font_paths=[Path(__file__).with_name("fonts")])
DRAWN = (  # first and last of each run of characters that the fonts draw
    (0x20, 0x7E), (0xA0, 0x17F), (0x1A0, 0x1A1), (0x1AF, 0x1B0), (0x300, 0x304), (0x306, 0x309),
    (0x323, 0x323), (0x1EA0, 0x1EF9), (0x2010, 0x2026), (0x2030, 0x2030), (0x2032, 0x2033), (0x20AB, 0x20AC),
    (0x2190, 0x2193), (0x2212, 0x2212), (0x2248, 0x2248), (0x2260, 0x2260), (0x2264, 0x2265),
)  # fmt: skip
_OTHERS = re.compile(f"[^{''.join(f'{chr(first)}-{chr(last)}' for first, last in DRAWN)}]")
PICTURE = b"""#set page(width: auto, height: auto, margin: 0pt)
#image(bytes(sys.inputs.svg), format: "svg", width: 165mm)"""


def pdf(report: Report, address: str = "", code: str = "") -> bytes:
    """The report on A4. Its content reaches the template as data, so nothing in it can be markup. A character
    that the fonts lack becomes a question mark, as PDF/A wants every character drawn. `address` is that of
    the page that checks the report, `code` its QR code as SVG.
    """
    at = report.made.astimezone(UTC)
    content = asdict(report) | {"made": [at.year, at.month, at.day, at.hour, at.minute]}
    content["check"] = {
        "said": say(report.lang, "check"), "alt": say(report.lang, "check_alt", address=address), "svg": code
    } if address else None  # fmt: skip
    data = unicodedata.normalize("NFC", json.dumps(content, ensure_ascii=False))
    return bytes(
        typst.compile(
            TEMPLATE, format="pdf", sys_inputs={"report": _OTHERS.sub("?", data)}, font_paths=FONTS,
            pdf_standards=["a-2b", "ua-1"],  # to be kept for decades, and to be read aloud
        )
    )  # fmt: skip


def picture(svg: str) -> bytes:
    """A chart as PNG, as wide as the text, for formats that take no SVG."""
    drawn = typst.compile(PICTURE, format="png", ppi=200, sys_inputs={"svg": svg}, font_paths=FONTS)
    return bytes(drawn)
