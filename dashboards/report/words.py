"""The report's words: sentences of its part of the catalogue, targets, Roman numbers."""

from collections.abc import Iterable
from functools import partial

from devices.pilots.pilot import SHARE, TargetPoint
from devices.texts import number, percent, span, text
from gateway.indicators.course import DIGITS

ROMAN = ((100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


def say(lang: str, key: str, **values: object) -> str:
    """A sentence of the report."""
    return text(f"report.{key}", lang, **values)


def listed(names: Iterable[str], lang: str, key: str) -> str:
    """Names in a sentence of the report, joined by its `key`: those before the last, then the last."""
    first, *others = names
    for place, name in enumerate(others, 1):
        how = "last" if place == len(others) else "others"
        first = say(lang, f"{key}_{how}", others=first, last=name)
    return first


def named(indicator: str, lang: str) -> str:
    """What an indicator is called."""
    return text(f"overview.{indicator}", lang)


def aim(indicator: str, point: TargetPoint, lang: str) -> str:
    """A dated target in words."""
    write = partial(percent, most=DIGITS) if indicator == SHARE else number
    shown = write(point.at_least, lang)
    if point.up_to is not None:
        return say(lang, "between", value=span(shown, write(point.up_to, lang)), year=point.year)
    return say(lang, "over" if point.strictly_over else "at_least", value=shown, year=point.year)


def roman(of: int) -> str:
    """The Roman number of a part or an annex, such as IV."""
    written = ""
    for worth, letters in ROMAN:
        times, of = divmod(of, worth)
        written += letters * times
    return written
