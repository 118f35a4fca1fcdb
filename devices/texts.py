"""The one catalogue of sentences that people read: `texts.yaml`, Vietnamese and English.

Code names a sentence by its key; a key that is missing in either language fails `make test`. What goes wrong
and a person can mend is raised as a `Mendable`: a key and what fills it, said in a language where it is read.
"""

from contextlib import suppress
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from devices.errors import UserError

Lang = Literal["vi", "en"]
LANGS: tuple[Lang, ...] = ("vi", "en")
VIETNAMESE = str.maketrans(",.", ".,")  # how a number's marks differ there


def parsed(text: str) -> Any:
    """What the YAML says, by libyaml where PyYAML has it: eight times as fast, at the start of every command.

    PyYAML itself reads again what libyaml refuses: its errors are the ones that people are told.
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
    """The sentence `key` in `lang`, its placeholders filled, by a `Mendable` in the same language. Raises
    KeyError for an unknown key.
    """
    return catalogue()[key][lang].format(**{name: worded(value, lang) for name, value in values.items()})


def worded(value: object, lang: str) -> object:
    """What stands in a sentence for `value`: of a `Mendable` its own sentence, else the value."""
    return value.sentence(lang) if isinstance(value, Mendable) else value


class Mendable(Exception):
    """What a person can mend: the catalogue's sentence `key` names cause and mend. As str it is English, as
    logs are.
    """

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key, values)
        self.key = key
        self.values = values

    def sentence(self, lang: str) -> str:
        return text(self.key, lang, **self.values)

    def __str__(self) -> str:
        return self.sentence("en")


class Misuse(Mendable, UserError):
    """What was given cannot be used, or the command cannot do what was asked."""


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
