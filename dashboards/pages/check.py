"""The page `/check`: paste a device's message, read what is wrong with it. Nothing is kept; no script."""

from collections.abc import Callable, Sequence
from typing import NamedTuple
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import Response

from dashboards.pages.frame import PAGES
from devices.contract.payloads import MAX_BYTES
from devices.texts import text
from devices.web.frame import headers
from devices.web.language import VARY, language

FORM_BYTES = 8 * MAX_BYTES  # a form writes a byte of the message as three characters at most
HEADERS = headers(vary=VARY, forms=True, cache="no-store")


class Verdict(NamedTuple):
    """The verdict on a message: whether it is taken, and what is to be said of it, line by line."""

    taken: bool
    lines: Sequence[str]


Judge = Callable[[bytes, str, bool, str], Verdict]


def router(look: Judge) -> APIRouter:
    """`look` judges a message: its bytes, the device's id or "", whether ChirpStack sent it, language."""
    routes = APIRouter()

    @routes.get("/check", include_in_schema=False)
    def empty(request: Request) -> Response:
        return _page(request, '{"values":{"soil_moisture":31.5}}', "", False, None)

    @routes.post("/check", include_in_schema=False)
    async def check(request: Request) -> Response:
        form = await form_of(request)
        if form is None:
            sentence = text("rejected.too_large", language(request), field=FORM_BYTES)
            return _page(request, "", "", False, Verdict(False, [sentence]), 413)
        payload, uplink = form.get("payload", ""), "uplink" in form
        device = form.get("device", "").strip()[:64]
        verdict = look(payload.encode("utf-8", "replace"), device, uplink, language(request))
        return _page(request, payload, device, uplink, verdict)

    PAGES.style(routes, "check.css")
    return routes


async def form_of(request: Request) -> dict[str, str] | None:
    """The form's fields without blanks around them; None where the form is longer than FORM_BYTES."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES:
            return None
    form = parse_qs(body.decode("ascii", "replace"), keep_blank_values=True, errors="replace")
    return {name: values[0].replace("\r\n", "\n").strip() for name, values in form.items()}


def _page(
    request: Request, payload: str, device: str, uplink: bool, verdict: Verdict | None, status: int = 200
) -> Response:
    return PAGES.answer(
        "check.html", language(request), status, HEADERS,
        payload=payload, device=device, uplink=uplink, verdict=verdict,
    )  # fmt: skip
