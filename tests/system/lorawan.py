"""The messages that LoRaWAN network servers publish: events of ChirpStack v4, built from its own message
types (chirpstack-api), and uplinks of The Things Stack v3.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from chirpstack_api import gw, integration
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

APPLICATION = "17c82e96-be03-4f38-aef3-f83d48582d97"
NOW = datetime.now(UTC).replace(microsecond=0)


def at(minutes_ago: float) -> datetime:
    """A time in the last hour, the same in every test of a run."""
    return NOW - timedelta(minutes=minutes_ago)


def topic(eui: str, kind: str) -> str:
    return f"application/{APPLICATION}/device/{eui}/event/{kind}"


def uplink(
    eui: str, counter: int, said: dict[str, Any] | None, ago: float, profile: str = "-", **tags: str
) -> tuple[str, bytes]:
    """Topic and bytes of an uplink. `said` is the codec's result, None where the codec threw. `tags` are the
    device's, with _ for -.
    """
    event = integration.UplinkEvent(
        deduplication_id=f"b0b0bd1c-6a39-4c8c-9f2e-{int(eui[-4:], 16):04x}{counter:08x}",
        time=at(ago),
        device_info=info(eui, profile, tags),
        dev_addr=f"00{eui[-6:]}",
        adr=True,
        dr=5,
        f_cnt=counter,
        f_port=2,
        data=b"\x01\x01\x30",
        rx_info=[
            gw.UplinkRxInfo(gateway_id="0016c001f153a14c", uplink_id=4217106255, gw_time=at(ago), rssi=-97,
                            snr=6.5, channel=2, crc_status=gw.CRC_OK),
            gw.UplinkRxInfo(gateway_id="0016c001f153a150", uplink_id=1, rssi=-113, snr=-8),
        ],
        tx_info=gw.UplinkTxInfo(
            frequency=922200000,
            modulation=gw.Modulation(lora=gw.LoraModulationInfo(bandwidth=125000, spreading_factor=7)),
        ),
    )  # fmt: skip
    if said is not None:
        event.object.update(said)
    return topic(eui, "up"), written(event)


def join(eui: str) -> tuple[str, bytes]:
    event = integration.JoinEvent(
        deduplication_id="6f1c", time=at(0), device_info=info(eui), dev_addr=f"00{eui[-6:]}"
    )
    return topic(eui, "join"), written(event)


def status(eui: str) -> tuple[str, bytes]:
    event = integration.StatusEvent(
        deduplication_id="6f1d", time=at(0), device_info=info(eui), margin=10, battery_level=87.4
    )
    return topic(eui, "status"), written(event)


def log(eui: str, code: int, words: str) -> tuple[str, bytes]:
    event = integration.LogEvent(
        time=at(0), device_info=info(eui), level=integration.ERROR, code=code, description=words,
        context={"deduplication_id": "6f1e"},
    )  # fmt: skip
    return topic(eui, "log"), written(event)


def info(eui: str, profile: str = "-", tags: Mapping[str, str] | None = None) -> integration.DeviceInfo:
    return integration.DeviceInfo(
        tenant_id="52f14cd4-c6f1-4fbd-8f87-4025e1d49242",
        tenant_name="Hội quán",
        application_id=APPLICATION,
        application_name="Đồng ruộng",
        device_profile_id="14855bf7-d10d-4aee-b618-ebfcb64dc7ad",
        device_profile_name=profile,
        device_name="Thửa 3",
        dev_eui=eui,
        tags={name.replace("_", "-"): value for name, value in (tags or {}).items()},
    )


def written(event: Message) -> bytes:
    """The event as JSON, as ChirpStack's own code (pbjson) writes it: the event's fields are written at their
    defaults too, those of the parts that its gateways sent are not; a time ends in +00:00. Since 4.9 uplinks
    and joins have a region as well.
    """
    said = MessageToDict(event, always_print_fields_with_no_presence=True)
    sparse = MessageToDict(event)
    said |= {name: sparse[name] for name in ("rxInfo", "txInfo") if name in sparse}
    if "devAddr" in said:
        said["regionConfigId"] = "as923_2"
    text = json.dumps(said, ensure_ascii=False)
    return re.sub(r'(\d\d:\d\d:\d\d(?:\.\d+)?)Z"', r'\1+00:00"', text).encode()


def things_stack(
    eui: str, counter: int, said: dict[str, Any], ago: float, brand: str, model: str
) -> tuple[str, bytes]:
    """Topic and bytes of an uplink of The Things Stack v3, as its MQTT server publishes it."""
    heard = {"gateway_ids": {"gateway_id": "cao-lanh", "eui": "0016C001F153A14C"}, "rssi": -88, "snr": 9.2}
    device, received = f"thua-{eui[-2:]}", f"{at(ago):%Y-%m-%dT%H:%M:%S}.000074551Z"
    event = {
        "end_device_ids": {
            "device_id": device, "application_ids": {"application_id": "hoi-quan"},
            "dev_eui": eui.upper(), "join_eui": "70B3D57ED0000000", "dev_addr": "260BA42C",
        },
        "correlation_ids": ["gs:uplink:01JDP"],
        "received_at": received,
        "uplink_message": {
            "session_key_id": "AZN2ZkcbJv6J4Ew0rMxqmw==", "f_port": 1, "f_cnt": counter,
            "frm_payload": "AgPoAAAB", "decoded_payload": said, "rx_metadata": [heard],
            "settings": {"data_rate": {"lora": {"bandwidth": 125000, "spreading_factor": 7}}},
            "received_at": received, "consumed_airtime": "0.061696s",
            "version_ids": {"brand_id": brand, "model_id": model, "band_id": "AS_923_2"},
        },
    }  # fmt: skip
    return f"v3/hoi-quan@ttn/devices/{device}/up", json.dumps(event).encode()
