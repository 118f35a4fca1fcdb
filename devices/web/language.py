"""The language of a page: what the reader chose, else what the browser prefers, else Vietnamese."""

import re

from fastapi import APIRouter, Request
from fastapi.responses import Response

from devices.texts import LANGS, Lang

COOKIE, A_YEAR = "lang", 31_536_000  # seconds
VARY = ("Accept-Language", "Cookie")  # what an answer in the reader's language depends on
# a path of this site, with its query; "//" begins another site's address
OURS = re.compile(r"/(?![/\\])[!-~]*")


def router() -> APIRouter:
    """The route by which a reader chooses a language; it leads back to the page where that was done."""
    routes = APIRouter()

    @routes.get("/language/{lang}", include_in_schema=False)
    def other_language(lang: str, to: str = "/") -> Response:
        back = to if OURS.fullmatch(to) else "/"
        response = Response(status_code=303, headers={"Location": back})
        choose(response, lang)
        return response

    return routes


def language(request: Request) -> Lang:
    """The reader's language."""
    chosen = request.cookies.get(COOKIE)
    return next((lang for lang in LANGS if lang == chosen), None) or preferred(
        request.headers.get("accept-language", "")
    )


def choose(response: Response, lang: str) -> None:
    """Make the browser remember a language; one that we do not speak becomes Vietnamese."""
    response.set_cookie(COOKIE, spoken(lang), max_age=A_YEAR, samesite="lax")


def spoken(lang: str) -> Lang:
    """The language with this code; Vietnamese for one that we do not speak."""
    return "en" if lang == "en" else "vi"


def preferred(accepted: str) -> Lang:
    """Our language with the highest quality in an Accept-Language header (RFC 9110, 12.5.4); of equals, the
    one that the header names first. Vietnamese if the header names neither of ours.
    """
    qualities: dict[str, float] = {}
    for one in accepted.split(","):
        tag, *parameters = (part.strip().lower() for part in one.split(";"))
        primary = tag.partition("-")[0]
        qualities[primary] = max(qualities.get(primary, 0.0), _quality(parameters))
    named = [lang for tag in qualities for lang in LANGS if lang == tag]
    unnamed = [lang for lang in LANGS if lang not in named]
    best = max([*named, *unnamed], key=lambda lang: qualities.get(lang, qualities.get("*", 0.0)))
    return best if qualities.get(best, qualities.get("*", 0.0)) > 0 else "vi"


def _quality(parameters: list[str]) -> float:
    """The quality from 0 (not at all) to 1; one that cannot be read counts as 0."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                return 0.0
            return quality if 0 <= quality <= 1 else 0.0
    return 1.0
