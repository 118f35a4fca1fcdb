"""The state of pages, store and gateways, for monitors: `/healthz`, `/metrics`."""

import time
from collections.abc import Iterable
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from dashboards.figures import Figures
from dashboards.pages.gateways import Gateways, troubled
from devices.clock import DAY_MS, MINUTE_MS, moment_of
from devices.texts import LANGS, Mendable, text
from gateway.stores.store import RetryLater

SILENT_MS = 6 * MINUTE_MS  # a gateway writes its books all the time, into a point each five minutes
PLAIN = "text/plain; charset=utf-8"


def router(figures: Figures, data: Path) -> APIRouter:
    """Routes over the same store as the pages; `data` is the folder of this machine's gateways."""
    routes, begun = APIRouter(include_in_schema=False), time.monotonic()

    @routes.get("/healthz")
    def healthz() -> Response:
        """503 where the store does not answer, where a gateway of this machine has not been well for half a
        minute (its disk may be full), or where no gateway was seen for some minutes, as nothing new comes
        then. Pages that just began give a gateway the time to write its first books. Anybody may ask, so a
        server's own words stay in the log (see `kept`).
        """
        try:
            silent = _silent(figures)
        except RetryLater as error:
            return _ill(text("unwell.store", lang, trouble=error.public(lang)) for lang in LANGS)
        if ill := [one for lang in LANGS for one in troubled(data, lang)]:
            return _ill(ill)
        if silent is not None and (time.monotonic() - begun) * 1000 > SILENT_MS:
            return _ill(silent.sentence(lang) for lang in LANGS)
        return Response("ok\n", media_type=PLAIN)

    gateways = CollectorRegistry()
    gateways.register(Gateways(figures))

    @routes.get("/metrics")
    def metrics(request: Request) -> Response:
        """Prometheus text, or OpenMetrics where that is asked for."""
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(gateways), headers={"Content-Type": kind, "Vary": "Accept"})

    return routes


def _ill(sentences: Iterable[str]) -> Response:
    return Response("".join(f"{one}\n" for one in sentences), 503, media_type=PLAIN)


def _silent(figures: Figures) -> Mendable | None:
    """Since when no gateway was seen; None where one was, and for a rehearsal's folder, which needs none."""
    now = figures.now()
    gateways = figures.store.latest("gateway", {}, now - 7 * DAY_MS)
    newest = max((at for row in gateways for at, _ in row.fields.values()), default=None)
    if figures.rehearsal is not None or (newest is not None and now - newest <= SILENT_MS):
        return None
    if newest is None:
        return Mendable("unwell.never_seen")
    return Mendable("unwell.last_seen", since=moment_of(newest, figures.pilot.zone))
