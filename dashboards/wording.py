"""Values, targets, gaps and rules as sentences, for the overview and the report alike."""

from dashboards.figures import Indicator
from devices.pilots.pilot import Pilot, TargetPoint
from devices.texts import text


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
