"""A report as data, whatever file is made of it: head, blocks, foot, annexes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

MOST_YEARS = 10  # of a review
Kind = Literal["heading", "text", "list", "table", "chart"]


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the body. `rows` of a table begin with its head and, where it is `summed`, end with the sum;
    `widths` are the columns' shares. A chart has a picture (`svg`), its numbers as `rows`, and the same in a
    sentence as `alt`.
    """

    kind: Kind
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()
    widths: tuple[float, ...] = ()
    svg: str = ""
    alt: str = ""
    summed: bool = False


@dataclass(frozen=True, slots=True)
class Annex:
    """The annex of one commune: its number (“Phụ lục I”), its name, and the report it is attached to."""

    number: str
    name: str
    attached: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The whole report in one language, as Decree 30/2020/NĐ-CP orders it. `mark` is printed on every page if
    anything was rehearsed or simulated; empty: everything is real. `made` is the moment of the report's
    newest number. `above` and `office` are in lines that fit beside the state's.
    """

    lang: str
    made: datetime
    above: tuple[str, ...]
    office: tuple[str, ...]
    state: str
    motto: str
    number: str
    place_and_date: str
    title: str
    subject: str
    addressed: str
    to: tuple[str, ...]
    basis: tuple[str, ...]
    opening: str
    blocks: tuple[Block, ...]
    closing: str
    recipients_title: str
    recipients: tuple[str, ...]
    signatures: tuple[str, ...]
    annexes: tuple[Annex, ...]
    mark: str

    @property
    def name(self) -> str:
        """Title and subject: what the file is called in a list."""
        return f"{self.title}: {self.subject}"
