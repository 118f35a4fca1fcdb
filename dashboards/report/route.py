"""This year's report at `/report.pdf`: what `hoiquan report` writes, for whoever has a browser alone."""

import asyncio
from functools import lru_cache

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from dashboards.figures import Figures
from dashboards.report.compose import compose
from dashboards.report.yearly import look_up
from devices.clock import MINUTE_MS, day_of
from devices.web.frame import headers
from devices.web.language import VARY, language

TICK_MS = 10 * MINUTE_MS  # made at most so often: it takes a processor a second or two


def router(figures: Figures) -> APIRouter:
    """The route; readers wait for one another, as a report is made once for all of them."""
    making = asyncio.Lock()

    @lru_cache(maxsize=2)
    def made(lang: str, tick: int) -> bytes:
        from dashboards.report.paper import pdf  # late: typst is slow to import

        now = figures.now()
        year = look_up(figures, day_of(now, figures.pilot.zone).year, now)
        return pdf(compose(figures.pilot, year, lang, figures.rehearsal))

    routes = APIRouter(include_in_schema=False)

    @routes.get("/report.pdf")
    async def report(request: Request) -> Response:
        now, lang = figures.now(), language(request)
        async with making:  # who waits holds no thread that other pages need
            content = await run_in_threadpool(made, lang, now // TICK_MS)
        name = f"{'bao-cao' if lang == 'vi' else 'report'}-{day_of(now, figures.pilot.zone).year}.pdf"
        sent = headers(vary=VARY, cache="no-cache") | {"Content-Disposition": f'inline; filename="{name}"'}
        return Response(content, headers=sent, media_type="application/pdf")

    return routes
