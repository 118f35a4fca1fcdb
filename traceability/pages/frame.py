"""The frame of a buyer's and a secretary's pages: their templates, and why there is nothing to show."""

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
    """Why there is nothing to show, in the reader's language; `reason` is a key of `page.*`."""
    sentence = text(f"page.{reason}", lang, **values)
    return PAGES.answer("trouble.html", lang, status, headers(vary=VARY, cache="no-cache"), sentence=sentence)


class LotRoute(APIRoute):
    """A route of what a link names: one that can name nothing is answered with the reason."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except DigitalLinkError as error:
                return trouble(language(request), error.reason, 400, **error.values)

        return answer
