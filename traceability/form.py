"""The farm diary on a phone: a group's secretary signs in and writes events down, without a script.

    sign in (a diary device's account) ─► choose ─► form ─► decode_diary ─► Post.send ─► broker ─► gateway

An event takes the road that a device's takes, under the secretary's own account: registered, checked and
kept like it. Each form has its event's id, so that sending it twice changes nothing.
"""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from devices.diary import DiaryEvent, decode_diary, encode_diary
from devices.payloads import MAX_BYTES, PayloadError
from devices.pilot import Pilot
from devices.reading import Device
from traceability.post import NotSent
from traceability.web import HEADERS, body_of, language

COOKIE, HOURS, SESSIONS = "diary", 12, 1000
WITHIN = HEADERS | {
    "Content-Security-Policy": HEADERS["Content-Security-Policy"].replace(
        "form-action 'none'", "form-action 'self'"
    ),
    "Cache-Control": "no-store",
}


class Field(NamedTuple):
    """An input of a form. `kind`: text, number, whole, choice, area (a planting-area code)."""

    name: str
    kind: str
    choices: tuple[str, ...] = ()


FORMS: dict[str, tuple[Field, ...]] = {
    "planting": (Field("seed", "text"), Field("area_ha", "number")),
    "input": (
        Field("product", "text"),
        Field("purpose", "choice", ("fertiliser", "pesticide", "feed", "other")),
        Field("dose", "text"),
        Field("pre_harvest_days", "whole"),
    ),
    "irrigation": (Field("minutes", "number"),),
    "pest_observation": (Field("pest", "text"), Field("level", "choice", ("none", "low", "medium", "high"))),
    "harvest": (Field("quantity_kg", "number"), Field("area_code", "area")),
    "packing": (Field("quantity_kg", "number"), Field("packages", "whole")),
    "shipping": (Field("quantity_kg", "number"), Field("buyer", "text")),
}


class Accounts(Protocol):
    """Who may speak, and with which password (the registry)."""

    def lookup(self, device: str) -> Device | None: ...
    def verify(self, device: str, password: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Session:
    """Somebody signed in. The password stays here, in memory: it opens the way to the broker."""

    device: Device
    password: str
    check: str  # stands in each form: another site does not know it
    until: float


class Sessions:
    """Who is signed in, by cookie; gone with the process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._open: dict[str, _Session] = {}
        self._clock = clock

    def begin(self, device: Device, password: str) -> str:
        """The cookie of a new session."""
        while len(self._open) >= SESSIONS:
            del self._open[next(iter(self._open))]
        token = secrets.token_urlsafe(32)
        until = self._clock() + HOURS * 3600
        self._open[token] = _Session(device, password, secrets.token_urlsafe(16), until)
        return token

    def find(self, token: str | None) -> _Session | None:
        session = self._open.get(token or "")
        if session is not None and self._clock() > session.until:
            self.end(token)
            return None
        return session

    def end(self, token: str | None) -> None:
        self._open.pop(token or "", None)


def router(
    pilot: Pilot, accounts: Accounts, send: Callable[[Device, str, bytes], None], *, secure: bool,
    sessions: Sessions | None = None,
) -> APIRouter:  # fmt: skip
    """Routes of the diary's form. `send` raises NotSent; `secure`: the pages are reached over https."""
    routes = APIRouter(include_in_schema=False)
    opened = sessions or Sessions()

    def known(request: Request) -> _Session | None:
        session = opened.find(request.cookies.get(COOKIE))
        if session is None or accounts.lookup(session.device.device) is None:  # revoked since
            return None
        return session

    @routes.get("/diary")
    def menu(request: Request, sent: str = "") -> Response:
        session = known(request)
        if session is None:
            return _show("sign_in.html", request, 200, wrong=False)
        done = sent if sent in FORMS else ""
        return _show("diary.html", request, 200, session=session, kinds=FORMS, sent=done)

    @routes.post("/diary/sign-in")
    async def sign_in(request: Request) -> Response:
        given = await _posted(request)
        device, password = given.get("device", ""), given.get("password", "")
        found = accounts.lookup(device)
        if found is None or found.model != "diary" or not accounts.verify(device, password):
            return _show("sign_in.html", request, 403, wrong=True)
        response = RedirectResponse("/diary", 303, WITHIN)
        response.set_cookie(
            COOKIE, opened.begin(found, password), max_age=HOURS * 3600, path="/diary", httponly=True,
            samesite="strict", secure=secure,
        )  # fmt: skip
        return response

    @routes.post("/diary/sign-out")
    async def sign_out(request: Request) -> Response:
        session = known(request)
        if session is not None and _same(session, await _posted(request)):
            opened.end(request.cookies.get(COOKIE))
        return RedirectResponse("/diary", 303, WITHIN)

    @routes.get("/diary/{kind}")
    def form(request: Request, kind: str) -> Response:
        session = known(request)
        if session is None or kind not in FORMS:
            return RedirectResponse("/diary", 303, WITHIN)
        now = f"{datetime.now(pilot.zone):%Y-%m-%dT%H:%M}"
        fresh = {"id": f"{kind.replace('_', '-')}-{secrets.token_hex(8)}", "ts": now, "plot": "plot-1"}
        return _form(request, pilot, session, kind, fresh, "", 200)

    @routes.post("/diary/{kind}")
    async def write(request: Request, kind: str) -> Response:
        session, given = known(request), await _posted(request)
        if session is None or kind not in FORMS:
            return RedirectResponse("/diary", 303, WITHIN)
        if not _same(session, given):
            return _form(request, pilot, session, kind, given, "form.again", 403)
        try:
            event = _event(pilot, session.device, kind, given)
        except PayloadError as error:
            return _form(request, pilot, session, kind, given, f"form.{_named(kind, error.field)}", 422)
        try:
            await run_in_threadpool(send, session.device, session.password, encode_diary(event))
        except NotSent:
            return _form(request, pilot, session, kind, given, "form.not_sent", 503)
        return RedirectResponse(f"/diary?sent={kind}", 303, WITHIN)

    return routes


def _event(pilot: Pilot, device: Device, kind: str, given: Mapping[str, str]) -> DiaryEvent:
    """The event of a form. Raises PayloadError."""
    whole: dict[str, Any] = {"event": kind}
    for name in ("id", "plot", "crop", "by"):
        if value := given.get(name, "").strip():
            whole[name] = value
    try:
        whole["ts"] = datetime.fromisoformat(given.get("ts", "")).replace(tzinfo=pilot.zone).isoformat()
    except ValueError:
        raise PayloadError("bad_diary", "ts") from None
    for field in FORMS[kind]:
        value = given.get(field.name, "").strip()
        if not value:
            continue
        try:
            numbers = {"number": float, "whole": int}
            whole[field.name] = numbers[field.kind](value) if field.kind in numbers else value
        except ValueError:
            raise PayloadError("bad_diary", field.name) from None
    grown = {product.crop for product in pilot.producers[device.community].products}
    if whole.get("crop") not in grown:
        raise PayloadError("bad_diary", "crop")
    return decode_diary(json.dumps(whole).encode())


def _form(
    request: Request, pilot: Pilot, session: _Session, kind: str, given: Mapping[str, str], wrong: str,
    status: int,
) -> Response:  # fmt: skip
    grower = pilot.producers[session.device.community]
    areas = [area.code for area in pilot.records.planting_areas if area.community == grower.id]
    return _show(
        "diary_form.html", request, status, session=session, kind=kind, fields=FORMS[kind], given=given,
        wrong=wrong, products=grower.products, areas=areas,
    )  # fmt: skip


def _show(template: str, request: Request, status: int, **values: Any) -> Response:
    body = body_of(template, language(request), **values)
    return Response(body, status, WITHIN, "text/html; charset=utf-8")


def _same(session: _Session, given: Mapping[str, str]) -> bool:
    return secrets.compare_digest(given.get("check", "").encode(), session.check.encode())


async def _posted(request: Request) -> dict[str, str]:
    """The fields of a form; nothing where it is too large or no form."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            return {}
    try:
        return dict(parse_qsl(body.decode(), max_num_fields=50))
    except ValueError:
        return {}


def _named(kind: str, where: str) -> str:
    """The form's field that an error of decode_diary is about, such as `harvest.quantity_kg`."""
    names = {field.name for field in FORMS[kind]} | {"ts", "plot", "crop", "by"}
    return next((part for part in reversed(where.split(".")) if part in names), "ts")
