"""The examples of RFC 8428: as they are, and with our signals as names."""

import json

import pytest

from devices.contract.senml import decode_cbor
from tests.devices.packs import DEVICE, dated, outcome, resolved, undated

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
    """The pack with these names replaced; a name that becomes "" leaves the whole name to the base."""
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
    mobile = [{**MOBILE[0], "bn": MOBILE[0]["bn"] + ":relative_humidity"}, *MOBILE[1:]]
    assert resolved(*mobile) == [  # longitude and latitude are left out
        dated(1320067464, relative_humidity=20.0), dated(1320067524, relative_humidity=20.3)
    ]  # fmt: skip
    types = renamed(TYPES, temp="air_temperature", open="valve_state")
    assert resolved(*types) == [undated(air_temperature=23.1, valve_state=0.0)]
    thermostat = renamed(THERMOSTAT, temp="air_temperature", heat="pump_state", fan="aerator_state")
    assert resolved(*thermostat) == [undated(air_temperature=23.1, pump_state=1.0, aerator_state=0.0)]


def test_the_examples_that_do_not_fit_with_our_names():
    types = renamed(TYPES, temp="air_temperature", label="soil_ph", open="valve_state")
    assert resolved(*types) == ("not_a_number", "soil_ph"), "a text is no measurement"
    collection = renamed(COLLECTION, temperature="air_temperature", humidity="relative_humidity")
    assert resolved(*collection) == ("foreign_name", "2001:db8::1"), "another device's values"
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
