"""The overview at `/` for machines without Grafana: one page, no script, printable."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse, Response

from dashboards import wording
from dashboards.figures import DeviceNow, Figures, Indicator, Standing, balanced
from dashboards.pages.frame import PAGES
from dashboards.pages.kept import Kept
from dashboards.pages.map import Mark, draw
from devices.clock import day_of, moment_of
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import Pilot
from devices.texts import number, text
from devices.web.frame import HTML, headers
from devices.web.language import VARY, choose, language

REFRESH = 15  # seconds after which a browser asks again
SHOWN_DEVICES, SHOWN_LOTS = 10, 8
HEADERS = headers(vary=VARY, cache="no-cache") | {"Refresh": str(REFRESH)}


def router(figures: Figures) -> APIRouter:
    """The page and its style sheet: in Vietnamese, until the reader chooses English. How the targets stand is
    kept ready while the application runs; what was measured a moment ago is on the page at once.
    """
    progress = Kept(lambda: Progress.read(figures), lambda read: bool(read.indicators))

    @asynccontextmanager
    async def ready(_: FastAPI) -> AsyncIterator[None]:
        with progress.running():
            yield

    routes = APIRouter(lifespan=ready)

    @routes.get("/", include_in_schema=False)
    def overview(request: Request) -> Response:
        page = render(figures, progress.get(), language(request))
        return Response(page, media_type=HTML, headers=HEADERS)

    @routes.get("/language/{lang}", include_in_schema=False)
    def other_language(lang: str) -> Response:
        response = Response(status_code=303, headers={"Location": "/"})
        choose(response, lang)
        return response

    @routes.get("/static/overview.css", include_in_schema=False)
    def style() -> Response:
        path = Path(__file__).parents[1] / "templates" / "overview.css"
        return FileResponse(path, media_type="text/css", headers={"Cache-Control": "public, max-age=60"})

    return routes


class Progress(NamedTuple):
    """How the targets stand, and who counts: months of numbers, which change once a minute."""

    indicators: list[Indicator]
    standing: dict[str, Standing]

    @classmethod
    def read(cls, figures: Figures) -> "Progress":
        """As of now. Raises RetryLater."""
        now = figures.now()
        return cls(figures.indicators(now), figures.standing(now))


def render(figures: Figures, progress: Progress, lang: str) -> str:
    """The page as HTML, as of now but for the `progress`."""
    pilot, now, standing = figures.pilot, figures.now(), progress.standing
    books = figures.books(now)
    return PAGES.body(
        "overview.html",
        lang,
        pilot=pilot,
        rehearsal=figures.rehearsal,
        trend_days=figures.trend_days,
        as_of=_local(pilot, now, "%d/%m/%Y %H:%M:%S"),
        cards=[_card(one, pilot, standing, lang) for one in progress.indicators],
        map=draw(_marks(pilot, standing, now)),
        devices=[_device(device, pilot, lang) for device in figures.newest(now, SHOWN_DEVICES)],
        communes=_communes(pilot, standing, now, lang),
        lots=[_lot(lot, pilot, lang) for lot in figures.lots(SHOWN_LOTS)],
        books=books,
        balanced=balanced(books),
    )


def _card(one: Indicator, pilot: Pilot, standing: dict[str, Standing], lang: str) -> dict[str, Any]:
    missed = standing[one.id].missed if one.id in standing else {}
    top = max(*(point.at_least for point in one.targets), one.value) * 1.04
    places = {place.id: place.name for place in pilot.places}
    return {
        "id": one.id,
        "name": text(f"overview.{one.id}", lang),
        "value": wording.number(one, one.value, lang),
        "as_of": _local(pilot, one.at),
        "due": wording.target(one, one.due, lang),
        "gap": wording.gap(one, lang),
        "state": "reached" if one.gap >= 0 else "course" if one.on_course else "short",
        "path": text("overview.path", lang, value=wording.number(one, one.path, lang)),
        "bar": round(100 * one.value / top, 1),
        "marks": [
            {
                "at": round(100 * point.at_least / top, 1),
                "label": f"{point.year}: {wording.number(one, point.at_least, lang)}",
            }
            for point in one.targets
        ],
        "targets": [wording.target(one, point, lang) for point in one.targets],
        "apart": text(
            "overview.apart",
            lang,
            real=wording.number(one, one.real, lang),
            simulated=wording.number(one, one.simulated, lang),
        ),
        "forecast": text(
            "overview.forecast",
            lang,
            year=one.forecasts[-1].year,
            value=wording.number(one, one.forecasts[-1].value, lang),
            low=wording.number(one, one.forecasts[-1].low, lang),
            high=wording.number(one, one.forecasts[-1].high, lang),
        ),
        "rule": wording.rule(one.id, pilot, day_of(one.at, pilot.zone).year, lang),
        "missed": [f"{places.get(place, place)} ({why})" for place, why in missed.items()],
        "trend": _trend(one),
    }


def _trend(one: Indicator) -> str:
    """Points of a polyline in a box of 100 by 24."""
    if len(one.trend) < 2:
        return ""
    first, last = one.trend[0][0], one.trend[-1][0]
    top = max(*(value for _, value in one.trend), one.due.at_least) or 1.0
    return " ".join(
        f"{round(100 * (at - first) / max(1, last - first), 1)},{round(23 - 21 * value / top, 1)}"
        for at, value in one.trend
    )


def _marks(pilot: Pilot, standing: dict[str, Standing], now: int) -> list[Mark]:
    day = day_of(now, pilot.zone)
    places = ("iot_communities", "smart_villages")
    counted = {place for name in places if name in standing for place in standing[name].members}
    marks = []
    villages = {village.id for village in pilot.villages}
    for place in pilot.places:
        state = "later" if place.joined > day else "counted" if place.id in counted else "missed"
        marks.append(Mark(place.name, place.lat, place.lon, state, place.id in villages))
    return marks


def _communes(pilot: Pilot, standing: dict[str, Standing], now: int, lang: str) -> list[dict[str, Any]]:
    """Each place that has joined, by its commune of today, with whether it counts."""
    day = day_of(now, pilot.zone)
    villages = {village.id for village in pilot.villages}
    rows = []
    for place in pilot.places:
        if place.joined > day:
            continue
        indicator = "smart_villages" if place.id in villages else "iot_communities"
        mine = standing.get(indicator)
        has = mine.missed.get(place.id) if mine else None
        rows.append(
            {
                "commune": place.commune_new or place.commune_old,
                "place": place.name,
                "kind": text(f"report.{'village' if place.id in villages else 'community'}", lang),
                "joined": place.joined.strftime("%d/%m/%Y"),
                "counts": bool(mine and place.id in mine.members),
                "has": has or "",
            }
        )
    return sorted(rows, key=lambda row: (row["commune"], row["place"]))


def _device(device: DeviceNow, pilot: Pilot, lang: str) -> dict[str, Any]:
    def shown(name: str, value: float) -> str:
        signal = SIGNALS[name]
        number = f"{value:.{signal.decimals}f}"
        number = number.replace(".", ",") if lang == "vi" else number
        return f"{number} {signal.shown_unit}".strip()

    return {
        "id": device.device,
        "simulated": device.simulated,
        "place": pilot.place[device.community].name,
        "seen": _local(pilot, device.seen, "%d/%m %H:%M:%S"),
        "readings": [
            (SIGNALS[name].name(lang), shown(name, value)) for name, (_, value) in device.values.items()
        ],
        "flagged": [
            (SIGNALS[name].name(lang), shown(name, value), reason)
            for name, (_, value, reason) in device.flagged.items()
        ],
    }


def _lot(lot: dict[str, Any], pilot: Pilot, lang: str) -> dict[str, Any]:
    community = pilot.producers[lot["community"]]
    product = next((p for p in community.products if p.gtin == lot["gtin"]), None)
    return {
        "path": f"/01/{lot['gtin']}/10/{lot['lot']}",
        "lot": lot["lot"],
        "product": product.name.get(lang) if product else lot["gtin"],
        "community": community.name,
        "harvested": text("overview.harvested", lang, day=_local(pilot, lot["time"], "%d/%m/%Y")),
        "quantity": f"{number(lot['quantity_kg'], lang)} kg",
        "refused": text("overview.refused_lot", lang, reason=text(f"lot.{lot['refused']}", lang))
        if lot["refused"]
        else "",
    }


def _local(pilot: Pilot, ms: int, form: str = "%d/%m/%Y %H:%M") -> str:
    return moment_of(ms, pilot.zone).strftime(form)
