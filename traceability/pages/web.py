"""The public side of a record: its page, its machine-readable forms, its proof, and the log's files.

    QR ─► resolver.py ─► record.html ─► is the record's leaf in the log? does the checkpoint verify? ─► page

The page says what it cannot prove, and how to check elsewhere: this server could lie about its own check.
"""

import json
import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response
from markupsafe import escape

from devices.clock import day_of, now_ms
from devices.pilots.pilot import Pilot
from devices.settings import CANONICAL
from devices.texts import text
from devices.web.frame import HTML, headers
from devices.web.language import VARY, choose, language, spoken
from traceability.digital_link import ANY_LOT, DigitalLinkError, LotKey, parse, product_path
from traceability.pages import (
    find_page,
    label,
    lot_page,
    product_page,
    report_page,
    resolver,
    sheet,
    verify_page,
)
from traceability.pages.frame import PAGES, trouble
from traceability.pages.lot_page import OPENED, REMEMBERED, SIGN, Written, photographs
from traceability.pages.resolver import LOT_PAGE, PRODUCT_PAGE
from traceability.pages.scans import Scans, far_more
from traceability.pages.shared import Shared
from traceability.records import addendum, picture
from traceability.records.photos import Photos
from traceability.records.shelf import Shelf
from traceability.sealing import seal
from traceability.tlog.tiles import LogMissing

SHRUNK = 32  # small pictures in memory, with the 300 kB that each was made of
READ, TEXT = ["GET", "HEAD"], "text/plain; charset=utf-8"
NAMED = ("checkpoint", "vkey", "keys")
# https://c2sp.org/tlog-tiles: level, number in groups of three digits, and the width of a partial tile
TILE = re.compile(r"tile/(?:[0-9]|[1-5][0-9]|6[0-3]|entries)/(?:x[0-9]{3}/)*[0-9]{3}(?:\.p/[0-9]{1,3})?")
SHORT, FOREVER = "public, max-age=60", "public, max-age=31536000, immutable"


def router(folder: Path, pilot: Pilot, base_url: str, canonical: str = CANONICAL) -> APIRouter:
    """Routes for the records and the log below `folder`; links in EPCIS documents are below `canonical`."""
    routes = APIRouter(route_class=Shared)
    shelf, scans, photos = Shelf(folder), Scans(folder / "scans.sqlite"), Photos(folder)
    written = lru_cache(maxsize=REMEMBERED)(partial(lot_page.written, pilot, base_url))

    async def show_page(request: Request, key: LotKey | None, gtin: str, unknown: str) -> Response:
        lang = language(request)
        if key is None:
            return await run_in_threadpool(product_page.page, folder, pilot, request, gtin, unknown)
        # not in a thread: the system caches the few small files, and a thread doubled the time of a page
        data = seal.read(folder, key)
        if data is None:
            return trouble(request, "unknown_lot", 404)
        today, counts = day_of(now_ms(), pilot.zone), request.method == "GET"
        return _page(shelf, scans, photos, written, today, key, data, lang, counts=counts)

    @routes.api_route(f"/01/{{gtin}}/10/{{lot}}/{LOT_PAGE}", methods=READ, include_in_schema=False)
    async def page(request: Request, gtin: str, lot: str) -> Response:
        return await show_page(request, parse(gtin, lot), gtin, "")

    @routes.api_route(f"/01/{{gtin}}/{PRODUCT_PAGE}", methods=READ, include_in_schema=False)
    async def product(request: Request, gtin: str, lot: str = "") -> Response:
        """A product's page; `lot` is a requested code that does not exist."""
        if lot and not ANY_LOT.fullmatch(lot):  # a link must not put any text on the page
            return trouble(request, "bad_lot", 400)
        return await show_page(request, None, gtin, lot)

    makers: dict[str, Callable[[LotKey, bytes], tuple[bytes | None, str]]] = {
        "record.json": lambda _, data: (data, "application/json"),
        "epcis.json": lambda key, data: (_json(shelf.epcis(key, data, canonical)), "application/ld+json"),
        "proof": lambda _, data: (shelf.proof(data), TEXT),
        "qr.svg": lambda key, _: (label.svg(base_url + key.path), "image/svg+xml"),
        "qr.png": lambda key, _: (label.png(base_url + key.path), "image/png"),
    }

    def form(request: Request, gtin: str, lot: str) -> Response:
        key = parse(gtin, lot)
        data = seal.read(folder, key)
        name = request.url.path.rpartition("/")[2]
        body, kind = (None, "") if data is None else makers[name](key, data)
        if body is None:
            return trouble(request, "unknown_lot" if data is None else "no_proof", 404)
        return Response(body, headers=headers() | _named(name, key.lot), media_type=kind)

    for name in makers:
        routes.api_route(f"/01/{{gtin}}/10/{{lot}}/{name}", methods=READ, include_in_schema=False)(form)

    @routes.api_route("/01/{gtin}/10/{lot}/later/{event}/{name}", methods=READ, include_in_schema=False)
    def later(request: Request, gtin: str, lot: str, event: str, name: str) -> Response:
        """An addendum or its proof."""
        key = parse(gtin, lot)
        data = next((data for name, data in addendum.read_all(shelf.records, key) if name == event), None)
        if data is None or name not in ("record.json", "proof"):
            return trouble(request, "unknown_lot", 404)
        body, kind = makers[name](key, data)
        if body is None:
            return trouble(request, "no_proof", 404)
        return Response(body, headers=headers() | _named(name, f"{key.lot}.{event}"), media_type=kind)

    shrunk = lru_cache(maxsize=SHRUNK)(picture.small)

    @routes.api_route("/photos/{name}", methods=READ, include_in_schema=False)
    @routes.api_route("/photos/{name}/small", methods=READ, include_in_schema=False)
    def photo(request: Request, name: str) -> Response:
        """A picture by the hash of its bytes, or its small form: what an address serves can never change."""
        photo = photos.read(name)
        if photo is None:
            return Response(status_code=404, headers=headers())
        shown = shrunk(photo) if request.url.path.endswith("/small") else photo
        return Response(shown, headers=headers(cache=FOREVER), media_type="image/jpeg")

    routes.include_router(find_page.router(shelf.find))
    routes.include_router(sheet.router(folder, base_url))
    routes.include_router(report_page.router(folder))
    _serve_log(routes, folder, shelf)
    _serve_fixed(routes)
    routes.include_router(
        resolver.router(pilot, base_url, lambda key: seal.read(folder, key) is not None, show_page)
    )

    return routes


def _serve_log(routes: APIRouter, folder: Path, shelf: Shelf) -> None:
    """The log's files: full tiles never change, everything else may be cached for a minute."""

    @routes.api_route("/log/{path:path}", methods=READ, include_in_schema=False)
    def log(request: Request, path: str) -> Response:
        # Checked before the path becomes a file's path: a name that could be written in another way is
        # refused.
        named = path in NAMED or TILE.fullmatch(path)
        if not named or b"%" in request.scope["raw_path"]:
            return _not_found()
        if path == "checkpoint":  # with its witnesses' lines, which are in files of their own
            try:
                note = shelf.checkpoint()
            except LogMissing:
                return _not_found()
            return Response(note, 200, {"Cache-Control": SHORT}, TEXT)
        file = folder / f"log.{path}" if path in NAMED else folder / "log" / path
        if not file.is_file():
            return _not_found()
        full = path.startswith("tile/") and ".p/" not in path
        kind = "application/octet-stream" if path.startswith("tile/") else TEXT
        return Response(file.read_bytes(), 200, {"Cache-Control": FOREVER if full else SHORT}, kind)


def _not_found() -> Response:
    """No cache may store this answer: the file may exist in a minute."""
    return Response(status_code=404, headers=headers(cache="no-store"))


def _serve_fixed(routes: APIRouter) -> None:
    """Routes that are the same for all lots."""

    @routes.get("/verify.html", include_in_schema=False)
    def verifier(request: Request) -> Response:
        """The checker to download; its own policy is inside it."""
        outside = headers(vary=VARY) | {"Content-Security-Policy": "frame-ancestors 'none'"}
        return Response(verify_page.page(language(request)), media_type=HTML, headers=outside)

    PAGES.style(routes, "record.css")

    @routes.get("/scan/{lang}/01/{gtin}", include_in_schema=False)
    @routes.get("/scan/{lang}/01/{gtin}/10/{lot}", include_in_schema=False)
    def other_language(request: Request, lang: str, gtin: str, lot: str | None = None) -> Response:
        """Redirect to the page in the other language, for phones whose settings menu is out of reach."""
        try:
            page = (
                f"{product_path(gtin)}/{PRODUCT_PAGE}"
                if lot is None
                else f"{parse(gtin, lot).path}/{LOT_PAGE}"
            )
        except DigitalLinkError as error:
            return trouble(request, error.reason, 400, spoken(lang), **error.values)
        response = RedirectResponse(page, status_code=303)
        choose(response, lang)
        return response


def _page(
    shelf: Shelf,
    scans: Scans,
    photos: Photos,
    written: Callable[..., Written],
    today: date,
    key: LotKey,
    data: bytes,
    lang: str,
    *,
    counts: bool,
) -> Response:
    verified, trouble = shelf.check(data)
    later = tuple(shelf.later(key))
    states = tuple((name, photos.state(name)) for name in photographs(data, *(one for one, _ in later)))
    gone = shelf.recalled_parts(later)
    body, recalled, packed = written(key, data, later, gone, states, verified, trouble, lang, today)
    opened = scans.count(key, today) if counts else 0
    sign = ""
    if far_more(opened, packed):
        sentence = text("page.far_more", lang, opened=opened, packages=packed)
        sign = f'<p class="answer note">{escape(sentence)}</p>'
    # only our own markup contains <: everything else is escaped
    body = body.replace(SIGN, sign).replace(OPENED, escape(text("page.opened", lang, opened=opened)))
    return Response(body, 410 if recalled else 200, headers(vary=("Accept", *VARY)), HTML)


def _named(name: str, code: str) -> dict[str, str]:
    """The file name for a proof, which is saved under its lot's code."""
    return {"Content-Disposition": f'attachment; filename="{code}.tlog-proof"'} if name == "proof" else {}


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
