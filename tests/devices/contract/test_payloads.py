"""The content of a node's message; hostile payloads are in tests/gateway/ingest/test_decode.py."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.contract.payloads import MAX_BYTES, PayloadError, decode, parse_time
from devices.contract.signals import SIGNALS

T = int(datetime(2026, 11, 21, 3, tzinfo=UTC).timestamp() * 1000)


def sent(**body):
    return json.dumps(body).encode()


def test_the_least_message():
    assert decode(b'{"values":{"soil_moisture":31.5}}') == (
        {"soil_moisture": 31.5},
        None,
        None,
        None,
        0,
        "",
        None,
    )


def test_the_whole_message_with_blanks_and_in_another_order():
    payload = b' {"values" : {"rssi":-80, "soil_moisture" : 3.1e1},\n"boot":"7f3a",'
    payload += b'"ts":"2026-11-21T10:00:00+07:00","seq":1042}\r\n'
    assert decode(payload) == ({"rssi": -80.0, "soil_moisture": 31.0}, T, 1042, "7f3a", 0, "", None)


@given(
    st.dictionaries(st.sampled_from(sorted(SIGNALS)), st.floats(-(2.0**53), 2.0**53), min_size=1),
    st.none() | st.integers(-(2**53), 2**53),
    st.none() | st.integers(0, 2**63 - 1),
    st.none() | st.from_regex(r"\A[\x21-\x7e]{1,64}\Z"),
)
def test_what_json_can_say_arrives_as_it_was_said(values, ts, seq, boot):
    message = decode(sent(values=values, ts=ts, seq=seq, boot=boot))
    assert message == (values, ts, seq, boot, 0, "", None)
    assert all(type(value) is float for value in message.values.values())


@given(st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001
def test_every_rfc_3339_time_is_its_moment(naive, offset):
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=offset)))
    text = moment.isoformat()
    assert abs(parse_time(text) - moment.timestamp() * 1000) <= 1
    assert parse_time(text.replace("T", "t")) == parse_time(text.replace("T", " ")) == parse_time(text)
    if offset == 0:
        assert parse_time(text.replace("+00:00", "z")) == parse_time(text)


@given(st.text())
def test_any_other_text_is_no_time(text):
    with pytest.raises(PayloadError):
        parse_time(text)


def test_quoted_marks_are_no_repeated_names():
    assert decode(b'{"values":{"soil_moisture":1},"boot":"a\\"b"}').boot == 'a"b'
    assert decode(b'{"values":{"soil\\u005fmoisture":1},"boot":"\\u0041"}').boot == "A"


def test_the_size_is_counted_in_bytes():
    whole = b'{"values":{"soil_moisture":1}}'
    assert decode(whole.ljust(MAX_BYTES)).values
    with pytest.raises(PayloadError) as refused:
        decode(whole.ljust(MAX_BYTES + 1))
    assert (refused.value.reason, refused.value.field) == ("too_large", str(MAX_BYTES + 1))


def test_null_says_not_measured_and_the_others_are_taken():
    assert decode(sent(values={"soil_moisture": None, "rssi": -80})).values == {"rssi": -80.0}
    assert decode(sent(values={"soil_moisture": None}, seq=7, boot="b")) == ({}, None, 7, "b", 0, "", None)
    assert decode(sent(values={"rssi": 1}, ts=None, seq=None, boot=None)) == (
        {"rssi": 1.0},
        None,
        None,
        None,
        0,
        "",
        None,
    )


REASONS = [
    (b"{", "not_json", "JSON", "JSON"),
    (b"[]", "not_object", "đối tượng JSON", "JSON object"),
    (b"{}", "no_values", "values", "values"),
    (b'{"values":[]}', "values_not_object", "values", "values"),
    (b'{"values":null}', "values_null", "null", "null"),
    (b'{"values":{"rssi":-80}}\0', "nul_byte", "NUL (0x00) ở vị trí 23", "strlen"),
    (b'{"values":{"rssi":-80}}\0\0\xff\xfe', "nul_byte", "strlen", "(0x00) at byte 23"),
    (b'{"values":{"rssi":-8\0}}', "nul_byte", "strlen", "strlen"),
    (b'\0{"values":{"rssi":-80}}', "not_json", "UTF-8", "UTF-8"),
    (sent(values={"rssi": 1, "rain": None}), "unknown_signal", "rain", "rain"),
    (sent(values={"rssi": "1", "soil_ec": None}), "not_a_number", "rssi", "rssi"),
    (b'{"values":{"rssi":null,"rssi":2}}', "repeated_name", "rssi", "rssi"),
    (sent(values={"rssi": 1}, ts=1795833783.5), "time_in_seconds", "1795833783.5", "milliseconds"),
    (sent(values={"rssi": 1}, ts=1795833783.0), "time_in_seconds", "giây", "looks like seconds"),
    (sent(values={"rssi": 1}, ts=1795833783000.0), "bad_time", "nguyên", "whole milliseconds"),
    (sent(values={"soil_moisture": 1}, unit="%"), "unknown_field", "unit", "unit"),
    (sent(values={"moisture": 1}), "unknown_signal", "moisture", "moisture"),
    (sent(values={"soil_moisture": "25"}), "not_a_number", "soil_moisture", "soil_moisture"),
    (b'{"values":{"soil_moisture":NaN}}', "not_finite", "soil_moisture", "soil_moisture"),
    (sent(values={"soil_moisture": 2**70}), "too_big", "soil_moisture", "soil_moisture"),
    (b'{"values":{"rssi":1,"rssi":2}}', "repeated_name", "rssi", "rssi"),
    (sent(values={"rssi": 1}, ts="noon"), "bad_time", "RFC 3339", "RFC 3339"),
    (sent(values={"rssi": 1}, seq=-1), "bad_seq", "seq", "seq"),
    (sent(values={"rssi": 1}, boot=""), "bad_boot", "boot", "boot"),
    (b" " * 20_000, "too_large", "20000", "20000"),
]


@pytest.mark.parametrize(
    ("payload", "reason", "vi", "en"), REASONS, ids=[f"{n} {row[1]}" for n, row in enumerate(REASONS)]
)
def test_a_refusal_says_what_is_wrong_in_both_languages(payload, reason, vi, en):
    with pytest.raises(PayloadError) as refused:
        decode(payload)
    error = refused.value
    assert error.reason == reason
    assert vi in error.sentence("vi")
    assert en in error.sentence("en") == str(error)
    assert error.sentence("vi") != error.sentence("en")
    assert "{" not in error.sentence("en").replace('{"', "")


def test_a_hostile_name_does_not_fill_the_answer():
    with pytest.raises(PayloadError) as refused:
        decode(sent(values={"{field}" + "x" * 10_000: 1}))
    assert len(refused.value.sentence("vi")) < 300


@given(st.binary())
def test_bytes_are_understood_or_refused_and_nothing_else(payload):
    try:
        assert decode(payload).values.keys() <= SIGNALS.keys()
    except PayloadError as error:
        assert error.sentence("vi")
