"""Process, power or disk of a log fail at any moment: acknowledged entries stay, once."""

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

from tests.traceability.tree import ORIGIN, SIGNER, VERIFIER, check, lots, opened
from traceability.tlog.merkle import leaf_hash, root, verify_consistency
from traceability.tlog.note import open_note, sign
from traceability.tlog.proof import Checkpoint, verify
from traceability.tlog.tiles import LogCorrupt, LogReader, tile_path

ROOT = Path(__file__).parents[3]


class Crash(BaseException):
    """Stands for the end of the process: nothing may catch it."""


def failing(patch: pytest.MonkeyPatch, step: int, error: Callable[[], BaseException]) -> Callable[[], int]:
    """Make a durable step fail: odd `step`s before it is done, even ones after. Returns a step counter."""
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
            assert not signed or max(signed) <= log.size  # a signed size is never taken back
            check(directory, entries)
            log.append(after)
            check(directory, entries + after)
            for index in (0, log.size - 1):
                verify((entries + after)[index], log.proof(index), VERIFIER, ORIGIN)
        stale = directory / tile_path(0, (log.size // 256))
        assert not stale.exists()  # a full tile exists only where the checkpoint covers it
    else:
        pytest.fail("the append never came to its end")
    assert seen == {before, before + 300}


class Disk:
    """The worst after a power cut: names as of the directory's last fsync, contents as of the file's."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.names: dict[Path, dict[str, int]] = {}  # name → inode, by directory
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
            # a tree that was public for a moment must not be replaced by another
            with opened(after) as restored:
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
    """The sizes of all whole signed checkpoints on disk."""
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
        with pytest.raises(LogCorrupt, match="reopen"):  # otherwise two trees of one size would be signed
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
from traceability.tlog.log import Log
from traceability.tlog.note import Signer
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
            with suppress(json.JSONDecodeError):  # the last line may be cut off
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
