"""The log on disk: its layout, its proofs, and what a crash at any moment may leave."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from traceability.log import Log, LogBusy
from traceability.merkle import (
    EMPTY_ROOT,
    leaf_hash,
    root,
    root_of_hashes,
    verify_consistency,
    verify_inclusion,
)
from traceability.note import Signer, base64_of, open_note, sign
from traceability.proof import Checkpoint, VerifiedInclusion, verify
from traceability.tiles import LogCorrupt, LogMissing, LogReader, tile_path

ROOT = Path(__file__).parents[2]
ORIGIN = "hoiquan.example/log"
SIGNER = Signer.from_seed(ORIGIN, bytes(range(32)))
VERIFIER = SIGNER.verifier


def opened(directory: Path) -> Log:
    return Log.open(directory, SIGNER, ORIGIN)


def lots(start: int, stop: int) -> list[bytes]:
    return [f"lot {number}".encode() * (number % 5) for number in range(start, stop)]


def check(directory: Path, entries: list[bytes]) -> None:
    """What the files say, read without this project's reader: RFC 6962 and C2SP tlog-tiles alone."""
    text, _ = open_note((directory / "checkpoint").read_bytes(), [VERIFIER])
    head = Checkpoint.parse(text)
    assert (head.origin, head.size, head.root) == (ORIGIN, len(entries), root(entries))
    for number in range(-(-len(entries) // 256)):
        chunk = entries[number * 256 : (number + 1) * 256]
        bundle = b"".join(len(entry).to_bytes(2, "big") + entry for entry in chunk)
        assert (directory / tile_path("entries", number, len(chunk))).read_bytes() == bundle
    hashes = [leaf_hash(entry) for entry in entries]
    level = 0
    while hashes:
        for number in range(-(-len(hashes) // 256)):
            tile = hashes[number * 256 : (number + 1) * 256]
            assert (directory / tile_path(level, number, len(tile))).read_bytes() == b"".join(tile)
        full = len(hashes) // 256
        hashes = [root_of_hashes(hashes[n * 256 : (n + 1) * 256]) for n in range(full)]
        level += 1


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


def files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


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
        f"from traceability.log import Log; from pathlib import Path; Log.open(Path({str(tmp_path)!r}), 0, 0)"
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


class Crash(BaseException):
    """Stands for the process's end: nothing may catch it."""


def failing(patch: pytest.MonkeyPatch, step: int, error: Callable[[], BaseException]) -> Callable[[], int]:
    """Let the `step`-th durable step fail, each both undone and done; the count of steps so far."""
    count = 0

    def counted(work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            nonlocal count
            count += 2
            if count - 1 == step:
                raise error()
            result = work(*arguments)
            if count == step:
                raise error()
            return result

        return run

    patch.setattr(os, "fsync", counted(os.fsync))
    patch.setattr(Path, "replace", counted(Path.replace))
    return lambda: count


@pytest.mark.parametrize("before", [0, 250, 511])
def test_a_crash_at_every_step(tmp_path: Path, before: int, monkeypatch: pytest.MonkeyPatch) -> None:
    first, lost, after = lots(0, before), [b"lost"] * 300, lots(1000, 1010)
    with opened(tmp_path / "start") as log:
        log.append(first)
    seen = set()
    for step in range(1, 1000):
        directory = tmp_path / "log"
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(tmp_path / "start", directory)
        log = opened(directory)
        with monkeypatch.context() as patch:
            failing(patch, step, Crash)
            with suppress(Crash):
                log.append(lost)
                log.close()
                break
        log.close()
        signed = heads(directory)
        assert LogReader(directory).size in (before, before + 300)
        with opened(directory) as log:
            seen.add(log.size)
            entries = first + lost if log.size > before else first
            assert len(entries) == log.size
            assert not signed or max(signed) <= log.size  # what was signed is never taken back
            check(directory, entries)
            log.append(after)
            check(directory, entries + after)
            for index in (0, log.size - 1):
                verify((entries + after)[index], log.proof(index), VERIFIER, ORIGIN)
        stale = directory / tile_path(0, (log.size // 256))
        assert not stale.exists()  # a full tile stands only where the checkpoint covers it
    else:
        pytest.fail("the append never came to its end")
    assert seen == {before, before + 300}


class Disk:
    """What a power cut leaves at worst: names as of their directory's last fsync, contents as of theirs."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.names: dict[Path, dict[str, int]] = {}  # to inodes
        self.contents: dict[int, bytes] = {}
        fsync = os.fsync

        def recorded(descriptor: int) -> None:
            fsync(descriptor)
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            if path.is_dir():
                self.names[path] = {child.name: child.stat().st_ino for child in path.iterdir()}
            else:
                self.contents[path.stat().st_ino] = path.read_bytes()

        patch.setattr(os, "fsync", recorded)

    def cut(self, source: Path, target: Path) -> Path:
        target.mkdir()
        for name, inode in self.names.get(source, {}).items():
            if source / name in self.names:
                self.cut(source / name, target / name)
            else:
                (target / name).write_bytes(self.contents.get(inode, b""))
        return target


def test_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    disk = Disk(monkeypatch)
    replace = Path.replace
    cuts = iter(range(1000))

    def recorded(source: Path, target: Path) -> Path:
        result = replace(source, target)
        if target.name == "checkpoint" and target.is_relative_to(home):
            after = disk.cut(home, tmp_path / str(next(cuts))) / "log"
            with opened(after) as restored:  # what was public for a moment is not replaced by another tree
                assert restored.root == LogReader(home / "log").root
        return result

    monkeypatch.setattr(Path, "replace", recorded)
    entries: list[bytes] = []
    with opened(home / "log") as log:
        for count in (1, 300, 3, 207, 1, 1, 600):
            more = lots(len(entries), len(entries) + count)
            log.append(more)
            entries += more
            check(disk.cut(home, tmp_path / str(next(cuts))) / "log", entries)


def test_a_crash_at_every_step_of_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in range(1, 100):
        directory = tmp_path / str(step)
        with monkeypatch.context() as patch:
            failing(patch, step, Crash)
            with suppress(Crash):
                opened(directory).close()
                break
        with opened(directory) as log:
            log.append([b"a"])
        check(directory, [b"a"])
    assert step > 8


def heads(directory: Path) -> list[int]:
    """Sizes of all that is signed and whole on disk."""
    notes = [path.read_bytes() for path in directory.glob("*checkpoint*")]
    return [Checkpoint.parse(open_note(note, [VERIFIER])[0]).size for note in notes if note.endswith(b"=\n")]


@pytest.mark.parametrize("step", [1, 2, 9, 15])
def test_a_full_disk_before_the_signature(tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    first, more = lots(0, 250), lots(250, 300)
    with opened(tmp_path) as log:
        log.append(first)
        with monkeypatch.context() as patch:
            failing(patch, step, lambda: OSError("no space left"))
            with pytest.raises(OSError, match="no space left"):
                log.append([b"lost"] * 20)
        assert log.size == 250
        log.append(more)
    check(tmp_path, first + more)


def test_a_full_disk_after_the_signature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path) as log:
        log.append(lots(0, 3))
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", failing_publication(Path.replace))
            with pytest.raises(OSError, match="no space left"):
                log.append([b"perhaps"])
        with pytest.raises(LogCorrupt, match="reopen"):  # or two trees of one size would be signed
            log.append([b"another"])
    with opened(tmp_path) as log:
        assert log.index_of(leaf_hash(b"perhaps")) == 3
    check(tmp_path, [*lots(0, 3), b"perhaps"])


def failing_publication(work: Callable[..., Any]) -> Callable[..., Any]:
    def run(source: Path, target: Path) -> Any:
        if target.name == "checkpoint":
            raise OSError("no space left")
        return work(source, target)

    return run


def test_a_pending_checkpoint_is_believed_only_if_it_continues(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        log.append(lots(0, 5))
    pending = tmp_path / ".checkpoint.next"
    for text in (Checkpoint(ORIGIN, 4, root(lots(0, 4))).text, Checkpoint(ORIGIN, 5, root(lots(1, 6))).text):
        pending.write_bytes(sign(text, [SIGNER]))
        with pytest.raises(LogCorrupt):
            opened(tmp_path)
    pending.unlink()
    with opened(tmp_path / "other") as other:
        other.append(lots(1, 8))
        pending.write_bytes(other.checkpoint())
    shutil.copytree(tmp_path / "other/tile", tmp_path / "tile", dirs_exist_ok=True)
    with pytest.raises(LogCorrupt, match="does not continue"):
        opened(tmp_path)
    pending.write_bytes(b"cut of")
    opened(tmp_path).close()
    assert not pending.exists()
    (tmp_path / "checkpoint").unlink()
    with pytest.raises(LogCorrupt, match="tiles but no checkpoint"):
        opened(tmp_path)


CHILD = """
import json, random, sys
from pathlib import Path
from traceability.log import Log
from traceability.note import Signer
seed, directory = int(sys.argv[1]), Path(sys.argv[2])
chance = random.Random(seed)
signer = Signer.from_seed("hoiquan.example/log", bytes(range(32)))
with Log.open(directory, signer, "hoiquan.example/log") as log:
    while True:
        count = chance.choice((1, 2, 100, 300))
        entries = [chance.randbytes(chance.randrange(40)).hex() for _ in range(count)]
        indexes = log.append([entry.encode() for entry in entries])
        print(json.dumps([indexes.start, entries]), flush=True)
"""


def test_killed_twenty_times_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    directory, script = tmp_path / "log", tmp_path / "child.py"
    script.write_text(CHILD, "utf-8")
    chance = random.Random(20)
    acknowledged: dict[int, bytes] = {}
    entries: list[bytes] = []
    for seed in range(20):
        child = subprocess.Popen(
            [sys.executable, str(script), str(seed), str(directory)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        assert child.stdout is not None
        lines = [child.stdout.readline()]
        time.sleep(chance.uniform(0, 0.05))
        child.kill()
        lines += child.stdout.read().split("\n")
        child.wait()
        child.stdout.close()
        for line in lines:
            with suppress(json.JSONDecodeError):  # the last may be cut off
                start, texts = json.loads(line)
                acknowledged.update(enumerate((text.encode() for text in texts), start))
        with opened(directory) as log:
            if entries:
                path = log.consistency_proof(len(entries))
                verify_consistency(len(entries), log.size, root(entries), log.root, path)
            entries += [log.entry(index) for index in range(len(entries), log.size)]
        assert all(entries[index] == entry for index, entry in acknowledged.items())
        check(directory, entries)
    assert len(acknowledged) >= 20
