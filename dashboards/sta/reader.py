"""Answers for an address: entities filtered, ordered, a page at a time, with their expansions, as JSON.

scope (a set, or what an entity leads to) ─► candidates ─► filter ─► order ─► page ─► JSON with links
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from dashboards.sta import filters
from dashboards.sta.hours import Hours, Span
from dashboards.sta.network import Network, Stream
from dashboards.sta.numbers import observed_at
from dashboards.sta.options import Options
from dashboards.sta.sets import FIELDS, IDS, SELF, WAYS, BadQuery, Entity
from devices.clock import DAY_MS, HOUR_MS

_BY_NEWEST = ((("phenomenonTime",), True),), ((("resultTime",), True),)
NEWEST = (2 * DAY_MS, 64 * DAY_MS, None)  # how far back to look for the newest, in turn; None: all
MOST_SHOWN = 20_000  # entities in one answer, expanded ones among them
MOST_LOOKS = 600_000  # values that $filter and $orderby of one request may read


class Scope(NamedTuple):
    """Entities of a set; of Observations `ids` are the Datastreams."""

    set: str
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `total` is there where it was asked for; `more`: there are further pages."""

    entities: list[Entity]
    total: int | None
    more: bool


class Reader:
    """Answers one request under the address `root`."""

    def __init__(self, network: Network, hours: Hours, root: str) -> None:
        self._network = network
        self._hours = hours
        self.root = root
        self._shown = self._looks = 0

    def all_of(self, set_name: str) -> Scope:
        """A whole set."""
        source = self._network.streams if set_name == "Observations" else self._network.sets[set_name]
        return Scope(set_name, tuple(sorted(source)))

    def one(self, scope: Scope, number: int) -> Entity | None:
        """The entity of that id, if it is in scope."""
        if scope.set == "Observations":
            stream, at = observed_at(number)
            if stream not in scope.ids:
                return None
            observations = self._hours.between([self._network.streams[stream]], Span(at, at + HOUR_MS))
            return next((one for one in observations if one.id == number), None)
        return self._network.sets[scope.set].get(number) if number in scope.ids else None

    def led(self, entity: Entity, name: str) -> Scope:
        """The scope that a navigation leads to from an entity."""
        target = WAYS[entity.set][name].target
        links = self._network.links
        if entity.set == "Observations":
            stream, _ = observed_at(entity.id)
            if name == "Datastream":
                return Scope(target, (stream,))
            return Scope(target, tuple(links["Datastreams", stream, "FeatureOfInterest"]))
        if target == "Observations":
            of = (
                (entity.id,) if entity.set == "Datastreams" else links.get((*_key(entity), "Datastreams"), ())
            )
            return Scope(target, tuple(sorted(of)))
        return Scope(target, tuple(sorted(links.get((*_key(entity), name), ()))))

    def look(self, entity: Entity, path: tuple[str, ...]) -> list[Any]:
        """The values that a path leads to: none, one, or one per entity on the way."""
        self._charge(1)
        first, *rest = path
        if first in IDS:
            return [entity.id]
        if first == SELF:
            return [self.address(entity)]
        if first in WAYS[entity.set]:
            scope = self.led(entity, first)
            others = (self._network.sets[scope.set][number] for number in scope.ids)
            return [value for other in others for value in self.look(other, tuple(rest))]
        value: Any = entity.fields.get(first)
        for step in rest:
            value = value.get(step) if isinstance(value, dict) else None
        return [] if value is None else [value]

    def _charge(self, looks: int) -> None:
        self._looks += looks
        if self._looks > MOST_LOOKS:
            raise BadQuery("that is too much to look through: a simpler $filter, or a shorter phenomenonTime")

    def page(self, scope: Scope, options: Options) -> Page:
        """The page of a scope that the options ask for. Raises BadQuery, RetryLater."""
        end = options.skip + options.top
        entities: list[Entity] = []
        for entities in self._candidates(scope, options):
            if options.filter is not None:
                self._charge(len(entities) * filters.blind(options.filter))
                entities = [one for one in entities if filters.meets(options.filter, one, self.look)]  # noqa: PLW2901
            if len(entities) > end:
                break
        if scope.set == "Observations":  # the newest first unless $orderby asks for another order
            entities = sorted(entities, key=lambda one: observed_at(one.id)[1], reverse=True)
        for path, down in reversed(options.orderby):
            entities = sorted(entities, key=lambda one, path=path: _order(self.look(one, path)), reverse=down)  # type: ignore[misc]
        shown = entities[options.skip : end]
        return Page(
            shown, len(entities) if options.count else None, more=len(entities) > end and options.top > 0
        )

    def _candidates(self, scope: Scope, options: Options) -> Iterable[list[Entity]]:
        """Yields lists of entities that may be in the page, by id. Where the newest few may be enough, each
        list goes further back than the one before.
        """
        if scope.set != "Observations":
            yield [self._network.sets[scope.set][number] for number in scope.ids]
            return
        stream = filters.streams(options.filter)
        ids = scope.ids if stream is None else tuple(one for one in scope.ids if one == stream)
        streams, span = [self._network.streams[number] for number in ids], filters.span(options.filter)
        newest = options.orderby[:1] in ((), *_BY_NEWEST)
        if not newest or options.count or len(streams) != 1:
            yield self._hours.between(streams, span)
            return
        if span == Span() and (lately := self._hours.lately(streams[0])):
            yield lately
        for back in NEWEST:
            yield self._hours.between(streams, self._hours.back(span, back))

    def json(self, entity: Entity, options: Options) -> dict[str, Any]:
        """An entity as JSON: its fields and links as far as `$select` wants them, and what `$expand` adds."""
        self._shown += 1
        if self._shown > MOST_SHOWN:
            raise BadQuery(f"more than {MOST_SHOWN} entities in one answer: a smaller $top, or less $expand")
        own = self.address(entity)
        content: dict[str, Any] = {"@iot.id": entity.id, SELF: own}
        chosen = options.select
        content |= {
            name: entity.fields[name]
            for name in FIELDS[entity.set]
            if name in entity.fields and (not chosen or name in chosen)
        }
        for name, way in WAYS[entity.set].items():
            if name in options.expand:
                inner = options.expand[name]
                if way.many:
                    content |= self.several(self.led(entity, name), inner, f"{own}/{name}", name)
                else:
                    one = self._network.sets[way.target][self.led(entity, name).ids[0]]
                    content[name] = self.json(one, inner)
            elif not chosen or name in chosen:
                content[f"{name}@iot.navigationLink"] = f"{own}/{name}"
        return content

    def several(self, scope: Scope, options: Options, address: str, name: str = "") -> dict[str, Any]:
        """A page of the entities at `address`, with the next page's address where there is one. `name` is the
        navigation that the page is expanded from, "" where it is the answer itself.
        """
        page = self.page(scope, options)
        self._remember(page.entities, options)
        content: dict[str, Any] = {}
        if page.total is not None:
            content[f"{name}@iot.count"] = page.total
        if page.more:
            content[f"{name}@iot.nextLink"] = f"{address}?{options.following()}"
        content[name or "value"] = [self.json(one, options) for one in page.entities]
        return content

    def _remember(self, entities: Sequence[Entity], options: Options) -> None:
        """Read the newest observations of all these entities together, where each is shown with its own."""
        streams: dict[int, Stream] = {}
        for one in entities:
            if one.set == "Datastreams" and "Observations" in options.expand:
                streams[one.id] = self._network.streams[one.id]
            elif one.set == "Things" and "Observations" in getattr(
                options.expand.get("Datastreams"), "expand", ()
            ):
                streams |= {
                    number: self._network.streams[number] for number in self.led(one, "Datastreams").ids
                }
        if len(streams) > 1:
            self._hours.remember(list(streams.values()))

    def address(self, entity: Entity) -> str:
        """An entity's own address."""
        return f"{self.root}/{entity.set}({entity.id})"


def _key(entity: Entity) -> tuple[str, int]:
    return entity.set, entity.id


def _order(values: list[Any]) -> tuple[bool, float, str]:
    """Sort key: missing values first, then by number or text."""
    value = values[0] if values else None
    if isinstance(value, int | float):
        return True, float(value), ""
    return value is not None, 0.0, str(value or "")
