"""A decoded and checked segment, and what the store's answer changes in it.

value stored already      left out; a message with nothing new is booked as a duplicate
another value stored      the message is refused
refused after decoding    its readings are forgotten, so that the same message may come again as a new one
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from devices.contract.reading import Reading
from devices.errors import CONTENT
from gateway.ingest.decode import Decoded
from gateway.ingest.fresh import recalled
from gateway.ingest.held import Held
from gateway.ingest.message import Outcome, Refusal, Segment, Written, unhandled
from gateway.stores.points import Point


class Batch(NamedTuple):
    """A decoded and checked segment. `source` gives for each point its message's place in the segment, or
    None for a point that comes from no reading. `seen` is the memory to keep of each device.
    """

    segment: Segment
    decoded: Decoded
    points: list[Point]
    source: list[int | None]
    seen: dict[str, str]


def without(batch: Batch, held: Held) -> Batch:
    """Leave out the values that the store holds already, and refuse messages that contradict it."""
    segment, decoded, points, source, seen = batch
    for place, name in held.clash.items():
        decoded.refused[place] = Refusal(segment.messages[place], "conflicting_time", name)

    def new_names(place: int, time: int, names: Iterable[str]) -> set[str]:
        if place in held.clash:
            return set()
        return set(names) - held.equal.get((place, time), frozenset())

    pairs: list[tuple[Point, int | None]] = []
    for point, index in zip(points, source, strict=True):
        if index is None or (index not in held.clash and (index, point.time) not in held.equal):
            pairs.append((point, index))
        elif point.measurement == "telemetry_flagged":
            if new_names(index, point.time, (dict(point.tags)["signal"],)):
                pairs.append((point, index))
        elif names := new_names(index, point.time, point.fields):
            fields = {name: value for name, value in point.fields.items() if name in names}
            pairs.append((point._replace(fields=fields), index))
    readings: list[tuple[Reading, int]] = []
    for reading, index in zip(decoded.readings, decoded.source, strict=True):
        names = new_names(index, reading.time, reading.values)
        if names:
            values = {name: value for name, value in reading.values.items() if name in names}
            readings.append((reading._replace(values=values), index))
    new = {index for _, index in readings}
    senders = {late.place: late.device for late in decoded.late}
    for place in {place for place, _ in held.equal} - new - decoded.refused.keys():
        decoded.repeated[place] = senders[place]
    decoded.readings, decoded.source = [one for one, _ in readings], [index for _, index in readings]
    return Batch(segment, decoded, [point for point, _ in pairs], [index for _, index in pairs], seen)


class TakenBack(NamedTuple):
    """A reading whose message was refused after it was decoded, and that refusal."""

    reading: Reading
    refusal: Refusal


def taken_back(readings: Sequence[Reading], source: Sequence[int], decoded: Decoded) -> list[TakenBack]:
    """The readings of refused messages, which the decoder must forget. `source`: each reading's message."""
    if not decoded.refused:
        return []
    return [
        TakenBack(reading, decoded.refused[index])
        for reading, index in zip(readings, source, strict=True)
        if index in decoded.refused
    ]


def forgotten(seen: Mapping[str, str], readings: Iterable[TakenBack]) -> dict[str, str]:
    """The memories `seen` of a batch's devices, without these readings."""
    by_device: dict[str, list[Reading]] = {}
    for reading, _ in readings:
        if reading.device.device in seen:
            by_device.setdefault(reading.device.device, []).append(reading)
    memories = dict(seen)
    for device, some in by_device.items():
        decoder, rule, checks = memories[device].partition("\n")
        memory = recalled(device, decoder)
        for reading in some:
            memory.forget(reading)
        memories[device] = f"{memory.dump()}{rule}{checks}"
    return memories


def refuse_repeated(
    batch: Batch, understood: tuple[Sequence[Reading], Sequence[int]], before: Sequence[TakenBack]
) -> None:
    """Refuse messages that repeat a refused message's reading, with the same reason: booked as duplicates
    they would be lost. The whole message is refused, and so is every message that repeats it. A message that
    the broker sends again (`dup`) stays a duplicate: it is the same message. `understood`: the batch's
    readings as the decoder made them, and the message of each; `before`: refused readings of earlier batches.
    """
    decoded = batch.decoded
    while decoded.relied:
        reasons = {
            (reading.device.device, key): refusal
            for reading, refusal in [*before, *taken_back(*understood, decoded)]
            for key in (reading.time, ("", reading.device_time), (reading.boot, reading.seq))
        }
        if not reasons:
            return
        more = False
        for place, (device, keys) in decoded.relied.items():
            message = batch.segment.messages[place]
            known = next(
                (reasons[device.device, key] for key in keys if (device.device, key) in reasons), None
            )
            if known is not None and not message.dup and place not in decoded.refused:
                decoded.refused[place] = known._replace(message=message)
                decoded.repeated.pop(place, None)
                more = True
        if not more:
            return


def without_refused(batch: Batch) -> Batch:
    """The batch without the points and readings of messages that are refused by now."""
    segment, decoded, points, source, seen = batch
    refused = decoded.refused
    if not refused:
        return batch
    kept = [(one, index) for one, index in zip(points, source, strict=True) if index not in refused]
    read = [
        (one, index)
        for one, index in zip(decoded.readings, decoded.source, strict=True)
        if index not in refused
    ]
    decoded.readings, decoded.source = [one for one, _ in read], [index for _, index in read]
    return Batch(segment, decoded, [one for one, _ in kept], [index for _, index in kept], seen)


def write_down(
    segment: Segment, decoded: Decoded, keep: Callable[[Sequence[Written]], Sequence[int]]
) -> None:
    """Hand the diary events to `keep`. An event that `keep` stumbles over is refused; the others are kept."""
    diary = [one for one in decoded.diary if one.place not in decoded.refused]
    try:
        clashing = [diary[place] for place in keep(diary)]
    except CONTENT:
        clashing = []
        for one in diary:
            try:
                clashing += [one for _ in keep([one])]
            except CONTENT as error:
                decoded.refused[one.place] = unhandled(segment.messages[one.place], error)
    for one in clashing:
        decoded.refused[one.place] = Refusal(segment.messages[one.place], "id_taken", one.event.id)


def outcome(batch: Batch, seen: dict[str, str]) -> Outcome:
    """What the books note of a stored batch. `seen`: the memory to keep of each device."""
    decoded, refused = batch.decoded, list(batch.decoded.refused.values())
    handed = [batch.segment.messages[one.place] for one in decoded.answers]
    return Outcome(
        stored=len(batch.segment.messages) - decoded.duplicate - len(refused) - len(handed),
        duplicate=decoded.duplicate,
        refused=refused,
        seen=seen,
        marks=decoded.marks,
        handed=handed,
    )


def join_memory(seen: str, checks: str) -> str:
    """Join the decoder's and the checker's memory of a device into one text."""
    return f"{seen}\n{checks}"


def split_memory(memories: Mapping[str, object]) -> tuple[dict[str, str], dict[str, str]]:
    """Split the spool's texts into the decoder's and the checker's memories by device; skip all but text."""
    parts = {device: text.partition("\n") for device, text in memories.items() if isinstance(text, str)}
    return {d: part[0] for d, part in parts.items()}, {d: part[2] for d, part in parts.items()}
