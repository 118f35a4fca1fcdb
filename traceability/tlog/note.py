"""Signed notes: a text and the Ed25519 signatures under it.

Format, key ids and verifier keys: https://c2sp.org/signed-note (signature type 0x01 only). The private key
file has the form of Go's golang.org/x/mod/sumdb/note, `PRIVATE+KEY+<name>+<key id>+<key>`, so that Go tools
can use it too. Signatures by unknown keys, such as cosignatures of witnesses, stay in the note and are
ignored.
"""

import base64
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from devices.errors import UserError
from devices.files import create_private

ED25519 = b"\x01"
KEY_SIZE = 32
MAX_SIGNATURES = 100  # the specification requires at least 16
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_PRIVATE, _DASH = "PRIVATE+KEY+", "\u2014 "


class NoteError(UserError):
    """The note or key must not be used; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line. `value` is the signature without the key id."""

    name: str
    key_id: bytes
    value: bytes

    @property
    def line(self) -> str:
        """The line with its newline."""
        return f"{_DASH}{self.name} {base64_of(self.key_id + self.value)}\n"


@dataclass(frozen=True, slots=True)
class Verifier:
    """A key to trust: its name and 32-byte Ed25519 public key."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.public_key) != KEY_SIZE:
            raise NoteError(f"an Ed25519 public key has {KEY_SIZE} bytes, this one {len(self.public_key)}")

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """From `name+keyid+key`; raises `NoteError`."""
        name, _, rest = vkey.strip().partition("+")
        key_id, _, encoded = rest.partition("+")  # the base64 may have a + of its own
        key = unbase64(encoded, "the verifier key")
        if key[:1] != ED25519:
            raise NoteError("the verifier key is not an Ed25519 key (signature type 1)")
        verifier = cls(name, key[1:])
        if verifier.key_id.hex() != key_id:
            raise NoteError(
                f"the verifier key of {name!r} says key id {key_id!r}, its key has {verifier.key_id.hex()}"
            )
        return verifier

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart; they are no protection by themselves."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public_key).digest()[:4]

    @property
    def vkey(self) -> str:
        """The key as people publish and configure it: `name+keyid+key`."""
        return f"{self.name}+{self.key_id.hex()}+{base64_of(ED25519 + self.public_key)}"

    def accepts(self, text: str, signature: Signature) -> bool:
        """Whether `signature` is this key's signature under the text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature.value, text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key and its name; its `repr` shows only the public half."""

    verifier: Verifier
    _key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> Self:
        """From the 32 secret bytes of RFC 8032."""
        key = Ed25519PrivateKey.from_private_bytes(seed)
        return cls(Verifier(name, key.public_key().public_bytes_raw()), key)

    @classmethod
    def from_file(cls, path: Path, name: str) -> Self:
        """Read the key file, or create it with a new key if there is none.

        The file appears complete, durable and with mode 0600; two processes that create it at once end up
        with the same key. Raises `NoteError` where others may read the file or it is not a key of `name`.
        """
        if not path.exists():
            _create_key(path, name)
        with path.open(encoding="utf-8", errors="replace") as file:
            mode, text = os.fstat(file.fileno()).st_mode & 0o777, file.read().strip()
        if mode & 0o077:
            raise NoteError(f"{path} can be read by others (mode {mode:04o}); run: chmod 600 {path}")
        fields = text.removeprefix(_PRIVATE).split("+", 2)
        if not text.startswith(_PRIVATE) or len(fields) != 3:
            raise NoteError(f"{path} is not a private key of a signed note")
        owner, key_id, encoded = fields
        if owner != name:
            raise NoteError(f"{path} is the key of {owner!r}, not of {name!r}")
        secret = unbase64(encoded, f"the key in {path}")
        if secret[:1] != ED25519 or len(secret) != 1 + KEY_SIZE:
            raise NoteError(f"{path} holds no Ed25519 key")
        signer = cls.from_seed(name, secret[1:])
        if signer.verifier.key_id.hex() != key_id:
            raise NoteError(f"{path} is damaged: its key does not have the id {key_id!r}")
        return signer

    def sign(self, text: str) -> Signature:
        """The signature under `text`."""
        return Signature(self.verifier.name, self.verifier.key_id, self._key.sign(text.encode()))


def sign(text: str, signers: Iterable[Signer]) -> bytes:
    """The note of `text`, signed by each signer. `text` ends in a newline."""
    _check_text(text)
    lines = [signer.sign(text).line for signer in signers]
    if not lines or not text.endswith("\n"):
        raise NoteError("a note needs a signer, and a text that ends in a newline")
    return f"{text}\n{''.join(lines)}".encode()


def split_note(note: bytes) -> tuple[str, tuple[Signature, ...]]:
    """Split a note into text and signatures, without verifying any. Raises NoteError."""
    try:
        whole = note.decode()
    except UnicodeDecodeError as error:
        raise NoteError(f"the note is not UTF-8 at byte {error.start}") from None
    _check_text(whole)
    text, blank, signed = whole.rpartition("\n\n")
    if not blank or not signed.endswith("\n"):
        raise NoteError("the note has no blank line followed by whole signature lines")
    lines = signed.removesuffix("\n").split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError(f"the note has {len(lines)} signatures, more than {MAX_SIGNATURES}")
    return text + "\n", tuple(parse_signature(line) for line in lines)


def open_note(note: bytes, verifiers: Sequence[Verifier]) -> tuple[str, tuple[str, ...]]:
    """The text, and the names of the `verifiers` who signed it: at least one.

    Raises `NoteError` where none did, or where a signature of one of them is wrong.
    """
    text, signatures = split_note(note)
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    names: list[str] = []
    for signature in signatures:
        verifier = known.get((signature.name, signature.key_id))
        if verifier is None:
            continue
        if not verifier.accepts(text, signature):
            raise NoteError(f"the signature of {verifier.name!r} is not over this text")
        if verifier.name not in names:
            names.append(verifier.name)
    if not names:
        wanted = ", ".join(verifier.vkey for verifier in verifiers) or "nobody"
        raise NoteError(f"the note is not signed by {wanted}")
    return text, tuple(names)


def base64_of(value: bytes) -> str:
    """Base64 of RFC 4648, section 4."""
    return base64.b64encode(value).decode()


def unbase64(text: str, what: str) -> bytes:
    """Decode base64. Raises NoteError unless `text` is the one encoding of its value (no spare bits set)."""
    try:
        value = base64.b64decode(text, validate=True)
    except ValueError:
        value = b""
    if not value or base64_of(value) != text:
        raise NoteError(f"{what} is not base64: {text[:60]!r}")
    return value


def parse_signature(line: str) -> Signature:
    """Parse a signature line without its newline. Raises NoteError."""
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH):
        raise NoteError(f"a signature line must start with an em dash and a space: {line[:60]!r}")
    _check_name(name)
    value = unbase64(encoded, f"the signature of {name!r}")
    if len(value) < 5:
        raise NoteError(f"the signature of {name!r} is too short")
    return Signature(name, value[:4], value[4:])


def _check_name(name: str) -> None:
    if not name or "+" in name or any(char.isspace() for char in name):
        raise NoteError(f"a key name must not be empty nor have spaces or +: {name[:60]!r}")


def _check_text(text: str) -> None:
    if _CONTROL.search(text):
        raise NoteError("a note has no control characters other than newlines")


def _create_key(path: Path, name: str) -> None:
    seed = secrets.token_bytes(KEY_SIZE)
    key_id = Signer.from_seed(name, seed).verifier.key_id.hex()
    create_private(path, f"{_PRIVATE}{name}+{key_id}+{base64_of(ED25519 + seed)}\n")
