"""The pages' icon in a browser's tab: a house with a leaf in it."""

from fastapi import APIRouter
from fastapi.responses import Response

DRAWN = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<path fill="#1b6e3c" d="M16 2 2 14h4v15h20V14h4z"/>
<path fill="#fff" d="M16 26c-7-3-7-10 0-15 7 5 7 12 0 15z"/>
<path stroke="#1b6e3c" d="M16 15v14"/>
</svg>"""


def router() -> APIRouter:
    """Serves the icon, under the path that pages link to and under the one that browsers request unasked."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/static/icon.svg")
    @routes.get("/favicon.ico")
    def icon() -> Response:
        return Response(DRAWN, 200, {"Cache-Control": "public, max-age=86400"}, "image/svg+xml")

    return routes
