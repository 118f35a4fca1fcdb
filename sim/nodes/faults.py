"""The faults of a node: a schedule that is a function of (seed, device, time) alone.

    value lane   drift | stuck | spike | fouling | clogging | warming   at most one episode at a time a lane,
    clock lane   clock-skew                                              so that its label fully says what
    link lane    outage | duplicates | reordering                        happened to a value
    body lane    theft

Absolute time is cut into windows. A window of a lane holds at most one episode, and holds it whole, so
history, live running and shards agree without remembering anything. Drift, fouling and clogging end with a
visit to the place, of which there are some in a window. The nodes of a place share a mast and the grid; their
failures are in sim/nodes/masts.py. A brown-out follows from the world: sim/nodes/radio.py. The effect of an
episode on values is in sim/nodes/damage.py. Episodes begin and end half an interval beside a tick, so every
tick is clearly inside or outside.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from devices.clock import DAY_MS, HOUR_MS
from devices.contract.models import Model
from devices.contract.signals import SIGNALS
from sim.nodes.ticks import Ticks
from sim.physics.streams import draws, uniform

NONE = "none"
DRIFT, STUCK, SPIKE, FOULING, CLOGGING, WARMING = "drift", "stuck", "spike", "fouling", "clogging", "warming"
SKEW, OUTAGE, DUPLICATES, REORDERING = "clock-skew", "outage", "duplicates", "reordering"
THEFT, POWER_CUT, BROWN_OUT = "theft", "power-cut", "brown-out"
GONE = "gone"  # its place has stopped, or nobody repairs it; happens only if a scenario forces it
POWER_ON, LOSS, BIAS, UNTIMED, VISIT = "power-on", "loss", "bias", "no-clock", "visit"
LANES = {
    "value": (DRIFT, STUCK, SPIKE, FOULING, CLOGGING, WARMING),
    "clock": (SKEW,),
    "link": (OUTAGE, DUPLICATES, REORDERING),
    "body": (THEFT,),
}
VALUE = (*LANES["value"], POWER_ON)  # these change what a sensor reports
DARK = (BROWN_OUT, POWER_CUT, THEFT, GONE)  # during these nothing is measured
# Episode kinds that end with a visit → what the visitor did.
UPKEEP = {DRIFT: "calibrated", FOULING: "cleaned", CLOGGING: "cleaned"}


@dataclass(frozen=True, slots=True)
class Level:
    """A level of faults. A window is `window` days, and a place gets `visits` visits in it. `rates`: kind →
    (episodes in 30 days, shortest, longest hours).
    """

    window: int
    visits: int
    rates: dict[str, tuple[float, float, float]]


# Every rate and duration here is an Assumption: no failure counts of the delta's nodes are published. Normal
# adds up to one episode a device and month, harsh to four a week. A spike lasts 1 to 3 readings.
LEVELS = {
    "normal": Level(30, 2, {
        DRIFT: (0.15, 120, 480),  # an ageing electrode: days to weeks until somebody calibrates
        STUCK: (0.12, 6, 72),  # a hung converter, until the node is restarted
        SPIKE: (0.20, 0, 0),  # a loose contact, lightning nearby
        FOULING: (0.10, 96, 480),  # algae and mud, dust on the dome: until the next cleaning
        CLOGGING: (0.10, 96, 480),  # leaves and bird droppings in the funnel of the rain gauge
        # a temperature compensation that failed: the reading follows the temperature
        WARMING: (0.08, 48, 240),
        SKEW: (0.08, 2, 72),  # a clock's battery, until the clock is set again
        # its own antenna, or no credit on its SIM; the mast's outages: sim/nodes/masts.py
        OUTAGE: (0.02, 2, 48),
        DUPLICATES: (0.10, 1, 12),  # acknowledgements get lost, or two gateways hear it
        REORDERING: (0.10, 1, 12),  # two gateways or paths of unequal delay
        THEFT: (0.004, 120, 480),  # one device in twenty years; until it is replaced
    }),
    "harsh": Level(3, 1, {
        DRIFT: (2.0, 12, 60),
        STUCK: (2.0, 4, 24),
        SPIKE: (3.0, 0, 0),
        FOULING: (1.5, 24, 60),
        CLOGGING: (0.7, 24, 60),
        WARMING: (0.7, 12, 36),
        SKEW: (1.5, 1, 24),
        OUTAGE: (0.3, 1, 36),
        DUPLICATES: (2.0, 1, 12),
        REORDERING: (2.0, 1, 12),
        THEFT: (0.2, 24, 60),
    }),
}  # fmt: skip
QUIET = Level(30, 2, {})  # only forced incidents happen
# Assumption: visits are at 9 h in Vietnam, on a day in the later half of their part of the window
_VISITED_MS = 2 * HOUR_MS
_SPIKE_READINGS = 3
# Assumption: the share of the signal's range by which a value drifts in total, or jumps.
_DRIFT_SHARE, _SPIKE_SHARE = (0.02, 0.10), (0.3, 0.9)
# Assumption: the effect of dirt. Most sensors read less, an optical turbidity cell reads more; the share is
# that at the end.
_FOULED = {"solar_radiation": -1, "water_ph": -1, "dissolved_oxygen": -1, "ammonia": -1, "salinity": -1,
           "turbidity": 1, "water_ec": -1, "soil_ec": -1}  # fmt: skip
_FOULED_SHARE = (0.15, 0.5)
_CLOGGED_SHARE = (0.0, 0.4)  # Assumption: share of the rain that still passes
# Assumption: sensors whose temperature compensation may fail; they then follow the temperature beside them by
# 0.2 to 1 % of their range a kelvin. For comparison, a kelvin changes the conductivity of water by 2 %.
_COMPENSATED = {"soil_moisture": "soil_temperature", "soil_ec": "soil_temperature",
                "salinity": "water_temperature", "water_ph": "water_temperature",
                "dissolved_oxygen": "water_temperature", "air_pressure": "air_temperature"}  # fmt: skip
_WARMED_SHARE = (0.002, 0.01)
POWER_ON_VALUE = 85.0  # °C: a DS18B20 reports this before its first conversion (its data sheet)
_THERMOMETERS = (
    "soil_temperature",
    "water_temperature",
)  # Assumption: thermometers of this kind measure soil and water
# Assumption: this share of the LoRa soil probes reach us over a gateway that adds no time of its own. Models
# that count (rain, planthoppers) are never among them: a reading that came twice would be counted twice.
_UNTIMED_SHARE, _UNTIMED_MODELS = 0.25, frozenset({"soil-probe", "nutrient-probe"})
REFERENCE = 25.0  # °C, the reference of conductivity and pH
# Totals, relays and what the radio measures about itself neither drift nor foul.
STEADY = frozenset({"pump_state", "valve_state", "aerator_state", "energy", "pest_count", "rainfall"})
_NOT_SENSED = STEADY | {"battery_voltage", "rssi"}
# Assumption: a wrong clock runs 1 to 240 minutes ahead, 5 minutes to 2 days behind, starts at 1970 or is
# absent.
_AHEAD, _BEHIND = (1 / 60, 4.0), (1 / 12, 48.0)  # hours
_SHARE = 0.4  # Assumption: share of the messages in an episode that come twice or late
_LATE, _AGAIN = 1.4, 0.3  # the delay in intervals: of late messages, and of second copies
LATEST = _LATE + _AGAIN  # most intervals between sending a message and its last arrival


@dataclass(frozen=True, slots=True)
class Episode:
    """One fault of `device` in [start, stop) epoch ms; `signal` is None if it is about all its messages."""

    device: str
    kind: str
    signal: str | None
    start: int
    stop: int
    parameters: dict[str, Any] = field(default_factory=dict)


class Schedule:
    """The episodes of one device of `place` that do not depend on the world. `timed`: it has a clock."""

    def __init__(
        self, seed: int, device: str, level: str, model: Model, ticks: Ticks, place: str,
        timed: bool = True,
    ) -> None:  # fmt: skip
        self._seed, self._device, self._level = seed, device, LEVELS.get(level, QUIET)
        self._model, self._ticks, self._place = model, ticks, place
        self._lanes = [lane for lane in LANES if self._level.rates and (timed or lane != "clock")]
        self._drawn = lru_cache(maxsize=12)(self._draw)  # the windows of a day, which are asked for often

    def episodes(self, start: int, stop: int) -> list[Episode]:
        """Return the episodes that overlap [start, stop) epoch ms, by start."""
        window = self._level.window * DAY_MS
        episodes = [
            episode
            for lane in self._lanes
            for number in range(start // window, (stop - 1) // window + 1)
            if (episode := self._drawn(lane, number)) and episode.start < stop and episode.stop > start
        ]
        return sorted(episodes, key=lambda episode: (episode.start, episode.kind))

    def visits(self, number: int) -> list[int]:
        """Return the epoch ms of the visits to the place in a window; they are the same for all its nodes."""
        count, days = self._level.visits, self._level.window // self._level.visits
        luck = uniform(self._seed, f"visit@{self._place}", number * count + np.arange(count))
        day = number * self._level.window + np.arange(count) * days + ((1 + luck) / 2 * days).astype(int)
        return [int(one) * DAY_MS + _VISITED_MS for one in day]

    def _draw(self, lane: str, number: int) -> Episode | None:
        luck, where, long, place, *more = draws(self._seed, self._device, lane, number)
        level, interval = self._level, self._ticks.interval
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
        ticks = max(1, round((shortest + (longest - shortest) * long) * HOUR_MS / interval))
        if kind == SPIKE:
            ticks = 1 + int(long * _SPIKE_READINGS)
        first = self._ticks.at(number * level.window * DAY_MS) + 1
        if kind in UPKEEP:
            visits = self.visits(number)
            last = self._ticks.at(visits[int(place * len(visits))])
            begin = max(first, last - ticks)
        else:
            begin = first + int(place * (level.window * DAY_MS // interval - 2 - ticks))
            last = begin + ticks
        if begin <= self._ticks.first or last <= begin:  # a sensor has no fault when it is new
            return None
        start, stop = self._ticks.edge(begin), self._ticks.edge(last)
        return Episode(self._device, kind, signal, start, stop, self._how(kind, signal, start, stop, more))

    def _signals(self, kind: str) -> list[str]:
        """Return the signals of the node that this can happen to."""
        if kind == CLOGGING:
            return [name for name in self._model.signals if name == "rainfall"]
        if kind == WARMING:
            signals = self._model.signals
            return [name for name in signals if _COMPENSATED.get(name) in signals]
        if kind == FOULING:
            return [name for name in self._model.signals if name in _FOULED]
        return [name for name in self._model.signals if name not in _NOT_SENSED] if kind in VALUE else []

    def _how(self, kind: str, name: str | None, start: int, stop: int, luck: list[float]) -> dict[str, Any]:
        """Return the parameters; with `since` they suffice to repeat the change."""
        sign = -1 if luck[1] < 0.5 else 1
        if kind == SKEW:
            return _skew(start, luck)
        if kind in (DUPLICATES, REORDERING):
            late = _AGAIN if kind == DUPLICATES else _LATE
            return {"share": _SHARE, "later_ms": int(late * self._ticks.interval)}
        if kind == OUTAGE:
            return {"cause": "own"}
        if name is None or kind == STUCK:
            return {}
        signal = SIGNALS[name]
        span = signal.high - signal.low
        if kind == CLOGGING:
            return {"share": round(_between(_CLOGGED_SHARE, luck[0]), 2)}
        if kind == WARMING:
            return {"per_kelvin": sign * _between(_WARMED_SHARE, luck[0]) * span, "of": _COMPENSATED[name]}
        if kind == DRIFT:
            return {
                "since": start,
                "per_day": sign * _between(_DRIFT_SHARE, luck[0]) * span / ((stop - start) / DAY_MS),
            }
        if kind == SPIKE:
            steps = max(1, round(_between(_SPIKE_SHARE, luck[0]) * span / signal.resolution))
            return {"add": sign * round(steps * signal.resolution, signal.decimals)}
        share = _FOULED[name] * _between(_FOULED_SHARE, luck[0])
        return {"since": start, "share": share, "days": (stop - start) / DAY_MS / 3}


def thermometer(model: Model) -> str | None:
    """Return the signal that reads POWER_ON_VALUE after a power-on, if the model has one."""
    return next((name for name in _THERMOMETERS if name in model.signals), None)


def timed(seed: int, device: str, model: str) -> bool:
    """Return whether the messages of a device carry a time."""
    if model not in _UNTIMED_MODELS:
        return True
    return bool(uniform(seed, f"clock@{device}", np.zeros(1, np.int64))[0] >= _UNTIMED_SHARE)


def _skew(start: int, luck: list[float]) -> dict[str, Any]:
    """Return the ms to add to a timestamp, None to leave it out; each of four ways is equally likely."""
    way = int(luck[1] * 4)
    if way == 0:
        return {"offset_ms": int(_between(_AHEAD, luck[0]) * HOUR_MS)}
    if way == 1:
        return {"offset_ms": -int(_between(_BEHIND, luck[0]) * HOUR_MS)}
    return {"offset_ms": -start if way == 2 else None}


def _between(limits: tuple[float, float], luck: float) -> float:
    return limits[0] + (limits[1] - limits[0]) * luck
