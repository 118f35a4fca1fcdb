"""Read-only access to trace.sqlite from any process, which never blocks the writer."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC
from pathlib import Path
from typing import Any, NamedTuple

from devices.clock import epoch_ms, midnight_of
from devices.contract.diary import (
    Correction,
    DiaryEvent,
    Harvest,
    Packing,
    Revocation,
    Shipping,
    corrected,
)
from devices.contract.payloads import PayloadError
from devices.files import to_read
from devices.pilots.places import FIRST, LAST
from traceability.diary import slots
from traceability.diary.rows import SOURCE, VALID, DiaryAct, LotRow, Outcome
from traceability.diary.slots import Slots
from traceability.diary.tables import IS_CORRECTION, understood
from traceability.digital_link import LotKey

EVERY = -1  # SQLite: no limit
GONE = ("merge", "revocation")  # a lot does not exist any more after one of these
# A date outside FIRST to LAST counts as 1970: its row is listed, and no caller fails on the date.
TIME, SPAN = "CASE WHEN time BETWEEN ? AND ? THEN time ELSE 0 END", (
    midnight_of(FIRST, UTC), midnight_of(LAST, UTC),
)  # fmt: skip


class ShownEntry(NamedTuple):
    """An entry and its outcome: the lot that it made, or why it was refused ("": it was not). `simulated`:
    the simulator wrote it, nobody of the group.
    """

    event: DiaryEvent
    lot: LotKey | None
    refused: str
    simulated: bool


class ShownLot(NamedTuple):
    """A sealed lot. `harvest` is its id in the diary, `time` epoch ms; time and kilograms are as corrected.

    `used`: kilograms handled so far, by kind of event. `judged`: entries that decide whether the lot may be
    sold, in the order of the log. `simulated`: its diary is the simulator's.
    """

    harvest: str
    key: LotKey
    kilograms: float
    time: int
    plot: str | None
    used: dict[str, float]
    judged: tuple[str, ...]
    simulated: bool


class Recall(NamedTuple):
    """A recalled lot, when it was recalled (epoch ms), and why. `simulated`: its diary is the simulator's."""

    community: str
    key: LotKey
    time: int
    reason: str
    simulated: bool


class DiaryReader:
    """A folder's diary; empty if no writer has created it yet."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "trace.sqlite"

    def outcomes(
        self, limit: int, community: str = "", gtin: str = "", *, harvests: bool = False
    ) -> list[Outcome]:
        """The newest lots of all communities or of one, sealed and refused; with `gtin` only sealed lots of
        that product. `harvests`: without lots made by a split or merge.
        """
        only = {"community=?": community, "refused='' AND gtin=?": gtin}
        filters = {condition: value for condition, value in only.items() if value}
        in_diary = "EXISTS (SELECT 1 FROM event e WHERE e.community=lot.community AND e.id=lot.harvest)"
        conditions = [*filters, *([in_diary] if harvests else [])]
        rows = self._ask(  # LIMIT comes before the joins, which then read few rows
            "SELECT coalesce(e.simulated, s.simulated, 0), e.id IS NULL, l.* FROM "
            f"(SELECT community, harvest, gtin, lot, {TIME} time, quantity, coverage, leaf, refused FROM lot "
            f"WHERE {' AND '.join(conditions) or 'true'} ORDER BY 5 DESC LIMIT ?) l "
            "LEFT JOIN event e ON e.community=l.community AND e.id=l.harvest "
            f"LEFT JOIN event s ON {SOURCE} ORDER BY l.time DESC",
            (*SPAN, *filters.values(), limit),
        )
        return [
            Outcome(LotRow(community, harvest, LotKey(gtin, lot), *rest), bool(simulated), bool(made))
            for simulated, made, community, harvest, gtin, lot, *rest in rows
        ]

    def slots(self) -> dict[LotKey, Slots]:
        """The slots of each sealed lot (slots.py)."""
        if not self._path.exists():
            return {}
        with closing(to_read(self._path)) as db:
            return slots.read(db)

    def recalled(self) -> set[LotKey]:
        """The recalled lots."""
        query = "SELECT DISTINCT gtin, lot FROM addendum WHERE kind='revocation'"
        return {LotKey(gtin, lot) for gtin, lot in self._ask(query, ())}

    def judged(self) -> dict[LotKey, list[str]]:
        """For each lot, the entries (ids) that decide whether it may be sold, in the order of the log."""
        deciding: dict[LotKey, list[str]] = {}
        query = "SELECT gtin, lot, id FROM addendum WHERE kind NOT IN ('packing', 'shipping') ORDER BY leaf"
        for gtin, lot, id in self._ask(query, ()):
            deciding.setdefault(LotKey(gtin, lot), []).append(id)
        return deciding

    def recalls(self, limit: int, community: str = "") -> list[Recall]:
        """The newest recalls of all communities or of one; a lot may be recalled more than once."""
        rows = self._ask(
            f"SELECT community, gtin, lot, {TIME}, body, "
            "(SELECT coalesce(e.simulated, s.simulated, 0) FROM lot l "
            "LEFT JOIN event e ON e.community=l.community AND e.id=l.harvest "
            f"LEFT JOIN event s ON {SOURCE} "
            "WHERE l.community=a.community AND (l.gtin, l.lot)=(a.gtin, a.lot)) "
            "FROM addendum a JOIN event USING(community, id) "
            f"WHERE kind='revocation' {'AND community=? ' if community else ''}ORDER BY 4 DESC, lot LIMIT ?",
            (*SPAN, *([community] if community else []), limit),
        )
        return [
            Recall(community, LotKey(gtin, lot), time, event.reason, bool(simulated))
            for community, gtin, lot, time, body, simulated in rows
            if isinstance(event := understood(body), Revocation)
        ]

    def entries(self, community: str, limit: int) -> list[ShownEntry]:
        """A community's last entries, as corrected, the newest first."""
        rows = self._ask(
            "SELECT e.body, l.gtin, l.lot, coalesce(nullif(l.refused, ''), a.refused, ''), l.leaf, "
            "e.simulated FROM event e LEFT JOIN lot l ON l.community=e.community AND l.harvest=e.id "
            "LEFT JOIN later a ON a.community=e.community AND a.id=e.id "
            "WHERE e.community=? ORDER BY e.time DESC, e.id DESC LIMIT ?",
            (community, limit),
        )
        corrections = self._corrections(community)
        entries = [
            ShownEntry(
                _held(event, corrections), LotKey(gtin, lot) if leaf is not None else None, refused,
                bool(simulated),
            )
            for body, gtin, lot, refused, leaf, simulated in rows
            if (event := understood(body)) is not None
        ]  # fmt: skip
        return sorted(entries, key=lambda one: epoch_ms(one.event.ts), reverse=True)

    def acts(self, since: int) -> list[DiaryAct]:
        """The entries sealed, and corrections that took effect, since epoch ms `since`, the oldest first."""
        # a file of an earlier version has no acts
        if not self._ask("SELECT 1 FROM sqlite_master WHERE name='act'", ()):
            return []
        rows = self._ask(
            "SELECT a.time, e.body, e.device, e.simulated, "
            "(SELECT l.lot FROM lot l WHERE l.community=a.community AND l.harvest=a.id), "
            "(SELECT group_concat(d.lot, ' ') FROM addendum d WHERE d.community=a.community AND d.id=a.id) "
            "FROM act a JOIN event e USING(community, id) WHERE a.time>=? ORDER BY a.time",
            (since,),
        )
        return [
            DiaryAct(time, event.event, device, lot or lots or getattr(event, "of", ""), bool(simulated))
            for time, body, device, simulated, lot, lots in rows
            if (event := understood(body)) is not None
        ]

    def event(self, community: str, id: str) -> DiaryEvent | None:
        """An entry as it came."""
        rows = self._ask("SELECT body FROM event WHERE community=? AND id=?", (community, id))
        return understood(rows[0][0]) if rows else None

    def held(self, community: str, id: str) -> DiaryEvent | None:
        """An entry with all corrections that hold so far."""
        return self._now(community, id, self._corrections(community))

    def _now(
        self, community: str, id: str, corrections: Mapping[str, Sequence[Correction]]
    ) -> DiaryEvent | None:
        event = self.event(community, id)
        return None if event is None else _held(event, corrections)

    def _corrections(self, community: str) -> dict[str, list[Correction]]:
        """The corrections of each entry that were not refused for their content, in the order of arrival.

        Reads all corrections of the community, because finding a single one scans the whole diary too.
        """
        rows = self._ask(
            "SELECT e.body FROM event e JOIN later a USING(community, id) WHERE a.community=? AND a.done "
            f"AND a.refused IN ({','.join('?' * len(VALID))}) AND instr(e.body, ?) ORDER BY e.rowid",
            (community, *VALID, IS_CORRECTION),
        )
        corrections: dict[str, list[Correction]] = {}
        for (body,) in rows:
            if isinstance(event := understood(body), Correction):
                corrections.setdefault(event.of, []).append(event)
        return corrections

    def lots(self, community: str) -> list[ShownLot]:
        """A community's lots, as corrected, the newest first, without merged and recalled ones."""
        condition = (
            "NOT EXISTS (SELECT 1 FROM addendum a WHERE (a.gtin, a.lot)=(l.gtin, l.lot) AND a.kind IN (?,?))"
        )
        return sorted(self._lots(community, condition, GONE), key=lambda lot: lot.time, reverse=True)

    def lot(self, community: str, code: str) -> ShownLot | None:
        """A community's lot with this code, whatever happened to it."""
        return next(iter(self._lots(community, "l.lot=?", (code,))), None)

    def _lots(self, community: str, condition: str, values: Sequence[str]) -> list[ShownLot]:
        rows = self._ask(
            "SELECT l.harvest, l.gtin, l.lot, l.quantity, l.time, coalesce(e.plot, s.plot), "
            "coalesce(e.simulated, s.simulated, 0), "
            "(SELECT json_group_array(json_array(id, kind, quantity)) FROM (SELECT * FROM addendum a "
            "WHERE (a.gtin, a.lot)=(l.gtin, l.lot) ORDER BY a.leaf)) "
            "FROM lot l LEFT JOIN event e ON e.community=l.community AND e.id=l.harvest "
            f"LEFT JOIN event s ON {SOURCE} "
            f"WHERE l.community=? AND l.leaf IS NOT NULL AND {condition}",
            (community, *values),
        )
        corrections = self._corrections(community) if rows else {}
        return [
            self._lot(
                community, harvest, LotKey(gtin, code), kilograms, time, plot, bool(simulated),
                json.loads(later), corrections,
            )
            for harvest, gtin, code, kilograms, time, plot, simulated, later in rows
        ]  # fmt: skip

    def _lot(
        self, community: str, harvest: str, key: LotKey, kilograms: float, time: int, plot: str | None,
        simulated: bool, later: Sequence[tuple[str, str, float]],
        corrections: Mapping[str, Sequence[Correction]],
    ) -> ShownLot:  # fmt: skip
        """`later`: id, kind and kilograms of the lot's addenda, in the order of the log."""
        used: dict[str, float] = {}
        for id, kind, quantity in later:
            now = self._now(community, id, corrections) if id in corrections else None
            amount = now.quantity_kg if isinstance(now, Packing | Shipping) else quantity
            used[kind] = used.get(kind, 0.0) + amount
        if harvest in corrections and isinstance(now := self._now(community, harvest, corrections), Harvest):
            kilograms, time = now.quantity_kg, epoch_ms(now.ts)
        judged = tuple(id for id, kind, _ in later if kind in ("correction", "input"))
        return ShownLot(harvest, key, kilograms, time, plot, used, judged, simulated)

    def _ask(self, query: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        if not self._path.exists():
            return []
        with closing(to_read(self._path)) as db:
            return db.execute(query, values).fetchall()


def _held(event: DiaryEvent, corrections: Mapping[str, Sequence[Correction]]) -> DiaryEvent:
    """An entry with its corrections applied, in the order of arrival."""
    for correction in corrections.get(event.id, ()):
        with suppress(PayloadError):  # an earlier correction was refused
            event = corrected(event, correction)
    return event
