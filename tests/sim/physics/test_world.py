"""The world is a function of seed, place, plot and time, and stays within the range of each signal."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.clock import DAY_MS, HOUR_MS
from devices.contract.signals import LAYERED, LAYERS, SIGNALS
from devices.pilots.pilot import load
from sim.physics.moment import ANCHOR
from sim.physics.world import World

PILOT = load("dong-thap")
PLACES = sorted(PILOT.place)
PLACE, POND, RICE, COAST = "thuan-tan", "ca-tra-hong-ngu", "tan-binh", "lua-go-cong-tay"
LAST = int(datetime(2035, 12, 31, tzinfo=UTC).timestamp() * 1000)
TEN_MINUTES = 600
REAL_ALONE = {  # the world has none of these signals
    "battery_level", "illuminance", "wind_direction", "water_volume", "rain_rate", "pm2_5", "pm10", "noise",
    *(f"{name}_{number}" for name in LAYERED for number in LAYERS),
}  # fmt: skip
PLAYED = {name: signal for name, signal in SIGNALS.items() if name not in REAL_ALONE}


def day_of(year, month, day):
    """Midnight in Vietnam, epoch ms."""
    return int(datetime(year, month, day, tzinfo=UTC).timestamp() * 1000) - 7 * HOUR_MS


def times_of(start, days, step=TEN_MINUTES):
    return start + np.arange(days * 86_400 // step) * step * 1000


MAY = times_of(day_of(2021, 5, 10), 4)


@pytest.mark.parametrize("name", PLAYED)
def test_same_seed_same_values(name):
    one = World(7, PILOT).signal(PLACE, 1, name, MAY, TEN_MINUTES)
    two = World(7, PILOT).signal(PLACE, 1, name, MAY, TEN_MINUTES)
    assert one.dtype == np.float64
    assert one.shape == MAY.shape
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("name", PLAYED)
def test_a_value_depends_on_its_own_time_alone(name):
    whole = World(7, PILOT).signal(PLACE, 2, name, MAY, TEN_MINUTES)
    order = np.random.default_rng(0).permutation(len(MAY))[:100]
    other = World(7, PILOT)
    np.testing.assert_array_equal(other.signal(PLACE, 2, name, MAY[order], TEN_MINUTES), whole[order])
    alone = [other.signal(PLACE, 2, name, MAY[i : i + 1], TEN_MINUTES)[0] for i in order[:10]]
    np.testing.assert_array_equal(alone, whole[order[:10]])


@pytest.mark.parametrize("name", PLAYED)
def test_a_later_horizon_changes_nothing_earlier(name):
    world = World(7, PILOT)
    before = world.signal(RICE, 1, name, MAY, TEN_MINUTES)
    world.signal(RICE, 1, name, MAY + 3000 * DAY_MS, TEN_MINUTES)
    np.testing.assert_array_equal(world.signal(RICE, 1, name, MAY, TEN_MINUTES), before)


@pytest.mark.parametrize("place", [POND, COAST])
def test_a_later_horizon_changes_no_earlier_pond_nor_canal(place):
    """Fish are stocked and canals gated by computed courses of years, which end at the horizon."""
    world = World(7, PILOT)
    before = {name: world.signal(place, 1, name, MAY, TEN_MINUTES, "pond-buoy") for name in PLAYED}
    world.signal(place, 1, "rainfall", MAY + 3000 * DAY_MS, TEN_MINUTES)
    for name, values in before.items():
        np.testing.assert_array_equal(world.signal(place, 1, name, MAY, TEN_MINUTES, "pond-buoy"), values)


@pytest.mark.parametrize("place", [POND, RICE, COAST])
def test_what_was_forgotten_is_computed_again_alike(place):
    times = day_of(2026, 11, 29) + np.arange(24) * HOUR_MS
    world = World(1, PILOT)

    def asked():
        return [world.signal(place, 1, name, times, TEN_MINUTES) for name in PLAYED]

    before = asked()
    world.forget()
    for one, again in zip(before, asked(), strict=True):
        np.testing.assert_array_equal(one, again)


def test_a_place_does_not_depend_on_the_others_of_its_pilot():
    alone = PILOT.model_copy(update={"villages": (), "communities": PILOT.communities[:1]})
    for name in ("air_temperature", "rainfall", "water_level"):
        np.testing.assert_array_equal(
            World(7, alone).signal(PLACE, 1, name, MAY, TEN_MINUTES),
            World(7, PILOT).signal(PLACE, 1, name, MAY, TEN_MINUTES),
        )


@pytest.mark.parametrize("name", sorted(PLAYED.keys() - {"salinity", "aerator_state"}))
def test_seeds_differ(name):
    # January to July: there is rain, irrigation, a peak of planthoppers and of fertiliser.
    times = times_of(day_of(2021, 1, 1), 200, 3600)
    one = World(1, PILOT).signal(PLACE, 1, name, times, 3600)
    assert not np.array_equal(World(2, PILOT).signal(PLACE, 1, name, times, 3600), one)


def test_plots_differ_in_soil_only():
    world = World(7, PILOT)
    one, two = (world.signal(PLACE, plot, "soil_moisture", MAY, TEN_MINUTES) for plot in (1, 2))
    assert not np.array_equal(one, two)
    one, two = (world.signal(PLACE, plot, "rainfall", MAY, TEN_MINUTES) for plot in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_answers_are_the_callers_own():
    world = World(7, PILOT)
    world.signal(PLACE, 1, "air_temperature", MAY, TEN_MINUTES)[:] = -1
    assert world.signal(PLACE, 1, "air_temperature", MAY, TEN_MINUTES).min() > 10


def test_the_times_may_be_reused_by_the_caller():
    world, times = World(7, PILOT), MAY.copy()
    first = world.signal(PLACE, 1, "air_temperature", times, TEN_MINUTES)
    times += 5 * HOUR_MS
    second = world.signal(PLACE, 1, "air_temperature", times, TEN_MINUTES)
    assert not np.array_equal(first, second)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**63),
    place=st.sampled_from(PLACES),
    plot=st.integers(0, 20),
    times=st.lists(st.integers(ANCHOR, LAST), min_size=1, max_size=50),
    interval=st.sampled_from([60, 600, 3600, 86_400, 30 * 86_400]),
)
def test_values_are_within_their_limits(seed, place, plot, times, interval):
    world = World(seed, PILOT)
    for name, signal in PLAYED.items():
        values = world.signal(place, plot, name, np.array(times), interval)
        assert np.isfinite(values).all(), name
        assert values.min() >= signal.low, name
        assert values.max() <= signal.high, name


@pytest.mark.parametrize("place", [PLACE, POND, COAST])
def test_healthy_values_change_no_faster_than_is_credible(place):
    world = World(3, PILOT)
    times = times_of(day_of(2022, 9, 1), 20, 60)
    for name, signal in PLAYED.items():
        step = np.abs(np.diff(world.signal(place, 1, name, times, 60)))
        assert step.max() <= signal.rate, name


def test_no_times_no_values():
    assert World(7, PILOT).signal(PLACE, 1, "rainfall", np.array([], dtype=np.int64), 600).size == 0


def test_what_cannot_be_asked():
    world = World(7, PILOT)
    with pytest.raises(ValueError, match="2020-01-01"):
        world.signal(PLACE, 1, "rainfall", np.array([ANCHOR - 1]), 600)
    with pytest.raises(KeyError):
        world.signal("nowhere", 1, "rainfall", MAY, 600)
    with pytest.raises(KeyError):
        world.signal(PLACE, 1, "happiness", MAY, 600)


def test_battery_is_lower_after_cloudy_days():
    world = World(5, PILOT)
    times = times_of(day_of(2021, 1, 1), 730, 3600)
    light = world.signal(PLACE, 1, "solar_radiation", times, 3600).reshape(-1, 24).sum(axis=1)
    morning = world.signal(PLACE, 1, "battery_voltage", times, 3600).reshape(-1, 24)[:, 5]
    three_days = light[:-3] + light[1:-2] + light[2:-1]
    order = np.argsort(three_days)
    cloudy, sunny = morning[3:][order[:70]], morning[3:][order[-70:]]
    assert cloudy.mean() < sunny.mean() - 0.1  # V


def test_batteries_brown_out_now_and_then():
    lowest = []
    times = times_of(day_of(2021, 1, 1), 4 * 365, 3600)
    for place in ("thuan-tan", "canh-tan", "my-dien", "lang-hoa"):
        for plot in (1, 2, 3):
            volts = World(1, PILOT).signal(place, plot, "battery_voltage", times, 3600)
            lowest += (volts.reshape(-1, 24).min(axis=1) < 3.6).tolist()  # V
    assert 0.001 < np.mean(lowest) < 0.05  # of the days of nodes


def test_a_brown_out_follows_cloudy_days():
    world = World(1, PILOT)
    times = times_of(day_of(2021, 1, 1), 4 * 365, 3600)
    light = world.signal(PLACE, 1, "solar_radiation", times, 3600).reshape(-1, 24).sum(axis=1)
    week = np.convolve(light, np.ones(7) / 7)[: len(light)]
    out = world.signal(PLACE, 1, "battery_voltage", times, 3600).reshape(-1, 24).min(axis=1) < 3.6
    assert out.any()
    dull, usual = week[out], np.median(light)
    assert np.median(dull) < 0.8 * usual
    assert (dull < usual).mean() > 0.9  # the others are filling up again


def test_brown_outs_are_of_the_dull_weeks():
    """Most are in the rains, and most of all in September and October."""
    times, months = times_of(day_of(2021, 1, 1), 10 * 365, 3600), np.zeros(12)
    for place in ("thuan-tan", "canh-tan", "my-dien", "lang-hoa"):
        for plot in (1, 2, 3):
            volts = World(2, PILOT).signal(place, plot, "battery_voltage", times, 3600)
            out = volts.reshape(-1, 24).min(axis=1) < 3.6
            months += np.bincount((np.arange(3650) % 365 // 30.42).astype(int), out, 12)
    assert months.argmax() in (8, 9)
    assert months[:4].sum() < 0.1 * months.sum()


def test_a_buoy_measures_its_pond_and_others_the_canal():
    world = World(7, PILOT)
    for name in ("water_temperature", "water_ph"):
        canal, pond, gauge = (
            world.signal(POND, 1, name, MAY, TEN_MINUTES, model=model)
            for model in (None, "pond-buoy", "canal-gauge")
        )
        np.testing.assert_array_equal(canal, gauge)
        assert not np.array_equal(canal, pond)
    one, two = (world.signal(POND, 1, "rssi", MAY, TEN_MINUTES, model) for model in (None, "pond-buoy"))
    np.testing.assert_array_equal(one, two)


def test_wireless_signal_differs_by_plot():
    world = World(5, PILOT)
    one, two = (world.signal(PLACE, plot, "rssi", MAY, TEN_MINUTES).mean() for plot in (1, 2))
    assert one != two
