"""Witnesses: third parties who confirm that the log's checkpoint continues the one they saw before.

Format: https://c2sp.org/tlog-cosignature (cosignature/v1, Ed25519). Witnesses keep a log from showing one
tree to some people and another tree to others. Their signature lines are kept beside the log, in
`cosignatures/{size}/{key id}`. The reader appends them to every checkpoint of that size, and so to proofs;
the log's writer does not need to know them.
"""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from devices.files import replace
from traceability.tlog.note import (
    KEY_SIZE,
    NoteError,
    Signature,
    base64_of,
    parse_signature,
    split_note,
    unbase64,
)

COSIGNATURE = b"\x04"  # signature type of timestamped Ed25519 cosignatures
FOLDER = "cosignatures"


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness to trust: its name and 32-byte Ed25519 public key."""

    name: str
    public_key: bytes

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """From `name+keyid+key`; raises NoteError."""
        name, _, rest = vkey.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        key = unbase64(encoded, "the witness key")
        if not name or key[:1] != COSIGNATURE or len(key) != 1 + KEY_SIZE:
            raise NoteError(f"{vkey[:60]!r} is no witness key: name+keyid+key of signature type 4")
        witness = cls(name, key[1:])
        if witness.key_id.hex() != key_id:
            raise NoteError(f"the witness key of {name!r} does not have the id {key_id!r}")
        return witness

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + COSIGNATURE + self.public_key).digest()[:4]

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64_of(COSIGNATURE + self.public_key)}"

    def cosigned_at(self, text: str, signature: Signature) -> int | None:
        """Unix seconds at which this witness cosigned the checkpoint; None if the signature does not hold."""
        stamp, value = signature.value[:8], signature.value[8:]
        at = int.from_bytes(stamp, "big")
        try:
            key = Ed25519PublicKey.from_public_bytes(self.public_key)
            key.verify(value, f"cosignature/v1\ntime {at}\n{text}".encode())
        except (InvalidSignature, ValueError):
            return None
        return at


def parse_witnesses(text: str) -> tuple[Witness, ...]:
    """Parse one witness key a line; lines that begin with # are comments. Raises NoteError."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(Witness.parse(line) for line in lines if line and not line.startswith("#"))


def cosigned(note: bytes, witnesses: Sequence[Witness]) -> dict[str, int]:
    """Which of the `witnesses` cosigned a checkpoint, and when: name to Unix seconds.

    Raises NoteError where a cosignature of one of them is wrong.
    """
    text, signatures = split_note(note)
    known = {(witness.name, witness.key_id): witness for witness in witnesses}
    times = {}
    for signature in signatures:
        witness = known.get((signature.name, signature.key_id))
        if witness is None:
            continue
        at = witness.cosigned_at(text, signature)
        if at is None:
            raise NoteError(f"the cosignature of {witness.name!r} is not over this checkpoint")
        times[witness.name] = at
    return times


def accept(log: Path, size: int, note: bytes, lines: str, witnesses: Sequence[Witness]) -> dict[str, int]:
    """Store cosignature lines for the log's checkpoint `note` of `size` leaves.

    Keeps the lines of the `witnesses`, who were asked, and removes the lines of smaller sizes. Returns who
    cosigned and when (Unix seconds). Raises NoteError, and then stores nothing.
    """
    text, _ = split_note(note)
    known = {(witness.name, witness.key_id): witness for witness in witnesses}
    cosignatures: dict[Witness, Signature] = {}
    for line in lines.splitlines():
        if not line.startswith("\u2014"):
            continue  # skips the text of the note, if the whole note was given
        signature = parse_signature(line)
        if witness := known.get((signature.name, signature.key_id)):
            cosignatures[witness] = signature
    if not cosignatures:
        raise NoteError("none of the lines is a cosignature of a witness that was named")
    times = {}
    for witness, signature in cosignatures.items():
        at = witness.cosigned_at(text, signature)
        if at is None:
            raise NoteError(
                f"the cosignature of {witness.name!r} is not over the checkpoint of {size} leaves"
            )
        times[witness.name] = at
    folder = log / FOLDER / str(size)
    folder.mkdir(parents=True, exist_ok=True)
    for witness, signature in cosignatures.items():
        replace(folder / witness.key_id.hex(), signature.line)
    for old in folder.parent.iterdir():
        if old.name.isdecimal() and int(old.name) < size:
            shutil.rmtree(old, ignore_errors=True)
    return times


def lines_of(log: Path, size: int) -> bytes:
    """The stored cosignature lines for the checkpoint of this size."""
    folder = log / FOLDER / str(size)
    if not folder.is_dir():
        return b""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("[0-9a-f]*")))
