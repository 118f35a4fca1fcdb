"""A scenario: what is played and from which day to which, in one file that can be shared and repeated.

`load` reads `devices/pilots/scenarios/{name}.yaml` or a path. Same file, same data, on any machine.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from devices.clock import midnight_of
from devices.pilots import written
from devices.pilots.names import Names
from devices.pilots.pilot import Pilot

Variant = Literal["plan", "on-time", "late"]  # of when places and organisations join: `sim.rollout`
VARIANTS: tuple[Variant, ...] = ("plan", "on-time", "late")
HERE = Path(__file__).parent / "scenarios"
SCENARIO = "scenario.json"  # in a data folder: what it holds is a rehearsal of this scenario
FIRST, LAST = date(2020, 1, 1), date(2199, 12, 31)  # the simulated world begins and ends


class Scenario(BaseModel):
    """One file. Days are the pilot's own; `until` is not played any more."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Names
    pilot: str = Field("dong-thap", description="a pilot file: a name or a path")
    start: Annotated[date, Field(ge=FIRST, le=LAST)]
    until: Annotated[date, Field(ge=FIRST, le=LAST)]
    seed: int = Field(1, ge=0)
    rollout: Variant = "plan"
    faults: Literal["none", "normal", "harsh"] = "none"
    interval_minutes: int | None = Field(
        None, ge=1, le=1440, description="between two readings of every node, instead of its model's"
    )

    @model_validator(mode="after")
    def _in_order(self) -> "Scenario":
        if self.until <= self.start:
            raise ValueError(f"until: {self.until} is not after start, {self.start}; write a later day")
        if self.interval_minutes is not None and 1440 % self.interval_minutes:
            raise ValueError(
                f"interval_minutes: {self.interval_minutes} does not divide a day; write 10, 60 or 360"
            )
        return self

    @property
    def interval(self) -> int | None:
        """Seconds between two readings of a node; None: its model's."""
        return None if self.interval_minutes is None else self.interval_minutes * 60

    def span(self, pilot: Pilot) -> tuple[int, int]:
        """Beginning and end, epoch ms."""
        return midnight_of(self.start, pilot.zone), midnight_of(self.until, pilot.zone)

    def judged(self, pilot: Pilot) -> Pilot:
        """The pilot with the rule that fits: a node is judged by the interval it promised, so no slot in
        which its coverage is counted is shorter than that.
        """
        rule = pilot.rules.iot_communities
        slot = max(rule.slot_minutes, self.interval_minutes or 0)
        rules = pilot.rules.model_copy(
            update={"iot_communities": rule.model_copy(update={"slot_minutes": slot})}
        )
        return pilot.model_copy(update={"rules": rules})


def load(name: str) -> Scenario:
    """The scenario called `name`, or of a path. Raises written.FileError."""
    return written.read(name, HERE, Scenario)
