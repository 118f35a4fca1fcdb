"""The log on disk: its layout, proofs and readers, and the detection of damage."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.traceability.tree import ORIGIN, SIGNER, VERIFIER, check, files, lots, opened
from traceability.tlog.log import Log, LogBusy
from traceability.tlog.merkle import EMPTY_ROOT, leaf_hash, root, verify_consistency, verify_inclusion
from traceability.tlog.note import Signer, base64_of
from traceability.tlog.proof import VerifiedInclusion, verify
from traceability.tlog.tiles import LogCorrupt, LogMissing, LogReader, tile_path

ROOT = Path(__file__).parents[3]


def test_tile_paths_of_the_specification() -> None:
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile_path("entries", 0) == "tile/entries/000"
    assert tile_path(1, 1000, 17) == "tile/1/x001/000.p/17"
    assert tile_path(63, 999, 1) == "tile/63/999.p/1"


def test_an_empty_log(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as log:
        assert (log.size, log.root, log.append([])) == (0, EMPTY_ROOT, range(0))
        assert log.index_of(leaf_hash(b"a")) is None
        with pytest.raises(IndexError):
            log.proof(0)
    check(tmp_path / "log", [])
    assert not (tmp_path / "log/tile").exists()


def test_the_specification_s_tree_of_70_000(tmp_path: Path) -> None:
    entries = lots(0, 70_000)
    with opened(tmp_path) as log:
        assert log.append(entries) == range(70_000)
        check(tmp_path, entries)
        widths = {
            level: sorted(p.stat().st_size // 32 for p in files(tmp_path / f"tile/{level}"))
            for level in range(3)
        }
        assert widths == {0: [112] + [256] * 273, 1: [17, 256], 2: [1]}
        for index in (0, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999):
            assert verify(entries[index], log.proof(index), VERIFIER, ORIGIN) == VerifiedInclusion(
                index, 70_000
            )
            assert log.entry(index) == entries[index]
    with opened(tmp_path) as log:
        assert log.size == 70_000
        assert log.index_of(leaf_hash(entries[69_999])) == 69_999


def test_reopened_it_continues(tmp_path: Path) -> None:
    entries: list[bytes] = []
    roots = {0: EMPTY_ROOT}
    for count in (1, 1, 5, 248, 1, 1, 255, 256, 257, 700):
        more = lots(len(entries), len(entries) + count)
        with opened(tmp_path) as log:
            assert log.append(more) == range(len(entries), len(entries) + count)
            entries += more
            roots[len(entries)] = log.root
            for index in {0, len(entries) // 2, len(entries) - 1}:
                verify_inclusion(
                    leaf_hash(entries[index]), index, log.size, log.inclusion_proof(index), log.root
                )
            for old in list(roots)[1:]:
                verify_consistency(old, log.size, roots[old], log.root, log.consistency_proof(old))
        check(tmp_path, entries)
    assert LogReader(tmp_path).root == root(entries)


def test_all_small_sizes_are_consistent(tmp_path: Path) -> None:
    roots = [EMPTY_ROOT]
    with opened(tmp_path) as log:
        for number in range(1, 65):
            log.append(lots(number, number + 1))
            roots.append(log.root)
            for old in range(1, number + 1):
                verify_consistency(old, number, roots[old], roots[number], log.consistency_proof(old))


def test_index_of_finds_the_first(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        log.append([b"a", b"b", b"a"])
        assert log.index_of(leaf_hash(b"a")) == 0
        log.append([b"c"] * 600)
        assert log.index_of(leaf_hash(b"c")) == 3
        log.append([b"d"])
        assert log.index_of(leaf_hash(b"d")) == 603
        assert log.index_of(leaf_hash(b"e")) is None


def test_long_and_short_entries(tmp_path: Path) -> None:
    entries = [b"", b"x" * 65_535, b"\x00\x00"]
    with opened(tmp_path) as log:
        log.append(entries)
        assert [log.entry(index) for index in range(3)] == entries
        with pytest.raises(ValueError, match="65535 bytes at most"):
            log.append([b"fits", b"x" * 65_536])
        assert log.size == 3
        for index in (-1, 3):
            with pytest.raises(IndexError):
                log.entry(index)
    check(tmp_path, entries)


def test_one_writer(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(LogBusy, match="written by another process"):
        opened(tmp_path)
    log = opened(tmp_path)
    script = (
        "from pathlib import Path; from traceability.tlog.log import Log; "
        f"Log.open(Path({str(tmp_path)!r}), 0, 0)"
    )
    other = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "LogBusy" in other.stderr
    log.close()
    log.close()
    with pytest.raises(LogCorrupt, match="closed"):
        log.append([b"late"])
    opened(tmp_path).close()


def test_a_reader_beside_the_writer(tmp_path: Path) -> None:
    reader = LogReader(tmp_path)
    with pytest.raises(LogMissing):
        reader.checkpoint()
    entries = lots(0, 600)
    with opened(tmp_path) as log:
        for at in range(0, 600, 50):
            log.append(entries[at : at + 50])
            assert (reader.size, reader.root, reader.checkpoint()) == (at + 50, log.root, log.checkpoint())
            assert verify(entries[at], reader.proof(at), VERIFIER, ORIGIN).size == at + 50
            assert reader.index_of(leaf_hash(entries[at + 49])) == at + 49
            assert reader.entry(at) == entries[at]
            old_root = root(entries[: at + 1])
            verify_consistency(at + 1, reader.size, old_root, reader.root, reader.consistency_proof(at + 1))


def test_a_reader_with_an_old_checkpoint_takes_the_full_tile(tmp_path: Path) -> None:
    entries = lots(0, 300)
    with opened(tmp_path) as log:
        log.append(entries[:200])
        old = log.checkpoint()
        log.append(entries[200:])
    assert not (tmp_path / "tile/0/000.p").exists()
    assert not (tmp_path / "tile/entries/000.p").exists()
    (tmp_path / "checkpoint").write_bytes(old)
    reader = LogReader(tmp_path)
    assert verify(entries[7], reader.proof(7), VERIFIER, ORIGIN) == VerifiedInclusion(7, 200)
    assert reader.entry(199) == entries[199]


def test_cosignatures_stay(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        log.append([b"a"])
        cosigned = log.checkpoint() + f"— witness.example/w1 {base64_of(b'wkey' + bytes(72))}\n".encode()
    (tmp_path / "checkpoint").write_bytes(cosigned)
    assert LogReader(tmp_path).checkpoint() == cosigned
    with opened(tmp_path) as log:
        assert log.checkpoint() == cosigned
        assert cosigned in log.proof(0)
        assert verify(b"a", log.proof(0), VERIFIER, ORIGIN).size == 1


def test_every_changed_byte_is_found(tmp_path: Path) -> None:
    entries = lots(0, 262)
    with opened(tmp_path) as log:
        log.append(entries)
    chance = random.Random(6962)
    for path in files(tmp_path):
        data = path.read_bytes()
        if path.name == ".lock" or "entries/000" in str(path):
            continue
        for at in chance.sample(range(len(data)), min(len(data), 40)):
            path.write_bytes(data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :])
            with pytest.raises(LogCorrupt):
                opened(tmp_path)
        path.write_bytes(data[:-1])
        with pytest.raises(LogCorrupt):
            opened(tmp_path)
        path.unlink()
        with pytest.raises(LogCorrupt):
            opened(tmp_path)
        path.write_bytes(data)
    check(tmp_path, entries)
    bundle = tmp_path / tile_path("entries", 0)
    data = bundle.read_bytes()
    bundle.write_bytes(data.replace(b"lot 131", b"lot 132"))
    with opened(tmp_path) as log, pytest.raises(LogCorrupt, match="entry 131"):
        log.entry(131)
    bundle.write_bytes(data[:-1])
    with pytest.raises(LogCorrupt, match="cut short"):
        LogReader(tmp_path).entry(0)


def test_a_reader_makes_no_proof_from_a_damaged_tile(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        log.append(lots(0, 300))
    path = tmp_path / tile_path(0, 0)
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(LogCorrupt, match="damaged"):
        LogReader(tmp_path).proof(3)


def test_the_log_of_somebody_else(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with pytest.raises(LogCorrupt, match="not signed by"):
        Log.open(tmp_path, Signer.from_seed(ORIGIN, bytes(32)), ORIGIN)
    with pytest.raises(LogCorrupt, match="not of 'elsewhere"):
        Log.open(tmp_path, SIGNER, "elsewhere.example/log")
    opened(tmp_path).close()
