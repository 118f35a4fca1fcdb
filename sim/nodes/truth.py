"""Ground truth: for everything that was wrong with a node one record, which says exactly what was changed.

    node.episodes ─► which of them show in what arrived? ─► records ─► file, and a topic of its own

A record holds what happened within the run's part of an episode; where drift or fouling began earlier,
`since` says so. What changed nothing (a stuck sensor of water without salt) has no record. To get the
healthy value back from the faulty one: sim.nodes.damage.restore.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from devices.contract.reading import Device
from sim.nodes.damage import UNDONE
from sim.nodes.faults import (
    BIAS,
    DARK,
    DONE,
    DUPLICATES,
    LOSS,
    OUTAGE,
    REORDERING,
    SKEW,
    UNTIMED,
    VALUE,
    VISIT,
    Episode,
)
from sim.nodes.node import Node
from sim.nodes.span import Span

_KEPT_BACK = 16  # Assumption: ticks; at most every second transmission fails, so rain holds up no longer
ROOT = "hoiquan-truth/v1"  # outside the contract's tree: no gateway may learn from it


class Record(NamedTuple):
    """What was wrong with `device` in [start, stop) epoch ms; `stop` None: as long as it exists.

    `parameters` by kind: bias, spike: `add`. drift: `per_day`, `since`. fouling: `share`, `days`, `since`.
    stuck, power-on: `value`. clogging: `share`. warming: `per_kelvin` over 25 °C, of the signal `of`. These
    four have `instead_of` besides, pairs of time and healthy value where it is another. clock-skew:
    `offset_ms`, None for no timestamp; no-clock: none of its messages has one. brown-out: `below_v`,
    `until_over_v`. power-cut, theft, gone: nothing was measured. outage: its `cause`, the number of messages
    `delayed`, and the `lost` by their `seq`; loss: those `lost` on the way while there was no outage.
    duplicates and reordering: `later_ms` and the `seq` of the messages. visit: `done` by somebody who came,
    from whom on the signal is healthy again. early-harvest, of a secretary: `input` and `harvest`, whose lot
    is refused, by their ids in the diary, and `pre_harvest_days`.
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


def lasting(node: Node) -> list[Record]:
    """What is so as long as a node exists: what its sensors always add, and whether it has no clock."""
    device, since = node.device.device, node.since
    untimed = [] if node.timed else [Record(device, None, UNTIMED, since, None, {})]
    return untimed + [
        Record(device, name, BIAS, since, None, {"add": add}) for name, add in node.sensors.bias.items()
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
        if episode.kind in DONE and start < episode.stop <= stop:
            done = {"done": DONE[episode.kind]}
            yield Record(episode.device, episode.signal, VISIT, episode.stop, episode.stop, done)


def _shown(node: Node, episode: Episode, start: int, stop: int) -> dict[str, Any] | None:
    """What an episode did in [start, stop); None where it did nothing."""
    kind, how = episode.kind, episode.parameters
    measured = node.sensors.healthy(start, stop)
    if not len(measured.times):
        return None
    if kind in DARK:
        return how
    if kind == LOSS:
        lost = _lost_alone(node, start, stop)
        return {"lost": lost} if lost else None
    delivered = node.delivered(start, stop)
    if kind == OUTAGE:
        lost = _lost(node, start, stop)
        return how | {"delayed": len(delivered.times), "lost": lost} if len(delivered.times) or lost else None
    if kind == SKEW:
        return how if len(delivered.times) else None
    if kind in (DUPLICATES, REORDERING):
        return _moved(node, episode, delivered)
    return _altered(episode, measured, delivered)


def _lost(node: Node, start: int, stop: int) -> list[int]:
    """Which messages were lost with the link, or gave way in the memory; those too that rain had kept back in
    it just before.
    """
    back = _KEPT_BACK * node.ticks.interval if node.radio.carrier.memory else 0
    first = node.ticks.at(max(node.since, start - back))
    last = node.ticks.at(stop)
    _, arrived = node.radio.trips(first, last)
    return (np.flatnonzero(node.on(first, last) & ~arrived) + first).tolist()


def _lost_alone(node: Node, start: int, stop: int) -> list[int]:
    """Which messages were lost while the link was there."""
    out = [e for e in node.radio.episodes(start, stop) if e.kind == OUTAGE]
    spans = [range(node.ticks.at(e.start), node.ticks.at(e.stop)) for e in out]
    return [seq for seq in _lost(node, start, stop) if not any(seq in span for span in spans)]


def _moved(node: Node, episode: Episode, delivered: Span) -> dict[str, Any] | None:
    seqs = node.ticks.numbers(delivered.times)
    chosen = seqs[node.radio.chosen(episode, seqs)].tolist()
    return {"later_ms": episode.parameters["later_ms"], "seq": chosen} if chosen else None


def _altered(episode: Episode, measured: Span, delivered: Span) -> dict[str, Any] | None:
    assert episode.kind in VALUE and episode.signal is not None
    healthy = measured.values[episode.signal][np.searchsorted(measured.times, delivered.times)]
    if (healthy == delivered.values[episode.signal]).all():
        return None
    if episode.kind in UNDONE:
        return episode.parameters
    other = healthy != delivered.values[episode.signal]
    pairs = zip(delivered.times[other].tolist(), healthy[other].tolist(), strict=True)
    return episode.parameters | {"instead_of": [list(pair) for pair in pairs]}
