"""The frame of a buyer's and a secretary's pages: their templates, and why there is nothing to show."""

from fastapi.responses import Response

from devices.texts import text
from devices.web.frame import Pages, headers
from devices.web.language import VARY

PAGES = Pages("traceability")


def trouble(lang: str, reason: str, status: int, **values: str) -> Response:
    """Why there is nothing to show, in the reader's language; `reason` is a key of `page.*`."""
    sentence = text(f"page.{reason}", lang, **values)
    return PAGES.answer("trouble.html", lang, status, headers(vary=VARY, cache="no-cache"), sentence=sentence)
