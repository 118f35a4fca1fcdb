"""Hostile, broken and odd messages: each is refused with its reason, and the next one is still decoded."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from devices.contract.payloads import PayloadError
from devices.contract.signals import SIGNALS
from devices.contract.topics import DOWN, UP
from gateway.ingest.decode import Decoder
from gateway.ingest.message import Message
from tests.gateway.senders import DEVICES, GOOD, NOW, OTHER, decoder, moisture, said

HOSTILE = [
    (b"", "not_json"),
    (b"hello", "not_json"),
    (b'{"values":{"soil_moisture":31.5}', "not_json"),
    (b"{'values':{'soil_moisture':31.5}}", "not_json"),
    (GOOD + b"\x00", "nul_byte"),
    (b"\x00" + GOOD, "not_json"),
    (GOOD.replace(b"}}", b"\x00}}"), "nul_byte"),
    (GOOD + GOOD, "not_json"),
    (b"\xef\xbb\xbf" + GOOD, "not_json"),
    (GOOD.decode().encode("utf-16"), "not_json"),
    (b'{"values":{"soil_moisture":31.5},"boot":"\xff\xfe"}', "not_json"),
    (b'{"values":{"soil_moisture\xc3":31.5}}', "not_json"),
    (b'{"values":{"soil_moisture":031.5}}', "not_json"),
    (b'{"values":{"soil_moisture":0x1F}}', "not_json"),
    (b'{"values":{"soil_moisture":31,5}}', "not_json"),
    (b"[" * 16_000, "not_json"),
    (b'{"values":' * 1_600, "not_json"),
    (b'{"values":{"soil_moisture":' + b"[" * 8_000 + b"]" * 8_000 + b"}}", "not_json"),
    (b'{"values":{"soil_moisture":1},"seq":' + b"9" * 5000 + b"}", "not_json"),
    (b'{"values":{"soil_moisture":' + b"9" * 5000 + b"}}", "not_json"),
    (b"null", "not_object"),
    (b"31.5", "not_object"),
    (b"[]", "no_values"),
    (b'"values"', "not_object"),
    (b"{}", "no_values"),
    (b'{"values":{}}', "no_values"),
    (b'{"values":[]}', "values_not_object"),
    (b'{"values":null}', "values_null"),
    (b'{"values":31.5}', "values_not_object"),
    (moisture("25"), "not_a_number"),
    (moisture(True), "not_a_number"),
    (moisture([31.5]), "not_a_number"),
    (moisture({"value": 31.5}), "not_a_number"),
    (b'{"values":{"soil_moisture":NaN}}', "not_finite"),
    (b'{"values":{"soil_moisture":Infinity}}', "not_finite"),
    (b'{"values":{"soil_moisture":-Infinity}}', "not_finite"),
    (b'{"values":{"soil_moisture":1e999}}', "not_finite"),
    (b'{"values":{"soil_moisture":-1e999}}', "not_finite"),
    (moisture(2**70), "too_big"),
    (moisture(-(2**70)), "too_big"),
    (moisture(1e300), "too_big"),
    ({"values": {"soil_moistur": 1}}, "unknown_signal"),
    ({"values": {"soil_moistur": None, "soil_ec": 1}}, "unknown_signal"),
    ({"values": {"": 1}}, "unknown_signal"),
    ({"values": {"soil_moisture\n": 1}}, "unknown_signal"),
    ({"values": {"Độ ẩm": 1, "soil_moisture": 2}}, "unknown_signal"),
    ({"values": {"soil_moisture": 2, "x" * 10_000: 1}}, "unknown_signal"),
    (moisture(unit="%"), "unknown_field"),
    ({"soil_moisture": 31.5, **moisture()}, "unknown_field"),
    (moisture(seq=2**63), "bad_seq"),
    (moisture(seq=-1), "bad_seq"),
    (moisture(seq=1.5), "bad_seq"),
    (moisture(seq="7"), "bad_seq"),
    (moisture(seq=True), "bad_seq"),
    (moisture(boot=""), "bad_boot"),
    (moisture(boot="a b"), "bad_boot"),
    (moisture(boot="ab\n"), "bad_boot"),
    (moisture(boot="b" * 65), "bad_boot"),
    (moisture(boot="chữ"), "bad_boot"),
    (moisture(boot=7), "bad_boot"),
    (moisture(ts="yesterday"), "bad_time"),
    (moisture(ts=""), "bad_time"),
    (moisture(ts="2026-11-21"), "bad_time"),
    (moisture(ts="2026-11-21T10:00:00"), "bad_time"),
    (moisture(ts="2026-02-30T10:00:00Z"), "bad_time"),
    (moisture(ts="2026-11-21T25:00:00Z"), "bad_time"),
    (moisture(ts="2026-W47-6T10:00:00Z"), "bad_time"),
    (moisture(ts="20261121T100000Z000000"), "bad_time"),
    (moisture(ts=True), "bad_time"),
    (moisture(ts=1.5), "bad_time"),
    (moisture(ts=1_795_833_783.0), "time_in_seconds"),
    (moisture(ts=2**53 + 1), "bad_time"),
    (moisture(ts=2**70), "bad_time"),
    (moisture(ts=[]), "bad_time"),
    (b'{"values":{"soil_moisture":1,"soil_moisture":2}}', "repeated_name"),
    (b'{"values":{"soil_moisture":1},"values":{"soil_ec":2}}', "repeated_name"),
    (b'{"values":{"soil_moisture":1},"seq":1,"seq":2,"boot":"b"}', "repeated_name"),
    (b'{"values":{"soil_moisture":1,"soil\\u005fmoisture":2}}', "repeated_name"),
    (b'{"ts":null,"ts":"2026-11-21T02:00:00Z","values":{"soil_moisture":1}}', "repeated_name"),
    (b'{"values":{"soil_moisture":1}}' + b" " * 1_000_000, "too_large"),
    (b"x" * 16_385, "too_large"),
]


@pytest.mark.parametrize(("payload", "reason"), HOSTILE, ids=lambda value: repr(value)[:40])
def test_a_bad_payload_is_refused_with_its_reason_and_the_next_is_taken(payload, reason):
    bad = said(payload)
    decoded = decoder().decode([said(GOOD), bad, said({"values": {"soil_ec": 1.5}})])
    assert list(decoded.refused) == [1]
    refusal = decoded.refused[1]
    assert (refusal.message, refusal.reason) == (bad, reason)
    assert len(refusal.field) <= 80
    error = PayloadError(refusal.reason, refusal.field)
    assert error.sentence("vi") != error.sentence("en"), "the sender is told in both languages"
    assert decoded.source == [0, 2]
    assert [reading.values for reading in decoded.readings] == [{"soil_moisture": 31.5}, {"soil_ec": 1.5}]
    assert decoded.duplicate == 0


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("", "bad_topic"),
        ("hoiquan", "bad_topic"),
        ("hoiquan/v1/p/c/probe", "bad_topic"),
        ("hoiquan/v1/p/c/probe/telemetry/", "bad_topic"),
        ("/hoiquan/v1/p/c/probe/telemetry", "bad_topic"),
        ("hoiquan/v2/p/c/probe/telemetry", "bad_topic"),
        ("hoiquan/v1/p/c/probe/readings", "bad_topic"),
        ("hoiquan/v1/p/c/Probe/telemetry", "bad_topic"),
        ("hoiquan/v1/p/c/probe\n/telemetry", "bad_topic"),
        ("hoiquan/v1/p/c/pro\x00be/telemetry", "bad_topic"),
        ("hoiquan/v1/p/c//telemetry", "bad_topic"),
        ("hoiquan/v1/p/c/" + "d" * 65 + "/telemetry", "bad_topic"),
        ("hoiquan/v1/p/c/hội-quán/telemetry", "bad_topic"),
        ("\ufffd", "bad_topic"),
        ("x" * 65_535, "bad_topic"),
        ("hoiquan/v1/p/c/nobody/telemetry", "unknown_device"),
        ("hoiquan/v1/p/c/other/telemetry", "foreign_topic"),
        ("hoiquan/v1/p/elsewhere/probe/telemetry", "foreign_topic"),
        ("hoiquan/v1/another/c/probe/telemetry", "foreign_topic"),
    ],
)
def test_a_topic_that_is_not_the_senders_is_refused(topic, reason):
    decoded = decoder().decode([Message(topic, GOOD, NOW), said(GOOD)])
    assert {place: refusal.reason for place, refusal in decoded.refused.items()} == {0: reason}
    assert len(decoded.readings) == 1


def test_a_revoked_device_is_refused_from_then_on():
    known = dict(DEVICES)
    made = Decoder("p", known.get)
    assert made.decode([said(moisture(1))]).readings
    del known["probe"]
    assert made.decode([said(moisture(2))]).refused[0].reason == "unknown_device"


def test_retained_telemetry_is_refused():
    decoded = decoder().decode([said(GOOD, retained=True), said(GOOD)])
    assert decoded.refused[0].reason == "retained"
    assert len(decoded.readings) == 1


# -- null: not measured


def test_a_value_that_is_null_is_left_out():
    decoded = decoder().decode([said({"values": {"soil_moisture": None, "soil_ec": 1.5}}), said(GOOD)])
    assert not decoded.refused
    assert [reading.values for reading in decoded.readings] == [{"soil_ec": 1.5}, {"soil_moisture": 31.5}]


def test_a_message_of_nulls_alone_is_taken_and_its_number_counts():
    made, numbers = decoder(), [5, 6, 7, 6]
    decoded = made.decode([said(moisture(None if n == 6 else n, seq=n, boot="b")) for n in numbers])
    assert not decoded.refused
    assert [reading.seq for reading in decoded.readings] == [5, 7]
    assert decoded.source == [0, 2]
    assert (decoded.duplicate, made.missing()) == (1, {})


@pytest.mark.parametrize("more", [{}, {"ts": NOW}, {"seq": 3}], ids=str)
def test_nulls_without_a_number_leave_nothing_behind(more):
    # nor do the nulls claim that time: a value measured then is still taken
    messages = [said(moisture(None, **more), mid=1), said([moisture(None, **more)], mid=2)]
    decoded = decoder().decode([*messages, said(moisture(3, **more), mid=3)])
    assert (not decoded.refused, decoded.duplicate) == (True, 0)
    assert [reading.values for reading in decoded.readings] == [{"soil_moisture": 3.0}]


# -- anything at all


def near_misses():
    """JSON near the contract: right names with wrong values, and wrong names with right values."""
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    )
    names = st.sampled_from(sorted(SIGNALS)) | st.text(max_size=5)
    fields = st.sampled_from(["values", "ts", "seq", "boot", "state", "event", "id"]) | st.text(max_size=5)
    readings = st.fixed_dictionaries(
        {"values": st.dictionaries(names, st.floats() | values, max_size=3)},
        optional={"ts": values, "seq": st.integers(), "boot": st.text(max_size=5)},
    )
    return (readings | st.dictionaries(fields, values, max_size=4)).map(
        lambda data: json.dumps(data).encode()
    )


def broken(payload):
    """A payload with a byte added, removed or changed."""
    return st.builds(
        lambda at, cut, put: payload[:at] + put + payload[at + cut :],
        st.integers(0, len(payload)), st.integers(0, 3), st.binary(max_size=2),
    )  # fmt: skip


PAYLOADS = st.binary(max_size=60) | near_misses() | near_misses().flatmap(broken)
TOPICS = st.text(max_size=40) | st.builds(
    "hoiquan/v1/{}/{}/{}/{}".format,
    st.sampled_from(["p", "q"]),
    st.sampled_from(["c", "elsewhere"]),
    st.sampled_from(["probe", "node", "other", "nobody", "notebook", ""]),
    st.sampled_from(sorted(UP | DOWN)),
)


@settings(max_examples=200)
@given(
    st.lists(
        st.builds(Message, TOPICS, PAYLOADS, st.integers(0, 2**45), st.booleans(), st.booleans()), max_size=6
    )
)
@example([said(b'{"values":{"soil_moisture":1},"boot":"\\ud800"}')])
@example([said(b'{"values":{"soil_moisture":1},"ts":"\\""}')])
def test_nothing_a_message_contains_raises_or_goes_missing(messages):
    made = decoder()
    decoded = made.decode(messages)
    for place, refusal in decoded.refused.items():
        assert refusal.message == messages[place]
        for lang in ("vi", "en"):
            assert PayloadError(refusal.reason, refusal.field).sentence(lang).encode()
    fates = (
        len(decoded.readings)
        + len(decoded.diary)
        + len(decoded.states)
        + decoded.duplicate
        + len(decoded.refused)
    )
    # a message of nulls alone may leave nothing to store
    nulls = sum(b"null" in message.payload for message in messages)
    assert len(messages) - nulls <= fates <= len(messages)
    for reading in decoded.readings:
        assert reading.values.keys() <= SIGNALS.keys()
        assert all(type(value) is float and abs(value) <= 2**53 for value in reading.values.values())
    for device in decoded.touched:
        assert made.state(device)
    after = made.decode([said({"values": {"soil_ec": 1.0}}, OTHER, 2**46)])
    assert len(after.readings) == 1
