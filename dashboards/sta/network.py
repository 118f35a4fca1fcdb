"""All entities but the observations: what measures, where and what, from the store and the pilot file.

A device that was heard within a year is a Thing, each of its signals a Datastream. Its place (±5 km, never
where the device stands) is its Location and the FeatureOfInterest of its observations.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote

from dashboards.figures import ACCURACY_KM, GEOJSON, Figures, iso, point
from dashboards.kept import OnDemand
from dashboards.sta.numbers import SMALL_STREAMS, Numbers
from dashboards.sta.sets import FIELDS, Entity
from devices.clock import DAY_MS, day_of, midnight_of
from devices.contract.models import DIARY, MODELS
from devices.contract.signals import SIGNALS, Signal
from devices.pilots.places import Place
from devices.texts import text
from gateway.stores.points import FLAG_TRUE

REACH_MS = 366 * DAY_MS
MEASUREMENT = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"
UCUM = "http://unitsofmeasure.org"


class Stream(NamedTuple):
    """A Datastream's number, and what it reads from the store."""

    number: int
    device: str
    community: str
    signal: str


@dataclass(slots=True)
class StoredDevice:
    """A device as the store knows it; `at` is the newest time of its points, epoch ms."""

    device: str
    community: str
    model: str
    simulated: bool
    at: int
    signals: set[str] = field(default_factory=set)


class Network:
    """All entities at one moment, and their links: (set, id, navigation) → ids of the other set."""

    def __init__(self) -> None:
        self.sets: dict[str, dict[int, Entity]] = {name: {} for name in FIELDS}
        self.links: dict[tuple[str, int, str], list[int]] = {}
        self.streams: dict[int, Stream] = {}

    def add(self, set_name: str, number: int, **fields: Any) -> None:
        """Add an entity."""
        self.sets[set_name][number] = Entity(set_name, number, fields)

    def link(self, one: tuple[str, int, str], other: tuple[str, int, str]) -> None:
        """Link two entities both ways."""
        self.links.setdefault(one, []).append(other[1])
        self.links.setdefault(other, []).append(one[1])


class Survey:
    """Reads the network from the store, once for all who ask within some seconds (`OnDemand`)."""

    def __init__(self, figures: Figures, numbers: Numbers) -> None:
        self._figures = figures
        self._numbers = numbers
        self._devices: dict[str, StoredDevice] = {}
        self._kept = OnDemand(self._look)

    def network(self) -> Network:
        """The entities as of now. Raises RetryLater and RegistryAway."""
        return self._kept.get()

    def _look(self) -> Network:
        self._listen(self._figures.now() - (DAY_MS if self._devices else REACH_MS))
        return build(self._figures, self._numbers, self._devices.values())

    def _listen(self, since: int) -> None:
        figures = self._figures
        for latest in figures.store.latest("telemetry", {"pilot": figures.pilot.pilot}, since):
            tags = latest.tags
            measured = latest.fields.keys() & SIGNALS.keys()
            if "device" not in tags or tags.get("community") not in figures.pilot.place:
                continue  # a point of another program
            if tags.get("model") == DIARY or not measured:
                continue
            at = max(time for time, _ in latest.fields.values())
            known = self._devices.get(tags["device"])
            if known is None or known.at <= at:
                signals = known.signals if known else set()
                known = self._devices[tags["device"]] = StoredDevice(
                    tags["device"], tags["community"], tags.get("model", ""),
                    tags.get("simulated") == FLAG_TRUE, at, signals,
                )  # fmt: skip
            known.signals |= measured


def build(figures: Figures, numbers: Numbers, stored: Iterable[StoredDevice]) -> Network:
    """The entities of these devices, in the order of their places in the pilot file."""
    pilot, network = figures.pilot, Network()
    today = day_of(figures.now(), pilot.zone)
    order = {place.id: at for at, place in enumerate(pilot.places)}
    devices = sorted(stored, key=lambda one: (order[one.community], one.device))
    places = numbers.of("place", list(order))
    things = numbers.of("thing", [one.device for one in devices])
    models = numbers.of("model", sorted({one.model for one in devices}))
    signals = numbers.of("signal", list(SIGNALS))
    streams = numbers.of(
        "datastream", [f"{one.device} {signal}" for one in devices for signal in _in_order(one.signals)]
    )
    about: dict[str, Any] = {} if figures.rehearsal is None else {"rehearsal": figures.rehearsal.en}
    for place in pilot.places:
        _place(network, places[place.id], place, pilot.commune(place, today))
    for model, number in models.items():
        _sensor(network, number, model)
    for one in devices:
        for signal in _in_order(one.signals):
            if signals[signal] not in network.sets["ObservedProperties"]:
                _observed(network, signals[signal], SIGNALS[signal])
    for one in devices:
        number, place = things[one.device], pilot.place[one.community]
        network.add(
            "Things", number, name=one.device, description=f"{_kind(one.model)}, {place.name}",
            properties={"model": one.model, "community": one.community, "simulated": one.simulated, **about},
        )  # fmt: skip
        at = places[one.community]
        network.link(("Things", number, "Locations"), ("Locations", at, "Things"))
        joined = iso(midnight_of(place.joined, pilot.zone))
        network.add("HistoricalLocations", number, time=joined)  # one per Thing: it has not moved
        network.link(("HistoricalLocations", number, "Thing"), ("Things", number, "HistoricalLocations"))
        network.link(("HistoricalLocations", number, "Locations"), ("Locations", at, "HistoricalLocations"))
        for name in _in_order(one.signals):
            stream = streams[f"{one.device} {name}"]
            network.streams[stream] = Stream(stream, one.device, one.community, name)
            _datastream(network, stream, one, SIGNALS[name])
            network.link(("Datastreams", stream, "Thing"), ("Things", number, "Datastreams"))
            network.link(("Datastreams", stream, "Sensor"), ("Sensors", models[one.model], "Datastreams"))
            network.link(
                ("Datastreams", stream, "ObservedProperty"),
                ("ObservedProperties", signals[name], "Datastreams"),
            )
            network.link(
                ("Datastreams", stream, "FeatureOfInterest"), ("FeaturesOfInterest", at, "Datastreams")
            )
    return network


def _in_order(signals: set[str]) -> list[str]:
    return [signal for signal in SIGNALS if signal in signals]


def _kind(model: str) -> str:
    return MODELS[model].vi if model in MODELS else model


def _place(network: Network, number: int, place: Place, commune: str) -> None:
    at = point(place.lon, place.lat)
    common = {
        "name": place.name,
        "description": f"{place.name}, {commune}: ±{ACCURACY_KM:g} km",
        "encodingType": GEOJSON,
        "properties": {"id": place.id, "accuracy_km": ACCURACY_KM, "fictional": place.fictional},
    }
    network.add("Locations", number, **common, location=at)
    network.add("FeaturesOfInterest", number, **common, feature=at)


def _sensor(network: Network, number: int, model: str) -> None:
    known = MODELS.get(model)
    about = text("opendata.model", "vi", model=known.vi, seconds=known.interval) if known else model
    network.add(
        "Sensors", number, name=_kind(model), description=about, encodingType="text/html", metadata=about,
        properties={"id": model},
    )  # fmt: skip


def _observed(network: Network, number: int, signal: Signal) -> None:
    network.add(
        "ObservedProperties", number, name=signal.vi, description=signal.en,
        definition=f"urn:hoiquan:signal:{signal.id}", properties={"id": signal.id},
    )  # fmt: skip


def _datastream(network: Network, number: int, device: StoredDevice, signal: Signal) -> None:
    key = "opendata.hourly_direction" if signal.circular else "opendata.hourly"
    wide = {"wide_observation_ids": True} if number > SMALL_STREAMS else {}  # clients may fail over them
    network.add(
        "Datastreams", number, name=f"{signal.vi}, {device.device}",
        description=text(key, "vi", signal=signal.vi),
        observationType=MEASUREMENT,
        unitOfMeasurement={
            "name": signal.unit,
            "symbol": signal.shown_unit or signal.unit,
            "definition": f"{UCUM}#{quote(signal.unit, safe='/')}",
        },
        properties={"signal": signal.id, "simulated": device.simulated, **wide},
    )  # fmt: skip
