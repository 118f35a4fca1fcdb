"""Open data at `/api/v1/`: what the pages show, as JSON and CSV, every value with its unit and time.

indicators   now, or counted again for any past day        communities   who takes part, and where
series       a signal, summed up by hour or day            lots          harvests without their codes
devices      those heard within a day

Refusals: 400 for an unknown parameter, 422 for a value that OpenAPI does not allow, 404 where there is
nothing, 403 where more is asked for than anybody is given at once.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import lru_cache, partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi import Path as FromPath

from dashboards.figures import DeviceNow, Figures, device_json
from dashboards.opendata import gather
from dashboards.opendata import rows as open_rows
from dashboards.opendata.answer import LOTS, PageQuery, answer, misread, refused, require_known
from dashboards.opendata.rows import columns
from dashboards.progress import Progress
from devices.clock import DAY_MS, HOUR_MS, day_of, epoch_ms, midnight_of
from devices.contract.signals import SIGNALS
from gateway.indicators.course import START_YEAR

STEPS = {"1h": HOUR_MS, "6h": 6 * HOUR_MS, "1d": DAY_MS, "7d": 7 * DAY_MS}
MOST_STEPS = 1500  # of one place or device: 62 days by the hour, four years by the day
MOST_OF_ALL = 200  # of all devices at once
Page = Annotated[PageQuery, Depends()]


def router(
    figures: Figures,
    fleet: Callable[[str | None], list[DeviceNow]],
    targets: Callable[[], Progress],
) -> APIRouter:
    """Read-only routes over the figures. `fleet` gives the devices heard within a day at a place (None: at
    all of them), `targets` how the targets stand.
    """
    written = lru_cache(maxsize=1)(partial(gather.indicators, figures))  # once per progress read
    routes = APIRouter(
        prefix="/api/v1",
        tags=["open data"],
        responses=refused(400, 503),
        dependencies=[Depends(require_known)],
    )
    place: Any = Query(
        None, description="only this place", json_schema_extra={"enum": list(figures.pilot.place)}
    )
    producer: Any = Query(
        None, description="only this producer", json_schema_extra={"enum": list(figures.pilot.producers)}
    )

    @routes.get("/indicators", **_describes("How far the targets are reached", open_rows.Indicators, 404))
    def indicators(
        request: Request, page: Page,
        at: Annotated[
            date | None, Query(description="count again as of the end of this day, in the pilot's time zone")
        ] = None,
    ) -> Response:  # fmt: skip
        """The three targets: value, target, gap and forecast; which places count, which do not, and what they
        lack. A target has no row for a day on which nothing was measured yet: 0 says that nobody counted.
        """
        now = figures.now()
        if at is None:
            return answer(request, figures, page, written(targets()), columns(open_rows.IndicatorRow))
        today = day_of(now, figures.pilot.zone)
        if not date(START_YEAR, 1, 1) <= at <= today:
            raise HTTPException(404, f"at={at}: choose a day from {START_YEAR}-01-01 to {today}")
        end = min(now, midnight_of(at + timedelta(days=1), figures.pilot.zone) - 1)
        return answer(
            request,
            figures,
            page,
            gather.counted(figures, end),
            columns(open_rows.IndicatorRow),
            settled=at < today,
        )

    @routes.get("/communities", **_describes("Communities and villages of the pilot", open_rows.Communities))
    def communities(request: Request, page: Page) -> Response:
        """The communities and villages of the pilot, with positions good to ±5 km."""
        rows = figures.pilot.places
        return answer(request, figures, page, rows, columns(open_rows.CommunityRow), gather.community)

    @routes.get("/series", **_describes("One signal over time", open_rows.Series, 403, 404))
    def series(
        request: Request, page: Page,
        signal: Annotated[
            str,
            Query(description="id of a signal, such as salinity", json_schema_extra={"enum": list(SIGNALS)}),
        ],
        community: str | None = place,
        device: Annotated[str | None, Query(description="only this device")] = None,
        start: Annotated[
            datetime | None, Query(description="RFC 3339 with a zone; without it, 7 days before end")
        ] = None,
        end: Annotated[datetime | None, Query(description="RFC 3339 with a zone; without it, now")] = None,
        step: Annotated[
            Literal["1h", "6h", "1d", "7d"],
            Query(description="length of a step; days begin at midnight in Vietnam"),
        ] = "1h",
    ) -> Response:  # fmt: skip
        """A signal in steps of time: lowest, mean and highest of the believed values. Empty steps are left
        out. A direction has only the mean of its vectors.
        """
        if signal not in SIGNALS:
            raise misread("signal", signal, "there is no such signal; see devices/README.md")
        require_place(figures, community)
        now, wide = figures.now(), STEPS[step]
        until = now if end is None else min(now, _ms("end", end))
        if until < epoch_ms(datetime(START_YEAR, 1, 1, tzinfo=figures.pilot.zone)):
            raise HTTPException(404, f"end={end}: there are no readings from before {START_YEAR}")
        since = until - 7 * DAY_MS if start is None else _ms("start", start)
        if since >= until:
            raise HTTPException(404, "start is not before end: there is no time between them")
        steps, most = (until - since) // wide, MOST_STEPS if community or device else MOST_OF_ALL
        if steps > most:
            raise HTTPException(
                403, f"{steps} steps of {step} are more than {most}: take a wider step, one place or device"
            )
        rows = gather.series(figures, signal, community, device, since, until, wide)
        return answer(
            request, figures, page, rows, columns(open_rows.SeriesRow), settled=until < now - DAY_MS
        )

    @routes.get("/devices", **_describes("Devices heard within a day", open_rows.Devices))
    def devices(request: Request, page: Page, community: str | None = place) -> Response:
        """The devices heard within the last day, with their newest values."""
        require_place(figures, community)
        newest = fleet(community)
        return answer(request, figures, page, newest, gather.device_columns(newest), device_json)

    @routes.get(
        "/devices/{device}/latest",
        summary="Newest values of one device",
        responses=refused(404) | {200: {"model": open_rows.DeviceRow}},
    )
    def latest(device: Annotated[str, FromPath(description="id of a device")]) -> dict[str, Any]:
        """The newest values of one device."""
        newest = figures.devices(figures.now(), device=device)
        if not newest:
            raise HTTPException(404, f"no reading of device {device!r} within a day")
        return device_json(newest[0])

    @routes.get("/lots", **_describes("Newest harvests", open_rows.Lots))
    def lots(request: Request, page: Page, community: str | None = producer) -> Response:
        """The newest harvests, without the codes of their lots; with the code on a label, its record can be
        looked up.
        """
        if community is not None and community not in figures.pilot.producers:
            raise misread("community", community, "the pilot has nobody of that name who seals lots")
        rows = [gather.lot(lot) for lot in figures.harvests(LOTS, community or "")]
        return answer(request, figures, page, rows, columns(open_rows.LotRow))

    return routes


def _describes(summary: str, model: type[open_rows._Answer], *refusals: int) -> dict[str, Any]:
    """What OpenAPI says of a list and of its refusals."""
    described = {"model": model, "content": {"text/csv": {"schema": {"type": "string"}}}}
    return {"summary": summary, "responses": {200: described} | refused(*refusals)}


def require_place(figures: Figures, community: str | None) -> None:
    if community is not None and community not in figures.pilot.place:
        raise misread("community", community, "the pilot has no such place; see communities")


def _ms(name: str, moment: datetime) -> int:
    if moment.tzinfo is None:
        raise misread(name, str(moment), "write RFC 3339 with a zone, such as 2026-11-21T00:00:00%2B07:00")
    return epoch_ms(moment)
