"""When a product is grown: the calendar of its crops in a pilot file, by the year or counted back from Tết.

    calendar:
      - {sown: ["11-25", "12-15"], days: [95, 103], kg_ha: [5700, 6900], source: "…"}
      - {picked: ["03-05", "03-20"], days: [100, 115], pickings: 6, apart: 14, kg_ha: [5000, 8000], …}
      - {before_tet: [26, 32], days: [270, 300], pickings: 5, apart: 6, kg_ha: [14000, 22000], source: "…"}

A crop is sown (or stocked) within its window, or picked for the first time within it, or picked for the first
time so many days before Tết. It grows for `days` in between. `times` crops share a window, one after another.
"""

from datetime import date, timedelta
from typing import Annotated

from pydantic import Field, model_validator

from devices.pilots.written import Defended
from devices.texts import Misuse, spelt

# Days from 20 January to Tết of 2020, 2021, …, a base-36 digit a year (a is 10): made with PyPI vnlunar 1.0.5
# (MIT), convert_lunar_to_solar(1, 1, year), the Vietnamese calendar. China's differs: 3 February 2030.
_TET = (
    "5nc2l9sh6od3mbuj8qf4nc2lash6pd3mctj8qf4nd1k9sg6pe3mbui7qg4nd2k9sh6pe4lati7qg5nc1k9si8qf4nb"
    "uj9rh6pd2lasi7qe3mcuj9sg5od2lati7qf3mc1j9rg4nd3lati6pe4mcvk8rg5nd2mati7pe4nb1j8qg5od2lash6"
)
_FIRST = 2020
SPACED = 0.7  # assumption: each of several crops in a window begins in the first three tenths of its share
DayOfYear = Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])$")]
Window = tuple[DayOfYear, DayOfYear]


def tet(year: int) -> date | None:
    """The first day of the lunar year that begins in `year`; None if the table does not hold it."""
    if not 0 <= year - _FIRST < len(_TET):
        return None
    return date(year, 1, 20) + timedelta(days=int(_TET[year - _FIRST], 36))


class Crop(Defended):
    """One row of a calendar. `days`: from sowing (or stocking, or flowering) to the first picking. The
    `pickings` are `apart` days apart; `kg_ha` is what all of them give, from a poor to a good year.
    """

    sown: Window | None = None
    picked: Window | None = None
    before_tet: tuple[Annotated[int, Field(ge=0, le=180)], Annotated[int, Field(ge=0, le=180)]] | None = None
    times: int = Field(default=1, ge=1, le=100)
    days: tuple[Annotated[int, Field(ge=0, le=365)], Annotated[int, Field(ge=0, le=365)]]
    pickings: int = Field(default=1, ge=1, le=100)
    apart: int = Field(default=1, ge=1, le=60)
    kg_ha: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]

    @model_validator(mode="after")
    def _whole(self) -> "Crop":
        if sum(one is not None for one in (self.sown, self.picked, self.before_tet)) != 1:
            raise Misuse("pilot.when_grown")
        for name in ("days", "kg_ha", "before_tet"):
            pair = getattr(self, name)
            if pair is not None and pair[0] > pair[1]:
                raise Misuse("pilot.smaller_first", field=name, first=spelt(pair[0]), last=spelt(pair[1]))
        if self.times > 1 and self.before_tet is not None:
            raise Misuse("pilot.one_tet")
        return self

    def windows(self, year: int) -> list[tuple[date, date]]:
        """The first and last day on which each crop of the window that begins in `year` is sown, or picked
        for the first time. For a crop picked before Tết: none if the Tết of that year is not known.
        """
        if self.before_tet is not None:
            day = tet(year)
            fewest, most = self.before_tet
            return [] if day is None else [(day - timedelta(days=most), day - timedelta(days=fewest))]
        begin, end = (date(year, *map(int, day.split("-"))) for day in self.sown or self.picked or ())
        if end < begin:
            end = end.replace(year=year + 1)
        part = ((end - begin).days + 1) / self.times
        late = part - 1 if self.times == 1 else part * (1 - SPACED)
        starts = [begin + timedelta(days=round(part * number)) for number in range(self.times)]
        return [(start, start + timedelta(days=int(late))) for start in starts]

    @property
    def nearest(self) -> int:
        """The fewest days between two harvests of this row."""
        if self.pickings > 1:
            return self.apart
        apart = 365 if self.times == 1 else int(365 / self.times * SPACED)
        return max(1, min(self.days[0], apart))
