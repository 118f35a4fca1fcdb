"""The application over one store: pages, open data, SensorThings, report.

store ─► opened ─► Figures ─► site: pages, open data, SensorThings, report + routes that the caller brings
"""

from collections.abc import Iterable
from functools import lru_cache, partial

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse, Response
from starlette.middleware.gzip import GZipMiddleware

from dashboards import progress, scenarios
from dashboards.earlier import EarlierPages
from dashboards.figures import TREND_DAYS, Figures
from dashboards.opendata import catalog, files, routes
from dashboards.opendata.answer import OPEN
from dashboards.pages import check, lately, learn, overview, place, state, trouble
from dashboards.report import route
from dashboards.sta import routes as sta
from devices.access.registry import Registry, moved
from devices.clock import DAY_MS, MINUTE_MS, now_ms
from devices.pilots.scenario import held
from devices.settings import Settings
from devices.web import icon, language
from devices.web.conditional import Conditional
from devices.web.named import Named
from devices.web.options import Options
from gateway.indicators.count import Evaluation, coverage_window, evaluate
from gateway.stores.store import Store
from traceability.sealing import seal

COMPRESSED = 1000  # bytes; a smaller answer fits into one packet as it is
EFFORT = 5  # of 9: more takes longer than it saves


def opened(settings: Settings, store: Store) -> Figures:
    """The figures that pages and report show, from a store and from the diary's newest lots, recalls and
    harvests. For the folder of a rehearsal they are as of its last moment, judged by the scenario's rules.
    """
    pilot, scenario = settings.loaded_pilot, held(settings.data)
    if scenario is not None:
        pilot = scenario.judged(pilot)
    registry, trace = Registry(settings.registry_url, pilot), settings.trace

    @lru_cache(maxsize=32)
    def evaluated(at: int) -> Evaluation:
        spans = registry.spans()
        devices = [one.device for one in spans if one.at(at)]
        return evaluate(store, pilot, devices, at, moved=moved(spans, coverage_window(pilot, at), at))

    def of_minute(moment: int) -> Evaluation:
        return evaluated(moment // MINUTE_MS * MINUTE_MS)

    now, days = now_ms, TREND_DAYS
    if scenario is not None:
        begin, end = scenario.span(pilot)
        now, days = (lambda: end - 1), (end - begin) // DAY_MS
    return Figures(
        store, pilot, partial(seal.lots, trace), of_minute, now=now, played=scenario, trend_days=days,
        roster=registry.devices, registry_url=settings.registry_url, recalls=partial(seal.recalls, trace),
        harvests=partial(seal.harvests, trace),
    )  # fmt: skip


def site(settings: Settings, figures: Figures, judge: check.Judge, others: Iterable[APIRouter]) -> FastAPI:
    """The application; `judge` says what would become of a device's message, `others` are further routes."""
    pages = FastAPI(title="hoiquan", version="1", openapi_url=None)

    @pages.get("/api/v1/openapi.json", include_in_schema=False)
    def described() -> Response:
        """What FastAPI itself would serve, with headers that let scripts of other sites read it."""
        return JSONResponse(pages.openapi(), headers=OPEN)

    # gzip is innermost: Conditional takes its ETag of the bytes sent, and a 304 has the same headers
    pages.add_middleware(GZipMiddleware, minimum_size=COMPRESSED, compresslevel=EFFORT)
    pages.add_middleware(Conditional)
    pages.add_middleware(Options)
    pages.add_middleware(Named, base_url=settings.base_url, trusted=settings.trusted_hosts)
    web = (
        settings.data / "web" if figures.rehearsal is None else None
    )  # a rehearsal ends with its last moment
    source = f"{settings.influx_url} {settings.influx_bucket}" if settings.influx_url else ""
    recent, standing = lately.kept(figures, web, source), progress.kept(figures)
    targets, fleet = partial(progress.lately, figures, standing), partial(lately.of_a_day, figures, recent)
    earlier = EarlierPages(web, figures.pilot.pilot)
    pages.include_router(overview.router(figures, recent, earlier, standing, settings.data))
    pages.include_router(place.router(figures, recent))
    for data in (routes, files):
        pages.include_router(data.router(figures, fleet, targets))
    pages.include_router(state.router(figures, settings.data))
    for routes_of in (route, catalog, sta):
        pages.include_router(routes_of.router(figures))
    pages.include_router(check.router(judge))
    pages.include_router(learn.router())
    pages.include_router(scenarios.router(figures.played))
    pages.include_router(icon.router())
    pages.include_router(language.router())
    for router in others:
        pages.include_router(router)

    trouble.add_handlers(pages)
    return pages
