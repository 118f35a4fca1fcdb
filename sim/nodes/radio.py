"""A solar node's power and radio: when it is on, and when its measurements get through.

    LoRa   measured while on ─► link open at this tick? ─► it arrives, or is lost: it is never repeated
    4G     measured while on ─► memory (limited) ─► link open at this tick? ─► all of it, oldest first

Whether the link is open at a tick is a function of (seed, device, tick). So the arrival of messages can be
computed for a whole history at once, and live running finds the same by keeping a real queue. With a memory,
a message is lost only if the memory is full: the oldest is dropped.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from devices.clock import MINUTE_MS
from devices.pilots.pilot import Pilot
from sim.nodes import lora
from sim.nodes.faults import BROWN_OUT, OUTAGE, Episode
from sim.nodes.span import Mask
from sim.nodes.ticks import Ticks
from sim.physics.streams import Array, Index, uniform


@dataclass(frozen=True, slots=True)
class Carrier:
    """A kind of link. `loss` is the chance of losing a transmission near the mast; `per_km` and `per_mm` (of
    rain in ten minutes) add to it, up to `most`. `memory` messages are kept, including the present one (0:
    none), and sent `gap` ms apart.
    """

    name: str
    loss: float
    per_km: float
    per_mm: float
    most: float
    memory: int
    gap: int


# Assumption: all of these values. Of LoRa uplinks in the open (class A, unconfirmed, one gateway a commune)
# some per cent are lost, and LoRa probes keep nothing. 4G loggers lose hardly any and keep two weeks.
LORA = Carrier("LoRa", loss=0.01, per_km=0.012, per_mm=0.02, most=0.5, memory=0, gap=0)
MOBILE = Carrier("4G", loss=0.002, per_km=0.0002, per_mm=0.003, most=0.2, memory=2016, gap=100)
_RAIN_MS = 10 * MINUTE_MS  # the time that `per_mm` refers to
_KM_A_DEGREE = 111.2  # km in a degree of latitude, mean of the WGS 84 ellipsoid
_AROUND = 8  # ticks to look at before and after at once; doubled while the link stays shut
_DAY = 144  # ticks to look back at once
_MARGIN = 16  # extra ticks on either side whose power is computed as well
_FURTHEST = 90 * _DAY  # Assumption: a node that is silent for three months has lost what it kept
TOO_LOW, ENOUGH = 3.6, 3.7  # V of the cell. Assumption: a usual cut-off and its hysteresis


def carrier(model: str) -> Carrier:
    """Return the link that a model of node uses."""
    return LORA if model in lora.MODELS else MOBILE


def distance(pilot: Pilot, place: str) -> float:
    """Return the km from the middle of the pilot. Assumption: masts are sparser far from it."""
    lat = sum(p.lat for p in pilot.places) / len(pilot.places)
    lon = sum(p.lon for p in pilot.places) / len(pilot.places)
    here = pilot.place[place]
    east = (here.lon - lon) * math.cos(math.radians(lat))
    return _KM_A_DEGREE * math.hypot(here.lat - lat, east)


def away(seed: int, device: str) -> float:
    """Return a LoRa node's km from its gateway. Assumption: anywhere within reach, uniform in area."""
    return lora.REACH * math.sqrt(float(uniform(seed, f"away@{device}", np.zeros(1, np.int64))[0]))


@dataclass(frozen=True)
class Radio:
    """One node's link, `km` from its mast.

    `rain` (mm an interval) and `on` answer for ticks [a, b), `episodes` for epoch ms. A message needs
    `uplinks` uplinks, and each collides with another node's with the chance `collided`.
    """

    seed: int
    device: str
    carrier: Carrier
    km: float
    ticks: Ticks
    rain: Callable[[int, int], Array]
    on: Callable[[int, int], Mask]
    episodes: Callable[[int, int], list[Episode]]
    uplinks: int = 1
    collided: float = 0.0

    def loss(self, first: int, last: int) -> Array:
        """Return the chance that a message sent at these ticks is lost."""
        link = self.carrier
        hard = self.rain(first, last) * (_RAIN_MS / self.ticks.interval)
        chance = np.minimum(link.loss + link.per_km * self.km + link.per_mm * hard, link.most)
        return np.asarray(1 - ((1 - chance) * (1 - self.collided)) ** self.uplinks)

    def gets_through(self, first: int, last: int) -> Mask:
        """Return whether a transmission at these ticks gets through if there is no outage."""
        luck = uniform(self.seed, f"radio@{self.device}", np.arange(first, last))
        return np.asarray(luck >= self.loss(first, last))

    def chosen(self, episode: Episode, ticks: Index) -> Mask:
        """Return which messages an episode of duplicates or reordering affects."""
        luck = uniform(self.seed, f"{episode.kind}@{self.device}", ticks)
        inside = (ticks >= self.ticks.at(episode.start)) & (ticks < self.ticks.at(episode.stop))
        return np.asarray((luck < episode.parameters["share"]) & inside)

    def trips(self, first: int, last: int) -> tuple[Index, Mask]:
        """For ticks [first, last): the epoch ms of their messages' arrival, and whether they ever arrive."""
        ticks = np.arange(first, last)
        if not self.carrier.memory:
            on, through = self._look(first, last)
            return ticks * self.ticks.interval + self.ticks.phase, on & through
        low, on, through = self._around(first, last)
        ups = np.flatnonzero(on & through) + low
        count = np.cumsum(on)  # messages measured from `low` up to and including a tick
        after = np.searchsorted(ups, ticks)
        if len(ups) == 0:
            return ticks, np.zeros(len(ticks), dtype=bool)
        up = ups[np.minimum(after, len(ups) - 1)]
        sent_before = np.where(after > 0, count[ups[np.maximum(after - 1, 0)] - low], 0)
        surplus = np.asarray(count)[up - low] - sent_before - self.carrier.memory
        place = count[ticks - low] - sent_before - 1 - np.maximum(surplus, 0)
        arrives = up * self.ticks.interval + self.ticks.phase + place * self.carrier.gap
        return arrives, on[first - low : last - low] & (after < len(ups)) & (place >= 0)

    def waiting(self, tick: int) -> int:
        """Return how many messages measured before this tick have not been sent."""
        first = self.unsent(tick)
        return min(int(self.on(first, tick).sum()), self.carrier.memory) if first < tick else 0

    def unsent(self, tick: int) -> int:
        """Return the first tick whose message waits at this tick: the one after the link was last open."""
        if tick <= self.ticks.first or not self.carrier.memory:
            return tick
        low, on, through = self._around(tick, tick + 1)
        sent = np.flatnonzero((on & through)[: tick - low])
        return low + int(sent[-1]) + 1 if len(sent) else low

    def later(self, kind: str, ticks: Index) -> Index:
        """Return the ms by which messages come late (REORDERING) or again (DUPLICATES); 0 if they do not."""
        out = np.zeros(len(ticks), dtype=np.int64)
        for episode in self.episodes(self.ticks.time(int(ticks[0])), self.ticks.time(int(ticks[-1])) + 1):
            if episode.kind == kind:
                out[self.chosen(episode, ticks)] = episode.parameters["later_ms"]
        return out

    def _around(self, first: int, last: int) -> tuple[int, Mask, Mask]:
        """Return power and openness from a tick before `first` with an open link to one after `last`."""
        low, high, step = max(self.ticks.first, first - _AROUND), last + _AROUND, _AROUND
        on, through = self._look(low, high)
        while low > self.ticks.first and not self._enough(on[: first - low], through):
            step *= 2
            more = max(self.ticks.first, low - step)
            parts = self._look(more, low)
            low, on, through = more, np.concatenate((parts[0], on)), np.concatenate((parts[1], through))
        behind, step = last - 1 - low, _AROUND
        while not self._enough(on[behind:], through[behind:]):
            step *= 2
            parts = self._look(high, high + step)
            high, on = high + step, np.concatenate((on, parts[0]))
            through = np.concatenate((through, parts[1]))
        return low, on, through

    def _enough(self, on: Mask, through: Mask) -> bool:
        return bool((on & through[: len(on)]).any()) or on.sum() > self.carrier.memory or len(on) > _FURTHEST

    def _look(self, first: int, last: int) -> tuple[Mask, Mask]:
        on, through = self.on(first, last), self.gets_through(first, last)
        for episode in self.episodes(self.ticks.time(first), self.ticks.time(last)):
            if episode.kind == OUTAGE:
                start, stop = self.ticks.at(episode.start), self.ticks.at(episode.stop)
                through[max(0, start - first) : max(0, stop - first)] = False
        return on, through


class Power:
    """Whether a solar node is on. `volts` returns the world's battery voltage at ticks [a, b)."""

    def __init__(self, device: str, ticks: Ticks, volts: Callable[[int, int], Array]) -> None:
        self._device, self._ticks, self._volts = device, ticks, volts
        self._cached = (
            ticks.first,
            np.ones(0, dtype=bool),
        )  # first tick, and states from it on; a node begins with a full battery

    def on(self, first: int, last: int) -> Mask:
        """Return one bool for each tick in [first, last): off under 3.6 V until it is over 3.7 V."""
        low, states = self._cached
        if last <= first:
            return np.ones(0, dtype=bool)
        if not (low <= first and last <= low + len(states)):
            # compute some ticks on either side, too: the battery's simulation is the expensive part
            low, high = max(self._ticks.first, first - _MARGIN), last + _MARGIN
            low = min(low, first)
            states = self._states(low, high)
            self._cached = low, states
        return states[first - low : last - low].copy()

    def _states(self, first: int, last: int) -> Mask:
        volts, before = self._volts(first, last), self._before(first)
        decisive = np.where((volts < TOO_LOW) | (volts > ENOUGH), np.arange(len(volts)), -1)
        latest = np.maximum.accumulate(decisive)
        return np.asarray(np.where(latest < 0, before, volts[latest] > ENOUGH))

    def episodes(self, start: int, stop: int) -> list[Episode]:
        """Return the brown-outs that overlap [start, stop) epoch ms, whole."""
        ticks = self._ticks
        first, last = max(ticks.first, ticks.at(start) - 1), ticks.at(stop) + 1
        if last <= first:
            return []
        states = self.on(first, last)
        while not states[0] and first > ticks.first:
            first = max(ticks.first, first - _DAY)
            states = self.on(first, last)
        while not states[-1] and last < ticks.at(stop) + _FURTHEST:
            states, last = np.concatenate((states, self.on(last, last + _DAY))), last + _DAY
        change = np.diff(states.astype(np.int8), prepend=1, append=1)
        off, on = (np.flatnonzero(change == step) + first for step in (-1, 1))
        how = {"below_v": TOO_LOW, "until_over_v": ENOUGH}
        pairs = [(ticks.edge(a), ticks.edge(b)) for a, b in zip(off.tolist(), on.tolist(), strict=True)]
        return [
            Episode(self._device, BROWN_OUT, None, begin, end, dict(how))
            for begin, end in pairs
            if begin < stop and end > start
        ]

    def _before(self, tick: int) -> bool:
        """Return whether it was on before this tick, by the last voltage outside the two limits."""
        low, states = self._cached
        if low < tick <= low + len(states):
            return bool(states[tick - low - 1])
        while tick > self._ticks.first:
            low = max(self._ticks.first, tick - _DAY)
            volts = self._volts(low, tick)
            decisive = np.flatnonzero((volts < TOO_LOW) | (volts > ENOUGH))
            if len(decisive):
                return bool(volts[decisive[-1]] > ENOUGH)
            tick = low
        return True
