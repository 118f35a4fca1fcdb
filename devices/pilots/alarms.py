"""What an officer is alerted to: a pilot file's alarm levels of signals, and limits of the system's state.

Boards draw the levels and alert rules fire at them (dashboards/boards/alarms/rules.py), both from here.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, model_validator

from devices.contract.signals import SIGNALS
from devices.pilots.written import Defended, Written
from devices.texts import Misuse, spelt

STEPS = ("I", "II", "III")  # names of the levels, the mildest first, as Vietnam's flood alarms are called


class Level(Defended):
    """Levels of one signal in its own unit, the mildest first. `places` are ids; empty: everywhere else."""

    signal: str
    when: Literal["over", "under"] = "over"
    levels: tuple[float, ...] = Field(min_length=1, max_length=len(STEPS))
    gauge: str = ""  # the station whose levels these are, where a decision names one
    places: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "Level":
        if self.signal not in SIGNALS:
            raise Misuse("pilot.no_signal", signal=self.signal)
        if SIGNALS[self.signal].circular:
            raise Misuse("pilot.direction", signal=self.signal)
        rising = sorted(set(self.levels), reverse=self.when == "under")
        if list(self.levels) != rising:
            inorder = ", ".join(spelt(one) for one in rising)
            raise Misuse("pilot.mildest_first", signal=self.signal, levels=inorder)
        return self

    def named(self) -> tuple[tuple[str, float], ...]:
        """(name, value) of each level, the mildest first."""
        return tuple(zip(STEPS, self.levels, strict=False))

    def reached(self, value: float) -> str:
        """The name of the highest level that a value is beyond; "" if it is beyond none."""
        beyond = [name for name, _ in self.named() if self.beyond(name, value)]
        return beyond[-1] if beyond else ""

    def beyond(self, name: str, value: float) -> bool:
        """Whether a value is beyond the level `name`; False if there is no such level."""
        at = dict(self.named()).get(name)
        return at is not None and (value > at if self.when == "over" else value < at)


class Alarms(Written):
    """When somebody is told. A pilot file without this section has no alert rules."""

    levels: tuple[Level, ...]
    silent_hours: int = Field(ge=1, le=720)  # a device is silent if it was not heard for so long
    coverage: Annotated[float, Field(gt=0, le=1)]  # mean coverage of a community's devices below this
    quarantined_an_hour: int = Field(ge=1)  # refused messages
    spool_minutes: int = Field(ge=1)  # age of the oldest message that the store has not taken
    assumption: str

    @model_validator(mode="after")
    def _one_each(self) -> "Alarms":
        taken: set[tuple[str, str]] = set()
        for level in self.levels:
            for place in level.places or ("",):
                if (level.signal, place) in taken:
                    raise Misuse("pilot.levels_twice", signal=level.signal, place=place or "places: []")
                taken.add((level.signal, place))
        return self

    def require(self, places: Iterable[str]) -> None:
        """Raise Misuse if a level names a place that is not one of `places`."""
        for level in self.levels:
            if unknown := set(level.places) - set(places):
                raise Misuse("pilot.levels_nowhere", signal=level.signal, places=", ".join(sorted(unknown)))

    def elsewhere(self, level: Level) -> list[str]:
        """Places that a level for everywhere does not cover, as they have their own levels of the signal."""
        if level.places:
            return []
        return [place for one in self.levels if one.signal == level.signal for place in one.places]

    def of(self, signal: str, place: str) -> Level | None:
        """The levels of a signal at a place: the place's own, else those for everywhere."""
        mine = [level for level in self.levels if level.signal == signal]
        own = next((level for level in mine if place in level.places), None)
        return own or next((level for level in mine if not level.places), None)
