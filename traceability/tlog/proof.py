"""Proof files: everything needed to check, without a network, that an entry was logged.

Formats: https://c2sp.org/tlog-proof and, inside it, https://c2sp.org/tlog-checkpoint. A proof shows that the
log's key signed a tree that contains this entry. It does not show that the entry is true, nor that everyone
is shown the same tree: witnesses' cosignatures are for that.
"""

import re
from dataclasses import dataclass
from typing import Self

from traceability.tlog.merkle import HASH_SIZE, ProofError, leaf_hash, verify_inclusion
from traceability.tlog.note import NoteError, Verifier, base64_of, open_note, split_note, unbase64

HEADER = "c2sp.org/tlog-proof@v1"
_COUNT = re.compile(r"0|[1-9][0-9]{0,18}")  # below 2**64; no sign, no leading zero, ASCII only


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: `size` in leaves, `root` of 32 bytes, `extensions` without newlines."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not all(line and "\n" not in line for line in (self.origin, *self.extensions)):
            raise ProofError("a checkpoint's origin and extensions are non-empty lines", "checkpoint")
        if self.size < 0 or len(self.root) != HASH_SIZE:
            raise ProofError("a checkpoint has a size of 0 or more and a root of 32 bytes", "checkpoint")

    @classmethod
    def parse(cls, text: str) -> Self:
        """From the text of a note; raises `ProofError`."""
        lines = text.removesuffix("\n").split("\n")
        if not text.endswith("\n") or len(lines) < 3 or not all(lines):
            raise ProofError("a checkpoint has at least three lines, none of them empty", "checkpoint")
        origin, size, encoded, *extensions = lines
        if not _COUNT.fullmatch(size):
            raise ProofError(f"the checkpoint's tree size is not a number: {size[:60]!r}", "checkpoint")
        return cls(
            origin, int(size), _hash(encoded, "the checkpoint's root", "checkpoint"), tuple(extensions)
        )

    @property
    def text(self) -> str:
        """The text to sign."""
        return "".join(
            f"{line}\n" for line in (self.origin, self.size, base64_of(self.root), *self.extensions)
        )


@dataclass(frozen=True, slots=True)
class Proof:
    """A parsed proof file: `path` from the leaf's sibling up, `checkpoint` as the log signed it.

    Nothing authenticates `extra`.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""


@dataclass(frozen=True, slots=True)
class VerifiedInclusion:
    """The statement of a valid proof: the entry stands at `index` in the log's tree of `size` leaves."""

    index: int
    size: int


def encode(proof: Proof) -> bytes:
    """The content of the proof file, which is to be named `*.tlog-proof`."""
    lines = [HEADER]
    if proof.extra:
        lines.append(f"extra {base64_of(proof.extra)}")
    lines += [f"index {proof.index}", *map(base64_of, proof.path), "", ""]
    return "\n".join(lines).encode() + proof.checkpoint


def parse(data: bytes) -> Proof:
    """Parse a proof file, without verifying anything. Raises `ProofError`."""
    head, blank, checkpoint = data.partition(b"\n\n")
    try:
        header, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise ProofError(f"the proof is not text at byte {error.start}") from None
    if header != HEADER:
        raise ProofError(f"the proof does not start with {HEADER}: {header[:60]!r}")
    if not blank or not checkpoint:
        raise ProofError("the proof ends before its checkpoint", "checkpoint")
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = _bytes(lines.pop(0).removeprefix("extra "), "the proof's extra data", "proof")
    number = lines.pop(0) if lines else ""
    if not number.startswith("index ") or not _COUNT.fullmatch(number.removeprefix("index ")):
        raise ProofError(f"the proof has no line `index` with a number: {number[:60]!r}")
    path = tuple(_hash(line, f"hash {at} of the proof", "proof") for at, line in enumerate(lines))
    return Proof(int(number.removeprefix("index ")), path, checkpoint, extra)


def verify(data: bytes, proof: bytes, verifier: Verifier, origin: str) -> VerifiedInclusion:
    """Check that the log `origin` with the key `verifier` holds the entry `data`.

    Raises `ProofError`. Its `part` says where the fault is: `signature`, `checkpoint`, `proof`, or `leaf` for
    an entry that is not the proven one. An altered hash inside the path cannot be told from an altered entry.
    """
    parsed = parse(proof)
    try:
        text, _ = split_note(parsed.checkpoint)
    except NoteError as error:
        raise ProofError(f"the checkpoint cannot be read: {error}", "checkpoint") from None
    checkpoint = Checkpoint.parse(text)
    if checkpoint.origin != origin:
        raise ProofError(f"the checkpoint is of {checkpoint.origin!r}, not of {origin!r}", "checkpoint")
    try:
        open_note(parsed.checkpoint, [verifier])
    except NoteError as error:
        raise ProofError(f"the checkpoint's signature does not hold: {error}", "signature") from None
    verify_inclusion(leaf_hash(data), parsed.index, checkpoint.size, parsed.path, checkpoint.root)
    return VerifiedInclusion(parsed.index, checkpoint.size)


def _bytes(text: str, what: str, part: str) -> bytes:
    try:
        return unbase64(text, what)
    except NoteError as error:
        raise ProofError(str(error), part) from None


def _hash(text: str, what: str, part: str) -> bytes:
    value = _bytes(text, what, part)
    if len(value) != HASH_SIZE:
        raise ProofError(f"{what} has {len(value)} bytes, not {HASH_SIZE}", part)
    return value
