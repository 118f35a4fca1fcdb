"""What an episode changes in a sensor's values, and how to undo it.

    healthy value ─► change ─► faulty value ─► restore, with the label of the truth ─► healthy value

Where arithmetic cannot undo a change, the label carries the healthy values in `instead_of`.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from devices.clock import DAY_MS
from devices.contract.signals import SIGNALS, Signal
from sim.nodes.faults import (
    CLOGGING,
    DRIFT,
    FOULING,
    POWER_ON,
    REFERENCE,
    SKEW,
    SPIKE,
    STUCK,
    VALUE,
    WARMING,
    Episode,
)
from sim.nodes.span import NO_CLOCK, Span
from sim.physics.streams import Array, Index

# undone by arithmetic; the labels of the others have `instead_of`
UNDONE = frozenset({DRIFT, SPIKE, FOULING})


def change(span: Span, episodes: Iterable[Episode]) -> Span:
    """Return the span with its values and timestamps changed by these episodes."""
    values, claims = dict(span.values), span.times if span.claims is None else span.claims
    for episode in episodes:
        first, last = np.searchsorted(span.times, (episode.start, episode.stop))
        times = span.times[first:last]
        if episode.kind in VALUE and episode.signal is not None:
            column = values[episode.signal].copy()
            beside = span.values.get(episode.parameters.get("of", ""), column)[first:last]
            column[first:last] = _alter(episode, times, column[first:last], beside)
            values[episode.signal] = column
        elif episode.kind == SKEW:
            offset = episode.parameters["offset_ms"]
            claims = claims.copy()
            claims[first:last] = NO_CLOCK if offset is None else times + offset
    return span._replace(values=values, claims=claims)


def _alter(episode: Episode, times: Index, healthy: Array, beside: Array) -> Array:
    """Return what a sensor reports at `times` within a value episode instead of `healthy`. `beside` are the
    values of the thermometer that it follows.
    """
    how = episode.parameters
    signal = SIGNALS[episode.signal or ""]
    if episode.kind in (STUCK, POWER_ON):
        return np.full(len(times), how["value"])
    if episode.kind in (FOULING, CLOGGING):
        share = how["share"] if episode.kind == CLOGGING else _fouled(how, times)
        faulty = np.round(healthy * share / signal.resolution) * signal.resolution
    elif episode.kind == WARMING:
        steps = np.round(how["per_kelvin"] * (beside - REFERENCE) / signal.resolution)
        faulty = np.clip(healthy + steps * signal.resolution, signal.low, signal.high)
    else:
        faulty = healthy + _added(episode.kind, how, times, signal)
    return np.asarray(np.round(faulty, signal.decimals))


def restore(kind: str, name: str, how: dict[str, Any], times: Index, faulty: Array) -> Array:
    """Return the healthy values from the faulty ones and their label: exact, for fouling within rounding."""
    signal = SIGNALS[name]
    if kind not in UNDONE:
        instead = dict(how["instead_of"])
        pairs = zip(times.tolist(), faulty.tolist(), strict=True)
        return np.array([instead.get(time, value) for time, value in pairs])
    if kind == FOULING:
        return np.asarray(np.round(faulty / _fouled(how, times), signal.decimals))
    return np.asarray(np.round(faulty - _added(kind, how, times, signal), signal.decimals))


def _added(kind: str, how: dict[str, Any], times: Index, signal: Signal) -> Array:
    """Return the added value in whole steps of the resolution, so that subtracting it loses nothing."""
    if kind == SPIKE:
        return np.full(len(times), how["add"])
    steps = np.round(how["per_day"] * ((times - how["since"]) / DAY_MS) / signal.resolution)
    return np.asarray(steps * signal.resolution)


def _fouled(how: dict[str, Any], times: Index) -> Array:
    return np.asarray(1 + how["share"] * (1 - np.exp(-(times - how["since"]) / DAY_MS / how["days"])))
