"""Witnesses' cosignatures are taken in, carried in proofs, and required by whoever verifies."""

import hashlib
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from devices.pilots.pilot import Pilot
from tests.traceability.conftest import harvest, write
from traceability.commands import trace_app
from traceability.pages import web
from traceability.records import record
from traceability.records.check import CheckFailed, check
from traceability.records.shelf import Shelf
from traceability.sealing.seal import Sealer, read
from traceability.tlog.note import NoteError, Signature, split_note
from traceability.tlog.tiles import LogReader
from traceability.tlog.witness import FOLDER, Witness, accept, cosigned, parse_witnesses

AT = 1_795_255_200


class Other:
    """A witness as somebody else runs it."""

    def __init__(self, name: str, seed: int) -> None:
        self.key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.trusted = Witness(name, self.key.public_key().public_bytes_raw())

    def cosign(self, note: bytes, at: int = AT) -> str:
        message = f"cosignature/v1\ntime {at}\n{split_note(note)[0]}".encode()
        value = at.to_bytes(8, "big") + self.key.sign(message)
        return Signature(self.trusted.name, self.trusted.key_id, value).line


ONE, TWO = Other("witness.example/one", 1), Other("witness.example/two", 2)
ASKED = (ONE.trusted, TWO.trusted)


@pytest.fixture
def sealed(sealer: Sealer, pilot: Pilot, tmp_path: Path) -> bytes:
    done = write(sealer, pilot.fleet["tam-que-diary-01"], harvest())
    assert done is not None
    return read(tmp_path, done.key) or b""


def take(folder: Path, lines: str) -> dict[str, int]:
    log = LogReader(folder / "log")
    return accept(log.directory, log.size, log.checkpoint(), lines, ASKED)


def test_keys_are_of_the_specification() -> None:
    """https://c2sp.org/tlog-cosignature: the id covers the name, a newline, 0x04 and the key."""
    whole = b"witness.example/one\n\x04" + ONE.trusted.public_key
    assert ONE.trusted.key_id == hashlib.sha256(whole).digest()[:4]
    assert Witness.parse(ONE.trusted.vkey) == ONE.trusted
    assert parse_witnesses(f"# ours\n{ONE.trusted.vkey}\n\n{TWO.trusted.vkey}\n") == ASKED
    for wrong in ("", "x", ONE.trusted.vkey[:-4], ONE.trusted.vkey.replace("one", "two", 1)):
        with pytest.raises(NoteError):
            Witness.parse(wrong)


def test_cosignatures_are_carried_in_proofs(sealed: bytes, pilot: Pilot, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    note = shelf.checkpoint()
    assert take(tmp_path, ONE.cosign(note)) == {"witness.example/one": AT}
    take(tmp_path, note.decode() + TWO.cosign(note, AT + 5))  # a whole note is accepted, too
    keys = (tmp_path / "log.keys").read_text()
    found = check(sealed, shelf.proof(sealed) or b"", keys, ASKED, 2)
    assert found.witnessed == {"witness.example/one": AT, "witness.example/two": AT + 5}
    app = FastAPI()
    app.include_router(web.router(tmp_path, pilot, "https://example.org"))
    with TestClient(app) as client:
        assert cosigned(client.get("/log/checkpoint").content, ASKED) == found.witnessed
    assert shelf.check(sealed) == (0, "")  # a verifier that trusts no witness is not affected


def test_a_quorum_that_is_not_there_is_missed(sealed: bytes, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    take(tmp_path, ONE.cosign(shelf.checkpoint()))
    keys = (tmp_path / "log.keys").read_text()
    proof = shelf.proof(sealed) or b""
    assert check(sealed, proof, keys, ASKED, 1).witnessed == {"witness.example/one": AT}
    with pytest.raises(CheckFailed, match="1 of its witnesses cosigned it, not 2") as error:
        check(sealed, proof, keys, ASKED, 2)
    assert error.value.part == "checkpoint"
    spoilt = proof[:-20] + bytes([proof[-20] ^ 1]) + proof[-19:]
    with pytest.raises(CheckFailed) as error:
        check(sealed, spoilt, keys, ASKED, 1)
    assert error.value.part == "checkpoint"


def test_what_is_no_cosignature_of_this_checkpoint_is_refused(
    sealed: bytes, sealer: Sealer, pilot: Pilot, tmp_path: Path
) -> None:
    old = LogReader(tmp_path / "log").checkpoint()
    write(sealer, pilot.fleet["tam-que-diary-01"], harvest(2))
    new = LogReader(tmp_path / "log").checkpoint()
    stranger = Other("witness.example/stranger", 9)
    for lines in ("", "nothing", ONE.cosign(old), stranger.cosign(new), new.decode()):
        with pytest.raises(NoteError):
            take(tmp_path, lines)
    assert not (tmp_path / "log" / FOLDER).exists()


def test_old_cosignatures_go_when_new_ones_come(
    sealed: bytes, sealer: Sealer, pilot: Pilot, tmp_path: Path
) -> None:
    take(tmp_path, ONE.cosign(LogReader(tmp_path / "log").checkpoint()))
    done = write(sealer, pilot.fleet["tam-que-diary-01"], harvest(2))
    assert done is not None
    assert cosigned(LogReader(tmp_path / "log").checkpoint(), ASKED) == {}
    take(tmp_path, ONE.cosign(LogReader(tmp_path / "log").checkpoint(), AT + 9))
    assert [path.name for path in (tmp_path / "log" / FOLDER).iterdir()] == ["2"]
    assert record.parse(sealed)["lot"] != done.key.lot


def test_the_commands(sealed: bytes, tmp_path: Path) -> None:
    """As a person does it: cosign, export, verify with the witness's key."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "trace").symlink_to(tmp_path)
    (tmp_path / "witnesses").write_text(ONE.trusted.vkey)
    (tmp_path / "answer").write_text(ONE.cosign(LogReader(tmp_path / "log").checkpoint()))
    asked, data = ["--witnesses", str(tmp_path / "witnesses")], ["--data", str(tmp_path / "data")]
    run = CliRunner()
    assert (
        "leaves: cosigned by witness.example/one"
        in run.invoke(trace_app, ["cosign", str(tmp_path / "answer"), "--lang", "en", *asked, *data]).stdout
    )
    content = record.parse(sealed)
    out = tmp_path / "out"
    done = run.invoke(trace_app, ["export", content["gtin"], content["lot"], "--out", str(out), *data])
    assert done.exit_code == 0
    verified = run.invoke(trace_app, ["verify", str(out / f"{content['lot']}.json"), "--lang", "en", *asked])
    assert verified.exit_code == 0
    assert re.search(r"witnessed by witness\.example/one at \d+ [A-Z][a-z]{2} 20\d\d", verified.stdout)
    wrong = run.invoke(trace_app, ["rotate-key", *data])  # the key belongs to another log
    assert isinstance(wrong.exception, ValueError) and "is the key of 'example.org/log'" in str(
        wrong.exception
    )
