"""The report as PDF, set by typst with the fonts that it brings along: the same on every machine."""

import json
from dataclasses import asdict
from pathlib import Path

import typst

from dashboards.report.compose import Report

TEMPLATE = Path(__file__).parents[1] / "templates" / "report.typ"


def pdf(report: Report) -> bytes:
    """The report on A4. Its content reaches the template as data, so nothing in it can be markup."""
    return bytes(
        typst.compile(
            TEMPLATE, format="pdf", sys_inputs={"report": json.dumps(asdict(report), ensure_ascii=False)},
            ignore_system_fonts=True,
        )
    )  # fmt: skip
