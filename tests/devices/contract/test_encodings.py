"""The encoding of a message, lists of messages, and arbitrary bytes."""

import json

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from devices.contract.encodings import decode
from devices.contract.payloads import MAX_BYTES, PayloadError, Telemetry
from devices.contract.signals import SIGNALS
from devices.texts import LANGS, catalogue
from tests.devices.uplinks import MESSAGE, NOW, PACK, TOPIC, decoder, event, moisture, outcome, said, uplink

# -- detected by content


def test_each_encoding_is_known_by_its_content():
    one = [Telemetry({"soil_moisture": 31.5}, NOW, 7, "b")]
    assert outcome(MESSAGE) == outcome(b" \r\n\t" + MESSAGE) == outcome(b"[" + MESSAGE + b"]") == one
    pack = [Telemetry({"soil_moisture": 31.5, "soil_ec": 1.2}, NOW, None, None)]
    assert outcome(PACK) == outcome(b" " * 60 + PACK) == outcome(cbor2.dumps(json.loads(PACK))) == pack
    assert outcome(b"\xd9\xd9\xf7" + cbor2.dumps(json.loads(PACK))) == pack  # RFC 8949, 3.4.6


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not_json"),
        (b"hello", "not_json"),
        (b" ", "not_json"),
        (b"\xef\xbb\xbf" + MESSAGE, "not_json"),
        (b"\xef\xbb\xbf" + PACK, "not_json"),
        (b"\x00" + PACK, "not_json"),
        (PACK + b"\x00", "nul_byte"),
        (b"[" + MESSAGE + b"]\x00\x00", "nul_byte"),
        (b"\x0b" + PACK, "not_json"),  # Python takes this byte for a blank, JSON does not
        (MESSAGE + PACK, "not_json"),
        (PACK + MESSAGE, "not_json"),
        (b"[]", "no_values"),
        (b"[[]]", "not_senml"),
        (b"[1]", "not_senml"),
        (b"[" + MESSAGE + b',{"n":"soil_ec","v":1}]', "no_values"),
        (b'[{"n":"soil_ec","v":1},' + MESSAGE + b"]", "no_values"),
        (b'"values"', "not_object"),
        (b"\xa1\x00\x01", "not_json"),  # a CBOR map, which is never a pack
        (b"\xd9\xd9\xf7\x80", "no_values"),  # a pack with CBOR's own tag
        (b"\xd9\xd9\xf7\xa1\x00\x01", "not_senml"),
        (b"\xd9\xd9\xf7", "not_cbor"),
        (b"\xd9\xd9\xf7" * 5_000 + b"\x80", "not_cbor"),
        (b"\xd9\xd9\xf8\x80", "not_json"),
        (b"\x80", "no_values"),
        (b"\x9f\xff", "no_values"),
        (b"\x81", "not_cbor"),
        (b"\xff", "not_json"),
    ],
)
def test_what_is_none_of_them_is_refused(payload, reason):
    assert outcome(payload)[0] == reason


# -- lists of messages


def test_a_list_is_read_as_its_messages_are():
    many = [moisture(n, ts=NOW + n, seq=n, boot="b") for n in range(3)]
    assert outcome(json.dumps(many).encode()) == [
        Telemetry({"soil_moisture": float(n)}, NOW + n, n, "b") for n in range(3)
    ]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (moisture("25"), "not_a_number"),
        (moisture(True), "not_a_number"),
        (moisture(2**63), "too_big"),
        (moisture(float("nan")), "not_finite"),
        (moisture(ts="yesterday"), "bad_time"),
        (moisture(seq=-1), "bad_seq"),
        (moisture(boot=""), "bad_boot"),
        (moisture(unit="%"), "unknown_field"),
        ({"values": {}}, "no_values"),
        ({"values": {"rain": 1}}, "unknown_signal"),
        ({}, "no_values"),
        (1, "not_object"),
        ([], "not_object"),
        (None, "not_object"),
        ({"values": None}, "values_null"),
        ({"values": {"rain": None}}, "unknown_signal"),
        (moisture(ts=1_795_833_783.5), "time_in_seconds"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_bad_message_refuses_the_whole_list(bad, reason, place):
    many = [moisture(n, ts=NOW + n, seq=n, boot="b") for n in range(2)]
    many.insert(place, bad)
    made = decoder()
    decoded = made.decode([said(many)])
    assert (decoded.refused[0].reason, decoded.readings) == (reason, [])
    del many[place]
    assert len(made.decode([said(many)]).readings) == 2, "what was refused was not taken"


def test_null_in_a_list_is_left_out_of_its_message():
    many = [moisture(None, ts=NOW, seq=0, boot="b"), moisture(1, ts=NOW + 1, seq=1, boot="b")]
    many[1]["values"]["soil_ec"] = None
    assert [told.values for told in outcome(json.dumps(many).encode())] == [{}, {"soil_moisture": 1.0}]
    made = decoder()
    decoded = made.decode([said(many), said(many)])
    assert [reading.seq for reading in decoded.readings] == [1]
    assert (decoded.duplicate, decoded.refused, made.missing()) == (1, {}, {})


def test_each_of_a_list_is_known_by_its_own_number():
    many = [moisture(n, ts=NOW + n, seq=n, boot="b") for n in range(4)]
    made = decoder()
    made.decode([said(moisture(ts=NOW - 1))])  # for a device without memory, the store is queried
    assert [r.seq for r in made.decode([said(many[:2])]).readings] == [0, 1]
    decoded = made.decode([said(many[1:3]), said(many[3]), said(many)])
    assert [(r.seq, r.time) for r in decoded.readings] == [(2, NOW + 2), (3, NOW + 3)]
    assert decoded.source == [0, 1]
    assert decoded.duplicate == 1, "a message of which nothing is new"
    again = decoder({"probe": made.state("probe")})
    assert again.decode([said(many)]).duplicate == 1


def test_a_list_without_numbers_is_known_by_its_bytes():
    many = [moisture(n, ts=NOW + n) for n in range(3)]
    decoded = decoder().decode([said(many), said(many)])
    assert (len(decoded.readings), decoded.duplicate) == (3, 1)
    without_clock = [moisture(1), moisture(2)]
    first, again = said(without_clock, mid=5), said(without_clock, dup=True, mid=5)
    decoded = decoder().decode([first, again, said(without_clock, mid=6)])
    assert (len(decoded.readings), decoded.duplicate) == (4, 1)
    assert len({reading.time for reading in decoded.readings}) == 4, "none is written over another"


def test_a_number_twice_in_one_list_is_one_reading():
    many = [moisture(1, ts=NOW, seq=1, boot="b"), moisture(1, ts=NOW, seq=1, boot="b")]
    assert len(decoder().decode([said(many)]).readings) == 1


def test_two_of_a_list_at_one_time_refuse_it():
    many = [moisture(1, ts=NOW, seq=1, boot="b"), moisture(2, ts=NOW, seq=2, boot="b")]
    decoded = decoder().decode([said(many)])
    assert (decoded.refused[0].reason, decoded.readings) == ("conflicting_time", [])


def test_a_pack_counts_back_from_its_arrival():
    pack = [{"n": "soil_moisture", "v": n, "t": -600 * n} for n in range(3)]
    for payload in (json.dumps(pack).encode(), cbor2.dumps(pack)):
        readings = decoder().decode([said(payload)]).readings
        assert [reading.values["soil_moisture"] for reading in readings] == [2, 1, 0]
        for reading, ago in zip(readings, (1_200_000, 600_000, 0), strict=True):
            assert reading.time == pytest.approx(NOW - ago, abs=2)
            assert reading.device_time is None


def test_a_list_of_as_many_messages_as_fit():
    many = []
    while len(json.dumps(many).encode()) < MAX_BYTES - 100:
        many.append(moisture(len(many) % 60, ts=NOW + len(many), seq=len(many), boot="b"))
    decoded = decoder().decode([said(many), said(many * 2)])
    assert len(decoded.readings) == len(many) > 150
    assert decoded.refused[1].reason == "too_large"


# -- anything at all


def holds(read, payload):
    """The payload is understood, or refused for a reason that both languages have."""
    try:
        told = read(payload)
    except PayloadError as error:
        sentences = [catalogue()[f"rejected.{error.reason}"][lang] for lang in LANGS]
        assert all(sentences)
        assert len(set(sentences)) == len(LANGS)
        assert len(error.field.encode()) <= 320, "it fits into a quarantine"
        return
    assert told
    for telemetry in told:
        assert telemetry.values.keys() <= SIGNALS.keys()
        assert all(type(value) is float and abs(value) <= 2**53 for value in telemetry.values.values())
        assert telemetry.time is None or abs(telemetry.time) <= 2**53


VALID = (
    MESSAGE,
    b"[" + MESSAGE + b"," + MESSAGE + b"]",
    PACK,
    cbor2.dumps(json.loads(PACK)),
    cbor2.dumps([{-2: "probe:", -3: NOW / 1000, 0: "soil_moisture", 1: "%", 2: 31.5}, {0: "soil_ec", 2: 1}]),
    event(),
    event(rxInfo=[], deviceInfo={}, txInfo={}),
)


@st.composite
def mutated(draw):
    """A valid message with some bytes removed, changed, doubled or inserted."""
    payload = bytearray(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(payload)))
        cut = draw(st.integers(0, 4))
        put = draw(st.binary(max_size=3) | st.just(bytes(payload[at : at + 40])) | st.sampled_from(TOKENS))
        payload[at : at + cut] = put
    return bytes(payload)


TOKENS = [b'"', b"\\u", b"\\ud800", b"null", b"1e999", b"NaN", b"-", b"[", b"]", b"{", b"}", b",", b":",
          b"\xf9\x7e\x00", b"\xf7", b"\xc4\x82", b"\xc2\x49", b"\xd8\x1c", b"\xd8\x1d\x00", b"\xff",
          b"\xbf"]  # fmt: skip


@settings(max_examples=500)
@given(st.binary(max_size=80) | mutated())
@example(b'[{"n":"\\ud800","v":1}]')
def test_any_bytes_are_understood_or_refused(payload):
    holds(lambda some: decode(some, "probe"), payload)
    holds(uplink, payload)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.binary(max_size=60) | mutated(), st.booleans(), st.booleans()), max_size=5))
def test_the_decoder_loses_none_of_them(given_messages):
    messages = [
        said(payload, topic=TOPIC if radio else "hoiquan/v1/p/c/probe/telemetry", dup=dup)
        for payload, radio, dup in given_messages
    ]
    decoded = decoder().decode(messages)
    fates = len(set(decoded.source)) + decoded.duplicate + len(decoded.refused)
    # a message of nulls alone may leave nothing to store
    nulls = sum(b"null" in message.payload for message in messages)
    assert len(messages) - nulls <= fates <= len(messages)
    for refusal in decoded.refused.values():
        assert f"rejected.{refusal.reason}" in catalogue()
        assert refusal.field.encode() is not None
    assert all(-(2**53) <= reading.time <= 2**53 for reading in decoded.readings)
