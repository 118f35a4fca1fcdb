"""Openings of a page are counted, and nothing else about them is kept."""

import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from traceability.digital_link import LotKey
from traceability.pages.scans import Scans, far_more, packages

KEY, OTHER = LotKey("02000000000039", "TQ261112-AAAAAAAA"), LotKey("02000000000039", "TQ261112-BBBBBBBB")
DAY = date(2026, 11, 22)


def test_openings_are_counted_by_lot_and_day(tmp_path: Path) -> None:
    scans = Scans(tmp_path / "scans.sqlite")
    assert [scans.count(KEY, DAY) for _ in range(3)] == [1, 2, 3]
    assert scans.count(KEY, DAY + timedelta(days=1)) == 4
    assert scans.count(OTHER, DAY) == 1
    scans.close()
    again = Scans(tmp_path / "scans.sqlite")
    assert again.count(KEY, DAY) == 5
    again.close()
    with closing(sqlite3.connect(tmp_path / "scans.sqlite")) as db:
        assert {row[1] for row in db.execute("PRAGMA table_info(scan)")} == {"gtin", "lot", "day", "number"}
        assert db.execute("SELECT sum(number) FROM scan").fetchone() == (6,)


def test_several_processes_add_up(tmp_path: Path) -> None:
    both = [Scans(tmp_path / "scans.sqlite") for _ in range(2)]
    for _ in range(10):
        for scans in both:
            scans.count(KEY, DAY)
    for scans in both:
        scans.close()
    last = Scans(tmp_path / "scans.sqlite")
    assert last.count(KEY, DAY) == 21
    last.close()


def test_a_file_that_cannot_be_written_stops_no_page_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("traceability.pages.scans.EVERY", 0.0)
    scans = Scans(tmp_path / "scans.sqlite")
    with closing(sqlite3.connect(tmp_path / "scans.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert [scans.count(KEY, DAY) for _ in range(3)] == [1, 2, 3]
        assert caplog.text.count("cannot be written") == 1
        other.execute("ROLLBACK")
    scans.close()
    again = Scans(tmp_path / "scans.sqlite")
    assert again.count(KEY, DAY) == 4
    again.close()


def test_a_damaged_file_stops_no_page_and_is_kept_beside_the_new_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "scans.sqlite"
    path.write_bytes(b"no database" * 1000)
    scans = Scans(path)
    assert [scans.count(KEY, DAY) for _ in range(3)] == [1, 2, 3]
    (aside,) = tmp_path.glob("scans.sqlite.damaged-*")
    assert aside.read_bytes().startswith(b"no database") and str(path) in caplog.text
    scans.close()
    again = Scans(path)
    assert again.count(KEY, DAY) == 4
    again.close()


def test_what_is_damaged_under_a_running_server_is_counted_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "scans.sqlite"
    scans = Scans(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE scan")
    assert [scans.count(KEY, DAY) for _ in range(3)] == [1, 2, 3]
    assert caplog.text.count(f"read from {path}") == 1
    scans.close()


@pytest.mark.parametrize(
    ("opened", "packed", "marked"),
    [(10_000, 0, False), (49, 1, False), (50, 1, True), (1600, 160, False), (1601, 160, True)],
)
def test_far_more_often_than_there_are_packages(opened: int, packed: int, marked: bool) -> None:
    assert far_more(opened, packed) is marked


def test_packages_are_those_of_the_addenda_as_corrected() -> None:
    packed: dict[str, Any] = {"event": "packing", "id": "pack-1", "packages": 1600}
    more = packed | {"id": "pack-2", "packages": 40}
    correction = {
        "event": {"event": "correction", "id": "mend"},
        "correction": {"after": packed | {"packages": 160}},
    }
    addenda = [{"event": packed, "correction": None}, {"event": more, "correction": None}, correction]
    assert packages(addenda) == 200
    assert packages([]) == 0
