"""What somebody is woken for: one table for Grafana and for `hoiquan up`, of a pilot file and a language.

    devices/pilots/{pilot}.yaml, alarms ─► rules ─┬─► watch.py: asked of the store each minute
                                                  └─► dashboards/boards/alarms: InfluxQL for Grafana

A rule asks for a number a place, device or gateway, and holds each against its condition.

What is true when something is missing:
- The store is away: the rule `store` says so. All others keep their state, so nothing of the field begins and
  nothing ends.
- A gauge falls silent in alarm: its level is that of the newest hour in which it spoke, looked for over
  `LOOK_BACK_MS`, so it goes on, whatever its neighbours say; after an hour a second rule says that it is
  silent (Grafana's does so where the whole place is). If it stays so, its number is gone in the end, and the
  message says that nobody knows.
- A device that is revoked says nothing from the next look on: no level, no silence, no coverage. Grafana
  knows no registry: there a gauge that was in alarm when it was revoked holds its place in it for
  `LOOK_BACK_MS`, its silence is counted for 25 hours, its coverage until the window is past; who revokes one
  silences that there.
- Where real gauges measure at a place, its simulated ones do not count, as on the pages. Grafana's queries
  cannot choose so: there the worst of all counts.
- A level holds from its limit to the next one's: where III fires, II does not. What ends waits `OVERLAP_MS`,
  so that no all-clear fits between two levels.
- A device that joined lately has an empty past, not bad coverage. The store does not know when a device was
  enrolled; it has a row a day of each that was heard in the window. So coverage is asked of devices that have
  had a row on more days than the window is long.
- Of several gateways one may be gone while the others write their books: each that wrote within a day is
  looked for in the running five minutes and in the five before, as no page has begun in their first seconds.
  One that was taken away for good is forgotten after that day.
- For how long something has held is counted while the store is asked: a time in which nobody looked, as the
  store was away or no gateway ran, does not count (Grafana's does).
- No rule that finds nothing speaks, but for the one whose silence is the news: that no gateway writes. It
  waits longer than a gateway takes from book to book, as there is none while the store was away; so do silent
  devices, which a gateway counts anew every few minutes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS
from devices.contract.signals import SIGNALS
from devices.pilots.alarms import Alarms, Level
from devices.pilots.pilot import SHARE, Pilot, Target
from devices.texts import catalogue, percent, text, with_unit
from devices.texts import number as written

LOOK_BACK_MS = 7 * DAY_MS  # over which the newest hour of a gauge is looked for
SLOT_MS = 5 * MINUTE_MS  # a gateway begins a page of its books each: clerk/books.py; a year of them is read
BOOKS_MS = 2 * SLOT_MS  # how old books may be
OVERLAP_MS = 2 * MINUTE_MS  # how long what ended still counts as firing

Asked = Literal[
    "level",  # the worst of each gauge's newest hour that has readings, by place
    "quiet",  # the same, where the worst gauge has none in this hour
    "store",  # whether the store answers
    "silent",  # hours since a device was heard
    "coverage",  # mean coverage of the devices of a place, %
    "gateway",  # books of the running slot and the one before, by gateway that wrote any in a day
    "books",  # messages received and not accounted for, by gateway
    "quarantine",  # messages refused within an hour, by gateway
    "spool",  # minutes that the oldest message waits, by gateway
    "course",  # an indicator less what its path asks for; of a share in points of per cent
]


class Condition(NamedTuple):
    """Where a rule fires: over or under `limit` and not beyond `end`; or further than `limit` from 0."""

    when: Literal["over", "under", "apart"]
    limit: float
    end: float | None = None  # the next level's limit, where its turn begins

    def holds(self, value: float) -> bool:
        """Whether `value` is there."""
        if self.when == "apart":
            return abs(value) > self.limit
        if self.when == "over":
            return value > self.limit and (self.end is None or value <= self.end)
        return value < self.limit and (self.end is None or value >= self.end)


@dataclass(frozen=True, slots=True)
class Rule:
    """One alarm: it fires where `condition` holds of the number that is `asked`, for `lasts` ms."""

    id: str
    group: Literal["field", "system", "plan"]
    kind: str  # its sentences in the catalogue: alerts.{kind} and alerts.{kind}_do
    quantity: str  # with the place: what one message is about
    asked: Asked
    condition: Condition
    lasts: int
    where: Literal["community", "device", "instance", ""]  # what says where, shown in the message
    value: tuple[int, str] | None  # decimals and unit of the number in a message; None: none is said
    places: tuple[str, ...] = ()  # ids that it asks about; empty: all
    gauge: Level | None = None  # whose levels
    level: str = ""
    severe: bool = False
    none_speaks: bool = False  # finding nothing is the news
    away_speaks: bool = False  # a store that does not answer is the news
    absolute: bool = False  # the number is a lack: said without its minus
    words: tuple[tuple[str, str], ...] = ()  # what its sentences are filled with

    @property
    def bare(self) -> bool:
        """It speaks where there is no number too."""
        return self.none_speaks or self.away_speaks

    def title(self, lang: str) -> str:
        """What it says has happened."""
        return text(f"alerts.{self.kind}", lang, **dict(self.words))

    def advice(self, lang: str) -> str:
        """What it says is to be done."""
        return text(f"alerts.{self.kind}_do", lang, **dict(self.words))


def rules(pilot: Pilot, lang: str) -> list[Rule]:
    """Every rule of a pilot, none where its file has no alarms."""
    if pilot.alarms is None:
        return []
    return [*_levels(pilot, pilot.alarms, lang), *_system(pilot, pilot.alarms, lang), *_plan(pilot, lang)]


def _levels(pilot: Pilot, alarms: Alarms, lang: str) -> Iterator[Rule]:
    """Of each signal, and for each set of places with levels of its own: one rule a level, and one for the
    gauge that falls silent over the first.
    """
    for number, level in enumerate(alarms.levels):
        signal = SIGNALS[level.signal]
        others = alarms.elsewhere(level)
        places = level.places or tuple(p.id for p in pilot.places if p.id not in others)
        value = (signal.decimals, signal.shown_unit)
        steps = level.named()
        for (step, limit), (_, end) in zip(steps, (*steps[1:], ("", None)), strict=True):
            shown = with_unit(written(limit, lang), signal.shown_unit)
            yield Rule(
                f"{pilot.pilot}-{level.signal}-{number}-{step}", "field", _kind(level), level.signal, "level",
                Condition(level.when, limit, end), 0, "community", value, places, level, step,
                severe=step != "I",
                words=(("level", step), ("limit", shown), ("gauge", level.gauge),
                       ("name", signal.name(lang))),
            )  # fmt: skip
        yield Rule(
            f"{pilot.pilot}-{level.signal}-{number}-silent", "field", "silent_in_alarm", level.signal,
            "quiet", Condition(level.when, steps[0][1]), HOUR_MS, "community", value, places, level,
            severe=True,
            words=(("name", signal.name(lang)), ("gauge", level.gauge or text("alerts.everywhere", lang))),
        )  # fmt: skip


def _kind(level: Level) -> str:
    """The sentences of a level: the signal's own, else those of any that is over or under."""
    return level.signal if f"alerts.{level.signal}" in catalogue() else f"level_{level.when}"


def _system(pilot: Pilot, alarms: Alarms, lang: str) -> Iterator[Rule]:
    """What the data's road itself is woken for."""
    name, messages = pilot.pilot, text("alerts.messages", lang)
    yield Rule(
        f"{name}-store", "system", "store", "store", "store", Condition("under", 0), 2 * MINUTE_MS, "", None,
        severe=True, away_speaks=True,
    )  # fmt: skip
    yield Rule(
        f"{name}-device-silent", "system", "silent", "silent", "silent",
        Condition("over", alarms.silent_hours), 15 * MINUTE_MS, "device", (1, text("alerts.hours", lang)),
        words=(("hours", str(alarms.silent_hours)),),
    )  # fmt: skip
    yield Rule(
        f"{name}-coverage-low", "system", "coverage_low", "coverage", "coverage",
        Condition("under", alarms.coverage * 100), HOUR_MS, "community", (0, "%"),
        words=(("coverage", percent(alarms.coverage, lang, most=1)),),
    )  # fmt: skip
    yield Rule(
        f"{name}-gateway-silent", "system", "gateway_silent", "gateway", "gateway", Condition("under", 1),
        6 * MINUTE_MS, "instance", None, severe=True, none_speaks=True,
    )  # fmt: skip
    yield Rule(
        f"{name}-books", "system", "books", "books", "books", Condition("apart", 0.5), 6 * MINUTE_MS,
        "instance", (0, messages), severe=True,
    )  # fmt: skip
    yield Rule(
        f"{name}-quarantine", "system", "quarantine", "quarantine", "quarantine",
        Condition("over", alarms.quarantined_an_hour), 5 * MINUTE_MS, "instance", (0, messages),
        words=(("number", written(alarms.quarantined_an_hour, lang)),),
    )  # fmt: skip
    yield Rule(
        f"{name}-spool-old", "system", "spool", "spool", "spool", Condition("over", alarms.spool_minutes),
        2 * MINUTE_MS, "instance", (0, text("alerts.minutes", lang)), severe=True,
        words=(("minutes", str(alarms.spool_minutes)),),
    )  # fmt: skip


def _plan(pilot: Pilot, lang: str) -> Iterator[Rule]:
    """Each indicator against the path between its dated targets."""
    for target in pilot.targets:
        yield _off_course(pilot, target, lang)


def _off_course(pilot: Pilot, target: Target, lang: str) -> Rule:
    share = target.indicator == SHARE
    unit = "alerts.points" if share else f"boards.{target.indicator}_unit"
    return Rule(
        f"{pilot.pilot}-{target.indicator}", "plan", "off_course", target.indicator, "course",
        Condition("under", 0), DAY_MS, "", (1 if share else 0, text(unit, lang)), absolute=True,
        words=(("indicator", text(f"boards.{target.indicator}", lang)),),
    )  # fmt: skip
