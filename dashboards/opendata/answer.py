"""How the open data answers: one page of rows as JSON or CSV, with licence, caching headers and an ETag."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from fastapi import HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError

from dashboards.figures import Figures, iso
from dashboards.opendata.rows import Refused

# the licence of the data. Assumption: the province has not named one
LICENCE = {
    "id": "CC-BY-4.0",
    "name": "Creative Commons Attribution 4.0 International",
    "url": "https://creativecommons.org/licenses/by/4.0/",
}
MOST, USUAL = 1000, 100  # rows a page
FURTHEST = 1_000_000
LOTS = 1000  # newest lots given at most
FRESH, SETTLED = 30, 86_400  # seconds for which an answer about now, and one about the past, may be kept
OPEN = {
    "Cache-Control": f"public, max-age={FRESH}",
    "Access-Control-Allow-Origin": "*",
    "Link": f'<{LICENCE["url"]}>; rel="license"',
}
BOM = "\ufeff"  # without it Excel reads the bytes in another encoding; pandas and GDAL accept it
GTIN = "(01){}"  # as GS1 writes it for people: bare digits would be a number, and lose their leading zero
CSV = "text/csv; charset=utf-8"
T = TypeVar("T")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet takes a text that begins so for a formula

Limit = Annotated[int, Query(ge=1, le=MOST, description="most rows on a page")]
Offset = Annotated[int, Query(ge=0, le=FURTHEST, description="rows to skip before the first one")]
Form = Annotated[
    Literal["json", "csv"] | None,
    Query(description="json or csv; without it, the form that `Accept` asks for"),
]


@dataclass(frozen=True, slots=True)
class PageQuery:
    """The query parameters of every list. A pydantic model would lose their descriptions in OpenAPI."""

    limit: Limit = USUAL
    offset: Offset = 0
    format: Form = None


def answer(
    request: Request,
    figures: Figures,
    query: PageQuery,
    rows: Sequence[T],
    columns: Sequence[str],
    written: Callable[[T], dict[str, Any]] = lambda row: row,  # type: ignore[assignment,return-value]
    *,
    settled: bool = False,
) -> Response:
    """The requested page of `rows` as JSON or CSV; only the rows of the page are converted by `written`.
    `columns` are those of CSV, the same on each page. `settled`: the answer is about the past only, so that
    caches may keep it for a day.
    """
    shown = [written(row) for row in rows[query.offset : query.offset + query.limit]]
    following = None
    if query.offset + query.limit < len(rows):
        following = str(request.url.include_query_params(offset=query.offset + query.limit))
    page = {"limit": query.limit, "offset": query.offset, "total": len(rows), "next": following}
    as_csv = query.format == "csv" or (
        query.format is None and "text/csv" in request.headers.get("accept", "")
    )
    digest = hashlib.sha256(json.dumps([shown, page, as_csv], sort_keys=True).encode()).hexdigest()
    headers = OPEN | {
        "ETag": f'W/"{digest[:32]}"',
        "Vary": "Accept",
        "X-Content-Type-Options": "nosniff",
    }
    if settled:
        headers["Cache-Control"] = f"public, max-age={SETTLED}"
    if following:
        headers["Link"] += f', <{following}>; rel="next"'
    if as_csv:
        headers["Content-Disposition"] = disposition(f"{request.url.path.rpartition('/')[2]}.csv")
        return Response(csv_text(shown, columns), media_type=CSV, headers=headers)
    about: dict[str, Any] = {
        "licence": LICENCE,
        "attribution": f"hoiquan, {figures.pilot.name.vi}",
        "time": iso(figures.now()),
        "page": page,
    }
    if figures.rehearsal is not None:  # a scenario that was played: nothing of it happened
        about["rehearsal"] = figures.rehearsal.en
    content = json.dumps({**about, "rows": shown}, ensure_ascii=False, separators=(",", ":"))
    return Response(content, media_type="application/json", headers=headers)


def require_known(request: Request) -> None:
    """Refuse with 400 a query parameter that OpenAPI does not list for this path, and name those that it
    lists. Ignoring it would answer another question.
    """
    described = request.app.openapi()["paths"][request.scope["route"].path]["get"].get("parameters", ())
    names = [one["name"] for one in described if one["in"] == "query"]
    unknown = [name for name in request.query_params if name not in names]
    if unknown:
        listed = f"there are {', '.join(names)}" if names else "there are none here"
        raise HTTPException(400, f"no parameter is called {', '.join(unknown)}: {listed}")


def misread(name: str, value: str, cause: str) -> RequestValidationError:
    """The error for a query value that OpenAPI does not allow; it is answered like FastAPI's own refusals."""
    return RequestValidationError(
        [{"type": "value_error", "loc": ("query", name), "msg": f"{name}={value}: {cause}", "input": value}]
    )


def refused(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of refusals with these statuses."""
    return {status: {"model": Refused} for status in statuses}


def as_file(name: str, content: str, media: str) -> Response:
    """A whole file with its length, which programs that open files over the net ask for."""
    own = {"X-Content-Type-Options": "nosniff", "Content-Disposition": disposition(name)}
    return Response(content, media_type=media, headers=OPEN | own)


def disposition(name: str) -> str:
    """The header value that lets a browser keep the answer as a file of this name."""
    return f'attachment; filename="{name}"'


def csv_text(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> str:
    """Rows as CSV (RFC 4180), one column per value: `quantity.value`, `quantity.unit`; lists joined by |."""
    out = io.StringIO(BOM)
    out.seek(0, io.SEEK_END)
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(dict(flatten("", row)) for row in rows)
    return out.getvalue()


def flatten(name: str, value: Any) -> list[tuple[str, Any]]:
    """A row as pairs of column name and value."""
    if isinstance(value, dict):
        return [pair for key, one in value.items() for pair in flatten(f"{name}.{key}" if name else key, one)]
    if name == "gtin":
        return [(name, GTIN.format(value))]
    if isinstance(value, list):
        return [(name, _safe(" | ".join(_one(item) for item in value)))]
    return [(name, _safe(value) if isinstance(value, str) else value)]


def _one(item: Any) -> str:
    return " ".join(f"{value}" for value in item.values()) if isinstance(item, dict) else str(item)


def _safe(value: str) -> str:
    return f"'{value}" if value.startswith(FORMULA) else value
