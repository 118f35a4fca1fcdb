"""Times and days: the local time of a moment in a zone, and back."""

import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.clock import DAY_MS, YEAR_2020_MS, day_of, epoch_ms, midnight_of, moment_of, now_ms

HANOI, PARIS = ZoneInfo("Asia/Ho_Chi_Minh"), ZoneInfo("Europe/Paris")


@given(st.integers(400_000_000_000, 10**14), st.sampled_from([UTC, HANOI, PARIS]))
def test_a_time_is_the_same_in_every_zone_and_lies_in_its_day(at, zone):
    assert epoch_ms(moment_of(at, zone)) == at
    day = day_of(at, zone)
    assert midnight_of(day, zone) <= at < midnight_of(day + timedelta(days=1), zone)


@pytest.mark.parametrize(
    "zone, at, day",
    [
        (HANOI, datetime(2026, 11, 27, 16, 59, 59, 999000, UTC), date(2026, 11, 27)),
        (HANOI, datetime(2026, 11, 27, 17, tzinfo=UTC), date(2026, 11, 28)),
        (PARIS, datetime(2026, 10, 25, 22, 59, tzinfo=UTC), date(2026, 10, 25)),  # a day of 25 hours
    ],
)
def test_a_day_is_the_zones_own(zone, at, day):
    assert day_of(epoch_ms(at), zone) == day


def test_a_day_may_be_longer_than_a_day():
    begin, end = (midnight_of(date(2026, 10, day), PARIS) for day in (25, 26))
    assert end - begin == DAY_MS + DAY_MS // 24


def test_the_clocks_bounds_and_what_it_shows(monkeypatch):
    assert moment_of(YEAR_2020_MS) == datetime(2020, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(time, "time_ns", lambda: 1_999_999)
    assert now_ms() == 1
