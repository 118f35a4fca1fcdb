"""The invented organisations of a pilot file: how many, what they grow, what makes them begin and stop."""

from datetime import date
from typing import Annotated, Any

from pydantic import Field, model_validator

from devices.contract.topics import Id
from devices.pilots.calendar import Crop
from devices.pilots.names import Names
from devices.pilots.written import Written
from devices.texts import Misuse


class Codes(Written):
    """How many of the invented organisations have a planting-area code by a day. A code is no sealed lot, but
    an organisation that has one was asked by its market where the goods are from.
    """

    hoi_quan: int = Field(ge=0)
    htx: int = Field(ge=0)
    by: date
    source: str | None = None
    assumption: str | None = None


class Visits(Written):
    """Visits of officials to organisations that seal nothing yet, by year. A year that is not named is like
    the last year named before it.
    """

    by_year: dict[Annotated[int, Field(ge=2020, le=2199)], Annotated[int, Field(ge=0)]] = Field(min_length=1)
    convince: float = Field(gt=0, le=1, description="share of visits after which diary and lots begin")
    convince_coded: float = Field(gt=0, le=1, description="the same of those with a planting-area code")
    stops: float = Field(ge=0, lt=1, description="share that stops in a year though somebody looks after it")
    stops_alone: float = Field(ge=0, lt=1, description="share that stops where nobody comes again")
    assumption: str


# Assumption: share of the organisations that is visited in a year, where the file does not say
_VISITED = dict(zip(range(2021, 2030), (0.05, 0.08, 0.12, 0.12, 0.12, 0.155, 0.18, 0.21, 0.235), strict=True))


def _usual_visits(adopters: dict[str, Any]) -> Visits:
    """The visits for files that name none, as files of earlier versions do."""
    number = adopters["hoi_quan"] + adopters["htx"]
    return Visits(
        by_year={year: round(number * share) for year, share in _VISITED.items()},
        convince=0.25,
        convince_coded=0.5,
        stops=0.02,
        stops_alone=0.3,
        assumption="all of it: the file does not say how often officials come; as in other pilot files",
    )


class Adopters(Written):
    """Invented organisations that stand for the rest of the province in a rehearsal of traceability.
    `hoi_quan` and `htx` are their numbers; each has one product, a diary and no sensors.
    """

    hoi_quan: int = Field(ge=0, le=900)
    htx: int = Field(ge=0, le=900)
    crop: Id
    name: Names
    calendar: tuple[Crop, ...] = Field(min_length=1)
    yield_kg_ha: float = Field(gt=0)
    codes: Codes | None = None
    visits: Visits = Field(default_factory=_usual_visits)
    assumption: str

    @model_validator(mode="after")
    def _coded(self) -> "Adopters":
        codes = self.codes
        if codes is not None and (codes.hoi_quan > self.hoi_quan or codes.htx > self.htx):
            raise Misuse("pilot.codes")
        return self
