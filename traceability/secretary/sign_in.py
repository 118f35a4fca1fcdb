"""Signs diary writers in: with a diary device's account, for some hours.

account and password ─► throttle ─► registry ─► session in memory, identified by a cookie
"""

import math
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from devices.contract.models import DIARY
from devices.contract.payloads import MAX_BYTES
from devices.contract.reading import Device
from devices.web.frame import headers
from devices.web.language import VARY, language
from traceability.pages.frame import PAGES
from traceability.secretary.throttle import Throttle
from traceability.secretary.upload import posted

COOKIE, HOURS, SESSIONS = "diary", 12, 1000
WITHIN = headers(vary=VARY, forms=True, cache="no-store")


class Accounts(Protocol):
    """The accounts that may write, and their passwords (the registry)."""

    def lookup(self, device: str) -> Device | None: ...
    def verify(self, device: str, password: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in writer. The password is kept in memory, because it opens the connection to the broker."""

    device: Device
    password: str
    check: str  # stands in each form; another site does not know it
    until: float

    def same(self, fields: Mapping[str, str]) -> bool:
        """Whether the form was given out to this session."""
        return secrets.compare_digest(fields.get("check", "").encode(), self.check.encode())


class Sessions:
    """Open sessions by cookie, in memory only."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._open: dict[str, Session] = {}
        self._clock = clock

    def begin(self, device: Device, password: str) -> str:
        """Open a session; returns its cookie."""
        while len(self._open) >= SESSIONS:
            del self._open[next(iter(self._open))]
        token = secrets.token_urlsafe(32)
        until = self._clock() + HOURS * 3600
        self._open[token] = Session(device, password, secrets.token_urlsafe(16), until)
        return token

    def find(self, token: str | None) -> Session | None:
        session = self._open.get(token or "")
        if session is not None and self._clock() > session.until:
            self.end(token)
            return None
        return session

    def end(self, token: str | None) -> None:
        self._open.pop(token or "", None)


class Door:
    """Signs writers in and out. `secure`: the pages are served over https."""

    def __init__(self, accounts: Accounts, *, secure: bool) -> None:
        self._accounts, self._secure = accounts, secure
        self._sessions, self._throttle = Sessions(), Throttle()

    def known(self, request: Request) -> Session | None:
        """The request's session, or None."""
        session = self._sessions.find(request.cookies.get(COOKIE))
        # revoked since the sign-in
        if session is None or self._accounts.lookup(session.device.device) is None:
            return None
        return session

    def add_to(self, routes: APIRouter) -> None:
        """Add the routes that sign in and out."""

        @routes.post("/diary/sign-in")
        async def sign_in(request: Request) -> Response:
            fields = (await posted(request, MAX_BYTES)).fields
            account, password = fields.get("device", "")[:64], fields.get("password", "")
            return await run_in_threadpool(self._let_in, request, account, password)

        @routes.post("/diary/sign-out")
        async def sign_out(request: Request) -> Response:
            fields = (await posted(request, MAX_BYTES)).fields
            session = await run_in_threadpool(self.known, request)
            if session is not None and session.same(fields):
                self._sessions.end(request.cookies.get(COOKIE))
            return RedirectResponse("/diary", 303, WITHIN)

    def _let_in(self, request: Request, account: str, password: str) -> Response:
        peer = request.client.host if request.client else ""
        if wait := math.ceil(self._throttle.attempt(account, peer)):
            refused = show("sign_in.html", request, 429, wrong="form.wait", wait=wait)
            refused.headers["Retry-After"] = str(wait)
            return refused
        device = self._accounts.lookup(account)
        if device is None or device.model != DIARY or not self._accounts.verify(account, password):
            return show("sign_in.html", request, 403, wrong="form.wrong_password")
        self._throttle.right(account, peer)
        response = RedirectResponse("/diary", 303, WITHIN)
        response.set_cookie(
            COOKIE, self._sessions.begin(device, password), max_age=HOURS * 3600, path="/diary",
            httponly=True, samesite="strict", secure=self._secure,
        )  # fmt: skip
        return response


def show(template: str, request: Request, status: int, **values: Any) -> Response:
    """A page for writers, which no cache may store."""
    return PAGES.answer(template, language(request), status, WITHIN, **values)
