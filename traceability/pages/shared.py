"""What anybody may read, scripts of pages from elsewhere too (CORS): every answer of such a route says so,
also where it leads on or has nothing to show. A browser keeps an answer from a script if one on the way to it
does not say so.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from traceability.pages.frame import LotRoute

METHODS = ("GET", "HEAD", "OPTIONS")
_SHARED = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": ", ".join(METHODS),
    "Access-Control-Expose-Headers": "Link, Location, ETag",
}


class Shared(LotRoute):
    """Such a route, of what a link names; none that knows who is signed in may be one."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own, and the headers."""
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            response = await handler(request)
            response.headers.update(_SHARED)
            return response

        return answer
