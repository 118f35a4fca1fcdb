"""Targets are met on plan and on time, and missed when late; the share is a share of something."""

from datetime import date

import pytest

from devices.pilots.pilot import Pilot, load
from devices.pilots.scenario import Variant
from sim.rollout import adoption, producers, rolled_out

PILOT = load("dong-thap")
SEEDS = range(1, 9)


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
@pytest.mark.parametrize("variant", ["plan", "on-time", "late"])
def test_adoption_follows_the_targets(variant: Variant, seed: int) -> None:
    days = adoption(PILOT, variant, seed)
    assert len(days) == len(PILOT.producers) == 400

    def share(year: int) -> float:
        return sum(day <= date(year, 12, 31) for day in days.values()) / len(days)

    if variant == "late":
        assert share(2025) < 0.15 and share(2030) < 0.5
    else:
        assert 0.15 <= share(2025) <= 0.20
        assert 0.5 < share(2030) <= 0.6
    assert share(2021) < 0.1


def test_variants_keep_who_there_is_and_seeds_differ() -> None:
    for variant in ("plan", "on-time", "late"):
        pilot = rolled_out(PILOT, variant, 1)
        assert set(pilot.place) == set(PILOT.place) and set(pilot.fleet) == set(PILOT.fleet)
        assert rolled_out(PILOT, variant, 1) == pilot
        assert all(pilot.place[one.id].joined == one.joined for one in pilot.communities)
    assert adoption(PILOT, "plan", 1) != adoption(PILOT, "plan", 2)
    begins = {one.id: one.joined for one in producers(PILOT, "late", 1)}
    assert begins == adoption(PILOT, "late", 1)
