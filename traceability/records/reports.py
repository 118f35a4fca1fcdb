"""An office's sealed reports: the hash of the PDF's bytes is a leaf of the log, as for records.

hoiquan report --seal ─► reports/{id}.{sha256}.pdf, with its page's address as a QR code ─► Sealer ─► log
                                                              page ◄─ proof ◄─ is it in the log? ◄─┘

The id is a hash of the report's content and of its page's address, because a file cannot contain its own
hash. The file's name contains the file's hash: a changed file is not sealed again under the same address, and
its page says that it was changed. Earlier versions kept {id}.pdf; `adopt` renames these files, so that the QR
codes on handed-in paper still work. A sealed report is no signature of an office: it only shows that the file
was not changed since.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from devices.files import write_all
from traceability.records.check import CheckFailed, included, sentence_of
from traceability.tlog.merkle import leaf_hash
from traceability.tlog.tiles import LogCorrupt, LogMissing, LogReader

FORMAT = "hoiquan-report/1"
ID = re.compile(r"[0-9a-f]{16}")
NAME = re.compile(r"[0-9a-f]{16}\.[0-9a-f]{64}\.pdf")


def entry(pdf: bytes) -> bytes:
    """The log's entry for a report."""
    return f"{FORMAT}\nsha256:{hashlib.sha256(pdf).hexdigest()}\n".encode()


def path_of(id: str) -> str:
    """The path of the report's page, below the pages' address."""
    return f"/report/{id}"


class Reports:
    """The reports of a folder, and its log, which is only read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "reports"
        self._keys = folder / "log.keys"
        self._log = LogReader(folder / "log")

    def keep(self, id: str, pdf: bytes) -> None:
        """Store a report to be sealed; durable on return. An older report with this id stays."""
        if self.file(id) is None:
            write_all({self._named(id, pdf): pdf})

    def adopt(self) -> None:
        """Rename the files of earlier versions to the names of this version.

        The hash in the new name is that of the current content, which is what the earlier version would have
        sealed. Where a file of this version has the same id, both stay as they are.
        """
        for path in sorted(self._folder.glob("*.pdf")):
            if ID.fullmatch(path.stem) and path.is_file() and self.file(path.stem) is None:
                with suppress(FileNotFoundError):  # another process renamed it
                    path.rename(self._named(path.stem, path.read_bytes()))

    def read(self, id: str) -> bytes | None:
        """The PDF as it is now; None if there is none with this id."""
        path = self.file(id)
        return None if path is None else path.read_bytes()

    def changed(self, id: str, pdf: bytes) -> bool:
        """Whether this is not the file that was kept under that id."""
        path = self.file(id)
        return path is None or not _whole(path, pdf)

    def _named(self, id: str, pdf: bytes) -> Path:
        return self._folder / f"{id}.{hashlib.sha256(pdf).hexdigest()}.pdf"

    def file(self, id: str) -> Path | None:
        """The report's file. Of two files kept at the same time, every caller gets the first by name."""
        files = sorted(self._folder.glob(f"{id}.*.pdf")) if ID.fullmatch(id) else []
        return next((path for path in files if NAME.fullmatch(path.name) and path.is_file()), None)

    def entries(self, but: set[Path]) -> Iterator[tuple[Path, bytes]]:
        """Each report's file and its entry, except the files in `but`. Skips files that are no report."""
        for path in sorted(set(self._folder.glob("*.pdf")) - but):
            if NAME.fullmatch(path.name) and path.is_file() and _whole(path, pdf := path.read_bytes()):
                yield path, entry(pdf)

    def proof(self, pdf: bytes) -> bytes | None:
        """The proof file of a report; None if the log does not hold it or does not exist."""
        leaf = leaf_hash(entry(pdf))
        try:
            index = self._log.index_of(leaf)
            return None if index is None else self._log.proof(index, leaf)
        except LogMissing:
            return None

    def check(self, pdf: bytes) -> tuple[int | None, str]:
        """The report's index in the log, proven against the signed checkpoint, or None and the key of the
        sentence that says why not: "" while the report waits to be logged.
        """
        try:
            proof = self.proof(pdf)
            if proof is None:
                return None, ""
            return included(entry(pdf), proof, self._keys.read_text("utf-8"))[0].index, ""
        except (CheckFailed, LogCorrupt, OSError) as error:
            return None, sentence_of(error)


def _whole(path: Path, pdf: bytes) -> bool:
    """Whether a file has the hash in its name."""
    return path.name.split(".")[1] == hashlib.sha256(pdf).hexdigest()
