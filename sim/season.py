"""Farm diaries: what a community's secretary would write down, from one harvest to the next.

A function of seed, community and time, like everything here. Assumption: the shape of a cycle
(inputs at a fifth and two fifths of it, a pre-harvest interval that ends before the harvest, three
irrigations, one look for pests) and the share of the yield cap that a season's harvests come to.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from devices.clock import midnight_of
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

ANCHOR = datetime(2020, 1, 1, tzinfo=UTC)
ANNUAL = frozenset({"rice", "flowers", "lotus"})  # planted anew for every harvest
PROCESSED = frozenset({"rice-flour"})  # made, not grown
PACKAGE_KG = 5
SHARE = 0.4, 0.9  # of the yield cap, in a season


def diary(seed: int, pilot: Pilot, community: Community, start: int, stop: int) -> list[DiaryEvent]:
    """Events of a community in [start, stop) epoch ms, in order of time. An organisation without sensors
    stands for the rest of the province: of it only the harvests are written down.
    """
    since = midnight_of(community.joined, pilot.zone)
    low, high = max(start, since) / 1000, stop / 1000
    events = []
    for product in community.products:
        length = product.every_days
        first = int((low - ANCHOR.timestamp()) // 86400 // length)
        last = int((high - ANCHOR.timestamp()) // 86400 // length) + 1
        for cycle in range(first - 1, last + 1):
            events += [
                e for e in _cycle(seed, pilot, community, product, cycle) if low <= e.ts.timestamp() < high
            ]
    if not community.fleet:
        events = [event for event in events if isinstance(event, Harvest)]
    return sorted(events, key=lambda event: (event.ts, event.id))


def _cycle(
    seed: int, pilot: Pilot, community: Community, product: Product, cycle: int
) -> Iterator[DiaryEvent]:
    label = f"{seed}/{community.id}/{product.crop}/{cycle}"
    key = np.frombuffer(hashlib.sha256(label.encode()).digest()[:16], dtype=np.uint64)
    stream = np.random.Generator(np.random.Philox(key=key))
    days = product.every_days
    spread = int.from_bytes(hashlib.sha256(community.id.encode()).digest()[:2], "big") % days
    begin = ANCHOR.astimezone(pilot.zone) + timedelta(days=cycle * days + spread)
    plot, hectares = next(iter(community.hectares.items()))
    pickings = (product.season_days - 1) // days + 1  # of one season, at most
    share = float(stream.uniform(*SHARE)) / pickings
    quantity = round(product.yield_kg_ha * hectares * share, 0) or 1.0
    hours = stream.uniform(-1.0, 1.0, 12).tolist()

    def at(share: float, hour: float) -> datetime:
        moment = begin + timedelta(days=int(share * (days - 1)))
        return moment.replace(hour=int(hour), minute=int(hour % 1 * 60), second=0, microsecond=0)

    def common(name: str, when: datetime) -> dict[str, object]:
        return {"id": f"{product.crop}-{cycle}-{name}", "ts": when, "plot": plot, "crop": product.crop}

    def make(kind: type, name: str, when: datetime, **fields: object) -> DiaryEvent:
        event: DiaryEvent = kind(event=name.rsplit("-", 1)[0] if name[-1].isdigit() else name,
                                 **common(name.replace("_", "-"), when), **fields)  # fmt: skip
        return event

    if product.crop not in PROCESSED:
        if product.crop in ANNUAL:
            yield make(Planting, "planting", at(0, 7 + hours[0]), seed=f"giống {product.name.vi}",
                       area_ha=community.area_ha)  # fmt: skip
        yield make(Input, "input-1", at(0.2, 8 + hours[1]), product="Phân hữu cơ vi sinh",
                   purpose="fertiliser", dose="500 kg/ha")  # fmt: skip
        wait = max(0, int(0.5 * (days - 1)))
        yield make(Input, "input-2", at(0.4, 8 + hours[2]), product="Chế phẩm sinh học trừ sâu",
                   purpose="pesticide", dose="1 l/ha", pre_harvest_days=min(3, wait))  # fmt: skip
        for number, share in enumerate((0.1, 0.5, 0.8), start=1):
            minutes = float(30 + round(30 * stream.random()))
            yield make(Irrigation, f"irrigation-{number}", at(share, 6 + hours[2 + number]), minutes=minutes)
        yield make(PestObservation, "pest_observation", at(0.6, 9 + hours[6]), pest="sâu hại chung",
                   level="low")  # fmt: skip
    cut = at(1, 10 + hours[7])
    area = pilot.records.area_of(community.id, product.crop, cut.date())
    code = area.code if area is not None else None
    yield make(Harvest, "harvest", cut, quantity_kg=quantity, area_code=code)
    packages = max(1, int(quantity // PACKAGE_KG))
    yield make(Packing, "packing", at(1, 14 + hours[8]), quantity_kg=quantity, packages=packages)
    yield make(
        Shipping, "shipping", at(1, 17 + hours[9]), quantity_kg=quantity, buyer="Thương lái (giả định)"
    )
