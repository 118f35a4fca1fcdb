"""Network servers' messages through the decoder: The Things Stack's uplinks, ChirpStack's joins and logs."""

import copy
import json

import pytest

from devices.contract.payloads import Telemetry
from devices.probes.envelope import addressed, envelopes, filters
from gateway.ingest.decode import Decoder
from gateway.ingest.message import State
from tests.devices.uplinks import EUI, EVENT, NOW, PROBE, PROBES, TOPIC, decoder, outcome, said

CHIRPSTACK, TTS = envelopes()
UP = "v3/dong-ruong@hoi-quan/devices/thua-3/up"
JOIN = UP.replace("/up", "/join")
SESSION = "AYq9PoUBMKRdG3h9IV5kUw=="
# As The Things Stack 3.30 publishes it; the values are invented.
MESSAGE = {
    "end_device_ids": {
        "device_id": "thua-3",
        "application_ids": {"application_id": "dong-ruong"},
        "dev_eui": EUI.upper(),
        "join_eui": "A000000000000101",
        "dev_addr": "260B5E07",
    },
    "correlation_ids": ["as:up:01JD6Z3T8C4YV4", "gs:uplink:01JD6Z3T1MPB1W", "ns:uplink:01JD6Z3T1NVRXQ"],
    "received_at": "2026-11-21T03:00:00.345023242Z",
    "uplink_message": {
        "session_key_id": SESSION,
        "f_port": 2,
        "f_cnt": 42,
        "frm_payload": "DSAMVAt6C3QDZgA=",
        "decoded_payload": {"soil_moisture": 31.5, "soil_ec": 1.0, "battery_voltage": 3.61},
        "normalized_payload": [{"soil": {"depth": 10, "moisture": 31.5, "ec": 1}, "battery": 3.61}],
        "rx_metadata": [
            {
                "gateway_ids": {"gateway_id": "tram-1", "eui": "0016C001F153A14C"},
                "time": "2026-11-21T03:00:00.125023242Z",
                "timestamp": 2463457000,
                "rssi": -113,
                "channel_rssi": -113,
                "snr": -8.2,
                "location": {"latitude": 10.2901, "longitude": 105.7589, "source": "SOURCE_REGISTRY"},
                "uplink_token": "CiAKHgoSdHJhbS0xEggAFsAB8VOhTBDo",
                "received_at": "2026-11-21T03:00:00.139Z",
            },
            {"gateway_ids": {"gateway_id": "tram-2"}, "rssi": -97, "snr": 6.5, "channel_index": 2},
        ],
        "settings": {
            "data_rate": {
                "lora": {"bandwidth": 125000, "spreading_factor": 7, "coding_rate": "4/5"},
            },
            "frequency": "922200000",
            "timestamp": 2463457000,
        },
        "received_at": "2026-11-21T03:00:00.140Z",
        "consumed_airtime": "0.061696s",
        "version_ids": {
            "brand_id": "acme-of-nowhere",
            "model_id": "x1",
            "hardware_version": "1.0",
            "firmware_version": "1.2",
            "band_id": "AS_923_2",
        },
        "network_ids": {"net_id": "000013", "tenant_id": "hoi-quan", "cluster_id": "as1"},
    },
}
VALUES = {"soil_moisture": 31.5, "soil_ec": 1.0, "battery_voltage": 3.61, "rssi": -97.0}
AT = NOW + 345


def things(**change):
    """The message with changed fields of its uplink_message; a__b is field b of a, and ... removes one."""
    made = copy.deepcopy(MESSAGE)
    for name, value in change.items():
        around, last = made["uplink_message"], name
        if "__" in name:
            part, last = name.split("__")
            around = made if part == "top" else made[part]
        if value is ...:
            del around[last]
        else:
            around[last] = value
    return json.dumps(made).encode()


def opened(payload):
    return PROBES.telemetry(payload, PROBE, TTS)


# -- The Things Stack v3


def test_an_uplink_as_the_things_stack_publishes_it():
    named = f"{SESSION} {AT} 42"
    assert outcome(things(), opened) == [Telemetry(VALUES, AT, 42, SESSION, identity=named)]
    (reading,) = decoder().decode([said(things(), topic=UP)]).readings
    assert (reading.device, reading.time, reading.values) == (PROBE, AT, VALUES)
    assert (reading.boot, reading.seq) == (SESSION, 42)


def test_whose_it_is_the_dev_eui_in_the_message_says():
    foreign = things(end_device_ids__dev_eui="0" * 16)
    elsewhere = "v3/other-app@other/devices/any-name/up"
    decoded = decoder().decode([said(things(), topic=elsewhere), said(foreign, topic=UP)])
    assert [reading.device for reading in decoded.readings] == [PROBE]
    assert (decoded.refused[1].reason, decoded.refused[1].field) == ("unknown_device", "0" * 16)


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"end_device_ids__dev_eui": ...}, "bad_uplink", "end_device_ids.dev_eui"),
        ({"end_device_ids__dev_eui": "24BEF"}, "bad_uplink", "end_device_ids.dev_eui"),
        ({"end_device_ids__dev_eui": 24}, "bad_uplink", "end_device_ids.dev_eui"),
        ({"top__end_device_ids": ...}, "bad_uplink", "end_device_ids.dev_eui"),
        ({"top__received_at": 3}, "bad_uplink", "received_at"),
        ({"top__received_at": "today"}, "bad_time", "today"),
        ({"f_cnt": "42"}, "bad_uplink", "uplink_message.f_cnt"),
        ({"f_cnt": -1}, "bad_uplink", "uplink_message.f_cnt"),
        ({"decoded_payload": [1]}, "bad_uplink", "uplink_message.decoded_payload"),
        ({"rx_metadata": {}}, "bad_uplink", "uplink_message.rx_metadata"),
        ({"decoded_payload": ..., "normalized_payload": ...}, "no_object", ""),
        ({"decoded_payload": {"happiness": 3}, "normalized_payload": ...}, "unknown_signal", "happiness"),
        ({"decoded_payload": {"soil_ec": "1"}}, "not_a_number", "soil_ec"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_a_bad_uplink_of_it_is_refused_with_its_reason(change, reason, field):
    refused = decoder().decode([said(things(**change), topic=UP)]).refused[0]
    assert (refused.reason, refused.field) == (reason, field)


def test_what_a_network_server_leaves_out_is_not_needed():
    bare = things(
        f_cnt=..., rx_metadata=..., settings=..., version_ids=..., normalized_payload=..., f_port=...
    )
    values = {name: value for name, value in VALUES.items() if name != "rssi"}
    assert outcome(bare, opened) == [Telemetry(values, AT, 0, SESSION, identity=f"{SESSION} {AT} 0")]
    (told,) = opened(things(session_key_id=...))
    assert told.boot == "260b5e07", "a device without a session of its own is told by its address"


def test_the_same_uplink_again_is_the_same_and_another_is_not():
    made = decoder()
    first = made.decode([said(things(), topic=UP), said(things(rx_metadata=[]), topic=UP)])
    assert (len(first.readings), first.duplicate) == (1, 1), "one more radio gateway heard it"
    later = things(f_cnt=43, top__received_at="2026-11-21T03:10:00.1Z")
    assert [one.seq for one in made.decode([said(later, topic=UP)]).readings] == [43]
    joined = things(session_key_id="b" * 24, f_cnt=0, top__received_at="2026-11-21T03:20:00.123456789Z")
    (reading,) = made.decode([said(joined, topic=UP)]).readings
    assert (reading.boot, reading.seq) == ("b" * 24, 0)
    assert made.missing() == {} and made.restarts() == {}
    again = Decoder("p", {"probe": PROBE}.get, {"probe": made.state("probe")}, by_eui={EUI: PROBE}.get)
    assert again.decode([said(joined, topic=UP)]).readings == [], "also behind a restart"


def test_what_it_normalised_itself_is_read_where_the_decoder_s_names_are_not_ours():
    payload = things(decoded_payload={"VWC": 31.5, "EC_bulk": 1})
    (told,) = opened(payload)
    assert told.values == VALUES
    (told,) = opened(things(decoded_payload=...))
    assert told.values == VALUES


def test_its_join_is_a_sign_of_life_and_a_stranger_s_is_nobody_s():
    join = {
        "end_device_ids": MESSAGE["end_device_ids"],
        "correlation_ids": [],
        "received_at": "2026-11-21T03:00:00.345023242Z",
        "join_accept": {"session_key_id": SESSION, "received_at": "2026-11-21T03:00:00.2Z"},
    }
    stranger = join | {"end_device_ids": MESSAGE["end_device_ids"] | {"dev_eui": "0" * 16}}
    messages = [(join, "a"), (stranger, "b"), (b"x", "c")]
    decoded = decoder().decode([said(one, topic=JOIN.replace("thua-3", name)) for one, name in messages])
    assert decoded.states == [State(PROBE, True, NOW, False)]
    assert {place: refused.reason for place, refused in decoded.refused.items()} == {2: "uplink_not_json"}


@pytest.mark.parametrize(
    "topic",
    ["v3/a@t/devices/thua-3/down/sent", "v3/a@t/devices/thua-3", "v3//devices/x/up", "v3/a/devices/x/y/up"],
)
def test_other_topics_of_it_are_refused(topic):
    assert decoder().decode([said(things(), topic=topic)]).refused[0].reason == "uplink_topic"


# -- ChirpStack: joins, states and logs


def about(kind, **more):
    return said({"deviceInfo": EVENT["deviceInfo"], "time": EVENT["time"]} | more, topic=TOPIC[:-2] + kind)


@pytest.mark.parametrize(
    "message",
    [
        about("join", devAddr="00e5e007", deduplicationId="c9dbe358"),
        about(
            "status", margin=12, batteryLevel=87.5, batteryLevelUnavailable=False, externalPowerSource=False
        ),
    ],
    ids=["join", "status"],
)
def test_a_join_and_a_state_are_signs_of_life(message):
    decoded = decoder().decode([message])
    assert decoded.states == [State(PROBE, True, NOW, False)]
    assert (decoded.readings, decoded.refused) == ([], {})


def test_a_codec_that_failed_is_refused_with_its_words_and_nothing_is_missing():
    words = "Error: Uncaught TypeError: cannot read property 'length' of undefined at decodeUplink (line 7)"
    failed = about(
        "log", level="ERROR", code="UPLINK_CODEC", description=words, context={"deduplication_id": "c9"}
    )
    made = decoder()
    decoded = made.decode([failed])
    (refused,) = decoded.refused.values()
    assert (refused.reason, refused.field) == ("codec_failed", words[:80])
    assert made.missing() == {}
    assert (decoded.readings, decoded.states) == ([], [])


@pytest.mark.parametrize(
    "more",
    [
        {"code": "UPLINK_F_CNT_RESET", "description": "FCnt was reset"},
        {"code": "UPLINK_F_CNT_RETRANSMISSION", "level": "WARNING"},
        {"code": "DOWNLINK_PAYLOAD_SIZE"},
        {"code": "OTAA", "description": "DevNonce has already been used"},
        {"code": 3},
        {},
    ],
    ids=str,
)
def test_other_logs_are_settled_without_a_word(more):
    decoded = decoder().decode([about("log", **more)])
    assert (decoded.readings, decoded.states, decoded.refused) == ([], [], {})


@pytest.mark.parametrize("payload", [{"code": "UPLINK_CODEC"}, {"code": "UPLINK_CODEC", "description": 3}])
def test_a_codec_that_failed_without_words_is_refused_too(payload):
    (refused,) = decoder().decode([about("log", **payload)]).refused.values()
    assert (refused.reason, refused.field) == ("codec_failed", "")


@pytest.mark.parametrize("kind", ["join", "status", "log"])
def test_signs_of_life_of_devices_that_are_not_ours_are_settled_without_a_word(kind):
    topic = TOPIC[:-2].replace(EUI, "0" * 16) + kind
    decoded = decoder().decode([said({"code": "UPLINK_CODEC", "description": "x"}, topic=topic)])
    assert (decoded.readings, decoded.states, decoded.refused, decoded.touched) == ([], [], {}, {})


def test_an_uplink_of_a_device_that_is_not_ours_is_refused():
    decoded = decoder().decode([said(json.dumps(EVENT), topic=TOPIC.replace(EUI, "0" * 16))])
    assert decoded.refused[0].reason == "unknown_device"


# -- topics


def test_a_topic_says_which_server_and_which_kind():
    assert addressed(TOPIC.replace(EUI, EUI.upper())) == (CHIRPSTACK, "up", EUI)
    assert addressed(UP) == (TTS, "up", None)
    assert addressed(JOIN) == (TTS, "alive", None)
    assert addressed("hoiquan/v1/p/c/probe/telemetry") is None
    assert set(filters()) == {
        *(f"application/+/device/+/event/{kind}" for kind in ("up", "join", "status", "log", "error")),
        *(f"application/+/device/+/{kind}" for kind in ("rx", "join", "status", "error")),
        "v3/+/devices/+/up",
        "v3/+/devices/+/join",
    }


def test_a_device_is_listened_for_where_its_uplinks_come():
    assert CHIRPSTACK.listened(EUI) == [
        f"application/+/device/{EUI}/event/up", f"application/+/device/{EUI}/rx"
    ]  # fmt: skip
    assert TTS.listened(EUI) == ["v3/+/devices/+/up"]
    assert addressed(CHIRPSTACK.topic(EUI)) == (CHIRPSTACK, "up", EUI)


def test_a_message_is_known_by_its_form():
    assert CHIRPSTACK.opens(EVENT) and TTS.opens(MESSAGE)
    assert not CHIRPSTACK.opens(MESSAGE) and not TTS.opens(EVENT)
    assert not any(one.opens(data) for one in envelopes() for data in ({}, [], None, {"soil_moisture": 31.5}))
