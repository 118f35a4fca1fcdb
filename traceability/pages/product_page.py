"""The page of a product: who sells it, and their newest lots to choose from."""

from pathlib import Path

from fastapi.responses import Response

from devices.clock import moment_of
from devices.pilots.pilot import Pilot
from devices.texts import day
from devices.web.frame import headers
from devices.web.language import VARY
from traceability.digital_link import LotKey
from traceability.pages.frame import PAGES, trouble
from traceability.records.record import KINDS
from traceability.sealing import seal

SHOWN = 20  # lots of a group, the newest; whoever has an older label scans it


def page(folder: Path, pilot: Pilot, gtin: str, unknown: str, lang: str) -> Response:
    """`unknown` is the code of a lot that was asked for and is none: the answer is then 404, and says so."""
    growers = [grower for grower in pilot.producers.values() if any(p.gtin == gtin for p in grower.products)]
    if not growers:
        return trouble(lang, "unknown_lot", 404)
    names = [product.name.get(lang) for product in growers[0].products if product.gtin == gtin]
    groups = []
    for grower in growers:
        lots = [
            {
                "path": LotKey(gtin, str(row["lot"])).path,
                "code": row["lot"],
                "day": day(moment_of(int(str(row["time"])), pilot.zone), lang),
                "kilograms": row["quantity_kg"],
                "recalled": row["recalled"],
            }
            for row in seal.lots(folder, SHOWN, grower.id, gtin)
        ]
        name = f"{KINDS[grower.kind]} {grower.name}"
        groups.append({"name": name, "fictional": getattr(grower, "fictional", False), "lots": lots})
    sent = headers(vary=VARY, cache="no-cache")
    return PAGES.answer(
        "product.html",
        lang,
        404 if unknown else 200,
        sent,
        name=names[0],
        gtin=gtin,
        unknown=unknown,
        groups=groups,
    )
