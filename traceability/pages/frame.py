"""The frame of the buyer's and the secretary's pages: their templates, and the page for errors."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from devices.texts import text
from devices.web.frame import Pages, headers
from devices.web.language import VARY, language
from traceability.digital_link import DigitalLinkError

PAGES = Pages("traceability")


def trouble(lang: str, reason: str, status: int, **values: str) -> Response:
    """A page that says in the reader's language why there is nothing to show; `reason` is a key `page.*`."""
    sentence = text(f"page.{reason}", lang, **values)
    return PAGES.answer("trouble.html", lang, status, headers(vary=VARY, cache="no-cache"), sentence=sentence)


class LotRoute(APIRoute):
    """A route that answers a DigitalLinkError with status 400 and its reason."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except DigitalLinkError as error:
                return trouble(language(request), error.reason, 400, **error.values)

        return answer
