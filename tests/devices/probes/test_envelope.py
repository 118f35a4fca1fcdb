"""ChirpStack's uplinks: their content, the device each belongs to, and which are refused."""

from datetime import UTC, datetime

import pytest

from devices.contract.payloads import MAX_BYTES, Telemetry
from tests.devices.uplinks import EUI, EVENT, NOW, PROBE, TOPIC, decoder, event, outcome, said, uplink

NAME = EVENT["deduplicationId"]
VALUES = {"soil_moisture": 31.5, "soil_ec": 1.0, "battery_voltage": 3.61, "rssi": -97.0}


def test_an_uplink_as_chirpstack_publishes_it():
    named = f"{NAME} {NOW + 125} 42"
    assert outcome(event(), uplink) == [Telemetry(VALUES, NOW + 125, 42, "00e5e007", identity=named)]
    decoded = decoder().decode([said(event(), topic=TOPIC), said(event(), topic=TOPIC.replace("e80", "E80"))])
    (reading,) = decoded.readings
    assert decoded.duplicate == 1
    assert (reading.device, reading.time, reading.seq) == (PROBE, NOW + 125, 42)


def test_fields_that_are_at_their_default_may_be_left_out():
    first = event(fCnt=..., adr=..., dr=..., confirmed=..., data=..., time=...)  # as ChirpStack before 4.1
    assert outcome(first, uplink) == [Telemetry(VALUES, None, 0, "00e5e007", identity=f"{NAME} None 0")]
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
    last = heard("01aabbcc", 1)
    assert made.decode([last, last]).duplicate == 1


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
    ("values", "heard", "taken"),
    [
        ({"soil_moisture": None, "soil_ec": 1}, [], {"soil_ec": 1.0}),
        ({"soil_ec": 1, "rssi": None}, [{"rssi": -97}], {"soil_ec": 1.0, "rssi": -97.0}),
        ({"soil_moisture": None}, [], {}),
    ],
)
def test_null_says_not_measured(values, heard, taken):
    assert outcome(event(object=values, rxInfo=heard), uplink)[0].values == taken


def test_an_uplink_of_nulls_alone_is_counted_and_leaves_no_reading():
    nothing = event(object={"soil_moisture": None}, rxInfo=[])
    decoded = decoder().decode([said(nothing, topic=TOPIC), said(nothing, topic=TOPIC)])
    assert (decoded.readings, decoded.refused, decoded.duplicate) == ([], {}, 1)


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
        ({"object": {"happiness": None}}, "unknown_signal", "happiness"),
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
        (b"", "uplink_not_json"),
        (b"\xff", "uplink_not_json"),
        (b"\xef\xbb\xbf" + event(), "uplink_not_json"),
        (event()[:-1], "uplink_not_json"),
        (event() + b"{}", "uplink_not_json"),
        (event() + b"\0", "nul_byte"),
        (b"\x0a\x243ac7e3c4-4401-4b8d-9386-a5c902f9202d\x12\x0c\x08\x00", "uplink_not_json"),  # Protobuf
        (b"[" * 16_000, "uplink_not_json"),
        (b'{"object":' * 1_600, "uplink_not_json"),
        (b"[" * 100_000, "too_large"),
        (b"null", "bad_uplink"),
        (b"[]", "bad_uplink"),
        (b"{}", "bad_uplink"),
        (event().replace(b'"fCnt": 42', b'"fCnt": 42, "fCnt": 43'), "repeated_name"),
        (event().replace(b'"soil_ec": 1.0', b'"soil_ec": 1.0, "soil_ec": 2.0'), "repeated_name"),
        (event().replace(b"1.0,", b"1e999,"), "not_finite"),
        (event().replace(b"31.5", b"9" * 5000), "uplink_not_json"),
        (event().replace(b"Th\\u1eeda", b"\\ud800"), "uplink_not_json"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_an_uplink_that_is_no_json_or_says_a_thing_twice(payload, reason):
    assert outcome(payload, uplink)[0] == reason


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        (TOPIC.replace(EUI, "0" * 16), "unknown_device"),
        (TOPIC.replace("/up", "/ack"), "uplink_topic"),
        (TOPIC.replace(EUI, EUI[:-1]), "uplink_topic"),
        (TOPIC + "/", "uplink_topic"),
        (TOPIC + "\n", "uplink_topic"),
        (TOPIC.replace("17c", "17c/"), "uplink_topic"),
        ("application//device/" + EUI + "/event/up", "uplink_topic"),
    ],
)
def test_the_topic_says_whose_uplink_it_is(topic, reason):
    decoded = decoder().decode([said(event(), topic=topic), said(event(), topic=TOPIC)])
    assert decoded.refused[0].reason == reason
    assert [reading.device for reading in decoded.readings] == [PROBE]
