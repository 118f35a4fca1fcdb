"""When communities and villages join and stop: as planned, on time, late, or dropping out.

`plan` keeps the pilot file's dates. `on-time` delays most places, but every dated target is still met. `late`
delays them so far that targets are missed. In `drop-out` places join as planned, and a third of them stop
some years later because nobody comes again. A budget cut (`levers.BudgetCut`) delays the places that would
join during it. Only the simulated world changes: the gateway still judges by the file, so a community that
should have joined and did not is seen as missing. For organisations see `adoption.py`.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TypeVar

from devices.pilots.levers import BudgetCut, Event
from devices.pilots.pilot import Pilot, Target
from devices.pilots.places import Place
from devices.pilots.scenario import Variant
from sim.physics.streams import draw

LATE_DAYS = (400, 1000)  # assumption: the range of delays of a late place
STOPPING = 1 / 3  # assumption: share of the places that drop out
STOPS_AFTER = (300, 1100)  # assumption: days from joining to dropping out
P = TypeVar("P", bound=Place)


def rolled_out(pilot: Pilot, variant: Variant, seed: int, events: Sequence[Event] = ()) -> Pilot:
    """Return the pilot of the simulated world: the same places with other dates of joining."""
    cuts = [event for event in events if isinstance(event, BudgetCut)]
    if variant in ("plan", "drop-out") and not cuts:
        return pilot
    communities = _delayed(pilot.communities, pilot.target("iot_communities"), variant, seed)
    villages = _delayed(pilot.villages, pilot.target("smart_villages"), variant, seed)
    return pilot.changed(communities=_put_off(communities, cuts), villages=_put_off(villages, cuts))


def drop_outs(pilot: Pilot, variant: Variant, seed: int) -> dict[str, date]:
    """Return the day on which each place that drops out stops."""
    if variant != "drop-out":
        return {}
    order = sorted(pilot.places, key=lambda place: draw(seed, "stops", place.id))
    low, high = STOPS_AFTER
    return {
        place.id: place.joined + timedelta(days=low + round(draw(seed, "tires", place.id) * (high - low)))
        for place in order[: round(STOPPING * len(order))]
    }


def _delayed(places: Sequence[P], target: Target, variant: Variant, seed: int) -> tuple[P, ...]:
    """Return `places`, each delayed by its own draw if the variant is `late` or `on-time`."""
    order = sorted(places, key=lambda place: place.joined)
    moved = {}
    for rank, place in enumerate(order, start=1):
        luck, day = draw(seed, "joins", place.id), place.joined
        if variant == "late":
            shortest, longest = LATE_DAYS
            day += timedelta(days=round(shortest + luck * (longest - shortest)))
        elif variant == "on-time":
            due = next((point.year for point in target.points if rank <= point.at_least), None)
            # a month before the year ends, so that a week of readings exists when it is counted
            room = (date(due, 11, 30) - place.joined).days if due else 0
            day += timedelta(days=round(luck * max(0, room)))
        moved[place.id] = place.model_copy(update={"joined": day})
    return tuple(moved[place.id] for place in places)


def _put_off(places: Sequence[P], cuts: Sequence[BudgetCut]) -> tuple[P, ...]:
    """Delay the places that would join during a cut by the length of the cut."""
    moved = []
    for place in places:
        day = place.joined
        for cut in cuts:
            if (not cut.places or place.id in cut.places) and cut.start <= day < cut.stop:
                day += cut.stop - cut.start
        moved.append(place if day == place.joined else place.model_copy(update={"joined": day}))
    return tuple(moved)
