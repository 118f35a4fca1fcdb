"""The page of a place, `/place/{id}`, for a phone: what is measured, what to do, devices and lots. No script.

lately ─► measured (now), advice ─┐
curves ─► week ───────────────────┼─► render ─► page; its bytes change only with its content
roster, lots ─────────────────────┘
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response

from dashboards import wording
from dashboards.figures import DeviceNow, Figures
from dashboards.kept import Kept
from dashboards.pages import today, trouble, week
from dashboards.pages.curves import Curves
from dashboards.pages.frame import PAGES
from dashboards.pages.lately import Lately
from dashboards.pages.measured import (
    GROUPS,
    SIGNALS,
    SUMS,
    Measured,
    may_be_behind,
    meaning,
    measured,
    silence,
)
from devices.clock import DAY_MS, moment_of
from devices.contract.models import DIARY, device_name
from devices.pilots.pilot import Pilot
from devices.pilots.places import Place
from devices.texts import age, moment, text
from devices.web.frame import HTML, headers
from devices.web.language import VARY, language

SHOWN_LOTS, SHOWN_RECALLS = 6, 20
HEADERS = headers(vary=VARY, cache="no-cache")


def router(figures: Figures, recent: Kept[Lately]) -> APIRouter:
    """The page and its style sheet. `recent` is shared with other pages, which keep it ready. Curves are kept
    ready while the application runs.
    """
    curves = Curves(figures)

    @asynccontextmanager
    async def ready(_: FastAPI) -> AsyncIterator[None]:
        with curves.running(recent):
            PAGES.prepare("place.html")
            yield

    routes = APIRouter(include_in_schema=False, lifespan=ready)

    @routes.get("/place/{id}")
    def page(id: str, request: Request) -> Response:
        lang = language(request)
        place = figures.pilot.place.get(id)
        if place is None:
            return trouble.page(request, 404, "no_place")
        # before the first reading of all places has ended, a reader waits for this one only
        read = Lately.read(figures, place.id) if recent.begins else recent.get()
        body = render(figures, read, curves, place, lang)
        return Response(body, headers=HEADERS, media_type=HTML)

    PAGES.style(routes, "place.css")
    return routes


def render(figures: Figures, recent: Lately, curves: Curves, place: Place, lang: str) -> str:
    """The page as HTML, as of now except for the values in `recent`. Raises RetryLater."""
    pilot, now = figures.pilot, figures.now()
    devices = recent.devices.get(place.id, [])
    values = {one.signal: one for one in measured(devices, place.id, pilot, now, SIGNALS)}
    drawn = curves.of(place.id, week.signals_by_model(devices, values), now)
    groups = [
        (group, [_quantity(values[one], drawn.weeks.get(one), now, lang) for one in signals if one in values])
        for group, signals in GROUPS.items()
    ]
    listed = _devices(figures, recent, place.id, now, lang)
    return PAGES.body(
        "place.html",
        lang,
        place=place,
        commune=wording.commune(place, pilot, now),
        commune_before=wording.commune_before(place, pilot, now, lang),
        kind=wording.kind(place, lang),
        joined=wording.joined(place, pilot, now, lang),
        rehearsal=figures.rehearsal,
        as_of=moment(moment_of(recent.at, pilot.zone), lang),
        curves_as_of=moment(moment_of(drawn.read, pilot.zone), lang),
        alarms=today.alarms_of(values.values(), place, pilot, now, lang),
        advice=today.advised(recent.advised.get(place.id, ()), pilot, now, lang),
        groups=[(group, quantities) for group, quantities in groups if quantities],
        nobody=[text(f"place.{group}", lang) for group, quantities in groups if not quantities],
        devices=listed,
        dead=sum(one["dead"] for one in listed),
        grows=bool(getattr(place, "products", ())),
        lots=[wording.lot_of(lot, pilot, lang) for lot in figures.lots(SHOWN_LOTS, place.id)],
        recalls=[wording.recall_of(lot, pilot, lang) for lot in figures.recalls(SHOWN_RECALLS, place.id)],
    )


def _quantity(one: Measured, of_week: week.Week | None, now: int, lang: str) -> dict[str, Any]:
    """The card of a quantity: its value now, what that means, and how its week went."""
    low, high = (wording.amount(one.signal, value, lang, one.beside) for value in (one.low, one.high))
    value = wording.measured(one.signal, one.high, lang, one.beside)
    if one.signal in SUMS and one.silent:
        value = text("place.of_no_day", lang)  # how much came since is not known
    elif one.signal in SUMS and of_week is not None:
        total = of_week.total(int(DAY_MS / week.STEP_MS))
        value = text("place.of_a_day", lang, value=wording.measured(one.signal, total, lang))
    elif low != high and one.signal != "wind_direction":
        value = f"{low} – {value}"
    return {
        "name": wording.signal(one.signal, lang),
        "value": value,
        "alarm": bool(one.reached),
        "silent": one.silent,
        "level": meaning(one, lang),
        "age": age(now - one.at, lang),
        "of": text(f"place.of_{'simulated' if one.simulated else 'real'}", lang, number=one.devices),
        "curve": week.drawn(one, of_week, lang) if of_week else "",
        "week": week.caption(one.signal, of_week, lang) if of_week else "",
    }


def _devices(figures: Figures, recent: Lately, place: str, now: int, lang: str) -> list[dict[str, Any]]:
    """The rows of the devices: dead ones, the longest silent first; then the others, the last heard first."""
    pilot, devices = figures.pilot, recent.devices.get(place, [])
    known = {one.device: one for one in devices}
    roster = [one for one in figures.roster() if one.community == place and one.model != DIARY]
    rows = []
    for name, model, simulated in (
        *((one.device, one.model, one.simulated) for one in devices),
        *((one.device, one.model, one.simulated) for one in roster if one.device not in known),
    ):
        at = recent.heard.get(name)
        if at is None and simulated:
            continue  # nobody simulates it here
        since = 0 if at is None else at
        dead = now - since > silence(pilot)
        rows.append((
            (not dead, since if dead else -since, name),
            {
                "name": device_name(name, place, model, lang),
                "simulated": simulated,
                "dead": dead,
                "seen": _seen(at, now, pilot, dead, lang),
                "battery": _battery(known.get(name), lang),
                "doubted": [
                    *_clock(name, now, since, simulated, lang),
                    *_doubted(known.get(name), pilot, lang),
                ],
            },
        ))  # fmt: skip
    return [row for _, row in sorted(rows, key=lambda one: one[0])]


def _seen(at: int | None, now: int, pilot: Pilot, dead: bool, lang: str) -> str:
    if at is None:
        return text("place.never", lang)
    ago = age(now - at, lang)
    since = moment(moment_of(at, pilot.zone), lang)
    return text("place.dead", lang, since=since, ago=ago) if dead else text("place.heard", lang, ago=ago)


def _battery(device: DeviceNow | None, lang: str) -> str:
    for signal in ("battery_level", "battery_voltage"):
        if device is not None and signal in device.values:
            value = wording.measured(signal, device.values[signal][1], lang)
            return text("place.battery", lang, value=value)
    return ""


def _clock(device: str, now: int, heard: int, simulated: bool, lang: str) -> list[str]:
    """What may be wrong with the clock of a device that seems to be silent."""
    behind = may_be_behind(now, heard, simulated=simulated)
    return [text("place.behind", lang, device=device)] if behind else []


def _doubted(device: DeviceNow | None, pilot: Pilot, lang: str) -> list[str]:
    return [
        text(
            "place.doubted", lang, name=wording.signal(signal, lang),
            value=wording.measured(signal, value, lang), reason=text(f"boards.reason_{reason}", lang),
            time=moment(moment_of(at, pilot.zone), lang),
        )
        for signal, (at, value, reason) in (device.flagged.items() if device else ())
    ]  # fmt: skip
