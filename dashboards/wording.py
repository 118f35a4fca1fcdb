"""Values, targets, gaps and rules as sentences, for the pages and the report alike."""

from datetime import date
from itertools import count
from typing import Any

from dashboards.figures import Indicator
from devices.clock import MINUTE_MS, day_of, moment_of
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import Pilot, TargetPoint
from devices.pilots.places import Place, Village
from devices.pilots.reporting import upcoming
from devices.texts import day, moment, percent, rounded, span, text
from devices.texts import number as plain
from gateway.indicators.course import DIGITS, Forecast, ahead
from gateway.indicators.course import shown as shown_of

EXACT = 1e-9  # sums that differ by less are equal, and differ in rounding only
SWITCHED = {"pump_state": "runs", "aerator_state": "runs", "valve_state": "valve"}
SAME_MS = 5 * MINUTE_MS  # values of a device that are less apart are shown under one time


def rule(indicator: str, pilot: Pilot, year: int, lang: str) -> str:
    """How the pilot file counts an indicator in `year`, and whether its target is an assumption."""
    rules = pilot.rules
    organisations = pilot.organisations_of(year)
    values: dict[str, dict[str, object]] = {
        "iot_communities": {
            "devices": rules.iot_communities.min_devices,
            "coverage": percent(rules.iot_communities.min_coverage, lang),
            "days": rules.iot_communities.window_days,
        },
        "smart_villages": {"hours": rules.smart_villages.window_hours},
        "traceability_share": {
            "days": rules.traceability_share.window_days,
            "all": plain(organisations.hoi_quan + organisations.htx, lang),
            "assumed": f" {text('overview.htx_assumed', lang)}" if organisations.assumption else "",
        },
    }
    counted = text(f"overview.rule_{indicator}", lang, **values[indicator])
    target = pilot.target(indicator)
    if target.assumption is None:
        return counted
    how = "target_partly_assumed" if target.source else "target_assumed"
    return f"{counted} {text(f'overview.{how}', lang)}"


def number(one: Indicator, value: float, lang: str) -> str:
    """A value in the indicator's own unit: a count, or a share in percent, each with the same decimals."""
    return percent(value, lang, DIGITS) if one.share else plain(value, lang, most=DIGITS)


def aim(one: Indicator, value: float, lang: str) -> str:
    """A target's value, or that of a line in a chart: 50%."""
    return percent(value, lang, most=DIGITS) if one.share else plain(value, lang, most=DIGITS)


def target(one: Indicator, point: TargetPoint, lang: str) -> str:
    """A dated target."""
    value = aim(one, point.at_least, lang)
    if point.up_to is not None:
        value = span(value, aim(one, point.up_to, lang))
    key = "overview.target_over" if point.strictly_over else "overview.target"
    return text(key, lang, year=point.year, value=value)


def gap(one: Indicator, lang: str) -> str:
    """What is still missing, or by how much the target was passed: the difference of the numbers as shown."""
    lacking = ahead(one.id, one.value, one.due.at_least)
    if not lacking:
        return text("overview.gap_exact" if one.reached else "overview.gap_nearly", lang)
    gap = plain(abs(lacking), lang, DIGITS if one.share else None)
    if one.share:
        gap = f"{gap} {text('overview.points', lang)}"
    return text("overview.gap_short" if lacking < 0 else "overview.gap_reached", lang, gap=gap)


def shown(one: Indicator, value: float) -> float:
    """A value rounded as it is shown, in counts or in per cent."""
    return shown_of(one.id, value)


def apart(one: Indicator, lang: str) -> str:
    """The value of real devices alone and that of simulated ones alone; and why these do not add up to the
    whole, where they do not.
    """
    parts = {"real": number(one, one.real, lang), "simulated": number(one, one.simulated, lang)}
    sentence = text("overview.apart", lang, **parts)
    why = uneven(one)
    return f"{sentence} ({text(f'overview.apart_{why}', lang)})" if why else sentence


def uneven(one: Indicator) -> str:
    """Why the real and the simulated value do not add up to the whole; "" where they do. "overlap": a place
    counts by either kind, or only by both together. "rounded": only the numbers as shown do not add up.
    """
    if abs(one.real + one.simulated - one.value) > EXACT:
        return "overlap"
    parts = shown(one, one.real) + shown(one, one.simulated)
    return "rounded" if rounded(parts - shown(one, one.value), DIGITS) else ""


def course(one: Indicator, lang: str) -> str:
    """How an indicator stands, in one line: counted, due by now, on course or not, and the forecast with its
    band. After the plan's last year there is no forecast.
    """
    end = one.targets[-1]
    whole = aim(one, end.at_least, lang)
    values = {
        "value": f"{number(one, one.value, lang).removesuffix('%')}/{whole}",
        "due": number(one, one.required, lang),
        "verdict": text(f"overview.{pace(one)}", lang),
    }
    if not one.forecasts:
        return text("overview.course_ended", lang, year=end.year, **values)
    last = one.forecasts[-1]
    forecast = number(one, last.value, lang)
    return text(
        "overview.course", lang, year=last.year, forecast=forecast, band=band(one, last, lang), **values
    )


def band(one: Indicator, ahead: Forecast, lang: str) -> str:
    """From the low to the high end of a forecast."""
    return span(number(one, ahead.low, lang), number(one, ahead.high, lang))


def pace(one: Indicator) -> str:
    """ahead, on_course or behind: the value against what is due by now, both rounded as they are shown."""
    by = ahead(one.id, one.value, one.required)
    return "ahead" if by > 0 else "on_course" if by == 0 else "behind"


def lacks(indicator: str, has: str, pilot: Pilot, lang: str) -> str:
    """What a place that does not count has or lacks, from the `has` of its standing, in words."""
    if indicator == "smart_villages":
        names = {service.id: service.name.get(lang) for service in pilot.services}
        silent = [names.get(one, one) for one in has.split(", ")]
        return text("overview.lacks_services", lang, services=", ".join(silent))
    return text(f"overview.lacks_{indicator}", lang, has=has)


def next_report(pilot: Pilot, today: date, lang: str) -> str:
    """When the next report is due, in how many days, and to whom; empty where the pilot names no day."""
    due = upcoming(pilot.reports, today)
    if not due:
        return ""
    first = due[0]
    key = "due_today" if first.days == 0 else "due_tomorrow" if first.days == 1 else "due_in"
    return text(
        f"report.{key}", lang, day=day(first.day, lang), days=first.days, to=first.report.to.get(lang)
    )


def reviews(pilot: Pilot, year: int, lang: str) -> list[str]:
    """Each review that is due in `year`, or when it is due next."""
    sentences = []
    for one in pilot.reviews:
        ends = next(ends for ends in count(year) if one.due(ends))
        key = "review_due" if ends == year else "review_next"
        sentences.append(text(f"report.{key}", lang, years=one.years, first=ends - one.years + 1, last=ends))
    return sentences


def amount(signal: str, value: float, lang: str, limit: float | None = None) -> str:
    """A number with the decimals of the signal, told from the `limit` beside it."""
    return SIGNALS[signal].amount(value, lang, limit)


def measured(signal: str, value: float, lang: str, limit: float | None = None) -> str:
    """An amount with its unit; the state of a pump, aerator or valve in words."""
    if signal in SWITCHED and value in (0, 1):
        return text(f"overview.{SWITCHED[signal]}_{int(value)}", lang)
    if signal == "valve_state" and 0 < value < 1:
        return text("overview.valve_part", lang, part=percent(value, lang))
    return SIGNALS[signal].measured(value, lang, limit)


def own_time(at: int, seen: int, pilot: Pilot, lang: str) -> str:
    """When a value is from (epoch ms `at`); "" where that is the time of its row, `seen`."""
    if seen - at < SAME_MS:
        return ""
    return text("overview.own_time", lang, time=moment(moment_of(at, pilot.zone), lang))


def commune(place: Place, pilot: Pilot, at: int) -> str:
    """Where a place is: its commune as it is called at a moment, epoch ms."""
    return pilot.commune(place, day_of(at, pilot.zone))


def commune_before(place: Place, pilot: Pilot, at: int, lang: str) -> str:
    """What the commune was before it was merged, and whether that of today is certain; "" before that day."""
    if pilot.merged is None or day_of(at, pilot.zone) < pilot.merged:
        return ""
    if place.commune_new is None:
        return text("report.commune_unknown", lang)
    before = text("report.commune_before", lang, old=place.commune_old)
    return f"{before} {text('place.commune_assumed', lang)}" if place.commune_assumed else before


def joined(place: Place, pilot: Pilot, at: int, lang: str) -> str:
    """When a place joined, or will join, as of epoch ms `at`."""
    key = "place.joins_later" if place.joined > day_of(at, pilot.zone) else "place.joins"
    return text(key, lang, day=day(place.joined, lang))


def kind(place: Place, lang: str) -> str:
    """The kind of a place: village, cooperative or group."""
    if isinstance(place, Village):
        return text("report.village", lang)
    return text("place.htx" if getattr(place, "kind", "") == "htx" else "report.community", lang)


def signal(id: str, lang: str) -> str:
    """A quantity's name; that of the pest count without “since the last reading”."""
    return text("place.pest_count", lang) if id == "pest_count" else SIGNALS[id].name(lang)


def lot_of(lot: dict[str, Any], pilot: Pilot, lang: str) -> dict[str, Any]:
    """A lot as pages show it: product, community, the address of its record; or why it was not sealed."""
    came = "overview.made" if lot.get("made") else "overview.harvested"
    return _goods(lot, pilot, lang) | {
        "labels": f"/labels/{lot['gtin']}/{lot['lot']}.pdf",
        "came": text(came, lang, day=day(moment_of(lot["time"], pilot.zone), lang)),
        "quantity": f"{plain(lot['quantity_kg'], lang)} kg",
        "unfit": text(f"unfit.{lot['unfit']}", lang) if lot.get("unfit") else "",
        "simulated": lot["simulated"],
        "refused": text("overview.refused_lot", lang, reason=text(f"lot.{lot['refused']}", lang))
        if lot["refused"]
        else "",
    }


def recall_of(lot: dict[str, Any], pilot: Pilot, lang: str) -> dict[str, Any]:
    """A recalled lot as pages show it: which, when and why."""
    recalled = text(
        "overview.recalled", lang, day=day(moment_of(lot["time"], pilot.zone), lang), reason=lot["reason"]
    )
    return _goods(lot, pilot, lang) | {"said": recalled, "simulated": lot["simulated"]}


def _goods(lot: dict[str, Any], pilot: Pilot, lang: str) -> dict[str, Any]:
    """A lot's number, product and community; of a community that the pilot file does not know, its id."""
    community = pilot.producers.get(lot["community"])
    product = community.product(lot["gtin"]) if community is not None else None
    unknown = text("overview.unknown_place", lang, id=lot["community"])
    return {
        "path": f"/01/{lot['gtin']}/10/{lot['lot']}",
        "lot": lot["lot"],
        "product": product.name.get(lang) if product else lot["gtin"],
        "community": community.name if community is not None else unknown,
        "place": lot["community"] if lot["community"] in pilot.place else "",
    }
