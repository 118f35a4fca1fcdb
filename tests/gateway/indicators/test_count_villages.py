"""Smart villages and the share of traceability, counted in a small province."""

import pytest

from gateway.stores.points import Point, tags
from tests.gateway.indicators.province import DAY, HOUR, NOW, at, count, device, reading

# -- smart villages


AIR = {"air_temperature": 30.0, "relative_humidity": 80.0}


def test_a_village_counts_when_every_service_reports(store):
    one, two = device("v1", "v"), device("v2", "v", simulated=True)
    store.write(
        [reading(one, NOW - HOUR, air_temperature=30.0), reading(two, NOW - HOUR, soil_moisture=30.0)]
    )
    counted = count(store, [one, two], "smart_villages")
    assert (counted.value, counted.real, counted.simulated) == (0, 0, 0)
    assert dict(counted.missed) == {"v": "air", "w": "soil"}
    store.write([reading(one, NOW - 2 * HOUR, relative_humidity=80.0)])
    counted = count(store, [one, two], "smart_villages")
    assert (counted.value, counted.real, counted.simulated) == (1, 0, 0), "only both kinds together"
    assert counted.members == ("v",)
    store.write([reading(one, NOW - 3 * HOUR, soil_moisture=30.0)])
    counted = count(store, [one, two], "smart_villages")
    assert (counted.value, counted.real, counted.simulated) == (1, 1, 0)


def test_the_window_of_a_village_is_a_day_and_half_open(store):
    one = device("v1", "v")
    store.write([reading(one, NOW - DAY, soil_moisture=1.0, **AIR)])
    assert count(store, [one], "smart_villages", NOW).value == 1
    assert count(store, [one], "smart_villages", NOW + 1).value == 0
    assert count(store, [one], "smart_villages", NOW - DAY).value == 0


def test_a_village_that_joins_later_is_neither_in_nor_missed(store):
    one = device("w1", "w")
    first = at(2026, 11, 21)
    store.write([reading(one, first - HOUR, soil_moisture=1.0)])
    before, after = (count(store, [one], "smart_villages", moment) for moment in (first - 1, first))
    assert (before.members, after.members) == ((), ("w",))
    assert "w" not in dict(before.missed)


# -- share of traceability


def lot(community, time, simulated=False, product="mango"):
    where = tags(pilot="p", community=community, product=product)
    return Point(
        "lot", where, {"quantity": 10.0, "verified": True, "simulated": simulated, "lot": "L1"}, time
    )


def test_the_share_counts_each_organisation_once(store):
    store.write(
        [
            lot("a", NOW - DAY),
            lot("a", NOW - 2 * DAY, simulated=True, product="rice"),
            lot("b", NOW - 3 * DAY, simulated=True),
            lot("b", NOW - 4 * DAY, simulated=True),
        ]
    )
    counted = count(store, [], "traceability_share")
    assert counted.value == pytest.approx(2 / 40)
    assert counted.real == pytest.approx(1 / 40)
    assert counted.simulated == pytest.approx(2 / 40)
    assert counted.members == ("a", "b")
    assert counted.target == 0.5


def test_a_lot_counts_for_twelve_months_of_vietnamese_days(store):
    first = at(2025, 11, 21)  # the earliest day that counts: 365 days before the day of NOW
    store.write([lot("a", first), lot("b", first - 1), lot("c", NOW)])
    assert count(store, [], "traceability_share").members == ("a",)
    assert count(store, [], "traceability_share", NOW + 1).members == ("a", "c")
    assert count(store, [], "traceability_share", at(2026, 11, 22) - 1).members == ("a", "c")
    assert count(store, [], "traceability_share", at(2026, 11, 22)).members == ("c",)


def test_denominator_and_target_are_those_of_the_vietnamese_year(store):
    store.write([lot("a", at(2025, 12, 1))])
    new_year = at(2026, 1, 1)
    before, after = (count(store, [], "traceability_share", moment) for moment in (new_year - 1, new_year))
    assert (before.value, before.target) == (pytest.approx(1 / 20), 0.15)
    assert (after.value, after.target) == (pytest.approx(1 / 40), 0.5)
