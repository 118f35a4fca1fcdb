"""Ground truth: for everything that was wrong with a node one record, which says exactly what was changed.

    node.episodes ─► which of them show in what arrived? ─► records ─► file, and a topic of its own

A record holds what happened within the run's part of an episode; where drift or fouling began earlier,
`since` says so. What changed nothing (a stuck sensor of water without salt) has no record. To get the
healthy value back from the faulty one: sim.nodes.faults.restore.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from devices.contract.reading import Device
from sim.nodes.faults import BIAS, BROWN_OUT, DUPLICATES, OUTAGE, REORDERING, SKEW, VALUE, Episode
from sim.nodes.node import Node
from sim.nodes.span import Span

_KEPT_BACK = 16  # Assumption: ticks; at most every second transmission fails, so rain holds up no longer
ROOT = "hoiquan-truth/v1"  # outside the contract's tree: no gateway may learn from it


class Record(NamedTuple):
    """What was wrong with `device` in [start, stop) epoch ms; `stop` None: as long as it exists.

    `parameters` by kind: bias, spike: `add`. drift: `per_day`, `since`. fouling: `share`, `days`, `since`.
    stuck: `value`, and `instead_of`, pairs of time and healthy value. clock-skew: `offset_ms`, None for no
    timestamp. brown-out: `below_v`, `until_over_v`. outage: number of messages `delayed`, and the `lost` by
    their `seq`. duplicates and reordering: `later_ms` and the `seq` of the messages. early-harvest, of a
    secretary: `input` and `harvest`, whose lot is refused, by their ids in the diary, and `pre_harvest_days`.
    """

    device: str
    signal: str | None
    kind: str
    start: int
    stop: int | None
    parameters: dict[str, Any]


def encode(record: Record) -> bytes:
    """One line of JSON, without its end."""
    return json.dumps(record._asdict(), separators=(",", ":")).encode()


def topic(device: Device) -> str:
    """Where a device's records are published."""
    return f"{ROOT}/{device.pilot}/{device.community}/{device.device}"


def biases(node: Node) -> list[Record]:
    """What a node's sensors always add."""
    return [
        Record(node.device.device, name, BIAS, node.since, None, {"add": add})
        for name, add in node.sensors.bias.items()
    ]


def records(node: Node, start: int, stop: int) -> list[Record]:
    """What was wrong in [start, stop) epoch ms and shows in what arrived."""
    return list(judge(node, node.episodes(start, stop), start, stop))


def judge(node: Node, episodes: Iterable[Episode], start: int, stop: int) -> Iterator[Record]:
    """The records of these episodes' parts in [start, stop) epoch ms."""
    for episode in episodes:
        low, high = max(episode.start, start), min(episode.stop, stop)
        how = _shown(node, episode, low, high)
        if how is not None:
            yield Record(episode.device, episode.signal, episode.kind, low, high, how)


def _shown(node: Node, episode: Episode, start: int, stop: int) -> dict[str, Any] | None:
    """What an episode did in [start, stop); None where it did nothing."""
    kind, how = episode.kind, episode.parameters
    measured = node.sensors.healthy(start, stop)
    if not len(measured.times):
        return None
    if kind == BROWN_OUT:
        return how
    delivered = node.delivered(start, stop)
    if kind == OUTAGE:
        lost = _lost(node, start, stop)
        return {"delayed": len(delivered.times), "lost": lost} if len(delivered.times) or lost else None
    if kind == SKEW:
        return how if len(delivered.times) else None
    if kind in (DUPLICATES, REORDERING):
        return _moved(node, episode, delivered)
    return _altered(episode, measured, delivered)


def _lost(node: Node, start: int, stop: int) -> list[int]:
    """Which messages gave way in the memory; those too that rain had kept back just before."""
    first = node.ticks.at(max(node.since, start - _KEPT_BACK * node.ticks.interval))
    last = node.ticks.at(stop)
    _, arrived = node.radio.trips(first, last)
    return (np.flatnonzero(node.on(first, last) & ~arrived) + first).tolist()


def _moved(node: Node, episode: Episode, delivered: Span) -> dict[str, Any] | None:
    seqs = node.ticks.numbers(delivered.times)
    chosen = seqs[node.radio.chosen(episode, seqs)].tolist()
    return {"later_ms": episode.parameters["later_ms"], "seq": chosen} if chosen else None


def _altered(episode: Episode, measured: Span, delivered: Span) -> dict[str, Any] | None:
    assert episode.kind in VALUE and episode.signal is not None
    healthy = measured.values[episode.signal][np.searchsorted(measured.times, delivered.times)]
    if (healthy == delivered.values[episode.signal]).all():
        return None
    if episode.kind != "stuck":
        return episode.parameters
    pairs = zip(delivered.times.tolist(), healthy.tolist(), strict=True)
    return episode.parameters | {"instead_of": [list(pair) for pair in pairs]}
