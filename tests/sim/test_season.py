"""Simulated diaries keep the rules, follow their plot, and are the same however they are cut.

test_crops.py compares inputs and yields of crops over thirty seeds.
"""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from devices.clock import DAY_MS, epoch_ms, moment_of
from devices.contract.diary import (
    Harvest,
    Input,
    Irrigation,
    Planting,
    decode_diary,
    encode_diary,
)
from devices.pilots.calendar import tet
from devices.pilots.certificates import Records
from devices.pilots.pilot import Pilot, load
from devices.pilots.places import Community
from sim.physics.actions import Action, Actions
from sim.physics.growing import FED, PROCESSED
from sim.physics.moment import ANCHOR
from sim.physics.world import World
from sim.season import CARELESS, FIRST_DAY, diary, early

START = int(datetime(2026, 8, 1, tzinfo=UTC).timestamp() * 1000)
STOP = START + 90 * DAY_MS
DECADE = int(datetime(2021, 1, 1, tzinfo=UTC).timestamp() * 1000)
DECADE_STOP = int(datetime(2031, 1, 1, tzinfo=UTC).timestamp() * 1000)
PILOT = load("dong-thap")
JOINED = [c for c in PILOT.communities if c.joined < datetime(2026, 8, 1, tzinfo=UTC).date()]
FROM_THE_FIRST = [c.model_copy(update={"joined": date(2020, 1, 1)}) for c in PILOT.communities]
PUMPED = [
    c for c in FROM_THE_FIRST if "pump-controller" in c.fleet and c.products[0].crop not in PROCESSED | FED
]
RICE = [c for c in FROM_THE_FIRST if c.products[0].crop == "rice" and "Tiền Giang" not in c.commune_old]


@pytest.fixture(scope="module")
def pilot() -> Pilot:
    return PILOT


@pytest.fixture(scope="module")
def world() -> World:
    return World(1, PILOT)


@pytest.fixture(scope="module")
def decade(world: World):
    """A function from community to its diary of 2021 to 2030."""
    known = {}

    def of(community: Community):
        if community.id not in known:
            known[community.id] = diary(1, PILOT, community, DECADE, DECADE_STOP, world)
        return known[community.id]

    return of


def days(events, kind, **fields):
    """The days since the anchor of the events of a kind."""
    chosen = (e for e in events if isinstance(e, kind) and fields.items() <= dict(e).items())
    return [(event.ts.date() - FIRST_DAY).days for event in chosen]


@pytest.mark.parametrize("community", JOINED, ids=lambda c: c.id)
def test_diary(community: Community, pilot: Pilot, world: World) -> None:
    events = diary(1, pilot, community, START, STOP, world)
    assert len({event.id for event in events}) == len(events)
    for event in events:
        assert decode_diary(encode_diary(event)) == event
    product = community.products[0]
    for harvest in (event for event in events if isinstance(event, Harvest)):
        assert harvest.quantity_kg <= product.yield_kg_ha * community.area_ha
    if product.crop in PROCESSED:
        assert not [event for event in events if isinstance(event, Input)]


def test_cut_in_pieces_is_the_same(pilot: Pilot, world: World) -> None:
    for community in (JOINED[0], RICE[0]):
        whole = diary(1, pilot, community, START, STOP, world)
        fresh = World(1, pilot)
        pieces = [
            e
            for d in range(90)
            for e in diary(1, pilot, community, START + d * DAY_MS, START + (d + 1) * DAY_MS, fresh)
        ]
        assert pieces == whole
        assert whole


def test_nothing_before_joining(pilot: Pilot) -> None:
    later = next(c for c in pilot.communities if c.joined.year >= 2028)
    assert diary(1, pilot, later, START, STOP) == []


def test_an_organisation_without_sensors_writes_its_harvests_alone(pilot: Pilot) -> None:
    other = next(one for one in pilot.producers.values() if not one.fleet)
    events = diary(1, pilot, other, START, START + 365 * DAY_MS)
    assert {type(event) for event in events} == {Harvest}
    assert 5 <= len(events) <= 7  # six harvests a year


def test_rice_is_sown_after_the_flood_and_the_hoppers(world: World, decade) -> None:
    community = RICE[0]
    land = world.land(community.id, DECADE_STOP)
    sown = [d for d in days(decade(community), Planting) if (FIRST_DAY + timedelta(days=d)).month in (11, 12)]
    assert np.mean(land.water.flood[sown]) < 0.5
    nights = land.pests.nights
    after = [nights[day - 9 : day + 1].max() > 3 * np.median(nights[day - 30 : day]) for day in sown]
    assert np.mean(after) > 0.6  # chance: a third


def test_flowers_are_sown_about_the_middle_of_the_eighth_lunar_month(decade) -> None:
    community = next(c for c in FROM_THE_FIRST if c.products[0].crop == "flowers")
    sown = [FIRST_DAY + timedelta(days=day) for day in days(decade(community), Planting)]
    assert sown
    for day in sown:  # FACTS: 133 days before Tết
        assert 128 <= (tet(day.year + 1) - day).days <= 143


@pytest.mark.parametrize("community", PUMPED, ids=lambda c: c.id)
def test_irrigation_is_what_the_pump_did(community: Community, world: World, decade) -> None:
    events = decade(community)
    watered = set(days(events, Irrigation))
    times = DECADE + np.arange(3650 * 24 * 6) * 600_000
    state = world.signal(community.id, 1, "pump_state", times, 600)
    ran = set(((times[state > 0] - ANCHOR) // DAY_MS).tolist())
    assert len(watered & ran) / len(watered) > 0.9
    assert len(watered & ran) / len(ran) > 0.9


def test_a_pump_that_was_told_is_written_down(pilot: Pilot) -> None:
    start = ANCHOR + 2400 * DAY_MS + 14 * 3_600_000
    told = World(1, pilot, Actions([Action("tam-que", 1, "pump", 1, start, start + 1_800_000)]))
    events = diary(1, pilot, JOINED[2], start - DAY_MS, start + DAY_MS, told)
    assert 30 in [event.minutes for event in events if isinstance(event, Irrigation)]


def test_fertiliser_raises_what_the_soil_has(world: World, decade) -> None:
    community = FROM_THE_FIRST[0]
    midnights = ANCHOR + np.arange(366, 3990) * DAY_MS
    nitrogen = world.signal(community.id, 1, "soil_nitrogen", midnights, 86_400)
    spread = [day - 366 for day in days(decade(community), Input, purpose="fertiliser")]
    for at in (at for at in spread if at + 2 < len(nitrogen)):
        assert nitrogen[at + 2] > nitrogen[at]


def test_few_harvests_lie_within_an_interval(decade) -> None:
    refused, told = Counter(), []
    for community in FROM_THE_FIRST:
        events = decade(community)
        inputs = [event for event in events if isinstance(event, Input) and event.pre_harvest_days]
        for harvest in (event for event in events if isinstance(event, Harvest)):
            waited = [(harvest.ts - e.ts).total_seconds() / 86_400 - e.pre_harvest_days for e in inputs
                      if e.ts < harvest.ts]  # fmt: skip
            refused[min(waited, default=0) < 0] += 1
        told += [cut.id for _, cut in early(events)]
    assert 0 < refused[True] <= max(1, CARELESS * refused.total())
    assert len(set(told)) == refused[True]  # the ground truth contains them all


def test_yield_follows_salt(pilot: Pilot) -> None:
    """The same farm nearer to the sea, where a sluice stands open."""
    inland = RICE[0]
    near = inland.model_copy(update={"lat": 10.35, "lon": 106.55})
    coast = pilot.changed(communities=(near,), villages=(), records=Records(), alarms=None, advice={})
    years = DECADE, DECADE_STOP
    kilograms = [
        sum(e.quantity_kg for e in diary(1, pilot, inland, *years, World(1, where)) if isinstance(e, Harvest))
        for where in (pilot, coast)
    ]
    assert kilograms[1] < 0.95 * kilograms[0]


def test_events_are_within_the_time_that_was_asked_for(pilot: Pilot, world: World) -> None:
    for event in diary(1, pilot, JOINED[0], START, STOP, world):
        assert START <= epoch_ms(event.ts) < STOP
        assert event.ts.tzinfo is not None
        assert moment_of(epoch_ms(event.ts), pilot.zone) == event.ts
