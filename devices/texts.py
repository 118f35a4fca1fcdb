"""The one catalogue of sentences that people read, `texts.yaml`, in Vietnamese and English; also how numbers,
per cent, days, times and ages are written in them.

Code names a sentence by its key; `make test` fails if a key is missing in either language. An error that a
person can mend is raised as a `Mendable`: a key and its values, put into a language where it is shown. Code
that fills a sentence writes its numbers with `number` and the functions like it: nothing else knows the
decimal and thousands marks.
"""

import errno
import os
from contextlib import suppress
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS
from devices.errors import UserError

Lang = Literal["vi", "en"]
LANGS: tuple[Lang, ...] = ("vi", "en")
_VIETNAMESE = str.maketrans(",.", ".,")  # how a number's marks differ in Vietnamese
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WIDE = Context(prec=400)  # enough digits for any float
CLOSE = ("%", "°")  # units written close to their number


def parsed(text: str) -> Any:
    """The values of a YAML text, by libyaml where PyYAML has it: eight times as fast, at each command's
    start.

    PyYAML's own parser reads a text again that libyaml refuses: people are shown its errors.
    """
    with suppress(yaml.YAMLError, AttributeError):
        return yaml.load(text, yaml.CSafeLoader)
    return yaml.safe_load(text)


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Every sentence: key → language → text with {placeholders}."""
    path = Path(__file__).with_name("texts.yaml")
    groups: dict[str, dict[str, dict[str, str]]] = parsed(path.read_text("utf-8"))
    return {f"{group}.{key}": entry for group, entries in groups.items() for key, entry in entries.items()}


def text(key: str, lang: str, **values: object) -> str:
    """The sentence `key` in `lang`, its placeholders filled (`worded`). Raises KeyError."""
    return catalogue()[key][lang].format(**{name: worded(value, lang) for name, value in values.items()})


def worded(value: object, lang: str) -> object:
    """The form in which a sentence of `lang` shows `value`: a `Mendable` becomes its sentence, an error of
    the system what the catalogue calls it; a float, a moment and a day become text. An int stays, for it may
    be a year or a port: a caller passes a count through `number`.
    """
    match value:
        case Mendable():
            return value.sentence(lang)
        case OSError():
            return _of_system(value, lang)
        case float():
            return number(value, lang)
        case datetime():
            return moment(value, lang)
        case date():
            return day(value, lang)
    return value


def _of_system(error: OSError, lang: str) -> str:
    """An error of the system in words, with its file; in its own words, on one line, if we have none."""
    number = error.errno or (errno.ETIMEDOUT if isinstance(error, TimeoutError) else 0)
    key = f"system.{errno.errorcode.get(number, '')}"
    # other libraries count for themselves: 1 is a fault of TLS to one, and to the system a forbidden act
    if key not in catalogue() or error.strerror not in (None, os.strerror(number)):
        return " ".join(str(error).split())
    said = catalogue()[key][lang]
    return said if error.filename is None else f"{said}: {error.filename}"


class Mendable(Exception):
    """An error that a person can mend: the catalogue's sentence `key` names its cause and its mend.
    str(error) is English, as logs are.
    """

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key, values)
        self.key = key
        self.values = values

    def sentence(self, lang: str) -> str:
        return text(self.key, lang, **self.values)

    def public(self, lang: str) -> str:
        """The sentence for a page that anybody may open: the catalogue's own words and numbers, never a value
        that may hold a path, an address or what a server said. The catalogue has it as `{key}_public`; a key
        without one keeps its own sentence if that shows no such value, and else gets a general one.
        """
        shown = {name: value for name, value in self.values.items() if isinstance(value, int | float)}
        inner = {name: one.public(lang) for name, one in self.values.items() if isinstance(one, Mendable)}
        for key in (f"{self.key}_public", self.key):
            with suppress(KeyError):  # no such sentence, or one with a value that is not shown
                return text(key, lang, **shown, **inner)
        return text("unwell.public", lang)

    def __str__(self) -> str:
        return self.sentence("en")


class Misuse(Mendable, UserError):
    """The input cannot be used, or the command cannot do what was asked."""


def number(value: float, lang: str, decimals: int | None = None, *, most: int | None = None) -> str:
    """A number as people write it: 1.234,5 in Vietnamese, 1,234.5 in English.

    It has all digits of `value`; or exactly so many `decimals`, zeros included (as signals are shown); or at
    `most` so many. A half is rounded away from zero.
    """
    exact = Decimal(repr(float(value)))
    places = most if decimals is None else decimals
    if places is not None:
        exact = _rounded(exact, places)
    digits = format(exact, ",f")
    if decimals is None and "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    if not exact:
        digits = digits.removeprefix("-")
    return digits.translate(_VIETNAMESE) if lang == "vi" else digits


def _rounded(exact: Decimal, places: int) -> Decimal:
    return exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _WIDE) if exact.is_finite() else exact


def rounded(value: float, places: int) -> float:
    """`value` rounded as `number` rounds it to `places` decimals, to compute with numbers as shown."""
    return float(_rounded(Decimal(repr(float(value))), places))


def spelt(value: float) -> str:
    """A number as a program reads it: every digit, a decimal point, no thousands mark."""
    return number(value, "en").replace(",", "")


def percent(share: float, lang: str, decimals: int | None = None, *, most: int = 0) -> str:
    """A share of 1 as the plans write it: 15%, in both languages. A share that was counted has exactly so
    many `decimals`, so that 20,0% stands beside 19,8%; any other has at `most` so many.
    """
    return f"{number(in_percent(share), lang, decimals, most=most)}%"


def in_percent(share: float) -> float:
    """A share of 1 in per cent, computed in decimal digits: as floats, 0.5125 * 100 is less than 51.25."""
    return float(Decimal(repr(float(share))) * 100)


def span(low: str, high: str) -> str:
    """A range between two written numbers, with one per cent sign: 15–20%."""
    return f"{low.removesuffix('%') if high.endswith('%') else low}–{high}"


def telling(value: float, limit: float, places: int) -> int:
    """Decimals that tell a value from the limit beside it: `places`, or one more where it reads like it."""
    return places + (value != limit and rounded(value, places) == limit)


def with_unit(written: str, unit: str) -> str:
    """A written number and its unit: 31,5 °C; 15%. Without a unit, only the number."""
    return f"{written}{'' if unit in CLOSE else ' '}{unit}".strip()


def day(one: date, lang: str) -> str:
    """A day: 28/11/2026; in English 28 Nov 2026, since some people read 5/6 as May 6."""
    if lang == "vi":
        return f"{one.day:02}/{one.month:02}/{one.year:04}"
    return f"{one.day} {_MONTHS[one.month - 1]} {one.year:04}"


def moment(at: datetime, lang: str, *, seconds: bool = False) -> str:
    """A day and the time of day: 28/11/2026 14:05."""
    return f"{day(at, lang)} {at:{'%H:%M:%S' if seconds else '%H:%M'}}"


def age(ms: int, lang: str) -> str:
    """How long ago something happened, in words; `ms` is its age."""
    if ms < 2 * MINUTE_MS:
        return text("place.age_now", lang)
    for unit, whole, end in (("minutes", MINUTE_MS, HOUR_MS), ("hours", HOUR_MS, 2 * DAY_MS)):
        if ms < end:
            return text(f"place.age_{unit}", lang, number=ms // whole)
    return text("place.age_days", lang, number=number(ms // DAY_MS, lang))


def shown(words: str) -> str:
    """A stranger's text made safe for a terminal and a log: unprintable characters, which may control either
    or turn the writing direction, become Python escapes.
    """
    return "".join([one if one.isprintable() else ascii(one)[1:-1] for one in words])
