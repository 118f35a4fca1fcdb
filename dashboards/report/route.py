"""This year's report at `/report.pdf` and `/report.docx`, with `?years=3` a review: what `hoiquan report`
writes, for whoever has a browser alone.
"""

import asyncio
import hashlib
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Query, Request
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

TICK_MS = 10 * MINUTE_MS  # made at most so often: it takes a processor a second or two
Kind = Literal["pdf", "docx"]
TYPES: dict[Kind, str] = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
KEPT = len(TYPES) * len(LANGS) * MOST_YEARS  # whoever asks for all of them again has nothing made anew
Years = Annotated[int, Query(ge=1, le=MOST_YEARS, description="how many years that end with this one")]


class Made(NamedTuple):
    """A report as a file; `etag` is that of what it says, as a DOCX has the time of its making in it."""

    content: bytes
    etag: str


def router(figures: Figures) -> APIRouter:
    """The routes; readers wait for one another, as a report is made once for all of them."""
    making = asyncio.Lock()

    @lru_cache(maxsize=KEPT)
    def made(kind: Kind, lang: str, years: int, tick: int) -> Made:
        from dashboards.report.paper import pdf  # late: typst and python-docx are slow to import
        from dashboards.report.word import docx

        now = figures.now()
        past = look_back(figures, day_of(now, figures.pilot.zone).year, years, now)
        report = compose(figures.pilot, past, lang, figures.rehearsal)
        digest = hashlib.sha256(f"{kind} {report!r}".encode()).hexdigest()[:32]
        return Made(pdf(report) if kind == "pdf" else docx(report), f'W/"{digest}"')

    async def answer(request: Request, kind: Kind, years: int) -> Response:
        now, lang = figures.now(), language(request)
        async with making:  # who waits holds no thread that other pages need
            content, etag = await run_in_threadpool(made, kind, lang, years, now // TICK_MS)
        name = f"{'bao-cao' if lang == 'vi' else 'report'}-{day_of(now, figures.pilot.zone).year}.{kind}"
        shown = "inline" if kind == "pdf" else "attachment"
        sent = headers(vary=VARY, cache="no-cache") | {
            "Content-Disposition": f'{shown}; filename="{name}"',
            "ETag": etag,
        }
        return Response(content, headers=sent, media_type=TYPES[kind])

    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/report.pdf", methods=["GET", "HEAD"])
    async def as_pdf(request: Request, years: Years = 1) -> Response:
        return await answer(request, "pdf", years)

    @routes.api_route("/report.docx", methods=["GET", "HEAD"])
    async def as_docx(request: Request, years: Years = 1) -> Response:
        return await answer(request, "docx", years)

    return routes
