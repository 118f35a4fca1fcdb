"""The path between targets, and the forecast, whose band holds as many futures as it claims."""

import random
from datetime import date

import pytest

from devices.pilots.pilot import load
from gateway.indicators.course import Forecast, forecasts, further_events, path, required

PILOT = load("dong-thap")
COUNT, SHARE = PILOT.target("iot_communities"), PILOT.target("traceability_share")


def test_the_path_is_a_straight_line_from_nothing_through_the_dated_targets():
    assert path(COUNT, date(2021, 1, 1)) == 0
    assert path(COUNT, date(2019, 1, 1)) == 0
    assert path(COUNT, date(2026, 1, 1)) == 7
    assert path(COUNT, date(2028, 7, 2)) == pytest.approx(10.5, abs=0.01)
    assert path(COUNT, date(2040, 1, 1)) == 14
    assert path(SHARE, date(2031, 1, 1)) == 0.5


def test_of_a_count_only_whole_ones_are_asked_for():
    assert path(COUNT, date(2026, 11, 21)) > 8
    assert required(COUNT, date(2026, 11, 21)) == 8
    assert required(SHARE, date(2026, 11, 21)) == path(SHARE, date(2026, 11, 22))


@pytest.mark.parametrize(("year", "count", "share"), [(2025, 7, 0.15), (2030, 14, 0.5)])
def test_on_the_last_day_of_its_year_a_target_is_due(year, count, share):
    """13 of 14 is behind the path on that day, and was not the day before."""
    last = date(year, 12, 31)
    assert (required(COUNT, last), required(SHARE, last)) == (count, share)
    assert required(COUNT, date(year, 12, 30)) == count - 1


def test_four_in_five_futures_lie_in_the_band():
    """Simulated: Poisson processes of many rates, observed for six years, forecast for four."""
    luck = random.Random(1)
    inside = below = above = 0
    for _ in range(4000):
        rate = luck.uniform(0.3, 3.0)
        seen, later = (poisson(luck, rate * years) for years in (6, 4))
        low, middle, high = further_events(seen, 6, 4)
        assert low <= middle <= high
        inside += low <= later <= high
        below += later < low
        above += later > high
    assert inside / 4000 >= 0.78, "a band that holds less than it says is not honest"
    assert inside / 4000 <= 0.95, "a band that holds everything says nothing"
    assert below / 4000 < 0.14 and above / 4000 < 0.14


def poisson(luck, mean):
    number, waited = 0, luck.expovariate(1)
    while waited < mean:
        number, waited = number + 1, waited + luck.expovariate(1)
    return number


def test_the_band_widens_with_time_and_never_sinks_under_today():
    found = forecasts(PILOT, "iot_communities", 8, date(2026, 11, 21))
    assert [one.year for one in found] == [2026, 2027, 2028, 2029, 2030]
    for ends in ([one.low for one in found], [one.high for one in found]):
        assert ends == sorted(ends)
    assert found[-1].high - found[-1].low > found[0].high - found[0].low
    assert all(8 <= one.low <= one.value <= one.high <= 16 for one in found), "there are 16 on the list"


def test_a_share_is_forecast_as_a_share():
    everyone = 145 + 255
    *_, last = forecasts(PILOT, "traceability_share", 100 / everyone, date(2026, 11, 21))
    assert 100 / everyone < last.low < last.value < last.high <= 1
    assert last.value == pytest.approx(0.25 * (1 + 4.11 / 5.89), abs=0.01)


def test_nothing_so_far_is_no_certainty_of_nothing_to_come():
    found = forecasts(PILOT, "smart_villages", 0, date(2026, 11, 21))
    assert found[-1].value == 0 and found[-1].high >= 1
    assert forecasts(PILOT, "smart_villages", 3, date(2030, 12, 31))[-1] == Forecast(2030, 3, 3, 3)


def test_counts_over_the_list_are_not_cut_down():
    assert forecasts(PILOT, "iot_communities", 20, date(2026, 11, 21))[-1] == Forecast(2030, 20, 20, 20)


def test_large_counts_do_not_underflow():
    low, middle, high = further_events(5000, 6, 4)
    assert low < middle < high and middle == pytest.approx(5000 * 4 / 6, rel=0.01)
