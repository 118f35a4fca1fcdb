"""Finds what a path after /sta/v1.1 leads to.

text ─► segments ─► walked from set to entity to set ─► Target

Examples: `Things(1)/Datastreams(2)/Observations`, `Things(1)/name/$value`, `…/$ref`.
"""

import re
from dataclasses import dataclass

from dashboards.sta.reader import Reader, Scope
from dashboards.sta.sets import FIELDS, IDS, WAYS, Entity

LONGEST = 12  # segments
_SEGMENT = re.compile(r"(\w+)(?:\((\d{1,18})\))?")


class NotFound(Exception):
    """There is nothing at this address; the sentence says where it ends."""


@dataclass(frozen=True, slots=True)
class Target:
    """What an address leads to: a `scope` of several entities, one `entity`, or a `field` of it. `ref`: only
    the addresses are wanted ($ref); `raw`: the bare value is wanted ($value).
    """

    scope: Scope | None = None
    entity: Entity | None = None
    field: str | None = None
    ref: bool = False
    raw: bool = False

    @property
    def set(self) -> str:
        """The set that the scope or the entity belongs to."""
        if self.entity is not None:
            return self.entity.set
        assert self.scope is not None
        return self.scope.set


def find(path: str, reader: Reader) -> Target:
    """What a path leads to. Raises NotFound, RetryLater."""
    segments = path.split("/")
    if len(segments) > LONGEST:
        raise NotFound(f"{path}: longer than {LONGEST} segments")
    target = _begun(segments[0], reader)
    for segment in segments[1:]:
        target = _step(target, segment, reader)
    return target


def _begun(segment: str, reader: Reader) -> Target:
    match = _SEGMENT.fullmatch(segment)
    if match is None or match[1] not in WAYS:
        raise NotFound(f"{segment}: there are {', '.join(WAYS)}")
    return _chosen(reader.all_of(match[1]), match[1], match[2], reader)


def _step(target: Target, segment: str, reader: Reader) -> Target:
    if target.ref or target.raw:
        raise NotFound(f"{segment}: nothing follows there")
    if target.field is not None:
        if segment != "$value":
            raise NotFound(f"{segment}: after a property there is $value")
        return Target(entity=target.entity, field=target.field, raw=True)
    if segment == "$ref":
        return Target(target.scope, target.entity, ref=True)
    if target.entity is None:
        raise NotFound(f"{segment}: say of which one, such as {target.set}(1)")
    entity = target.entity
    if segment in IDS:
        return Target(entity=entity, field="@iot.id")
    if segment in FIELDS[entity.set]:
        if segment not in entity.fields:
            raise NotFound(f"{segment}: it has none")
        return Target(entity=entity, field=segment)
    match = _SEGMENT.fullmatch(segment)
    if match is None or match[1] not in WAYS[entity.set]:
        names = ", ".join((*FIELDS[entity.set], *WAYS[entity.set]))
        raise NotFound(f"{segment}: {entity.set} have {names}")
    scope = reader.led(entity, match[1])
    if WAYS[entity.set][match[1]].many:
        return _chosen(scope, match[1], match[2], reader)
    if match[2] is not None and int(match[2]) != scope.ids[0]:
        raise NotFound(f"{segment}: that is another one")
    return _chosen(scope, match[1], str(scope.ids[0]), reader)


def _chosen(scope: Scope, name: str, number: str | None, reader: Reader) -> Target:
    if number is None:
        return Target(scope)
    entity = reader.one(scope, int(number))
    if entity is None:
        raise NotFound(f"{name}({number}): there is none")
    return Target(entity=entity)
