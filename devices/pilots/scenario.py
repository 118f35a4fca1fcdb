"""A scenario: what is played, from which day to which, in one file that can be shared and repeated.

`load` reads `devices/pilots/scenarios/{name}.yaml` or a path. The same file gives the same data everywhere.
"""

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from devices.clock import midnight_of
from devices.contract.models import DIARY
from devices.files import replace
from devices.pilots import written
from devices.pilots.levers import FIRST, LAST, Event, Theft, YearIs
from devices.pilots.names import Names
from devices.pilots.pilot import Pilot
from devices.pilots.written import SCENARIO, Written, located
from devices.texts import Misuse

# when places and organisations join and stop: `sim.rollout`
Variant = Literal["plan", "on-time", "late", "drop-out"]
Faults = Literal["none", "normal", "harsh"]
HERE = Path(__file__).parent / "scenarios"
WORDS = {"name", "happens", "watch"}


class Scenario(Written):
    """One scenario file. Days are the pilot's own; `until` is excluded. `happens` and `watch` are the text of
    its page: what is played, and what somebody who rehearses should look at.
    """

    name: Names
    happens: Names | None = None
    watch: tuple[Names, ...] = ()
    pilot: str = Field("dong-thap", description="a pilot file: a name or a path")
    start: Annotated[date, Field(ge=FIRST, le=LAST)]
    until: Annotated[date, Field(ge=FIRST, le=LAST)]
    seed: int = Field(1, ge=0)
    rollout: Variant = "plan"
    faults: Faults = "none"
    interval_minutes: int | None = Field(
        None, ge=1, le=1440, description="between two readings of every node, instead of its model's"
    )

    years: tuple[YearIs, ...] = ()
    events: tuple[Event, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> "Scenario":
        if self.until <= self.start:
            raise Misuse("simulated.until_before", until=str(self.until), start=str(self.start))
        if self.interval_minutes is not None and 1440 % self.interval_minutes:
            raise Misuse("simulated.uneven", minutes=self.interval_minutes)
        return self

    @model_validator(mode="after")
    def _staged(self) -> "Scenario":
        years = [one.year for one in self.years]
        # a dry season feels the flood and the Pacific of the year before it
        first, last = max(FIRST.year, self.start.year - 1), (self.until - timedelta(days=1)).year
        for year in years:
            if years.count(year) > 1:
                raise Misuse("simulated.year_twice", year=year)
            if not first <= year <= last:
                raise Misuse("simulated.no_year", year=year, first=first, last=last)
        for number, event in enumerate(self.events):
            if event.start >= self.until or event.stop <= self.start:
                days = {"start": str(event.start), "stop": str(event.stop)}
                span = {"first": str(self.start), "last": str(self.until)}
                raise Misuse("simulated.never", number=number, **days, **span)
        return self

    @property
    def interval(self) -> int | None:
        """Seconds between two readings of a node; None: its model's."""
        return None if self.interval_minutes is None else self.interval_minutes * 60

    def plays(self, other: "Scenario") -> bool:
        """Whether both scenarios are the same except for the words of their pages."""
        mine, theirs = (one.located().model_dump(exclude=WORDS) for one in (self, other))
        return mine == theirs

    def located(self) -> "Scenario":
        """The same scenario, with a path of its pilot's file that is right from any folder."""
        return self.model_copy(update={"pilot": located(self.pilot)})

    def span(self, pilot: Pilot) -> tuple[int, int]:
        """The scenario's beginning and end, epoch ms."""
        return midnight_of(self.start, pilot.zone), midnight_of(self.until, pilot.zone)

    def require(self, pilot: Pilot) -> None:
        """Raise Misuse if an event names a place or a node that the pilot does not have."""
        for event in self.events:
            for place in event.places:
                if place not in pilot.place:
                    raise Misuse("simulated.no_place", place=place, there=", ".join(sorted(pilot.place)))
            for device in event.devices if isinstance(event, Theft) else ():
                if device not in pilot.fleet:
                    raise Misuse("simulated.no_device", device=device)
                if pilot.fleet[device].model == DIARY:
                    raise Misuse("simulated.no_theft", device=device)

    def judged(self, pilot: Pilot) -> Pilot:
        """The pilot with rules that fit the scenario's interval. A node is judged by the interval that it
        promised: no slot of its coverage is shorter than that, and a node that missed one reading is not
        silent.
        """
        alarms, twice = pilot.alarms, -(-2 * (self.interval_minutes or 0) // 60)
        if alarms is not None and alarms.silent_hours < twice:
            alarms = alarms.model_copy(update={"silent_hours": twice})
        rule = pilot.rules.iot_communities
        slot = max(rule.slot_minutes, self.interval_minutes or 0)
        rules = pilot.rules.model_copy(
            update={"iot_communities": rule.model_copy(update={"slot_minutes": slot})}
        )
        return pilot.model_copy(update={"rules": rules, "alarms": alarms})


def held(folder: Path) -> Scenario | None:
    """The scenario whose rehearsal a data folder holds, if any. Raises Misuse for a mark that cannot be read,
    as another version may have written it.
    """
    mark = folder / SCENARIO
    if not mark.exists():
        return None
    try:
        return Scenario.model_validate_json(mark.read_bytes())
    except ValidationError:
        raise Misuse("simulated.unreadable", path=mark, folder=folder) from None


def hold(folder: Path, play: Scenario) -> None:
    """Mark a data folder as one that holds a rehearsal of `play`, so that nobody takes it for the province.
    Raises Misuse if it holds another scenario's.
    """
    current = held(folder)
    if current is not None and not play.plays(current):
        raise Misuse("simulated.another", folder=folder)
    folder.mkdir(parents=True, exist_ok=True)
    replace(folder / SCENARIO, play.located().model_dump_json(indent=2) + "\n")


def shipped() -> dict[str, Scenario]:
    """The scenarios that are shipped, by name."""
    return {path.stem: load(path.stem) for path in sorted(HERE.glob("*.yaml"))}


def load(name: str) -> Scenario:
    """The scenario called `name`, or the one at a path. Raises written.FileError."""
    return written.read(name, HERE, Scenario)
