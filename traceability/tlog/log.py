"""The append-only log: static files that any web server can serve and standard tools can check.

Layout: https://c2sp.org/tlog-tiles, signed head: https://c2sp.org/tlog-checkpoint.

append ─► tiles and entry bundles ─► .checkpoint.next ─► checkpoint      each durable before the next

A crash before `.checkpoint.next` is complete leaves files that no checkpoint covers; the next append
overwrites them. A crash after it leaves a tree that is signed, so the next `Log.open` publishes that
checkpoint: nobody who saw the signature will see another tree of that size. Files that a checkpoint covers
are never rewritten; a partial tile or bundle is removed once a checkpoint covers the full one.
"""

import fcntl
import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from devices.files import sync_directory
from traceability.tlog import merkle
from traceability.tlog.merkle import TILE_WIDTH, ProofError, leaf_hash, root_of_hashes
from traceability.tlog.note import NoteError, Signer, open_note, sign
from traceability.tlog.proof import Checkpoint
from traceability.tlog.tiles import CHECKPOINT, ENTRIES, LogCorrupt, LogReader, tile_path

MAX_ENTRY = 0xFFFF  # bytes: a bundle prefixes each entry with a uint16
_PENDING, _LOCK = ".checkpoint.next", ".lock"


class LogBusy(RuntimeError):
    """Another process writes this log: wait for it, or read with `LogReader`."""


class Log(LogReader):
    """The log's only writer. `close` it or use `with`. Not safe for several threads at a time."""

    def __init__(self, directory: Path, signer: Signer, origin: str, lock: int) -> None:
        super().__init__(directory)
        self._origin, self._signer = origin, signer
        self._lock: int | None = lock
        self._stopped = ""  # why appending is not allowed; "" if it is
        self._current = self._resume()
        self._edge = self._check_tree(self._current[1])  # for each level, the hashes of its partial tile
        number, width = divmod(self.size, TILE_WIDTH)
        self._tail = self._bundle(number, self.size) if width else []  # entries of the partial bundle
        if [leaf_hash(entry) for entry in self._tail] != self._edge[0]:
            raise LogCorrupt(f"the last entries in {directory} do not have the hashes that were logged")

    @classmethod
    def open(cls, directory: Path, signer: Signer, origin: str) -> Self:
        """Open the log of this key and origin for appending, or create it.

        Reads and recomputes all tiles, about two seconds a million leaves. Raises `LogBusy`, `LogCorrupt`.
        """
        directory.mkdir(parents=True, exist_ok=True)
        sync_directory(directory.parent)
        lock = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        with ExitStack() as undo:
            undo.callback(os.close, lock)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LogBusy(f"the log in {directory} is being written by another process") from None
            opened = cls(directory, signer, origin, lock)
            undo.pop_all()  # `close` releases the lock from here on
        return opened

    def enter(self, entries: Iterable[bytes]) -> dict[bytes, int]:
        """Append the entries that the log does not hold yet, and return the index of every entry.

        All new entries go into one `append`. Repeating the call after a crash changes nothing.
        """
        known = {entry: self.index_of(leaf_hash(entry)) for entry in entries}
        new = [entry for entry, index in known.items() if index is None]
        held = {entry: index for entry, index in known.items() if index is not None}
        return held | dict(zip(new, self.append(new), strict=True))

    def append(self, entries: Sequence[bytes]) -> range:
        """Append the entries, each up to 65,535 bytes, and return their indexes; durable on return.

        All of them are logged or none. If an `OSError` leaves unknown which, further appends raise
        `LogCorrupt`: reopen the log and ask `index_of`.
        """
        if self._stopped:
            raise LogCorrupt(self._stopped)
        if any(len(entry) > MAX_ENTRY for entry in entries):
            raise ValueError(f"a log entry has {MAX_ENTRY} bytes at most")
        old = size = self._current[1].size
        if not entries:
            return range(old, old)
        tail, edge = list(self._tail), [list(hashes) for hashes in self._edge]
        touched: set[Path] = set()  # directories that received a file
        for entry in entries:
            size += 1
            tail.append(entry)
            edge[0].append(leaf_hash(entry))
            if len(tail) == TILE_WIDTH:
                self._write_bundle(size, tail, touched)
                self._write_full(size, edge, touched)
                tail = []
        if tail:
            self._write_bundle(size, tail, touched)
        for level, hashes in enumerate(edge):
            if hashes and old >> 8 * level != size >> 8 * level:
                self._write(tile_path(level, size >> 8 * (level + 1), len(hashes)), b"".join(hashes), touched)
        for directory in touched:
            sync_directory(directory)
        head = Checkpoint(self._origin, size, _root_of_edge(edge))
        self._stopped = f"an append to {self.directory} was cut off after its signature; reopen the log"
        self._current = self._commit(head), head
        self._tail, self._edge = tail, edge
        self._stopped = ""
        self._remove_partial(old, size)
        return range(old, size)

    def hand_over(self, signer: Signer) -> None:
        """Sign the current head with this log's key and with `signer`, a key of the same origin. Either key
        can open the log afterwards.
        """
        if self._stopped:
            raise LogCorrupt(self._stopped)
        head = self._current[1]
        self._current = self._commit(head, [self._signer, signer]), head

    def close(self) -> None:
        """Release the lock, so that another process may write. Appended entries are durable without it."""
        if self._lock is not None:
            os.close(self._lock)
        self._lock, self._stopped = None, f"the log in {self.directory} is closed"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _head(self) -> tuple[bytes, Checkpoint]:
        return self._current

    def _resume(self) -> tuple[bytes, Checkpoint]:
        """The last signed head. Publishes that head first if a crash prevented it."""
        pending = self.directory / _PENDING
        current = self._open_head(CHECKPOINT) if (self.directory / CHECKPOINT).exists() else None
        if pending.exists():
            try:
                signed = self._open_head(_PENDING)
            except LogCorrupt:
                pending.unlink()  # a crash cut off its writing, so nobody has the signature
            else:
                self._check_tree(signed[1])
                if current is not None:
                    self._check_continues(current[1], signed[1])
                self._publish()
                return signed
        if current is not None:
            return current
        if (self.directory / "tile").exists():
            raise LogCorrupt(f"{self.directory} has tiles but no {CHECKPOINT}")
        empty = Checkpoint(self._origin, 0, merkle.EMPTY_ROOT)
        return self._commit(empty), empty

    def _open_head(self, name: str) -> tuple[bytes, Checkpoint]:
        note = (self.directory / name).read_bytes()
        try:
            head = Checkpoint.parse(open_note(note, [self._signer.verifier])[0])
        except (NoteError, ProofError) as error:
            raise LogCorrupt(f"{self.directory / name}: {error}") from None
        if head.origin != self._origin:
            raise LogCorrupt(f"{self.directory / name} is of {head.origin!r}, not of {self._origin!r}")
        return note, head

    def _check_continues(self, old: Checkpoint, new: Checkpoint) -> None:
        if old.size > new.size or merkle.root_at(old.size, self._node(new.size)) != old.root:
            raise LogCorrupt(f"{_PENDING} in {self.directory} does not continue its {CHECKPOINT}")

    def _check_tree(self, head: Checkpoint) -> list[list[bytes]]:
        """Check that each tile follows from the tiles below it and that the signed root follows from all of
        them.

        Returns the right edge of the tree: for each level, the hashes of its partial tile.
        """
        full, width = divmod(head.size, TILE_WIDTH)
        edge = [self._tile(0, full, head.size) if width else []]
        roots = [root_of_hashes(self._tile(0, number, head.size)) for number in range(full)]
        while roots:
            level, above = len(edge), []
            for number, start in enumerate(range(0, len(roots), TILE_WIDTH)):
                hashes = roots[start : start + TILE_WIDTH]
                if hashes != self._tile(level, number, head.size):
                    path = self.directory / tile_path(level, number, len(hashes))
                    raise LogCorrupt(f"{path} does not follow from the tiles below it")
                if len(hashes) == TILE_WIDTH:
                    above.append(root_of_hashes(hashes))
            edge.append(roots[len(above) * TILE_WIDTH :])
            roots = above
        if _root_of_edge(edge) != head.root:
            raise LogCorrupt(f"the tiles in {self.directory} do not have the root that was signed")
        return edge

    def _write_full(self, size: int, edge: list[list[bytes]], touched: set[Path]) -> None:
        """Write the tiles that the last leaf filled, and carry their roots up a level."""
        for level, hashes in enumerate(edge):  # `edge` grows while this loop runs
            if len(hashes) < TILE_WIDTH:
                break
            self._write(tile_path(level, (size >> 8 * (level + 1)) - 1), b"".join(hashes), touched)
            if level + 1 == len(edge):
                edge.append([])
            edge[level + 1].append(root_of_hashes(hashes))
            edge[level] = []

    def _write_bundle(self, size: int, entries: list[bytes], touched: set[Path]) -> None:
        data = b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)
        self._write(tile_path(ENTRIES, (size - 1) // TILE_WIDTH, len(entries)), data, touched)

    def _write(self, path: str, data: bytes, touched: set[Path]) -> None:
        target = self.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.tmp")
        if target.parent.suffix == ".p":  # a full file is left over from an append that was cut off
            target.parent.with_suffix("").unlink(missing_ok=True)
        _write_durably(draft, data)
        draft.replace(target)
        # Parents too: the directory entry of a parent made by a killed process may not be durable yet.
        touched.update(parent for parent in target.parents if parent.is_relative_to(self.directory))

    def _commit(self, head: Checkpoint, signers: Sequence[Signer] = ()) -> bytes:
        """Sign the head and publish it. The signature is durable before it can be read as `checkpoint`."""
        note = sign(head.text, signers or [self._signer])
        _write_durably(self.directory / _PENDING, note)
        sync_directory(self.directory)
        self._publish()
        return note

    def _publish(self) -> None:
        (self.directory / _PENDING).replace(self.directory / CHECKPOINT)
        sync_directory(self.directory)

    def _remove_partial(self, old: int, size: int) -> None:
        """Remove partial files whose full file is covered now. A crash here leaves some, which do no harm."""
        for level in range(len(self._edge)):
            number = old >> 8 * (level + 1)
            if number < size >> 8 * (level + 1):
                for kind in (level, ENTRIES) if level == 0 else (level,):
                    path = self.directory / f"{tile_path(kind, number)}.p"
                    shutil.rmtree(path, ignore_errors=True)


def _root_of_edge(edge: list[list[bytes]]) -> bytes:
    below: list[bytes] = []  # the root of all leaves that do not fill a hash of this level
    for hashes in edge:
        if hashes or below:
            below = [root_of_hashes(hashes + below)]
    return below[0] if below else merkle.EMPTY_ROOT


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
