"""SenML packs (RFC 8428): what they resolve to, in JSON and CBOR alike, and which are refused and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.contract.senml import ABSOLUTE, OLDEST, units
from devices.contract.signals import SIGNALS
from tests.devices.packs import MOISTURE, T, dated, resolved, undated

# -- base fields


@pytest.mark.parametrize(
    ("pack", "readings"),
    [
        ([MOISTURE], [undated(soil_moisture=31.5)]),
        ([{"bn": "soil_", "n": "moisture", "v": 1}], [undated(soil_moisture=1.0)]),
        ([{"bn": "soil_moisture", "v": 1}], [undated(soil_moisture=1.0)]),
        ([{"bn": "urn:dev:mac:0024befffe804ff1:", **MOISTURE}], [undated(soil_moisture=31.5)]),
        ([{"bn": "probe/", **MOISTURE}], [undated(soil_moisture=31.5)]),
        ([{"n": "probe:soil_moisture", "v": 1}], [undated(soil_moisture=1.0)]),
        ([{"n": "farm/probe/soil_moisture", "v": 1}], [undated(soil_moisture=1.0)]),
        (
            [{"bn": "soil_", "n": "moisture", "v": 1}, {"bn": "water_", "n": "ph", "v": 7}],
            [undated(soil_moisture=1.0, water_ph=7.0)],
        ),
        ([{"bt": T}, MOISTURE], [dated(T, soil_moisture=31.5)]),
        ([{"bt": T, "t": -60, **MOISTURE}], [dated(T - 60, soil_moisture=31.5)]),
        ([{"bt": T - 60, "t": 60.5, **MOISTURE}], [dated(T + 0.5, soil_moisture=31.5)]),
        (
            [{"bt": T, **MOISTURE}, {"bt": T + 600, "n": "soil_ec", "v": 1}],
            [dated(T, soil_moisture=31.5), dated(T + 600, soil_ec=1.0)],
        ),
        (
            [{"bt": T, **MOISTURE}, {"n": "soil_ec", "t": -600, "v": 1}],
            [dated(T - 600, soil_ec=1.0), dated(T, soil_moisture=31.5)],
        ),
        (
            [{"bu": "/", "n": "soil_moisture", "v": 0.3}, {"n": "soil_ec", "u": "S/m", "v": 0.12}],
            [undated(soil_moisture=30.0, soil_ec=1.2)],
        ),
        (
            [{"bu": "/", "n": "soil_moisture", "v": 0.3}, {"bu": "%RH", "n": "relative_humidity", "v": 80}],
            [undated(soil_moisture=30.0, relative_humidity=80.0)],
        ),
        ([{"bv": 20, "n": "soil_moisture", "v": 11.5}], [undated(soil_moisture=31.5)]),
        ([{"bv": 20}, {"n": "soil_moisture", "v": 11.5}], [undated(soil_moisture=31.5)]),
        (
            [{"bv": 20, "n": "soil_ec", "v": 1}, {"bv": 0, **MOISTURE}],
            [undated(soil_ec=21, soil_moisture=31.5)],
        ),
        ([{"bver": 10, **MOISTURE}], [undated(soil_moisture=31.5)]),
        ([{"bver": 1, **MOISTURE}], [undated(soil_moisture=31.5)]),
        ([{"bs": 5, "s": 100, "ut": 600, "x": [], **MOISTURE}], [undated(soil_moisture=31.5)]),
    ],
)
def test_base_fields_hold_until_they_are_said_again(pack, readings):
    assert resolved(*pack) == readings


@pytest.mark.parametrize(
    ("t", "reading"),
    [
        (0, undated(soil_moisture=31.5)),
        (-1.5, undated(1500, soil_moisture=31.5)),
        (-86_400, undated(86_400_000, soil_moisture=31.5)),
        (-OLDEST, undated(OLDEST * 1000, soil_moisture=31.5)),
        (ABSOLUTE, dated(ABSOLUTE, soil_moisture=31.5)),
        (T + 0.0004, dated(T, soil_moisture=31.5)),
        (T + 0.123456789, dated(T + 0.123, soil_moisture=31.5)),
        (1, "of the future"),
        (0.001, "of the future"),
        (ABSOLUTE - 1, "of the future"),
        (-OLDEST - 1, "no memory is as old"),
        (-1e9, "no memory is as old"),
        (2**53, "beyond what a double counts"),
        (-(2**53), "beyond what a double counts"),
    ],
)
def test_times_are_of_the_epoch_or_before_now(t, reading):
    expected = ("bad_time", "t") if isinstance(reading, str) else [reading]
    assert resolved({"t": t, **MOISTURE}) == expected
    assert resolved({"bt": t, **MOISTURE}) == expected


def test_records_of_one_time_are_one_reading():
    times = (-1200, -600, 0)
    pack = [{"n": name, "t": t, "v": 1} for name in ("soil_moisture", "soil_ec") for t in times]
    assert resolved(*pack) == [undated(-t * 1000, soil_moisture=1.0, soil_ec=1.0) for t in times]


# -- units

CONVERTED = [
    ("air_temperature", "Cel", 29.3, 29.3),
    ("air_temperature", "K", 302.45, 29.3),
    ("water_temperature", "K", 273.15, 0.0),
    ("soil_moisture", "%", 31.5, 31.5),
    ("soil_moisture", "/", 0.315, 31.5),
    ("soil_moisture", "/100", 31.5, 31.5),
    ("soil_moisture", "/1000", 315, 31.5),
    ("leaf_wetness", "%RH", 40, 40.0),
    ("relative_humidity", "%RH", 81.2, 81.2),
    ("relative_humidity", "%", 81.2, 81.2),
    ("air_pressure", "hPa", 1010.3, 1010.3),
    ("air_pressure", "Pa", 101_030, 1010.3),
    ("rainfall", "mm", 0.2, 0.2),
    ("rainfall", "m", 0.0003, 0.3),
    ("rainfall", "cm", 1.23, 12.3),
    ("water_level", "m", 1.23, 1.23),
    ("water_level", "mm", 1230, 1.23),
    ("water_level", "cm", -12.3, -0.123),
    ("wind_speed", "m/s", 2.5, 2.5),
    ("wind_speed", "km/h", 9, 2.5),
    ("solar_radiation", "W/m2", 800, 800.0),
    ("co2", "ppm", 420, 420.0),
    ("co2", "/", 0.00042, 420.0),
    ("co2", "/1000", 0.42, 420.0),
    ("soil_ec", "S/m", 0.12, 1.2),
    ("soil_ph", "pH", 6.5, 6.5),
    ("salinity", "kg/m3", 3.4, 3.4),
    ("dissolved_oxygen", "kg/m3", 0.0061, 6.1),
    ("turbidity", "NTU", 55, 55.0),
    ("pest_count", "count", 12, 12.0),
    ("battery_voltage", "V", 3.7, 3.7),
    ("battery_voltage", "mV", 3712, 3.712),
    ("rssi", "dBm", -97, -97.0),
    ("rssi", "dBW", -127, -97.0),
    ("pump_state", "/", 1, 1.0),
    ("energy", "kWh", 12.5, 12.5),
    ("energy", "Wh", 12_500, 12.5),
    ("energy", "J", 3.6e6, 1.0),
    ("battery_level", "%EL", 87, 87.0),
    ("battery_level", "/", 0.87, 87.0),
    ("illuminance", "lx", 54_000, 54_000.0),
    ("wind_direction", "deg", 225, 225.0),
    ("wind_direction", "rad", 1.5707963267949, 90.0),
    ("water_volume", "m3", 12.345, 12.345),
    ("water_volume", "l", 12_345, 12.345),
    ("rain_rate", "mm/h", 7.2, 7.2),
    ("rain_rate", "m/h", 0.0072, 7.2),
    ("rain_rate", "m/s", 2e-6, 7.2),
    ("pm2_5", "ug/m3", 25, 25.0),
    ("pm10", "kg/m3", 5e-8, 50.0),
    ("noise", "dB", 61.5, 61.5),
    ("noise", "Bspl", 6.15, 61.5),
]


@pytest.mark.parametrize(("signal", "unit", "value", "expected"), CONVERTED)
def test_units_are_converted_exactly(signal, unit, value, expected):
    for pack in ({"n": signal, "u": unit, "v": value}, {"bu": unit, "n": signal, "v": value}):
        assert resolved(pack) == [undated(**{signal: expected})]
    assert resolved({"n": signal, "v": expected}) == [undated(**{signal: expected})], (
        "without a unit: its own"
    )


def test_every_unit_that_is_taken_is_tested():
    assert {(unit, SIGNALS[signal].unit) for signal, unit, *_ in CONVERTED} == set(units())


@pytest.mark.parametrize(
    ("signal", "unit"),
    [
        ("air_temperature", "%"),
        ("air_temperature", "degC"),
        ("air_temperature", "cel"),
        ("soil_nitrogen", "mg/kg"),  # SenML does not have UCUM's spelling
        ("water_level", "km/h"),
        ("soil_moisture", "Cel"),
        ("salinity", "g/l"),
        ("battery_level", "EL"),  # seconds left; nobody knows how many are 100 %
        ("wind_speed", "mm/h"),
    ],
)
def test_a_wrong_unit_is_refused(signal, unit):
    assert resolved({"n": signal, "u": unit, "v": 1}) == ("wrong_unit", f"{signal}: {unit}")


# -- refused in either representation

REFUSED = [
    ([], "no_values", ""),
    ([{}], "no_values", ""),
    ([{"bn": "soil_moisture", "bt": T, "bv": 3}], "no_values", ""),
    ([1], "not_senml", "record"),
    ([None], "not_senml", "record"),
    ([[MOISTURE]], "not_senml", "record"),
    ([MOISTURE, "x"], "not_senml", "record"),
    ([{"n": "soil_moistur", "v": 1}], "unknown_signal", "soil_moistur"),
    ([{"v": 1}], "unknown_signal", ""),
    ([{"n": "soil_moisture/", "v": 1}], "unknown_signal", "soil_moisture/"),
    ([{"bn": "soil_moisture", "n": "soil_moisture", "v": 1}], "unknown_signal", "soil_moisturesoil_moisture"),
    ([{"n": "Độ ẩm", "v": 1}], "unknown_signal", "Độ ẩm"),
    ([{"n": "other/soil_moisture", "v": 1}], "foreign_name", "other"),
    ([{"n": "other:soil_moisture", "v": 1}], "foreign_name", "other"),
    ([{"n": "probe/other/soil_moisture", "v": 1}], "foreign_name", "probe/other"),
    ([{"n": "probe2:soil_moisture", "v": 1}], "foreign_name", "probe2"),
    ([{"bn": "probe/", **MOISTURE}, {"bn": "other/", "n": "soil_ec", "v": 1}], "foreign_name", "other"),
    ([{**MOISTURE, "x_": 1}], "unknown_field", "x_"),
    ([{"must_": None}, MOISTURE], "unknown_field", "must_"),
    ([{"bver": 11, **MOISTURE}], "not_senml", "bver"),
    ([{"bver": "10", **MOISTURE}], "not_a_number", "bver"),
    ([{"n": 1, "v": 1}], "not_senml", "n"),
    ([{"bn": 7, **MOISTURE}], "not_senml", "bn"),
    ([{"bu": 1, **MOISTURE}], "not_senml", "bu"),
    ([{"u": ["%"], **MOISTURE}], "not_senml", "u"),
    ([{"bt": "2026", **MOISTURE}], "not_a_number", "bt"),
    ([{"t": None, **MOISTURE}], "null_in_senml", "t"),
    ([{"t": True, **MOISTURE}], "not_a_number", "t"),
    ([{"bv": {}, **MOISTURE}], "not_a_number", "bv"),
    ([{"n": "soil_moisture", "v": "25"}], "not_a_number", "soil_moisture"),
    ([{"n": "soil_moisture", "v": True}], "not_a_number", "soil_moisture"),
    ([{"n": "soil_moisture", "v": None}], "null_in_senml", "soil_moisture"),
    ([{"n": "soil_moisture", "vs": None}], "null_in_senml", "soil_moisture"),
    ([{"n": "soil_moisture", "v": [1]}], "not_a_number", "soil_moisture"),
    ([{"n": "soil_moisture", "vb": True}], "not_a_number", "soil_moisture"),
    ([{"n": "soil_moisture", "vs": "wet"}], "not_a_number", "soil_moisture"),
    ([{"n": "soil_moisture", "vd": "aGkgCg"}], "not_a_number", "soil_moisture"),
    ([{"n": "pump_state", "vb": 1}], "not_a_number", "pump_state"),
    ([{"n": "pump_state", "vb": "true"}], "not_a_number", "pump_state"),
    ([{"n": "pump_state", "v": 0, "vb": True}], "not_senml", "v, vb"),
    ([{"n": "soil_moisture", "v": 1, "vs": "1"}], "not_senml", "v, vs"),
    ([{"n": "soil_moisture", "v": 2**63}], "too_big", "soil_moisture"),
    ([{"n": "soil_moisture", "v": -(2**63)}], "too_big", "soil_moisture"),
    ([{"n": "soil_moisture", "v": 2**53 + 2}], "too_big", "soil_moisture"),
    ([{"n": "soil_moisture", "v": 1e300}], "too_big", "soil_moisture"),
    ([{"bv": 1e300, **MOISTURE}], "too_big", "soil_moisture"),
    ([{"n": "rainfall", "u": "m", "v": 9e15}], "too_big", "rainfall"),
    ([{"bv": 1e308, "n": "soil_moisture", "v": 1e308}], "too_big", "soil_moisture"),
    ([{"bt": 1e308, "t": 1e308, **MOISTURE}], "bad_time", "t"),
    ([{"n": "soil_moisture", "v": float("nan")}], "not_finite", "soil_moisture"),
    ([{"n": "soil_moisture", "v": float("inf")}], "not_finite", "soil_moisture"),
    ([{"n": "soil_moisture", "v": -float("inf")}], "not_finite", "soil_moisture"),
    ([{"t": float("nan"), **MOISTURE}], "not_finite", "t"),
    ([{"bv": float("inf"), **MOISTURE}], "not_finite", "bv"),
    ([MOISTURE, MOISTURE], "repeated_name", "soil_moisture"),
    ([{"bt": T, **MOISTURE}, {"n": "probe:soil_moisture", "v": 1}], "repeated_name", "soil_moisture"),
    ([MOISTURE, {"n": "soil_moisture", "v": "25", "t": -600}], "not_a_number", "soil_moisture"),
]


@pytest.mark.parametrize(("pack", "reason", "field"), REFUSED, ids=lambda value: repr(value)[:40])
def test_a_bad_pack_is_refused_whole_with_its_reason(pack, reason, field):
    assert resolved(*pack) == (reason, field)


@pytest.mark.parametrize("signal", ["pump_state", "valve_state", "aerator_state"])
def test_a_switch_may_be_said_as_true_and_false(signal):
    for said in (True, False):
        assert resolved({"n": signal, "vb": said}) == [undated(**{signal: float(said)})]


# -- any pack at all

numbers = st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, width=64)
senders = st.sampled_from(["probe/", "x:", "A8:", "2419A-", "urn:dev:ow:1a_"])
names = senders | st.sampled_from(["", "soil_", "moisture", "soil_moisture", "soil_ec", "pump_state", "lat"])
records = st.fixed_dictionaries(
    {},
    optional={
        "bn": names, "n": names, "bu": st.sampled_from(["%", "Cel", "/"]),
        "u": st.sampled_from(["%", "S/m", "", "lat"]), "bs": numbers, "vd": st.text(max_size=3),
        "bt": numbers | st.just(T), "t": numbers | st.integers(-86_400, 0), "bv": numbers, "v": numbers,
        "vb": st.booleans(), "vs": st.text(max_size=3), "bver": st.integers(0, 12), "s": numbers,
        "ut": numbers, "x": st.none() | st.text(max_size=3), "x_": st.none(),
    },
)  # fmt: skip


@given(st.lists(records, max_size=4))
def test_json_and_cbor_say_the_same(pack):
    said = resolved(*pack)
    assert said
    for telemetry in said if isinstance(said, list) else ():
        assert telemetry.values.keys() <= SIGNALS.keys()
        assert all(type(value) is float and abs(value) <= 2**53 for value in telemetry.values.values())
        assert (telemetry.time is None) or telemetry.ago == 0
