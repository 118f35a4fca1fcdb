"""Targets of places are met on plan and on time, missed when late, and lost again when many stop."""

from datetime import date, timedelta
from typing import get_args

import pytest

from devices.pilots.levers import BudgetCut
from devices.pilots.pilot import Pilot, load
from devices.pilots.scenario import Variant
from sim.rollout import drop_outs, rolled_out

PILOT = load("dong-thap")
SEEDS = range(1, 9)
CUT = BudgetCut(kind="budget-cut", start=date(2027, 1, 1), stop=date(2028, 1, 1), broken=0.1)


def joined_by(pilot: Pilot, indicator: str, day: date) -> int:
    places = pilot.communities if indicator == "iot_communities" else pilot.villages
    return sum(place.joined <= day for place in places)


@pytest.mark.parametrize("variant", ["plan", "on-time"])
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("indicator", ["iot_communities", "smart_villages"])
def test_dated_targets_are_met(variant: Variant, seed: int, indicator: str) -> None:
    pilot = rolled_out(PILOT, variant, seed)
    for point in PILOT.target(indicator).points:
        assert joined_by(pilot, indicator, date(point.year, 12, 1)) >= point.at_least


@pytest.mark.parametrize("seed", SEEDS)
def test_late_misses_targets(seed: int) -> None:
    pilot = rolled_out(PILOT, "late", seed)
    assert joined_by(pilot, "iot_communities", date(2025, 12, 31)) < 7
    assert joined_by(pilot, "iot_communities", date(2030, 12, 31)) < 14


@pytest.mark.parametrize("seed", SEEDS)
def test_who_drops_out_joined_and_is_missed_in_the_end(seed: int) -> None:
    pilot = rolled_out(PILOT, "drop-out", seed)
    stops = drop_outs(pilot, "drop-out", seed)
    assert pilot == PILOT and len(stops) == round(len(PILOT.places) / 3)
    assert all(stops[place.id] > place.joined + timedelta(days=299) for place in PILOT.places
               if place.id in stops)  # fmt: skip
    there = sum(stops.get(place.id, date.max) > date(2030, 12, 31) for place in PILOT.places)
    assert there < 28  # of the 14 communities and 14 villages required
    assert drop_outs(pilot, "plan", seed) == {}


def test_a_budget_cut_puts_off_who_would_join_in_it() -> None:
    pilot = rolled_out(PILOT, "plan", 1, [CUT])
    for before, after in zip(PILOT.places, pilot.places, strict=True):
        put_off = timedelta(days=365) if before.joined.year == 2027 else timedelta()
        assert after.joined == before.joined + put_off


def test_variants_keep_who_there_is() -> None:
    for variant in get_args(Variant):
        pilot = rolled_out(PILOT, variant, 1)
        assert set(pilot.place) == set(PILOT.place) and set(pilot.fleet) == set(PILOT.fleet)
        assert rolled_out(PILOT, variant, 1) == pilot
        assert all(pilot.place[one.id].joined == one.joined for one in pilot.communities)
