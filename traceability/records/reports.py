"""Reports that an office hands in, held by the log as records are: the hash of the PDF's bytes is a leaf.

hoiquan report --seal ─► reports/{id}.{sha256}.pdf, with its page's address as a QR code ─► Sealer ─► log
                                                              page ◄─ proof ◄─ is it in the log? ◄─┘

The id is of what the report says and of its page's address, for a file cannot have its own hash in it. The
file's name has the hash: one that was changed is not sealed again under the same address, and its page says
so. Earlier versions kept {id}.pdf: `adopt` gives these their name, so that the codes on handed-in paper lead
somewhere. This is no signature of an office: it shows that the file was not changed since.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from devices.files import write_all
from traceability.records.check import CheckFailed, included
from traceability.tlog.merkle import leaf_hash
from traceability.tlog.tiles import LogCorrupt, LogMissing, LogReader

FORMAT = "hoiquan-report/1"
ID = re.compile(r"[0-9a-f]{16}")
NAME = re.compile(r"[0-9a-f]{16}\.[0-9a-f]{64}\.pdf")


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
        if self.file(id) is None:
            write_all({self._named(id, pdf): pdf})

    def adopt(self) -> None:
        """Name files of earlier versions as those of this one: by what is in them now, as their own version
        would have sealed them. Where there is one of this version it stays, and so does the other.
        """
        for path in sorted(self._folder.glob("*.pdf")):
            if ID.fullmatch(path.stem) and path.is_file() and self.file(path.stem) is None:
                with suppress(FileNotFoundError):  # another process did it
                    path.rename(self._named(path.stem, path.read_bytes()))

    def read(self, id: str) -> bytes | None:
        """The PDF, as it is now; None where there is none of this id."""
        path = self.file(id)
        return None if path is None else path.read_bytes()

    def changed(self, id: str, pdf: bytes) -> bool:
        """Whether this is not the file that was kept under that id."""
        path = self.file(id)
        return path is None or not _whole(path, pdf)

    def _named(self, id: str, pdf: bytes) -> Path:
        return self._folder / f"{id}.{hashlib.sha256(pdf).hexdigest()}.pdf"

    def file(self, id: str) -> Path | None:
        """Where it is kept: of two that were kept at once the first by name, for all who ask."""
        found = sorted(self._folder.glob(f"{id}.*.pdf")) if ID.fullmatch(id) else []
        return next((path for path in found if NAME.fullmatch(path.name) and path.is_file()), None)

    def entries(self, but: set[Path]) -> Iterator[tuple[Path, bytes]]:
        """Each report's file and its entry, but for those named; what else lies there is nobody's report."""
        for path in sorted(set(self._folder.glob("*.pdf")) - but):
            if NAME.fullmatch(path.name) and path.is_file() and _whole(path, pdf := path.read_bytes()):
                yield path, entry(pdf)

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


def _whole(path: Path, pdf: bytes) -> bool:
    """Whether a file holds what its name says."""
    return path.name.split(".")[1] == hashlib.sha256(pdf).hexdigest()
