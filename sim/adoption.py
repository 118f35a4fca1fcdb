"""Simulates which organisations keep a diary and seal lots, and when, as a result of officials' visits.

    visits a month (pilot file) ─► the least visited organisations, first those with a planting-area code
      └─► some are convinced and begin ─► some stop: few if somebody visits again, many if nobody does

The result is not fitted to any target. Its causes are the number of visits, the organisations with a code,
and the share that stops. `late` has staff for only some of the visits, `drop-out` nobody who visits again,
and a budget cut no visits at all. The pilot's own communities begin when they join. Every share is the pilot
file's assumption.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from devices.pilots.levers import BudgetCut, Event
from devices.pilots.pilot import Pilot
from devices.pilots.places import Community
from devices.pilots.scenario import Variant
from sim.physics.streams import draw
from sim.rollout import drop_outs, rolled_out

LATE_SHARE = 0.4  # assumption: share of the planned visits for which a late province has staff
CODES_FROM = 2021  # assumption: the first year in which planting-area codes were given
UNTIL = 2050  # no visits later than this year


class Year(NamedTuple):
    """What happened in a year, and who seals at its end; counts invented organisations only."""

    visits: int
    began: int
    stopped: int
    active: int
    coded: int  # active ones with a planting-area code


class Adoption(NamedTuple):
    """The days on which organisations and communities begin and stop. Those that never begin are left out."""

    begins: dict[str, date]
    stops: dict[str, date]
    years: dict[int, Year]

    def active(self, day: date) -> set[str]:
        """Return who keeps a diary on a day."""
        return {one for one, first in self.begins.items() if first <= day < self.stops.get(one, date.max)}


def adoption(pilot: Pilot, variant: Variant, seed: int, events: Sequence[Event] = ()) -> Adoption:
    """Simulate who begins and who stops, and when."""
    world = rolled_out(pilot, variant, seed, events)
    own = {community.id: community.joined for community in world.communities}
    dropped_out = {one: day for one, day in drop_outs(world, variant, seed).items() if one in own}
    others = [one for one in pilot.producers if one not in own]
    if pilot.adopters is None:
        return Adoption(own, dropped_out, {})
    return _Officials(pilot, variant, seed, events).work(others, own, dropped_out)


def producers(pilot: Pilot, adopted: Adoption) -> list[Community]:
    """Return everybody who ever keeps a diary, with the day they begin as `joined`."""
    begins, everybody = adopted.begins, pilot.producers.values()
    return [one.model_copy(update={"joined": begins[one.id]}) for one in everybody if one.id in begins]


class _Officials:
    """The officials' work, month by month. Fractions are carried over to the next month, so seeds differ in
    who and when, but hardly in how many.
    """

    def __init__(self, pilot: Pilot, variant: Variant, seed: int, events: Sequence[Event]) -> None:
        adopters = pilot.adopters
        assert adopters is not None
        self._visits, self._codes, self._variant, self._seed = adopters.visits, adopters.codes, variant, seed
        self._cuts = [event for event in events if isinstance(event, BudgetCut) and not event.places]
        self._remainders: dict[str, float] = {}

    def work(self, others: Sequence[str], own: dict[str, date], dropped_out: dict[str, date]) -> Adoption:
        coded, waiting = self._coded(others), dict.fromkeys(others, 0)
        turn = {one: self._luck("next", one) for one in others}
        begins, stops, years = dict(own), dict(dropped_out), dict[int, Year]()
        active: list[str] = []
        for year in range(min(self._visits.by_year), UNTIL):
            visits, began, stopped = 0, 0, 0
            for month in range(1, 13):
                first = date(year, month, 1)
                number = self._whole("visits", self._planned(year) / 12 if self._funded(first) else 0.0)
                order = sorted(
                    waiting, key=lambda one: (waiting[one], coded.get(one, date.max) > first, turn[one])
                )
                for one in order[:number]:
                    visits, waiting[one] = visits + 1, waiting[one] + 1
                    coded_by_then = coded.get(one, date.max) <= first
                    share = self._visits.convince_coded if coded_by_then else self._visits.convince
                    if self._whole(f"convinced {coded_by_then}", share):
                        del waiting[one]
                        begins[one] = first + timedelta(days=int(28 * self._luck("begins", one)))
                        active.append(one)
                        began += 1
                alone = self._variant == "drop-out" or not self._funded(first)
                share = self._visits.stops_alone if alone else self._visits.stops
                for _ in range(self._whole("stops", len(active) * share / 12)):
                    one = min(active, key=lambda one: self._luck(f"stops {first}", one))
                    active.remove(one)
                    stops[one] = begins[one] + timedelta(days=28) if begins[one] >= first else first
                    stopped += 1
            years[year] = Year(visits, began, stopped, len(active), sum(one in coded for one in active))
        return Adoption(begins, stops, years)

    def _planned(self, year: int) -> float:
        """Return the number of visits in a year for which there is staff."""
        by_year = self._visits.by_year
        number = by_year[max(one for one in by_year if one <= year)]
        return number * (LATE_SHARE if self._variant == "late" else 1.0)

    def _funded(self, day: date) -> bool:
        return not any(cut.start <= day < cut.stop for cut in self._cuts)

    def _coded(self, others: Sequence[str]) -> dict[str, date]:
        """Return the day on which each organisation with a planting-area code got it."""
        if self._codes is None:
            return {}
        first = date(CODES_FROM, 1, 1)
        days_of = {}
        for kind, number in (("hoi-quan-", self._codes.hoi_quan), ("htx-", self._codes.htx)):
            order = sorted(
                (one for one in others if one.startswith(kind)), key=lambda one: self._luck("code", one)
            )
            for one in order[:number]:
                days = int((self._codes.by - first).days * self._luck("code day", one))
                days_of[one] = first + timedelta(days=days)
        return days_of

    def _whole(self, what: str, share: float) -> int:
        """Add a fraction to `what` and take out the whole units."""
        exact = self._remainders.get(what, 0.0) + share + 1e-9
        self._remainders[what] = exact - int(exact)
        return int(exact)

    def _luck(self, what: str, one: str) -> float:
        return draw(self._seed, what, one)
