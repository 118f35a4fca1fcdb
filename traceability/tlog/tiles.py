"""Reads a log's files (checkpoint, tiles, entry bundles) and makes proofs from them.

Layout: https://c2sp.org/tlog-tiles, signed head: https://c2sp.org/tlog-checkpoint.
"""

from pathlib import Path

from traceability.tlog import merkle, witness
from traceability.tlog.merkle import HASH_SIZE, TILE_WIDTH, Node, ProofError, leaf_hash
from traceability.tlog.note import NoteError, split_note
from traceability.tlog.proof import Checkpoint, Proof, encode

CHECKPOINT = "checkpoint"
ENTRIES = "entries"  # in place of a tile's level, in the path of an entry bundle


class LogCorrupt(RuntimeError):
    """The files do not make the tree that was signed: restore them, do not append."""


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

    The reader does not check the checkpoint's signature: that is left to the checkpoint's recipient.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._index: dict[bytes, int] = {}
        self._indexed = 0

    @property
    def size(self) -> int:
        """Number of entries that the checkpoint covers."""
        return self._head()[1].size

    @property
    def root(self) -> bytes:
        """Root hash in the checkpoint."""
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
        """Proof that the checkpoint's tree starts with its first `old_size` leaves."""
        size = self.size
        return merkle.consistency_path(old_size, size, self._node(size))

    def proof(self, index: int, extra: bytes = b"") -> bytes:
        """The proof file of an entry. Path and checkpoint are of the same tree even while the log grows."""
        note, head = self._head()
        return encode(Proof(index, tuple(self._inclusion(index, head)), note, extra))

    def index_of(self, leaf_hash: bytes) -> int | None:
        """The index of the first entry with this leaf hash. The first call reads every leaf into memory."""
        size = self.size
        while (known := self._indexed) < size:  # read `_indexed` once: another thread may advance it
            number, at = divmod(known, TILE_WIDTH)
            for index, value in enumerate(self._tile(0, number, size)[at:], known):
                self._index.setdefault(value, index)
            self._indexed = min(size, (number + 1) * TILE_WIDTH)
        return self._index.get(leaf_hash)

    def _head(self) -> tuple[bytes, Checkpoint]:
        path = self.directory / CHECKPOINT
        try:
            note = path.read_bytes()
            head = Checkpoint.parse(split_note(note)[0])
            return note + witness.lines_of(self.directory, head.size), head
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
        """The hashes of a tile of the tree of `size` leaves. Raises LogCorrupt."""
        width = min(TILE_WIDTH, (size >> 8 * level) - number * TILE_WIDTH)
        data = self._read(level, number, width)[: width * HASH_SIZE]
        if len(data) < width * HASH_SIZE:
            raise LogCorrupt(f"{self.directory / tile_path(level, number, width)} is cut short")
        return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]

    def _bundle(self, number: int, size: int) -> list[bytes]:
        """The entries of a bundle of the tree of `size` leaves. Raises LogCorrupt."""
        width = min(TILE_WIDTH, size - number * TILE_WIDTH)
        data, at = self._read(ENTRIES, number, width), 0
        entries = []
        for _ in range(width):
            start = at + 2
            at = start + int.from_bytes(data[at:start], "big")
            entries.append(data[start:at])
        if at > len(data):
            raise LogCorrupt(f"{self.directory / tile_path(ENTRIES, number, width)} is cut short")
        return entries

    def _read(self, level: int | str, number: int, width: int) -> bytes:
        """Read a partial file, or the full file that replaced it since the checkpoint was read."""
        for path in (tile_path(level, number, width), tile_path(level, number)):
            try:
                return (self.directory / path).read_bytes()
            except FileNotFoundError:
                continue
        raise LogCorrupt(f"{self.directory / tile_path(level, number, width)} is missing")
