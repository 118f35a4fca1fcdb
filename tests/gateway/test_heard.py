"""When each device was last heard agrees with the store, whichever way it is found."""

import random

import pytest

from devices.pilots.pilot import load
from gateway.clerk import heard as heard_module
from gateway.clerk.heard import LastHeard
from gateway.indicators.standing import BATTERY, Contact
from gateway.stores.points import WIDEST, Point, tags
from tests.gateway.readings import DAY, HOUR, MINUTE, T

PILOT = load("dong-thap")


def reading(time, device, model="soil-probe", **values):
    where = tags(pilot=PILOT.pilot, community="c", device=device, model=model, simulated="false")
    return Point("telemetry", where, values, time)


def by_hand(points, at):
    """For each device heard within a week: its newest time, and its newest value of each battery signal."""
    found: dict = {}
    for point in sorted(points, key=lambda one: one.time):
        if point.time >= at - 7 * DAY:
            device = dict(point.tags)["device"]
            seen, battery = found.get(device, (0, {}))
            said = {name: point.fields[name] for name in BATTERY if name in point.fields}
            found[device] = Contact(max(seen, point.time), battery | said)
    return found


def test_what_is_added_is_what_all_of_it_says(store):
    luck, points, mine = random.Random(5), [], LastHeard(store, PILOT)
    for minute in range(0, 100, 3):
        now = T + minute * MINUTE
        some = [
            reading(
                now - luck.choice([0, 1, 15]) * MINUTE - luck.randrange(MINUTE),
                f"d{luck.randrange(6)}",
                **{name: luck.random() for name in luck.sample([WIDEST, *BATTERY], luck.randrange(1, 4))},
            )
            for _ in range(3)
        ]
        if minute == 0:
            some.append(reading(now - 7 * DAY + 20 * MINUTE, "long-ago", battery_level=50.0))
            some.append(reading(now - 6 * DAY, "d0", battery_level=60.0))
        store.write(some)
        points += some
        lately = {name: one for name, one in mine.at(now).items() if one.at >= now - 7 * DAY}
        assert lately == by_hand(points, now) == LastHeard(store, PILOT).at(now)


def test_who_says_only_what_few_say_is_heard_at_once_and_where_it_comes_late_within_ten_minutes(store):
    mine = LastHeard(store, PILOT)
    store.write([reading(T - HOUR, "wired", soil_ec=1.0), reading(T, "other", **{WIDEST: -70.0})])
    assert mine.at(T)["wired"].at == T - HOUR
    store.write([reading(T - 30_000, "wired", soil_ec=1.0), reading(T + 10_000, "prompt", soil_ec=1.0)])
    heard = mine.at(T + MINUTE)
    assert heard["wired"].at == T - 30_000 and heard["prompt"].at == T + 10_000
    for minute in range(2, 4):
        mine.at(T + minute * MINUTE)
    store.write([reading(T + 10_000, name, soil_ec=1.0) for name in ("wired", "new")])
    for minute in range(4, 10):
        mine.at(T + minute * MINUTE)
    heard = mine.at(T + 10 * MINUTE)
    assert heard["wired"].at == heard["new"].at == T + 10_000


def written(time, device, last_seen):
    where = tags(pilot=PILOT.pilot, community="c", device=device)
    return Point("device", where, {"last_seen": last_seen, "coverage": 0.0}, time)


def test_a_model_that_begins_to_send_without_common_fields_is_heard_within_ten_minutes_then_at_once(store):
    store.write([reading(T - HOUR, "other", **{WIDEST: -70.0})])
    mine = LastHeard(store, PILOT)
    assert mine.at(T).keys() == {"other"}
    store.write([reading(T + MINUTE, "wired", model="wired-probe", soil_ec=1.0)])
    heard = [mine.at(T + minute * MINUTE) for minute in range(1, 11)]
    assert "wired" not in heard[0] and heard[-1]["wired"].at == T + MINUTE
    store.write([reading(T + 11 * MINUTE, "wired", model="wired-probe", soil_ec=2.0)])
    assert mine.at(T + 11 * MINUTE)["wired"].at == T + 11 * MINUTE


def test_who_is_dead_for_weeks_is_not_forgotten_by_the_clerk_nor_by_the_next(store):
    store.write([reading(T - 6 * DAY, "dead", soil_ec=1.0), reading(T, "alive", soil_ec=1.0)])
    mine = LastHeard(store, PILOT)
    for days in (0, 2, 9):
        store.write([reading(T + days * DAY, "alive", soil_ec=1.0)])
        heard = mine.at(T + days * DAY)
        assert {name: one.at for name, one in heard.items()} == {"dead": T - 6 * DAY, "alive": T + days * DAY}
        store.write([written(T + days * DAY, name, one.at) for name, one in heard.items()])
    again = LastHeard(store, PILOT).at(T + 20 * DAY)
    assert {name: one.at for name, one in again.items()} == {"dead": T - 6 * DAY, "alive": T + 9 * DAY}


def test_who_says_what_nobody_believes_is_heard(store):
    where = tags(
        pilot=PILOT.pilot, community="c", device="fast", model="soil-probe", simulated="false",
        signal="soil_ec", reason="clock",
    )  # fmt: skip
    mine = LastHeard(store, PILOT)
    store.write([reading(T - DAY, "fast", soil_ec=1.0)])
    for minutes in (0, 20, 100):
        now = T + minutes * MINUTE
        store.write([Point("telemetry_flagged", where, {"value": 1.0, "flag": 3}, now)])
        assert mine.at(now)["fast"] == LastHeard(store, PILOT).at(now)["fast"] == Contact(now, {})


def test_what_is_stored_hours_late_is_heard_of_within_the_hour(store):
    mine = LastHeard(store, PILOT)
    store.write([reading(T - 5 * HOUR, "d1", soil_ec=1.0)])
    mine.at(T)
    store.write([reading(T - 3 * HOUR, "d1", soil_ec=1.0)])
    assert [mine.at(T + minutes * MINUTE)["d1"].at - T for minutes in (1, 60)] == [-5 * HOUR, -3 * HOUR]


def test_a_clock_that_was_put_back_hears_what_is_there(store):
    mine = LastHeard(store, PILOT)
    store.write([reading(T, "d1", soil_ec=1.0)])
    assert mine.at(T + DAY) and mine.at(T - HOUR) == {"d1": Contact(T, {})}


def test_more_news_than_is_looked_at_is_none(store, monkeypatch):
    mine = LastHeard(store, PILOT)
    mine.at(T)
    monkeypatch.setattr(heard_module, "AT_ONCE", 3)
    store.write([reading(T + n, f"d{n}", **{WIDEST: 1.0}) for n in range(5)])
    assert len(mine.at(T + MINUTE)) == 5


@pytest.mark.parametrize("fields", [{"rssi": -80.0}, {"battery_voltage": 3.6, "rssi": -80.0}])
def test_an_older_reading_that_comes_later_takes_nothing_back(store, fields):
    mine = LastHeard(store, PILOT)
    store.write([reading(T - MINUTE, "d1", battery_voltage=3.7)])
    mine.at(T)
    store.write([reading(T - 2 * MINUTE, "d1", **fields)])
    assert mine.at(T + MINUTE)["d1"] == Contact(T - MINUTE, {"battery_voltage": 3.7})
