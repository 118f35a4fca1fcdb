"""The page `/scenarios`: what is rehearsed here, and what can be: what happens, what to watch. No script."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from dashboards.pages.frame import PAGES
from devices.pilots.scenario import Scenario, shipped
from devices.web.frame import headers
from devices.web.language import VARY, language

HEADERS = headers(vary=VARY, cache="no-cache")


def router(played: Scenario | None) -> APIRouter:
    """`played`: what the folder of these pages holds."""
    routes = APIRouter()
    others = {name: play for name, play in shipped().items() if play != played}

    @routes.get("/scenarios", include_in_schema=False)
    def page(request: Request) -> Response:
        lang = language(request)
        return PAGES.answer("scenarios.html", lang, 200, HEADERS, played=played, others=others)

    return routes
