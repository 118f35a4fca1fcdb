"""The alarm rules of a pilot file in one language: one table for Grafana and for `hoiquan up`.

    devices/pilots/{pilot}.yaml, alarms ─► rules ─┬─► watch.py: asked of the store each minute
                                                  └─► dashboards/boards/alarms: InfluxQL for Grafana

A rule asks for a number for each place, device or gateway, and checks each number against its condition.

What happens when something is missing:
- The store is away: the rule `store` fires. All others keep their state, so no other alarm begins or ends.
- A gauge falls silent in alarm: its level is that of the newest hour with readings within `LOOK_BACK_MS`, so
  the alarm goes on, whatever neighbouring gauges measure. After an hour a second rule reports the silence
  (Grafana's does so only if the whole place is silent). If the gauge stays silent, its number is gone in the
  end, and the message says that nobody knows.
- A device is revoked: from the next look on it has no level, no silence and no coverage. Grafana knows no
  registry: there a gauge that was revoked in alarm keeps its place in alarm for `LOOK_BACK_MS`, its silence
  is counted for 25 hours, and its coverage until the window is past; silence that alarm in Grafana by hand.
- A place has real gauges: its simulated ones do not count, as on the pages. Grafana's queries cannot choose
  so: there the worst of all gauges counts.
- A level holds from its limit to the next level's limit: where III fires, II does not. An alarm that ends
  still fires for `OVERLAP_MS`, so that no all-clear appears between two levels.
- A device joined lately: it has an empty past, not bad coverage. The store does not know when a device was
  enrolled, but it has one row a day for each device heard in the window. So coverage is checked only for
  devices that had a row on more days than the window is long.
- One of several gateways is gone while the others write their books: each gateway that wrote within a day
  must have written in the running five minutes or in the five before, because no point has been written yet
  in the first seconds of a slot. A gateway that was removed for good is forgotten after that day.
- How long something has held counts only while the store is read: time without a look, as the store was away
  or no gateway ran, does not count (in Grafana it does).
- A rule that finds nothing does not fire, except the one for which that is the news: no gateway writes. That
  rule waits longer than the time between two points of a gateway's books, because there are no points of the
  time in which the store was away. The rule for silent devices waits too, because a gateway counts silence
  only every few minutes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS
from devices.contract.signals import SIGNALS
from devices.pilots.alarms import Alarms, Level
from devices.pilots.pilot import SHARE, Pilot, Target
from devices.texts import catalogue, percent, telling, text, with_unit
from devices.texts import number as written
from gateway.indicators.course import DIGITS

LOOK_BACK_MS = 7 * DAY_MS  # how far back a gauge's newest hour is looked for
SLOT_MS = 5 * MINUTE_MS  # of one point of a gateway's books (clerk/books.py), so that a year can be read
BOOKS_MS = 2 * SLOT_MS  # how old the books may be
OVERLAP_MS = 2 * MINUTE_MS  # how long an alarm that ended still counts as firing

Query = Literal[
    "level",  # the worst of the gauges' newest hours that have readings, by place
    "quiet",  # the same, but only if that gauge has no reading in this hour
    "store",  # whether the store answers
    "silent",  # hours since a device was heard
    "coverage",  # mean coverage of the devices of a place, %
    "gateway",  # book points in the running slot and the one before, by gateway that wrote any in a day
    "books",  # messages received and not accounted for, by gateway
    "quarantine",  # messages refused within an hour, by gateway
    "spool",  # minutes that the oldest message has waited, by gateway
    "course",  # an indicator less what its path requires, both as shown; for a share in percentage points
]


class Condition(NamedTuple):
    """When a rule fires: over or under `limit` and not beyond `end`, or "apart": further than that from 0."""

    when: Literal["over", "under", "apart"]
    limit: float
    end: float | None = None  # the next level's limit, where that level takes over

    def holds(self, value: float) -> bool:
        """Return whether the condition holds for `value`."""
        if self.when == "apart":
            return abs(value) > self.limit
        if self.when == "over":
            return value > self.limit and (self.end is None or value <= self.end)
        return value < self.limit and (self.end is None or value >= self.end)


@dataclass(frozen=True, slots=True)
class Rule:
    """One alarm rule: it fires when `condition` has held for the number of its `query` for `lasts` ms."""

    id: str
    group: Literal["field", "system", "plan"]
    kind: str  # its sentences in the catalogue: alerts.{kind} and alerts.{kind}_do
    quantity: str  # with the place: the subject of one message
    query: Query
    condition: Condition
    lasts: int
    where: Literal["community", "device", "instance", ""]  # the tag that says where, shown in the message
    value: tuple[int, str] | None  # decimals (see `decimals`) and unit of a message's number; None: none
    places: tuple[str, ...] = ()  # ids of the places it covers; empty: all
    gauge: Level | None = None  # the levels of the rule's gauge
    level: str = ""
    severe: bool = False
    none_speaks: bool = False  # fires if nothing is found
    away_speaks: bool = False  # fires if the store does not answer
    absolute: bool = False  # the number is a shortfall: shown without its minus
    words: tuple[tuple[str, str], ...] = ()  # values for its sentences

    @property
    def bare(self) -> bool:
        """Whether the rule can fire without a number."""
        return self.none_speaks or self.away_speaks

    def decimals(self, value: float) -> int:
        """How many decimals a number is written with in a message that names the limit, too."""
        assert self.value is not None
        return telling(value, self.condition.limit, self.value[0])

    def title(self, lang: str) -> str:
        """The sentence that says what has happened."""
        return text(f"alerts.{self.kind}", lang, **dict(self.words))

    def advice(self, lang: str) -> str:
        """The sentence that says what to do."""
        return text(f"alerts.{self.kind}_do", lang, **dict(self.words))


def rules(pilot: Pilot, lang: str) -> list[Rule]:
    """Return every rule of a pilot; none if its file has no alarms."""
    if pilot.alarms is None:
        return []
    return [*_levels(pilot, pilot.alarms, lang), *_system(pilot, pilot.alarms, lang), *_plan(pilot, lang)]


def _levels(pilot: Pilot, alarms: Alarms, lang: str) -> Iterator[Rule]:
    """Yield the rules of each signal, for each set of places with levels of its own: one rule a level, and
    one for a gauge that falls silent while over the first level.
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
                f"{pilot.pilot}-{level.signal}-{number}-{step}", "field", kind_of(level), level.signal,
                "level", Condition(level.when, limit, end), 0, "community", value, places, level, step,
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


def kind_of(level: Level) -> str:
    """Return whose sentences a level has: the signal's own, else those of any signal over or under."""
    return level.signal if f"alerts.{level.signal}" in catalogue() else f"level_{level.when}"


def _system(pilot: Pilot, alarms: Alarms, lang: str) -> Iterator[Rule]:
    """Yield the rules about the system itself: store, devices, gateways, books, quarantine, spool."""
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
        Condition("under", alarms.coverage * 100), HOUR_MS, "community", (1, "%"),
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
    """Yield one rule an indicator: whether it is below the path between its dated targets."""
    for target in pilot.targets:
        yield _off_course(pilot, target, lang)


def _off_course(pilot: Pilot, target: Target, lang: str) -> Rule:
    share = target.indicator == SHARE
    unit = "alerts.points" if share else f"boards.{target.indicator}_unit"
    return Rule(
        f"{pilot.pilot}-{target.indicator}", "plan", "off_course", target.indicator, "course",
        Condition("under", 0), DAY_MS, "", (DIGITS if share else 0, text(unit, lang)), absolute=True,
        words=(("indicator", text(f"boards.{target.indicator}", lang)),),
    )  # fmt: skip
