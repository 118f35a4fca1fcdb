"""Simulated diaries are such as the rules allow, and the same however they are cut."""

from datetime import UTC, datetime

import pytest

from devices.clock import DAY_MS
from devices.contract.diary import Harvest, Input, decode_diary, encode_diary
from devices.pilots.pilot import Pilot, load
from devices.pilots.places import Community
from sim.season import PROCESSED, diary

START = int(datetime(2026, 8, 1, tzinfo=UTC).timestamp() * 1000)
STOP = START + 90 * DAY_MS
PILOT = load("dong-thap")
JOINED = [c for c in PILOT.communities if c.joined < datetime(2026, 8, 1, tzinfo=UTC).date()]


@pytest.fixture(scope="module")
def pilot() -> Pilot:
    return PILOT


@pytest.mark.parametrize("community", JOINED, ids=lambda c: c.id)
def test_diary(community: Community, pilot: Pilot) -> None:
    events = diary(1, pilot, community, START, STOP)
    harvests = [event for event in events if isinstance(event, Harvest)]
    product = community.products[0]
    assert abs(len(harvests) - 90 / product.every_days) <= 1.5
    assert len({event.id for event in events}) == len(events)
    for event in events:
        assert decode_diary(encode_diary(event)) == event
    for harvest in harvests:
        assert harvest.quantity_kg <= product.yield_kg_ha * community.area_ha
        for event in events:
            if isinstance(event, Input) and event.ts < harvest.ts:
                days = (harvest.ts - event.ts).total_seconds() / 86400
                assert days >= event.pre_harvest_days, "the simulator's own farmers keep the interval"
    if product.crop in PROCESSED:
        assert not [event for event in events if isinstance(event, Input)]


def test_cut_in_pieces_is_the_same(pilot: Pilot) -> None:
    community = JOINED[0]
    whole = diary(1, pilot, community, START, STOP)
    pieces = [
        e for d in range(90) for e in diary(1, pilot, community, START + d * DAY_MS, START + (d + 1) * DAY_MS)
    ]
    assert pieces == whole


def test_nothing_before_joining(pilot: Pilot) -> None:
    later = next(c for c in pilot.communities if c.joined.year >= 2028)
    assert diary(1, pilot, later, START, STOP) == []
