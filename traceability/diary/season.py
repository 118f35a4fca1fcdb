"""The facts about a harvest, from the diary of its plot and the harvests sealed before it.

    which inputs forbid it      all whose interval may reach it: a year back, whatever was harvested since
    how it grew                 since its sowing; else since a sealed harvest that is not of the same picking
    which entries are its own   those since the sealed harvest before that growing began
    how much the plot gave      all sealed harvests of the crop within a season

A refused harvest ends no growing period, because it became no lot.

Only entries of the harvest's own kind count: a rehearsal runs beside real diaries, and what the simulator
made up was not put on a real plot. So real entries say nothing about a simulated harvest either.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date, tzinfo
from itertools import accumulate
from typing import NamedTuple

from devices.clock import DAY_MS, epoch_ms, midnight_of
from devices.contract.diary import DiaryEvent, Handling, Harvest, Input, Planting
from devices.pilots.places import Product
from traceability.diary.corrections import Corrections, Picked
from traceability.diary.tables import DiaryTables

LOOK_BACK_DAYS = 365  # the longest pre-harvest interval that a diary takes (devices.contract.diary.Input)
LOOK_BACK_MS = LOOK_BACK_DAYS * DAY_MS
LONGEST_MS = 180 * DAY_MS  # the furthest that growing conditions look back


class Basis(NamedTuple):
    """The facts about a harvest.

    `start` is when its growing began (epoch ms). `events` are the entries that belong to its lot, and
    `inputs` all inputs with an interval put on the plot in the year before: both as the record shows them.
    `holding` are these inputs as corrected. `picked` are the sealed harvests of its community within a season
    or its calendar year.
    """

    start: int
    events: tuple[DiaryEvent, ...]
    inputs: tuple[Input, ...]
    holding: tuple[Input, ...]
    picked: tuple[Picked, ...]


def basis(
    tables: DiaryTables, corrections: Corrections, community: str, product: Product, harvest: Harvest,
    zone: tzinfo, drafted: Sequence[str],
) -> Basis:  # fmt: skip
    """Query the diary. `drafted`: ids of the community's harvests to be sealed together with this one."""
    stop = epoch_ms(harvest.ts)
    simulated = tables.simulated(community, harvest.id)
    diary = tables.plot(community, harvest.plot, stop - LOOK_BACK_MS, stop, simulated=simulated)
    year, season = harvest.ts.astimezone(zone).year, product.season_days * DAY_MS
    first = min(stop - max(LOOK_BACK_MS, season), midnight_of(date(year, 1, 1), zone))
    last = max(stop + season, midnight_of(date(year + 1, 1, 1), zone))
    near = corrections.picked(community, first, last, drafted, simulated=simulated)
    picked = [one for one in near if one.id != harvest.id]
    before = [
        one.time for one in picked
        if (one.plot, one.crop) == (harvest.plot, harvest.crop) and one.time < stop
    ]  # fmt: skip
    known = {event.id for event in diary}
    own = () if harvest.id in known else (harvest,)  # its original date is far from the corrected one
    moved = [
        one
        for one in corrections.moved(community, harvest.plot, stop - LOOK_BACK_MS, stop, simulated=simulated)
        if one.id not in known
    ]
    held = [corrections.applied(community, event) for event in (*diary, *moved)]
    held = [event for event in held if stop - LOOK_BACK_MS <= epoch_ms(event.ts) <= stop]
    start, shown = _growing(sorted(held, key=lambda one: one.ts), product, harvest, before)
    inputs = [event for event in (*diary, *moved) if isinstance(event, Input)]
    now = [corrections.applied(community, event) for event in inputs]
    shown_inputs = [corrections.fresh(community, event) for event in inputs]
    return Basis(
        start,
        tuple(
            corrections.fresh(community, event) for event in (*diary, *own)
            if event.id == harvest.id
            or (not isinstance(event, Harvest | Handling) and epoch_ms(event.ts) > shown)
        ),
        tuple(
            event for event, held in zip(shown_inputs, now, strict=True)
            if isinstance(event, Input) and isinstance(held, Input)
            and (event.pre_harvest_days or held.pre_harvest_days)
        ),
        tuple(event for event in now if isinstance(event, Input) and event.pre_harvest_days),
        tuple(picked),
    )  # fmt: skip


def _growing(
    diary: Sequence[DiaryEvent], product: Product, harvest: Harvest, before: Sequence[int]
) -> tuple[int, int]:
    """When the growing began, and the time after which the plot's entries belong to the lot; both epoch ms.

    `diary`: the plot's entries of the past year, as corrected. `before`: the times of the plot's sealed
    harvests of the crop. Both are in order of time.
    """
    stop = epoch_ms(harvest.ts)
    sown = [
        epoch_ms(event.ts) for event in diary if isinstance(event, Planting) and event.crop == harvest.crop
    ]
    # Pickings less than `every_days` apart belong to the same growing period. One day is allowed for pickings
    # that begin at a different hour.
    apart = [time for time in before if time <= stop - (product.every_days - 1) * DAY_MS]
    if sown:
        start = sown[-1]
    elif apart:
        start = apart[-1]
    else:
        noted = [epoch_ms(event.ts) for event in diary if not isinstance(event, Handling)]
        start = min(noted[0] if noted else stop, stop - product.every_days * DAY_MS)
    start = max(start, stop - LONGEST_MS)
    ended = [time for time in before if time <= start]
    return start, ended[-1] if ended else stop - LONGEST_MS - 1


def forbidding(inputs: Sequence[Input], harvest: Harvest) -> Input | None:
    """An input whose pre-harvest interval contains the harvest, or None."""
    at = epoch_ms(harvest.ts)
    return next(
        (
            event for event in inputs
            if epoch_ms(event.ts) <= at < epoch_ms(event.ts) + event.pre_harvest_days * DAY_MS
        ),
        None,
    )  # fmt: skip


def heaviest(picked: Sequence[Picked], harvest: Harvest, season_days: int) -> float:
    """Kilograms of the heaviest season that contains this harvest, including the harvest.

    No `season_days` in a row may hold more than a season yields, in whatever order the harvests arrive.
    """
    at, season = epoch_ms(harvest.ts), season_days * DAY_MS
    near = sorted((one.time, one.kilograms) for one in picked if abs(one.time - at) < season)
    times = [time for time, _ in near]
    sums = [0.0, *accumulate(kilograms for _, kilograms in near)]
    begins = [*times[: bisect_right(times, at)], at]
    return harvest.quantity_kg + max(
        sums[bisect_left(times, begin + season)] - sums[bisect_left(times, begin)] for begin in begins
    )
