"""Messages and uplinks of one probe, the readings expected of them, and a decoder that knows the probe."""

import json
from datetime import UTC, datetime

from devices.contract.encodings import decode
from devices.contract.payloads import PayloadError
from devices.contract.reading import Device
from devices.probes.envelope import envelopes
from devices.probes.shelf import Shelf
from devices.probes.telemetry import Probes
from gateway.ingest.decode import Decoder
from gateway.ingest.message import Message

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


PROBES = Probes(Shelf())


def uplink(payload, device=PROBE):
    return PROBES.telemetry(payload, device, envelopes()[0])


def said(payload, arrival=NOW, topic="hoiquan/v1/p/c/probe/telemetry", **flags):
    if not isinstance(payload, bytes):
        payload = json.dumps(payload).encode()
    return Message(topic, payload, arrival, **flags)


def decoder(seen=None):
    return Decoder("p", {"probe": PROBE}.get, seen, by_eui={EUI: PROBE}.get)


def moisture(value=31.5, **more):
    return {"values": {"soil_moisture": value}, **more}


# -- ChirpStack v4

# As ChirpStack 4.18 publishes it: names and types of api/proto/integration and api/proto/gw, in protobuf's
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
