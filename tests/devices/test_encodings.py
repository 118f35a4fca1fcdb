"""Which encoding a message is in, lists of messages, ChirpStack's uplinks, and anything at all."""

import json
from datetime import UTC, datetime

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from devices.encodings import UPLINK, decode, uplink
from devices.payloads import MAX_BYTES, PayloadError, Telemetry
from devices.reading import Device
from devices.signals import SIGNALS
from devices.texts import LANGS, catalogue
from gateway.decode import Decoder
from gateway.spool import Message

NOW = int(datetime(2026, 11, 21, 3, tzinfo=UTC).timestamp() * 1000)
PROBE = Device("p", "c", "probe", "soil-probe", simulated=False)
EUI = "0024befffe804ff1"
TOPIC = f"application/17c82e96-be03-4f38-aef3-f83d48582d97/device/{EUI}/event/up"
MESSAGE = b'{"values":{"soil_moisture":31.5},"ts":"2026-11-21T10:00:00+07:00","seq":7,"boot":"b"}'
PACK = b'[{"bn":"probe:","bt":1795230000,"n":"soil_moisture","u":"%","v":31.5},{"n":"soil_ec","v":1.2}]'


def outcome(payload, read=lambda payload: decode(payload, "probe")):
    try:
        return read(payload)
    except PayloadError as error:
        return error.reason, error.field


def said(payload, arrival=NOW, topic="hoiquan/v1/p/c/probe/telemetry", **flags):
    if not isinstance(payload, bytes):
        payload = json.dumps(payload).encode()
    return Message(topic, payload, arrival, **flags)


def decoder(seen=None):
    return Decoder("p", {"probe": PROBE}.get, seen, by_eui={EUI: PROBE}.get)


def moisture(value=31.5, **more):
    return {"values": {"soil_moisture": value}, **more}


# -- by its content


def test_each_encoding_is_known_by_its_content():
    one = [Telemetry({"soil_moisture": 31.5}, NOW, 7, "b")]
    assert outcome(MESSAGE) == outcome(b" \r\n\t" + MESSAGE) == outcome(b"[" + MESSAGE + b"]") == one
    pack = [Telemetry({"soil_moisture": 31.5, "soil_ec": 1.2}, NOW, None, None)]
    assert outcome(PACK) == outcome(b" " * 60 + PACK) == outcome(cbor2.dumps(json.loads(PACK))) == pack


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not_json"),
        (b"hello", "not_json"),
        (b" ", "not_json"),
        (b"\xef\xbb\xbf" + MESSAGE, "not_json"),
        (b"\xef\xbb\xbf" + PACK, "not_json"),
        (b"\x00" + PACK, "not_json"),
        (b"\x0b" + PACK, "not_json"),  # a blank to Python, none to JSON
        (MESSAGE + PACK, "not_json"),
        (PACK + MESSAGE, "not_json"),
        (b"[]", "no_values"),
        (b"[[]]", "not_senml"),
        (b"[1]", "not_senml"),
        (b"[" + MESSAGE + b',{"n":"soil_ec","v":1}]', "no_values"),
        (b'[{"n":"soil_ec","v":1},' + MESSAGE + b"]", "no_values"),
        (b'"values"', "not_object"),
        (b"\xa1\x00\x01", "not_json"),  # a map of CBOR, which no pack is
        (b"\xd9\xd9\xf7\x80", "not_json"),
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


def test_each_of_a_list_is_known_by_its_own_number():
    many = [moisture(n, ts=NOW + n, seq=n, boot="b") for n in range(4)]
    made = decoder()
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


# -- ChirpStack v4

# As ChirpStack 4.18 publishes it: names and kinds of api/proto/integration and api/proto/gw in protobuf's
# JSON. A float has a point, a timestamp up to nine digits.
EVENT = {
    "deduplicationId": "b0b0bd1c-6a39-4c8c-9f2e-3a9fb2a5c6f7",
    "time": "2026-11-21T03:00:00.125023242+00:00",
    "deviceInfo": {
        "tenantId": "52f14cd4-c6f1-4fbd-8f87-4025e1d49242",
        "tenantName": "Hội quán",
        "applicationId": "17c82e96-be03-4f38-aef3-f83d48582d97",
        "applicationName": "Đồng ruộng",
        "deviceProfileId": "14855bf7-d10d-4aee-b618-ebfcb64dc7ad",
        "deviceProfileName": "AS923-2, loại A",
        "deviceName": "Thửa 3",
        "devEui": EUI,
        "deviceClassEnabled": "CLASS_A",
        "tags": {"plot": "3"},
    },
    "devAddr": "00E5E007",
    "adr": True,
    "dr": 5,
    "fCnt": 42,
    "fPort": 2,
    "confirmed": False,
    "data": "AQEwAAAAAAAIdg==",
    "object": {"soil_moisture": 31.5, "soil_ec": 1.0, "battery_voltage": 3.61},
    "rxInfo": [
        {
            "gatewayId": "0016c001f153a14c",
            "uplinkId": 4217106255,
            "gwTime": "2026-11-21T03:00:00.125023242+00:00",
            "nsTime": "2026-11-21T03:00:00.201914+00:00",
            "timeSinceGpsEpoch": "1479265218.125s",
            "rssi": -97,
            "snr": 6.5,
            "channel": 2,
            "rfChain": 1,
            "location": {"latitude": 10.2901, "longitude": 105.7589, "altitude": 12.0},
            "context": "E3OWOQ==",
            "metadata": {"region_config_id": "as923_2", "region_common_name": "AS923_2"},
            "crcStatus": "CRC_OK",
        },
        {"gatewayId": "0016c001f153a150", "uplinkId": 1, "rssi": -113, "snr": -8.0, "crcStatus": "CRC_OK"},
    ],
    "txInfo": {
        "frequency": 922200000,
        "modulation": {"lora": {"bandwidth": 125000, "spreadingFactor": 7, "codeRate": "CR_4_5"}},
    },
    "regionConfigId": "as923_2",
}


def event(**change):
    changed = EVENT | change
    return json.dumps({name: value for name, value in changed.items() if value is not ...}).encode()


VALUES = {"soil_moisture": 31.5, "soil_ec": 1.0, "battery_voltage": 3.61, "rssi": -97.0}


def test_an_uplink_as_chirpstack_publishes_it():
    assert outcome(event(), uplink) == [Telemetry(VALUES, NOW + 125, 42, "00e5e007")]
    decoded = decoder().decode([said(event(), topic=TOPIC), said(event(), topic=TOPIC.replace("e80", "E80"))])
    (reading,) = decoded.readings
    assert decoded.duplicate == 1
    assert (reading.device, reading.time, reading.seq) == (PROBE, NOW + 125, 42)


def test_fields_that_are_at_their_default_may_be_left_out():
    first = event(fCnt=..., adr=..., dr=..., confirmed=..., data=..., time=...)  # ChirpStack before 4.1
    assert outcome(first, uplink) == [Telemetry(VALUES, None, 0, "00e5e007")]
    decoded = decoder().decode([said(first, topic=TOPIC), said(event(fCnt=1), topic=TOPIC)])
    assert [reading.seq for reading in decoded.readings] == [0, 1]


def test_a_device_that_joins_again_counts_anew():
    made, times = decoder(), iter(range(NOW, NOW + 100_000, 1000))

    def heard(address, count):
        time = datetime.fromtimestamp(next(times) / 1000, UTC).isoformat()
        return said(event(devAddr=address, fCnt=count, time=time), topic=TOPIC)

    decoded = made.decode([heard("00e5e007", 41), heard("00e5e007", 42), heard("01aabbcc", 0)])
    assert [(reading.boot, reading.seq) for reading in decoded.readings] == [
        ("00e5e007", 41), ("00e5e007", 42), ("01aabbcc", 0),
    ]  # fmt: skip
    assert made.decode([heard("01aabbcc", 0)]).duplicate == 1


@pytest.mark.parametrize(
    ("change", "values"),
    [
        ({"rxInfo": []}, {"soil_moisture": 31.5, "soil_ec": 1.0, "battery_voltage": 3.61}),
        ({"rxInfo": [{"gatewayId": "0016c001f153a14c"}], "object": {"soil_ec": 1}}, {"soil_ec": 1.0}),
        ({"object": {"soil_ec": 1, "rssi": -80}}, {"soil_ec": 1.0, "rssi": -80.0}),
    ],
)
def test_the_strength_is_of_the_gateway_that_heard_it_best(change, values):
    assert outcome(event(**change), uplink)[0].values == values


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"object": ...}, "no_object", ""),
        ({"object": None}, "no_object", ""),
        ({"object": {}}, "no_object", ""),
        ({"object": {"humiditySensor": {"1": 32}}}, "unknown_signal", "humiditySensor"),
        ({"object": {"soil_moisture": 1, "x" * 9000: 2}}, "unknown_signal", "x" * 80),
        ({"object": {"soil_moisture": "31.5"}}, "not_a_number", "soil_moisture"),
        ({"object": {"soil_moisture": True}}, "not_a_number", "soil_moisture"),
        ({"object": {"soil_moisture": None}}, "not_a_number", "soil_moisture"),
        ({"object": {"soil_moisture": {"value": 1}}}, "not_a_number", "soil_moisture"),
        ({"object": {"soil_moisture": float("nan")}}, "not_finite", "soil_moisture"),
        ({"object": {"soil_moisture": 2**63}}, "too_big", "soil_moisture"),
        ({"object": {"soil_moisture": -1e300}}, "too_big", "soil_moisture"),
        ({"object": [1]}, "bad_uplink", "object"),
        ({"devAddr": ...}, "bad_uplink", "devAddr"),
        ({"devAddr": "00E5E0"}, "bad_uplink", "devAddr"),
        ({"devAddr": "00e5e007\n"}, "bad_uplink", "devAddr"),
        ({"fCnt": -1}, "bad_uplink", "fCnt"),
        ({"fCnt": 2**32}, "bad_uplink", "fCnt"),
        ({"fCnt": "42"}, "bad_uplink", "fCnt"),
        ({"fCnt": True}, "bad_uplink", "fCnt"),
        ({"rxInfo": {}}, "bad_uplink", "rxInfo"),
        ({"rxInfo": [{"rssi": "-97"}]}, "bad_uplink", "rxInfo.0.rssi"),
        ({"time": 1_795_230_000}, "bad_uplink", "time"),
        ({"time": "2026-11-21"}, "bad_time", "2026-11-21"),
        ({"time": ""}, "bad_time", ""),
        ({"data": "A" * MAX_BYTES}, "too_large", None),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_a_bad_uplink_is_refused_with_its_reason(change, reason, field):
    refused = outcome(event(**change), uplink)
    assert refused[0] == reason
    assert field is None or refused[1] == field


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not_json"),
        (b"\xff", "not_json"),
        (b"\xef\xbb\xbf" + event(), "not_json"),
        (event()[:-1], "not_json"),
        (event() + b"{}", "not_json"),
        (b"[" * 16_000, "not_json"),
        (b'{"object":' * 1_600, "not_json"),
        (b"[" * 100_000, "too_large"),
        (b"null", "bad_uplink"),
        (b"[]", "bad_uplink"),
        (b"{}", "bad_uplink"),
        (event().replace(b'"fCnt": 42', b'"fCnt": 42, "fCnt": 43'), "repeated_name"),
        (event().replace(b'"soil_ec": 1.0', b'"soil_ec": 1.0, "soil_ec": 2.0'), "repeated_name"),
        (event().replace(b"1.0,", b"1e999,"), "not_finite"),
        (event().replace(b"31.5", b"9" * 5000), "not_json"),
        (event().replace(b"Th\\u1eeda", b"\\ud800"), "not_json"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_an_uplink_that_is_no_json_or_says_a_thing_twice(payload, reason):
    assert outcome(payload, uplink)[0] == reason


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        (TOPIC.replace(EUI, "0" * 16), "unknown_device"),
        (TOPIC.replace("/up", "/join"), "bad_topic"),
        (TOPIC.replace(EUI, EUI[:-1]), "bad_topic"),
        (TOPIC + "/", "bad_topic"),
        (TOPIC + "\n", "bad_topic"),
        (TOPIC.replace("17c", "17c/"), "bad_topic"),
        ("application//device/" + EUI + "/event/up", "bad_topic"),
    ],
)
def test_the_topic_says_whose_uplink_it_is(topic, reason):
    decoded = decoder().decode([said(event(), topic=topic), said(event(), topic=TOPIC)])
    assert decoded.refused[0].reason == reason
    assert [reading.device for reading in decoded.readings] == [PROBE]
    assert UPLINK.fullmatch(TOPIC)


# -- anything at all


def holds(read, payload):
    """The payload is understood, or refused with a reason that both languages have."""
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
    """A valid message with some bytes gone, changed, doubled or put in."""
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
    assert len(set(decoded.source)) + decoded.duplicate + len(decoded.refused) == len(messages)
    for refusal in decoded.refused.values():
        assert f"rejected.{refusal.reason}" in catalogue()
        assert refusal.field.encode() is not None
    assert all(-(2**53) <= reading.time <= 2**53 for reading in decoded.readings)
