"""How the report says things: sentences of its part of the catalogue, numbers, per cent, days."""

from datetime import date, datetime

from dashboards import wording
from dashboards.figures import Indicator
from devices.pilots.pilot import TargetPoint
from devices.texts import VIETNAMESE, text

ROMAN = ((100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


def say(lang: str, key: str, **values: object) -> str:
    """A sentence of the report."""
    return text(f"report.{key}", lang, **values)


def named(indicator: str, lang: str) -> str:
    """What an indicator is called."""
    return text(f"overview.{indicator}", lang)


def value(one: Indicator, amount: float, lang: str) -> str:
    """A value of an indicator, in its unit."""
    return wording.number(one, amount, lang).replace(" %", "%")


def count(number: float, lang: str) -> str:
    """A whole number, its thousands apart."""
    return f"{number:,.0f}".translate(VIETNAMESE) if lang == "vi" else f"{number:,.0f}"


def percent(share: float) -> str:
    """A share of 1 as the plans write it: 15%."""
    return f"{share * 100:.0f}%"


def day(one: date) -> str:
    """28/11/2026."""
    return f"{one:%d/%m/%Y}"


def moment(at: datetime) -> str:
    """28/11/2026 14:05."""
    return f"{at:%d/%m/%Y %H:%M}"


def aim(indicator: str, point: TargetPoint, lang: str) -> str:
    """A dated target in words."""
    share = indicator == "traceability_share"
    shown = percent(point.at_least) if share else count(point.at_least, lang)
    if point.up_to is not None:
        up_to = percent(point.up_to) if share else count(point.up_to, lang)
        shown = f"{shown.removesuffix('%')}–{up_to}"
    return say(lang, "over" if point.strictly_over else "at_least", value=shown, year=point.year)


def roman(number: int) -> str:
    """A number of a part or an annex: IV."""
    written = ""
    for worth, letters in ROMAN:
        times, number = divmod(number, worth)
        written += letters * times
    return written
