"""Values, targets, gaps and rules as sentences, for the pages and the report alike."""

from datetime import date
from itertools import count
from typing import Any

from dashboards.figures import Indicator
from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS, moment_of
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import Pilot, TargetPoint
from devices.pilots.places import Place, Village
from devices.pilots.reporting import upcoming
from devices.texts import VIETNAMESE, text
from devices.texts import number as plain


def rule(indicator: str, pilot: Pilot, year: int, lang: str) -> str:
    """How the pilot file counts an indicator in `year`."""
    rules = pilot.rules
    organisations = pilot.organisations_of(year)
    values: dict[str, dict[str, object]] = {
        "iot_communities": {
            "devices": rules.iot_communities.min_devices,
            "coverage": round(rules.iot_communities.min_coverage * 100),
            "days": rules.iot_communities.window_days,
        },
        "smart_villages": {"hours": rules.smart_villages.window_hours},
        "traceability_share": {
            "days": rules.traceability_share.window_days,
            "all": organisations.hoi_quan + organisations.htx,
        },
    }
    return text(f"overview.rule_{indicator}", lang, **values[indicator])


def number(one: Indicator, value: float, lang: str) -> str:
    """A value in the indicator's own unit: a count, or a share in percent."""
    if not one.share:
        count = f"{round(value, 1):g}"
        return count.replace(".", ",") if lang == "vi" else count
    percent = f"{round(value * 100, 1):g} %"
    return percent.replace(".", ",") if lang == "vi" else percent


def target(one: Indicator, point: TargetPoint, lang: str) -> str:
    """A dated target."""
    value = number(one, point.at_least, lang)
    if point.up_to is not None:
        value = f"{value.removesuffix(' %')}–{number(one, point.up_to, lang)}"
    key = "overview.target_over" if point.strictly_over else "overview.target"
    return text(key, lang, year=point.year, value=value)


def gap(one: Indicator, lang: str) -> str:
    """What is still missing, or by how much it was passed."""
    if one.share:
        points = f"{round(abs(one.gap) * 100, 1):g} {text('overview.points', lang)}"
        gap = points.replace(".", ",") if lang == "vi" else points
    else:
        gap = f"{abs(one.gap):g}"
    if one.gap < 0:
        return text("overview.gap_short", lang, gap=gap)
    return text("overview.gap_reached", lang, gap=gap) if one.gap > 0 else text("overview.gap_exact", lang)


def course(one: Indicator, lang: str) -> str:
    """How an indicator stands, in one line: counted, due by now, forecast with its band, on course or not."""
    last, aim = one.forecasts[-1], one.targets[-1]
    whole = number(one, aim.at_least, lang)
    return text(
        "overview.course",
        lang,
        value=f"{number(one, one.value, lang).removesuffix(' %')}/{whole}",
        due=number(one, one.asked, lang),
        year=last.year,
        forecast=number(one, last.value, lang),
        low=number(one, last.low, lang).removesuffix(" %"),
        high=number(one, last.high, lang),
        verdict=text(f"overview.{pace(one)}", lang),
    ).replace(" %", "\u00a0%")


def pace(one: Indicator) -> str:
    """ahead, on_course or behind: the value against what is due by now, as exact as both are shown."""
    step = 1000 if one.share else 1
    value, due = round(one.value * step), round(one.asked * step)
    return "ahead" if value > due else "on_course" if value == due else "behind"


def lacks(indicator: str, has: str, pilot: Pilot, lang: str) -> str:
    """What somebody who does not count has or lacks, as `standing` wrote it down, in words."""
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
        f"report.{key}", lang, day=f"{first.day:%d/%m/%Y}", days=first.days, to=first.report.to.get(lang)
    )


def reviews(pilot: Pilot, year: int, lang: str) -> list[str]:
    """Each review that is due in `year`, or when it is due next."""
    told = []
    for one in pilot.reviews:
        ends = next(ends for ends in count(year) if one.due(ends))
        key = "review_due" if ends == year else "review_next"
        told.append(text(f"report.{key}", lang, years=one.years, first=ends - one.years + 1, last=ends))
    return told


def amount(signal: str, value: float, lang: str) -> str:
    """A number with the digits that the signal is read with."""
    digits = f"{value:.{SIGNALS[signal].decimals}f}"
    if float(digits) == 0:
        digits = digits.removeprefix("-")
    return digits.translate(VIETNAMESE) if lang == "vi" else digits


def measured(signal: str, value: float, lang: str) -> str:
    """A value with its unit."""
    return f"{amount(signal, value, lang)} {SIGNALS[signal].shown_unit}".strip()


def age(ms: int, lang: str) -> str:
    """How long ago something was."""
    if ms < 2 * MINUTE_MS:
        return text("place.age_now", lang)
    for unit, span, most in (("minutes", MINUTE_MS, HOUR_MS), ("hours", HOUR_MS, 2 * DAY_MS)):
        if ms < most:
            return text(f"place.age_{unit}", lang, number=ms // span)
    return text("place.age_days", lang, number=ms // DAY_MS)


def commune(place: Place) -> str:
    """Where a place is: its commune of today, where it is known."""
    return place.commune_new or place.commune_old


def kind(place: Place, lang: str) -> str:
    """What a place is."""
    if isinstance(place, Village):
        return text("report.village", lang)
    return text("place.htx" if getattr(place, "kind", "") == "htx" else "report.community", lang)


def signal(id: str, lang: str) -> str:
    """What a quantity is called; of what is counted since the reading before, without that."""
    return text("place.pest_count", lang) if id == "pest_count" else SIGNALS[id].name(lang)


def lot_of(lot: dict[str, Any], pilot: Pilot, lang: str) -> dict[str, Any]:
    """What a lot is, whose, and where its record is; or why it was not sealed."""
    return _goods(lot, pilot, lang) | {
        "labels": f"/labels/{lot['gtin']}/{lot['lot']}.pdf",
        "harvested": text("overview.harvested", lang, day=_day(lot["time"], pilot)),
        "quantity": f"{plain(lot['quantity_kg'], lang)} kg",
        "recalled": lot.get("recalled", False),
        "refused": text("overview.refused_lot", lang, reason=text(f"lot.{lot['refused']}", lang))
        if lot["refused"]
        else "",
    }


def recall_of(lot: dict[str, Any], pilot: Pilot, lang: str) -> dict[str, Any]:
    """Which lot was recalled, when and why."""
    said = text("overview.recalled", lang, day=_day(lot["time"], pilot), reason=lot["reason"])
    return _goods(lot, pilot, lang) | {"said": said}


def _goods(lot: dict[str, Any], pilot: Pilot, lang: str) -> dict[str, Any]:
    """A lot, what it is of, and whose; of whom the pilot file does not know (any more), the id."""
    community = pilot.producers.get(lot["community"])
    products = community.products if community is not None else ()
    product = next((p for p in products if p.gtin == lot["gtin"]), None)
    unknown = text("overview.unknown_place", lang, id=lot["community"])
    return {
        "path": f"/01/{lot['gtin']}/10/{lot['lot']}",
        "lot": lot["lot"],
        "product": product.name.get(lang) if product else lot["gtin"],
        "community": community.name if community is not None else unknown,
        "place": lot["community"] if lot["community"] in pilot.place else "",
    }


def _day(ms: int, pilot: Pilot) -> str:
    return f"{moment_of(ms, pilot.zone):%d/%m/%Y}"
