"""The page of a sealed report, where the QR code on its paper leads: the sealed file and its proof."""

import hashlib
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

from devices.web.frame import headers
from devices.web.language import VARY, language
from traceability.pages.frame import PAGES, trouble
from traceability.pages.shared import Shared
from traceability.records.reports import Reports, path_of

TEXT = "text/plain; charset=utf-8"


def router(folder: Path) -> APIRouter:
    """Routes for the reports below `folder`."""
    reports, routes = Reports(folder), APIRouter(route_class=Shared, include_in_schema=False)

    @routes.get("/report/{id}.pdf")
    def file(request: Request, id: str) -> Response:
        pdf = reports.read(id)
        if pdf is None:
            return trouble(request, "unknown_report", 404)
        named = {"Content-Disposition": f'inline; filename="{id}.pdf"'}
        return Response(pdf, 200, headers(cache="no-cache") | named, "application/pdf")

    @routes.get("/report/{id}.tlog-proof")
    def proof(request: Request, id: str) -> Response:
        pdf = reports.read(id)
        proof_file = None if pdf is None or reports.changed(id, pdf) else reports.proof(pdf)
        if proof_file is None:
            return trouble(request, "unknown_report", 404)
        named = {"Content-Disposition": f'attachment; filename="{id}.tlog-proof"'}
        return Response(proof_file, 200, headers(cache="no-cache") | named, TEXT)

    @routes.get("/report/{id}")
    def page(request: Request, id: str) -> Response:
        lang, pdf = language(request), reports.read(id)
        if pdf is None:
            return trouble(request, "unknown_report", 404)
        index, why = reports.check(pdf)
        if reports.changed(id, pdf):
            index, why = None, "page.report_changed"
        sent = headers(vary=VARY, cache="no-cache")
        digest = hashlib.sha256(pdf).hexdigest()
        return PAGES.answer(
            "report.html", lang, 200, sent, path=path_of(id), index=index, why=why, digest=digest
        )

    return routes
