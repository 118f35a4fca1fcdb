"""Open data at `/api/v1/`: what the pages show, as JSON and CSV, every value with its unit and time.

indicators   now, or counted again for any past day        communities   who takes part, and where
series       a signal, summed up by hour or day            lots          harvests without their codes
devices      who was heard within a day
"""

from datetime import date, datetime, timedelta
from math import isnan
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from dashboards.figures import Figures, device_json, iso
from dashboards.opendata import rows as open_rows
from dashboards.opendata.answer import Asked, answer
from devices.clock import DAY_MS, HOUR_MS, day_of, epoch_ms, midnight_of
from devices.contract.signals import SIGNALS
from gateway.indicators.course import START_YEAR, forecasts, path
from gateway.stores.points import FLAG_TRUE

STEPS = {"1h": HOUR_MS, "6h": 6 * HOUR_MS, "1d": DAY_MS, "7d": 7 * DAY_MS}
MOST_STEPS = 1500  # of one series: 62 days by the hour, four years by the day
MOST_OF_ALL = 200  # the same of every device at once
LOTS = 1000
ACCURACY_KM = 5.0  # of every place (FACTS section 2)
Page = Annotated[Asked, Depends()]


def router(figures: Figures) -> APIRouter:
    """Read-only routes over the figures."""
    routes = APIRouter(prefix="/api/v1", tags=["open data"])

    @routes.get("/indicators", **_describes(open_rows.Indicators))
    def indicators(
        request: Request, page: Page,
        at: Annotated[
            date | None, Query(description="count again at the end of this day, in the pilot's time zone")
        ] = None,
    ) -> Response:  # fmt: skip
        """The three targets: value, target, gap, forecast; who counts, who misses and by what."""
        now = figures.now()
        if at is None:
            return answer(request, figures, page, _indicators(figures, now))
        today = day_of(now, figures.pilot.zone)
        if not date(START_YEAR, 1, 1) <= at <= today:
            raise HTTPException(422, f"at={at}: choose a day from {START_YEAR}-01-01 to {today}")
        end = min(now, midnight_of(at + timedelta(days=1), figures.pilot.zone) - 1)
        return answer(request, figures, page, _counted(figures, end), settled=at < today)

    @routes.get("/communities", **_describes(open_rows.Communities))
    def communities(request: Request, page: Page) -> Response:
        """The communities and villages of the pilot; places are ±5 km."""
        return answer(request, figures, page, _communities(figures))

    @routes.get("/series", **_describes(open_rows.Series))
    def series(
        request: Request, page: Page,
        signal: Annotated[str, Query(description="a signal id, such as salinity")],
        community: str | None = None,
        device: str | None = None,
        start: Annotated[datetime | None, Query(description="RFC 3339; 7 days before end")] = None,
        end: Annotated[datetime | None, Query(description="RFC 3339; now")] = None,
        step: Annotated[Literal["1h", "6h", "1d", "7d"], Query(description="days are Vietnamese")] = "1h",
    ) -> Response:  # fmt: skip
        """A signal in steps: lowest, mean and highest of the believed values. Empty steps are left out.
        Of a direction there is the mean of its vectors alone.
        """
        if signal not in SIGNALS:
            raise HTTPException(422, f"signal={signal}: there is no such signal; see devices/README.md")
        _require_place(figures, community)
        now, wide = figures.now(), STEPS[step]
        until = now if end is None else min(now, _ms("end", end))
        since = until - 7 * DAY_MS if start is None else _ms("start", start)
        if since >= until:
            raise HTTPException(422, "start is not before end")
        steps, most = (until - since) // wide, MOST_STEPS if community or device else MOST_OF_ALL
        if steps > most:
            raise HTTPException(
                422, f"{steps} steps of {step} are more than {most}: take a wider step, one place or device"
            )
        rows = _series(figures, signal, community, device, since, until, wide)
        return answer(request, figures, page, rows, settled=until < now - DAY_MS)

    @routes.get("/devices", **_describes(open_rows.Devices))
    def devices(request: Request, page: Page, community: str | None = None) -> Response:
        """Devices heard within a day, with their newest values."""
        _require_place(figures, community)
        where = {"community": community} if community else {}
        newest = figures.devices(figures.now(), **where)
        return answer(request, figures, page, [device_json(device) for device in newest])

    @routes.get("/devices/{device}/latest", responses={200: {"model": open_rows.DeviceRow}})
    def latest(device: str) -> dict[str, Any]:
        """The newest values of one device."""
        newest = figures.devices(figures.now(), device=device)
        if not newest:
            raise HTTPException(404, f"no reading of device {device!r} within a day")
        return device_json(newest[0])

    @routes.get("/lots", **_describes(open_rows.Lots))
    def lots(request: Request, page: Page, community: str | None = None) -> Response:
        """The newest lots, without their codes: who holds a label can look its record up."""
        _require_place(figures, community)
        rows = [_lot(lot) for lot in figures.lots(LOTS) if community in (None, lot["community"])]
        return answer(request, figures, page, rows)

    return routes


def _describes(model: type[open_rows._Answer]) -> dict[str, Any]:
    """What OpenAPI says of a list."""
    return {"responses": {200: {"model": model, "content": {"text/csv": {"schema": {"type": "string"}}}}}}


def _require_place(figures: Figures, community: str | None) -> None:
    if community is not None and community not in figures.pilot.producers | figures.pilot.place:
        raise HTTPException(422, f"community={community}: the pilot has no such place; see communities")


def _ms(name: str, moment: datetime) -> int:
    if moment.tzinfo is None:
        raise HTTPException(422, f"{name}: write RFC 3339 with a zone, such as 2026-11-21T00:00:00%2B07:00")
    return epoch_ms(moment)


def _indicators(figures: Figures, now: int) -> list[dict[str, Any]]:
    counts = {count.indicator: count for count in figures.evaluation(now).counts}
    return [
        {
            "indicator": one.id,
            "unit": "1",
            "value": one.value,
            "value_real": one.real,
            "value_simulated": one.simulated,
            "target": one.due.at_least,
            "target_year": one.due.year,
            "gap": one.gap,
            "path": one.path,
            "time": iso(one.at),
            "counted": list(counts[one.id].members),
            "missed": [{"id": place, "has": why} for place, why in counts[one.id].missed],
            "forecast": [
                {"year": f.year, "value": f.value, "low": f.low, "high": f.high} for f in one.forecasts
            ],
        }
        for one in figures.indicators(now)
    ]


def _counted(figures: Figures, at: int) -> list[dict[str, Any]]:
    """The indicators counted again at epoch ms `at`, by today's rules."""
    pilot, day = figures.pilot, day_of(at, figures.pilot.zone)
    return [
        {
            "indicator": count.indicator,
            "unit": "1",
            "value": count.value,
            "value_real": count.real,
            "value_simulated": count.simulated,
            "target": count.target,
            "target_year": pilot.target(count.indicator).due(day).year,
            "gap": count.gap,
            "path": path(pilot.target(count.indicator), day),
            "time": iso(at),
            "counted": list(count.members),
            "missed": [{"id": place, "has": why} for place, why in count.missed],
            "forecast": [
                {"year": f.year, "value": f.value, "low": f.low, "high": f.high}
                for f in forecasts(pilot, count.indicator, count.value, day)
            ],
        }
        for count in figures.evaluation(at).counts
    ]


def _communities(figures: Figures) -> list[dict[str, Any]]:
    villages = {village.id for village in figures.pilot.villages}
    shown = {"name", "commune_old", "commune_new", "lat", "lon", "joined", "fictional"}
    return [
        {
            "id": place.id,
            "kind": "village" if place.id in villages else "hoi-quan",
            **place.model_dump(mode="json", include=shown),
            "unit": "deg",
            "accuracy_km": ACCURACY_KM,
            "products": [product.name.vi for product in getattr(place, "products", ())],
        }
        for place in figures.pilot.places
    ]


def _series(
    figures: Figures,
    signal: str,
    community: str | None,
    device: str | None,
    since: int,
    until: int,
    wide: int,
) -> list[dict[str, Any]]:
    where = {"pilot": figures.pilot.pilot}
    where |= {"community": community} if community else {}
    where |= {"device": device} if device else {}
    midnight = midnight_of(day_of(since, figures.pilot.zone), figures.pilot.zone)
    summary = figures.store.summary("telemetry", (signal,), where, since, until, wide, midnight)[signal]
    rows = [
        {
            "time": iso(bucket.time),
            "device": tags["device"],
            "community": tags.get("community", ""),
            "simulated": tags.get("simulated") == FLAG_TRUE,
            "signal": signal,
            "unit": SIGNALS[signal].unit,
            "low": _there(bucket.low),
            "mean": _there(round(bucket.mean, 6)),
            "high": _there(bucket.high),
            "number": bucket.number,
        }
        for tags, buckets in ((dict(series), buckets) for series, buckets in summary.items())
        for bucket in buckets
    ]
    return sorted(rows, key=lambda row: (row["time"], row["device"]))


def _there(value: float) -> float | None:
    """None for what there is none of."""
    return None if isnan(value) else value


def _lot(lot: dict[str, Any]) -> dict[str, Any]:
    return {
        "community": lot["community"],
        "gtin": lot["gtin"],
        "time": iso(int(lot["time"])),
        "quantity": {"value": lot["quantity_kg"], "unit": "kg"},
        "coverage": lot["coverage"],
        "unit": "1",
        "sealed": lot["leaf"] is not None,
    }
