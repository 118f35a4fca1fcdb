"""The points that a day leaves for the boards besides its indicators.

evaluation ─► standing  which places count, and what the others lack
           ─► device    each device's coverage on that day, and when it was last heard
store ──────► doubted   doubted values of the day by reason, zeros too: a quiet day is not a gap
pilot ──────► alarm     levels, once before and once after the plan, so that a line can be drawn
        └───► report    when each report is due next, and in how many days
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from devices.clock import DAY_MS, MINUTE_MS, day_of, midnight_of
from devices.contract.models import DIARY
from devices.contract.quality import REASONS, Flag
from devices.contract.reading import Device
from devices.pilots.pilot import Pilot
from devices.pilots.reporting import upcoming
from gateway.indicators.count import Evaluation
from gateway.indicators.course import START_YEAR, forecasts
from gateway.stores.points import Point, Value, tags
from gateway.stores.store import Store, all_points

LAG_MINUTES = 10  # that a device's row in the store may be behind
PLAYED_MS = 7 * DAY_MS  # a simulated device that was silent for this long is not simulated any more
BATTERY = ("battery_voltage", "battery_level")  # many devices send only one of them


class Contact(NamedTuple):
    """When a device was last heard (epoch ms), and its last battery values by signal."""

    at: int
    battery: Mapping[str, float]


def left_behind(
    store: Store,
    pilot: Pilot,
    devices: Iterable[Device],
    evaluation: Evaluation,
    contacts: Mapping[str, Contact] | None = None,
) -> list[Point]:
    """Return the points of the day of `evaluation`; they are overwritten as the day goes on. `contacts` are
    known for today only. Raises RetryLater if the store does not answer.
    """
    midnight = midnight_of(day_of(evaluation.at, pilot.zone), pilot.zone)
    return [
        *standing(pilot, evaluation, midnight),
        *doubted(store, pilot, midnight),
        *devices_of(devices, evaluation, midnight, contacts or {}),
    ]


def devices_of(
    devices: Iterable[Device], evaluation: Evaluation, midnight: int, contacts: Mapping[str, Contact]
) -> list[Point]:
    """Return one point for each sensor that has a reading in the rule's window or was ever heard. A simulated
    one that was silent for PLAYED_MS is left out: nobody simulates it any more, which is no fault.
    """
    result = []
    for device in devices:
        name = device.device
        if device.simulated and name in contacts and evaluation.at - contacts[name].at > PLAYED_MS:
            continue
        if device.model == DIARY or (name not in evaluation.coverage and name not in contacts):
            continue
        fields: dict[str, Value] = {"coverage": evaluation.coverage.get(name, 0.0)}
        if (last := contacts.get(name)) is not None:
            fields["last_seen"] = last.at
            fields["silent_minutes"] = max(0, evaluation.at - last.at) // MINUTE_MS
            fields |= last.battery
        where = tags(pilot=device.pilot, community=device.community, device=name)
        result.append(Point("device", where, fields, midnight))
    return result


def tells_more(row: Point, stored: Point | None) -> bool:
    """Whether a row of `devices_of` is written over the `stored` one: it has another day or figure, or the
    stored one is LAG_MINUTES behind (of a device that is silent for long, by a tenth of that).
    """
    if stored is None or row.time != stored.time or row.fields.keys() != stored.fields.keys():
        return True
    for name, value in row.fields.items():
        before = stored.fields[name]
        if name in ("last_seen", "silent_minutes"):
            lag = LAG_MINUTES * MINUTE_MS if name == "last_seen" else max(LAG_MINUTES, int(before) // 10)
            if abs(int(value) - int(before)) >= lag:
                return True
        elif value != before:
            return True
    return False


def standing(pilot: Pilot, evaluation: Evaluation, midnight: int) -> list[Point]:
    """Return which of the pilot's places counted, and what the others have of what they need."""
    result = []
    for count in evaluation.counts:
        missed = dict(count.missed)
        for place in (*count.members, *missed):
            if place not in pilot.place:
                continue  # there are hundreds of organisations outside the pilot; their total is enough
            fields: dict[str, Value] = {
                "counted": place not in missed,
                "name": pilot.place[place].name,
                "has": missed.get(place, "-"),
            }
            where = tags(pilot=pilot.pilot, indicator=count.indicator, community=place)
            result.append(Point("standing", where, fields, midnight))
    return result


def doubted(store: Store, pilot: Pilot, midnight: int) -> list[Point]:
    """Return how many values of the day that begins at `midnight` are doubted, by reason."""
    numbers = dict.fromkeys(REASONS, 0)
    where = {"pilot": pilot.pilot}
    for point in all_points(store, "telemetry_flagged", where, midnight, midnight + DAY_MS):
        # a suspected spike that proved to be a lasting step was given a good flag later
        if int(point.fields.get("flag", 0)) >= Flag.SUSPECT:
            reason = dict(point.tags).get("reason", "")
            numbers[reason] = numbers.get(reason, 0) + 1
    return [
        Point("doubted", tags(pilot=pilot.pilot, reason=reason), {"doubts": number}, midnight)
        for reason, number in numbers.items()
        if reason
    ]


def alarms(pilot: Pilot) -> list[Point]:
    """Return the alarm levels of every place as points, so that every board can draw them for any pilot."""
    if pilot.alarms is None:
        return []
    last = max(point.year for target in pilot.targets for point in target.points)
    ends = [midnight_of(date(year, 1, 1), pilot.zone) for year in (START_YEAR, last + 1)]
    return [
        Point(
            "alarm",
            tags(pilot=pilot.pilot, community=place.id, signal=signal, level=name),
            {"value": float(value)},
            end,
        )
        for signal in dict.fromkeys(level.signal for level in pilot.alarms.levels)
        for place in pilot.places
        if (level := pilot.alarms.of(signal, place.id)) is not None
        for name, value in level.named()
        for end in ends
    ]


def reports(pilot: Pilot, at: int) -> list[Point]:
    """When each of the pilot's reports is due next, and in how many days: a board cannot count days."""
    today = day_of(at, pilot.zone)
    return [
        Point(
            "report",
            tags(pilot=pilot.pilot, day=one.report.day),
            {
                "due": midnight_of(one.day, pilot.zone),
                "days": one.days,
                "to": one.report.to.vi,
                "to_en": one.report.to.en,
            },
            midnight_of(today, pilot.zone),
        )
        for one in upcoming(pilot.reports, today)
    ]


def forecast(pilot: Pilot, evaluation: Evaluation) -> list[Point]:
    """Return the forecast of the evaluation as points in the future, with one for now as the beginning."""
    day = day_of(evaluation.at, pilot.zone)
    result = []
    for count in evaluation.counts:
        where = tags(pilot=pilot.pilot, indicator=count.indicator)
        now = dict.fromkeys(("value", "low", "high"), float(count.value))
        result.append(Point("kpi_forecast", where, now, midnight_of(day, pilot.zone)))
        for one in forecasts(pilot, count.indicator, count.value, day):
            fields = {"value": float(one.value), "low": float(one.low), "high": float(one.high)}
            end = midnight_of(date(one.year, 12, 31), pilot.zone)
            result.append(Point("kpi_forecast", where, fields, end))
    return result
