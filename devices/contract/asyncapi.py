"""The contract as an AsyncAPI 3.0 document, made from the same tables and models, for tools and makers.

The document takes the device's side: a message that goes up is sent, one that comes down is received.
"""

import json
from typing import Any

from pydantic import TypeAdapter

from devices.contract.diary import DiaryEvent
from devices.contract.orders import Answer, Order
from devices.contract.payloads import MAX_BYTES, schema
from devices.contract.signals import SIGNALS
from devices.contract.topics import ROOT
from devices.texts import catalogue

VERSION = "1.0.0"
# kind → (sent by the device, retained, QoS, summary, example)
_KINDS: dict[str, tuple[bool, bool, int, str, Any]] = {
    "telemetry": (
        True, False, 1, "Readings. A list of them, and SenML (RFC 8428) in JSON or CBOR, are accepted too.",
        {"ts": "2026-11-21T10:00:00Z", "seq": 1042, "boot": "7f3a", "values": {"soil_moisture": 34.1}},
    ),
    "status": (
        True, True, 1, "Whether the device is online; the broker sends offline as its last will.",
        {"state": "online"},
    ),
    "diary": (
        True, False, 1, "Farm diary events; a harvest event seals a lot.",
        {"event": "harvest", "id": "mango-2026-11", "ts": "2026-11-21T09:30:00+07:00", "plot": "plot-1",
         "crop": "mango", "quantity_kg": 850},
    ),
    "command": (
        False, False, 1, "What an actuator must do, and until when.",
        {"id": "c-1", "actuator": "pump", "set": 1, "until": "2026-11-21T11:00:00Z"},
    ),
    "result": (True, False, 1, "The device's answer to a command.", {"id": "c-1", "ok": True, "error": None}),
    "rejected": (
        False, False, 0, "Why the gateway refused a message of this device.",
        {"reason": "no_values", "vi": "Thiếu “values” hoặc “values” trống.", "en": "\"values\" is missing."},
    ),
}  # fmt: skip


def telemetry_schema() -> dict[str, Any]:
    """JSON Schema of a telemetry message, signal names included."""
    telemetry = schema()
    telemetry["title"] = "hoiquan telemetry, version 1"
    telemetry["description"] = f"At most {MAX_BYTES} bytes. Only `values` is required."
    telemetry["properties"]["values"]["propertyNames"] = {"enum": list(SIGNALS)}
    telemetry["properties"]["values"]["minProperties"] = 1
    return telemetry


def document() -> dict[str, Any]:
    """The whole AsyncAPI document."""
    parameters = {
        "pilot": {"description": "Name of the province's pilot, as its pilot file gives it."},
        "community": {"description": "The hội quán, HTX or village that the device was enrolled in."},
        "device": {"description": "The device's id, which is its MQTT user and client id."},
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "hoiquan devices",
            "version": VERSION,
            "description": "What a device sends to a village's gateway, and what it receives. "
            "devices/README.md says the same in Vietnamese and English.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "village": {
                "host": "{host}:8883",
                "protocol": "secure-mqtt",
                "description": "Mosquitto with TLS; `hoiquan ca` prints the CA.",
                "variables": {"host": {"default": "localhost"}},
                "security": [{"$ref": "#/components/securitySchemes/password"}],
            }
        },
        "channels": {
            kind: {
                "address": f"{ROOT}/{{pilot}}/{{community}}/{{device}}/{kind}",
                "parameters": parameters,
                "messages": {kind: {"$ref": f"#/components/messages/{kind}"}},
            }
            for kind in _KINDS
        },
        "operations": {
            kind: {
                "action": "send" if sent else "receive",
                "channel": {"$ref": f"#/channels/{kind}"},
                "summary": summary,
                "bindings": {"mqtt": {"qos": qos, "retain": retained, "bindingVersion": "0.2.0"}},
            }
            for kind, (sent, retained, qos, summary, _) in _KINDS.items()
        },
        "components": {
            "securitySchemes": {
                "password": {
                    "type": "userPassword",
                    "description": "One account per device: `hoiquan device enroll` prints its password.",
                }
            },
            "messages": {
                kind: {
                    "summary": summary,
                    "payload": {"$ref": f"#/components/schemas/{kind}"},
                    "examples": [{"payload": example}],
                }
                for kind, (_, _, _, summary, example) in _KINDS.items()
            },
            "schemas": _schemas(),
        },
    }


def _schemas() -> dict[str, Any]:
    here = "#/components/schemas/{model}"
    diary = TypeAdapter(DiaryEvent).json_schema(ref_template=here)
    events = diary.pop("$defs")
    diary.pop("discriminator", None)  # pydantic writes OpenAPI's object, AsyncAPI has a name
    reasons = [key.split(".")[1] for key in catalogue() if key.startswith("rejected.")]
    text = {"type": "string"}
    return {
        "telemetry": telemetry_schema(),
        "status": {
            "type": "object", "required": ["state"],
            "properties": {"state": {"enum": ["online", "offline"]}},
        },
        "diary": diary,
        "command": Order.model_json_schema(),
        "result": Answer.model_json_schema(),
        "rejected": {
            "type": "object", "required": ["reason", "vi", "en"],
            "properties": {"reason": {"enum": reasons}, "vi": text, "en": text},
        },
        **events,
    }  # fmt: skip


def written() -> str:
    """The document as the text of its file."""
    return json.dumps(document(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"
