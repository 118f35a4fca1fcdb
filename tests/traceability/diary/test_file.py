"""A damaged diary file: its readable entries stay in use, and the others may be sent again."""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from devices.pilots.pilot import Pilot
from tests.traceability.diary.test_standing import Plot, pick, spray
from traceability.diary.file import MARK, Mended, open_file


def sound(path: Path) -> int:
    """The number of entries in a file, which must be intact."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA quick_check").fetchone() == ("ok",)
        return int(db.execute("SELECT count(*) FROM event").fetchone()[0])


@pytest.fixture
def diary(tmp_path: Path, pilot: Pilot) -> Iterator[Path]:
    """A file of 121 entries over several pages, not in use."""
    plot = Plot(tmp_path, pilot)
    plot.write(spray("s", -3, 30), *(pick(f"h{n}", n / 10, 1, by="x" * 100) for n in range(120)))
    plot.sealer.close()
    yield tmp_path / "trace.sqlite"


def harm(path: Path, at: int, size: int = 4096) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xa5" * size)


def test_what_can_be_read_goes_on(diary: Path, pilot: Pilot, caplog: pytest.LogCaptureFixture) -> None:
    middle = diary.read_bytes().index(b'"id":"h60"') // 4096  # the page of this entry
    harm(diary, middle * 4096)
    plot = Plot(diary.parent, pilot)
    assert "is damaged" in caplog.text and "Look after the disk" in caplog.text
    with closing(sqlite3.connect(diary)) as db:
        (left,) = db.execute("SELECT count(*) FROM event").fetchone()
    assert 20 < left < 121
    assert plot.sealer.keep([]) == []
    plot.sealer.close()
    assert sound(diary) == left
    assert len(list(diary.parent.glob("trace.sqlite.damaged-*[0-9]"))) == 1


def test_one_that_is_none_is_begun_anew(diary: Path, pilot: Pilot) -> None:
    before = sorted(path.name for path in (diary.parent / "records").rglob("*.json"))
    diary.write_bytes(b"\xff" * 8192)
    plot = Plot(diary.parent, pilot)
    with pytest.raises(Mended, match="nothing is sealed: bring it back from a backup"):
        plot.write(pick("new", 13, 1))
    assert plot.fate("new") == "nothing yet", "what forbids it may be lost"
    plot.sealer.close()
    plot = Plot(diary.parent, pilot)
    with pytest.raises(Mended):
        plot.write()
    diary.with_suffix(MARK).unlink()  # somebody has looked at the damage
    plot.write()
    assert plot.fate("new") == ""
    plot.sealer.close()
    after = sorted(path.name for path in (diary.parent / "records").rglob("*.json"))
    assert set(before) < set(after)


def test_a_format_that_is_none_is_a_damage(diary: Path, caplog: pytest.LogCaptureFixture) -> None:
    harm(diary, 47, 1)
    db, used = open_file(diary)
    db.close()
    os.close(used)
    assert "unsupported file format" in caplog.text


def test_nobody_mends_what_another_uses(diary: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    db, used = open_file(diary)
    with closing(db):
        harm(diary, 0, 100)
        with pytest.raises(OSError, match="another process uses it: end all gateways"):
            open_file(diary)
    os.close(used)
    db, used = open_file(diary)
    db.close()
    os.close(used)
    assert "is damaged" in caplog.text


def test_a_mend_that_was_cut_off_at_its_last_step_is_finished(diary: Path) -> None:
    diary.rename(diary.with_name("trace.sqlite.new"))
    db, used = open_file(diary)
    with closing(db):
        assert db.execute("SELECT count(*) FROM event").fetchone() == (121,)
    os.close(used)
