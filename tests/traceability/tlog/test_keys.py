"""The log's key is replaced: everything that the old key signed stays verifiable, and nothing else."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from devices import files
from devices.pilots.pilot import Pilot
from tests.traceability.conftest import Grower, harvest, write
from traceability.records.check import CheckFailed, check
from traceability.records.shelf import Shelf
from traceability.sealing.seal import Sealer, read
from traceability.tlog import keys
from traceability.tlog.log import LogBusy
from traceability.tlog.note import Signer, sign
from traceability.tlog.proof import Checkpoint

ORIGIN = "example.org/log"
DAY = date(2027, 1, 1)


def sealed(folder: Path, pilot: Pilot, number: int) -> bytes:
    """Start a sealer, seal a harvest, and close it; returns the record."""
    sealer = Sealer(folder, pilot, Grower(), "https://example.org", ORIGIN)
    done = write(sealer, pilot.fleet["tam-que-diary-01"], harvest(number))
    sealer.close()
    assert done is not None
    return read(folder, done.key) or b""


def test_a_new_key_signs_from_now_on(pilot: Pilot, tmp_path: Path) -> None:
    first = sealed(tmp_path, pilot, 1)
    old_proof, old_vkey = Shelf(tmp_path).proof(first) or b"", (tmp_path / "log.vkey").read_text()
    new = keys.rotate(tmp_path, ORIGIN, DAY)
    assert (new.first, new.last, new.since) == (1, None, "2027-01-01")
    second = sealed(tmp_path, pilot, 2)
    listed = (tmp_path / "log.keys").read_text()
    assert [(key.first, key.last) for key in keys.parse(listed)] == [(0, 1), (1, None)]
    proofs = [Shelf(tmp_path).proof(data) or b"" for data in (first, second)]
    assert check(first, old_proof, listed).index == check(first, proofs[0], listed).index == 0
    assert check(second, proofs[1], (tmp_path / "log.vkey").read_text()).index == 1
    with pytest.raises(CheckFailed) as error:  # the old key did not sign the new tree
        check(second, proofs[1], old_vkey)
    assert error.value.part == "checkpoint"
    assert (tmp_path / "log.key").stat().st_mode & 0o077 == 0
    assert not (tmp_path / "log.key.next").exists()


def test_a_gateway_that_waited_through_a_rotation_signs_with_the_new_key(
    pilot: Pilot, tmp_path: Path
) -> None:
    sealed(tmp_path, pilot, 1)
    writer, waiting = (Sealer(tmp_path, pilot, Grower(), "https://example.org", ORIGIN) for _ in range(2))
    with pytest.raises(LogBusy):
        waiting.seal_pending()
    writer.close()
    new = keys.rotate(tmp_path, ORIGIN, DAY)
    done = write(waiting, pilot.fleet["tam-que-diary-01"], harvest(2))
    waiting.close()
    assert done is not None
    listed = (tmp_path / "log.keys").read_text()
    assert [key.last for key in keys.parse(listed)] == [1, None] and keys.parse(listed)[-1] == new
    data = read(tmp_path, done.key) or b""
    assert check(data, Shelf(tmp_path).proof(data) or b"", listed).index == 1
    assert read(tmp_path, done.key) and sealed(tmp_path, pilot, 3), "and the next start can seal"


def test_the_old_key_in_a_thief_s_hand_signs_no_later_tree(pilot: Pilot, tmp_path: Path) -> None:
    data = sealed(tmp_path, pilot, 1)
    thief = Signer.from_file(tmp_path / "log.key", ORIGIN)
    keys.rotate(tmp_path, ORIGIN, DAY)
    proof = (Shelf(tmp_path).proof(data) or b"").partition(b"\n\n")[0]
    forged = proof + b"\n\n" + sign(Checkpoint(ORIGIN, 7, bytes(32)).text, [thief])
    with pytest.raises(CheckFailed, match="trees of 0 to 1 leaves, not of 7") as error:
        check(data, forged, (tmp_path / "log.keys").read_text())
    assert error.value.part == "key"


@pytest.mark.parametrize("step", ["hand_over", "replace", "note_current"])
def test_cut_off_anywhere_it_is_done_again(
    pilot: Pilot, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = sealed(tmp_path, pilot, 1)

    def cut(*_: object) -> None:
        raise OSError("power cut")

    with monkeypatch.context() as patched:
        owner = {"hand_over": keys.Log, "replace": Path, "note_current": keys}[step]
        patched.setattr(owner, step, cut)
        with pytest.raises(OSError, match="power cut"):
            keys.rotate(tmp_path, ORIGIN, DAY)
    more = sealed(tmp_path, pilot, 2)  # the log goes on between the cut and the next try
    # after that step the new key is already in use, and the sealer's start wrote it down
    if step != "note_current":
        keys.rotate(tmp_path, ORIGIN, DAY)
    last = sealed(tmp_path, pilot, 3)
    listed = (tmp_path / "log.keys").read_text()
    assert len(keys.parse(listed)) == 2
    for index, one in enumerate((data, more, last)):
        assert check(one, Shelf(tmp_path).proof(one) or b"", listed).index == index


def test_not_while_somebody_writes(sealer: Sealer, tmp_path: Path) -> None:
    before = (tmp_path / "log.key").read_text()
    with pytest.raises(LogBusy):
        keys.rotate(tmp_path, ORIGIN, DAY)
    assert (tmp_path / "log.key").read_text() == before


def test_the_key_in_use_is_written_again_only_if_it_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway whose disk is full starts, and nobody finds half a key."""
    old, new = (Signer.from_file(tmp_path / name, "example.org/log").verifier for name in ("a", "b"))
    keys.show(tmp_path, old)
    path = tmp_path / "log.vkey"

    def full(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(files, "replace", full)
        keys.show(tmp_path, old)
        with pytest.raises(OSError, match="no space left"):
            keys.show(tmp_path, new)
    assert path.read_text("utf-8") == f"{old.vkey}\n"
    keys.show(tmp_path, new)
    assert path.read_text("utf-8") == f"{new.vkey}\n"


def test_gateways_of_one_folder_that_start_together_all_show_the_key(tmp_path: Path) -> None:
    verifier = Signer.from_file(tmp_path / "log.key", ORIGIN).verifier
    with ThreadPoolExecutor(8) as gateways:
        for begun in [gateways.submit(keys.show, tmp_path, verifier) for _ in range(8)]:
            begun.result()
    assert (tmp_path / "log.vkey").read_text("utf-8") == f"{verifier.vkey}\n"
    assert not [*tmp_path.glob("log.tmp"), *tmp_path.glob(".log*")]
