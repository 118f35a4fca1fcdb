"""ChirpStack v3's uplinks: its JSON, where bytes are base64 and the object is a text, and its older JSON."""

import json

import pytest

from devices.probes.envelope import addressed, server
from tests.devices.uplinks import EUI, NOW, PROBE, PROBES, TOPIC, decoder, outcome, said, uplink

OBJECT = {"soil_moisture": 31.5, "soil_ec": 1.0}
VALUES = {"soil_moisture": 31.5, "soil_ec": 1.0, "rssi": -97.0}
ANTENNA = {
    "gatewayID": "ABbAAfFToUw=", "time": None, "timeSinceGPSEpoch": None, "rssi": -97, "loRaSNR": 6.5,
    "channel": 2, "uplinkID": "jyQtGxv2RZu2KqH7b0kVpw==",
}  # fmt: skip
# As the application server 3.17 publishes it: protobuf's JSON. The values are invented.
PROTOBUF = {
    "applicationID": "7", "applicationName": "Đồng ruộng", "deviceName": "Thửa 3", "devEUI": "ACS+//6ATxE=",
    "rxInfo": [ANTENNA, {"gatewayID": "ABbAAfFToVA=", "rssi": -113, "loRaSNR": -8}],
    "txInfo": {"frequency": 922200000, "modulation": "LORA"}, "adr": True, "dr": 5, "fCnt": 42, "fPort": 2,
    "data": "AQEwAAAAAAAIdg==", "objectJSON": json.dumps(OBJECT), "tags": {"hoiquan-probe": "dragino-lse01"},
    "confirmedUplink": True, "devAddr": "AOXgBw==", "publishedAt": "2026-11-21T03:00:00.125Z",
    "deviceProfileID": "14855bf7-d10d-4aee-b618-ebfcb64dc7ad", "deviceProfileName": "AS923-2, loại A",
}  # fmt: skip
# As it publishes "JSON (v3)", and older servers do
OLDER = {
    "applicationID": "7", "applicationName": "Đồng ruộng", "deviceName": "Thửa 3", "devEUI": EUI,
    "rxInfo": [{"gatewayID": "0016c001f153a14c", "uplinkID": "8f242d1b-1bf6-459b-b62a-a1fb6f4915a7",
                "name": "tram-1", "rssi": -97, "loRaSNR": 6.5, "location": None}],
    "txInfo": {"frequency": 922200000, "dr": 5}, "adr": True, "fCnt": 42, "fPort": 2,
    "data": "AQEwAAAAAAAIdg==", "object": OBJECT,
}  # fmt: skip
RX = TOPIC.replace("/event/up", "/rx")


def made(form, **change):
    changed = {"tags": {}} | form | change
    return json.dumps({name: value for name, value in changed.items() if value is not ...}).encode()


def plain(form=PROTOBUF, **change):
    """A message without the tag that names a probe file, so that the contract's names are read."""
    return made(form, **({"tags": {}} | change))


def test_the_object_is_read_out_of_its_text_and_the_time_is_the_servers():
    (one,) = outcome(plain(), uplink)
    assert (one.values, one.time, one.seq, one.boot) == (VALUES, NOW + 125, 42, "AOXgBw==")
    (reading,) = decoder().decode([said(plain(), topic=TOPIC)]).readings
    assert (reading.device, reading.values, reading.time) == (PROBE, VALUES, NOW + 125)


def test_the_older_json_has_no_address_and_is_stamped_on_arrival():
    decoded = decoder().decode([said(plain(OLDER), topic=RX), said(plain(OLDER, fCnt=43), NOW + 60_000, RX)])
    assert [(one.values, one.time, one.boot, one.seq) for one in decoded.readings] == [
        (VALUES, NOW, EUI, 42), (VALUES, NOW + 60_000, EUI, 43),
    ]  # fmt: skip


def test_where_the_server_tells_no_time_the_antennas_counts():
    heard = plain(publishedAt=..., rxInfo=[ANTENNA | {"time": "2026-11-21T02:59:58Z"}])
    assert outcome(heard, uplink)[0].time == NOW - 2000


@pytest.mark.parametrize("form", [PROTOBUF, OLDER], ids=["protobuf", "older"])
@pytest.mark.parametrize("topic", [TOPIC, RX])
def test_the_same_uplink_again_changes_nothing(form, topic):
    decoded = decoder().decode([said(plain(form), topic=topic), said(plain(form), NOW + 1000, topic)])
    assert (len(decoded.readings), decoded.duplicate, decoded.refused) == (1, 1, {})


def test_the_tag_and_the_profile_choose_the_probe_file():
    words = json.dumps({"water_SOIL": "31.50", "conduct_SOIL": 1000, "temp_SOIL": "25.10"})
    tagged = made(PROTOBUF, objectJSON=words)
    named = plain(objectJSON=words, deviceProfileName="LSE01")
    for payload in (tagged, named):
        (one,) = outcome(payload, uplink)
        assert one.values == VALUES | {"soil_temperature": 25.1}


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"objectJSON": ""}, "no_object", ""),
        ({"objectJSON": "null"}, "no_object", ""),
        ({"objectJSON": "{"}, "bad_uplink", "objectJSON"),
        ({"objectJSON": "[1]"}, "bad_uplink", "objectJSON"),
        ({"objectJSON": '{"soil_ec":1,"soil_ec":2}'}, "bad_uplink", "objectJSON"),
        ({"objectJSON": '{"humiditySensor":32}'}, "unknown_signal", "humiditySensor"),
        ({"devAddr": ..., "devEUI": ...}, "bad_uplink", "devAddr"),
        ({"publishedAt": 3}, "bad_uplink", "publishedAt"),
    ],
    ids=str,
)
def test_a_bad_one_is_refused_with_its_reason(change, reason, field):
    assert outcome(plain(**change), uplink) == (reason, field)


@pytest.mark.parametrize("topic", [TOPIC[:-2] + "error", RX[:-2] + "error"])
def test_what_its_codec_complains_of_is_told(topic):
    failed = {"devEUI": EUI, "type": "UPLINK_CODEC", "error": "SyntaxError: Unexpected token"}
    (refused,) = decoder().decode([said(failed, topic=topic)]).refused.values()
    assert (refused.reason, refused.field) == ("codec_failed", "SyntaxError: Unexpected token")


def test_a_join_is_a_sign_of_life():
    (state,) = decoder().decode([said({"devEUI": EUI}, topic=RX[:-2] + "join")]).states
    assert (state.device, state.online) == (PROBE, True)


def test_its_form_is_known_without_its_topic():
    assert server(PROTOBUF) is server(OLDER) is addressed(TOPIC).envelope is addressed(RX).envelope
    assert PROBES.telemetry(plain(OLDER), PROBE, server(OLDER))[0].values == VALUES
