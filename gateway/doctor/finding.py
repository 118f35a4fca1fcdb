"""What a check has to work with, and what it finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from devices.pilots.pilot import Pilot
from devices.settings import Settings
from devices.texts import Mendable, text

Level = Literal["ok", "warning", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """How one part is; `mend` is empty where all is well."""

    part: str
    level: Level
    sentence: str
    mend: str


def finding(lang: str, part: str, level: Level, key: str, **values: object) -> Finding:
    """A finding out of the catalogue: `key` is one of `doctor.*`, with `_mend` behind it what to do."""
    mend = "" if level == "ok" else text(f"doctor.{key}_mend", lang, **values)
    return Finding(part, level, text(f"doctor.{key}", lang, **values), mend)


@dataclass(frozen=True, slots=True)
class Visit:
    """One round: what is looked at, and `now`, epoch ms."""

    settings: Settings
    pilot: Pilot
    lang: str
    now: int

    def finding(self, part: str, level: Level, key: str, **values: object) -> Finding:
        """A finding in the reader's language."""
        return finding(self.lang, part, level, key, **values)


Check = Callable[[Visit], Iterator[Finding]]


def one_line(cause: object) -> object:
    """An error or a text as it may stand in a sentence."""
    return cause if isinstance(cause, Mendable) else " ".join(str(cause).split())
