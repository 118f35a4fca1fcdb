"""The balance of root-zone water holds; the water follows the rain and drives the pump."""

from datetime import UTC, datetime

import numpy as np
import pytest

from devices.clock import DAY_MS, HOUR_MS
from devices.pilots.pilot import load
from sim.physics.actions import Action
from sim.physics.farm.soil import Soil
from sim.physics.moment import ANCHOR, Moment
from sim.physics.weather import Weather
from sim.physics.world import World

PILOT = load("dong-thap")
FIRST = int(datetime(2021, 1, 1, tzinfo=UTC).timestamp() * 1000) - 7 * HOUR_MS
GARDENS = [c for c in PILOT.communities if "soil-probe" in c.fleet and c.products[0].crop != "rice"]


@pytest.fixture(scope="module")
def world():
    return World(11, PILOT)


@pytest.mark.parametrize("garden", GARDENS, ids=lambda garden: garden.id)
def test_rain_raises_soil_moisture_at_all_plots(world, garden):
    midnights = FIRST + np.arange(366, dtype=np.int64) * DAY_MS
    rain = world.signal(garden.id, 1, "rainfall", midnights, 86_400)[1:]
    dry_season = np.arange(365) < 120
    for plot in range(1, garden.fleet["soil-probe"] + 1):
        noon = world.signal(garden.id, plot, "soil_moisture", midnights[:-1] + 12 * HOUR_MS, 600)
        night = world.signal(garden.id, plot, "soil_moisture", midnights[1:], 600)
        dusk = world.signal(garden.id, plot, "soil_moisture", midnights[:-1], 600)
        wet = (rain > 10) & (dusk < np.median(dusk))  # where there is room for rain by night or by day
        assert wet.any()
        assert (night - dusk)[wet].min() > 0
        assert (night - noon)[dry_season & (rain == 0)].max() <= 0


PUMPED = tuple(
    Action(
        "here", 1, actuator, value,
        ANCHOR + day * DAY_MS + 4 * HOUR_MS, ANCHOR + day * DAY_MS + hours * HOUR_MS,
    )
    for actuator, value, day, hours in (("pump", 1, 400, 9), ("pump", 0, 420, 60), ("valve", 0.3, 440, 960),
                                        ("pump", 1, 450, 2400), ("pump", 0, 455, 7))
)  # fmt: skip


@pytest.mark.parametrize("actions", [(), PUMPED], ids=["untold", "told"])
@pytest.mark.parametrize("crop", ["rice", "mango", "flowers", "none of the table"])
def test_water_is_neither_made_nor_lost(crop, actions):
    weather = Weather(4, "here", 10.44, 105.59, 2000)
    soil = Soil(weather, crop, 1, actions)
    change = soil.irrigation + soil.soaked - soil.uptake - soil.drained
    np.testing.assert_allclose(np.diff(soil.water), change[:-1], atol=1e-9)
    assert soil.water.min() >= 0
    assert (soil.soaked <= weather.rain + 1e-12).all()
    assert soil.irrigation.min() >= 0
    top = (soil.texture.saturation - soil.texture.wilting) * 600  # mm, of the deepest roots
    assert soil.water.max() <= top + 1e-9


def test_plots_share_the_weather_and_differ_in_texture():
    weather = Weather(4, "here", 10.44, 105.59, 800)
    soils = [Soil(weather, "mango", plot) for plot in range(1, 9)]
    assert len({soil.texture for soil in soils}) == 8
    for soil in soils:  # FAO-56 Table 19, silt clay loam to clay
        assert 0.17 <= soil.texture.wilting <= 0.24
        assert 0.30 <= soil.texture.capacity <= 0.40
        np.testing.assert_array_less(0, soil.texture.saturation - soil.texture.capacity)
    at = Moment(ANCHOR + np.arange(700 * 24) * HOUR_MS)
    courses = np.array([soil.moisture(at) for soil in soils])
    assert np.corrcoef(courses)[0].min() > 0.8
    assert np.ptp(courses, axis=0).mean() > 1  # %


def test_moisture_has_no_step_at_midnight(world):
    midnights = FIRST + np.arange(1, 365, dtype=np.int64) * DAY_MS
    before = world.signal("thuan-tan", 1, "soil_moisture", midnights - 1, 600)
    after = world.signal("thuan-tan", 1, "soil_moisture", midnights, 600)
    np.testing.assert_allclose(before, after, atol=1e-4)


def test_the_pump_runs_some_mornings_when_the_soil_is_dry(world):
    times = FIRST + np.arange(365 * 1440, dtype=np.int64) * 60_000
    pump = world.signal("thuan-tan", 1, "pump_state", times, 60).reshape(-1, 1440)
    days = pump.any(axis=1)
    assert set(np.unique(pump)) == {0.0, 1.0}
    assert 5 <= days[:90].sum() <= 40  # January to March
    assert days[180:270].sum() <= 5  # July to September
    running = np.flatnonzero(pump.any(axis=0))
    assert running.min() == 5 * 60
    assert running.max() < 7 * 60
    moisture = world.signal("thuan-tan", 1, "soil_moisture", times, 60).reshape(-1, 1440)
    assert (moisture[days, 7 * 60] > moisture[days, 5 * 60]).all()
    assert moisture[days, 0].mean() < moisture[~days, 0].mean()
    valve = world.signal("thuan-tan", 1, "valve_state", times, 60).reshape(-1, 1440)
    np.testing.assert_array_equal(valve, pump)


def test_energy_never_falls_and_follows_the_pump(world):
    times = FIRST + np.arange(120 * 144, dtype=np.int64) * 600_000
    energy = world.signal("thuan-tan", 1, "energy", times, 600)
    pump = world.signal("thuan-tan", 1, "pump_state", times, 600)
    used = np.diff(energy)
    assert used.min() >= 0
    assert (used[(pump[:-1] == 1) & (pump[1:] == 1)] > 0).all()
    assert used[(pump[:-1] == 0) & (pump[1:] == 0)].max() == pytest.approx(0, abs=1e-9)
    late = world.signal("thuan-tan", 1, "energy", times + 4000 * DAY_MS, 600)
    assert late.min() > energy.max()


def test_soil_is_warmest_after_the_air(world):
    times = FIRST + np.arange(365 * 24, dtype=np.int64) * HOUR_MS
    air = world.signal("thuan-tan", 1, "air_temperature", times, 3600).reshape(-1, 24)
    soil = world.signal("thuan-tan", 1, "soil_temperature", times, 3600).reshape(-1, 24)
    assert soil.mean(axis=0).argmax() > air.mean(axis=0).argmax()
    assert np.ptp(soil, axis=1).mean() < np.ptp(air, axis=1).mean()


def test_fertiliser_shows_and_crops_suit_their_soil(world):
    times = FIRST + np.arange(365, dtype=np.int64) * DAY_MS
    for name in ("soil_nitrogen", "soil_phosphorus", "soil_potassium"):
        step = np.diff(world.signal("thuan-tan", 1, name, times, 86_400))
        assert 8 <= (step > step.std()).sum() <= 30  # a dose a month, spread over two noons
        assert (step < 0).mean() > 0.6  # between them it falls, less where the soil's store is full
    acid = world.signal("quyt-hong-lai-vung", 1, "soil_ph", times, 86_400)
    assert acid.min() >= 5.3  # citrus 5.5-6.5, FACTS
    assert acid.max() <= 6.6
    salt = world.signal("tan-binh", 1, "soil_ec", times, 86_400)
    assert salt.max() < 3.0  # dS/m, rice's guideline, FACTS
