"""What a scenario changes in the simulated world: what its years are like, and what happens in them.

    years:  [{year: 2027, pacific: 2.2, flood_m: 2.5, salt_km: 58}]
    events: [{kind: outage, places: [tam-que], start: 2026-10-10, stop: 2026-10-13}, …]

There are few levers, each with its bounds; what a scenario does not name stays as the seed draws it. Days are
the pilot's own, `stop` is excluded; empty `places` mean everywhere (a theft has none). All of it is invented
by the author of the file.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from devices.contract.topics import Id
from devices.pilots.written import Written
from devices.texts import Misuse

FIRST, LAST = date(2020, 1, 1), date(2199, 12, 31)  # the simulated world begins and ends
Day = Annotated[date, Field(ge=FIRST, le=LAST)]


class YearIs(Written):
    """What one year is like. `pacific`: from strong La Niña to strong El Niño, for the state that begins in
    the year's June. `flood_m`: the year's highest daily mean of the water at Tân Châu (record: 2.55 in 2015,
    5.06 in 2000). `salt_km`: from the mouth to where 4 g/L stand on the Tiền in the year's dry season,
    without wind surge (record: 40 to 60).
    """

    year: int = Field(ge=2020, le=2199)
    pacific: float | None = Field(None, ge=-3, le=3)
    flood_m: float | None = Field(None, ge=2.2, le=5.3)
    two_peaks: bool | None = None
    salt_km: float | None = Field(None, ge=30, le=60)


class _Event(Written):
    places: tuple[Id, ...] = ()
    start: Day
    stop: Day

    @model_validator(mode="after")
    def _in_order(self) -> "_Event":
        if self.stop <= self.start:
            raise Misuse("simulated.stop_before", stop=str(self.stop), start=str(self.start))
        return self


class Rain(_Event):
    """At least `mm` of rain on each day, under a sky as dark as the monsoon's."""

    kind: Literal["rain"]
    mm: float = Field(ge=1, le=160)


class Hoppers(_Event):
    """Planthoppers in the light traps: in the middle of the event, `times` what the season brings."""

    kind: Literal["hoppers"]
    times: float = Field(ge=1, le=50)


class DieOff(_Event):
    """A pond's algae die, except for the share `left`, and rot. Unless `aerator`, the pond's aerator does not
    start by itself (a command still starts it).
    """

    kind: Literal["die-off"]
    left: float = Field(ge=0, le=1)
    aerator: bool = True


class Outage(_Event):
    """The mast of each place is down: readings wait in 4G nodes, and are lost in LoRa nodes."""

    kind: Literal["outage"]


class Theft(_Event):
    """These `devices` are gone, and are replaced on `stop`."""

    kind: Literal["theft"]
    devices: tuple[Id, ...] = Field(min_length=1)

    @field_validator("places")
    @classmethod
    def _none(cls, places: tuple[Id, ...]) -> tuple[Id, ...]:
        if places:
            raise Misuse("simulated.theft_places")
        return places


class Leaves(_Event):
    """Each place gives up: it sends no reading and no diary until it takes part again on `stop`."""

    kind: Literal["leaves"]
    places: tuple[Id, ...] = Field(min_length=1)


class BudgetCut(_Event):
    """Nobody repairs, joins or is visited. Each month, the share `broken` of the nodes that still report
    falls silent; they are repaired in the two months after `stop`. Whoever would have joined does so later.
    """

    kind: Literal["budget-cut"]
    broken: float = Field(ge=0, le=0.5)


Event = Annotated[Rain | Hoppers | DieOff | Outage | Theft | Leaves | BudgetCut, Field(discriminator="kind")]
