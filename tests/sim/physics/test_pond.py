"""Pond oxygen is lowest about sunrise, follows light and fish, and starts the aerator."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from devices.clock import DAY_MS, HOUR_MS
from devices.contract.diary import Harvest
from devices.pilots.pilot import load
from sim.physics.actions import Action, Actions
from sim.physics.growing import crops
from sim.physics.moment import ANCHOR, Moment
from sim.physics.pond import Pond, saturation
from sim.physics.weather import Weather
from sim.physics.world import World
from sim.season import diary

FIRST = int(datetime(2021, 1, 1, tzinfo=UTC).timestamp() * 1000) - 7 * HOUR_MS
TIMES = FIRST + np.arange(730 * 144, dtype=np.int64) * 600_000


@pytest.fixture(scope="module", params=(1, 2))
def pond(request):
    world = World(request.param, load("dong-thap"))
    return lambda name: world.signal("ca-tra-hong-ngu", 1, name, TIMES, 600, "pond-buoy").reshape(-1, 144)


def test_oxygen_is_lowest_about_sunrise(pond):
    oxygen, aided = pond("dissolved_oxygen"), pond("aerator_state")
    noon_to_noon = oxygen.ravel()[72:-72].reshape(-1, 144)
    unaided = aided.ravel()[72:-72].reshape(-1, 144).max(axis=1) == 0
    hour = noon_to_noon.argmin(axis=1)[unaided] / 6 + 12 - 24
    assert np.mean((hour >= 5) & (hour <= 8)) > 0.8  # in the other nights an aerator ran
    course = oxygen.mean(axis=0)
    assert 5 * 6 <= course.argmin() <= 7 * 6
    assert 14 * 6 <= course.argmax() <= 17 * 6


def test_oxygen_is_what_pangasius_is_kept_at(pond):
    oxygen = pond("dissolved_oxygen")
    assert np.quantile(oxygen, 0.1) >= 3  # FACTS: 3-6.5 mg/L
    assert oxygen.mean() <= 6.5
    assert oxygen.min() >= 1


def test_a_cloudy_day_leaves_less_oxygen_in_the_morning(pond):
    light, oxygen = pond("solar_radiation").sum(axis=1), pond("dissolved_oxygen")
    unaided = pond("aerator_state").any(axis=1)[1:] == 0
    made = oxygen.max(axis=1) - oxygen[:, 36]  # since 6 h
    assert np.corrcoef(light, made)[0, 1] > 0.6  # blooms and warmth do the rest
    season = np.arange(729) // 30
    lack = [np.array([x[season == s] - x[season == s].mean() for s in range(24)]).ravel()
            for x in (light[:-1], oxygen[1:, 36], unaided)]  # fmt: skip
    assert np.corrcoef(lack[0][lack[2] > 0], lack[1][lack[2] > 0])[0, 1] > 0.3


def test_the_aerator_runs_mostly_at_night(pond):
    running = pond("aerator_state")
    assert set(np.unique(running)) == {0.0, 1.0}
    hours = np.arange(144) / 6
    assert running[:, (hours < 8) | (hours >= 20)].sum() > 0.85 * running.sum()
    assert 0.2 < running.any(axis=1).mean() < 0.6  # nights: few in the fallow, most in the last months
    assert (pond("dissolved_oxygen")[running[:, 18] == 1].min(axis=1) > 1.8).all()  # mg/L


def test_ammonia_is_mostly_harmless(pond):
    ammonia = pond("ammonia")
    assert np.median(ammonia) < 0.03  # mg/L, FACTS: good
    assert ammonia.max() < 0.2
    assert ammonia[:, 90].mean() > ammonia[:, 24].mean()  # warmer and less acid by day


def test_water_is_what_pangasius_is_kept_in(pond):
    heat, acid = pond("water_temperature"), pond("water_ph")
    assert np.quantile(heat, 0.05) >= 25  # FACTS: 25-34 °C
    assert heat.max() <= 34
    low, high = np.quantile(acid, (0.02, 0.98))  # FACTS: source water 7-8; the last months are more acid
    assert low > 6.8
    assert high < 8
    oxygen = pond("dissolved_oxygen")
    assert np.corrcoef(acid.ravel(), oxygen.ravel())[0, 1] > 0.8


def test_saturation_is_that_of_the_handbook():
    # APHA Standard Methods 4500-O, table of oxygen in water under air: mg/L at 0, 10, 20, 25, 30, 35 °C
    published = [14.621, 11.288, 9.092, 8.263, 7.559, 6.949]
    np.testing.assert_allclose(saturation(np.array([0.0, 10, 20, 25, 30, 35])), published, atol=0.002)


def test_oxygen_solves_its_equation():
    """Checked hour by hour in steps of a second, from the rates that the docstrings give."""
    pond = Pond(Weather(1, "here", 10.8, 105.3, 400))
    start, oxygen = ANCHOR + 100 * DAY_MS, float(pond.oxygen(Moment(np.array([ANCHOR + 100 * DAY_MS])))[0])
    for hour in range(36):
        at = 2400 + hour
        breathed = pond._breathed[at] * oxygen / (oxygen + 0.5)
        on = float(pond.aerator(Moment(np.array([start + hour * HOUR_MS])))[0])
        for _ in range(3600):
            exchange = (pond._air[at] + 0.22 * on) * (pond._full[at] - oxygen)
            oxygen += (pond._produced[at] - breathed + exchange) / 3600
        there = pond.oxygen(Moment(np.array([start + (hour + 1) * HOUR_MS])))[0]
        assert oxygen == pytest.approx(there, abs=2e-3)


def test_ponds_of_a_place_differ_a_little():
    world = World(1, load("dong-thap"))
    one, two = (
        world.signal("ca-tra-hong-ngu", plot, "dissolved_oxygen", TIMES[:10_000], 600) for plot in (1, 2)
    )
    assert 0 < np.abs(one - two).mean() < 1
    assert np.corrcoef(one, two)[0, 1] > 0.9


SEEDS = range(1, 31)
CYCLES = next(community for community in load("dong-thap").communities if community.id == "ca-tra-hong-ngu")
JOINED = CYCLES.model_copy(update={"joined": date(2020, 1, 1)})
YEARS = 3


@pytest.fixture(scope="module")
def cycles():
    """Thirty seeds' ponds of three years: age as a share of the cycle (0 in the fallow) and daily means."""
    rows = []
    at = Moment(ANCHOR + np.arange(YEARS * 365 * 24) * HOUR_MS)
    for seed in SEEDS:
        weather = Weather(seed, CYCLES.id, CYCLES.lat, CYCLES.lon, YEARS * 365 + 2)
        grown = list(crops(seed, CYCLES, CYCLES.products[0], 0, len(weather.day)))
        pond = Pond(weather, 1, (), grown, "pangasius")
        age = np.zeros(YEARS * 365)
        for crop in grown:
            inside = np.arange(max(crop.sown, 0), min(crop.picked[-1], len(age)))
            age[inside] = np.minimum((inside - crop.sown + 1) / (crop.picked[0] - crop.sown), 1)
        oxygen, nitrogen = (of(at).reshape(-1, 24) for of in (pond.oxygen, pond.nitrogen))
        ran, flown = pond.aerator(at).reshape(-1, 24).any(axis=1), pond.pump(at).reshape(-1, 24).mean(axis=1)
        rows.append((age, oxygen.mean(axis=1), oxygen.min(axis=1), nitrogen.mean(axis=1), ran, flown))
    return np.array(rows, dtype=float).transpose(1, 0, 2)


def test_a_cycle_is_felt(cycles):
    """FACTS section 5: oxygen 3.5 to 4.5 mg/L and N-NH4 0.5 to 5 in stocked ponds (thesis, Thanh Bình)."""
    age, oxygen, lowest, nitrogen, aerated, changed = cycles
    fallow, young, old = age == 0, (age > 0) & (age < 0.25), age > 0.75
    assert oxygen[fallow].mean() > 5.2 > oxygen[(age > 0.5)].mean() > 3.5
    assert 3.5 <= oxygen[old].mean() <= 4.5
    assert nitrogen[fallow].mean() < 0.8 < nitrogen[young].mean() < nitrogen[old].mean()
    assert np.quantile(nitrogen[age > 0.1], 0.02) > 0.5
    assert 3 < np.quantile(nitrogen, 0.999) < 5
    sags = lowest < 3
    assert sags[fallow].mean() < 0.2
    assert sags[old].mean() > 0.5  # in the last months oxygen sags at night
    assert aerated[fallow].mean() < 0.2
    assert aerated[old].mean() > 0.5
    assert changed[fallow].max() == 0  # nobody changes the water of a fallow pond
    assert changed[young].mean() < changed[old].mean() == pytest.approx(0.3, abs=0.07)  # hours of a day


def test_fish_die_where_the_aerators_stand_still():
    pilot = load("dong-thap")
    crop = next(crops(1, CYCLES, CYCLES.products[0], 366, 800))
    before = ANCHOR + (crop.picked[0] - 20) * DAY_MS
    still = Action(CYCLES.id, 1, "aerator", 0, before, before + 14 * DAY_MS)
    usual, killed = World(1, pilot), World(1, pilot, Actions([still]))
    lands = [world.land(CYCLES.id, ANCHOR + 900 * DAY_MS) for world in (usual, killed)]
    day = crop.picked[0]
    assert lands[0].pond(1).alive(day) == 1
    assert lands[1].pond(1).alive(day) < 0.8
    assert lands[1].pond(2).alive(day) == 1
    assert lands[1].pond(1).alive(crop.sown + 365) == 1  # they are stocked again
    caught = [
        sum(
            e.quantity_kg
            for e in diary(1, pilot, JOINED, before, before + 60 * DAY_MS, world)
            if isinstance(e, Harvest)
        )
        for world in (usual, killed)
    ]
    assert caught[1] < 0.85 * caught[0]


def test_the_pump_of_a_pond_changes_its_water():
    pilot, start = load("dong-thap"), FIRST + 200 * DAY_MS + 14 * HOUR_MS + 420_000
    told = Action(CYCLES.id, 1, "pump", 1, start, start + DAY_MS)
    times = FIRST + np.arange(210 * 144) * 600_000
    usual, pumped = World(1, pilot), World(1, pilot, Actions([told]))
    for name in ("ammonia", "dissolved_oxygen", "pump_state", "energy"):
        one, two = (world.signal(CYCLES.id, 1, name, times, 600) for world in (usual, pumped))
        np.testing.assert_array_equal(one[times <= start], two[times <= start])
        assert not np.array_equal(one, two)
    land = pumped.land(CYCLES.id, int(times[-1]))
    after = Moment(np.array([start + DAY_MS]))
    assert (
        land.pond(1).nitrogen(after)[0]
        < 0.8 * usual.land(CYCLES.id, int(times[-1])).pond(1).nitrogen(after)[0]
    )
