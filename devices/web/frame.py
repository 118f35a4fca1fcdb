"""The frame of a page: its headers, and templates that show the hidden characters of people's text."""

from collections.abc import Mapping, Sequence
from datetime import date
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from devices.texts import day, number, percent, text

HTML = "text/html; charset=utf-8"
# characters that hide or turn around their neighbours (UAX 9, controls, no width), and what is shown instead
HIDDEN = {code: f"⟨U+{code:04X}⟩" for code in (
    *range(0x20), *range(0x7F, 0xA0), 0xAD, 0x61C, *range(0x200B, 0x2010), *range(0x2028, 0x202F),
    *range(0x2060, 0x2070), 0xFEFF,
) if chr(code) not in "\n\t"}  # fmt: skip


def headers(*, vary: Sequence[str] = (), forms: bool = False, cache: str = "") -> dict[str, str]:
    """Headers of an answer without a script. `vary`: headers of the request that the answer depends on;
    `forms`: the page may send forms back to us; `cache`: its Cache-Control, none if empty.
    """
    target = "'self'" if forms else "'none'"
    fields = {
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
        f"form-action {target}; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    if vary:
        fields["Vary"] = ", ".join(vary)
    if cache:
        fields["Cache-Control"] = cache
    return fields


def here(request: Request) -> str:
    """The path and query that a request asks for, as a link on this site."""
    path = quote(request.url.path)
    return f"{path}?{request.url.query}" if request.url.query else path


class Pages:
    """The templates in the folder `templates` of one package.

    Besides its values a template has `lang`, `t` (a sentence of the catalogue in that language), and the
    filters `number`, `percent` and `day` (of an ISO date). Text that a person wrote is escaped, and its
    hidden characters are spelt out; `|e` keeps them, for an input that gives back what was typed.
    """

    def __init__(self, package: str) -> None:
        self._folder = files(package) / "templates"
        self._templates = Environment(
            loader=PackageLoader(package),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            finalize=_plain,
        )
        self._templates.filters |= {
            "number": number,
            "percent": percent,
            "day": lambda iso, lang: day(date.fromisoformat(iso), lang),
        }

    def prepare(self, template: str) -> None:
        """Compile a template, which takes as long as ten pages, before the first reader asks for it."""
        self._templates.get_template(template)

    def style(self, routes: APIRouter, name: str) -> None:
        """Serve the style sheet `name` below /static/, after `base.css` if these templates share one."""
        sheets = (self._folder / one for one in ("base.css", name))
        sheet = b"".join(one.read_bytes() for one in sheets if one.is_file())

        @routes.get(f"/static/{name}", include_in_schema=False)
        def style() -> Response:
            return Response(sheet, 200, {"Cache-Control": "public, max-age=60"}, "text/css")

    def body(self, template: str, lang: str, /, **values: Any) -> str:
        """The HTML of a page in one language."""

        def t(key: str, **placeholders: object) -> str:
            return text(key, lang, **placeholders)

        return self._templates.get_template(template).render(lang=lang, t=t, **values)

    def answer(
        self, template: str, lang: str, status: int, sent: Mapping[str, str], /, **values: Any
    ) -> Response:
        """A page in one language, as an answer with the headers `sent`."""
        return Response(self.body(template, lang, **values), status, sent, HTML)


def _plain(value: object) -> object:
    """A person's text with its hidden characters spelt out; escaping follows."""
    return value.translate(HIDDEN) if isinstance(value, str) and not isinstance(value, Markup) else value
