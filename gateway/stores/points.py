"""Names in the store: measurements, their tags and fields. Boards and adapters read them from here.

`Point` has InfluxDB's meaning: a point of the same measurement, tags and time overwrites field by field, so
that a second delivery is harmless. Both store adapters keep that rule.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

from devices.contract.models import MODELS
from devices.contract.reading import Device
from devices.contract.signals import SIGNALS

Kind = Literal["float", "int", "text", "bool"]
Value = float | int | str | bool
Tags = tuple[tuple[str, str], ...]


class Point(NamedTuple):
    """One row of a measurement. `tags` are sorted by name; `time` is epoch milliseconds."""

    measurement: str
    tags: Tags
    fields: Mapping[str, Value]
    time: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """The schema of one measurement. Tags have few values; fields have a kind that never changes."""

    name: str
    tags: tuple[str, ...]
    fields: dict[str, Kind]


_DEVICE_TAGS = ("pilot", "community", "device", "model", "simulated")
# readings of devices, believed and suspect: a device with only suspect values is heard, too
READINGS = ("telemetry", "telemetry_flagged")
HOURLY = ("water_level", "salinity")  # signals that a board compares between all places (`hourly`)
# The signal that most models of node have. To find who sent anything, this one is asked for first: with ten
# thousand devices every further signal costs time.
WIDEST = max(SIGNALS, key=lambda signal: sum(signal in model.signals for model in MODELS.values()))
HOUR_PARTS: dict[str, Kind] = {"sum": "float", "number": "int"}

MEASUREMENTS: dict[str, Measurement] = {
    m.name: m
    for m in (
        Measurement("telemetry", _DEVICE_TAGS, dict.fromkeys(SIGNALS, "float")),
        Measurement(
            "telemetry_hour", _DEVICE_TAGS,
            {f"{signal}_{part}": kind for signal in HOURLY for part, kind in HOUR_PARTS.items()},
        ),
        Measurement(
            "telemetry_flagged", (*_DEVICE_TAGS, "signal", "reason"),
            {"value": "float", "flag": "int", "device_time": "int"},
        ),
        Measurement(
            "community", ("pilot", "community"),
            {"name": "text", "commune": "text", "kind": "text", "lat": "float", "lon": "float",
             "joined": "text", "products": "text", "fictional": "bool", "active": "bool"},
        ),
        Measurement(
            "kpi", ("pilot", "indicator"),
            {"value": "float", "target": "float", "gap": "float", "value_real": "float",
             "value_simulated": "float", "path": "float", "course": "float"},
        ),
        Measurement("kpi_target", ("pilot", "indicator", "year"), {"value": "float", "up_to": "float"}),
        Measurement(
            "kpi_forecast", ("pilot", "indicator"), {"value": "float", "low": "float", "high": "float"},
        ),
        Measurement(
            "standing", ("pilot", "indicator", "community"),
            {"counted": "bool", "name": "text", "has": "text"},
        ),
        Measurement("report", ("pilot", "day"), {"due": "int", "days": "int", "to": "text", "to_en": "text"}),
        Measurement("doubted", ("pilot", "reason"), {"doubts": "int"}),
        Measurement("alarm", ("pilot", "community", "signal", "level"), {"value": "float"}),
        Measurement(
            "alarm_now", ("pilot", "community", "instance", "quantity"),
            {"state": "text", "level": "text", "severe": "bool", "value": "float", "since": "int",
             "looked": "int", "text": "text", "text_en": "text", "simulated": "bool", "real": "bool"},
        ),
        Measurement(
            "device", ("pilot", "community", "device"),
            {"last_seen": "int", "battery_voltage": "float", "battery_level": "float", "coverage": "float",
             "online": "bool", "silent_minutes": "int"},
        ),
        Measurement(
            "advice", ("pilot", "community", "crop", "rule"),
            {"severity": "int", "text": "text", "text_en": "text"},
        ),
        Measurement(
            "lot", ("pilot", "community", "product"),
            {"quantity": "float", "coverage": "float", "verified": "bool", "simulated": "bool",
             "lot": "text", "scans": "int", "packages": "int", "far_more": "bool"},
        ),
        Measurement("scan", ("pilot", "community"), {"scans": "int"}),
        Measurement(
            "audit", ("pilot", "what"),
            {"who": "text", "object": "text", "where": "text", "simulated": "bool"},
        ),
        Measurement(
            "gateway", ("instance",),
            {"received": "int", "stored": "int", "duplicate": "int", "quarantined": "int",
             "spooled": "int", "forgotten": "int", "arrived": "int", "kept": "int", "lag_ms": "int",
             "spool_bytes": "int", "missing": "int", "broker_dropped": "int", "refused_logins": "int"},
        ),
    )
}  # fmt: skip


class Exported(NamedTuple):
    """A field of `gateway` as exported to Prometheus: its name after EXPORTED, and whether it only grows."""

    field: str
    name: str
    grows: bool
    help: str


EXPORTED = "hoiquan_gateway_"
# the gateway exports its current figures, the pages those that each gateway last wrote to the store
EXPORTS = (
    Exported("received", "received_messages", True,
             "Messages taken from the broker since the spool was created."),
    Exported("stored", "stored_messages", True, "Messages whose readings, states or events are stored."),
    Exported("duplicate", "duplicate_messages", True,
             "Messages not stored because the same message was taken before."),
    Exported("forgotten", "forgotten_messages", True,
             "Refused messages whose bytes were deleted from the quarantine."),
    # a replayed message leaves it
    Exported("quarantined", "quarantined_messages", False,
             "Messages that were refused and have not been replayed."),
    Exported("spooled", "spooled_messages", False, "Messages on disk that wait to be stored."),
    Exported("spool_bytes", "spool_bytes", False, "Bytes that spool and quarantine hold."),
    Exported("missing", "missing_messages", False, "Numbered messages of devices that never arrived."),
    Exported("broker_dropped", "broker_dropped_messages", True,
             "Messages that the broker dropped since its start."),
    Exported("refused_logins", "refused_logins", True,
             "Connections that the broker refused since this gateway began to count."),
)  # fmt: skip
BALANCED = "1 if received = stored + duplicate + quarantined + spooled, else 0."

UNFIT_TAG = "a tag with a line break, or with a backslash at its end, cannot be kept"
FLAG_TRUE, FLAG_FALSE = "true", "false"


def tags(**values: str) -> Tags:
    """Sorted tags, as a Point wants them."""
    return tuple(sorted(values.items()))


def device_tags(device: Device) -> Tags:
    """The tags of a device's readings, sorted."""
    return (
        _of_place(device.community),
        ("device", device.device),
        *_of_kind(device.model, device.pilot, device.simulated),
    )


@cache
def _of_place(community: str) -> tuple[str, str]:
    """The tag that all devices of a place have, one shared object."""
    return "community", community


@cache
def _of_kind(model: str, pilot: str, simulated: bool) -> Tags:
    """The tags that all devices of a kind have, one shared object."""
    flag = FLAG_TRUE if simulated else FLAG_FALSE
    return ("model", model), ("pilot", pilot), ("simulated", flag)


def check_fields(measurement: str, fields: Iterable[str]) -> None:
    """Raise KeyError for the first field that the measurement lacks: names become part of a query's text."""
    for field in fields:
        MEASUREMENTS[measurement].fields[field]


def whole(points: Iterable[Point], *fields: str) -> Iterator[Point]:
    """The points that have all of these fields. InfluxDB shows a point field by field while it is being
    written: of 111,436 points read beside a writer, 1.6.7 gave 5,606 incomplete.
    """
    return (point for point in points if all(field in point.fields for field in fields))


def unfit(pairs: Tags) -> bool:
    """Whether line protocol cannot express these tags. Both stores refuse them."""
    return any("\n" in value or "\r" in value or value.endswith("\\") for _, value in pairs)
