"""Totals of counters: the amount since the last total, and never rain that did not fall."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.clock import DAY_MS
from devices.probes.counters import RESET, Counters

HOUR = 3_600_000
START = 1_795_230_000_000


def run(kind, *steps, counters=None):
    """The amount for each (hours since the start, total); None where the counter gives none."""
    counters = counters or Counters()
    return [
        counters.since(START + int(hours * HOUR), {"rainfall": (kind, total)}).get("rainfall")
        for hours, total in steps
    ]


@pytest.mark.parametrize("kind", ["total", "daily"])
def test_the_first_total_gives_nothing(kind):
    assert run(kind, (0, 43.2)) == [None]
    assert run(kind, (0, 0)) == [None]


def test_a_running_total_gives_what_came_since():
    assert run("total", (0, 43.2), (1, 43.2), (2, 43.6), (3, 45.0)) == [None, 0.0, 0.4, 1.4]


def test_a_day_s_total_gives_what_came_since_and_begins_anew():
    assert run("daily", (0, 1.2), (1, 3.4), (2, 0.2), (3, 0.2)) == [None, 2.2, 0.2, 0.0]
    assert run("daily", (0, 80.0), (1, 60.0)) == [None, 60.0], "whatever fell: it is a new day"


def test_a_running_total_that_lost_its_count_gives_what_fell_since_its_power_came_back():
    assert run("total", (0, 43.2), (1, 0.6), (2, 0.8)) == [None, 0.6, 0.2]
    assert run("total", (0, 43.2), (1, 0), (2, 0.2)) == [None, 0.0, 0.2]


def test_a_lower_running_total_that_cannot_have_come_since_is_another_counter():
    assert run("total", (0, 430.0), (1, RESET + 0.2), (2, RESET + 0.8)) == [None, None, 0.6]
    assert run("total", (0, 430.0), (1, RESET)) == [None, RESET]


def test_a_running_total_that_is_back_at_once_was_told_wrong_and_goes_on_from_before():
    assert run("total", (0, 120.0), (1, 0), (2, 120.4), (3, 121.0)) == [None, 0.0, 0.4, 0.6]
    assert run("total", (0, 120.0), (1, 5.0), (2, 126.0)) == [None, 5.0, 1.0], "what was told of it counts"
    assert run("total", (0, 120.0), (1, RESET + 5), (2, 120.4)) == [None, None, 0.4], "none of it was counted"
    assert run("total", (0, 120.0), (1, 0), (2, 0.2), (3, 120.4)) == [None, 0.0, 0.2, 120.2]
    assert run("daily", (0, 120.0), (1, 0), (2, 120.4)) == [None, 0.0, 120.4], "a day begins anew"


def test_a_total_that_rose_beyond_belief_and_is_back_at_once_was_told_wrong_too():
    """65535 is what a bus gives where nothing was read."""
    assert run("total", (0, 3.0), (1, 65535), (2, 3.2), (3, 3.4)) == [None, 65532.0, 0.2, 0.2]
    assert run("total", (0, 130.0), (1, 65535), (2, 130.2)) == [None, 65405.0, 0.2]
    assert run("daily", (0, 3.0), (1, 65535), (2, 3.2)) == [None, 65532.0, 0.2]
    assert run("daily", (0, 3.0), (1, 65535), (25, 3.2)) == [None, 65532.0, 3.2], "it is another day's"
    assert run("total", (0, 3.0), (1, 65535), (2, 1.2)) == [None, 65532.0, 1.2], "a new count"


def test_nor_is_it_true_where_it_stays_there_for_some_messages():
    """Else a day's rain is counted twice, or what came meanwhile is lost."""
    wrong = (1, 65535), (2, 65535), (3, 65535)
    assert run("daily", (0, 3.0), *wrong, (4, 3.2), (5, 3.4)) == [None, 65532.0, 0.0, 0.0, 0.2, 0.2]
    assert run("total", (0, 130.0), *wrong, (4, 130.2)) == [None, 65405.0, 0.0, 0.0, 0.2]
    assert run("daily", (0, 3.0), *wrong, (25, 3.2))[-1] == 3.2, "it is another day's"


def test_the_first_total_that_another_probe_file_reads_gives_nothing():
    counters = Counters()
    assert run("total a", (0, 100.0), (1, 100.2), counters=counters) == [None, 0.2]
    assert run("total b", (2, 2.0), (3, 101.0), counters=counters) == [None, 99.0], "nor is it one that fell"
    assert run("daily b", (4, 3.0), (5, 3.4), counters=counters) == [None, 0.4]
    assert run("total b", (6, 102.0), counters=counters) == [None]


def test_what_is_refused_after_all_was_not_told():
    counters = Counters()
    assert run("total", (0, 10.0), (1, 15.0), counters=counters) == [None, 5.0]
    counters.forget(START + HOUR)
    counters.forget(START + 7 * HOUR)
    again = Counters(json.loads(json.dumps(counters.dump())))
    assert run("total", (1, 15.0), (2, 15.4), counters=again) == [5.0, 0.4]
    for hours in (1, 2):
        again.forget(START + hours * HOUR)
    assert run("total", (1, 15.0), (2, 15.4), counters=again) == [5.0, 0.4], "several of one batch"
    for hours in (0, 1, 2):
        again.forget(START + hours * HOUR)
    assert run("total", (0, 10.0), (1, 15.0), counters=again) == [None, 5.0]


@pytest.mark.parametrize("kind", ["total", "daily"])
def test_an_older_message_and_one_of_the_same_time_change_nothing(kind):
    assert run(kind, (2, 5.0), (1, 4.0), (2, 6.0), (3, 6.0)) == [None, None, None, 1.0]


def test_after_a_day_that_nobody_heard_a_day_s_total_is_of_now():
    assert run("daily", (0, 3.0), (24, 5.0)) == [None, 5.0]
    assert run("daily", (0, 3.0), (23.9, 5.0)) == [None, 2.0]
    assert run("total", (0, 3.0), (24 * 30, 55.0)) == [None, 52.0]
    assert 24 * HOUR == DAY_MS


def test_a_negative_total_says_nothing_and_is_not_remembered():
    assert run("total", (0, 3.0), (1, -1.0), (2, 3.4)) == [None, None, 0.4]


def test_each_signal_has_its_own_counter():
    counters = Counters()
    counters.since(START, {"rainfall": ("total", 1.0), "pest_count": ("total", 5.0)})
    assert counters.since(START + 1, {"pest_count": ("total", 7.0)}) == {"pest_count": 2.0}
    assert counters.since(START + 2, {"rainfall": ("total", 1.2), "pest_count": ("total", 7.0)}) == {
        "rainfall": 0.2, "pest_count": 0.0,
    }  # fmt: skip


def test_what_is_kept_goes_on_where_it_was():
    counters = Counters()
    run("total", (0, 43.2), (1, 43.6), counters=counters)
    again = Counters(json.loads(json.dumps(counters.dump())))
    assert again.dump() == counters.dump()
    assert run("total", (1, 50.0), (2, 44.0), counters=again) == [None, 0.4]
    assert Counters(None).dump() == Counters({}).dump() == {}


TOTALS = st.lists(
    st.tuples(
        st.integers(0, 40 * 24 * 60).map(lambda minutes: minutes * 60_000),
        st.sampled_from(["total", "daily"]),
        st.floats(-5, 1e4).map(lambda total: round(total, 1)),
    ),
    max_size=30,
)


@given(TOTALS)
def test_no_rain_is_negative_and_none_is_more_than_the_counter_stands_at(steps):
    counters = Counters()
    for time, kind, total in steps:
        for amount in counters.since(time, {"rainfall": (kind, total)}).values():
            assert 0 <= amount <= total


@given(st.lists(st.tuples(st.integers(1, 600), st.integers(0, 50)), min_size=1, max_size=30), st.data())
def test_of_a_running_total_all_that_fell_is_counted_once_whatever_came_twice_or_late(steps, data):
    counters, time, total, sent = Counters(), START, 12.4, []
    for minutes, tips in steps:
        time, total = time + minutes * 60_000, round(total + tips * 0.2, 1)
        sent += [(time, total)]
    extra = data.draw(st.lists(st.sampled_from(sent), max_size=10))
    heard = [counters.since(START, {"rainfall": ("total", 12.4)})]
    for one in sent:
        heard += [counters.since(one[0], {"rainfall": ("total", one[1])})]
        heard += [counters.since(at, {"rainfall": ("total", amount)}) for at, amount in extra if at <= one[0]]
    assert sum(one.get("rainfall", 0) for one in heard) == pytest.approx(total - 12.4)
