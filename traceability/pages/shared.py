"""Routes that anybody may read, scripts of other sites too (CORS).

Every answer of such a route carries the CORS headers, redirects and error pages included: a browser withholds
an answer from a script if any redirect on the way to it lacks them.
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
    """A LotRoute with CORS headers. Never use it for a route that depends on who is signed in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, with the headers added."""
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            response = await handler(request)
            response.headers.update(_SHARED)
            return response

        return answer
