"""The values that each rule gets from either store: per place, own thresholds, gaps, late readings."""

import pytest

from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS
from devices.contract.reading import Device
from devices.pilots.pilot import load
from gateway.control.alarms.numbers import Numbers
from gateway.control.alarms.rules import SLOT_MS, rules
from gateway.control.alarms.states import Key, Number
from gateway.stores.points import Point, device_tags, tags

PILOT = load("dong-thap")
RULES = {rule.id: rule for rule in rules(PILOT, "vi")}
NOW = 1_795_230_000_000 // HOUR_MS * HOUR_MS + 30 * MINUTE_MS
SALT = "dong-thap-salinity-3-"
TAM_QUE = Key("tam-que")
BOOKS = {"received": 10, "stored": 8, "duplicate": 1, "quarantined": 1, "spooled": 0, "lag_ms": 0}


def gauge(place, at, **values):
    return Point("telemetry", device_tags(PILOT.fleet[f"{place}-canal-gauge-01"]), values, at)


def books(at, instance="a", **more):
    return Point("gateway", tags(instance=instance), BOOKS | more, at)


@pytest.fixture
def numbers(store):
    return Numbers(store, PILOT, RULES.values())


def test_an_empty_store_answers_and_finds_nothing(numbers):
    found = numbers.look(NOW)
    assert found.pop("dong-thap-store") == {Key(): Number(0)}
    assert found.keys() | {"dong-thap-store"} == RULES.keys()
    assert set(map(len, found.values())) == {0}


def test_a_level_is_that_of_the_worst_of_the_newest_hour_that_has_readings(store, numbers):
    store.write([
        gauge("tam-que", NOW - 10 * MINUTE_MS, salinity=0.4),
        gauge("tam-que", NOW - 20 * MINUTE_MS, salinity=1.5), gauge("tam-que", NOW - HOUR_MS, salinity=9.0),
        gauge("canh-tan", NOW - 3 * DAY_MS, salinity=2.5),
        gauge("my-dien", NOW - 9 * DAY_MS, salinity=9.0),
    ])  # fmt: skip
    found = numbers.look(NOW)
    for name in ("I", "silent"):
        assert found[SALT + name] == {TAM_QUE: Number(1.5, 1, True), Key("canh-tan"): Number(2.5, 0, True)}


def test_of_two_gauges_of_a_place_the_worse_one_counts_whichever_way_is_worse(store, numbers):
    second = Device("dong-thap", "ca-tra-hong-ngu", "my-buoy", "pond-buoy", simulated=False)
    buoy = PILOT.fleet["ca-tra-hong-ngu-pond-buoy-01"]
    store.write([
        Point("telemetry", device_tags(buoy), {"dissolved_oxygen": 5.0}, NOW - MINUTE_MS),
        Point("telemetry", device_tags(second), {"dissolved_oxygen": 2.5}, NOW - 2 * MINUTE_MS),
    ])  # fmt: skip
    (name,) = (name for name in RULES if "dissolved_oxygen" in name and name.endswith("-I"))
    assert numbers.look(NOW)[name] == {Key("ca-tra-hong-ngu"): Number(2.5, 1)}


def test_a_gauge_that_has_not_spoken_yet_in_this_hour_stands_by_what_it_said_in_the_last(store, numbers):
    hour, key = NOW // HOUR_MS * HOUR_MS, Key("ca-tra-hong-ngu")
    (name,) = (name for name in RULES if "dissolved_oxygen" in name and name.endswith("-II"))

    def said(number, value, at):
        device = PILOT.fleet[f"ca-tra-hong-ngu-pond-buoy-0{number}"]
        store.write([Point("telemetry", device_tags(device), {"dissolved_oxygen": value}, at)])

    said(1, 6.0, hour - 9 * MINUTE_MS)
    said(2, 1.5, hour - 2 * MINUTE_MS)
    said(1, 6.0, hour + MINUTE_MS)
    assert numbers.look(hour + MINUTE_MS)[name] == {key: Number(1.5, 0, True)}, "the pond of 1.5 is no better"
    said(2, 5.0, hour + 8 * MINUTE_MS)
    assert numbers.look(hour + 8 * MINUTE_MS)[name] == {key: Number(5.0, 1, True)}


def test_a_gauge_that_died_in_alarm_stays_in_it_whatever_its_neighbour_says_until_it_is_revoked(
    store, numbers
):
    buoys = [PILOT.fleet[f"ca-tra-hong-ngu-pond-buoy-0{number}"] for number in (1, 2)]
    (name,) = (name for name in RULES if "dissolved_oxygen" in name and name.endswith("-II"))
    key, hour = Key("ca-tra-hong-ngu"), NOW // HOUR_MS * HOUR_MS

    store.write([Point("telemetry", device_tags(buoys[1]), {"dissolved_oxygen": 1.5}, hour - MINUTE_MS)])
    for later in range(30):
        at = hour + later * HOUR_MS
        store.write([Point("telemetry", device_tags(buoys[0]), {"dissolved_oxygen": 6.0}, at)])
        assert numbers.look(at, buoys)[name] == {key: Number(1.5, 0, True)}, later
    assert numbers.look(at)[name] == {key: Number(1.5, 0, True)}, "the registry was not read yet"
    assert numbers.look(at, buoys[:1])[name] == {key: Number(6.0, 1, True)}


def test_a_revoked_device_says_nothing_of_its_place_from_the_next_look_on(store, numbers):
    """The store still has the device's readings: this hour's levels, this day's silence and coverage."""
    broken, new, gone = (
        Device("dong-thap", place, name, "canal-gauge", simulated=False)
        for place, name in (("tam-que", "broken"), ("tam-que", "new"), ("canh-tan", "gone"))
    )
    window = PILOT.rules.iot_communities.window_days
    for one, level, share, silent in ((broken, 9.0, 0.1, 600), (new, 0.5, 0.9, 0), (gone, 9.0, 0.1, 600)):
        where = tags(pilot="dong-thap", community=one.community, device=one.device)
        store.write([
            Point("telemetry", device_tags(one), {"water_level": level}, NOW - MINUTE_MS),
            *(Point("device", where, {"coverage": share, "silent_minutes": silent}, NOW - day * DAY_MS - 1)
              for day in range(window + 1)),
        ])  # fmt: skip
    names = "dong-thap-water_level-0-III", "dong-thap-device-silent", "dong-thap-coverage-low"
    level, silence, coverage = (numbers.look(NOW, [broken, new, gone])[name] for name in names)
    assert level == {TAM_QUE: Number(9.0), Key("canh-tan"): Number(9.0)} and len(silence) == 3
    assert coverage == {TAM_QUE: Number(pytest.approx(50)), Key("canh-tan"): Number(pytest.approx(10))}
    level, silence, coverage = (numbers.look(NOW, [new])[name] for name in names)
    # no device sends there any more; None differs from "nothing found"
    nobody = {Key("canh-tan"): Number(None)}
    assert level == {TAM_QUE: Number(0.5)} | nobody
    assert {one: found.value for one, found in silence.items()} == {
        Key("tam-que", "new"): 0, Key("tam-que", "broken"): None, Key("canh-tan", "gone"): None
    }  # fmt: skip
    assert coverage == {TAM_QUE: Number(pytest.approx(90))} | nobody
    # another device of the fleet now has its name
    again = Device("dong-thap", "tam-que", "broken", "canal-gauge", simulated=True)
    assert numbers.look(NOW, [new, again])[names[0]][TAM_QUE] == Number(0.5)


def test_where_a_real_gauge_measures_a_simulated_one_raises_no_alarm(store, numbers):
    real = Device("dong-thap", "tam-que", "my-gauge", "canal-gauge", simulated=False)
    store.write([gauge("tam-que", NOW - MINUTE_MS, salinity=4.4, water_level=1.0),
                 Point("telemetry", device_tags(real), {"salinity": 0.1}, NOW - 2 * HOUR_MS)])  # fmt: skip
    found = numbers.look(NOW)
    assert found[SALT + "I"] == {TAM_QUE: Number(0.1, 0)}
    assert found["dong-thap-water_level-0-I"] == {TAM_QUE: Number(1.0, 1, True)}, "none of them measures that"


def test_a_place_with_levels_of_its_own_is_not_held_against_those_of_everywhere(store, numbers):
    store.write([gauge("sen-thap-muoi", NOW - MINUTE_MS, water_level=1.6),
                 gauge("tam-que", NOW - MINUTE_MS, water_level=1.6)])  # fmt: skip
    found = numbers.look(NOW)
    assert found["dong-thap-water_level-0-I"] == {TAM_QUE: Number(1.6, 1, True)}
    assert found["dong-thap-water_level-1-I"] == {Key("sen-thap-muoi"): Number(1.6, 1, True)}


def test_the_next_looks_read_the_last_hours_and_find_the_same(store, numbers):
    store.write(
        [gauge("tam-que", NOW - 5 * HOUR_MS, salinity=1.5), gauge("canh-tan", NOW - MINUTE_MS, salinity=1)]
    )
    assert numbers.look(NOW)[SALT + "I"][TAM_QUE] == Number(1.5, 0, True)
    for minute in range(1, 130, 7):
        at = NOW + minute * MINUTE_MS
        store.write([gauge("canh-tan", at, salinity=0.5)])
        assert numbers.look(at)[SALT + "I"] == Numbers(store, PILOT, RULES.values()).look(at)[SALT + "I"]
    store.write([gauge("tam-que", at, salinity=0.2)])
    assert numbers.look(at)[SALT + "I"][TAM_QUE] == Number(0.2, 1, True)


@pytest.mark.parametrize("few", [200, 1, -1])
def test_places_that_are_asked_one_by_one_say_what_they_say_all_at_once(store, numbers, monkeypatch, few):
    monkeypatch.setattr("gateway.control.alarms.numbers.FEW", few)
    store.write([
        gauge("tam-que", NOW - 26 * HOUR_MS, salinity=1.5, water_level=2.0),
        gauge("tam-que", NOW - 26 * HOUR_MS - MINUTE_MS, salinity=2.5),
        gauge("tam-que", NOW - MINUTE_MS, water_level=1.0),
        gauge("canh-tan", NOW - 3 * DAY_MS, salinity=0.5), gauge("canh-tan", NOW - 2 * HOUR_MS, salinity=0.7),
        gauge("my-dien", NOW - 9 * DAY_MS, salinity=9.0),
        Point("telemetry", tags(pilot="dong-thap", device="no-place"), {"salinity": 9.0}, NOW - DAY_MS),
    ])  # fmt: skip
    assert numbers.look(NOW)[SALT + "I"] == {
        TAM_QUE: Number(2.5, 0, True), Key("canh-tan"): Number(0.7, 0, True)
    }  # fmt: skip


def test_a_reading_that_is_ahead_by_its_clock_hides_none_before_it(store, numbers):
    store.write([
        gauge("tam-que", NOW - 5 * HOUR_MS, salinity=1.5), gauge("tam-que", NOW + 4 * MINUTE_MS, salinity=0.1)
    ])  # fmt: skip
    assert numbers.look(NOW)[SALT + "I"] == {TAM_QUE: Number(1.5, 0, True)}


class Asked:
    """A store that records which measurements were queried and for how long a span."""

    def __init__(self, store):
        self._store, self.asked = store, []

    def __getattr__(self, name):
        return getattr(self._store, name)

    def latest(self, measurement, where, since, **more):
        self.asked.append(("latest", measurement))
        return self._store.latest(measurement, where, since, **more)

    def summary(self, measurement, fields, where, start, stop, *more, **only):
        self.asked.append((where.get("community", "everywhere"), measurement, stop - start > 3 * HOUR_MS))
        return self._store.summary(measurement, fields, where, start, stop, *more, **only)


def test_once_an_hour_the_week_is_read_of_gauges_that_fell_silent_and_once_a_day_of_all(store):
    asked = Asked(store)
    numbers = Numbers(asked, PILOT, RULES.values())

    def look(at):
        asked.asked.clear()
        found = numbers.look(at)[SALT + "I"]
        gauges = {one for one in asked.asked if one[1] == "telemetry"}
        return found, gauges - {("everywhere", "telemetry", False)}

    for hour in range(24):
        at = NOW + hour * HOUR_MS
        store.write([gauge("canh-tan", at, salinity=0.5)])
        if hour < 3:
            store.write([gauge("tam-que", at, salinity=1.5)])
        found, gauges = look(at)
        expected = {("latest", "telemetry")} if not hour else {("tam-que", "telemetry", True)}
        assert gauges == (set() if 0 < hour < 4 else expected), hour
        assert found[Key("tam-que")].value == 1.5
        assert look(at + MINUTE_MS)[1] == set(), "once an hour"
    # late readings without a current one: of a gauge that held them back, and of one not heard within a day
    store.write([gauge("tam-que", NOW + 4 * HOUR_MS, salinity=2.5)])
    store.write([gauge("my-dien", NOW + 5 * HOUR_MS, salinity=3.5)])
    found, gauges = look(NOW + 24 * HOUR_MS)
    assert ("latest", "telemetry") in gauges
    assert found == Numbers(store, PILOT, RULES.values()).look(NOW + 24 * HOUR_MS)[SALT + "I"]
    assert {place: one.value for place, one in found.items()} == {
        TAM_QUE: 2.5, Key("my-dien"): 3.5, Key("canh-tan"): 0.5
    }  # fmt: skip


def test_after_hours_in_which_nobody_looked_all_hours_are_read(store, numbers):
    numbers.look(NOW)
    store.write([gauge("tam-que", NOW + 10 * MINUTE_MS, salinity=1.5)])
    later = NOW + 6 * HOUR_MS
    assert numbers.look(later)[SALT + "I"] == {TAM_QUE: Number(1.5, 0, True)}


def test_a_device_has_the_hours_of_its_silence_and_a_new_one_no_coverage(store, numbers):
    window = PILOT.rules.iot_communities.window_days
    old, new = (tags(pilot="dong-thap", community="tam-que", device=name) for name in ("old", "new"))
    rows = [Point("device", old, {"coverage": 0.9, "silent_minutes": 90}, NOW - day * DAY_MS - MINUTE_MS)
            for day in range(window + 1)]  # fmt: skip
    store.write([*rows, Point("device", new, {"coverage": 0.006, "silent_minutes": 3}, NOW - MINUTE_MS)])
    found = numbers.look(NOW)
    assert found["dong-thap-device-silent"] == {
        Key("tam-que", "old"): Number(1.5),
        Key("tam-que", "new"): Number(0.05),
    }
    assert found["dong-thap-coverage-low"] == {TAM_QUE: Number(pytest.approx(90))}


@pytest.mark.parametrize(("kinds", "alone"), [((True, True), True), ((True, False), None), ((False,), False)])
def test_silence_and_coverage_say_whether_they_are_of_simulated_devices(store, numbers, kinds, alone):
    """Else an officer drives out to a device that nobody ever built."""
    devices = [Device("dong-thap", "tam-que", f"d{n}", "soil-probe", kind) for n, kind in enumerate(kinds)]
    for one in devices:
        where = tags(pilot="dong-thap", community="tam-que", device=one.device)
        store.write([Point("device", where, {"coverage": 0.5, "silent_minutes": 300},
                           NOW - day * DAY_MS - MINUTE_MS) for day in range(9)])  # fmt: skip
    found = numbers.look(NOW, devices)
    assert found["dong-thap-device-silent"] == {
        Key("tam-que", one.device): Number(5, simulated=one.simulated) for one in devices
    }
    assert found["dong-thap-coverage-low"] == {TAM_QUE: Number(50, simulated=alone)}


def test_a_mean_of_exactly_the_limit_is_not_below_it(store, numbers):
    """Summed as floats, nine times 0.8 is less than 7.2."""
    store.write([
        Point("device", tags(pilot="dong-thap", community="tam-que", device=f"d{n}"),
              {"coverage": 0.8, "silent_minutes": 0}, NOW - day * DAY_MS - MINUTE_MS)
        for day in range(9) for n in range(9)
    ])  # fmt: skip
    assert numbers.look(NOW)["dong-thap-coverage-low"][TAM_QUE].value == 80


def test_gateways_are_each_asked_for_their_books(store, numbers):
    store.write([
        books(NOW), books(NOW, "b", stored=5, lag_ms=30 * MINUTE_MS, quarantined=31),
        books(NOW - 50 * MINUTE_MS, "b", quarantined=1), books(NOW - 20 * MINUTE_MS, "gone"),
    ])  # fmt: skip
    found = numbers.look(NOW)
    assert found["dong-thap-books"] == {Key("a"): Number(0), Key("b"): Number(10 - 5 - 1 - 31)}
    assert found["dong-thap-gateway-silent"] == {
        Key("a"): Number(1),
        Key("b"): Number(1),
        Key("gone"): Number(0),
    }
    assert found["dong-thap-spool-old"] == {Key("a"): Number(0), Key("b"): Number(30)}
    assert found["dong-thap-quarantine"] == {
        Key("a"): Number(0), Key("b"): Number(30), Key("gone"): Number(0),
    }  # fmt: skip


def test_a_gateway_that_writes_is_never_found_silent_before_its_first_page_of_a_slot(store, numbers):
    """A books point carries the start of its five minutes and is written some seconds later."""
    slot = NOW // SLOT_MS * SLOT_MS
    store.write([books(slot - number * SLOT_MS) for number in range(1, 4)])
    for seconds, number in ((-1, 2), (0, 1), (3, 1), (299, 1), (300, 0)):
        found = numbers.look(slot + 1000 * seconds)["dong-thap-gateway-silent"]
        assert found == {Key("a"): Number(number)}, seconds
    store.write([books(slot)])
    for seconds, number in ((3, 2), (299, 2), (300, 1), (599, 1), (600, 0)):
        found = numbers.look(slot + 1000 * seconds)["dong-thap-gateway-silent"]
        assert found == {Key("a"): Number(number)}, seconds


def test_who_has_refused_messages_tried_again_is_no_reason_for_an_alarm(store, numbers):
    refused = (500, 500, 2, 5, 1, 1)
    store.write([books(NOW - (60 - 10 * step) * MINUTE_MS, quarantined=number)
                 for step, number in enumerate(refused)])  # fmt: skip
    assert numbers.look(NOW)["dong-thap-quarantine"] == {Key("a"): Number(3)}


def test_an_indicator_is_held_against_its_path_and_a_share_in_points(store, numbers):
    for name, course in (("smart_villages", -1.0), ("traceability_share", -5.0)):
        store.write([Point("kpi", tags(pilot="dong-thap", indicator=name), {"course": course}, NOW)])
    found = numbers.look(NOW)
    assert found["dong-thap-smart_villages"] == {Key(): Number(-1)}
    assert found["dong-thap-traceability_share"] == {Key(): Number(-5)}
    assert found["dong-thap-iot_communities"] == {}
