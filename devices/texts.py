"""The one catalogue of sentences that people read: `texts.yaml`, Vietnamese and English.

Code names a sentence by its key; a key that is missing in either language fails `make test`.
"""

from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

Lang = Literal["vi", "en"]
LANGS: tuple[Lang, ...] = ("vi", "en")
VIETNAMESE = str.maketrans(",.", ".,")  # how a number's marks differ there


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Every sentence: key → language → text with {placeholders}."""
    path = Path(__file__).with_name("texts.yaml")
    groups: dict[str, dict[str, dict[str, str]]] = yaml.safe_load(path.read_text("utf-8"))
    return {f"{group}.{key}": entry for group, entries in groups.items() for key, entry in entries.items()}


def text(key: str, lang: str, **values: object) -> str:
    """The sentence `key` in `lang`, its placeholders filled. Raises KeyError for an unknown key."""
    return catalogue()[key][lang].format(**values)


def number(value: float, lang: str, *, grouped: bool = False) -> str:
    """A number with every digit that was declared or measured: 123456.75 is 123456,75 in Vietnamese, and
    123.456,75 where thousands are `grouped`.
    """
    digits = format(Decimal(repr(value)), ",f" if grouped else "f")
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return digits.translate(VIETNAMESE) if lang == "vi" else digits


def shown(words: str) -> str:
    """What a stranger wrote, as it may stand in a terminal and a log: characters that command either, or turn
    the direction of what follows, are spelt as Python spells them.
    """
    return "".join([one if one.isprintable() else ascii(one)[1:-1] for one in words])
