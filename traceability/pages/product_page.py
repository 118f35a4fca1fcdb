"""The page of a product: who sells it, and their newest lots to choose from."""

from pathlib import Path

from fastapi import Request
from fastapi.responses import Response

from devices.clock import moment_of
from devices.pilots.pilot import Pilot
from devices.texts import day
from devices.web.frame import headers
from devices.web.language import VARY, language
from traceability.digital_link import LotKey
from traceability.pages.frame import PAGES, trouble
from traceability.records.record import KINDS
from traceability.sealing import seal

SHOWN = 20  # newest lots of a group; older ones are reached by scanning their label


def page(folder: Path, pilot: Pilot, request: Request, gtin: str, unknown: str) -> Response:
    """A product's page. `unknown` is the code of a requested lot that does not exist: then status 404."""
    lang, product = language(request), pilot.product_of(gtin)
    if product is None:
        return trouble(request, "unknown_lot", 404)
    groups = []
    for grower in pilot.producers.values():
        if grower.product(gtin) is None:
            continue
        lots = [
            {
                "path": LotKey(gtin, str(row["lot"])).path,
                "code": row["lot"],
                "day": day(moment_of(int(str(row["time"])), pilot.zone), lang),
                "kilograms": row["quantity_kg"],
                "recalled": row["recalled"],
                "simulated": row["simulated"],
                "word": "page.made" if row["made"] else "page.harvested",
            }
            for row in seal.lots(folder, SHOWN, grower.id, gtin)
        ]
        name = f"{KINDS[grower.kind]} {grower.name}"
        groups.append({"name": name, "fictional": grower.fictional, "lots": lots})
    sent = headers(vary=VARY, cache="no-cache")
    name, status = product.name.get(lang), 404 if unknown else 200
    return PAGES.answer(
        "product.html", lang, status, sent, name=name, gtin=gtin, unknown=unknown, groups=groups
    )
