"""The page that finds a lot by the code on its label, for a phone that cannot read the QR code: `/s`.

code typed in, or in a label's short link `/s/{lot}` ─► is it a lot's? ─► its page, else this page says so
"""

from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from devices.web.frame import headers
from devices.web.language import VARY, language
from traceability.digital_link import LOT, LotKey
from traceability.pages.frame import PAGES
from traceability.pages.shared import Shared


def router(find: Callable[[str], LotKey | None]) -> APIRouter:
    """The routes; `find` gives the lot with a code."""
    routes = APIRouter(route_class=Shared, include_in_schema=False)

    @routes.get("/s")
    @routes.get("/s/{lot}")
    def found(request: Request, lot: str = "") -> Response:
        code = "".join(lot.split()).upper()
        if key := find(code):
            return RedirectResponse(key.path, 303)
        legible = LOT.fullmatch(code) is not None  # a link must not put any text on the page
        wrong = "" if not code else "page.unknown_lot" if legible else "page.bad_lot"
        return PAGES.answer(
            "find.html", language(request), 404 if code else 200,
            headers(vary=VARY, forms=True, cache="no-cache"),
            wrong=wrong, code=code if legible else "", here="/s",
        )  # fmt: skip

    return routes
