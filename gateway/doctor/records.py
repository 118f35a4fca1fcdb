"""Checks the farm diary, and the log that holds the sealed records."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

from devices.files import to_read
from gateway.doctor.finding import Finding, Visit, one_line
from traceability.diary.file import MARK
from traceability.tlog.merkle import ProofError
from traceability.tlog.note import NoteError, Verifier, open_note
from traceability.tlog.tiles import LogCorrupt, LogMissing, LogReader

ENTRIES = 200  # entries of the log that are checked


def diary(visit: Visit) -> Iterator[Finding]:
    """A diary that cannot be read; or that was damaged and mended, if its mark has not been removed yet."""
    path = visit.settings.trace / "trace.sqlite"
    if (mark := path.with_suffix(MARK)).exists():
        yield visit.finding("diary", "bad", "diary_mended", path=path, mark=mark)
    if not path.exists():
        return
    try:
        with closing(to_read(path, 1)) as db:
            fault = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        fault = error
    if fault != "ok":
        yield visit.finding("diary", "bad", "diary_bad", path=path, error=one_line(fault))


def log(visit: Visit) -> Iterator[Finding]:
    """Whether our key signed the checkpoint, and entries all along the log have their proofs."""
    folder = visit.settings.trace
    reader = LogReader(folder / "log")
    try:
        verifier = Verifier.parse((folder / "log.vkey").read_text("utf-8").strip())
        open_note(reader.checkpoint(), [verifier])
        size = reader.size
        chosen = sorted({*range(0, size, size // ENTRIES + 1), *range(size - 1, size)} - {-1})
        for index in chosen:
            reader.entry(index)
            reader.inclusion_proof(index)
    except (LogMissing, FileNotFoundError):
        yield visit.finding("log", "ok", "log_none")
    except (LogCorrupt, NoteError, ProofError, OSError) as error:
        yield visit.finding("log", "bad", "log_bad", error=one_line(error))
    else:
        yield visit.finding("log", "ok", "log_ok", size=size, checked=len(chosen))
