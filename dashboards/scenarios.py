"""The page `/scenarios`: the scenario that is rehearsed here, and the others that can be. No script.

Of each it says what happens and what to watch.
"""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from dashboards.pages.frame import PAGES
from devices.pilots.scenario import Scenario, shipped
from devices.web.frame import headers
from devices.web.language import VARY, language

HEADERS = headers(vary=VARY, cache="no-cache")


def router(played: Scenario | None) -> APIRouter:
    """`played` is the scenario of the data folder of these pages, if it is a rehearsal's."""
    routes = APIRouter()
    others = {name: play for name, play in shipped().items() if play != played}

    @routes.get("/scenarios", include_in_schema=False)
    def page(request: Request) -> Response:
        lang = language(request)
        return PAGES.answer("scenarios.html", lang, 200, HEADERS, played=played, others=others)

    return routes
