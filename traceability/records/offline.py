"""Checks a record's files without a server: which files belong together, and whether each is valid.

LOT.json + LOT.tlog-proof ─► the record            side by side, as `hoiquan trace export` writes them
LOT.event.json + LOT.event.tlog-proof ─► an addendum to this record, signed under the same key
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from devices.texts import Lang, shown, text
from traceability.digital_link import LOT
from traceability.records import record, reports, story
from traceability.records.check import Checked, CheckFailed, check, held
from traceability.tlog.witness import Witness


class NotVerified(Exception):
    """A file is not valid; the sentence says which and why, in the reader's language."""


class Whole(NamedTuple):
    """A verified record and its addenda in the order of the log.

    For an addendum that was checked by itself, both fields hold that addendum.
    """

    record: Checked
    later: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """Checks files for somebody who trusts this key and asks for `quorum` of these witnesses."""

    key_file: str
    witnesses: tuple[Witness, ...]
    quorum: int
    lang: Lang

    def whole(self, file: Path, proof: Path, later: Iterable[Path]) -> Whole:
        """The record in `file`, with the addenda that lie beside it and those of `later`.

        Raises NotVerified, OSError.
        """
        record = self._checked(file, proof)
        if story.is_entry(record.content):
            return Whole(record, (record.content,))
        data, entries = file.read_bytes(), dict[str, Checked]()
        for path in (*beside(file, record.content["lot"]), *later):
            name = f"{shown(str(path))}: "
            entry = self._checked(path, path.with_suffix(".tlog-proof"), name)
            if not story.belongs(entry.content, data):
                raise NotVerified(name + text("verify.later_other", self.lang))
            entries[entry.content["event"]["id"]] = entry
        read = sorted(entries.values(), key=lambda one: one.index)
        return Whole(record, tuple(one.content for one in read))

    def report(self, file: Path, proof: Path) -> Checked:
        """A sealed report; its `content` is empty. Raises NotVerified, OSError."""
        try:
            entry = reports.entry(file.read_bytes())
            return held({}, entry, proof.read_bytes(), self.key_file, self.witnesses, self.quorum)
        except CheckFailed as error:
            part = "other_report" if error.part == "other" else error.part
            raise NotVerified(text(f"verify.{part}", self.lang) + self._detail(error)) from None

    def _checked(self, file: Path, proof: Path, name: str = "") -> Checked:
        data = file.read_bytes()
        if name and not proof.exists():
            raise NotVerified(name + text("verify.no_proof", self.lang))
        try:
            return check(data, proof.read_bytes(), self.key_file, self.witnesses, self.quorum)
        except CheckFailed as error:
            why = text(f"verify.{error.part}", self.lang)
            lot = str(record.parse(data).get("lot")) if error.part == "other" else ""
            if lot and (other := _other_lot(proof, lot)):
                why = text("verify.other_lot", self.lang, other=other, lot=shown(lot))
            raise NotVerified(name + why + self._detail(error)) from None

    def _detail(self, error: CheckFailed) -> str:
        """What the log's formats, which are English, call the fault."""
        return " " + text("verify.detail", self.lang, error=error)


def beside(file: Path, lot: str) -> list[Path]:
    """The addenda that lie beside a record, by their names: {lot}.{event}.json."""
    names = (f"{lot}.", f"{file.stem}.")
    records = (file.name, f"{lot}.json")
    files = file.parent.glob("*.json")
    return sorted(one for one in files if one.name.startswith(names) and one.name not in records)


def _other_lot(proof: Path, lot: str) -> str:
    """The lot in the proof's file name, if it is not `lot`; else empty."""
    named = proof.name.partition(".")[0]
    return named if LOT.fullmatch(named) and named != lot else ""
