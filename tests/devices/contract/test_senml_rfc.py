"""SenML by the sections of RFC 8428 and 9039: what may stand around our values in a maker's pack."""

import pytest

from devices.contract.senml import decode_cbor
from tests.devices.packs import MOISTURE, T, dated, in_cbor, outcome, resolved, undated

EC = {"n": "soil_ec", "v": 1.2}
NAMED = {"n": "soil_moisture"}


@pytest.mark.parametrize(
    "beside",
    [
        {"n": "energy", "u": "W", "s": 7200},
        {"n": "rainfall", "s": 0},
        {"n": "flow", "s": 12.5, "t": -60},  # a sum is not read, so its unknown name does not matter
        {"n": "energy", "bs": 100, "s": 5},
    ],
)
def test_4_2_a_sum_without_a_value_is_ignored_and_the_rest_is_taken(beside):
    assert resolved(beside, MOISTURE) == resolved(MOISTURE, beside) == [undated(soil_moisture=31.5)]


def test_4_2_a_sum_beside_a_value_is_ignored():
    assert resolved({**MOISTURE, "s": 100}) == [undated(soil_moisture=31.5)]
    assert resolved({"bs": 5, **MOISTURE}) == [undated(soil_moisture=31.5)]


def test_4_2_sums_alone_are_nothing_to_store():
    assert resolved({"n": "energy", "s": 100}) == ("no_values", "")


@pytest.mark.parametrize(
    ("record", "reason", "field"),
    [
        ({"n": "energy", "s": "100"}, "not_a_number", "energy"),
        ({"n": "energy", "s": None}, "null_in_senml", "energy"),
        ({"n": "energy", "s": float("nan")}, "not_finite", "energy"),
        ({"bs": "5"}, "not_a_number", "bs"),
        ({"bs": None}, "null_in_senml", "bs"),
    ],
)
def test_4_2_a_sum_that_is_no_number_is_refused(record, reason, field):
    assert resolved(record, MOISTURE) == (reason, field)


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (NAMED, "soil_moisture"),
        ({"bn": "probe/", "n": "soil_moisture", "u": "%"}, "probe/soil_moisture"),
        ({"n": "soil_moistur"}, "soil_moistur"),
        ({"bn": "soil_moisture", "t": -60}, "soil_moisture"),
        ({"u": "%"}, ""),
    ],
)
def test_4_2_a_record_without_a_value_or_a_sum_is_refused(record, field):
    assert resolved({**EC, "t": -60}, record) == ("missing_value", field)


def test_4_1_a_record_of_base_fields_alone_measures_nothing():
    assert resolved({"bn": "soil_moisture", "bv": 20}, {"v": 1}) == [undated(soil_moisture=21.0)]
    assert resolved({"bt": T}, {"x": 1}, {}, MOISTURE) == [dated(T, soil_moisture=31.5)]


@pytest.mark.parametrize(
    ("pack", "readings"),
    [
        ([{"bv": 20, **NAMED}], [undated(soil_moisture=20.0)]),
        ([{"bv": 20}, NAMED], [undated(soil_moisture=20.0)]),
        ([{"bv": 0, **NAMED}], [undated(soil_moisture=0.0)]),
        ([{"bv": 2, "bs": 5, **NAMED}], [undated(soil_moisture=2.0)]),
        ([{"bv": 0.2, "bu": "/", **NAMED}], [undated(soil_moisture=20.0)]),
        (
            [{"bn": "soil_moisture", "bv": 20, "v": 1}, {"t": -60}],
            [undated(60_000, soil_moisture=20.0), undated(soil_moisture=21.0)],
        ),
        ([{"bv": 20, **NAMED, "s": 100}, EC], [undated(soil_ec=21.2)]),  # a sum alone, without a value
        ([{"bs": 5}, NAMED, EC], [undated(soil_ec=1.2)]),  # a sum of 5 + 0
    ],
)
def test_4_5_4_a_value_that_is_left_out_is_the_base_value(pack, readings):
    assert resolved(*pack) == readings


@pytest.mark.parametrize(
    "pack",
    [
        [{"bver": 9, **MOISTURE}, {"bver": 10, **EC}],
        [{"bver": 10, **MOISTURE}, {"bver": 9, **EC}],
        [MOISTURE, {"bver": 5, **EC}],  # the first record has version 10, the default
        [{"bver": 5}, MOISTURE, {"bver": 6}],
        [MOISTURE, {"bver": 11, **EC}],
    ],
)
def test_4_4_two_versions_in_a_pack_are_refused(pack):
    assert resolved(*pack) == ("not_senml", "bver")


def test_4_4_a_version_holds_for_the_records_after_it():
    for pack in ([{"bver": 5, **MOISTURE}, EC], [MOISTURE, {"bver": 10, **EC}]):
        assert resolved(*pack) == [undated(soil_moisture=31.5, soil_ec=1.2)]


def test_4_5_2_an_empty_unit_is_none():
    assert resolved({"n": "air_temperature", "u": "", "v": 29}) == [undated(air_temperature=29.0)]
    assert resolved({"bu": "", **MOISTURE}) == [undated(soil_moisture=31.5)]
    assert resolved({"bu": "/", **NAMED, "u": "", "v": 0.3}) == [undated(soil_moisture=30.0)], "the base unit"
    assert resolved({"bu": "/", **NAMED, "v": 0.3}, {"bu": "", **EC}) == [
        undated(soil_moisture=30.0, soil_ec=1.2)
    ]


@pytest.mark.parametrize(
    "sender",
    [
        "urn:dev:mac:0024befffe804ff1_",
        "urn:dev:ow:10e2073a01080063_",
        "urn:dev:org:32473-foo_",
        "urn:dev:os:32473-123456_",
        "urn:dev:ops:32473-Probe-5002_",
        "urn:dev:org:32473-foo:bar:",
        "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8:",
    ],
)
def test_9039_a_device_name_and_its_sub_name_are_sender_and_signal(sender):
    read = [undated(soil_moisture=31.5, salinity=0.3)]
    salt = {"n": "salinity", "v": 0.3}
    assert resolved({"bn": sender, **MOISTURE}, salt) == read
    assert resolved({"n": sender + "soil_moisture", "v": 31.5}, salt) == read
    assert resolved({"bn": sender + "soil_", "n": "moisture", "v": 31.5}, {"bn": sender, **salt}) == read


def test_9039_two_probes_of_a_node_are_two_names():
    pack = ({"bn": "urn:dev:ow:10e2073a01080063_", **MOISTURE}, {"bn": "urn:dev:ow:264437f5000000ed_", **EC})
    assert resolved(*pack) == [undated(soil_moisture=31.5, soil_ec=1.2)]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("urn:dev:ow:264437f5000000ed_humidity", "264437f5000000ed_humidity"),
        (
            "urn:dev:ow:10e2073a01080063_max_salinity",
            "10e2073a01080063_max_salinity",
        ),  # no salinity with a time
        ("urn:dev:mac:0024befffe804ff1:max_salinity", "max_salinity"),
        # "_" may be part of our ids, and of names like these
        ("A8404123_soil_moisture", "A8404123_soil_moisture"),
        ("max_salinity", "max_salinity"),
        ("urn:dev:mac:0024befffe804ff1-salinity", "0024befffe804ff1-salinity"),  # "-" may be part of a URN
        ("soil-moisture", "soil-moisture"),
    ],
)
def test_9039_a_sub_name_that_is_not_a_whole_signal_is_unknown(name, field):
    assert resolved({"n": name, "v": 1}) == ("unknown_signal", field)


@pytest.mark.parametrize(
    "serial",
    ["A8404123:", "2419A-", "2419A/", "00:24:be:ff:fe:80:4f:f1:", "2001:db8::2/", "farm/probe-", "probe-"],
)
def test_4_5_1_a_serial_as_base_name_is_taken_for_the_topic_says_who_sends(serial):
    assert resolved({"bn": serial, **MOISTURE}, EC) == [undated(soil_moisture=31.5, soil_ec=1.2)]
    assert resolved({"n": serial + "soil_moisture", "v": 31.5}) == [undated(soil_moisture=31.5)]


@pytest.mark.parametrize(
    ("name", "sender"),
    [
        ("node-b/", "node-b"),
        ("node-b-", "node-b"),
        ("8404123:", "8404123"),  # could be a device's id, as of a logger that can send no other
        ("A8404123/node-b/", "A8404123/node-b"),
        ("Max:", "Max"),  # a maximum is no reading
        ("MAX-", "MAX"),
    ],
)
def test_4_5_1_what_may_be_another_device_is_refused(name, sender):
    assert resolved({"bn": name, **MOISTURE}) == ("foreign_name", sender)


def test_4_5_1_two_serials_are_two_senders():
    two = ({"bn": "A8404123:", **MOISTURE}, {"bn": "A8404124:", **EC})
    assert resolved(*two) == ("foreign_name", "A8404124")
    assert resolved(two[0], {"bn": "probe/", **EC}) == [undated(soil_moisture=31.5, soil_ec=1.2)]


@pytest.mark.parametrize(
    "beside",
    [
        {"n": "label", "vs": "Machine Room"},
        {"n": "nfv-reader", "vd": "aGkgCg"},
        {"bn": "urn:dev:mac:0024befffe804ff1:", "n": "state", "vs": ""},
        {"n": "node-b:door", "vs": "open"},
    ],
)
def test_4_2_text_and_data_beside_the_values_are_ignored(beside):
    base = {"bn": "urn:dev:mac:0024befffe804ff1:"}
    assert resolved(base, MOISTURE, beside, EC) == [undated(soil_moisture=31.5, soil_ec=1.2)]


def test_4_2_data_is_bytes_in_cbor():
    assert outcome(decode_cbor, in_cbor([MOISTURE, {"n": "tag", "vd": b"hi"}])) == [
        undated(soil_moisture=31.5)
    ]


@pytest.mark.parametrize(
    ("record", "reason", "field"),
    [
        ({"n": "soil_moistur", "v": 1}, "unknown_signal", "soil_moistur"),
        ({"n": "soil_moistur", "v": "25"}, "unknown_signal", "soil_moistur"),
        ({"n": "pump", "vb": True}, "unknown_signal", "pump"),  # may be meant as a switch of ours
        ({"n": "label", "vs": None}, "unknown_signal", "label"),
        ({"n": "label", "vs": 5}, "unknown_signal", "label"),
        ({"n": "soil_ph", "vs": "6.5"}, "not_a_number", "soil_ph"),
        ({"n": "soil_ph", "vd": "aGkgCg"}, "not_a_number", "soil_ph"),
        ({"n": "label", "vs": "x", "v": 1}, "not_senml", "v, vs"),
    ],
)
def test_4_2_what_may_be_meant_for_a_signal_is_refused(record, reason, field):
    assert resolved(MOISTURE, record) == (reason, field)


@pytest.mark.parametrize(
    "place",
    [
        ({"u": "lat", "v": 10.03}, {"u": "lon", "v": 105.78}),  # RFC 8428, 5.1.3: both names are the sensor's
        ({"n": "lat", "v": 10.03}, {"n": "lon", "v": 105.78}, {"n": "alt", "u": "m", "v": 2}),
        ({"n": "latitude", "u": "lat", "v": 10.03}, {"n": "longitude", "u": "lon", "v": None}),
        ({"n": "position/altitude", "v": 2},),
    ],
)
def test_12_1_a_position_beside_the_values_is_ignored(place):
    assert resolved({"bn": "probe/", **MOISTURE}, *place) == [undated(soil_moisture=31.5)]
    assert resolved(*place) == ("no_values", "")
