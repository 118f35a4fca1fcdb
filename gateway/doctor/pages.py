"""Checks the pages by their own `/healthz`."""

from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from devices.texts import LANGS, Misuse
from gateway.doctor.finding import Finding, Visit, one_line

TIMEOUT = 5.0  # seconds
MOST = 4000  # bytes: enough for sentences in two languages


def pages(visit: Visit) -> Iterator[Finding]:
    """Request `/healthz` at the address in the settings."""
    url = (visit.settings.web_url or visit.settings.base_url).rstrip("/") + "/healthz"
    try:
        if urlsplit(url).scheme not in ("http", "https"):
            raise Misuse("doctor.pages_scheme")
        urlopen(url, timeout=TIMEOUT).close()  # noqa: S310 -- http and https alone
    except HTTPError as error:
        answer = error.read(MOST).decode("utf-8", "replace")
        key = "pages_ill" if error.code == HTTPStatus.SERVICE_UNAVAILABLE else "pages_bad"
        if key == "pages_ill":
            answer = _in_language(answer, visit.lang)
        yield visit.finding("pages", "bad", key, url=url, error=one_line(answer))
    except (OSError, ValueError, HTTPException) as error:
        cause = error.reason if isinstance(error, URLError) else error
        yield visit.finding("pages", "bad", "pages_bad", url=url, error=one_line(cause))
    else:
        yield visit.finding("pages", "ok", "pages_ok", url=url)


def _in_language(answer: str, lang: str) -> str:
    """The lines of an answer in one language: all sentences stand in the first, then all in the next. The
    answer of another version may be of one line.
    """
    lines = answer.splitlines()
    each, rest = divmod(len(lines), len(LANGS))
    first = LANGS.index(lang) * each
    return answer if rest else "\n".join(lines[first : first + each])
