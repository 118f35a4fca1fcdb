"""Checks flag values and never change them."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.contract.quality import Flag
from devices.contract.reading import Device, Reading
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import Limit, load
from gateway.ingest.checks import GROUP, LEAPS, NEIGHBOUR_SHARE, PATIENCE, SPIKE_SHARE, Checker, checked
from gateway.stores.points import MEASUREMENTS

DEVICE = Device("dong-thap", "tam-que", "d", "soil-probe", simulated=False)
PILOT = load("dong-thap")
T = int(datetime(2026, 11, 21, tzinfo=UTC).timestamp() * 1000)
MINUTE, HOUR = 60_000, 3_600_000
READINGS = st.builds(
    Reading,
    st.just(DEVICE),
    st.integers(0, 2**45),
    st.dictionaries(st.sampled_from(sorted(SIGNALS)), st.floats(-(2**53), 2**53), min_size=1, max_size=6),
    st.none() | st.integers(-(2**53), 2**53),
)


def readings(signal, values, step=10 * MINUTE, device=DEVICE, start=T):
    return [Reading(device, start + n * step, {signal: value}) for n, value in enumerate(values)]


def verdicts(points, signal):
    """Time → (reason, flag) of the last verdict on each value that was flagged."""
    found = {}
    for point in points:
        if point.measurement == "telemetry_flagged" and dict(point.tags)["signal"] == signal:
            found[point.time] = (dict(point.tags)["reason"], point.fields["flag"])
    return found


def believed(points, signal):
    return {p.time: p.fields[signal] for p in points if p.measurement == "telemetry" and signal in p.fields}


def judged(signal, values, step=10 * MINUTE, checker=None):
    """The final verdict on each value: "" for good, else the reason."""
    points = checked(checker or Checker(PILOT), readings(signal, values, step))
    doubts = {time: reason for time, (reason, flag) in verdicts(points, signal).items() if flag > Flag.GOOD}
    good = believed(points, signal)
    assert not doubts.keys() & good.keys()
    assert doubts.keys() | good.keys() == {T + n * step for n in range(len(values))}
    return [doubts.get(T + n * step, "") for n in range(len(values))]


@given(st.lists(READINGS, min_size=1, max_size=8))
def test_every_value_is_kept_unaltered_and_in_the_right_place(given_readings):
    checker = Checker(PILOT)
    for reading in given_readings:
        before = dict(reading.values)
        points = checker.check(reading)
        assert reading.values == before
        kept = {}
        for point in points:
            schema = MEASUREMENTS[point.measurement]
            assert tuple(name for name, _ in point.tags) == tuple(sorted(schema.tags))
            assert point.fields.keys() <= schema.fields.keys()
            if point.time != reading.time:
                continue  # an earlier leap, which this reading confirms
            if point.measurement == "telemetry":
                assert reading.device_time is None, "a reading of a wrong clock is not good"
                assert not kept.keys() & point.fields.keys()
                kept |= point.fields
                continue
            signal = dict(point.tags)["signal"]
            if signal not in kept or point.fields["flag"] > Flag.GOOD:
                kept[signal] = point.fields["value"]
            in_range = SIGNALS[signal].low <= point.fields["value"] <= SIGNALS[signal].high
            assert (dict(point.tags)["reason"] == "gross_range") is not in_range
            assert point.fields.get("device_time") == reading.device_time
        assert kept == before


@pytest.mark.parametrize("signal", SIGNALS.values(), ids=lambda signal: signal.id)
def test_limits_belong_to_the_range(signal):
    assert judged(signal.id, [signal.low]) == judged(signal.id, [signal.high]) == [""]
    assert judged(signal.id, [signal.low - signal.resolution]) == ["gross_range"]
    assert judged(signal.id, [signal.high + signal.resolution]) == ["gross_range"]


def test_a_spike_is_doubted_and_its_way_back_is_not():
    # dissolved oxygen: the limit of the rate is 1 mg/L a minute, a quarter of the range is 5 mg/L
    assert judged("dissolved_oxygen", [6, 6.1, 14, 6.2, 6.1]) == ["", "", "spike", "", ""]
    assert judged("air_temperature", [28, 28, 49.9, 28], step=MINUTE) == ["", "", "rate", ""]


def test_a_step_is_doubted_at_once_and_believed_when_it_stays():
    points = checked(Checker(PILOT), readings("dissolved_oxygen", [6, 12, 12.1]))
    first = checked(Checker(PILOT), readings("dissolved_oxygen", [6, 12]))
    assert verdicts(first, "dissolved_oxygen") == {T + 10 * MINUTE: ("spike", Flag.SUSPECT)}
    assert verdicts(points, "dissolved_oxygen") == {T + 10 * MINUTE: ("spike", Flag.GOOD)}
    assert believed(points, "dissolved_oxygen") == {
        T + n * 10 * MINUTE: v for n, v in enumerate([6, 12, 12.1])
    }


def test_a_change_faster_than_the_quantity_can_stays_doubted():
    assert judged("air_temperature", [28, 40, 40.1, 40], step=MINUTE) == ["", "rate", "", ""]


def test_a_wild_sensor_is_doubted_until_a_level_is_accepted():
    wild = judged("soil_moisture", [10, 60, 11, 61, 12, 62], step=10 * MINUTE)
    assert wild == ["", "spike", "", "spike", "", "spike"]
    levels = judged("dissolved_oxygen", [1, 7, 13, 19, 13])
    assert levels[PATIENCE:].count("") >= 1


def test_a_gap_allows_a_larger_change_by_the_rate():
    assert judged("water_level", [0.5, 2.4], step=9 * MINUTE) == ["", "rate"]
    assert judged("water_level", [0.5, 2.4], step=11 * MINUTE) == ["", ""]


@pytest.mark.parametrize("signal", ["air_temperature", "solar_radiation"])
def test_a_stuck_sensor_is_doubted_after_its_time(signal):
    flat = SIGNALS[signal].flat * 1000
    count = flat // HOUR + 3
    found = judged(signal, [21.0] * count + [22.0], step=HOUR)
    assert found == [""] * (flat // HOUR) + ["flat_line"] * 3 + [""]


def test_what_may_stand_still_does():
    assert set(judged("pump_state", [1.0] * 400, step=HOUR)) == {""}
    assert set(judged("rainfall", [0.0, 40.0] * 20)) == {""}
    assert {"rainfall", "pump_state"} <= LEAPS


@pytest.mark.parametrize(
    ("signal", "values"),
    [
        ("wind_direction", [350, 10, 180, 0, 360, 90, 270]),
        ("illuminance", [0, 120_000, 8_000, 90_000]),
        ("rain_rate", [0, 140, 2, 0]),
        ("noise", [42, 95, 44, 88]),
        ("battery_level", [100, 66, 33, 66, 5, 100]),
        ("water_volume", [12.5, 12.5, 13.1, 400]),
    ],
)
def test_what_leaps_by_its_nature_or_is_read_by_a_meter_may(signal, values):
    assert set(judged(signal, values)) == {""}


def test_a_new_water_meter_begins_at_nought_and_is_believed_when_it_stays():
    assert judged("water_volume", [48_210.4, 0.2, 0.3]) == ["", "rate", ""]


def test_dust_of_one_reading_is_a_spike_and_smoke_that_stays_a_step():
    assert judged("pm2_5", [20, 400, 22, 21]) == ["", "spike", "", ""]
    assert judged("pm2_5", [20, 400, 410, 390]) == ["", "", "", ""]
    assert judged("pm10", [30, 900, 32]) == ["", "spike", ""]


@pytest.mark.parametrize(
    "signal", ["wind_direction", "noise", "battery_level", "water_volume", "illuminance"]
)
def test_what_differs_from_place_to_place_has_no_neighbours(signal):
    checker = Checker(PILOT)
    low, high = SIGNALS[signal].low, SIGNALS[signal].high
    for n in range(4):
        device = Device("dong-thap", "tam-que", f"s{n}", "weather-station", simulated=False)
        (point,) = checker.check(Reading(device, T + n * MINUTE, {signal: high if n == 3 else low}))
        assert point.measurement == "telemetry"


def test_neighbours_of_a_commune_doubt_the_one_that_is_apart():
    checker = Checker(PILOT)
    apart = NEIGHBOUR_SHARE * 70 + 1
    devices = [Device("dong-thap", "tam-que", f"p{n}", "soil-probe", simulated=False) for n in range(4)]
    other = Device("dong-thap", "lang-hoa", "far", "soil-probe", simulated=False)
    points = []
    for n, device in enumerate([*devices, other]):
        value = 30.0 + (apart if n >= 3 else 0.1 * n)
        points += checker.check(Reading(device, T + n * MINUTE, {"soil_moisture": value}))
    doubted = [dict(p.tags)["device"] for p in points if p.measurement == "telemetry_flagged"]
    assert doubted == ["p3"] and len(devices) > GROUP
    late = Reading(devices[3], T + 2 * HOUR, {"soil_moisture": 30.0 + apart})
    assert not verdicts(checker.check(late), "soil_moisture"), "nobody measured near that time"


def test_what_comes_late_is_held_against_the_range_alone():
    checker = Checker(PILOT)
    checked(checker, readings("dissolved_oxygen", [6, 6, 6]))
    late = Reading(DEVICE, T - HOUR, {"dissolved_oxygen": 19.0})
    assert verdicts(checker.check(late), "dissolved_oxygen") == {}
    assert judged("dissolved_oxygen", [6.0], checker=checker) == [""]


@given(st.lists(st.floats(0, 20), min_size=1, max_size=30), st.integers(0, 29))
def test_a_restart_changes_no_verdict(values, cut):
    whole = Checker(PILOT)
    told = readings("dissolved_oxygen", values)
    first = Checker(PILOT)
    points = checked(first, told[:cut])
    again = Checker(PILOT, {DEVICE.device: first.dump(DEVICE)})
    assert points + checked(again, told[cut:]) == checked(whole, told)
    assert len(json.dumps(first.dump(DEVICE))) < 300, "memory does not grow with what was seen"


def test_a_pilot_narrows_the_limits_for_all_or_for_one_device():
    limits = (
        Limit(signal="salinity", high=4.0),
        Limit(signal="salinity", device="d", high=2.0, flat_hours=1),
    )
    pilot = PILOT.model_copy(update={"checks": limits})
    other = Device("dong-thap", "tam-que", "e", "canal-gauge", simulated=False)
    for device, high in ((DEVICE, 2.0), (other, 4.0)):
        points = checked(Checker(pilot), readings("salinity", [high, high + 0.1], device=device))
        assert verdicts(points, "salinity") == {T + 10 * MINUTE: ("gross_range", Flag.BAD)}
    with pytest.raises(ValueError, match="not below"):
        Limit(signal="salinity", low=41.0)


def test_shares_are_of_the_range_that_the_table_names():
    assert 0 < NEIGHBOUR_SHARE <= SPIKE_SHARE < 1
