"""`hoiquan simulate scenarios` and `simulate adoption` for a terminal.

They list what can be rehearsed, and what makes organisations take part.
"""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import date

from devices.pilots.levers import Event
from devices.pilots.pilot import SHARE, Pilot
from devices.pilots.scenario import Variant, shipped
from devices.texts import number, percent, text
from sim.adoption import adoption

WIDTH = 96  # Assumption: every terminal has this many columns


def listed(lang: str) -> Iterator[str]:
    """Yield each scenario's name, title and days, what happens, what to watch, and how to start it."""
    for name, play in shipped().items():
        yield text("scenario.listed", lang, id=name, name=play.name.get(lang), start=play.start,
                   until=play.until)  # fmt: skip
        if play.happens is not None:
            yield _block(play.happens.get(lang), "    ")
        for one in play.watch:
            yield _block(one.get(lang), "    - ")
        yield f"    hoiquan up --scenario {name}"
        yield ""


def adopted(
    pilot: Pilot, variant: Variant, seed: int, lang: str, events: Sequence[Event]
) -> tuple[list[str], list[list[str]]]:
    """Return column names and a row for each year until the last target's. A row has the visits, who began,
    who stopped, who seals at its end and how many of them have a code, the share of all, and the target.
    """
    course = adoption(pilot, variant, seed, events)
    target = pilot.target(SHARE)
    names = ("year", "visits", "began", "stopped", "active", "coded", "share", "target")
    rows = []
    for year, one in course.years.items():
        if year > target.points[-1].year:
            break
        # share of all, because the pilot's own groups seal too
        share = len(course.active(date(year, 12, 31))) / len(pilot.producers)
        due = next((point for point in target.points if point.year == year), None)
        counts = (one.visits, one.began, one.stopped, one.active, one.coded)
        rows.append([
            str(year), *(number(count, lang) for count in counts), percent(share, lang, 1),
            percent(due.at_least, lang) if due is not None else "",
        ])  # fmt: skip
    return [text(f"scenario.{name}", lang) for name in names], rows


def _block(words: str, first: str) -> str:
    return textwrap.fill(words, WIDTH, initial_indent=first, subsequent_indent=" " * len(first),
                         break_long_words=False, break_on_hyphens=False)  # fmt: skip
