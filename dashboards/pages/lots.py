"""A lot as the pages list it."""

from typing import Any

from devices.clock import moment_of
from devices.pilots.pilot import Pilot
from devices.texts import number, text


def shown_lot(lot: dict[str, Any], pilot: Pilot, lang: str) -> dict[str, Any]:
    """What a lot is, whose, and where its record is; or why it was not sealed."""
    community = pilot.producers[lot["community"]]
    product = next((p for p in community.products if p.gtin == lot["gtin"]), None)
    day = moment_of(lot["time"], pilot.zone).strftime("%d/%m/%Y")
    return {
        "path": f"/01/{lot['gtin']}/10/{lot['lot']}",
        "lot": lot["lot"],
        "product": product.name.get(lang) if product else lot["gtin"],
        "community": community.name,
        "place": community.id if community.id in pilot.place else "",
        "harvested": text("overview.harvested", lang, day=day),
        "quantity": f"{number(lot['quantity_kg'], lang)} kg",
        "recalled": lot.get("recalled", False),
        "refused": text("overview.refused_lot", lang, reason=text(f"lot.{lot['refused']}", lang))
        if lot["refused"]
        else "",
    }
