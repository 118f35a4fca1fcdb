"""Ground truth: one record for each fault of a node, which says exactly what was changed.

    node.episodes ─► which of them show in what arrived? ─► records ─► file, and a topic of its own

A record covers the run's part of an episode; `since` tells when drift or fouling began, if earlier. An
episode that changed nothing (a stuck sensor in water without salt) has no record. sim.nodes.damage.restore
returns the healthy value from the faulty one.
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
    DUPLICATES,
    LOSS,
    OUTAGE,
    REORDERING,
    SKEW,
    UNTIMED,
    UPKEEP,
    VALUE,
    VISIT,
    Episode,
)
from sim.nodes.node import Node
from sim.nodes.span import Span

# Assumption: ticks; at most every second transmission fails, so rain delays messages no longer
_KEPT_BACK = 16
ROOT = "hoiquan-truth/v1"  # outside the contract's tree, so that no gateway can learn from it


class Record(NamedTuple):
    """A fault of `device` in [start, stop) epoch ms; `stop` is None for one that lasts as long as the device.

    `parameters` by kind: bias, spike: `add`. drift: `per_day`, `since`. fouling: `share`, `days`, `since`.
    stuck, power-on: `value`. clogging: `share`. warming: `per_kelvin` over 25 °C, of the signal `of`. The
    last four also have `instead_of`: pairs of time and healthy value, where it differs. clock-skew:
    `offset_ms`, None for no timestamp. no-clock: none of its messages has a timestamp. brown-out: `below_v`,
    `until_over_v`. power-cut, theft, gone: nothing was measured. outage: its `cause`, the number of messages
    `delayed`, and the `seq` of those `lost`. loss: the `seq` of those `lost` on the way without an outage.
    duplicates, reordering: `later_ms` and the `seq` of the messages. visit: what the visitor has `done`; from
    then on the signal is healthy. early-harvest, by a secretary: the diary ids of `input` and `harvest`,
    whose lot is refused, and `pre_harvest_days`.
    """

    device: str
    signal: str | None
    kind: str
    start: int
    stop: int | None
    parameters: dict[str, Any]


def encode(record: Record) -> bytes:
    """Encode a record as one line of JSON, without the line end."""
    return json.dumps(record._asdict(), separators=(",", ":")).encode()


def topic(device: Device) -> str:
    """Return the topic of a device's records."""
    return f"{ROOT}/{device.pilot}/{device.community}/{device.device}"


def lasting(node: Node) -> list[Record]:
    """Return what is true as long as a node exists: its sensors' biases, and whether it has no clock."""
    device, since = node.device.device, node.since
    untimed = [] if node.timed else [Record(device, None, UNTIMED, since, None, {})]
    return untimed + [
        Record(device, name, BIAS, since, None, {"add": add}) for name, add in node.sensors.bias.items()
    ]


def records(node: Node, start: int, stop: int) -> list[Record]:
    """Return the faults in [start, stop) epoch ms that show in what arrived."""
    return list(judge(node, node.episodes(start, stop), start, stop))


def judge(node: Node, episodes: Iterable[Episode], start: int, stop: int) -> Iterator[Record]:
    """Yield the records of these episodes' parts in [start, stop) epoch ms."""
    for episode in episodes:
        low, high = max(episode.start, start), min(episode.stop, stop)
        how = _shown(node, episode, low, high)
        if how is not None:
            yield Record(episode.device, episode.signal, episode.kind, low, high, how)
        if episode.kind in UPKEEP and start < episode.stop <= stop:
            done = {"done": UPKEEP[episode.kind]}
            yield Record(episode.device, episode.signal, VISIT, episode.stop, episode.stop, done)


def _shown(node: Node, episode: Episode, start: int, stop: int) -> dict[str, Any] | None:
    """Return what an episode did in [start, stop), or None if it changed nothing."""
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
    """Return the `seq` of messages that the link lost or that were dropped from a full memory.

    These include messages that rain had held back in the memory just before `start`.
    """
    back = _KEPT_BACK * node.ticks.interval if node.radio.carrier.memory else 0
    first = node.ticks.at(max(node.since, start - back))
    last = node.ticks.at(stop)
    _, arrived = node.radio.trips(first, last)
    return (np.flatnonzero(node.on(first, last) & ~arrived) + first).tolist()


def _lost_alone(node: Node, start: int, stop: int) -> list[int]:
    """Return the `seq` of messages that were lost while the link was open."""
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
