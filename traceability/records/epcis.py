"""A lot as an EPCIS 2.0 document (JSON-LD), for systems that use GS1's standards.

    crop on the plot ─harvest─► the lot, kg ─packing─► its packages ─aggregation─► a consignment ─shipping─►
      {link}#crop                {link}                 {link}#packages             urn:uuid

Planting is an ObjectEvent ADD with `ilmd`. Inputs, irrigation, pest observations and sensor reports are
ObjectEvents OBSERVE on the crop. Harvest, packing, splits and merges are TransformationEvents, which have no
action. A correction repeats the wrong event with an errorDeclaration that names the right one.

Documents are sealed in this form; exchange/served.py serves them in another one.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from devices.clock import moment_of
from devices.contract.diary import (
    DiaryEvent,
    Harvest,
    Input,
    Irrigation,
    Packing,
    PestObservation,
    Planting,
    Shipping,
)
from devices.contract.signals import SIGNALS
from devices.pilots.bounds import local
from traceability.records.conditions import Conditions

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Speaker:
    """Makes the EPCIS events of one lot.

    `link` is the lot's Digital Link URI, `base` the public address, `place` the URI of the community; times
    are written in `zone`.
    """

    link: str
    base: str
    place: str
    zone: tzinfo

    @property
    def vocabulary(self) -> str:
        """The prefix of our own terms."""
        return f"{self.base}/vocabulary/"

    def document(self, events: Iterable[Event], created: datetime) -> dict[str, Any]:
        """A document of these events. Of several events with the same id, the last one counts."""
        kept = {event["eventID"]: event for event in events}
        return {
            "@context": [CONTEXT, {"hoiquan": self.vocabulary}],
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": self._time(created),
            "epcisBody": {"eventList": list(kept.values())},
        }

    def written(self, event: DiaryEvent, *, packed: bool = False) -> list[Event]:
        """The EPCIS events of a diary event; empty for kinds that have none.

        A shipping event ships the packages if the lot was `packed`, and otherwise the lot as it was
        harvested.
        """
        crop, lot, packages = f"{self.link}#crop", self.link, f"{self.link}#packages"
        head = self._head(event.id, event.ts)
        match event:
            case Planting():
                area = [{"epcClass": crop, "quantity": event.area_ha, "uom": "HAR"}]
                happened = _object("ADD", "commissioning", area) | {
                    "disposition": "active",
                    "bizLocation": {"id": self.place},
                    "ilmd": {"hoiquan:crop": event.crop, "hoiquan:seed": event.seed},
                }
            case Input() | Irrigation() | PestObservation():
                step = f"{self.vocabulary}{event.event}"
                details = event.model_dump(mode="json", exclude_none=True, exclude=_COMMON)
                happened = _object("OBSERVE", step, [{"epcClass": crop}]) | {
                    f"hoiquan:{name}": value for name, value in details.items()
                }
            case Harvest():
                cut = [kilograms(lot, event.quantity_kg)]
                happened = _transformation("commissioning", [{"epcClass": crop}], cut)
                happened["disposition"] = "active"
                happened["ilmd"] = {"hoiquan:harvested": self._time(event.ts), "hoiquan:crop": event.crop}
                if event.area_code is not None:
                    happened["ilmd"]["hoiquan:plantingAreaCode"] = event.area_code
            case Packing():
                weight = event.quantity_kg
                happened = _transformation("packing", [kilograms(lot, weight)], [kilograms(packages, weight)])
                happened["hoiquan:packages"] = event.packages
                if event.house_code is not None:
                    happened["hoiquan:packingHouseCode"] = event.house_code
            case Shipping():
                return self._shipped(event, packages if packed else lot)
            case _:
                return []
        return [head | happened]

    def sensed(self, grew: Conditions, at: datetime) -> list[Event]:
        """What devices measured while the crop grew; empty if nothing was measured."""
        if not grew.daily:
            return []
        start, stop = (moment_of(ms) for ms in (grew.start, grew.stop))
        element = {
            "sensorMetadata": {
                "startTime": self._time(start),
                "endTime": self._time(stop),
                "dataProcessingMethod": f"{self.vocabulary}daily-summary",
                "hoiquan:coverage": grew.coverage,
                "hoiquan:devicesOnPlot": grew.on_plot,
            },
            "sensorReport": [_report(signal, rows) for signal, rows in grew.daily.items()],
        }
        observed = _object("OBSERVE", "sensor_reporting", [{"epcClass": f"{self.link}#crop"}])
        return [self._head("sensed", at) | observed | {"sensorElementList": [element]}]

    def repackaged(self, name: str, at: datetime, inputs: Sequence[Event], outputs: Sequence[Event]) -> Event:
        """The event of a split or merge; `inputs` and `outputs` are lists of `kilograms`."""
        return self._head(name, at) | _transformation("repackaging", inputs, outputs)

    def corrected(
        self, wrong: DiaryEvent, right: DiaryEvent, name: str, declared: datetime, *, packed: bool
    ) -> list[Event]:
        """The wrong event's EPCIS events, declared wrong, and then those of the right one.

        The ids of the right one's events come from the correction's `name`.
        """
        renamed = right.model_copy(update={"id": name})
        new = self.written(renamed, packed=packed)
        declaration = {
            "declarationTime": self._time(declared),
            "reason": "incorrect_data",
            "correctiveEventIDs": [event["eventID"] for event in new],
        }
        was = self.written(wrong, packed=packed)
        return [event | {"errorDeclaration": declaration} for event in was] + new

    def recalled(self, name: str, at: datetime, reason: str) -> Event:
        """The lot is recalled."""
        observed = _object("OBSERVE", "holding", [{"epcClass": self.link}])
        return self._head(name, at) | observed | {"disposition": "recalled", "hoiquan:reason": reason}

    def _shipped(self, event: Shipping, goods: str) -> list[Event]:
        consignment = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{self.link}#{event.id}/consignment')}"
        aggregation = self._head(f"{event.id}/loading", event.ts) | {
            "type": "AggregationEvent",
            "action": "ADD",
            "bizStep": "loading",
            "parentID": consignment,
            "childQuantityList": [kilograms(goods, event.quantity_kg)],
        }
        shipping = self._head(event.id, event.ts) | {
            "type": "ObjectEvent",
            "action": "OBSERVE",
            "bizStep": "shipping",
            "disposition": "in_transit",
            "epcList": [consignment],
            "quantityList": [kilograms(goods, event.quantity_kg)],
            "hoiquan:buyer": event.buyer,
        }
        return [aggregation, shipping]

    def _head(self, name: str, at: datetime) -> Event:
        minutes = int((local(at, self.zone).utcoffset() or timedelta(0)).total_seconds()) // 60
        sign = "-" if minutes < 0 else "+"
        return {
            "eventID": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{self.link}#{name}')}",
            "eventTime": self._time(at),
            "eventTimeZoneOffset": f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}",
            "readPoint": {"id": self.place},
        }

    def _time(self, at: datetime) -> str:
        return local(at, self.zone).isoformat(timespec="milliseconds")


_COMMON = {"id", "ts", "plot", "crop", "by", "event"}


def _object(action: str, step: str, quantities: list[Event]) -> Event:
    return {"type": "ObjectEvent", "action": action, "bizStep": step, "quantityList": quantities}


def _transformation(step: str, inputs: Sequence[Event], outputs: Sequence[Event]) -> Event:
    return {
        "type": "TransformationEvent",
        "bizStep": step,
        "inputQuantityList": list(inputs),
        "outputQuantityList": list(outputs),
    }


def kilograms(link: str, quantity: float) -> Event:
    """A quantity of a lot."""
    return {"epcClass": link, "quantity": quantity, "uom": "KGM"}


def _report(signal: str, rows: list[list[Any]]) -> Event:
    number = sum(row[4] for row in rows)
    return {
        "type": SIGNALS[signal].epcis,
        "minValue": min(row[1] for row in rows),
        "meanValue": round(sum(row[2] * row[4] for row in rows) / number, 3),
        "maxValue": max(row[3] for row in rows),
        "uom": SIGNALS[signal].unece,
        "hoiquan:signal": signal,
    }
