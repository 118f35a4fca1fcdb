"""Labels of a lot to print, `/labels/{gtin}/{lot}.pdf`: `hoiquan trace label` for people with only a browser.

The code is no secret: it is on the lot's page. A lot that was recalled, should not have been sealed as is
known now, or went into others, gets no new labels, nor does one whose record cannot be verified.
"""

import asyncio
import json
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from devices.texts import text
from devices.web.frame import headers
from traceability.digital_link import LotKey, parse
from traceability.pages import label
from traceability.pages.frame import trouble
from traceability.pages.shared import Shared
from traceability.records import address, story
from traceability.records.shelf import Shelf
from traceability.sealing import seal

COPIES, PAPER = 24, "a4"  # one sheet


def router(folder: Path, base_url: str) -> APIRouter:
    """The route. It makes one sheet at a time, because a sheet takes part of a second of processor time."""
    making, shelf = asyncio.Lock(), Shelf(folder)

    @lru_cache(maxsize=16)
    def pdf_of(data: bytes, *later: bytes) -> bytes:
        trial = text("label.trial", "vi") if address.this_machine_s(base_url) else ""
        return label.pdf(
            [label.of(json.loads(data), [*map(json.loads, later)], trial)] * COPIES, base_url, PAPER
        )

    def sheet(key: LotKey, data: bytes) -> bytes | None:
        if shelf.check(data)[0] is None:
            return None
        later = [entry for entry, _ in shelf.later(key)]
        return None if story.unfit(json.loads(data), [*map(json.loads, later)]) else pdf_of(data, *later)

    routes = APIRouter(route_class=Shared, include_in_schema=False)

    @routes.get("/labels/{gtin}/{lot}.pdf")
    async def labels(request: Request, gtin: str, lot: str) -> Response:
        key = parse(gtin, lot)
        data = seal.read(folder, key)
        if data is None:
            return trouble(request, "unknown_lot", 404)
        async with making:  # a waiting request holds no thread that other pages need
            content = await run_in_threadpool(sheet, key, data)
        if content is None:
            return RedirectResponse(key.path, 303)  # the page that says when and why
        sent = headers(cache="no-cache") | {"Content-Disposition": f'inline; filename="{key.lot}.pdf"'}
        return Response(content, headers=sent, media_type="application/pdf")

    return routes
