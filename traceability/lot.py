"""From a harvest to a lot: its code, what belongs to it, and why it may be refused."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from devices.certificates import PlantingArea
from devices.diary import DiaryEvent, Harvest, Input
from devices.pilot import Community, Product


def code(secret: bytes, community: Community, origin: str, at: datetime) -> str:
    """The lot's code, such as `TQ261121-7K3MQ2XW`: same `origin` (its harvest's id) at the same time, same
    code; nobody else can guess it.
    """
    initials = "".join(part[0] for part in community.id.split("-"))[:4].upper()
    digest = hmac.new(secret, f"{community.id}/{origin}".encode(), hashlib.sha256).digest()
    tail = base64.b32encode(digest[:5]).decode()
    return f"{initials}{at:%y%m%d}-{tail}"


def refusal(
    community: Community,
    product: Product,
    harvest: Harvest,
    events: Sequence[DiaryEvent],
    area: PlantingArea | None,
    under_code_kg: float,
    zone: tzinfo,
) -> str:
    """Why this harvest may not become a lot, as a key of the catalogue `lot.*`; "" if it may.

    `events` are the plot's diary since the harvest before. One harvest of a plot cannot weigh more than its
    area times the most a hectare gives. `area` is what the pilot knows of the harvest's planting-area code,
    and `under_code_kg` what was sealed under it in the same calendar year.
    """
    for event in events:
        if isinstance(event, Input) and event.pre_harvest_days:
            allowed = event.ts + timedelta(days=event.pre_harvest_days)
            if event.ts <= harvest.ts < allowed:
                return "pre_harvest_interval"
    if harvest.quantity_kg > product.yield_kg_ha * community.area_ha:
        return "yield_cap"
    if harvest.area_code is not None:
        if area is None or (area.community, area.crop) != (community.id, product.crop):
            return "foreign_code"
        if not area.valid(harvest.ts.astimezone(zone).date()):
            return "expired_code"
        if under_code_kg + harvest.quantity_kg > area.yield_kg:
            return "code_yield_cap"
    return ""
