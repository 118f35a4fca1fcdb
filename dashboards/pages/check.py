"""The page `/check`: paste a device's message, read what is wrong with it. Nothing is kept; no script."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from devices.contract.payloads import MAX_BYTES
from devices.texts import text

FORM_BYTES = 8 * MAX_BYTES  # a form writes a byte of the message as three characters at most
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_PAGES = Environment(
    loader=PackageLoader("dashboards"), autoescape=select_autoescape(), undefined=StrictUndefined
)


class Verdict(NamedTuple):
    """What is to be said of a message, line by line, and whether it is taken."""

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
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > FORM_BYTES:
                sentence = text("rejected.too_large", _lang(request), field=len(body))
                return _page(request, "", "", False, Verdict(False, [sentence]), 413)
        form = parse_qs(body.decode("ascii", "replace"), keep_blank_values=True, errors="replace")
        given = {name: values[0] for name, values in form.items()}
        payload = given.get("payload", "").replace("\r\n", "\n").strip()
        device, uplink = given.get("device", "").strip()[:64], "uplink" in given
        verdict = look(payload.encode("utf-8", "replace"), device, uplink, _lang(request))
        return _page(request, payload, device, uplink, verdict)

    @routes.get("/static/check.css", include_in_schema=False)
    def style() -> Response:
        path = Path(__file__).parents[1] / "templates" / "check.css"
        return FileResponse(path, media_type="text/css", headers={"Cache-Control": "public, max-age=60"})

    return routes


def _lang(request: Request) -> str:
    return "en" if request.cookies.get("lang") == "en" else "vi"


def _page(
    request: Request, payload: str, device: str, uplink: bool, verdict: Verdict | None, status: int = 200
) -> Response:
    lang = _lang(request)
    html = _PAGES.get_template("check.html").render(
        lang=lang, t=lambda key: text(key, lang), payload=payload, device=device, uplink=uplink,
        verdict=verdict,
    )  # fmt: skip
    return Response(html, status, _HEADERS, media_type="text/html; charset=utf-8")
