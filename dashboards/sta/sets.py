"""The eight sets of SensorThings: which fields their entities have, and to which sets they lead."""

from dataclasses import dataclass
from typing import Any, NamedTuple


class Way(NamedTuple):
    """Where a navigation leads: to one entity of `target`, or to `many`."""

    target: str
    many: bool


_ONE = {
    "Thing": "Things", "Datastream": "Datastreams", "Sensor": "Sensors",
    "ObservedProperty": "ObservedProperties", "FeatureOfInterest": "FeaturesOfInterest",
}  # fmt: skip


def _ways(*names: str) -> dict[str, Way]:
    return {name: Way(_ONE.get(name, name), name not in _ONE) for name in names}


WAYS: dict[str, dict[str, Way]] = {  # in the order in which the root lists the sets
    "Things": _ways("Locations", "HistoricalLocations", "Datastreams"),
    "Locations": _ways("Things", "HistoricalLocations"),
    "HistoricalLocations": _ways("Thing", "Locations"),
    "Datastreams": _ways("Thing", "Sensor", "ObservedProperty", "Observations"),
    "Sensors": _ways("Datastreams"),
    "ObservedProperties": _ways("Datastreams"),
    "Observations": _ways("Datastream", "FeatureOfInterest"),
    "FeaturesOfInterest": _ways("Observations"),
}
_NAMED = ("name", "description", "properties")
FIELDS: dict[str, tuple[str, ...]] = {
    "Things": _NAMED,
    "Locations": (*_NAMED, "encodingType", "location"),
    "HistoricalLocations": ("time",),
    "Datastreams": (*_NAMED, "observationType", "unitOfMeasurement"),
    "Sensors": (*_NAMED, "encodingType", "metadata"),
    "ObservedProperties": (*_NAMED, "definition"),
    "Observations": ("phenomenonTime", "resultTime", "result", "parameters"),
    "FeaturesOfInterest": (*_NAMED, "encodingType", "feature"),
}
IDS = ("id", "@iot.id")
SELF = "@iot.selfLink"
TIMES = frozenset({"phenomenonTime", "resultTime", "time"})


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity of a `set`; `fields` are as its JSON shows them."""

    set: str
    id: int
    fields: dict[str, Any]


class BadQuery(Exception):
    """A query that cannot be answered; the sentence says what is wrong, and what would do."""


def require_path(set_name: str, path: tuple[str, ...], passed: tuple[str, ...] = ()) -> None:
    """Raise BadQuery for a path that entities of the set cannot have, or that leads back to a set that it
    left (`passed`): round and round, it would lead to more values than there is time for. Below a field any
    name may follow, and a missing one is no match (QGIS asks for `location/geometry/type` of entities that
    have `location/type`).
    """
    first, *rest = path
    if first in IDS or first == SELF or first in FIELDS[set_name]:
        return
    way = WAYS[set_name].get(first)
    if way is None or not rest:
        names = ", ".join(("id", *FIELDS[set_name], *WAYS[set_name]))
        raise BadQuery(f"{set_name} have no {'/'.join(path)!r}; they have {names}")
    if way.target == "Observations":
        raise BadQuery(f"{'/'.join(path)}: Observations are filtered in their own set")
    if way.target in (*passed, set_name):
        raise BadQuery(f"{'/'.join(path)[:80]}: leads back to {way.target}")
    require_path(way.target, tuple(rest), (*passed, set_name))
