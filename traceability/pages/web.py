"""The public side of a record: its page, its machine-readable forms, its proof, and the log's files.

    QR ─► /01/{gtin}/10/{lot} ─► record file ─► is its leaf in the log? does the checkpoint verify? ─► page

The page says what it cannot prove, and how to check elsewhere: this server could lie about its own check.
"""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from devices.contract.signals import SIGNALS
from devices.pilots.pilot import Pilot
from devices.texts import Lang, number, text
from traceability.digital_link import DigitalLinkError, LotKey, parse
from traceability.pages import chart, label, verify_page
from traceability.pages.scans import Scans, far_more, packages
from traceability.records import addendum, record, story
from traceability.records.photos import Photos, State, photos_of
from traceability.records.shelf import Shelf
from traceability.sealing import seal
from traceability.tlog.tiles import LogMissing

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept, Accept-Language",
}
SHOWN = 60  # diary entries on a page, the last ones; all of them stand in the record
PAGES = 500  # pages that are remembered as they are, some 15 kB each
SIGN, OPENED = "<!-- sign -->", "<!-- opened -->"  # in their places comes what changes with every opening
SHORT, FOREVER = "public, max-age=60", "public, max-age=31536000, immutable"
# characters that hide or turn around what stands beside them (UAX 9, controls, no width): shown as such
HIDDEN = {code: f"⟨U+{code:04X}⟩" for code in (
    *range(0x20), *range(0x7F, 0xA0), 0xAD, 0x61C, *range(0x200B, 0x2010), *range(0x2028, 0x202F),
    *range(0x2060, 0x2070), 0xFEFF,
) if chr(code) not in "\n\t"}  # fmt: skip


def _plain(value: object) -> object:
    """What a person wrote, with nothing hidden in it; escaping follows."""
    return value.translate(HIDDEN) if isinstance(value, str) and not isinstance(value, Markup) else value


_PAGES = Environment(
    loader=PackageLoader("traceability"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    finalize=_plain,
)
_PAGES.filters["number"] = number
_PAGES.filters["thousands"] = lambda value, lang: number(value, lang, grouped=True)
_PAGES.filters["digits"] = lambda value, lang: (
    number(value, lang) if isinstance(value, int | float) else value
)
_PAGES.filters["day"] = lambda day: f"{date.fromisoformat(day):%d/%m/%Y}"


def router(folder: Path, pilot: Pilot, base_url: str) -> APIRouter:
    """Routes over the records and the log below `folder`."""
    routes = APIRouter()
    shelf, scans, photos = Shelf(folder), Scans(folder / "scans.sqlite"), Photos(folder)
    written = lru_cache(maxsize=PAGES)(partial(_written, pilot, base_url))

    @routes.get("/01/{gtin}/10/{lot}", include_in_schema=False)
    async def page(request: Request, gtin: str, lot: str) -> Response:
        # not in a thread: the few small files are in memory, and a thread doubled the time of a page
        lang = language(request)
        try:
            key = parse(gtin, lot)
        except DigitalLinkError as error:
            return _trouble(lang, error.reason, 400)
        data = seal.read(folder, key)
        if data is None:
            return _trouble(lang, "unknown_lot", 404)
        wanted = request.headers.get("accept", "")
        if "linkset+json" in wanted or request.query_params.get("linkType") == "all":
            return JSONResponse(
                _linkset(base_url, key), media_type="application/linkset+json", headers=HEADERS
            )
        if "ld+json" in wanted:
            return JSONResponse(shelf.epcis(key, data), media_type="application/ld+json", headers=HEADERS)
        return _page(shelf, scans, photos, written, datetime.now(pilot.zone).date(), key, data, lang)

    @routes.get("/01/{gtin}/10/{lot}/{form}", include_in_schema=False)
    def forms(request: Request, gtin: str, lot: str, form: str) -> Response:
        makers: dict[str, Callable[[LotKey, bytes], Response]] = {
            "record.json": lambda key, data: Response(data, media_type="application/json"),
            "epcis.json": lambda key, data: JSONResponse(
                shelf.epcis(key, data), media_type="application/ld+json"
            ),
            "proof": lambda key, data: _proof(shelf, key.lot, data),
            "qr.svg": lambda key, data: Response(label.svg(base_url + key.path), media_type="image/svg+xml"),
            "qr.png": lambda key, data: Response(label.png(base_url + key.path), media_type="image/png"),
        }
        try:
            key = parse(gtin, lot)
        except DigitalLinkError as error:
            return _trouble(language(request), error.reason, 400)
        data = seal.read(folder, key)
        if data is None or form not in makers:
            return _trouble(language(request), "unknown_lot", 404)
        response = makers[form](key, data)
        response.headers.update(HEADERS)
        return response

    @routes.get("/01/{gtin}/10/{lot}/later/{event}/{form}", include_in_schema=False)
    def later(request: Request, gtin: str, lot: str, event: str, form: str) -> Response:
        """An addendum, or its proof."""
        try:
            key = parse(gtin, lot)
        except DigitalLinkError as error:
            return _trouble(language(request), error.reason, 400)
        data = next((data for name, data in addendum.read_all(shelf.records, key) if name == event), None)
        if data is None or form not in ("record.json", "proof"):
            return _trouble(language(request), "unknown_lot", 404)
        if form == "proof":
            response = _proof(shelf, f"{key.lot}.{event}", data)
        else:
            response = Response(data, media_type="application/json")
        response.headers.update(HEADERS)
        return response

    @routes.get("/s/{lot}", include_in_schema=False)
    def typed(request: Request, lot: str) -> Response:
        """The short link of a label, for those who type it."""
        key = shelf.find(lot.upper())
        if key is None:
            return _trouble(language(request), "unknown_lot", 404)
        return RedirectResponse(key.path, status_code=303)

    @routes.get("/photos/{name}", include_in_schema=False)
    def photo(name: str) -> Response:
        """A picture, by the hash of its bytes: what is served under it can never change."""
        found = photos.read(name)
        if found is None:
            return Response(status_code=404, headers=HEADERS)
        headers = HEADERS | {"Cache-Control": FOREVER}
        return Response(found, media_type="image/jpeg", headers=headers)

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
        outside = HEADERS | {"Content-Security-Policy": "frame-ancestors 'none'"}
        lang: Lang = "en" if language(request) == "en" else "vi"
        return Response(verify_page.page(lang), media_type="text/html; charset=utf-8", headers=outside)

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

    @routes.get("/static/record.css", include_in_schema=False)
    def style() -> Response:
        return FileResponse(
            Path(__file__).parents[1] / "templates" / "record.css",
            media_type="text/css",
            headers={"Cache-Control": SHORT},
        )

    @routes.get("/scan/{lang}/01/{gtin}/10/{lot}", include_in_schema=False)
    def choose(lang: str, gtin: str, lot: str) -> Response:
        """The same page in the other language, for phones without a settings menu at hand."""
        try:
            key = parse(gtin, lot)
        except DigitalLinkError as error:
            return _trouble(lang, error.reason, 400)
        response = RedirectResponse(key.path, status_code=303)
        response.set_cookie("lang", "en" if lang == "en" else "vi", max_age=31536000, samesite="lax")
        return response


def language(request: Request) -> str:
    """What the reader chose, else Vietnamese; a browser that speaks no Vietnamese gets English."""
    chosen = request.cookies.get("lang")
    if chosen in ("vi", "en"):
        return chosen
    accepted = request.headers.get("accept-language", "").lower()
    return "en" if accepted and "vi" not in accepted else "vi"


class Written(NamedTuple):
    """A page but for its openings, whether its lot is recalled, and how many packages there are of it."""

    body: str
    recalled: bool
    packages: int


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
    states = tuple((name, photos.state(name)) for name in _named(data, *(one for one, _ in later)))
    body, recalled, packed = written(key, data, later, states, verified, trouble, lang, today)
    opened = scans.count(key, today)
    sign = ""
    if far_more(opened, packed):
        sentence = text("page.far_more", lang, opened=opened, packages=packed)
        sign = f'<p class="answer note">{escape(sentence)}</p>'
    # only what we wrote has a < of its own
    body = body.replace(SIGN, sign).replace(OPENED, escape(text("page.opened", lang, opened=opened)))
    return Response(body, 410 if recalled else 200, HEADERS, "text/html; charset=utf-8")


@lru_cache(maxsize=PAGES)
def _named(*documents: bytes) -> tuple[str, ...]:
    """Hashes of the photographs that a record and its addenda name."""
    if not any(b'"photos":' in data for data in documents):
        return ()
    return tuple(dict.fromkeys(name for data in documents for name in photos_of(json.loads(data))))


def _written(
    pilot: Pilot, base_url: str, key: LotKey, data: bytes, addenda: tuple[tuple[bytes, int | None], ...],
    photos: tuple[tuple[str, State], ...], verified: int | None, trouble: str, lang: str, today: date,
) -> Written:  # fmt: skip
    """The page as it stays until something is sealed or changed, or the day is over."""
    content = json.loads(data)
    later = [json.loads(one) | {"leaf": leaf} for one, leaf in addenda]
    recalled = next((one for one in later if one["event"]["event"] == "revocation"), None)
    body = body_of(
        "record.html",
        lang,
        record=content,
        key=key,
        uri=base_url + key.path,
        verified=verified,
        trouble=trouble,
        recalled=None if recalled is None else _told(pilot, lang, recalled["event"]),
        charts=_charts(content["conditions"], pilot, lang),
        harvested=_local(pilot, content["times"]["harvested"]),
        events=[_told(pilot, lang, event) for event in content["events"]["rows"][-SHOWN:]],
        hidden=max(0, len(content["events"]["rows"]) - SHOWN),
        later=[
            one | {"event": _told(pilot, lang, one["event"]), "changes": _changes(pilot, one["correction"])}
            for one in later
        ],
        doubts=story.doubts(content, later, today, lang),
        breaks=story.breaks(later),
        intervals=[
            _told(pilot, lang, row) | {"days": row["pre_harvest_days"]}
            for row in content.get("intervals", record.NONE_NAMED)["rows"]
        ],
        looked_back=content.get("intervals", record.NONE_NAMED)["days"],
        photos=dict(photos),
        wrong={one["correction"]["before"]["id"] for one in later if one["correction"] is not None},
        sign=Markup(SIGN),  # noqa: S704 -- ours
        opened=Markup(OPENED),  # noqa: S704
    )
    return Written(body, recalled is not None, packages(later))


def _told(pilot: Pilot, lang: str, event: dict[str, Any]) -> dict[str, Any]:
    return event | {"when": _local(pilot, event["ts"]), "name": text(f"event.{event['event']}", lang)}


def _changes(pilot: Pilot, correction: dict[str, Any] | None) -> list[tuple[str, Any, Any]]:
    """(field, as it was, as it is) of a correction; "" for what was not there."""
    if correction is None:
        return []
    before, after = correction["before"], correction["after"]
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [
        (
            name,
            *(
                _local(pilot, side[name], exact=True) if name == "ts" else side.get(name, "")
                for side in (before, after)
            ),
        )
        for name in names
    ]


def _proof(shelf: Shelf, name: str, data: bytes) -> Response:
    proof = shelf.proof(data)
    if proof is None:
        return Response(status_code=404)
    named = {"Content-Disposition": f'attachment; filename="{name}.tlog-proof"'}
    return Response(proof, media_type="text/plain; charset=utf-8", headers=named)


def _charts(conditions: dict[str, Any], pilot: Pilot, lang: str) -> list[dict[str, Any]]:
    def day(ms: int) -> Any:
        return datetime.fromtimestamp(ms / 1000, UTC).astimezone(pilot.zone).date()

    first, last = day(conditions["start"]), day(conditions["stop"])
    return [
        {
            "name": SIGNALS[signal].name(lang),
            "unit": SIGNALS[signal].shown_unit,
            "low": min(row[1] for row in rows),
            "high": max(row[3] for row in rows),
            "mean": round(sum(row[2] * row[4] for row in rows) / sum(row[4] for row in rows), 2),
            "svg": Markup(chart.daily(rows, first, last)),  # noqa: S704 -- numbers alone, made by chart.py
        }
        for signal, rows in conditions["daily"].items()
        if signal in SIGNALS
    ]


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


def _local(pilot: Pilot, moment: str, *, exact: bool = False) -> str:
    """A moment there; to the second where there are any and it is to be `exact`."""
    at = datetime.fromisoformat(moment).astimezone(pilot.zone)
    return f"{at:%d/%m/%Y %H:%M:%S}" if exact and at.second else f"{at:%d/%m/%Y %H:%M}"


def _trouble(lang: str, reason: str, status: int) -> Response:
    response = _render("trouble.html", lang, sentence=text(f"page.{reason}", lang))
    response.status_code = status
    return response


def _render(template: str, lang: str, **values: Any) -> Response:
    return Response(body_of(template, lang, **values), media_type="text/html; charset=utf-8", headers=HEADERS)


def body_of(template: str, lang: str, **values: Any) -> str:
    """A page of this folder in one language: escaped, with nothing hidden in what people wrote."""

    def t(key: str, **placeholders: object) -> str:
        return text(key, lang, **placeholders)

    return _PAGES.get_template(template).render(lang=lang, t=t, **values)
