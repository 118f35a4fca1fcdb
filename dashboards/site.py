"""The pages over one store as an application: what they show, their routes, and a store that is away.

store ─► opened ─► Figures ─► site: overview, state, open data, SensorThings, check + the caller's routes
"""

from collections.abc import Callable, Iterable
from functools import lru_cache

from fastapi import APIRouter, FastAPI, Request, Response

from dashboards.figures import Figures
from dashboards.opendata import catalog, files, routes
from dashboards.pages import check, learn, overview, state
from dashboards.sta import routes as sta
from devices.access.database import RegistryAway
from devices.access.registry import Registry
from devices.clock import DAY_MS, MINUTE_MS
from devices.pilots.scenario import SCENARIO, Scenario
from devices.settings import Settings
from gateway.indicators.count import Evaluation, evaluate
from gateway.stores.store import RetryLater, Store


def opened(settings: Settings, store: Store, lots: Callable[[int], list[dict[str, object]]]) -> Figures:
    """What pages and report show, out of a store and of the newest sealed `lots`; of a rehearsal's folder its
    last moment, judged by its rules.
    """
    place, played = settings.loaded_pilot, settings.data / SCENARIO
    scenario = Scenario.model_validate_json(played.read_bytes()) if played.exists() else None
    if scenario is not None:
        place = scenario.judged(place)
    registry = Registry(settings.registry_url, place)

    @lru_cache(maxsize=32)
    def evaluated(at: int) -> Evaluation:
        return evaluate(store, place, registry.devices(), at)

    def of_minute(moment: int) -> Evaluation:
        return evaluated(moment // MINUTE_MS * MINUTE_MS)

    if scenario is None:
        return Figures(store, place, lots, of_minute, registry_url=settings.registry_url)
    begin, end = scenario.span(place)
    days = (end - begin) // DAY_MS
    return Figures(
        store, place, lots, of_minute, now=lambda: end - 1, rehearsal=scenario.name, trend_days=days,
        registry_url=settings.registry_url,
    )  # fmt: skip


def site(figures: Figures, judge: check.Judge, others: Iterable[APIRouter]) -> FastAPI:
    """The application; `judge` says what would become of a device's message."""
    pages = FastAPI(
        title="hoiquan", version="1", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json"
    )
    for routes_of in (overview, state, routes, files, catalog, sta):
        pages.include_router(routes_of.router(figures))
    pages.include_router(check.router(judge))
    pages.include_router(learn.router())
    for router in others:
        pages.include_router(router)

    @pages.exception_handler(RetryLater)
    @pages.exception_handler(RegistryAway)
    def away(_: Request, error: Exception) -> Response:
        """Store or registry is away: one line for people, and a sign to caches and monitors to ask again."""
        return Response(f"{error}\n", 503, {"Retry-After": "5"}, media_type="text/plain; charset=utf-8")

    return pages
