"""The report at `/report.pdf` and `/report.docx`, as `hoiquan report` writes it, for readers with a browser.

It is this year's; `?year=2025` gives that of another year, `?years=3` a review.
"""

import asyncio
import hashlib
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from dashboards.figures import Figures
from dashboards.report.compose import compose
from dashboards.report.document import MOST_YEARS
from dashboards.report.yearly import look_back
from devices.clock import MINUTE_MS, day_of
from devices.texts import LANGS
from devices.web.frame import headers
from devices.web.language import VARY, language
from gateway.indicators.course import START_YEAR

TICK_MS = 10 * MINUTE_MS  # a report is made at most this often: it takes a processor a second or two
Kind = Literal["pdf", "docx"]
TYPES: dict[Kind, str] = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
KEPT = len(TYPES) * len(LANGS) * MOST_YEARS  # all reports of this year: asking again makes none anew
Year = Annotated[int | None, Query(ge=START_YEAR, description="year of the report; without it, this year")]
Years = Annotated[int, Query(ge=1, le=MOST_YEARS, description="number of years, ending with `year`")]


class ReportFile(NamedTuple):
    """A report as a file. `etag` is the hash of its content, as a DOCX file also holds when it was made."""

    content: bytes
    etag: str


def router(figures: Figures) -> APIRouter:
    """The routes. Readers wait for one another, so that a report is made once for all of them."""
    making = asyncio.Lock()

    @lru_cache(maxsize=KEPT)
    def report_file(kind: Kind, lang: str, year: int, years: int, tick: int) -> ReportFile:
        from dashboards.report.paper import pdf  # late: typst and python-docx are slow to import
        from dashboards.report.word import docx

        now = figures.now()
        past = look_back(figures, year, years, now)
        report = compose(figures.pilot, past, lang, figures.rehearsal)
        digest = hashlib.sha256(f"{kind} {report!r}".encode()).hexdigest()[:32]
        return ReportFile(pdf(report) if kind == "pdf" else docx(report), f'W/"{digest}"')

    async def answer(request: Request, kind: Kind, year: int | None, years: int) -> Response:
        now, lang = figures.now(), language(request)
        this = day_of(now, figures.pilot.zone).year
        if year is not None and year > this:
            raise HTTPException(404, f"year={year}: choose one from {START_YEAR} to {this}")
        year = year or this
        async with making:  # a reader who waits holds no thread that other pages need
            content, etag = await run_in_threadpool(report_file, kind, lang, year, years, now // TICK_MS)
        name = f"{'bao-cao' if lang == 'vi' else 'report'}-{year}.{kind}"
        shown = "inline" if kind == "pdf" else "attachment"
        sent = headers(vary=VARY, cache="no-cache") | {
            "Content-Disposition": f'{shown}; filename="{name}"',
            "ETag": etag,
        }
        return Response(content, headers=sent, media_type=TYPES[kind])

    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/report.pdf", methods=["GET", "HEAD"])
    async def as_pdf(request: Request, year: Year = None, years: Years = 1) -> Response:
        return await answer(request, "pdf", year, years)

    @routes.api_route("/report.docx", methods=["GET", "HEAD"])
    async def as_docx(request: Request, year: Year = None, years: Years = 1) -> Response:
        return await answer(request, "docx", year, years)

    return routes
