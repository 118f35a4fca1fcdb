"""Farm diaries: what a community's secretary writes down, following the state of its plot.

    crops (physics/growing.py) ─► sowing, harvest, packing, shipping
    soil ─► pump ─► irrigation           rain ─► fertiliser        biomass ─► feed
    light trap, wet weeks ─► spraying    water, salt, planthoppers, dead fish ─► yield

A diary is a function of seed, community and time, so it is the same whether made day by day or in one go.
Assumption: one watering in fifty is forgotten. A spray follows two days after the observation. It is left out
if its interval would reach the next harvest, except for one in thirty: those lots are refused.
"""

import struct
from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from typing import Any

import numpy as np

from devices import texts
from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS, epoch_ms, midnight_of, moment_of
from devices.contract.diary import (
    DiaryEvent,
    Harvest,
    Input,
    Irrigation,
    Packing,
    PestObservation,
    Planting,
    Shipping,
)
from devices.pilots.pilot import Pilot
from devices.pilots.places import Community, Product
from sim.physics.growing import ANNUAL, FED, FEW, FIRST_DAY, PROCESSED, Grown, crops, spread
from sim.physics.moment import ANCHOR, Moment
from sim.physics.streams import chance, stage
from sim.physics.world import Land, World

PACKAGE_KG = 5
FORGOTTEN, CARELESS = 0.02, 1 / 30
# Planthoppers a night that are reported; days from an observation to the spray; days between two sprays.
OUTBREAK, SPRAYED_AFTER, APART = 500.0, 2, 14
FED_EVERY = 7  # days of feed in an entry
WET_SPELL = 5  # wet days in a row after which blights spread in a garden
# Pre-harvest days of sprays on rice, in gardens, and on crops picked all year. Assumption.
INTERVALS = (14, 7, 3)
# Yield loses 1.1 times the share of water that a crop lacks (FAO Irrigation and Drainage Paper 33;
# Assumption: all crops), and 12 % for each dS/m over 3 (FAO-29, Table 4, rice). Assumption: 1 % for each
# night with more than 1,000 hoppers.
SENSITIVITY, SALT_OVER, BY_SALT, HOPPERS, BY_NIGHT = 1.1, 3.0, 0.12, 1000.0, 0.01


def diary(
    seed: int, pilot: Pilot, community: Community, start: int, stop: int, world: World | None = None
) -> list[DiaryEvent]:
    """Return a community's events in [start, stop) epoch ms, in order of time.

    `world` holds its plot, and is made anew if not given. An organisation without sensors stands for the rest
    of the province: only its harvests are written down.
    """
    low = max(start, midnight_of(community.joined, pilot.zone), ANCHOR)
    if low >= stop:
        return []
    farm = None
    if community.fleet:
        world = World(seed, pilot) if world is None else world
        farm = Farm(seed, community, world.land(community.id, stop))
    first, last = ((when - ANCHOR) // DAY_MS for when in (low, stop))
    events: list[DiaryEvent] = []
    for product in community.products:
        for crop in crops(seed, community, product, first - 1, last + 1):
            events += _picked(seed, pilot, community, product, crop, farm)
            if farm is not None and product.crop not in PROCESSED:
                events += farm.tended(pilot, product, crop)
    if farm is not None and community.products:
        events += farm.watered(pilot, community.products[0], low, stop)
    within = [event for event in events if low <= epoch_ms(event.ts) < stop]
    for left, back in stage(seed).away.get(community.id, ()):
        within = [event for event in within if not left <= epoch_ms(event.ts) < back]
    return sorted(within, key=lambda event: (event.ts, event.id))


def early(events: Iterable[DiaryEvent]) -> Iterator[tuple[Input, Harvest]]:
    """Yield (input, harvest) for harvests within an input's pre-harvest interval: their lots are refused."""
    inputs: list[Input] = []
    for event in events:
        if isinstance(event, Input) and event.pre_harvest_days:
            inputs.append(event)
        elif isinstance(event, Harvest):
            for spray in inputs:
                interval = timedelta(days=spray.pre_harvest_days)
                if spray.plot == event.plot and event.ts < spray.ts + interval:
                    yield spray, event


def _at(pilot: Pilot, day: int, hour: float) -> datetime:
    """Return the moment at `hour` of a day since the anchor."""
    clock = time(int(hour), int(hour % 1 * 60))
    return datetime.combine(FIRST_DAY + timedelta(days=day), clock, tzinfo=pilot.zone)


def _draws(seed: int, community: Community, what: str, many: int) -> list[float]:
    """Return random numbers from 0 to 1 for a crop or day of this community."""
    key = chance(seed, community.id, what)
    return [number / 65536 for number in struct.unpack(f"<{many}H", key[: 2 * many])]


def _plot(community: Community) -> tuple[str, float]:
    return next(iter(community.hectares.items()))


def _picked(
    seed: int, pilot: Pilot, community: Community, product: Product, crop: Grown, farm: "Farm | None"
) -> Iterator[DiaryEvent]:
    """Yield harvests, and the packing and shipping of those who keep a whole diary."""
    plot, hectares = _plot(community)
    hours = _draws(seed, community, crop.id, 3)
    for number, (day, kg_ha) in enumerate(zip(crop.picked, crop.kg_ha, strict=True), start=1):
        share = 1.0 if farm is None or product.crop in PROCESSED else farm.yield_share(crop, day)
        quantity = max(round(kg_ha * hectares * share, 0), 1.0)
        area = pilot.records.area_of(community.id, product.crop, FIRST_DAY + timedelta(days=day))
        same: dict[str, Any] = {"plot": plot, "crop": product.crop, "quantity_kg": quantity}
        name = f"{crop.id}-%s-{number}"
        yield Harvest(
            event="harvest", id=name % "harvest", ts=_at(pilot, day, 9 + 2 * hours[0]),
            area_code=area.code if area is not None else None, **same,
        )  # fmt: skip
        if farm is not None:
            packages = max(1, int(quantity // PACKAGE_KG))
            yield Packing(
                event="packing", id=name % "packing", ts=_at(pilot, day, 13 + 2 * hours[1]),
                packages=packages, **same,
            )  # fmt: skip
            yield Shipping(
                event="shipping", id=name % "shipping", ts=_at(pilot, day, 16 + 2 * hours[2]),
                buyer="Thương lái (giả định)", **same,
            )  # fmt: skip


def _interval(product: Product, crop: Grown) -> int:
    return INTERVALS[0 if product.crop == "rice" else 2 if crop.row.times > FEW else 1]


class Farm:
    """A community's plot as its secretary looks after it; `land` has its measurements up to some day."""

    def __init__(self, seed: int, community: Community, land: Land) -> None:
        self._seed, self._community, self._land = seed, community, land
        self._plot, _ = _plot(community)

    def tended(self, pilot: Pilot, product: Product, crop: Grown) -> Iterator[DiaryEvent]:
        """Yield sowing, fertiliser, pest observations and sprays."""
        if not crop.tended:
            return
        same: dict[str, Any] = {"plot": self._plot, "crop": product.crop}
        hours = _draws(self._seed, self._community, f"{crop.id} work", 4)
        if (crop.planted or product.crop in ANNUAL) and crop.sown >= 0 and crop.row.picked is None:
            yield Planting(
                event="planting", id=f"{crop.id}-planting", ts=_at(pilot, crop.sown, 6 + 2 * hours[0]),
                seed=f"giống {product.name.vi}", area_ha=self._community.area_ha, **same,
            )  # fmt: skip
        if product.crop in FED:
            yield from self.fed(pilot, crop, hours[1], same)
            return
        for number, day in enumerate(spread(product.crop, crop, self._land.weather.rain), start=1):
            yield Input(
                event="input", id=f"{crop.id}-fertiliser-{number}", ts=_at(pilot, day, 7 + hours[1]),
                product="Phân hữu cơ vi sinh", purpose="fertiliser", dose="500 kg/ha", **same,
            )  # fmt: skip
        interval = _interval(product, crop)
        for number, (seen, level, sprayed) in enumerate(self.sprays(product, crop), start=1):
            yield PestObservation(
                event="pest_observation", id=f"{crop.id}-seen-{number}", ts=_at(pilot, seen, 7.5 + hours[2]),
                pest="rầy nâu" if product.crop == "rice" else "nấm bệnh", level=level, **same,
            )  # fmt: skip
            if sprayed is not None:
                yield Input(
                    event="input", id=f"{crop.id}-spray-{number}", ts=_at(pilot, sprayed, 15.5 + hours[3]),
                    product="Chế phẩm sinh học trừ sâu bệnh", purpose="pesticide", dose="1 l/ha",
                    pre_harvest_days=interval, **same,
                )  # fmt: skip

    def fed(self, pilot: Pilot, crop: Grown, hour: float, same: dict[str, Any]) -> Iterator[DiaryEvent]:
        """Yield a weekly entry of what the fish were fed."""
        pond = self._land.pond(1)
        last = min(crop.picked[0], len(self._land.weather.day) - 2)
        for week, day in enumerate(range(max(crop.sown, 0) + FED_EVERY, last, FED_EVERY), start=1):
            kilograms = pond.feed[day - FED_EVERY : day].sum() * pond.depth * 1e4 * pond.alive(day - 1)
            yield Input(
                event="input", id=f"{crop.id}-feed-{week}", ts=_at(pilot, day, 17 + hour),
                product="Thức ăn viên nổi (giả định)", purpose="feed",
                dose=f"{texts.number(kilograms, 'vi', 0)} kg/ha, {FED_EVERY} ngày", **same,
            )  # fmt: skip

    def sprays(self, product: Product, crop: Grown) -> Iterator[tuple[int, Any, int | None]]:
        """Yield the day of each observation, its level, and the day of the spray, if any."""
        seen = self._bad_days(product.crop, crop)
        careless = _draws(self._seed, self._community, f"{crop.id} care", 16)
        last = -APART
        for number, day in enumerate(seen):
            sprayed = day + SPRAYED_AFTER
            if sprayed - last >= APART:
                last = sprayed
                soon = self._picked_soon(product, sprayed, _interval(product, crop))
                yield day, "high", None if soon and careless[number % 16] >= CARELESS else sprayed
        half = crop.sown + (crop.picked[0] - crop.sown) // 2
        if crop.picked[0] - crop.sown > APART and (not seen or seen[0] > half >= 0):
            yield half, "low", None

    def _picked_soon(self, product: Product, day: int, interval: int) -> bool:
        """Return whether anything on the plot is picked within `interval` days."""
        near = crops(self._seed, self._community, product, day, day + interval + 1)
        return any(day <= picked <= day + interval for crop in near for picked in crop.picked)

    def _bad_days(self, name: str, crop: Grown) -> list[int]:
        """Return the days on which it is bad: the trap after its peak, or the end of a wet spell."""
        first, last = max(crop.sown, 0) + 10, min(crop.picked[-1], len(self._land.weather.day) - 3)
        if name == "rice":
            nights = self._land.pests.nights
            return [
                day
                for day in range(first, last)
                if nights[day - 1] > OUTBREAK and nights[day - 1] >= nights[day - 4 : day + 3].max()
            ]
        wet = self._land.weather.rain > 2
        return [day for day in range(first, last) if wet[day - WET_SPELL : day].all() and not wet[day]]

    def watered(self, pilot: Pilot, product: Product, low: int, stop: int) -> Iterator[DiaryEvent]:
        """Yield the runs of the plot's pump."""
        if product.crop in FED | PROCESSED:
            return
        for start, end, _ in self._land.soil(1).pumped(low - DAY_MS, stop):
            minutes = round((end - start) / MINUTE_MS / 5) * 5
            day = (start - ANCHOR) // DAY_MS
            if minutes > 0 and _draws(self._seed, self._community, f"water {start}", 1)[0] >= FORGOTTEN:
                yield Irrigation(
                    event="irrigation", id=f"water-{day}-{start // MINUTE_MS % 1440}",
                    ts=moment_of(end, pilot.zone), plot=self._plot, crop=product.crop, minutes=minutes,
                )  # fmt: skip

    def yield_share(self, crop: Grown, day: int) -> float:
        """Return the share of the full yield that a crop gives after its conditions up to `day`."""
        land, first = self._land, max(crop.sown, 0)
        if not first < day < len(land.weather.day):
            return 1.0
        if crop.id.startswith(tuple(FED)):
            return land.pond(1).alive(day - 1)
        thirst = 1 - float(land.soil(1).fulfilled[first:day].mean())
        noons = Moment(ANCHOR + np.arange(first, day) * DAY_MS + 12 * HOUR_MS)
        salt = max(float(land.water.conductivity(noons).mean()) - SALT_OVER, 0)
        hoppers = 0
        if crop.id.startswith("rice"):
            hoppers = int((land.pests.nights[first:day] > HOPPERS).sum())
        return max(0.4, (1 - SENSITIVITY * thirst) * (1 - BY_SALT * salt) * (1 - BY_NIGHT * hoppers))
