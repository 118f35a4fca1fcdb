"""When communities, villages and organisations join: as planned, on time, or late.

`plan` keeps the pilot file's dates. `on-time` lets each place slip, but every dated target is still met.
`late` lets them slip so far that targets are missed. Only the simulated world changes: the gateway goes
on judging by the file, so that a community that should have joined and did not is seen as missing.

Organisations take up traceability along a logistic curve through the targets; who is next is drawn by
the seed. Assumption: the shape of the curve and the lengths of delays.
"""

import hashlib
import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TypeVar

from devices.pilots.pilot import Pilot, Target
from devices.pilots.places import Community, Place
from devices.pilots.scenario import Variant

LATE_DAYS = (400, 1000)  # assumption: what "late" may mean for one place
LATE_YEARS = 2.0  # assumption: how much later the curve of adoption runs
P = TypeVar("P", bound=Place)


def rolled_out(pilot: Pilot, variant: Variant, seed: int) -> Pilot:
    """The pilot as the simulated world has it: the same places with other dates of joining."""
    if variant == "plan":
        return pilot
    communities = _delayed(pilot.communities, pilot.target("iot_communities"), variant, seed)
    villages = _delayed(pilot.villages, pilot.target("smart_villages"), variant, seed)
    # made anew and not copied: a copy would keep what the pilot has already derived from its dates
    fields = {name: getattr(pilot, name) for name in Pilot.model_fields}
    return Pilot(**{**fields, "communities": communities, "villages": villages})


def adoption(pilot: Pilot, variant: Variant, seed: int) -> dict[str, date]:
    """The day from which each organisation of the province keeps a diary and seals lots, by id.

    The pilot's own communities begin when they join; the invented ones follow the curve, so that the
    share of all reaches each dated target in its year (two years later when `late`).
    """
    own = {community.id: community.joined for community in rolled_out(pilot, variant, seed).communities}
    others = [one for one in pilot.producers if one not in own]
    if not others:
        return own
    rate, middle = _curve(pilot.target("traceability_share"))
    if variant == "late":
        middle += LATE_YEARS
    order = sorted(others, key=lambda one: _draw(seed, f"adopts/{one}"))
    everyone = len(others) + len(own)
    joined = sorted(own.values())
    result = dict(own)
    taken = 0  # of the pilot's own, how many had begun by then
    for rank, one in enumerate(order, start=1):
        day = _day(_reached((rank + taken) / (everyone + 1), rate, middle))
        while taken < len(joined) and joined[taken] <= day:
            taken += 1
            day = _day(_reached((rank + taken) / (everyone + 1), rate, middle))
        result[one] = day
    return result


def producers(pilot: Pilot, variant: Variant, seed: int) -> list[Community]:
    """Everybody who keeps a diary, with the day they began as `joined`."""
    days = adoption(pilot, variant, seed)
    return [one.model_copy(update={"joined": days[one.id]}) for one in pilot.producers.values()]


def _delayed(places: Sequence[P], target: Target, variant: Variant, seed: int) -> tuple[P, ...]:
    """`places` in their order of joining, each later by its own draw."""
    order = sorted(places, key=lambda place: place.joined)
    moved = {}
    for rank, place in enumerate(order, start=1):
        draw = _draw(seed, f"joins/{place.id}")
        if variant == "late":
            shortest, longest = LATE_DAYS
            day = place.joined + timedelta(days=round(shortest + draw * (longest - shortest)))
        else:
            due = next((point.year for point in target.points if rank <= point.at_least), None)
            # a month before the year ends, so that a week of readings is there when it is counted
            room = (date(due, 11, 30) - place.joined).days if due else 0
            day = place.joined + timedelta(days=round(draw * max(0, room)))
        moved[place.id] = place.model_copy(update={"joined": day})
    return tuple(moved[place.id] for place in places)


def _curve(target: Target) -> tuple[float, float]:
    """Growth a year and middle year of the logistic curve through the first and last dated share."""
    first, last = target.points[0], target.points[-1]
    low = _logit(first.at_least)
    high = _logit(min(0.99, last.at_least + 0.02 * last.strictly_over))  # "over" is more than equal
    years = max(1, last.year - first.year)
    rate = (high - low) / years
    return rate, first.year + 1 - low / rate


def _reached(share: float, rate: float, middle: float) -> float:
    """The year at which the curve is at `share`."""
    return middle + _logit(share) / rate


def _logit(share: float) -> float:
    return math.log(share / (1 - share))


def _day(year: float) -> date:
    """A year with its fraction as a day, kept inside the calendar that the simulator knows."""
    year = min(max(year, 2020.0), 2199.0)
    return date(int(year), 1, 1) + timedelta(days=int((year % 1) * 365))


def _draw(seed: int, label: str) -> float:
    """A number from 0 to 1 that depends on seed and label alone."""
    digest = hashlib.sha256(f"{seed}/{label}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
