"""What the nodes of a place share and lose together: the mast that carries their radio, and the grid.

    mast-outage ─► outage of everything that talks over it
    grid-cut ───┬► outage of the LoRa nodes, whose gateway fails at once
                ├► outage of the 4G nodes, when the batteries of the mast are empty
                └► power-cut of the nodes on mains: they measure nothing
    theft ──────► nothing until it is replaced (drawn for one device in sim/nodes/faults.py; forced here)
    gone ───────► nothing while the place has stopped or nobody repairs the node (only forced)

Incidents are a function of (seed, place, time) alone, in windows like those of faults.py, so history, live
running and shards agree. A scenario passes the incidents that must happen as `Network(forced=…)`.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from devices.clock import DAY_MS, HOUR_MS
from devices.contract.reading import Device
from sim.nodes.faults import GONE, LEVELS, OUTAGE, POWER_CUT, THEFT, Episode
from sim.nodes.ticks import Ticks
from sim.physics.moment import YEAR
from sim.physics.streams import draws

MAST_OUTAGE, GRID_CUT = "mast-outage", "grid-cut"
INCIDENTS = (MAST_OUTAGE, GRID_CUT, THEFT, GONE)
# Assumption: (incidents of a place in 30 days, shortest, longest hours). Short ones are more frequent,
# because the logarithm of the duration is uniform. No record of the province's masts and lines was found.
SHARED = {
    "normal": {MAST_OUTAGE: (0.12, 1.0, 72.0), GRID_CUT: (0.15, 0.5, 84.0)},
    "harsh": {MAST_OUTAGE: (1.5, 1.0, 36.0), GRID_CUT: (1.5, 0.5, 36.0)},
}
_STORMS, _WORST = 0.5, 227  # Assumption: half as many again in mid-August, half as many less in February
BATTERIES_MS = 4 * HOUR_MS  # Assumption: batteries of a 4G mast; the LoRa gateway on it has none


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident at `place`, or of one `device` of it, in [start, stop) epoch ms; `kind`: of INCIDENTS."""

    kind: str
    place: str
    start: int
    stop: int
    device: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in INCIDENTS:
            raise ValueError(f"kind: no {self.kind!r}; there are {', '.join(INCIDENTS)}")
        if self.start >= self.stop:
            raise ValueError(f"{self.kind} at {self.place}: it must end after it began; write a later `stop`")


class Network:
    """Masts and grid of all places. `level`: of faults; `forced`: happens besides, at any level."""

    def __init__(self, seed: int, level: str, forced: Iterable[Incident] = ()) -> None:
        self._seed, self._forced = seed, tuple(forced)
        self._window = LEVELS[level].window if level in LEVELS else 1
        self._rates = SHARED.get(level, {})
        # cached, because every node of a place asks for the same
        self._drawn = lru_cache(maxsize=4096)(self._draw)

    def forces(self, place: str) -> bool:
        """Return whether anything is forced at a place."""
        return any(one.place == place for one in self._forced)

    def incidents(self, place: str, start: int, stop: int) -> list[Incident]:
        """Return the incidents that overlap [start, stop) epoch ms, by start."""
        window = self._window * DAY_MS
        drawn = [
            incident
            for kind in self._rates
            for number in range(start // window, (stop - 1) // window + 1)
            if (incident := self._drawn(place, kind, number))
        ]
        drawn += [one for one in self._forced if one.place == place]
        overlapping = [one for one in drawn if one.start < stop and one.stop > start]
        return sorted(overlapping, key=lambda one: (one.start, one.kind, one.device or ""))

    def _draw(self, place: str, kind: str, number: int) -> Incident | None:
        luck, long, where, *_ = draws(self._seed, place, kind, number)
        rate, shortest, longest = self._rates[kind]
        day = number * self._window + self._window / 2
        stormy = 1 + _STORMS * math.cos(2 * math.pi * (day - _WORST) / YEAR)
        if luck >= rate * stormy * self._window / 30:
            return None
        length = int(shortest * (longest / shortest) ** long * HOUR_MS)
        start = number * self._window * DAY_MS + int(where * (self._window * DAY_MS - length))
        return Incident(kind, place, start, start + length)


@dataclass(frozen=True, slots=True)
class Share:
    """One device's share in its network. `lora`: it uses LoRa; `mains`: it has no battery."""

    network: Network
    device: Device
    ticks: Ticks
    lora: bool
    mains: bool

    def episodes(self, start: int, stop: int) -> list[Episode]:
        """Return the incidents' episodes for this device that overlap [start, stop) epoch ms, by start."""
        beside = self.ticks.interval  # an episode's edges are up to half an interval beside its incident's
        own = [
            episode
            for incident in self.network.incidents(self.device.community, start - beside, stop + beside)
            if incident.device in (None, self.device.device) and (episode := self._episode(incident))
        ]
        return [one for one in own if one.start < stop and one.stop > start]

    def _episode(self, incident: Incident) -> Episode | None:
        kind, begins, how = OUTAGE, incident.start, dict[str, Any]()
        if incident.kind in (THEFT, GONE):
            kind = incident.kind
        elif incident.kind == GRID_CUT and self.mains:
            kind = POWER_CUT
        else:
            how = {"cause": incident.kind}
            begins += BATTERIES_MS if incident.kind == GRID_CUT and not self.lora else 0
        first, last = self.ticks.at(begins), self.ticks.at(incident.stop)
        if last <= first:
            return None
        return Episode(self.device.device, kind, None, self.ticks.edge(first), self.ticks.edge(last), how)
