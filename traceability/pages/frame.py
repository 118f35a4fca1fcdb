"""The frame of a buyer's and a secretary's pages: their templates, and why there is nothing to show."""

import hashlib
from collections.abc import Mapping

from fastapi import Request
from fastapi.responses import Response

from devices.texts import text
from devices.web.frame import Pages, headers
from devices.web.language import VARY

PAGES = Pages("traceability")


def trouble(lang: str, reason: str, status: int, **values: str) -> Response:
    """Why there is nothing to show, in the reader's language; `reason` is a key of `page.*`."""
    sentence = text(f"page.{reason}", lang, **values)
    return PAGES.answer("trouble.html", lang, status, headers(vary=VARY), sentence=sentence)


def kept(request: Request, body: bytes, kind: str, sent: Mapping[str, str]) -> Response:
    """A file with its tag, or that whoever asks has it already (RFC 9110, 13.1.2)."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if tag in known or known == ["*"]:
        return Response(status_code=304, headers={**sent, "ETag": tag})
    return Response(body, headers={**sent, "ETag": tag}, media_type=kind)
