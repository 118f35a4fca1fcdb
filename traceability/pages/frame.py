"""The frame of the pages: their headers, their language, and templates in which nothing stays hidden that
people wrote.
"""

from datetime import date
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from devices.texts import number, text

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept, Accept-Language",
}
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


def language(request: Request) -> str:
    """What the reader chose, else Vietnamese; a browser that speaks no Vietnamese gets English."""
    chosen = request.cookies.get("lang")
    if chosen in ("vi", "en"):
        return chosen
    accepted = request.headers.get("accept-language", "").lower()
    return "en" if accepted and "vi" not in accepted else "vi"


def trouble(lang: str, reason: str, status: int) -> Response:
    """Why there is nothing to show, in the reader's language; `reason` is a key of `page.*`."""
    response = render("trouble.html", lang, sentence=text(f"page.{reason}", lang))
    response.status_code = status
    return response


def render(template: str, lang: str, **values: Any) -> Response:
    """A page of this folder as an answer."""
    return Response(body_of(template, lang, **values), media_type="text/html; charset=utf-8", headers=HEADERS)


def body_of(template: str, lang: str, **values: Any) -> str:
    """A page of this folder in one language: escaped, with nothing hidden in what people wrote."""

    def t(key: str, **placeholders: object) -> str:
        return text(key, lang, **placeholders)

    return _PAGES.get_template(template).render(lang=lang, t=t, **values)
