"""The append-only log: static files that any web server can serve and standard tools can check.

Layout: https://c2sp.org/tlog-tiles, signed head: https://c2sp.org/tlog-checkpoint.

append ─► tiles and entry bundles ─► .checkpoint.next ─► checkpoint      each durable before the next

A crash before `.checkpoint.next` is whole leaves files that no checkpoint speaks of; the next append
overwrites them. After it a tree is signed, so the next `Log.open` finishes the step: nobody who saw that
signature will see another tree of that size. What a checkpoint covers is never written again; a partial tile
or bundle is removed when its full one is covered.
"""

import fcntl
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from traceability import merkle
from traceability.merkle import HASH_SIZE, TILE_WIDTH, Node, ProofError, leaf_hash, root_of_hashes
from traceability.note import NoteError, Signer, open_note, sign, split_note, sync_directory
from traceability.proof import Checkpoint, Proof, encode

MAX_ENTRY = 0xFFFF  # bytes: a bundle prefixes each entry with a uint16
_CHECKPOINT, _PENDING, _LOCK = "checkpoint", ".checkpoint.next", ".lock"
_ENTRIES = "entries"  # stands where a tile has its level


class LogBusy(RuntimeError):
    """Somebody else writes this log; wait for them, or read with `LogReader`."""


class LogCorrupt(RuntimeError):
    """The files do not make the tree that was signed; restore them, do not append."""


class LogMissing(LookupError):
    """There is no log in the directory yet; `Log.open` makes one."""


def tile_path(level: int | str, number: int, width: int = TILE_WIDTH) -> str:
    """Path of a tile, or with level `entries` of an entry bundle, below the log's directory."""
    name = f"{number % 1000:03}"
    while number := number // 1000:
        name = f"x{number % 1000:03}/{name}"
    return f"tile/{level}/{name}" + (f".p/{width}" if width < TILE_WIDTH else "")


class LogReader:
    """Reads a log that another process may be appending to; needs neither key nor lock.

    It believes the checkpoint: its signature is for whoever receives it to check.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._index: dict[bytes, int] = {}
        self._indexed = 0

    @property
    def size(self) -> int:
        """Entries under the checkpoint."""
        return self._head()[1].size

    @property
    def root(self) -> bytes:
        """Root under the checkpoint."""
        return self._head()[1].root

    def checkpoint(self) -> bytes:
        """The signed tree head."""
        return self._head()[0]

    def entry(self, index: int) -> bytes:
        """The entry, checked against its leaf hash."""
        size = self.size
        if not 0 <= index < size:
            raise IndexError(f"no entry {index} in a log of {size}")
        number, at = divmod(index, TILE_WIDTH)
        entry = self._bundle(number, size)[at]
        if leaf_hash(entry) != self._tile(0, number, size)[at]:
            raise LogCorrupt(f"entry {index} in {self.directory} does not have the hash that was logged")
        return entry

    def inclusion_proof(self, index: int) -> list[bytes]:
        """Path from leaf `index` to the checkpoint's root."""
        return self._inclusion(index, self._head()[1])

    def consistency_proof(self, old_size: int) -> list[bytes]:
        """Proof that the checkpoint's tree continues its own first `old_size` leaves."""
        size = self.size
        return merkle.consistency_path(old_size, size, self._node(size))

    def proof(self, index: int) -> bytes:
        """The proof file of an entry; path and checkpoint are of one moment even while the log grows."""
        note, head = self._head()
        return encode(Proof(index, tuple(self._inclusion(index, head)), note))

    def index_of(self, leaf_hash: bytes) -> int | None:
        """Where the entry with this leaf hash stands first. The first call reads every leaf into memory."""
        size = self.size
        while self._indexed < size:
            number, at = divmod(self._indexed, TILE_WIDTH)
            for index, value in enumerate(self._tile(0, number, size)[at:], self._indexed):
                self._index.setdefault(value, index)
            self._indexed = min(size, (number + 1) * TILE_WIDTH)
        return self._index.get(leaf_hash)

    def _head(self) -> tuple[bytes, Checkpoint]:
        path = self.directory / _CHECKPOINT
        try:
            note = path.read_bytes()
            return note, Checkpoint.parse(split_note(note)[0])
        except FileNotFoundError:
            raise LogMissing(f"no log in {self.directory}") from None
        except (NoteError, ProofError) as error:
            raise LogCorrupt(f"{path}: {error}") from None

    def _inclusion(self, index: int, head: Checkpoint) -> list[bytes]:
        path = merkle.inclusion_path(index, head.size, self._node(head.size))
        leaf = self._tile(0, index // TILE_WIDTH, head.size)[index % TILE_WIDTH]
        try:
            merkle.verify_inclusion(leaf, index, head.size, path, head.root)
        except ProofError as error:
            raise LogCorrupt(f"the tiles in {self.directory} are damaged: {error}") from None
        return path

    def _node(self, size: int) -> Node:
        return merkle.node_of_tiles(lambda level, number: self._tile(level, number, size))

    def _tile(self, level: int, number: int, size: int) -> list[bytes]:
        """The hashes of a tile of the tree of `size` leaves."""
        width = min(TILE_WIDTH, (size >> 8 * level) - number * TILE_WIDTH)
        data = self._read(level, number, width)[: width * HASH_SIZE]
        if len(data) < width * HASH_SIZE:
            raise LogCorrupt(f"{self.directory / tile_path(level, number, width)} is cut short")
        return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]

    def _bundle(self, number: int, size: int) -> list[bytes]:
        """The entries of a bundle of the tree of `size` leaves."""
        width = min(TILE_WIDTH, size - number * TILE_WIDTH)
        data, at = self._read(_ENTRIES, number, width), 0
        entries = []
        for _ in range(width):
            start = at + 2
            at = start + int.from_bytes(data[at:start], "big")
            entries.append(data[start:at])
        if at > len(data):
            raise LogCorrupt(f"{self.directory / tile_path(_ENTRIES, number, width)} is cut short")
        return entries

    def _read(self, level: int | str, number: int, width: int) -> bytes:
        """A partial file, or the full one that replaced it since the checkpoint was read."""
        for path in (tile_path(level, number, width), tile_path(level, number)):
            try:
                return (self.directory / path).read_bytes()
            except FileNotFoundError:
                continue
        raise LogCorrupt(f"{self.directory / tile_path(level, number, width)} is missing")


class Log(LogReader):
    """The one writer; `close` it or use `with`. Not for several threads at a time."""

    def __init__(self, directory: Path, signer: Signer, origin: str, lock: int) -> None:
        super().__init__(directory)
        self._origin, self._signer = origin, signer
        self._lock: int | None = lock
        self._stopped = ""  # why nothing may be appended
        self._current = self._resume()
        self._edge = self._check_tree(self._current[1])  # a level: hashes of its partial tile
        number, width = divmod(self.size, TILE_WIDTH)
        self._tail = self._bundle(number, self.size) if width else []  # entries of the partial bundle
        if [leaf_hash(entry) for entry in self._tail] != self._edge[0]:
            raise LogCorrupt(f"the last entries in {directory} do not have the hashes that were logged")

    @classmethod
    def open(cls, directory: Path, signer: Signer, origin: str) -> Self:
        """Open the log of this key and origin for appending, or start it.

        Reads and recomputes all tiles, about two seconds a million leaves. Raises `LogBusy`, `LogCorrupt`.
        """
        directory.mkdir(parents=True, exist_ok=True)
        sync_directory(directory.parent)
        lock = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return cls(directory, signer, origin, lock)
        except BlockingIOError:
            os.close(lock)
            raise LogBusy(f"the log in {directory} is being written by another process") from None
        except BaseException:
            os.close(lock)
            raise

    def append(self, entries: Sequence[bytes]) -> range:
        """Log the entries, each up to 65,535 bytes, and return their indexes; durable on return.

        All of them or none. Once an `OSError` leaves it unknown which, further appends raise `LogCorrupt`:
        reopen the log and ask `index_of`.
        """
        if self._stopped:
            raise LogCorrupt(self._stopped)
        if any(len(entry) > MAX_ENTRY for entry in entries):
            raise ValueError(f"a log entry has {MAX_ENTRY} bytes at most")
        old = size = self._current[1].size
        if not entries:
            return range(old, old)
        tail, edge = list(self._tail), [list(hashes) for hashes in self._edge]
        touched: set[Path] = set()  # directories that got a file
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

    def close(self) -> None:
        """Let another writer in. What was appended is durable without it."""
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
        """The last head that was signed; its publication is finished if a crash cut it off."""
        pending = self.directory / _PENDING
        current = self._open_head(_CHECKPOINT) if (self.directory / _CHECKPOINT).exists() else None
        if pending.exists():
            try:
                signed = self._open_head(_PENDING)
            except LogCorrupt:
                pending.unlink()  # cut off while it was written, so nobody has the signature
            else:
                self._check_tree(signed[1])
                if current is not None:
                    self._check_continues(current[1], signed[1])
                self._publish()
                return signed
        if current is not None:
            return current
        if (self.directory / "tile").exists():
            raise LogCorrupt(f"{self.directory} has tiles but no {_CHECKPOINT}")
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
            raise LogCorrupt(f"{_PENDING} in {self.directory} does not continue its {_CHECKPOINT}")

    def _check_tree(self, head: Checkpoint) -> list[list[bytes]]:
        """The right edge of the tree, once every tile follows from those below it and the root is signed."""
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
        """Write the tiles that the last leaf filled, and carry their roots a level up."""
        for level, hashes in enumerate(edge):  # which grows meanwhile
            if len(hashes) < TILE_WIDTH:
                break
            self._write(tile_path(level, (size >> 8 * (level + 1)) - 1), b"".join(hashes), touched)
            if level + 1 == len(edge):
                edge.append([])
            edge[level + 1].append(root_of_hashes(hashes))
            edge[level] = []

    def _write_bundle(self, size: int, entries: list[bytes], touched: set[Path]) -> None:
        data = b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)
        self._write(tile_path(_ENTRIES, (size - 1) // TILE_WIDTH, len(entries)), data, touched)

    def _write(self, path: str, data: bytes, touched: set[Path]) -> None:
        target = self.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.tmp")
        if target.parent.suffix == ".p":  # then a full file can only be of an append that was cut off
            target.parent.with_suffix("").unlink(missing_ok=True)
        _write_durably(draft, data)
        draft.replace(target)
        # Parents too: one that a killed process made may not be durable yet.
        touched.update(parent for parent in target.parents if parent.is_relative_to(self.directory))

    def _commit(self, head: Checkpoint) -> bytes:
        """Sign and publish. The signature is durable before anybody can read it at its public name."""
        note = sign(head.text, [self._signer])
        _write_durably(self.directory / _PENDING, note)
        sync_directory(self.directory)
        self._publish()
        return note

    def _publish(self) -> None:
        (self.directory / _PENDING).replace(self.directory / _CHECKPOINT)
        sync_directory(self.directory)

    def _remove_partial(self, old: int, size: int) -> None:
        """Remove partial files whose full one is covered now. A crash here leaves some, which is harmless."""
        for level in range(len(self._edge)):
            number = old >> 8 * (level + 1)
            if number < size >> 8 * (level + 1):
                for kind in (level, _ENTRIES) if level == 0 else (level,):
                    path = self.directory / f"{tile_path(kind, number)}.p"
                    shutil.rmtree(path, ignore_errors=True)


def _root_of_edge(edge: list[list[bytes]]) -> bytes:
    below: list[bytes] = []  # the root of all that does not fill a hash of this level
    for hashes in edge:
        if hashes or below:
            below = [root_of_hashes(hashes + below)]
    return below[0] if below else merkle.EMPTY_ROOT


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
