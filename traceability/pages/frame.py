"""The frame of the buyer's and the secretary's pages: their templates, and the page for errors."""

import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from devices.texts import text
from devices.web.frame import Pages, headers, here
from devices.web.language import VARY, language
from traceability.digital_link import DigitalLinkError

PAGES = Pages("traceability")
# reason → where its reader may go on, and the key of the link's word
ONWARD = {"unknown_report": [("/verify.html", "page.report_check")]}
OF_A_LOT = re.compile(r"(/01/[0-9]{14})(/10/[A-Z0-9-]{1,20})?(?=/|$)")
SCANNED = re.compile(r"^/scan/[^/]*")  # before a path: in this language


def trouble(
    request: Request, reason: str, status: int, lang: str | None = None, /, **values: str
) -> Response:
    """A page that says why there is nothing to show, and where to go on; `reason` is a key `page.*`. Its
    language is the reader's, unless `lang` is given.
    """
    lang = lang or language(request)
    onward = list(ONWARD.get(reason, ()))
    if (lot := OF_A_LOT.match(request.url.path)) and reason in ("no_proof", "no_link_type", "bad_lot"):
        onward.append((lot[0], "page.title") if lot[2] else (lot[1], "page.its_lots"))
    return PAGES.answer(
        "trouble.html", lang, status, headers(vary=VARY, cache="no-cache"),
        sentence=text(f"page.{reason}", lang, **values), onward=onward, here=SCANNED.sub("", here(request)),
    )  # fmt: skip


class LotRoute(APIRoute):
    """A route that answers a DigitalLinkError with status 400 and its reason."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except DigitalLinkError as error:
                return trouble(request, error.reason, 400, **error.values)

        return answer
