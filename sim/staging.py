"""What a run plays: the seed with its stage, the places as they join, and who keeps a diary.

    scenario's years, events ─┬─► rollout ─► adoption ─┐
    variant, seed ────────────┘      ├─► who stops ─► Stage ─► Seed
                                     └─► what breaks, is stolen or cut off ─► incidents (nodes/masts.py)

If nothing is staged and nobody stops, the seed stays a plain number.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from devices.clock import DAY_MS, midnight_of
from devices.contract.models import DIARY
from devices.pilots.levers import LAST, BudgetCut, Event, Leaves, Outage, Theft, YearIs
from devices.pilots.pilot import Pilot
from devices.pilots.places import Community
from devices.pilots.scenario import Variant
from sim.adoption import adoption, producers
from sim.nodes.faults import GONE, THEFT
from sim.nodes.masts import MAST_OUTAGE, Incident
from sim.physics.streams import Seed, Stage, draw
from sim.rollout import drop_outs, rolled_out

MONTH_MS = DAY_MS * 365.25 / 12
REPAIRED_MS = 60 * DAY_MS  # assumption: time after a budget cut until the last node is repaired


class Staged(NamedTuple):
    """The result. `pilot` has the dates at which places join; `producers` are all who ever keep a diary;
    `incidents` must happen to nodes and masts.
    """

    seed: int
    pilot: Pilot
    producers: list[Community]
    incidents: tuple[Incident, ...]


def staged(
    pilot: Pilot, variant: Variant, seed: int,
    years: Sequence[YearIs] = (), events: Sequence[Event] = (),
) -> Staged:  # fmt: skip
    """Prepare what a run plays."""
    world = rolled_out(pilot, variant, seed, events)
    adopted = adoption(pilot, variant, seed, events)
    stops = drop_outs(world, variant, seed) | adopted.stops
    away = {one: (_span(world, day, LAST),) for one, day in stops.items()}
    for event in events:
        for place in event.places if isinstance(event, Leaves) else ():
            away[place] = (*away.get(place, ()), _span(world, event.start, event.stop))
    incidents = tuple(_incidents(world, seed, stops, events))
    everybody = producers(pilot, adopted)
    if years or events or away:
        seed = Seed(seed, Stage(tuple(years), tuple(events), away))
    return Staged(seed, world, everybody, incidents)


def _incidents(
    world: Pilot, seed: int, stops: Mapping[str, date], events: Sequence[Event]
) -> Iterator[Incident]:
    for place, day in stops.items():
        if place in world.place:
            yield Incident(GONE, place, *_span(world, day, LAST))
    for event in events:
        span = _span(world, event.start, event.stop)
        if isinstance(event, Outage | Leaves):
            kind = GONE if isinstance(event, Leaves) else MAST_OUTAGE
            yield from (Incident(kind, place, *span) for place in event.places or world.place)
        elif isinstance(event, Theft):
            for name in event.devices:
                yield Incident(THEFT, world.fleet[name].community, *span, name)
        elif isinstance(event, BudgetCut):
            for device in world.fleet.values():
                if device.model != DIARY and device.community in (event.places or world.place):
                    broken = _breaks(seed, device.device, event, *span)
                    if broken is not None:
                        yield Incident(GONE, device.community, *broken, device.device)


def _breaks(seed: int, device: str, event: BudgetCut, start: int, stop: int) -> tuple[int, int] | None:
    """Return from when to when a node is broken because nobody looks after it, epoch ms; None: it is not."""
    if not event.broken:
        return None
    luck = draw(seed, "breaks", device, event.start)
    begins = start + int(math.log(1 - luck) / math.log(1 - event.broken) * MONTH_MS)
    if begins >= stop:
        return None
    return begins, stop + int(draw(seed, "repaired", device, event.start) * REPAIRED_MS)


def _span(pilot: Pilot, start: date, stop: date) -> tuple[int, int]:
    return midnight_of(start, pilot.zone), midnight_of(stop, pilot.zone)
