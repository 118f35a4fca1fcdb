"""Planthoppers peak about once a month and in the crops' seasons."""

from datetime import UTC, datetime

import numpy as np
import pytest

from devices.clock import DAY_MS, HOUR_MS
from devices.pilots.pilot import load
from sim.physics.world import World

FIRST = int(datetime(2021, 1, 1, tzinfo=UTC).timestamp() * 1000) - 7 * HOUR_MS
NOONS = FIRST + np.arange(1, 5 * 365 + 1, dtype=np.int64) * DAY_MS + 12 * HOUR_MS


@pytest.fixture(scope="module", params=(1, 2))
def world(request):
    return World(request.param, load("dong-thap"))


def test_the_low_season_is_2_to_81_a_night(world):
    nights = world.signal("tan-binh", 1, "pest_count", NOONS, 86_400)
    quiet = nights[(np.arange(len(nights)) % 365 > 270) & (np.arange(len(nights)) % 365 < 320)]
    low, high = np.quantile(quiet, (0.1, 0.95))
    assert low >= 2  # FACTS
    assert high <= 81


def test_peaks_come_about_once_a_month(world):
    nights = world.signal("tan-binh", 1, "pest_count", NOONS, 86_400)
    year = np.log1p(nights[:365][:90])
    power = np.abs(np.fft.rfft(year - year.mean(), 3600))
    period = 3600 / (np.argmax(power[60:]) + 60)  # shorter than two months
    assert 25 <= period <= 36
    assert nights.max() > 20 * np.median(nights)


def test_counts_are_whole_come_by_night_and_add_up(world):
    times = FIRST + np.arange(1, 60 * 144 + 1, dtype=np.int64) * 600_000
    counts = world.signal("tan-binh", 1, "pest_count", times, 600)
    assert (counts == np.round(counts)).all()
    daily = counts.reshape(-1, 144)
    assert daily[:, : 18 * 6].sum() == 0
    days = world.signal("tan-binh", 1, "pest_count", times[143::144], 86_400)
    np.testing.assert_array_equal(daily.sum(axis=1), days)


def test_nights_are_over_dispersed(world):
    nights = world.signal("tan-binh", 1, "pest_count", NOONS, 86_400)
    quiet = nights[np.arange(len(nights)) % 365 > 270]
    assert quiet.var() > 3 * quiet.mean()  # Poisson: equal
