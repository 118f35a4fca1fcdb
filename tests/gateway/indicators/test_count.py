"""Indicators compared with an independent count of the raw points, made without the store's sums."""

import random

import pytest

from devices.clock import day_of, midnight_of, moment_of
from devices.contract.reading import Device
from gateway.indicators.count import evaluate, points, roster
from gateway.indicators.coverage import Coverage
from gateway.stores.points import Point, device_tags, tags
from gateway.stores.sqlite import SqliteStore
from gateway.stores.store import RetryLater
from tests.gateway.indicators.province import (
    DAY,
    HANOI,
    HOUR,
    MINUTE,
    NOW,
    PILOT,
    WINDOW,
    at,
    count,
    device,
    hours,
    reading,
)


def by_hand(raw, devices, moment):
    """The communities that count, found by counting the filled hours of their devices one by one."""
    members = {"all": [], "real": [], "simulated": []}
    for community in PILOT.communities:
        if community.joined > moment_of(moment, HANOI).date():
            continue
        good = {"real": 0, "simulated": 0}
        for who in devices:
            if who.community != community.id:
                continue
            begins = [moment - WINDOW + n * HOUR for n in range(168)]
            mine = [
                p.time for p in raw if p.measurement == "telemetry" and dict(p.tags)["device"] == who.device
            ]
            filled = sum(any(begin <= time < begin + HOUR for time in mine) for begin in begins)
            good["simulated" if who.simulated else "real"] += filled / 168 >= 0.8
        for kind in ("real", "simulated"):
            if good[kind] >= 3:
                members[kind].append(community.id)
        if sum(good.values()) >= 3:
            members["all"].append(community.id)
    return members


def assert_as_by_hand(store, raw, devices, moment=NOW):
    store.write(raw)
    counted, expected = count(store, devices, "iot_communities", moment), by_hand(raw, devices, moment)
    assert list(counted.members) == expected["all"]
    assert counted.value == len(expected["all"])
    assert counted.real == len(expected["real"])
    assert counted.simulated == len(expected["simulated"])
    return counted


# -- communities with IoT


def test_a_diary_counts_as_no_sensor(store):
    """A diary sends no readings any more; the store still has those of earlier versions."""
    kept = Device("p", "a", "notebook", "diary", simulated=False)
    devices = [device("p1", "a"), device("p2", "a"), kept]
    store.write([point for one in devices for point in hours(one, 168)])
    assert count(store, devices, "iot_communities").missed[0] == ("a", "2/3")
    air = {"air_temperature": 30.0, "relative_humidity": 80.0}
    both = Device("p", "v", "notebook-v", "diary", simulated=False), device("p-v", "v")
    store.write([reading(both[0], NOW - HOUR, **air), reading(both[1], NOW - HOUR)])
    assert count(store, both, "smart_villages").missed[0] == ("v", "air")


def test_two_devices_of_three_are_not_enough(store):
    a = [device(f"a{n}", "a") for n in range(3)]
    b = [device(f"b{n}", "b") for n in range(3)]
    raw = [point for who in (*a, *b[:2]) for point in hours(who, 168)]
    counted = assert_as_by_hand(store, raw, a + b)
    assert counted.members == ("a",)
    assert dict(counted.missed)["b"] == "2/3"
    assert (counted.target, counted.gap) == (14, -13)


def test_seventy_nine_per_cent_is_not_enough_and_eighty_is(store):
    """134 of 168 hours are 79.8 %, 135 are 80.4 %."""
    a = [device(f"a{n}", "a") for n in range(3)]
    b = [device(f"b{n}", "b") for n in range(3)]
    raw = [p for who in a for p in hours(who, 135)] + [p for who in b for p in hours(who, 134)]
    counted = assert_as_by_hand(store, raw, a + b)
    assert counted.members == ("a",)
    assert dict(counted.missed)["b"] == "0/3"


def test_many_readings_in_few_hours_cover_few_hours(store):
    a = [device(f"a{n}", "a") for n in range(3)]
    raw = [reading(who, NOW - WINDOW + n * MINUTE) for who in a for n in range(1000)]
    assert assert_as_by_hand(store, raw, a).members == ()


def test_readings_at_and_after_the_moment_and_before_the_window_do_not_count(store):
    a = [device(f"a{n}", "a") for n in range(3)]
    raw = [p for who in a for p in hours(who, 134)]
    raw += [reading(who, time) for who in a for time in (NOW, NOW + HOUR, NOW - WINDOW - 1)]
    assert assert_as_by_hand(store, raw, a).members == ()


def test_real_and_simulated_are_counted_apart_and_together(store):
    devices = [device(f"a{n}", "a") for n in range(3)]  # enough real devices
    devices += [device(f"b{n}", "b", simulated=True) for n in range(3)]  # enough simulated devices
    devices += [device(f"c{n}", "c", simulated=n < 2) for n in range(3)]  # enough only together
    raw = [point for who in devices for point in hours(who, 150)]
    counted = assert_as_by_hand(store, raw, devices)
    assert (counted.value, counted.real, counted.simulated) == (3, 1, 1)


def test_flagged_values_and_unknown_devices_do_not_count(store):
    known = [device(f"a{n}", "a") for n in range(2)]
    revoked = device("a2", "a")
    where = tags(**dict(device_tags(revoked)), signal="soil_moisture", reason="gross_range")
    raw = [p for who in (*known, revoked) for p in hours(who, 168)]
    raw += [Point("telemetry_flagged", where, {"value": 1.0, "flag": 4}, p.time) for p in hours(revoked, 168)]
    assert assert_as_by_hand(store, raw, known).members == ()


def test_a_community_counts_from_its_vietnamese_day_of_joining(store):
    late = [device(f"l{n}", "late") for n in range(3)]
    first = at(2026, 11, 21)
    raw = [reading(who, first - 8 * DAY + n * HOUR) for who in late for n in range(9 * 24)]
    store.write(raw)
    for moment, members in ((first - 1, ()), (first, ("late",)), (first + 6 * HOUR, ("late",))):
        counted = count(store, late, "iot_communities", moment)
        assert counted.members == members == tuple(by_hand(raw, late, moment)["all"])
        assert ("late" in dict(counted.missed)) is False


def test_random_losses_are_counted_as_by_hand(store):
    chance = random.Random(7)
    devices = [device(f"{c}{n}", c, simulated=n % 2 == 1) for c in ("a", "b", "c", "late") for n in range(5)]
    raw = [
        reading(who, NOW - WINDOW - 2 * HOUR + n * HOUR + chance.randrange(HOUR))
        for who in devices
        for loss in [chance.choice([0.1, 0.18, 0.2, 0.22, 0.3])]
        for n in range(172)
        if chance.random() > loss
    ]
    store.write(raw)
    for moment in (NOW, NOW - 3 * MINUTE, NOW - 20 * HOUR):
        counted, expected = count(store, devices, "iot_communities", moment), by_hand(raw, devices, moment)
        assert list(counted.members) == expected["all"]
        assert (counted.real, counted.simulated) == (len(expected["real"]), len(expected["simulated"]))


# -- as data


def test_another_pilot_in_the_same_store_changes_nothing(store):
    strangers = [Device("q", "a", f"q{n}", "soil-probe", simulated=False) for n in range(3)]
    store.write([p for who in strangers for p in hours(who, 168)])
    store.write([Point("lot", tags(pilot="q", community="a", product="x"), {"quantity": 1.0}, NOW - DAY)])
    evaluation = evaluate(store, PILOT, [device(f"a{n}", "a") for n in range(3)], NOW)
    assert [one.value for one in evaluation.counts] == [0, 0, 0]
    assert evaluation.coverage == {}


def test_an_evaluation_is_written_and_read_back(store):
    a = [device(f"a{n}", "a") for n in range(3)]
    store.write([p for who in a for p in hours(who, 168)])
    evaluation = evaluate(store, PILOT, a, NOW)
    store.write(points(PILOT, evaluation))
    store.write(roster(PILOT, NOW))
    back = {dict(p.tags)["indicator"]: p for p in store.series("kpi", {"pilot": "p"}, NOW, NOW + 1, 10)}
    for one in evaluation.counts:
        fields = back[one.indicator].fields
        assert fields["value"] == one.value
        assert fields["value_real"] == one.real
        assert fields["value_simulated"] == one.simulated
        assert fields["target"] == one.target
        assert fields["gap"] == one.value - one.target
    there = {
        dict(p.tags)["community"]: p for p in store.series("community", {"pilot": "p"}, NOW - DAY, NOW, 10)
    }
    assert {name: p.fields["active"] for name, p in there.items()} == {
        "a": True,
        "b": True,
        "c": True,
        "late": True,
    }
    assert all(p.time == at(2026, 11, 21) for p in there.values())
    assert not any(
        p.fields["active"] for p in roster(PILOT, at(2026, 11, 21) - 1) if ("community", "late") in p.tags
    )
    due = {
        (dict(p.tags)["indicator"], dict(p.tags)["year"]): p
        for p in roster(PILOT, NOW)
        if p.measurement == "kpi_target"
    }
    assert due["iot_communities", "2025"].time == at(2025, 12, 31)
    assert due["iot_communities", "2030"].fields == {"value": 14.0}


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (at(2026, 11, 21), 21),
        (at(2026, 11, 21) - 1, 20),
        (at(2026, 11, 22) - 1, 21),
        (at(2026, 11, 21, 6, 59), 21),
    ],
)
def test_days_begin_at_midnight_in_vietnam(moment, day):
    assert day_of(moment, PILOT.zone).day == day
    assert midnight_of(day_of(moment, PILOT.zone), PILOT.zone) == at(2026, 11, day)


def test_a_strangers_point_without_our_tags_ends_nothing(store):
    """Somebody else may write into the same bucket."""
    store.write(
        [
            Point(
                "telemetry",
                (("device", "before"), ("pilot", PILOT.pilot)),
                {"air_temperature": 30.0},
                NOW - 1000,
            )
        ]
    )
    assert [count.value for count in evaluate(store, PILOT, [], NOW).counts] == [0, 0, 0]


def test_a_lot_that_is_seen_in_part_counts_once_it_is_whole(store):
    """While a point is being written InfluxDB shows its fields one after the other. A simulated lot whose
    mark is not visible yet must not count as a real one.
    """
    where = tags(pilot=PILOT.pilot, community="a", product="x")
    kinds = []
    for fields in ({"quantity": 1.0}, {"simulated": True}):
        store.write([Point("lot", where, fields, NOW - DAY)])
        counted = count(store, [], "traceability_share")
        kinds.append((counted.members, counted.real > 0, counted.simulated > 0))
    assert kinds == [((), False, False), (("a",), False, True)]


class Slow(SqliteStore):
    """Raises RetryLater `failing` times when asked about the third day of a window."""

    failing = 0

    def coverage(self, where, start, *rest):
        self.asked.append(start)
        if self.failing and len(set(self.asked)) == 3:
            self.failing -= 1
            raise RetryLater("store.silent", error="it takes too long")
        return super().coverage(where, start, *rest)


@pytest.fixture
def slow(tmp_path):
    made = Slow(tmp_path / "store.sqlite")
    made.asked = []
    yield made
    made.close()


def test_a_day_that_was_answered_is_not_asked_for_again_because_a_later_one_was_not(slow):
    slow.write([point for n in range(3) for point in hours(device(f"a{n}", "a"), 150)])
    slow.failing, covered = 2, Coverage(slow, PILOT)
    for moment in (NOW, NOW + MINUTE):
        with pytest.raises(RetryLater):
            covered.lately(moment)
    assert covered.lately(NOW + 2 * MINUTE) == Coverage(slow, PILOT).until(NOW)
    days = range(NOW - WINDOW, NOW, DAY)
    assert slow.asked[: -len(days)] == [*days[:3], days[2], days[2], *days[3:]]


def test_what_takes_long_is_asked_for_a_day_at_a_time_once_there_is_an_earlier_window(slow, monkeypatch):
    a = [device(f"a{n}", "a") for n in range(3)]
    slow.write([point for one in a for point in hours(one, 150)])
    covered = Coverage(slow, PILOT)
    before = covered.lately(NOW)
    monkeypatch.setattr("gateway.indicators.coverage.TURN", -1.0)
    slow.write([reading(one, NOW - 160 * HOUR) for one in a])
    slow.asked.clear()
    monkeypatch.setattr("gateway.indicators.coverage.SHARE_OF_TIME", 1e9)
    turns = [covered.lately(NOW + HOUR + n * MINUTE) for n in range(7)]
    assert turns[:6] == [before] * 6
    assert turns[6] == Coverage(slow, PILOT).until(NOW + HOUR) != before
