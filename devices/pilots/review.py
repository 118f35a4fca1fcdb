"""Doubts about a pilot file that can be used: what a careful officer would ask before it is.

`load` refuses a file that cannot be used; here are doubts, each a key of the catalogue and its values.
"""

from collections.abc import Iterator
from typing import NamedTuple

from devices.contract.models import MODELS
from devices.contract.orders import CARRIED
from devices.pilots.pilot import Pilot
from devices.pilots.places import Place
from devices.texts import text


class Doubt(NamedTuple):
    """Something to think over. `where`: the part of the file."""

    where: str
    key: str
    values: dict[str, object]

    def sentence(self, lang: str) -> str:
        """Part, doubt and mend, for a person."""
        return f"{self.where}: {text(f'review.{self.key}', lang, **self.values)}"


def review(pilot: Pilot) -> Iterator[Doubt]:
    """Every doubt about a pilot."""
    yield from _targets(pilot)
    yield from _places(pilot)
    yield from _advice(pilot)
    total = pilot.organisations_of(max(row.year for row in pilot.organisations))
    named = len(pilot.producers)
    if named > total.hoi_quan + total.htx:
        values: dict[str, object] = {"named": named, "all": total.hoi_quan + total.htx, "year": total.year}
        yield Doubt("organisations", "more_named_than_all", values)
    if not pilot.reports:
        yield Doubt("reports", "no_report", {})


def _targets(pilot: Pilot) -> Iterator[Doubt]:
    """Targets that the file's places cannot reach even if all of them count from their first day."""
    for indicator, places in (("iot_communities", pilot.communities), ("smart_villages", pilot.villages)):
        for point in pilot.target(indicator).points:
            joined = sum(place.joined.year <= point.year for place in places)
            if joined < point.at_least:
                values: dict[str, object] = {"year": point.year, "there": joined, "target": point.at_least}
                yield Doubt(f"targets.{indicator}", "out_of_reach", values)


def _places(pilot: Pilot) -> Iterator[Doubt]:
    least = pilot.rules.iot_communities.min_devices
    for community in pilot.communities:
        number = sum(count for model, count in community.fleet.items() if MODELS[model].interval)
        if number < least:
            values: dict[str, object] = {"number": number, "least": least}
            yield Doubt(f"communities.{community.id}.fleet", "too_few_devices", values)
        if not community.products:
            yield Doubt(f"communities.{community.id}.products", "no_product", {})
    services = {service.id: service for service in pilot.services}
    for village in pilot.villages:
        for name in village.services:
            missing = set(services[name].signals) - _signals(village)
            if missing:
                values = {"service": name, "signals": ", ".join(sorted(missing))}
                yield Doubt(f"villages.{village.id}.services", "unmeasured", values)
    for place in pilot.places:
        if not (place.source or place.assumption):
            yield Doubt(f"places.{place.id}", "undefended", {})


def _advice(pilot: Pilot) -> Iterator[Doubt]:
    grown = {product.crop for community in pilot.communities for product in community.products}
    for rule in pilot.advice.rules:
        for crop in rule.crops:
            if crop not in grown:
                yield Doubt(f"advice.rules.{rule.id}.crops", "nobody_grows", {"crop": crop})
    automatic = pilot.advice.automatic
    if automatic.enabled:
        yield Doubt("advice.automatic", "acts_by_itself", {"places": ", ".join(automatic.communities) or "-"})
        moved = {rule.command.actuator for rule in pilot.advice.rules if rule.command}
        for name in automatic.communities:
            has = {actuator for model in pilot.place[name].fleet for actuator in CARRIED.get(model, ())}
            if not has & moved:
                yield Doubt("advice.automatic", "no_actuator", {"place": name})


def _signals(place: Place) -> set[str]:
    return {signal for model, count in place.fleet.items() if count for signal in MODELS[model].signals}
