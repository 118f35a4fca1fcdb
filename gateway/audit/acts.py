"""Collects the acts of an installation from their sources, and makes points of them for the board."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from heapq import merge
from pathlib import Path

from devices.access.registry import Enrolled, Registry
from devices.clock import MINUTE_MS
from devices.salvage import why
from devices.settings import Settings
from devices.texts import rounded, spelt
from gateway.control.advisor import BY
from gateway.control.ledger import Ledger
from gateway.ingest.spool import Spool
from gateway.instance import files, instances
from gateway.stores.points import Point, Value, tags
from gateway.stores.store import RetryLater
from traceability.diary.reader import DiaryReader

# diary entry kinds that are sealed → the name of the act; any other act on a lot is named after its kind
SEALED = {"harvest": "sealed", "revocation": "recalled", "correction": "corrected"}
WHERE = TERMINAL, DIARY, ITSELF = "terminal", "diary", "itself"  # where the act was done
WHAT = (
    "enrolled", "revoked", "rotated", "probe_set", "advice_off", "advice_on", "commanded", "replayed",
    *SEALED.values(), "packing", "shipping", "split", "merge", "input",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Act:
    """An act at epoch ms `time`. `who` is an account of the machine, a diary's account, or "advice"; `object`
    is the device, lots or entry; `where` is one of WHERE; `note` has further details. `simulated` is true if
    a simulated diary did it.
    """

    time: int
    what: str
    who: str
    object: str
    where: str
    note: str = ""
    simulated: bool = False


class Acts:
    """Reads the acts of one installation. May raise RegistryAway, and sqlite3's errors."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._settings, self._registry = settings, registry

    @cached_property
    def _ledger(self) -> Ledger:
        return Ledger(self._settings.registry_url)

    def since(self, start: int) -> list[Act]:
        """Return all acts since epoch ms `start`, oldest first."""
        parts = (self._of_registry(start), self._of_ledger(start), self._of_diary(start),
                 *(self._of_spool(files(self._settings.data, one).spool, start)
                   for one in instances(self._settings.data)))  # fmt: skip
        return list(merge(*parts, key=lambda act: act.time))

    def points(self, start: int) -> list[Point]:
        """The same as points; acts with the same `what` never have the same time. Raises RetryLater."""
        try:
            return [_point(self._registry.pilot.pilot, act) for act in self.since(start)]
        except (OSError, sqlite3.Error) as error:
            raise RetryLater("store.acts", error=why(error)) from error

    def _of_registry(self, start: int) -> Iterator[Act]:
        for one in self._registry.acts(start):
            yield Act(one.time, one.what, one.who, one.object, TERMINAL)

    def _of_ledger(self, start: int) -> Iterator[Act]:
        # Spans include devices revoked since. A command counts only if the device was enrolled here when it
        # was sent: another pilot's commands do not belong in this list.
        ours: dict[str, list[Enrolled]] = {}
        for span in self._registry.spans():
            ours.setdefault(span.device.device, []).append(span)
        for one in self._ledger.since(start):
            if any(span.at(one.sent) for span in ours.get(one.device, ())):
                minutes = rounded((one.until - one.sent) / MINUTE_MS, 0)
                order = f"{one.actuator} {spelt(one.set)}, {spelt(minutes)} min"
                where = ITSELF if one.by == BY else TERMINAL
                yield Act(one.sent, "commanded", one.by, one.device, where, order)

    def _of_diary(self, start: int) -> Iterator[Act]:
        for one in DiaryReader(self._settings.trace).acts(start):
            what = SEALED.get(one.kind, one.kind)
            yield Act(one.time, what, one.device, one.object, DIARY, simulated=one.simulated)

    def _of_spool(self, path: Path, start: int) -> Iterator[Act]:
        with closing(Spool.to_read(path)) as spool:
            for one in spool.replays(start):
                more = "" if one.messages == one.ids.count(",") + 1 else f", … ({one.messages})"
                yield Act(one.time, "replayed", one.who, "", TERMINAL, one.ids + more)


def _point(pilot: str, act: Act) -> Point:
    fields: dict[str, Value] = {
        "who": act.who, "object": act.object, "where": act.where, "simulated": act.simulated
    }  # fmt: skip
    return Point("audit", tags(pilot=pilot, what=act.what), fields, act.time)
