"""The diary as it was corrected: what forbids a harvest is what was really done.

tables.corrections ─► those that are valid, one upon another ─► each entry as it holds now

An entry's place and time may be corrected too, so harvests and entries of a span are asked for here: some
hold in it by a correction alone.
"""

from collections.abc import Collection
from typing import NamedTuple

from devices.clock import epoch_ms
from devices.contract.diary import Correction, DiaryEvent, Harvest, corrected
from devices.contract.payloads import PayloadError
from devices.pilots.bounds import corrected_within
from devices.pilots.pilot import Pilot
from traceability.diary.tables import DiaryTables, understood


class Picked(NamedTuple):
    """A sealed harvest; `time` is epoch ms."""

    id: str
    crop: str
    plot: str
    time: int
    kilograms: float
    area_code: str | None


class Corrections:
    """The valid corrections of a diary as they were when it was last read. For one thread at a time."""

    def __init__(self, tables: DiaryTables, pilot: Pilot) -> None:
        self._tables, self._pilot = tables, pilot
        self._chains: dict[tuple[str, str], list[Correction]] = {}
        self._standing: dict[tuple[str, str], DiaryEvent] = {}

    def read(self) -> None:
        """Read all of them; what is asked from now on knows those that are valid."""
        self._chains.clear()
        self._standing.clear()
        for community, body, simulated in self._tables.corrections():
            correction = understood(body)
            if not isinstance(correction, Correction):
                continue
            key = community, correction.of
            before = self._standing.get(key) or self._tables.event(*key)
            if before is None:
                continue
            try:
                now = corrected(before, correction)
            except PayloadError:
                continue
            if corrected_within(self._pilot, community, before, now, correction, simulated=simulated):
                self._chains.setdefault(key, []).append(correction)
                self._standing[key] = now

    def drop(self, community: str, correction: str) -> None:
        """A correction was refused: what it says does not hold."""
        for key, chain in list(self._chains.items()):
            kept = [one for one in chain if key[0] != community or one.id != correction]
            if len(kept) == len(chain):
                continue
            self._chains[key] = kept
            event = self._tables.event(*key)
            if event is not None:
                self._standing[key] = self.applied(community, event)

    def applied(self, community: str, event: DiaryEvent, before: str = "") -> DiaryEvent:
        """The event as it holds with every valid correction, or with those before the one called so."""
        for correction in self._chains.get((community, event.id), ()):
            if correction.id == before:
                break
            try:
                event = corrected(event, correction)
            except PayloadError:  # one before it was dropped
                continue
        return event

    def held(self, community: str, id: str) -> DiaryEvent | None:
        """The entry of this id as it holds now; None where there is none."""
        came = self._tables.event(community, id)
        return self.applied(community, came) if came is not None else None

    def moved(self, community: str, plot: str | None, start: int, stop: int) -> list[DiaryEvent]:
        """Entries, as they came, that hold in [start, stop] epoch ms by a correction; of one plot or all."""
        entries = []
        for (place, id), event in self._standing.items():
            if place == community and plot in (None, event.plot) and start <= epoch_ms(event.ts) <= stop:
                came = self._tables.event(community, id)
                entries += [came] if came is not None else []
        return entries

    def last_harvest(self, community: str, plot: str, crop: str, until: int) -> str | None:
        """The id of a plot's last harvest of a crop, as they hold, up to epoch ms `until`."""
        moved = [
            (epoch_ms(now.ts), now.id)
            for (place, _), now in self._standing.items()
            if place == community and isinstance(now, Harvest) and (now.plot, now.crop) == (plot, crop)
        ]
        rest = self._tables.last_harvest(community, plot, crop, until, [id for _, id in moved])
        last = max([one for one in moved if one[0] <= until] + ([rest] if rest else []), default=None)
        return last[1] if last else None

    def picked(self, community: str, start: int, stop: int, also: Collection[str] = ()) -> list[Picked]:
        """A community's sealed harvests, and those among `also`, as they hold in [start, stop] epoch ms."""
        events = {
            id: understood(body)
            for id, body, sealed in self._tables.harvests(community, start, stop)
            if sealed or id in also
        }
        for came in self.moved(community, None, start, stop):
            if isinstance(came, Harvest) and came.id not in events:
                lot = self._tables.lot(community, came.id)
                if came.id in also or (lot is not None and lot.leaf is not None):
                    events[came.id] = came
        picked = []
        for id, event in events.items():
            now = self.applied(community, event) if event is not None else None
            if isinstance(now, Harvest) and start <= (at := epoch_ms(now.ts)) <= stop:
                picked.append(Picked(id, now.crop, now.plot, at, now.quantity_kg, now.area_code))
        return sorted(picked, key=lambda one: (one.time, one.id))
