"""Messages as devices send them, and a decoder that knows the devices."""

import json
from datetime import UTC, datetime

from devices.contract.reading import Device
from gateway.ingest.decode import Decoder
from gateway.ingest.message import Message

NOW = int(datetime(2026, 11, 21, 3, tzinfo=UTC).timestamp() * 1000)
MINUTE = 60_000
REAL = Device("p", "c", "probe", "soil-probe", simulated=False)
PLAYED = Device("p", "c", "node", "soil-probe", simulated=True)
OTHER = Device("p", "elsewhere", "other", "soil-probe", simulated=False)
NOTEBOOK = Device("p", "c", "notebook", "diary", simulated=False)
DEVICES = {device.device: device for device in (REAL, PLAYED, OTHER, NOTEBOOK)}
GOOD = b'{"values":{"soil_moisture":31.5}}'


def decoder(seen=None):
    return Decoder("p", DEVICES.get, seen)


def said(payload, device=REAL, arrival=NOW, kind="telemetry", **flags):
    if not isinstance(payload, bytes):
        payload = json.dumps(payload).encode()
    return Message(f"hoiquan/v1/p/{device.community}/{device.device}/{kind}", payload, arrival, **flags)


def moisture(value=31.5, **more):
    return {"values": {"soil_moisture": value}, **more}
