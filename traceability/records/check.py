"""Checks that a record is the one that was sealed, from its bytes, its proof file and the log's public key.

    record ─► canonical? ─► leaf ────────────────────┐
    key ─► well-formed? ─► checkpoint signed by it? ─┼─► path from leaf to root ─► verified
    proof ───────────────────────────────────────────┘

Our proof files carry the leaf's hash as their `extra`. A valid record does not depend on it. Where leaf and
path do not meet, a proof that holds for its own `extra` is undamaged: either it is another record's proof, or
the record was changed since. The bytes alone cannot tell which, so the part is then "other"; the names of the
files may tell.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from devices.errors import UserError
from traceability.records import record
from traceability.tlog import keys, proof
from traceability.tlog.keys import LogKey
from traceability.tlog.merkle import ProofError, leaf_hash, verify_inclusion
from traceability.tlog.note import NoteError, Verifier, split_note
from traceability.tlog.proof import Checkpoint, VerifiedInclusion
from traceability.tlog.witness import Witness, cosigned

log = logging.getLogger(__name__)
Part = Literal["record", "proof", "checkpoint", "key", "other"]


class CheckFailed(UserError):
    """The check failed; `part` is what was changed or does not belong, the sentence says why."""

    def __init__(self, part: Part, sentence: str) -> None:
        super().__init__(sentence)
        self.part = part


def sentence_of(error: Exception) -> str:
    """The key of the sentence that tells anybody why a check failed. A trouble of our own log, whose words
    have paths in them, goes into the program's log.
    """
    if isinstance(error, CheckFailed):
        return f"verify.{error.part}"
    log.warning("a record or report cannot be checked: %s", error)
    return "page.log_unreadable"


@dataclass(frozen=True, slots=True)
class Checked:
    """A verified record or addendum: its content, and its index in a tree of `size` leaves of the log `log`.

    `witnessed`: which witnesses cosigned that tree, and when (Unix seconds).
    """

    content: dict[str, Any]
    index: int
    size: int
    log: str
    witnessed: dict[str, int]


def check(
    data: bytes, proof_file: bytes, key_file: str, witnesses: Sequence[Witness] = (), quorum: int = 0
) -> Checked:
    """Verify canonical bytes; at least `quorum` of the `witnesses` must have cosigned. Raises CheckFailed."""
    _trusted(key_file)  # a faulty key is reported before the faults that follow from it
    try:
        content = record.parse(data)
    except record.RecordError as error:
        raise CheckFailed("record", str(error)) from None
    return held(content, record.entry(data), proof_file, key_file, witnesses, quorum)


def held(
    content: dict[str, Any], entry: bytes, proof_file: bytes, key_file: str, witnesses: Sequence[Witness],
    quorum: int,
) -> Checked:  # fmt: skip
    """Verify the log entry of a document whose content is `content`. Raises CheckFailed."""
    inclusion, log = included(entry, proof_file, key_file)
    checkpoint = proof.parse(proof_file).checkpoint
    try:
        witnessed = cosigned(checkpoint, witnesses)
    except NoteError as error:
        raise CheckFailed("checkpoint", str(error)) from None
    if len(witnessed) < quorum:
        raise CheckFailed("checkpoint", f"{len(witnessed)} of its witnesses cosigned it, not {quorum}")
    return Checked(content, inclusion.index, inclusion.size, log, witnessed)


def included(entry: bytes, proof_file: bytes, key_file: str) -> tuple[VerifiedInclusion, str]:
    """Where the log of one of these keys holds the entry, and the log's name. Raises CheckFailed."""
    trusted = _trusted(key_file)
    try:
        parsed = proof.parse(proof_file)
        verifier = _signer(parsed.checkpoint, trusted)
        inclusion = proof.verify(entry, proof_file, verifier, verifier.name)
    except ProofError as error:
        if error.part == "leaf":
            raise CheckFailed(_changed(entry, proof_file), str(error)) from None
        raise CheckFailed("proof" if error.part == "proof" else "checkpoint", str(error)) from None
    if parsed.extra and parsed.extra != leaf_hash(entry):
        raise CheckFailed("proof", "its extra data is not the hash of this record's leaf")
    return inclusion, verifier.name


def _trusted(key_file: str) -> tuple[LogKey, ...]:
    try:
        return keys.parse(key_file)
    except NoteError as error:
        raise CheckFailed("key", str(error)) from None


def _signer(checkpoint: bytes, trusted: Sequence[LogKey]) -> Verifier:
    """The trusted key that the checkpoint names, or else the newest key. Raises CheckFailed, ProofError."""
    try:
        text, signatures = split_note(checkpoint)
    except NoteError as error:
        raise ProofError(f"the checkpoint cannot be read: {error}", "checkpoint") from None
    named = {(signature.name, signature.key_id) for signature in signatures}
    signed = [key for key in trusted if (key.verifier.name, key.verifier.key_id) in named]
    size = Checkpoint.parse(text).size
    for key in signed:
        if key.signed(size):
            return key.verifier
    if signed:
        key = signed[-1]
        raise CheckFailed("key", f"this key signed trees of {key.first} to {key.last} leaves, not of {size}")
    return trusted[-1].verifier


def _changed(entry: bytes, proof_file: bytes) -> Part:
    """The faulty part where leaf and path do not meet: "other" if the proof is intact for another leaf."""
    parsed = proof.parse(proof_file)
    head = Checkpoint.parse(split_note(parsed.checkpoint)[0])
    if parsed.extra == leaf_hash(entry):
        return "proof"
    try:
        verify_inclusion(parsed.extra, parsed.index, head.size, parsed.path, head.root)
    except ProofError:
        return "proof" if parsed.extra else "other"
    return "other"
