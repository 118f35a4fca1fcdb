"""The effects of rain, cloud and heat on each other, and the random streams; climate: test_climate.py."""

from datetime import UTC, datetime
from hashlib import sha256

import numpy as np
import pytest

from devices.clock import DAY_MS, HOUR_MS, moment_of
from devices.pilots.pilot import load
from sim.physics.moment import ANCHOR, Moment, seasonal
from sim.physics.streams import carried, normal, persistent, uniform
from sim.physics.weather import Weather
from sim.physics.world import World

PILOT = load("dong-thap")
PLACE = "thuan-tan"
SEEDS = (1, 2, 3)
DATES = np.arange(np.datetime64("2021-01-01"), np.datetime64("2031-01-01"))
MONTHS = DATES.astype("datetime64[M]").astype(int) % 12
FIRST = int(datetime(2021, 1, 1, tzinfo=UTC).timestamp() * 1000) - 7 * HOUR_MS
HOURS = FIRST + np.arange(len(DATES) * 24, dtype=np.int64) * HOUR_MS + HOUR_MS  # the end of each hour


@pytest.fixture(scope="module", params=SEEDS)
def decade(request):
    """A function from signal to (days, 24) values of 2021 to 2030."""
    world = World(request.param, PILOT)
    return lambda name: world.signal(PLACE, 1, name, HOURS, 3600).reshape(-1, 24)


def test_humidity_falls_as_it_warms(decade):
    warm, moist = decade("air_temperature"), decade("relative_humidity")
    dry = decade("rainfall").sum(axis=1) == 0
    assert (moist[dry, 13] < moist[dry, 5]).all()  # 14 h and 6 h
    assert np.corrcoef(warm[dry].ravel(), moist[dry].ravel())[0, 1] < -0.5


def test_rain_lowers_radiation_that_day(decade):
    rain, light = decade("rainfall").sum(axis=1), decade("solar_radiation").sum(axis=1)
    season = (MONTHS >= 5) & (MONTHS <= 9)
    assert light[season & (rain > 5)].mean() < 0.9 * light[season & (rain == 0)].mean()


def test_rain_wets_leaves_and_dew_does(decade):
    rain, wetness = decade("rainfall"), decade("leaf_wetness")
    assert (wetness[rain > 1] == 100).all()
    assert wetness[:, 5].mean() > wetness[:, 13].mean()


def test_rain_of_an_hour_is_the_sum_of_its_minutes():
    world = World(1, PILOT)
    day = FIRST + 200 * DAY_MS
    hour = world.signal(PLACE, 1, "rainfall", day + np.arange(1, 2401) * HOUR_MS, 3600)
    minutes = world.signal(PLACE, 1, "rainfall", day + np.arange(1, 24001) * HOUR_MS // 10, 360)
    np.testing.assert_allclose(minutes.reshape(-1, 10).sum(axis=1), hour, atol=1e-9)
    assert hour.sum() > 100


def test_near_places_are_more_alike():
    days = 3650
    here = Weather(1, "a", 10.44, 105.59, days)
    near = Weather(1, "b", 10.46, 105.62, days)
    far = Weather(1, "c", 10.81, 105.34, days)

    def alike(one, other):
        return np.corrcoef(one.sun, other.sun)[0, 1], np.mean(one.wet == other.wet)

    assert min(alike(here, near)) > 0.8
    for close, distant in zip(alike(here, near), alike(here, far), strict=True):
        assert close > distant > 0.5


def test_days_are_the_same_however_many():
    few, many = Weather(1, "a", 10.44, 105.59, 400), Weather(1, "a", 10.44, 105.59, 4000)
    for name in ("rain", "wet", "sun", "mean", "range", "relative", "light", "evapotranspiration"):
        np.testing.assert_array_equal(getattr(many, name)[:400], getattr(few, name)[:400])


def test_streams():
    numbers = uniform(1, "a", np.arange(100_000))
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert numbers.mean() == pytest.approx(0.5, abs=0.005)
    assert numbers.std() == pytest.approx(12**-0.5, abs=0.005)
    assert abs(np.corrcoef(numbers[1:], numbers[:-1])[0, 1]) < 0.02
    other = uniform(1, "b", np.arange(100_000))
    assert abs(np.corrcoef(numbers, other)[0, 1]) < 0.02


def splitmix64(state, count):
    """Vigna's splitmix64.c, in integers."""
    mask, out = 2**64 - 1, []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        out.append(z ^ (z >> 31))
    return out


def test_streams_are_splitmix64():
    assert splitmix64(1234567, 2) == [6457827717110365317, 3203168211198807973]  # its published output
    key = int.from_bytes(sha256(b"42:rain").digest()[:8], "big")
    expected = [(number >> 11) / 2**53 for number in splitmix64(key, 50)]
    np.testing.assert_array_equal(uniform(42, "rain", np.arange(1, 51)), expected)


def test_persistence_keeps_variance_and_memory():
    state = persistent(normal(1, "memory", 50_000), 0.8)
    assert state.std() == pytest.approx(1, abs=0.05)
    assert np.corrcoef(state[1:], state[:-1])[0, 1] == pytest.approx(0.8, abs=0.02)


def test_a_scan_is_its_recursion():
    gains, kept = uniform(1, "gains", np.arange(500)), uniform(1, "kept", np.arange(500))
    state, expected = 0.0, []
    for gain, share in zip(gains, kept, strict=True):
        state = gain + share * state
        expected.append(state)
    np.testing.assert_allclose(carried(gains, kept), expected, rtol=1e-12)
    np.testing.assert_array_equal(carried(gains, kept)[:123], carried(gains[:123], kept[:123]))


def test_a_seasonal_course_keeps_its_months():
    months = tuple(float(number**2 % 7) for number in range(12))
    day = np.arange(0, 365.25, 365.25 / 12 / 1000)
    np.testing.assert_allclose(seasonal(months, day).reshape(12, -1).mean(axis=1), months, atol=2e-3)


def test_wet_spells_and_amounts_follow_geng():
    weather = Weather(1, PLACE, 10.44, 105.59, 36_500)
    september = (weather.day % 365.25 > 244) & (weather.day % 365.25 < 273)
    after = np.roll(weather.wet, 1)
    share = weather.wet[september].mean()
    assert share == pytest.approx(20.5 / 30, abs=0.03)
    assert weather.wet[september & ~after].mean() == pytest.approx(0.75 * share, abs=0.04)
    assert weather.wet[september & after].mean() == pytest.approx(0.75 * share + 0.25, abs=0.04)
    amount = weather.rain[september & weather.wet]
    # Geng: variance over mean is the scale, -2.16 + 1.83 times the mean; drawing years together removes some
    assert amount.var() / amount.mean() == pytest.approx(-2.16 + 1.83 * amount.mean(), rel=0.2)


def test_a_swing_goes_through_its_lows_and_highs():
    low, high = np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 30.0])
    at = Moment(ANCHOR + np.array([6, 14, 30, 38, 30 - 8]) * HOUR_MS)
    np.testing.assert_allclose(at.swing(low, high, 6, 14), [1, 10, 2, 20, 6])


def test_a_day_begins_at_midnight_in_vietnam():
    at = Moment(np.array([ANCHOR, ANCHOR + DAY_MS - 1, ANCHOR + DAY_MS]))
    assert at.day.tolist() == [0, 0, 1]
    assert moment_of(ANCHOR).isoformat() == "2019-12-31T17:00:00+00:00"
