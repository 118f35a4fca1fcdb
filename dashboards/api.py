"""Open data at `/api/v1/`: the figures of the pages as JSON, every value with its unit and time."""

from typing import Any

from fastapi import APIRouter, HTTPException

from dashboards.figures import Figures, device_json, iso

LICENCE = "CC-BY-4.0"  # of the data; assumption: the province has not named one


def router(figures: Figures) -> APIRouter:
    """Read-only routes over the figures."""
    routes = APIRouter(prefix="/api/v1", tags=["open data"])

    def answer(rows: list[dict[str, Any]]) -> dict[str, Any]:
        about = {"licence": LICENCE, "time": iso(figures.now())}
        if figures.rehearsal is not None:  # a scenario that was played: nothing of it happened
            about["rehearsal"] = figures.rehearsal.en
        return {**about, "rows": rows}

    @routes.get("/indicators")
    def indicators() -> dict[str, Any]:
        """The three targets: value, target, gap, and the moment of counting."""
        now = figures.now()
        counts = {count.indicator: count for count in figures.evaluation(now).counts}
        return answer(
            [
                {
                    "indicator": one.id,
                    "unit": "1",
                    "value": one.value,
                    "value_real": one.real,
                    "value_simulated": one.simulated,
                    "target": one.due.at_least,
                    "target_year": one.due.year,
                    "gap": one.gap,
                    "time": iso(one.at),
                    "counted": list(counts[one.id].members),
                    "missed": [{"id": place, "has": why} for place, why in counts[one.id].missed],
                }
                for one in figures.indicators(now)
            ]
        )

    @routes.get("/communities")
    def communities() -> dict[str, Any]:
        """The communities and villages of the pilot; places are ±5 km."""
        villages = {village.id for village in figures.pilot.villages}
        return answer(
            [
                {
                    **place.model_dump(
                        mode="json",
                        include={
                            "id",
                            "name",
                            "commune_old",
                            "commune_new",
                            "lat",
                            "lon",
                            "joined",
                            "fictional",
                        },
                    ),
                    "kind": "village" if place.id in villages else "hoi-quan",
                }
                for place in figures.pilot.places
            ]
        )

    @routes.get("/devices")
    def devices(community: str | None = None) -> dict[str, Any]:
        """Devices heard within a day, with their newest values."""
        where = {"community": community} if community else {}
        return answer([device_json(device) for device in figures.devices(figures.now(), **where)])

    @routes.get("/devices/{device}/latest")
    def latest(device: str) -> dict[str, Any]:
        """The newest values of one device."""
        found = figures.devices(figures.now(), device=device)
        if not found:
            raise HTTPException(404, f"no reading of device {device!r} within a day")
        return device_json(found[0])

    @routes.get("/lots")
    def lots(limit: int = 50) -> dict[str, Any]:
        """The newest lots, without their codes: who holds a label can look its record up."""
        shown = figures.lots(max(1, min(limit, 500)))
        return answer(
            [
                {
                    "community": lot["community"],
                    "gtin": lot["gtin"],
                    "time": iso(int(str(lot["time"]))),
                    "quantity": {"value": lot["quantity_kg"], "unit": "kg"},
                    "coverage": lot["coverage"],
                    "sealed": lot["leaf"] is not None,
                }
                for lot in shown
            ]
        )

    return routes
