"""What goes wrong with a node: a schedule that is a function of (seed, device, time) alone, and what it does.

    value lane   drift | stuck | spike | fouling          at most one episode at a time a lane, so that a
    clock lane   clock-skew                                label says all that happened to a value
    link lane    outage | duplicates | reordering

Absolute time is cut into windows; a window of a lane holds at most one episode and holds it whole. So
history, live running and shards agree without remembering anything. (A brown-out follows from the world:
sim/nodes/radio.py.) Episodes begin and end half an interval beside a tick: it is in an episode or it is not.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha512
from typing import Any

import numpy as np

from devices.clock import DAY_MS, HOUR_MS
from devices.contract.models import Model
from devices.contract.signals import SIGNALS, Signal
from sim.nodes.span import NO_CLOCK, Span
from sim.physics.streams import Array, Index

NONE = "none"
VALUE = ("drift", "stuck", "spike", "fouling")
SKEW, OUTAGE, DUPLICATES, REORDERING = "clock-skew", "outage", "duplicates", "reordering"
BROWN_OUT, BIAS = "brown-out", "bias"
LANES = {"value": VALUE, "clock": (SKEW,), "link": (OUTAGE, DUPLICATES, REORDERING)}


@dataclass(frozen=True, slots=True)
class Level:
    """`window`: days of a window. `rates`: kind to (episodes in 30 days, shortest, longest hours)."""

    window: int
    rates: dict[str, tuple[float, float, float]]


# Every rate and duration here is an Assumption: no count of failures of the delta's nodes is published.
# normal adds up to one episode a device and month, harsh to four a week. A spike lasts 1 to 3 readings.
LEVELS = {
    "normal": Level(30, {
        "drift": (0.15, 120, 480),  # an ageing electrode: days to weeks until somebody calibrates
        "stuck": (0.12, 6, 72),  # a hung converter, until the node is restarted
        "spike": (0.20, 0, 0),  # a loose contact, lightning nearby
        "fouling": (0.10, 96, 480),  # algae and mud, dust on the dome: until the next cleaning
        SKEW: (0.08, 2, 72),  # a clock battery; until it is set again
        OUTAGE: (0.15, 2, 48),  # mast or gateway without power
        DUPLICATES: (0.10, 1, 12),  # acknowledgements get lost
        REORDERING: (0.10, 1, 12),  # two gateways or paths of unequal delay
    }),
    "harsh": Level(3, {
        "drift": (2.0, 12, 60),
        "stuck": (2.0, 4, 24),
        "spike": (3.0, 0, 0),
        "fouling": (1.5, 24, 60),
        SKEW: (1.5, 1, 24),
        OUTAGE: (2.5, 1, 36),
        DUPLICATES: (2.0, 1, 12),
        REORDERING: (2.0, 1, 12),
    }),
}  # fmt: skip
LEVEL_NAMES = (NONE, *LEVELS)
_SPIKE_READINGS = 3
# Assumption: by how much of the signal's range a value drifts in all, or leaps.
_DRIFT_SHARE, _SPIKE_SHARE = (0.02, 0.10), (0.3, 0.9)
# Assumption: what dirt does: most read less, an optical turbidity cell reads more; the share in the end.
_FOULED = {"solar_radiation": -1, "water_ph": -1, "dissolved_oxygen": -1, "ammonia": -1, "salinity": -1,
           "turbidity": 1, "water_ec": -1, "soil_ec": -1}  # fmt: skip
_FOULED_SHARE = (0.15, 0.5)
# Totals, relays and what the radio measures of itself neither drift nor foul.
STEADY = frozenset({"pump_state", "valve_state", "aerator_state", "energy", "pest_count", "rainfall"})
_NOT_SENSED = STEADY | {"battery_voltage", "rssi"}
# Assumption: a clock runs 1 to 240 minutes ahead, 5 minutes to 2 days behind, starts at 1970 or is absent.
_AHEAD, _BEHIND = (1 / 60, 4.0), (1 / 12, 48.0)  # hours
_SHARE = 0.4  # Assumption: of the messages in an episode, so many come twice or late
_LATE, _AGAIN = 1.4, 0.3  # intervals by which they do


@dataclass(frozen=True, slots=True)
class Episode:
    """One thing wrong with `device` in [start, stop) epoch ms; `signal` None: with all it says."""

    device: str
    kind: str
    signal: str | None
    start: int
    stop: int
    parameters: dict[str, Any] = field(default_factory=dict)


class Schedule:
    """The episodes of one device that happen whatever the world is like."""

    def __init__(self, seed: int, device: str, level: str, model: Model, phase: int, since: int) -> None:
        self._seed, self._device, self._level = seed, device, LEVELS[level]
        self._model, self._interval, self._phase, self._since = model, model.interval * 1000, phase, since
        self._drawn = lru_cache(maxsize=8)(self._draw)  # the windows of a day: it is asked for often

    def episodes(self, start: int, stop: int) -> list[Episode]:
        """Those that overlap [start, stop) epoch ms, by start."""
        window = self._level.window * DAY_MS
        episodes = [
            episode
            for lane in LANES
            for number in range(start // window, (stop - 1) // window + 1)
            if (episode := self._drawn(lane, number)) and episode.start < stop and episode.stop > start
        ]
        return sorted(episodes, key=lambda episode: (episode.start, episode.kind))

    def _draw(self, lane: str, number: int) -> Episode | None:
        digest = sha512(f"{self._seed}/{self._device}/{lane}/{number}".encode()).digest()
        luck, where, long, place, *more = (word / 2**64 for word in struct.unpack(">8Q", digest))
        level = self._level
        for kind in LANES[lane]:
            rate, shortest, longest = level.rates[kind]
            luck -= rate * level.window / 30
            if luck < 0:
                break
        else:
            return None
        signals = self._signals(kind)
        if lane == "value" and not signals:
            return None
        signal = signals[int(where * len(signals))] if signals else None
        ticks = max(1, round((shortest + (longest - shortest) * long) * HOUR_MS / self._interval))
        if kind == "spike":
            ticks = 1 + int(long * _SPIKE_READINGS)
        first = -(-(number * level.window * DAY_MS - self._phase) // self._interval) + 1
        room = level.window * DAY_MS // self._interval - 2 - ticks
        edge = self._phase - self._interval // 2
        start = (first + int(place * room)) * self._interval + edge
        if start < self._since + self._interval:  # a sensor is new when it begins
            return None
        stop = start + ticks * self._interval
        return Episode(self._device, kind, signal, start, stop, self._how(kind, signal, start, stop, more))

    def _signals(self, kind: str) -> list[str]:
        if kind not in VALUE:
            return []
        if kind == "fouling":
            return [name for name in self._model.signals if name in _FOULED]
        return [name for name in self._model.signals if name not in _NOT_SENSED]

    def _how(self, kind: str, name: str | None, start: int, stop: int, luck: list[float]) -> dict[str, Any]:
        """The parameters: with `since`, all that is needed to do it again."""
        sign = -1 if luck[1] < 0.5 else 1
        if kind == SKEW:
            return _skew(start, luck)
        if kind in (DUPLICATES, REORDERING):
            late = _AGAIN if kind == DUPLICATES else _LATE
            return {"share": _SHARE, "later_ms": int(late * self._interval)}
        if name is None or kind == "stuck":
            return {}
        signal = SIGNALS[name]
        span = signal.high - signal.low
        if kind == "drift":
            return {
                "since": start,
                "per_day": sign * _between(_DRIFT_SHARE, luck[0]) * span / ((stop - start) / DAY_MS),
            }
        if kind == "spike":
            steps = max(1, round(_between(_SPIKE_SHARE, luck[0]) * span / signal.resolution))
            return {"add": sign * round(steps * signal.resolution, signal.decimals)}
        share = _FOULED[name] * _between(_FOULED_SHARE, luck[0])
        return {"since": start, "share": share, "days": (stop - start) / DAY_MS / 3}


def change(span: Span, episodes: Iterable[Episode]) -> Span:
    """The span with what these episodes do to values and timestamps within their time."""
    values, claims = dict(span.values), span.times if span.claims is None else span.claims
    for episode in episodes:
        first, last = np.searchsorted(span.times, (episode.start, episode.stop))
        times = span.times[first:last]
        if episode.kind in VALUE and episode.signal is not None:
            column = values[episode.signal].copy()
            column[first:last] = _alter(episode, times, column[first:last])
            values[episode.signal] = column
        elif episode.kind == SKEW:
            offset = episode.parameters["offset_ms"]
            claims = claims.copy()
            claims[first:last] = NO_CLOCK if offset is None else times + offset
    return span._replace(values=values, claims=claims)


def _alter(episode: Episode, times: Index, healthy: Array) -> Array:
    """What a sensor says at `times` within a value episode, instead of `healthy`."""
    how = episode.parameters
    signal = SIGNALS[episode.signal or ""]
    if episode.kind == "stuck":
        return np.full(len(times), how["value"])
    if episode.kind == "fouling":
        faulty = np.round(healthy * _fouled(how, times) / signal.resolution) * signal.resolution
    else:
        faulty = healthy + _added(episode.kind, how, times, signal)
    return np.asarray(np.round(faulty, signal.decimals))


def restore(kind: str, name: str, how: dict[str, Any], times: Index, faulty: Array) -> Array:
    """The healthy value from the faulty one and its label: exact, but for fouling within its rounding."""
    signal = SIGNALS[name]
    if kind == "stuck":
        instead = dict(how["instead_of"])
        return np.array([instead[time] for time in times.tolist()])
    if kind == "fouling":
        return np.asarray(np.round(faulty / _fouled(how, times), signal.decimals))
    return np.asarray(np.round(faulty - _added(kind, how, times, signal), signal.decimals))


def _added(kind: str, how: dict[str, Any], times: Index, signal: Signal) -> Array:
    """Whole steps of the resolution, so that they can be taken away again without loss."""
    if kind == "spike":
        return np.full(len(times), how["add"])
    steps = np.round(how["per_day"] * ((times - how["since"]) / DAY_MS) / signal.resolution)
    return np.asarray(steps * signal.resolution)


def _fouled(how: dict[str, Any], times: Index) -> Array:
    return np.asarray(1 + how["share"] * (1 - np.exp(-(times - how["since"]) / DAY_MS / how["days"])))


def _skew(start: int, luck: list[float]) -> dict[str, Any]:
    """Milliseconds to add to a timestamp; None: it is left out. Each of four ways is as likely."""
    way = int(luck[1] * 4)
    if way == 0:
        return {"offset_ms": int(_between(_AHEAD, luck[0]) * HOUR_MS)}
    if way == 1:
        return {"offset_ms": -int(_between(_BEHIND, luck[0]) * HOUR_MS)}
    return {"offset_ms": -start if way == 2 else None}


def _between(limits: tuple[float, float], luck: float) -> float:
    return limits[0] + (limits[1] - limits[0]) * luck
