"""A province's reporting: on which days reports are due, which reviews span several years, and the form of
the report: who reports to whom, on what legal basis, who signs.
"""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, NamedTuple

from pydantic import Field, field_validator, model_validator

from devices.pilots.names import Names
from devices.pilots.written import Defended, Written
from devices.texts import Misuse

DIRECTOR = Names(vi="GIÁM ĐỐC", en="DIRECTOR")


class ReportDay(Written):
    """A day on which a report is due, as MM-DD."""

    day: Annotated[str, Field(pattern=r"^\d\d-\d\d$")]
    to: Names
    source: str
    assumption: str | None = None

    @field_validator("day")
    @classmethod
    def _of_every_year(cls, day: str) -> str:
        try:
            date.fromisoformat(f"2021-{day}")
        except ValueError:
            raise Misuse("pilot.no_day") from None
        return day

    def of(self, year: int) -> date:
        """The day in `year`."""
        return date.fromisoformat(f"{year:04}-{self.day}")


class Review(Written):
    """A review over `years` years; the first period begins with the year `since`."""

    years: int = Field(ge=2, le=10)
    since: int = Field(ge=2000, le=2100)
    source: str
    assumption: str | None = None

    def due(self, year: int) -> bool:
        """Whether a period ends with `year`."""
        return year >= self.since and (year - self.since + 1) % self.years == 0


class Document(Names):
    """A document that a report rests on, for reports of the years `since` to `until`: a plan of one year is
    no basis of the next year's report, nor a circular of a report from before it.
    """

    since: int = Field(2000, ge=2000, le=2100)
    until: int = Field(2100, ge=2000, le=2100)

    @model_validator(mode="after")
    def _some_year(self) -> "Document":
        if self.since > self.until:
            raise Misuse("pilot.smaller_first", field="since, until", first=self.since, last=self.until)
        return self

    def holds(self, first: int, last: int) -> bool:
        """Whether a report of the years `first` to `last` rests on it."""
        return self.since <= last and first <= self.until


class ReportForm(Defended):
    """The text around the numbers (Decree 30/2020/NĐ-CP, annex I). Number and date are left as dots."""

    above: Names  # the authority over the one that reports
    office: Names  # who reports
    symbol: Annotated[str, Field(pattern=r"^BC-[A-ZĐ&.-]{1,20}$")]  # after the number
    place: Names  # before the date
    to: tuple[Names, ...] = Field(min_length=1)  # whom it is addressed to
    basis: tuple[Document, ...] = Field(min_length=1)  # the legal basis, one document an entry
    copies: tuple[Names, ...] = ()  # who else is sent one
    filed: str = "VT"  # where the office keeps its own
    signatures: tuple[Names, ...] = Field(default=(DIRECTOR,), min_length=1, max_length=3)


class Due(NamedTuple):
    """The next day on which a report is due, and in how many days that is."""

    day: date
    days: int
    report: ReportDay


def upcoming(reports: Iterable[ReportDay], today: date) -> list[Due]:
    """The next due day of each report, the nearest first; a report due today is due in 0 days."""
    due = []
    for one in reports:
        day = one.of(today.year)
        if day < today:
            day = one.of(today.year + 1)
        due.append(Due(day, (day - today).days, one))
    return sorted(due, key=lambda one: one.day)
