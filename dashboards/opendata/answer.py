"""How the open data answers: one page of rows as JSON or CSV, with licence, caching headers and an ETag."""

import csv
import hashlib
import io
import json
from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response
from pydantic import BaseModel

from dashboards.figures import Figures, iso

# of the data; assumption: the province has not named one
LICENCE = {
    "id": "CC-BY-4.0",
    "name": "Creative Commons Attribution 4.0 International",
    "url": "https://creativecommons.org/licenses/by/4.0/",
}
MOST, USUAL = 1000, 100  # rows a page
FURTHEST = 1_000_000
FRESH, SETTLED = 30, 86_400  # seconds for which an answer about now, and one about the past, may be kept
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would take such a text for a formula

Limit = Annotated[int, Query(ge=1, le=MOST, description="rows a page")]
Offset = Annotated[int, Query(ge=0, le=FURTHEST, description="rows to leave out before")]
Form = Annotated[
    Literal["json", "csv"] | None, Query(description="json or csv; without it what `Accept` asks for")
]


class Asked(BaseModel):
    """What every list takes. Unknown names are ignored, as other lists may know them."""

    limit: Limit = USUAL
    offset: Offset = 0
    format: Form = None


def answer(
    request: Request, figures: Figures, asked: Asked, rows: list[dict[str, Any]], *, settled: bool = False
) -> Response:
    """The page that was asked for. `settled`: of the past alone, so that caches may keep it for a day."""
    shown = rows[asked.offset : asked.offset + asked.limit]
    following = None
    if asked.offset + asked.limit < len(rows):
        following = str(request.url.include_query_params(offset=asked.offset + asked.limit))
    page = {"limit": asked.limit, "offset": asked.offset, "total": len(rows), "next": following}
    as_csv = asked.format == "csv" or (
        asked.format is None and "text/csv" in request.headers.get("accept", "")
    )
    digest = hashlib.sha256(json.dumps([shown, page, as_csv], sort_keys=True).encode()).hexdigest()
    headers = {
        "Cache-Control": f"public, max-age={SETTLED if settled else FRESH}",
        "ETag": f'W/"{digest[:32]}"',
        "Vary": "Accept",
        "Access-Control-Allow-Origin": "*",
        "Link": f'<{LICENCE["url"]}>; rel="license"',
        "X-Content-Type-Options": "nosniff",
    }
    if following:
        headers["Link"] += f', <{following}>; rel="next"'
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if as_csv:
        return Response(_csv(shown), media_type="text/csv; charset=utf-8", headers=headers)
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


def _csv(rows: list[dict[str, Any]]) -> str:
    """RFC 4180, one column a value: `quantity.value`, `quantity.unit`; lists joined by |."""
    flat = [dict(_flat("", row)) for row in rows]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(flat)
    return out.getvalue()


def _flat(name: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [pair for key, one in value.items() for pair in _flat(f"{name}.{key}" if name else key, one)]
    if isinstance(value, list):
        return [(name, _safe(" | ".join(_one(item) for item in value)))]
    return [(name, _safe(value) if isinstance(value, str) else value)]


def _one(item: Any) -> str:
    return " ".join(f"{value}" for value in item.values()) if isinstance(item, dict) else str(item)


def _safe(value: str) -> str:
    return f"'{value}" if value.startswith(FORMULA) else value
