"""The diary as corrected: a harvest is judged by what was really done.

tables.corrections ─► the valid ones, applied in order ─► each entry as it holds now

A correction may also change an entry's plot and time. So queries for the harvests and entries of a time span
go through this module: some fall into the span only by a correction.
"""

from collections.abc import Collection
from contextlib import suppress
from typing import NamedTuple

from devices.clock import epoch_ms
from devices.contract.diary import Correction, DiaryEvent, Harvest, corrected
from devices.contract.payloads import PayloadError
from devices.pilots.bounds import corrected_within
from devices.pilots.pilot import Pilot
from traceability.diary.tables import DiaryTables, understood

Key = tuple[str, str]  # community, id


class Picked(NamedTuple):
    """A sealed harvest as it holds now; `time` is epoch ms."""

    id: str
    crop: str
    plot: str
    time: int
    kilograms: float
    area_code: str | None


class Standing(NamedTuple):
    """A corrected entry: as it came, and as it holds now."""

    came: DiaryEvent
    now: DiaryEvent


class Corrections:
    """The valid corrections of a diary at the last `read`. Not for several threads at a time."""

    def __init__(self, tables: DiaryTables, pilot: Pilot) -> None:
        self._tables, self._pilot = tables, pilot
        self._read: tuple[int, int] | None = None  # the state of the tables (`changes`) that was read
        self._chains: dict[Key, list[Correction]] = {}
        self._of: dict[Key, Key] = {}  # correction → entry that it corrects
        self._sealed: set[Key] = set()  # sealed corrections
        self._standing: dict[Key, Standing] = {}
        self._harvests: dict[str, dict[str, Standing]] = {}  # community → harvest's id → its standing

    def read(self) -> None:
        """Read all corrections again if anything was written since the last call, and keep the valid ones."""
        changes = self._tables.changes()  # taken first, so that writes during the loop are read next time
        if changes == self._read:
            return
        for kept in (self._chains, self._of, self._sealed, self._standing, self._harvests):
            kept.clear()
        for community, body, simulated, sealed in self._tables.corrections():
            correction = understood(body)
            if not isinstance(correction, Correction):
                continue
            key = community, correction.of
            came = self._standing[key].came if key in self._standing else self._tables.event(*key)
            if came is None:
                continue
            before = self._standing[key].now if key in self._standing else came
            try:
                now = corrected(before, correction)
            except PayloadError:
                continue
            if corrected_within(self._pilot, community, before, now, correction, simulated=simulated):
                self._chains.setdefault(key, []).append(correction)
                if sealed:
                    self._sealed.add((community, correction.id))
                self._of[community, correction.id] = key
                self._stand(key, Standing(came, now))
        self._read = changes

    def drop(self, community: str, correction: str) -> None:
        """Remove a correction that was refused."""
        key = self._of.pop((community, correction), None)
        if key is None:
            return
        self._read = None  # read again once the refusal is noted
        self._chains[key] = [one for one in self._chains[key] if one.id != correction]
        came = self._standing[key].came
        self._stand(key, Standing(came, self._chained(key, came)))

    def _stand(self, key: Key, standing: Standing) -> None:
        self._standing[key] = standing
        if isinstance(standing.came, Harvest):
            self._harvests.setdefault(key[0], {})[key[1]] = standing

    def applied(self, community: str, event: DiaryEvent, before: str = "") -> DiaryEvent:
        """An event with every valid correction applied, or only those before the correction `before`."""
        standing = self._standing.get((community, event.id))
        if standing is None:
            return event
        return self._chained((community, event.id), event, before) if before else standing.now

    def fresh(self, community: str, event: DiaryEvent) -> DiaryEvent:
        """An event as a new record shows it: with the corrections that are sealed.

        Corrections that are not sealed yet will become addenda to the new record.
        """
        for correction in self._chains.get((community, event.id), ()):
            if (community, correction.id) in self._sealed:
                with suppress(PayloadError):  # an earlier correction was dropped
                    event = corrected(event, correction)
        return event

    def _chained(self, key: Key, event: DiaryEvent, before: str = "") -> DiaryEvent:
        for correction in self._chains[key]:
            if correction.id == before:
                break
            try:
                event = corrected(event, correction)
            except PayloadError:  # an earlier correction was dropped
                continue
        return event

    def held(self, community: str, id: str) -> DiaryEvent | None:
        """The entry of this id as it holds now; None where there is none."""
        came = self._tables.event(community, id)
        return self.applied(community, came) if came is not None else None

    def moved(self, community: str, plot: str, start: int, stop: int, *, simulated: bool) -> list[DiaryEvent]:
        """Entries of a plot, as they came, that a correction placed in [start, stop] epoch ms."""
        return [
            came
            for (place, id), (came, now) in self._standing.items()
            if (place, now.plot) == (community, plot) and start <= epoch_ms(now.ts) <= stop
            and self._tables.simulated(place, id) == simulated
        ]  # fmt: skip

    def last_harvest(
        self, community: str, plot: str, crop: str, until: int, *, simulated: bool
    ) -> str | None:
        """The id of a plot's last harvest of a crop up to epoch ms `until`, as corrected."""
        moved = [
            (epoch_ms(now.ts), now.id)
            for _, now in self._harvests.get(community, {}).values()
            if (now.plot, now.crop) == (plot, crop) and self._tables.simulated(community, now.id) == simulated
        ]
        but = [id for _, id in moved]
        rest = self._tables.last_harvest(community, plot, crop, until, but, simulated=simulated)
        last = max([one for one in moved if one[0] <= until] + ([rest] if rest else []), default=None)
        return last[1] if last else None

    def picked(
        self, community: str, start: int, stop: int, also: Collection[str] = (), *, simulated: bool | None
    ) -> list[Picked]:
        """A community's sealed harvests, and those in `also`, in [start, stop] epoch ms, all as corrected.

        `simulated`: only harvests of simulated diaries, or only of real ones; None: of both.
        """
        events = {
            one.id: understood(one.body)
            for one in self._tables.harvests(community, start, stop)
            if (one.sealed or one.id in also) and simulated in (None, one.simulated)
        }
        for came, held in self._harvests.get(community, {}).values():
            if came.id not in events and start <= epoch_ms(held.ts) <= stop:
                if simulated not in (None, self._tables.simulated(community, came.id)):
                    continue
                lot = self._tables.lot(community, came.id)
                if came.id in also or (lot is not None and lot.leaf is not None):
                    events[came.id] = came
        picked = []
        for id, event in events.items():
            now = self.applied(community, event) if event is not None else None
            if isinstance(now, Harvest) and start <= (at := epoch_ms(now.ts)) <= stop:
                picked.append(Picked(id, now.crop, now.plot, at, now.quantity_kg, now.area_code))
        return sorted(picked, key=lambda one: (one.time, one.id))
