"""The form of a province's yearly report: who reports to whom, on what legal basis, who signs."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from devices.pilots.names import Names


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReportDay(_Model):
    """A day on which a report is due, as MM-DD."""

    day: Annotated[str, Field(pattern=r"^\d\d-\d\d$")]
    to: Names
    source: str


class ReportForm(_Model):
    """What stands around the numbers. What only the office knows is left as dots to fill in."""

    above: Names  # the authority over the one that reports
    office: Names  # who reports
    place: Names  # before the date
    basis: tuple[Names, ...]  # the legal basis, one document an entry
    signatures: tuple[Names, ...] = Field(min_length=1, max_length=3)
    source: str | None = None
    assumption: str | None = None
