"""Signed notes: the specification's example, keys on disk, and everything that must be refused."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from traceability.tlog.note import (
    NoteError,
    Signer,
    Verifier,
    base64_of,
    open_note,
    sign,
    split_note,
    unbase64,
)

# The example of https://c2sp.org/signed-note
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = (
    "This is an example message.\n"
    "\n"
    "— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
COSIGNATURE = f"— witness.example/w1 {base64_of(b'wkey' + bytes(72))}\n".encode()

SIGNER = Signer.from_seed("hoiquan.example/log", bytes(range(32)))
OTHER = Signer.from_seed("hoiquan.example/other", bytes(32))


def test_the_published_example() -> None:
    verifier = Verifier.parse(VKEY)
    assert open_note(NOTE, [verifier]) == ("This is an example message.\n", ("example.com/foo",))
    assert verifier.vkey == VKEY


@pytest.mark.parametrize(
    "text", ["a\n", "\n", "a\n\n", "\n\n\nb\n", "xoài cát Hòa Lộc\n\n— not a signature\n"]
)
def test_sign_and_open(text: str) -> None:
    note = sign(text, [SIGNER, OTHER])
    verifiers = [OTHER.verifier, SIGNER.verifier]
    assert open_note(note, verifiers) == (text, (SIGNER.verifier.name, OTHER.verifier.name))
    assert open_note(note, [Verifier.parse(OTHER.verifier.vkey)]) == (text, (OTHER.verifier.name,))


def test_unknown_signatures_are_kept_and_ignored() -> None:
    note = sign("a\n", [SIGNER]) + COSIGNATURE
    assert open_note(note, [SIGNER.verifier]) == ("a\n", (SIGNER.verifier.name,))
    assert [signature.name for signature in split_note(note)[1]] == [
        SIGNER.verifier.name,
        "witness.example/w1",
    ]
    assert split_note(note)[1][1].line.encode() == COSIGNATURE


def test_a_known_key_that_did_not_sign_this_text() -> None:
    _, (signature,) = split_note(sign("another\n", [SIGNER]))
    forged = sign("a\n", [OTHER]) + signature.line.encode()
    with pytest.raises(NoteError, match=r"signature of 'hoiquan.example/log' is not over this text"):
        open_note(forged, [SIGNER.verifier, OTHER.verifier])


def test_nobody_known_signed() -> None:
    same_name = Signer.from_seed(SIGNER.verifier.name, bytes(32))
    for verifiers in ([], [OTHER.verifier], [same_name.verifier]):
        with pytest.raises(NoteError, match="not signed by"):
            open_note(sign("a\n", [SIGNER]), verifiers)


def test_one_flipped_byte_anywhere() -> None:
    note = sign("xoài 25 kg\nline\n", [SIGNER])
    for at in range(len(note)):
        for mask in (0x01, 0x20, 0x80):
            with pytest.raises(NoteError):
                open_note(note[:at] + bytes([note[at] ^ mask]) + note[at + 1 :], [SIGNER.verifier])
    for end in range(len(note)):
        with pytest.raises(NoteError):
            open_note(note[:end], [SIGNER.verifier])


@pytest.mark.parametrize(
    ("note", "sentence"),
    [
        (b"a\n", "no blank line"),
        (b"a\n\n", "no blank line"),
        (b"a\n\n\xe2\x80\x94 x AAAAAAA=", "whole signature lines"),
        (b"a\xff\n\n", "not UTF-8 at byte 1"),
        (b"a\r\n\n\xe2\x80\x94 x AAAAAAA=\n", "control characters"),
        (b"a\n\n- x AAAAAAA=\n", "em dash"),
        (b"a\n\n\xe2\x80\x94 x+y AAAAAAA=\n", "key name"),
        (b"a\n\n\xe2\x80\x94 x\xc2\xa0y AAAAAAA=\n", "key name"),
        (b"a\n\n\xe2\x80\x94  AAAAAAA=\n", "key name"),
        (b"a\n\n\xe2\x80\x94 x AAAAAAB=\n", "not base64"),
        (b"a\n\n\xe2\x80\x94 x AAAA AAA=\n", "not base64"),
        (b"a\n\n\xe2\x80\x94 x AAAAAA==\n", "too short"),
        (b"a\n\n" + b"\xe2\x80\x94 x AAAAAAA=\n" * 101, "101 signatures"),
    ],
)
def test_malformed_notes(note: bytes, sentence: str) -> None:
    with pytest.raises(NoteError, match=sentence):
        open_note(note, [SIGNER.verifier])


def test_texts_that_cannot_be_signed() -> None:
    for text, signers in (("a", [SIGNER]), ("a\n", []), ("a\t\n", [SIGNER]), ("a\r\n", [SIGNER])):
        with pytest.raises(NoteError):
            sign(text, signers)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "example.com/foo",
        VKEY.replace("530d903a", "530d903b"),
        VKEY.replace("530d903a", "530D903A"),
        VKEY.replace("example.com/foo", "example.com/fob"),
        VKEY.replace("example.com/foo", "example.com/f o"),
        VKEY.replace("+Ae", "+Be"),
        VKEY[:-4],
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    ],
)
def test_malformed_verifier_keys(vkey: str) -> None:
    with pytest.raises(NoteError):
        Verifier.parse(vkey)


def test_base64_has_one_text_a_value() -> None:
    assert unbase64("AAAAAAA=", "it") == bytes(5)
    for text in ("", "AAAAAAB=", "AAAAAAA", "AAAA\nAAA=", "AAAAAAA=A", "____", "xoài"):
        with pytest.raises(NoteError, match="it is not base64"):
            unbase64(text, "it")


def test_key_file_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "log.key"
    made = Signer.from_file(path, "hoiquan.example/log")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    before = path.read_bytes()
    assert Signer.from_file(path, "hoiquan.example/log").verifier == made.verifier
    assert path.read_bytes() == before
    assert before.decode().startswith("PRIVATE+KEY+hoiquan.example/log+")
    secret = before.decode().strip().split("+", 4)[4]  # base64, which may have a + itself
    assert secret not in repr(made)


def test_key_file_of_two_at_once(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: Signer.from_file(path, "hoiquan.example/log").verifier, range(32)))
    assert len(set(made)) == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_key_file_others_may_read(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "log.key"
    Signer.from_file(path, "hoiquan.example/log")
    path.chmod(mode)
    with pytest.raises(NoteError, match=f"mode {mode:04o}.*chmod 600"):
        Signer.from_file(path, "hoiquan.example/log")


def test_key_file_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    Signer.from_file(path, "hoiquan.example/log")
    with pytest.raises(NoteError, match="is the key of"):
        Signer.from_file(path, "hoiquan.example/other")
    whole = path.read_bytes()
    for damaged in (b"", b"\xff\xfe", whole[:40], whole[:-8], whole.replace(b"PRIVATE", b"PUBLICK")):
        path.write_bytes(damaged)
        with pytest.raises(NoteError):
            Signer.from_file(path, "hoiquan.example/log")


def test_key_file_survives_a_failed_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError("no space left")

    path = tmp_path / "log.key"
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        Signer.from_file(path, "hoiquan.example/log")
    assert list(tmp_path.iterdir()) == []
