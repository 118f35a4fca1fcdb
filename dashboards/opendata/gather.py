"""The rows of the open data, gathered from the figures; rows.py describes them."""

from collections.abc import Iterable
from math import isnan
from typing import Any

from dashboards.figures import ACCURACY_KM, DeviceNow, Figures, Standing, iso
from dashboards.opendata.rows import DeviceRow, columns
from dashboards.progress import Progress
from devices.clock import day_of, midnight_of
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import SHARE, Pilot
from devices.pilots.places import Place, Village
from devices.texts import rounded
from gateway.indicators.count import Count, SealTimes, share, share_window
from gateway.indicators.course import forecasts, required
from gateway.stores.points import FLAG_TRUE

DIGITS = 9  # decimals of a difference of shares: 0.16 less 0.15 is 0.01, and as floats a bit more


def indicators(figures: Figures, progress: Progress) -> list[dict[str, Any]]:
    """The indicators as the clerk last stored them. The traceability share is counted here, as of the same
    moment: the clerk does not store who of the hundreds of organisations counts, and harvests that were
    sealed since his count bear earlier times. So the number is always that of the members beside it.
    """
    pilot, standing = figures.pilot, progress.standing
    order = {place: at for at, place in enumerate(pilot.place)}
    rows = []
    for one in progress.indicators:
        if one.id == SHARE:
            window = share_window(pilot, day_of(one.at, pilot.zone))
            sealed = SealTimes(figures.store, pilot, window, one.at)
            rows.append(_row(pilot, share(pilot, sealed, one.at), one.at))
            continue
        mine = standing.get(one.id, Standing({}, {}))
        stored = Count(
            one.id, one.value, one.real, one.simulated, one.due.at_least,
            tuple(sorted(mine.members, key=lambda place: order.get(place, 0))),
            tuple(sorted(mine.missed.items(), key=lambda one: order.get(one[0], 0))),
        )  # fmt: skip
        rows.append(_row(pilot, stored, one.at))
    return rows


def counted(figures: Figures, at: int) -> list[dict[str, Any]]:
    """The indicators counted again at epoch ms `at`, by today's rules, without those that are 0 only because
    nothing was measured yet.
    """
    again = figures.evaluation(at)
    return [_row(figures.pilot, count, at) for count in again.counts if count.value or again.begun]


def _row(pilot: Pilot, count: Count, at: int) -> dict[str, Any]:
    """A count of epoch ms `at` as a row."""
    day = day_of(at, pilot.zone)
    target = pilot.target(count.indicator)
    due = target.due(day)
    return {
        "indicator": count.indicator,
        "unit": "1",
        "value": float(count.value),
        "value_real": float(count.real),
        "value_simulated": float(count.simulated),
        "target": count.target,
        "target_over": due.strictly_over,
        "target_up_to": due.up_to,
        "target_year": due.year,
        "gap": rounded(count.gap, DIGITS),
        "path": required(target, day),
        "time": iso(at),
        "counted": list(count.members),
        "missed": [{"id": place, "has": why} for place, why in count.missed],
        "forecast": [
            {"year": one.year, "value": one.value, "low": one.low, "high": one.high}
            for one in forecasts(pilot, count.indicator, count.value, day)
        ],
    }


def communities(figures: Figures) -> list[dict[str, Any]]:
    """Groups and villages, with their positions from the pilot file."""
    return [community(place) for place in figures.pilot.places]


def community(place: Place) -> dict[str, Any]:
    """A group or village, with its position from the pilot file, as good as ±5 km."""
    shown = {"name", "commune_old", "commune_new", "lat", "lon", "joined", "fictional"}
    return {
        "id": place.id,
        "kind": "village" if isinstance(place, Village) else "hoi-quan",
        **place.model_dump(mode="json", include=shown),
        "commune_assumed": place.commune_assumed,
        "unit": "deg",
        "accuracy_km": ACCURACY_KM,
        "products": [product.name.vi for product in getattr(place, "products", ())],
    }


def series(
    figures: Figures,
    signal: str,
    community: str | None,
    device: str | None,
    since: int,
    until: int,
    wide: int,
) -> list[dict[str, Any]]:
    """A signal in steps of `wide` ms from `since` to `until`; empty steps are left out."""
    where = {"pilot": figures.pilot.pilot}
    where |= {"community": community} if community else {}
    where |= {"device": device} if device else {}
    midnight = midnight_of(day_of(since, figures.pilot.zone), figures.pilot.zone)
    summary = figures.store.summary("telemetry", (signal,), where, since, until, wide, midnight)
    rows = [
        {
            "time": iso(bucket.time),
            "device": tags["device"],
            "community": tags.get("community", ""),
            "simulated": tags.get("simulated") == FLAG_TRUE,
            "signal": signal,
            "unit": SIGNALS[signal].unit,
            "low": _number(bucket.low),
            "mean": _number(round(bucket.mean, 6)),
            "high": _number(bucket.high),
            "number": bucket.number,
        }
        for tags, buckets in ((dict(series), buckets) for series, buckets in summary.get(signal, {}).items())
        if "device" in tags  # else it is a point of another program
        for bucket in buckets
    ]
    return sorted(rows, key=lambda row: (row["time"], row["device"]))


def _number(value: float) -> float | None:
    """The value, None for NaN."""
    return None if isnan(value) else value


def lot(lot: dict[str, Any]) -> dict[str, Any]:
    """A harvest, without the code of its lot."""
    return {
        "community": lot["community"],
        "gtin": lot["gtin"],
        "time": iso(int(lot["time"])),
        "quantity": {"value": lot["quantity_kg"], "unit": "kg"},
        "coverage": lot["coverage"],
        "unit": "1",
        "sealed": lot["leaf"] is not None,
        "simulated": lot["simulated"],
        "recalled": lot["recalled"],
    }


def device_columns(devices: Iterable[DeviceNow]) -> list[str]:
    """The columns of these devices as CSV, with every signal that any of them has."""
    values: set[str] = set()
    flagged: set[str] = set()
    for device in devices:
        values.update(device.values)
        flagged.update(device.flagged)
    return columns(DeviceRow, {"values": sorted(values), "flagged": sorted(flagged)})
