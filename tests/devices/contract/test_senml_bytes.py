"""SenML as bytes: values and errors that only JSON or only CBOR can have."""

from decimal import Decimal

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.contract.payloads import MAX_BYTES
from devices.contract.senml import decode_cbor, decode_json
from tests.devices.packs import MOISTURE, in_cbor, outcome, undated

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
        (b'[{"n":"soil_moisture","v":1}]\x00', "nul_byte"),
        (b'\x00[{"n":"soil_moisture","v":1}]', "not_json"),
        (b'\xef\xbb\xbf[{"n":"soil_moisture","v":1}]', "not_json"),
        (b'[{"n":"soil_moisture\xff","v":1}]', "not_json"),
        (b'[{"n":"soil_moisture\x00","v":1}]', "nul_byte"),
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
    """A pack of one record with these CBOR bytes as its value."""
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
        ("f6", "null_in_senml"),
        ("f7", "not_a_number"),  # undefined
        ("f8 ff", "not_a_number"),  # an unassigned simple value
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
        ("d8 1e 82 01 00", "not_cbor"),  # a fraction with denominator 0
        ("d8 25 41 01", "not_cbor"),  # a UUID of one byte
        ("d8 23 61 28", "not_cbor"),  # the pattern "("
        ("d9 01 04 45 00 00 00 00 00", "not_cbor"),  # an address of five bytes
        ("d8 1d 00", "not_cbor"),  # a reference to nothing
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
        (b"\x81\xa3" + NAMED + b"\x02\x01\x02\x02", "not_cbor"),  # the same label twice
        (b"\x81\xa3" + NAMED + b"\x02\x01\x61v\x02", "repeated_name"),  # once as a label and once as a name
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
        (b"\x81\xd8\x1c\x81\xd8\x1d\x00", "not_senml"),  # a list that contains itself
        (b"\x81\xa1\x80\x01", "no_values"),  # a list as a label
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


def test_a_pack_may_say_that_it_is_cbor():
    tag = b"\xd9\xd9\xf7"  # RFC 8949, 3.4.6
    assert outcome(decode_cbor, tag + in_cbor([MOISTURE])) == [undated(soil_moisture=31.5)]
    assert outcome(decode_cbor, b"\x81" + tag + in_cbor([MOISTURE])[1:]) == [undated(soil_moisture=31.5)]
    assert outcome(decode_cbor, tag * 2 + in_cbor([MOISTURE])) == ("not_senml", "pack")


def test_names_instead_of_labels_are_understood():
    assert outcome(decode_cbor, cbor2.dumps([MOISTURE])) == [undated(soil_moisture=31.5)]


@given(st.decimals(-1000, 1000, places=3))
def test_a_decimal_is_the_number_that_json_would_say(number):
    assert outcome(decode_cbor, in_cbor([{"n": "soil_ec", "v": Decimal(number)}])) == outcome(
        decode_json, f'[{{"n":"soil_ec","v":{number}}}]'.encode()
    )
