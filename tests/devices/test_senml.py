"""SenML packs (RFC 8428): what they resolve to, in JSON and in CBOR alike, and what is refused, and why."""

import json
from decimal import Decimal

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.payloads import MAX_BYTES, PayloadError, Telemetry
from devices.senml import ABSOLUTE, OLDEST, decode_cbor, decode_json, units
from devices.signals import SIGNALS

DEVICE = "probe"
T = 1_795_219_200  # seconds, 21 November 2026
LABELS = {"bver": -1, "bn": -2, "bt": -3, "bu": -4, "bv": -5, "bs": -6, "n": 0, "u": 1, "v": 2, "vs": 3,
          "vb": 4, "s": 5, "t": 6, "ut": 7, "vd": 8}  # RFC 8428, table 4  # fmt: skip
MOISTURE = {"n": "soil_moisture", "v": 31.5}


def in_cbor(pack):
    return cbor2.dumps(
        [
            {LABELS.get(k, k): v for k, v in record.items()} if isinstance(record, dict) else record
            for record in pack
        ]
    )


def outcome(decode, payload):
    """What a payload is, or the reason and field for which it is refused."""
    try:
        return decode(payload, DEVICE)
    except PayloadError as error:
        return error.reason, error.field


def resolved(*pack):
    """What a pack is in either representation: they must agree."""
    said = outcome(decode_json, json.dumps(pack).encode())
    assert said == outcome(decode_cbor, in_cbor(pack))
    return said


def dated(seconds, **values):
    return Telemetry(values, round(seconds * 1000), None, None)


def undated(ago=0, **values):
    return Telemetry(values, None, None, None, ago)


# -- the examples of RFC 8428, 5.1: none of their names is one of our signals

SINGLE = [{"n": "urn:dev:ow:10e2073a01080063", "u": "Cel", "v": 23.1}]
SEVERAL = [
    {"bn": "urn:dev:ow:10e2073a01080063:", "n": "voltage", "u": "V", "v": 120.1},
    {"n": "current", "u": "A", "v": 1.2},
]
PAST = [
    {"bn": "urn:dev:ow:10e2073a0108006:", "bt": 1.276020076001e09, "bu": "A", "bver": 5, "n": "voltage",
     "u": "V", "v": 120.1},
    {"n": "current", "t": -5, "v": 1.2},
    {"n": "current", "t": -4, "v": 1.3},
    {"n": "current", "t": -3, "v": 1.4},
    {"n": "current", "t": -2, "v": 1.5},
    {"n": "current", "t": -1, "v": 1.6},
    {"n": "current", "v": 1.7},
]  # fmt: skip
STREAM = [
    {"bn": "urn:dev:ow:10e2073a01080063", "bt": 1.320067464e09, "bu": "%RH", "v": 21.2},
    {"t": 10, "v": 21.3},
    {"t": 20, "v": 21.4},
]
MOBILE = [
    {"bn": "urn:dev:ow:10e2073a01080063", "bt": 1.320067464e09, "bu": "%RH", "v": 20},
    {"u": "lon", "v": 24.30621},
    {"u": "lat", "v": 60.07965},
    {"t": 60, "v": 20.3},
]
TYPES = [
    {"bn": "urn:dev:ow:10e2073a01080063:", "n": "temp", "u": "Cel", "v": 23.1},
    {"n": "label", "vs": "Machine Room"},
    {"n": "open", "vb": False},
    {"n": "nfv-reader", "vd": "aGkgCg"},
]
COLLECTION = [
    {"bn": "2001:db8::2/", "bt": 1.320078429e09, "n": "temperature", "u": "Cel", "v": 25.2},
    {"n": "humidity", "u": "%RH", "v": 30},
    {"bn": "2001:db8::1/", "n": "temperature", "u": "Cel", "v": 12.3},
    {"n": "humidity", "u": "%RH", "v": 67},
]
THERMOSTAT = [
    {"bn": "urn:dev:ow:10e2073a01080063:"},
    {"n": "temp", "u": "Cel", "v": 23.1},
    {"n": "heat", "u": "/", "v": 1},
    {"n": "fan", "u": "/", "v": 0},
]
LIGHTS = [
    {"bt": 1.320078429e09, "bu": "/", "n": "2001:db8::3", "v": 0.5},
    {"n": "2001:db8::4", "v": 0.5},
    {"n": "2001:db8::3", "t": 0.1, "v": 0},
    {"n": "2001:db8::4", "t": 0.1, "v": 0},
]


@pytest.mark.parametrize(
    ("pack", "name"),
    [
        (SINGLE, "10e2073a01080063"),
        (SEVERAL, "voltage"),
        (PAST, "voltage"),
        (STREAM, "10e2073a01080063"),
        (MOBILE, "10e2073a01080063"),
        (TYPES, "temp"),
        (COLLECTION, "temperature"),
        (THERMOSTAT, "temp"),
        (LIGHTS, "3"),
    ],
)
def test_the_examples_as_they_stand_are_of_no_signal_of_ours(pack, name):
    assert resolved(*pack) == ("unknown_signal", name)


def renamed(pack, **names):
    """The same with the ends of its names as our signals; a name that becomes "" is left to the base."""
    text = json.dumps(pack)
    for name, signal in names.items():
        text = text.replace(f'"{name}"', f'"{signal}"')
    return json.loads(text)


def test_the_examples_that_fit_with_our_names():
    assert resolved({"n": "urn:dev:ow:10e2073a01080063:air_temperature", "u": "Cel", "v": 23.1}) == [
        undated(air_temperature=23.1)
    ]
    several = renamed(SEVERAL, voltage="battery_voltage", current="wind_speed", A="m/s")
    assert resolved(*several) == [undated(battery_voltage=120.1, wind_speed=1.2)]
    stream = [{**STREAM[0], "bn": STREAM[0]["bn"] + ":relative_humidity"}, *STREAM[1:]]
    assert resolved(*stream) == [
        dated(1320067464 + 10 * n, relative_humidity=value) for n, value in enumerate((21.2, 21.3, 21.4))
    ]
    thermostat = renamed(THERMOSTAT, temp="air_temperature", heat="pump_state", fan="aerator_state")
    assert resolved(*thermostat) == [undated(air_temperature=23.1, pump_state=1.0, aerator_state=0.0)]


def test_the_examples_that_do_not_fit_with_our_names():
    mobile = [{**MOBILE[0], "bn": MOBILE[0]["bn"] + ":relative_humidity"}, *MOBILE[1:]]
    assert resolved(*mobile) == ("repeated_name", "relative_humidity"), "one name for three quantities"
    types = renamed(TYPES, temp="air_temperature", label="soil_ph", open="valve_state")
    assert resolved(*types) == ("not_a_number", "soil_ph"), "a text is no measurement"
    collection = renamed(COLLECTION, temperature="air_temperature", humidity="relative_humidity")
    assert resolved(*collection) == ("foreign_name", "2001:db8::2"), "another device's values"
    own = json.loads(json.dumps(collection[:2]).replace("2001:db8::2", DEVICE))
    assert resolved(*own) == [dated(1320078429, air_temperature=25.2, relative_humidity=30.0)]


# RFC 8428, 6: the dump of the second example of 5.1.2
DUMP = bytes.fromhex(
    "87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b00106223614120050067"
    "766f6c7461676501615602fb405e066666666666a3006763757272656e74062402fb3ff3333333333333a3006763757272"
    "656e74062302fb3ff4cccccccccccda3006763757272656e74062202fb3ff6666666666666a3006763757272656e740621"
    "02f93e00a3006763757272656e74062002fb3ff999999999999aa3006763757272656e74060002fb3ffb333333333333"
)


def test_the_cbor_example_says_what_the_json_example_says():
    assert outcome(decode_cbor, DUMP) == resolved(*PAST) == ("unknown_signal", "voltage")
    ours = DUMP.replace(b"\x67voltage", b"\x6fbattery_voltage").replace(b"\x67current", b"\x6awind_speed")
    pack = renamed(PAST, voltage="battery_voltage", current="wind_speed")
    assert outcome(decode_cbor, ours) == resolved(*pack) == ("wrong_unit", "wind_speed: A")
    told = outcome(decode_cbor, ours.replace(b"\x61A", b"\x63m/s"))
    assert told == resolved(*renamed(pack, A="m/s"))
    assert told == [
        *(dated(1276020071.001 + n, wind_speed=value) for n, value in enumerate((1.2, 1.3, 1.4, 1.5, 1.6))),
        dated(1276020076.001, battery_voltage=120.1, wind_speed=1.7),
    ]


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
        ("air_temperature", ""),
        ("soil_nitrogen", "mg/kg"),  # UCUM's spelling is none of SenML's
        ("water_level", "km/h"),
        ("soil_moisture", "Cel"),
        ("salinity", "g/l"),
    ],
)
def test_a_wrong_unit_is_refused(signal, unit):
    assert resolved({"n": signal, "u": unit, "v": 1}) == ("wrong_unit", f"{signal}: {unit}")


# -- refused, whichever representation it has

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
    ([{"t": None, **MOISTURE}], "not_a_number", "t"),
    ([{"t": True, **MOISTURE}], "not_a_number", "t"),
    ([{"bv": {}, **MOISTURE}], "not_a_number", "bv"),
    ([{"n": "soil_moisture", "v": "25"}], "not_a_number", "soil_moisture"),
    ([{"n": "soil_moisture", "v": True}], "not_a_number", "soil_moisture"),
    ([{"n": "soil_moisture", "v": None}], "not_a_number", "soil_moisture"),
    ([{"n": "soil_moisture", "v": [1]}], "not_a_number", "soil_moisture"),
    ([{"n": "soil_moisture", "vb": True}], "not_a_number", "soil_moisture"),
    ([{"n": "soil_moisture", "vs": "wet"}], "not_a_number", "soil_moisture"),
    ([{"n": "soil_moisture", "vd": "aGkgCg"}], "not_a_number", "soil_moisture"),
    ([{"n": "soil_moisture", "s": 100}], "not_a_number", "soil_moisture"),
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


# -- JSON alone


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'[{"n":"soil_moisture","v":1e999}]', "not_finite"),
        (b'[{"n":"soil_moisture","v":' + b"9" * 5000 + b"}]", "not_json"),
        (b'[{"n":"soil_moisture","v":' + b"9" * 4000 + b"}]", "too_big"),
        (b'[{"n":"soil_moisture","v":031}]', "not_json"),
        (b'[{"n":"soil_moisture","v":1}]x', "not_json"),
        (b'[{"n":"soil_moisture","v":1}][]', "not_json"),
        (b'[{"n":"soil_moisture","v":1}', "not_json"),
        (b'[{"n":"soil_moisture","v":1}]\x00', "not_json"),
        (b'\x00[{"n":"soil_moisture","v":1}]', "not_json"),
        (b'\xef\xbb\xbf[{"n":"soil_moisture","v":1}]', "not_json"),
        (b'[{"n":"soil_moisture\xff","v":1}]', "not_json"),
        (b'[{"n":"soil_moisture\x00","v":1}]', "not_json"),
        ('[{"n":"soil_moisture","v":1}]'.encode("utf-16"), "not_json"),
        (b'[{"n":"\\ud800","v":1}]', "not_json"),
        (b'[{"n":"soil_moisture","u":"\\udfff","v":1}]', "not_json"),
        (b'[{"\\ud800_":1,"n":"soil_moisture","v":1}]', "not_json"),
        (b'[{"n":"soil_moisture","v":1,"v":2}]', "repeated_name"),
        (b'[{"n":"soil_moisture","v":1,"\\u0076":2}]', "repeated_name"),
        (b'[{"n":"soil_moisture","v":1,"x":{"a":1,"a":2}}]', "repeated_name"),
        (b'{"n":"soil_moisture","v":1}', "not_senml"),
        (b"null", "not_senml"),
        (b"[" * 16_000, "not_json"),
        (b"[" * 8_000 + b"]" * 8_000, "not_json"),
        (b'[{"x":' * 2_000, "not_json"),
        (b"[" * 100_000, "too_large"),
        (b'[{"n":"soil_moisture","v":1}]'.ljust(MAX_BYTES + 1), "too_large"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_json_that_is_none_or_says_a_thing_twice(payload, reason):
    refused = outcome(decode_json, payload)
    assert refused[0] == reason
    assert refused[1].encode() is not None, "it must fit into a quarantine"


def test_escaped_names_are_names():
    assert outcome(decode_json, b'[{"\\u006e":"soil\\u005fmoisture","v":1}]') == [undated(soil_moisture=1.0)]
    assert outcome(decode_json, b'[{"n":"soil_moisture","v":1,"x":"\\ud83d\\ude00"}]') == [
        undated(soil_moisture=1.0)
    ]


# -- CBOR alone

NAMED = b"\x00\x6dsoil_moisture"  # 0: "soil_moisture"


def one(value):
    """A pack of one record with `value` as it stands in CBOR."""
    return b"\x81\xa2" + NAMED + b"\x02" + value


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("18 1f", 31.0),
        ("f9 4f e0", 31.5),
        ("fa 41 fc 00 00", 31.5),
        ("fb 40 3f 80 00 00 00 00 00", 31.5),
        ("c4 82 20 19 01 3b", 31.5),  # decimal fraction: RFC 8428, 6 allows it
        ("c4 82 20 19 01 39", 31.3),
        ("c5 82 20 18 3f", 31.5),  # a big float
        ("c2 41 1f", 31.0),
        ("38 1e", -31.0),
    ],
)
def test_every_number_of_cbor(value, number):
    assert outcome(decode_cbor, one(bytes.fromhex(value))) == [undated(soil_moisture=number)]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("f9 7e 00", "not_finite"),
        ("fa 7f c0 00 00", "not_finite"),
        ("fb ff f0 00 00 00 00 00 00", "not_finite"),
        ("f4", "not_a_number"),
        ("f6", "not_a_number"),
        ("f7", "not_a_number"),  # undefined
        ("f8 ff", "not_a_number"),  # a simple value of nobody
        ("62 32 35", "not_a_number"),  # "25"
        ("41 19", "not_a_number"),
        ("80", "not_a_number"),
        ("a0", "not_a_number"),
        ("1b ff ff ff ff ff ff ff ff", "too_big"),
        ("3b ff ff ff ff ff ff ff ff", "too_big"),
        ("c2 49 01 00 00 00 00 00 00 00 00", "too_big"),
        ("c3 49 01 00 00 00 00 00 00 00 00", "too_big"),
        ("c4 82 19 01 90 01", "not_finite"),  # 1e400
        ("c4 82 1a 3b 9a ca 00 01", "not_finite"),
        ("c4 82 1b 7f ff ff ff ff ff ff ff 01", "not_cbor"),
        ("c4 01", "not_cbor"),
        ("c5 82 1a 3b 9a ca 00 03", "not_cbor"),
        ("c1 fb 7e 37 e4 3c 88 00 75 9c", "not_cbor"),  # a date in the year 1e300
        ("c0 64 6e 6f 70 65", "not_cbor"),
        ("c1 1a 6b 00 00 00", "not_a_number"),  # a date
        ("d8 1e 82 01 02", "not_a_number"),  # a half, as a fraction
        ("d8 1e 82 01 00", "not_cbor"),  # and by nothing
        ("d8 25 41 01", "not_cbor"),  # a UUID of one byte
        ("d8 23 61 28", "not_cbor"),  # the pattern "("
        ("d9 01 04 45 00 00 00 00 00", "not_cbor"),  # an address of five bytes
        ("d8 1d 00", "not_cbor"),  # shared with nothing
        ("ff", "not_cbor"),
        ("1c", "not_cbor"),
        ("61 ff", "not_cbor"),
        ("18", "not_cbor"),
        ("01 00", "not_cbor"),  # a byte too many
        ("01 81 a0", "not_cbor"),  # a second pack
    ],
)
def test_a_value_of_cbor_that_is_no_number(value, reason):
    assert outcome(decode_cbor, one(bytes.fromhex(value)))[0] == reason


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"\x81\xa3" + NAMED + b"\x02\x01\x02\x02", "not_cbor"),  # twice the same label
        (b"\x81\xa3" + NAMED + b"\x02\x01\x61v\x02", "repeated_name"),  # as label and as name
        (b"\x81\xa3" + NAMED + b"\x02\x01\x62x_\x02", "unknown_field"),
        (b"\x80", "no_values"),
        (b"\x81\x80", "not_senml"),
        (b"\xa0", "not_senml"),
        (b"\x81" * 16_000, "not_cbor"),
        (b"\x9f" * 16_000, "not_cbor"),
        (b"\x81\xa1\x02" * 5_000, "not_cbor"),
        (b"\x81" + b"\xa1" * 16_000, "not_cbor"),
        (b"\x81" + b"\xc6" * 16_000, "not_cbor"),
        (b"\x81" * 300 + b"\x80" * 300, "not_cbor"),
        (b"\x81" * 100_000, "too_large"),
        (b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "not_cbor"),
        (b"\x9b\x00\x00\x7f\xff\xff\xff\xff\xff", "not_cbor"),
        (b"\x81\x7b\x7f\xff\xff\xff\xff\xff\xff\xff", "not_cbor"),
        (b"\x81\x5b\x00\x00\x7f\xff\xff\xff\xff\xff", "not_cbor"),
        (b"\x81\xbb\x00\x00\x7f\xff\xff\xff\xff\xff", "not_cbor"),
        (b"\x81\xa2\x00\x61\xff\x02\x01", "not_cbor"),
        (b"\x81\xa2\x00\x63\xed\xa0\x80\x02\x01", "not_cbor"),  # half a character
        (b"\x81\xd8\x1c\x81\xd8\x1d\x00", "not_senml"),  # a list that holds itself
        (b"\x81\xa1\x80\x01", "no_values"),  # a list as label
        (b"", "not_cbor"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_cbor_that_is_none_or_says_a_thing_twice(payload, reason):
    assert outcome(decode_cbor, payload)[0] == reason


def test_lengths_may_be_left_open():
    assert outcome(decode_cbor, b"\x9f\xbf" + NAMED + b"\x02\x18\x1f\xff\xff") == [
        undated(soil_moisture=31.0)
    ]
    name = b"\x00\x7f\x65soil_\x68moisture\xff"
    assert outcome(decode_cbor, b"\x81\xa2" + name + b"\x02\x01") == [undated(soil_moisture=1.0)]


def test_names_instead_of_labels_are_understood():
    assert outcome(decode_cbor, cbor2.dumps([MOISTURE])) == [undated(soil_moisture=31.5)]


@given(st.decimals(-1000, 1000, places=3))
def test_a_decimal_is_the_number_that_json_would_say(number):
    assert outcome(decode_cbor, in_cbor([{"n": "soil_ec", "v": Decimal(number)}])) == outcome(
        decode_json, f'[{{"n":"soil_ec","v":{number}}}]'.encode()
    )


# -- any pack at all

numbers = st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, width=64)
names = st.sampled_from(["", "soil_", "moisture", "soil_moisture", "soil_ec", "pump_state", "probe/", "x:"])
records = st.fixed_dictionaries(
    {},
    optional={
        "bn": names, "n": names, "bu": st.sampled_from(["%", "Cel", "/"]), "u": st.sampled_from(["%", "S/m"]),
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
