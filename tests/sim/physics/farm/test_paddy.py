"""A paddy is flooded, dries and is flooded again, and is dry at the cut; its water balance holds."""

import numpy as np
import pytest

from devices.clock import DAY_MS, HOUR_MS
from devices.pilots.pilot import load
from sim.physics.actions import Action
from sim.physics.farm.paddy import BUND, FLOODED, TUBE, paddy
from sim.physics.farm.soil import Soil
from sim.physics.growing import crops
from sim.physics.moment import ANCHOR, Moment
from sim.physics.weather import Weather
from sim.physics.world import World

PILOT = load("dong-thap")
RICE = next(one for one in PILOT.communities if one.id == "tan-binh")
DAYS = 5 * 365
MORNINGS = Moment(ANCHOR + np.arange(DAYS) * DAY_MS + 4 * HOUR_MS)  # before pumps start


def grown(seed):
    return list(crops(seed, RICE, RICE.products[0], 0, DAYS))


def field(seed, actions=()):
    weather = Weather(seed, RICE.id, RICE.lat, RICE.lon, DAYS + 12)
    return Soil(weather, "rice", 1, actions, None, paddy(grown(seed), len(weather.day)))


@pytest.fixture(scope="module")
def seasons():
    """For each crop of thirty seeds: (month of sowing, rain, irrigation, days of pumping, water of each
    morning from the day of sowing on).
    """
    found = []
    for seed in range(1, 31):
        soil = field(seed)
        rain, stands = soil._weather.rain, soil.standing(MORNINGS)
        for crop in grown(seed):
            if crop.sown > 5 and crop.picked[0] < DAYS:
                prepared = slice(crop.sown - 5, crop.picked[0])
                month = (np.datetime64("2020-01-01") + crop.sown).astype("datetime64[M]").astype(int) % 12 + 1
                given = soil.irrigation[prepared]
                water = stands[crop.sown : crop.picked[0]]
                found.append((month, rain[prepared].sum(), given.sum(), (given > 0).sum(), water))
    return found


def test_water_stands_and_falls_by_turns(seasons):
    """Most of the time water stands. Two to seven times in a dry season's crop it falls to the tube's mark,
    and the pump follows soon after, unless it was forgotten.
    """
    dry = [water for month, *_, water in seasons if month >= 11]
    assert len(dry) >= 100
    middle = [water[10:-13] for water in dry]
    assert 0.5 < np.mean([np.mean(water > 0) for water in middle]) < 0.9
    turns = [np.sum((water[:-1] >= TUBE) & (water[1:] < TUBE)) for water in middle]
    assert 2 <= np.mean(turns) <= 7
    assert np.mean(np.concatenate(middle) < 1.6 * TUBE) < 0.08  # forgotten pumps
    highest = max(water.max() for *_, water in seasons)
    assert FLOODED < highest <= BUND + 1e-9


def test_rice_flowers_in_water_and_is_cut_on_dry_ground(seasons):
    bloom = [water[round(0.6 * len(water)) : round(0.74 * len(water))] for *_, water in seasons]
    assert np.mean(np.concatenate(bloom) > 0) > 0.9
    last = np.concatenate([water[-10:] for *_, water in seasons])
    assert np.mean(last < 1) > 0.97  # no water stands in the days before the cut, except after a storm
    cut = [water[-1] for month, *_, water in seasons if month >= 11]
    assert np.mean(np.array(cut) < TUBE) > 0.9
    assert np.mean(np.concatenate([water[1:6] for *_, water in seasons]) < 1) > 0.95  # sown on mud


def test_a_dry_season_is_pumped_and_a_wet_one_rains(seasons):
    """Irrigation of winter-spring, summer-autumn and autumn-winter rice. Assumption: 350 to 700 mm in the dry
    season; AquaCrop's crops on this weather take 404, 180 and 59 mm without water standing on the field
    (FACTS section 5, tests/sim/physics/farm/test_rice_oracle.py), so ours take more, in the same order.
    """
    winter, summer, autumn = (
        [row for row in seasons if row[0] in months] for months in ((11, 12), (4,), (8,))
    )
    amounts = [np.mean([given for _, _, given, _, _ in rows]) for rows in (winter, summer, autumn)]
    assert amounts == sorted(amounts, reverse=True)
    assert 404 < amounts[0] < 700
    assert 180 < amounts[1] < 450
    assert 59 < amounts[2] < 200
    assert 8 <= np.mean([times for *_, times, _ in winter]) <= 16  # days of pumping
    rain, given = (np.array([row[n] for row in summer]) for n in (1, 2))
    assert np.corrcoef(rain, given)[0, 1] < -0.6


@pytest.mark.parametrize("told", [False, True])
def test_a_paddys_water_is_neither_made_nor_lost(told):
    at = ANCHOR + 400 * DAY_MS
    actions = (
        Action("here", 1, "pump", 1, at, at + 40 * HOUR_MS),
        Action("here", 1, "valve", 0.4, at + 9 * HOUR_MS, at + 30 * DAY_MS),
    )
    soil = field(3, actions if told else ())
    change = soil.irrigation + soil.soaked - soil.uptake - soil.drained
    np.testing.assert_allclose(np.diff(soil.water), change[:-1], atol=1e-9)
    assert soil.water.min() >= 0
    assert soil.irrigation.min() >= 0
    assert soil.drained.min() >= 0
    assert (soil.soaked <= soil._weather.rain + 1e-12).all()
    assert soil.water.max() <= soil._full + BUND + 1e-9


def test_a_probe_in_a_flooded_field_shows_saturated_soil():
    world = World(1, PILOT)
    times = ANCHOR + np.arange(DAYS) * DAY_MS + 4 * HOUR_MS
    soil = world.land(RICE.id, int(times[-1])).soil(1)
    moisture = world.signal(RICE.id, 1, "soil_moisture", times, 600)
    stands = soil.standing(Moment(times))
    np.testing.assert_allclose(moisture[stands > 0], 100 * soil.texture.saturation)
    assert (moisture[stands < TUBE] < moisture.max() - 1).all()
    assert moisture.min() >= 100 * soil.texture.wilting - 1e-9
