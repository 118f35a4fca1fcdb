"""Reads sealed documents for pages and commands: records, addenda, and their places in the log."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from devices.settings import CANONICAL
from traceability.digital_link import LOT, LotKey
from traceability.exchange.served import served
from traceability.records import addendum, record, story
from traceability.records.check import CheckFailed, included, sentence_of
from traceability.tlog.merkle import leaf_hash
from traceability.tlog.tiles import LogCorrupt, LogMissing, LogReader


class Shelf:
    """The records and addenda of a folder, and its log, which is only read."""

    def __init__(self, folder: Path) -> None:
        self.records = folder / "records"
        self._keys = folder / "log.keys"
        self._log = LogReader(folder / "log")  # caches the index of each leaf
        self._proven: tuple[bytes, dict[bytes, int]] = (
            b"",
            {},
        )  # (checkpoint, leaf → index) of leaves proven to be in its tree

    def find(self, lot: str) -> LotKey | None:
        """The lot with this code, whatever its product; None if there is none."""
        if LOT.fullmatch(lot) and self.records.is_dir():
            for product in self.records.iterdir():
                if (product / f"{lot}.json").is_file():
                    return LotKey(product.name, lot)
        return None

    def check(self, data: bytes) -> tuple[int | None, str]:
        """The index of canonical bytes in the log, proven against the signed checkpoint, or None and the key
        of the sentence that says why not.

        The form of the bytes is not checked: no other bytes have this leaf.
        """
        entry = record.entry(data)
        leaf = leaf_hash(entry)
        try:
            head, proven = self._proven
            if leaf in proven and self._log.checkpoint() == head:
                return proven[leaf], ""
            index = self._log.index_of(leaf)
            if index is None:
                return None, "page.not_logged"
            proof = self._log.proof(index)
            included(entry, proof, self._keys.read_text("utf-8"))
            checkpoint = proof.partition(b"\n\n")[2]
            if checkpoint != head:
                head, proven = self._proven = checkpoint, {}
            proven[leaf] = index
            return index, ""
        except (CheckFailed, LogMissing, LogCorrupt, OSError) as error:
            return None, sentence_of(error)

    def checkpoint(self) -> bytes:
        """The log's signed checkpoint, with its witnesses' lines. Raises LogMissing."""
        return self._log.checkpoint()

    def proof(self, data: bytes) -> bytes | None:
        """The proof file of canonical bytes; None if they are not in the log."""
        leaf = leaf_hash(record.entry(data))
        index = self._log.index_of(leaf)
        return None if index is None else self._log.proof(index, leaf)

    def addenda(self, key: LotKey) -> list[dict[str, Any]]:
        """A lot's addenda in the order of the log; `leaf` is None for unverified ones, which come last."""
        return [json.loads(data) | {"leaf": leaf} for data, leaf in self.later(key)]

    def later(self, key: LotKey) -> list[tuple[bytes, int | None]]:
        """`addenda` as canonical bytes, each with its leaf."""
        entries = [(data, self.check(data)[0]) for _, data in addendum.read_all(self.records, key)]
        return sorted(entries, key=lambda one: (one[1] is None, one[1]))

    def recalled_parts(self, later: Iterable[tuple[bytes, int | None]]) -> frozenset[LotKey]:
        """The recalled lots among those that got goods of a lot, at first or second hand. `later`: its own
        addenda.
        """
        found, seen, left = set[LotKey](), set[LotKey](), [*later]
        while left:
            data, _ = left.pop()
            for part in json.loads(data)["lots"] if b'"lots":[{' in data else ():
                key = LotKey(part["gtin"], part["lot"])
                if key not in seen:
                    seen.add(key)
                    left += (of_part := self.later(key))
                    if story.recalled([json.loads(one) for one, _ in of_part]):
                        found.add(key)
        return frozenset(found)

    def epcis(self, key: LotKey, data: bytes, canonical: str = CANONICAL) -> dict[str, Any]:
        """The lot's EPCIS document up to now, with links below the address `canonical`."""
        content = json.loads(data)
        documents = [one["epcis"] for one in (content, *self.addenda(key))]
        return served(documents, canonical, simulated=content["simulated"])
