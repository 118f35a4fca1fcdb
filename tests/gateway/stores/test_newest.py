"""The newest values are those of the store, though they are not all queried each time."""

import random

import pytest

from gateway.stores import newest as newest_module
from gateway.stores.newest import LATE_MS, Newest
from gateway.stores.points import Point, tags
from tests.gateway.readings import DAY, HOUR, MINUTE, PILOT, T, as_if_large, in_order, reading

BACK = 7 * DAY


@pytest.fixture
def slow(monkeypatch):
    as_if_large(monkeypatch)


def newest(store, measurement="telemetry"):
    return Newest(store, measurement, PILOT, BACK)


def test_what_is_added_is_what_all_of_it_says(store, slow):
    luck, mine = random.Random(7), newest(store)
    store.write([reading(T - 7 * DAY + 30 * MINUTE, "long-ago", soil_ec=1.0)])
    store.write([reading(T - 6 * DAY, "seldom", battery_level=60.0)])
    for minute in range(0, 90, 2):
        now = T + minute * MINUTE
        store.write(
            [
                reading(
                    now - luck.randrange(3 * MINUTE),
                    f"d{luck.randrange(6)}",
                    **{name: luck.random() for name in luck.sample(["soil_ec", "soil_ph", "rssi"], 2)},
                )
                for _ in range(4)
            ]
        )
        assert in_order(mine.at(now)) == in_order(store.latest("telemetry", PILOT, now - BACK))


def test_what_a_small_store_says_late_is_there_at_once(store):
    mine = newest(store)
    store.write([reading(T - DAY, soil_ec=1.0)])
    mine.at(T)
    store.write([reading(T - HOUR, soil_ec=2.0)])
    (one,) = mine.at(T + MINUTE)
    assert one.fields == {"soil_ec": (T - HOUR, 2.0)}


def test_a_doubt_that_is_taken_back_is_not_kept(store, slow):
    where = tags(
        pilot="p", community="c", device="d1", model="soil-probe", simulated="false",
        signal="soil_ec", reason="spike",
    )  # fmt: skip
    mine = newest(store, "telemetry_flagged")
    mine.at(T)
    for flag in (3, 1):
        store.write([Point("telemetry_flagged", where, {"value": 9.0, "flag": flag}, T)])
        (one,) = mine.at(T + MINUTE)
        assert one.fields["flag"] == (T, flag)


def test_more_news_than_is_looked_at_is_no_news(store, slow, monkeypatch):
    mine = newest(store)
    mine.at(T)
    monkeypatch.setattr(newest_module, "AT_ONCE", 3)
    store.write([reading(T - HOUR, "late", soil_ec=1.0)])
    assert mine.at(T + MINUTE) == [], f"it came later than {LATE_MS} ms"
    store.write([reading(T + n, f"d{n}", soil_ec=1.0) for n in range(5)])
    assert len(mine.at(T + MINUTE)) == 6


def test_a_clock_that_is_put_back_is_ahead_of_nothing(store, slow):
    store.write([reading(T, soil_ec=1.0)])
    mine = newest(store)
    mine.at(T + 10 * DAY)
    assert [one.fields for one in mine.at(T + MINUTE)] == [{"soil_ec": (T, 1.0)}]
