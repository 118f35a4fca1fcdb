"""What a check works with (Visit), and what it returns (Finding)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from devices.pilots.pilot import Pilot
from devices.settings import Settings
from devices.texts import Mendable, text

Level = Literal["ok", "warning", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The state of one part; `mend` is empty if all is well."""

    part: str
    level: Level
    sentence: str
    mend: str


def finding(lang: str, part: str, level: Level, key: str, **values: object) -> Finding:
    """Make a finding from the catalogue's `doctor.{key}`, and what to do from `doctor.{key}_mend`."""
    mend = "" if level == "ok" else text(f"doctor.{key}_mend", lang, **values)
    return Finding(part, level, text(f"doctor.{key}", lang, **values), mend)


@dataclass(frozen=True, slots=True)
class Visit:
    """One round of checks: what it looks at, and `now`, epoch ms."""

    settings: Settings
    pilot: Pilot
    lang: str
    now: int

    def finding(self, part: str, level: Level, key: str, **values: object) -> Finding:
        """Make a finding in the reader's language."""
        return finding(self.lang, part, level, key, **values)


Check = Callable[[Visit], Iterator[Finding]]


def one_line(cause: object) -> object:
    """Make an error or text fit into a sentence: without line breaks."""
    return cause if isinstance(cause, Mendable | OSError) else " ".join(str(cause).split())
