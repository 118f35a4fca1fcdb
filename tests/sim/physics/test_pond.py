"""Pond oxygen is lowest about sunrise, follows the light and calls the aerator."""

from datetime import UTC, datetime

import numpy as np
import pytest

from devices.clock import DAY_MS, HOUR_MS
from devices.pilots.pilot import load
from sim.physics.moment import ANCHOR, Moment
from sim.physics.pond import Pond, saturation
from sim.physics.weather import Weather
from sim.physics.world import World

FIRST = int(datetime(2021, 1, 1, tzinfo=UTC).timestamp() * 1000) - 7 * HOUR_MS
TIMES = FIRST + np.arange(730 * 144, dtype=np.int64) * 600_000


@pytest.fixture(scope="module", params=(1, 2))
def pond(request):
    world = World(request.param, load("dong-thap"))
    return lambda name: world.signal("ca-tra-hong-ngu", 1, name, TIMES, 600, "pond-buoy").reshape(-1, 144)


def test_oxygen_is_lowest_about_sunrise(pond):
    noon_to_noon = pond("dissolved_oxygen").ravel()[72:-72].reshape(-1, 144)
    hour = noon_to_noon.argmin(axis=1) / 6 + 12 - 24
    assert np.mean((hour >= 5) & (hour <= 8)) > 0.8  # an aerator turns the other nights round
    course = pond("dissolved_oxygen").mean(axis=0)
    assert 6 * 6 <= course.argmin() <= 7 * 6
    assert 14 * 6 <= course.argmax() <= 17 * 6


def test_oxygen_is_what_pangasius_is_kept_at(pond):
    oxygen = pond("dissolved_oxygen")
    assert np.quantile(oxygen, 0.05) >= 3  # FACTS: 3-6.5 mg/L
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


def test_the_aerator_runs_at_night_only_and_rarely_when_sunny(pond):
    running = pond("aerator_state")
    assert set(np.unique(running)) == {0.0, 1.0}
    hours = np.flatnonzero(running.any(axis=0)) / 6
    assert ((hours < 8) | (hours >= 20)).all()
    assert 0.02 < running.any(axis=1).mean() < 0.4  # nights
    assert (pond("dissolved_oxygen")[running[:, 18] == 1].min(axis=1) > 2.2).all()  # mg/L


def test_ammonia_is_mostly_harmless(pond):
    ammonia = pond("ammonia")
    assert np.median(ammonia) < 0.03  # mg/L, FACTS: good
    assert ammonia.max() < 0.2
    assert ammonia[:, 90].mean() > ammonia[:, 24].mean()  # warmer and less acid by day


def test_water_is_what_pangasius_is_kept_in(pond):
    heat, acid = pond("water_temperature"), pond("water_ph")
    assert np.quantile(heat, 0.05) >= 25  # FACTS: 25-34 °C
    assert heat.max() <= 34
    assert np.quantile(acid, (0.02, 0.98)) == pytest.approx(7.5, abs=0.5)  # FACTS: 7-8
    oxygen = pond("dissolved_oxygen")
    assert np.corrcoef(acid.ravel(), oxygen.ravel())[0, 1] > 0.8


def test_saturation_is_that_of_the_handbook():
    # APHA Standard Methods 4500-O, table of oxygen in water under air: mg/L at 0, 10, 20, 25, 30, 35 °C
    published = [14.621, 11.288, 9.092, 8.263, 7.559, 6.949]
    np.testing.assert_allclose(saturation(np.array([0.0, 10, 20, 25, 30, 35])), published, atol=0.002)


def test_oxygen_solves_its_equation():
    """Hour by hour in steps of a second, from the rates that the docstrings give."""
    pond = Pond(Weather(1, "here", 10.8, 105.3, 400))
    start, oxygen = ANCHOR + 100 * DAY_MS, float(pond.oxygen(Moment(np.array([ANCHOR + 100 * DAY_MS])))[0])
    for hour in range(36):
        at = 2400 + hour
        breathed = pond._breathed[at] * oxygen / (oxygen + 0.5)
        on = float(pond.aerator(Moment(np.array([start + hour * HOUR_MS])))[0])
        for _ in range(3600):
            exchange = (pond._air[at] + 0.18 * on) * (pond._full[at] - oxygen)
            oxygen += (pond._made[at] - breathed + exchange) / 3600
        there = pond.oxygen(Moment(np.array([start + (hour + 1) * HOUR_MS])))[0]
        assert oxygen == pytest.approx(there, abs=2e-3)


def test_ponds_of_a_place_differ_a_little():
    world = World(1, load("dong-thap"))
    one, two = (
        world.signal("ca-tra-hong-ngu", plot, "dissolved_oxygen", TIMES[:10_000], 600) for plot in (1, 2)
    )
    assert 0 < np.abs(one - two).mean() < 1
    assert np.corrcoef(one, two)[0, 1] > 0.9
