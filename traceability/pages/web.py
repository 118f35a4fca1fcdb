"""The public side of a record: its page, its machine-readable forms, its proof, and the log's files.

    QR ─► /01/{gtin}/10/{lot} ─► record file ─► is its leaf in the log? does the checkpoint verify? ─► page

The page says what it cannot prove, and how to check elsewhere: this server could lie about its own check.
"""

from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from markupsafe import escape

from devices.pilots.pilot import Pilot
from devices.settings import CANONICAL
from devices.texts import text
from devices.web.frame import HTML, headers
from devices.web.language import VARY, choose, language, spoken
from traceability.digital_link import DigitalLinkError, LotKey, parse
from traceability.pages import label, lot_page, sheet, verify_page
from traceability.pages.frame import PAGES, trouble
from traceability.pages.lot_page import OPENED, REMEMBERED, SIGN, Written, photographs
from traceability.pages.scans import Scans, far_more
from traceability.records import addendum
from traceability.records.photos import Photos
from traceability.records.shelf import Shelf
from traceability.sealing import seal
from traceability.tlog.tiles import LogMissing

SHORT, FOREVER = "public, max-age=60", "public, max-age=31536000, immutable"


def router(folder: Path, pilot: Pilot, base_url: str, canonical: str = CANONICAL) -> APIRouter:
    """Routes over the records and the log below `folder`; links in EPCIS documents are below `canonical`."""
    routes = APIRouter()
    shelf, scans, photos = Shelf(folder), Scans(folder / "scans.sqlite"), Photos(folder)
    written = lru_cache(maxsize=REMEMBERED)(partial(lot_page.written, pilot, base_url))

    @routes.get("/01/{gtin}/10/{lot}", include_in_schema=False)
    async def page(request: Request, gtin: str, lot: str) -> Response:
        # not in a thread: the few small files are in memory, and a thread doubled the time of a page
        lang = language(request)
        try:
            key = parse(gtin, lot)
        except DigitalLinkError as error:
            return trouble(lang, error.reason, 400)
        data = seal.read(folder, key)
        if data is None:
            return trouble(lang, "unknown_lot", 404)
        wanted = request.headers.get("accept", "")
        negotiated = headers(vary=("Accept",))
        if "linkset+json" in wanted or request.query_params.get("linkType") == "all":
            return JSONResponse(
                _linkset(base_url, key), media_type="application/linkset+json", headers=negotiated
            )
        if "ld+json" in wanted:
            document = shelf.epcis(key, data, canonical)
            return JSONResponse(document, media_type="application/ld+json", headers=negotiated)
        return _page(shelf, scans, photos, written, datetime.now(pilot.zone).date(), key, data, lang)

    @routes.get("/01/{gtin}/10/{lot}/{form}", include_in_schema=False)
    def forms(request: Request, gtin: str, lot: str, form: str) -> Response:
        makers: dict[str, Callable[[LotKey, bytes], Response]] = {
            "record.json": lambda key, data: Response(data, media_type="application/json"),
            "epcis.json": lambda key, data: JSONResponse(
                shelf.epcis(key, data, canonical), media_type="application/ld+json"
            ),
            "proof": lambda key, data: _proof(shelf, key.lot, data),
            "qr.svg": lambda key, data: Response(label.svg(base_url + key.path), media_type="image/svg+xml"),
            "qr.png": lambda key, data: Response(label.png(base_url + key.path), media_type="image/png"),
        }
        try:
            key = parse(gtin, lot)
        except DigitalLinkError as error:
            return trouble(language(request), error.reason, 400)
        data = seal.read(folder, key)
        if data is None or form not in makers:
            return trouble(language(request), "unknown_lot", 404)
        response = makers[form](key, data)
        response.headers.update(headers())
        return response

    @routes.get("/01/{gtin}/10/{lot}/later/{event}/{form}", include_in_schema=False)
    def later(request: Request, gtin: str, lot: str, event: str, form: str) -> Response:
        """An addendum, or its proof."""
        try:
            key = parse(gtin, lot)
        except DigitalLinkError as error:
            return trouble(language(request), error.reason, 400)
        data = next((data for name, data in addendum.read_all(shelf.records, key) if name == event), None)
        if data is None or form not in ("record.json", "proof"):
            return trouble(language(request), "unknown_lot", 404)
        if form == "proof":
            response = _proof(shelf, f"{key.lot}.{event}", data)
        else:
            response = Response(data, media_type="application/json")
        response.headers.update(headers())
        return response

    @routes.get("/s/{lot}", include_in_schema=False)
    def typed(request: Request, lot: str) -> Response:
        """The short link of a label, for those who type it."""
        key = shelf.find(lot.upper())
        if key is None:
            return trouble(language(request), "unknown_lot", 404)
        return RedirectResponse(key.path, status_code=303)

    @routes.get("/photos/{name}", include_in_schema=False)
    def photo(name: str) -> Response:
        """A picture, by the hash of its bytes: what is served under it can never change."""
        photo = photos.read(name)
        if photo is None:
            return Response(status_code=404, headers=headers())
        return Response(photo, media_type="image/jpeg", headers=headers(cache=FOREVER))

    routes.include_router(sheet.router(folder, base_url))
    _serve_log(routes, folder, shelf)
    _serve_fixed(routes, pilot, base_url)

    return routes


def _serve_log(routes: APIRouter, folder: Path, shelf: Shelf) -> None:
    """The log's files: what is full never changes, the rest is asked for again after a minute."""

    @routes.get("/log/{path:path}", include_in_schema=False)
    def log(path: str) -> Response:
        shared = {"Access-Control-Allow-Origin": "*"}
        if path == "checkpoint":  # with its witnesses' lines, which stand in files of their own
            try:
                note = shelf.checkpoint()
            except LogMissing:
                return Response(status_code=404)
            return Response(
                note, media_type="text/plain; charset=utf-8", headers=shared | {"Cache-Control": SHORT}
            )
        root = (folder / "log").resolve()
        file = folder / f"log.{path}" if path in ("vkey", "keys") else (root / path).resolve()
        inside = path in ("vkey", "keys") or (path.startswith("tile/") and file.is_relative_to(root))
        if not inside or not file.is_file():
            return Response(status_code=404)
        full = path.startswith("tile/") and ".p/" not in path
        kind = "application/octet-stream" if path.startswith("tile/") else "text/plain; charset=utf-8"
        return FileResponse(
            file, media_type=kind, headers=shared | {"Cache-Control": FOREVER if full else SHORT}
        )


def _serve_fixed(routes: APIRouter, pilot: Pilot, base_url: str) -> None:
    """What is the same for all lots."""

    @routes.get("/verify.html", include_in_schema=False)
    def verifier(request: Request) -> Response:
        """The checker to take away; its own policy stands inside it."""
        outside = headers(vary=VARY) | {"Content-Security-Policy": "frame-ancestors 'none'"}
        return Response(verify_page.page(language(request)), media_type=HTML, headers=outside)

    @routes.get("/.well-known/gs1resolver", include_in_schema=False)
    def resolver() -> Response:
        return JSONResponse(
            {
                "name": f"hoiquan {pilot.name.vi}",
                "resolverRoot": base_url,
                "supportedPrimaryKeys": ["01"],
                "supportedContextValuesEnumerated": [],
            }
        )

    PAGES.style(routes, "record.css")

    @routes.get("/scan/{lang}/01/{gtin}/10/{lot}", include_in_schema=False)
    def other_language(lang: str, gtin: str, lot: str) -> Response:
        """The same page in the other language, for phones without a settings menu at hand."""
        try:
            key = parse(gtin, lot)
        except DigitalLinkError as error:
            return trouble(spoken(lang), error.reason, 400)
        response = RedirectResponse(key.path, status_code=303)
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
) -> Response:
    verified, trouble = shelf.check(data)
    later = tuple(shelf.later(key))
    states = tuple((name, photos.state(name)) for name in photographs(data, *(one for one, _ in later)))
    body, recalled, packed = written(key, data, later, states, verified, trouble, lang, today)
    opened = scans.count(key, today)
    sign = ""
    if far_more(opened, packed):
        sentence = text("page.far_more", lang, opened=opened, packages=packed)
        sign = f'<p class="answer note">{escape(sentence)}</p>'
    # only what we wrote has a < of its own
    body = body.replace(SIGN, sign).replace(OPENED, escape(text("page.opened", lang, opened=opened)))
    return Response(body, 410 if recalled else 200, headers(vary=("Accept", *VARY)), HTML)


def _proof(shelf: Shelf, name: str, data: bytes) -> Response:
    proof = shelf.proof(data)
    if proof is None:
        return Response(status_code=404)
    named = {"Content-Disposition": f'attachment; filename="{name}.tlog-proof"'}
    return Response(proof, media_type="text/plain; charset=utf-8", headers=named)


def _linkset(base_url: str, key: LotKey) -> dict[str, Any]:
    anchor = base_url + key.path
    return {
        "linkset": [
            {
                "anchor": anchor,
                "https://gs1.org/voc/pip": [{"href": anchor, "type": "text/html", "title": "Record"}],
                "https://gs1.org/voc/traceability": [
                    {"href": f"{anchor}/epcis.json", "type": "application/ld+json", "title": "EPCIS 2.0"},
                    {"href": f"{anchor}/record.json", "type": "application/json", "title": "Sealed record"},
                    {"href": f"{anchor}/proof", "type": "text/plain", "title": "Proof of inclusion"},
                ],
            }
        ]
    }
