"""Answers where there is no page: to people in their language, to programs as JSON.

no such path, wrong method, an address that cannot be understood ─┐
store or registry away, a defect, a damaged file ─────────────────┴─► is it below /api/? ─► JSON, else a page
"""

import logging
import sqlite3
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from dashboards.pages.frame import PAGES
from devices.access.database import RegistryAway
from devices.files import of_sqlite
from devices.texts import Mendable, text
from devices.web.frame import headers, here
from devices.web.language import VARY, language
from gateway.stores.store import RetryLater

log = logging.getLogger(__name__)
MACHINES = "/api/"
DAMAGED = ("store.damaged", "enrol.damaged", "sqlite.damaged")
REASONS = {404: "nothing", 405: "method"}
SHARED = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-cache"}


def page(
    request: Request, status: int, reason: str, sent: Mapping[str, str] | None = None, **values: str
) -> Response:
    """The page of an error; `reason` is a key of `trouble.*`, and of `trouble.*_title`."""
    lang = language(request)
    title, sentence = text(f"trouble.{reason}_title", lang), text(f"trouble.{reason}", lang, **values)
    kept = headers(vary=VARY, cache="no-cache") | dict(sent or {})
    passes = status >= 500 and request.method in ("GET", "HEAD")  # the same address may have a page again
    return PAGES.answer(
        "trouble.html", lang, status, kept, title=title, sentence=sentence, passes=passes, here=here(request)
    )


def add_handlers(pages: FastAPI) -> None:
    """Let an application answer its errors so."""

    @pages.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        sent = {**(error.headers or {})}
        if request.url.path.startswith(MACHINES):
            return JSONResponse({"detail": error.detail}, error.status_code, SHARED | sent)
        if error.status_code not in REASONS:
            return Response(f"{error.detail}\n", error.status_code, sent, "text/plain; charset=utf-8")
        return page(request, error.status_code, REASONS[error.status_code], sent)

    @pages.exception_handler(RequestValidationError)
    def misread(request: Request, error: RequestValidationError) -> Response:
        if request.url.path.startswith(MACHINES):
            return JSONResponse({"detail": jsonable_encoder(error.errors())}, 422, SHARED)
        names = ", ".join(dict.fromkeys(str(one["loc"][-1]) for one in error.errors()))
        return page(request, 422, "misread", names=names)

    @pages.exception_handler(ClientDisconnect)
    def gone(request: Request, _: Exception) -> Response:
        log.warning("%s %s: cut off before its end", request.method, request.url.path)
        return Response(status_code=400)  # nobody is there to read it

    @pages.exception_handler(sqlite3.Error)
    def unread(request: Request, error: sqlite3.Error) -> Response:
        """As `away`, where the diary's file cannot be read; an error that is not the file's is a defect."""
        if (known := of_sqlite(error)) is None:
            raise error
        return away(request, known)

    @pages.exception_handler(RetryLater)
    @pages.exception_handler(RegistryAway)
    def away(request: Request, error: Mendable) -> Response:
        """503 with Retry-After: a sign to caches and monitors to ask again. Anybody may ask, so a server's
        own words stay in the log.
        """
        sent = {"Retry-After": "5"}
        log.warning("%s is not shown: %s", request.url.path, error)
        if request.url.path.startswith(MACHINES):
            return JSONResponse({"detail": error.public("en")}, 503, SHARED | sent)
        if error.key in DAMAGED:  # nobody need try again before it is mended
            return page(request, 503, "damaged", sent, why=error.public(language(request)))
        return page(request, 503, "away", sent)

    @pages.exception_handler(Exception)
    def broken(request: Request, _: Exception) -> Response:
        """500. The server logs the error itself, which is not for everybody."""
        if request.url.path.startswith(MACHINES):
            return JSONResponse({"detail": text("trouble.broken", "en")}, 500, SHARED)
        return page(request, 500, "broken")
