"""Reports that an office hands in, held by the log as records are: the hash of the PDF's bytes is a leaf.

hoiquan report --seal ─► reports/{id}.pdf, with the address of its page as a QR code ─► Sealer ─► log
                                                          page ◄─ proof ◄─ is it in the log? ◄─┘

The id is of what the report says and of the pages' address, for a file cannot have its own hash in it. This
is no signature of an office: it shows that the file was not changed since.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from devices.files import write_all
from traceability.records.check import CheckFailed, included
from traceability.tlog.merkle import leaf_hash
from traceability.tlog.tiles import LogCorrupt, LogMissing, LogReader

FORMAT = "hoiquan-report/1"
ID = re.compile(r"[0-9a-f]{16}")


def entry(pdf: bytes) -> bytes:
    """What the log holds for a report."""
    return f"{FORMAT}\nsha256:{hashlib.sha256(pdf).hexdigest()}\n".encode()


def path_of(id: str) -> str:
    """Where its page is, below the pages' address."""
    return f"/report/{id}"


class Reports:
    """The reports of a folder, and its log as anybody may read it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "reports"
        self._keys = folder / "log.keys"
        self._log = LogReader(folder / "log")

    def keep(self, id: str, pdf: bytes) -> None:
        """Let it be sealed; durable on return. What is there stays."""
        path = self._folder / f"{id}.pdf"
        if not path.exists():
            write_all({path: pdf})

    def read(self, id: str) -> bytes | None:
        """The PDF; None where there is none of this id."""
        path = self._folder / f"{id}.pdf"
        return path.read_bytes() if ID.fullmatch(id) and path.is_file() else None

    def entries(self, but: set[Path]) -> Iterator[tuple[Path, bytes]]:
        """Each report's file and its entry, but for those named; what else lies there is nobody's report."""
        for path in sorted(set(self._folder.glob("*.pdf")) - but):
            if ID.fullmatch(path.stem) and path.is_file():
                yield path, entry(path.read_bytes())

    def proof(self, pdf: bytes) -> bytes | None:
        """Its proof file; None where the log does not hold it, or does not exist."""
        leaf = leaf_hash(entry(pdf))
        try:
            index = self._log.index_of(leaf)
            return None if index is None else self._log.proof(index, leaf)
        except LogMissing:
            return None

    def check(self, pdf: bytes) -> tuple[int | None, str]:
        """Its index in the log, proven against the signed checkpoint, or None and why not;
        "" where it waits for that.
        """
        try:
            proof = self.proof(pdf)
            if proof is None:
                return None, ""
            return included(entry(pdf), proof, self._keys.read_text("utf-8"))[0].index, ""
        except (CheckFailed, LogCorrupt, OSError) as error:
            return None, str(error)
