"""A harvest's lot: its code, the place of its record, and the reasons for which it may be refused."""

import base64
import hashlib
import hmac
from datetime import date, datetime, tzinfo
from pathlib import Path

from devices.clock import DAY_MS, epoch_ms, midnight_of
from devices.contract.diary import Harvest
from devices.pilots.bounds import local
from devices.pilots.certificates import PlantingArea
from devices.pilots.places import FIRST, Community, Product
from traceability.diary.season import Basis, forbidding, heaviest
from traceability.digital_link import LotKey
from traceability.records.story import ROUNDING


def key(
    records: Path, gtin: str, secret: bytes, community: Community, origin: str, at: datetime, zone: tzinfo
) -> LotKey:
    """The lot's key. The same `origin` (the harvest's id) and time always give the same key.

    Earlier versions put the day of the entry's own time zone into the code; if there is a record under that
    key below the folder `records`, the lot keeps it.
    """
    earlier = LotKey(gtin, _code(secret, community, origin, at))
    if record_file(records, earlier).exists():
        return earlier
    return LotKey(gtin, _code(secret, community, origin, local(at, zone)))


def record_file(records: Path, key: LotKey) -> Path:
    """The file of a lot's record below the folder `records`."""
    return records / key.gtin / f"{key.lot}.json"


def _code(secret: bytes, community: Community, origin: str, at: datetime) -> str:
    """The lot's code, such as `TQ261121-7K3MQ2XW`; it cannot be guessed without the secret."""
    initials = "".join(part[0] for part in community.id.split("-") if part)[:4].upper()
    digest = hmac.new(secret, f"{community.id}/{origin}".encode(), hashlib.sha256).digest()
    tail = base64.b32encode(digest[:5]).decode()
    return f"{initials}{at:%y%m%d}-{tail}"


def datable(harvest: Harvest, zone: tzinfo, last: date) -> bool:
    """Whether the harvest's day is possible: from 2000 to `last`, both included."""
    return midnight_of(FIRST, zone) <= epoch_ms(harvest.ts) < midnight_of(last, zone) + DAY_MS


def refusal(
    community: Community,
    product: Product,
    harvest: Harvest,
    rests: Basis,
    area: PlantingArea | None,
    zone: tzinfo,
) -> str:
    """Why this harvest may not become a lot, as a key of the catalogue `lot.*`; "" if it may.

    `rests` is what the diary says about it, `area` what the pilot knows of its planting-area code. In one
    season a plot cannot yield more than its hectares times the highest yield of one hectare, and all plots
    together not more than the community's hectares allow.
    """
    if harvest.plot not in community.hectares:
        return "unknown_plot"
    if forbidding(rests.holding, harvest) is not None:
        return "pre_harvest_interval"
    crop = [one for one in rests.picked if one.crop == product.crop]
    plot = [one for one in crop if one.plot == harvest.plot]
    for picked, hectares in ((plot, community.hectares[harvest.plot]), (crop, community.area_ha)):
        if heaviest(picked, harvest, product.season_days) > product.yield_kg_ha * hectares + ROUNDING:
            return "yield_cap"
    if harvest.area_code is not None:
        day = harvest.ts.astimezone(zone).date()
        if area is None or (area.community, area.crop) != (community.id, product.crop):
            return "foreign_code"
        if not area.valid(day):
            return "expired_code"
        first, after = (midnight_of(date(year, 1, 1), zone) for year in (day.year, day.year + 1))
        under_code = sum(
            one.kilograms for one in rests.picked
            if one.area_code == harvest.area_code and first <= one.time < after
        )  # fmt: skip
        if under_code + harvest.quantity_kg > area.yield_kg + ROUNDING:
            return "code_yield_cap"
    return ""
