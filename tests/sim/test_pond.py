"""Pond oxygen is lowest before dawn, follows yesterday's sun and calls the aerator."""

from datetime import UTC, datetime

import numpy as np
import pytest

from devices.pilot import load
from sim.weather import HOUR
from sim.world import World

FIRST = int(datetime(2021, 1, 1, tzinfo=UTC).timestamp() * 1000) - 7 * HOUR
TIMES = FIRST + np.arange(730 * 144, dtype=np.int64) * 600_000


@pytest.fixture(scope="module", params=(1, 2))
def pond(request):
    world = World(request.param, load("dong-thap"))
    return lambda name: world.signal("ca-tra-hong-ngu", 1, name, TIMES, 600).reshape(-1, 144)


def test_oxygen_is_lowest_before_dawn(pond):
    noon_to_noon = pond("dissolved_oxygen").ravel()[72:-72].reshape(-1, 144)
    hour = noon_to_noon.argmin(axis=1) / 6 + 12 - 24
    assert np.mean((hour >= 5) & (hour <= 6)) > 0.99  # an aerator may turn a rare night round
    course = pond("dissolved_oxygen").mean(axis=0)
    assert course.argmin() == 33  # 5:30
    assert 14 * 6 <= course.argmax() <= 17 * 6


def test_oxygen_is_what_pangasius_is_kept_at(pond):
    oxygen = pond("dissolved_oxygen")
    assert np.quantile(oxygen, 0.05) >= 3  # FACTS: 3-6.5 mg/L
    assert oxygen.mean() <= 6.5
    assert oxygen.min() >= 1


def test_a_cloudy_day_leaves_less_oxygen_in_the_morning(pond):
    light = pond("solar_radiation").sum(axis=1)[:-1]
    unaided = pond("aerator_state").any(axis=1)[1:] == 0
    dawn = pond("dissolved_oxygen").min(axis=1)[1:]
    assert np.corrcoef(light[unaided], dawn[unaided])[0, 1] > 0.3


def test_the_aerator_runs_at_night_only_and_rarely_when_sunny(pond):
    running = pond("aerator_state")
    assert set(np.unique(running)) == {0.0, 1.0}
    hours = np.flatnonzero(running.any(axis=0)) / 6
    assert ((hours < 7) | (hours >= 22)).all()
    assert 0.02 < running[:, 18].mean() < 0.6  # 3 h
    assert (pond("dissolved_oxygen")[running[:, 18] == 1].min(axis=1) > 2.5).all()  # mg/L


def test_ammonia_is_mostly_harmless(pond):
    ammonia = pond("ammonia")
    assert np.median(ammonia) < 0.03  # mg/L, FACTS: good
    assert ammonia.max() < 0.2
    assert ammonia[:, 90].mean() > ammonia[:, 24].mean()  # warmer and less acid by day
