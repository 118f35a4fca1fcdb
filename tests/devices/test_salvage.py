"""SQLite's errors about a file, in both languages, with the remedy."""

import sqlite3
from contextlib import closing

import pytest

from devices.salvage import why
from devices.texts import worded


def met(path, *statements):
    """The explanation of the error that the last statement raises; the file may be locked by others."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as db:
        for statement in statements[:-1]:
            db.execute(statement)
        with pytest.raises(sqlite3.Error) as error:
            db.execute(statements[-1])
        return why(error.value)


WRITE = "INSERT INTO t VALUES(zeroblob(100000))"


def test_each_cause_has_its_mend(tmp_path):
    path = tmp_path / "a.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("CREATE TABLE t(a)")
        db.execute("BEGIN IMMEDIATE")
        found = {"tiến trình khác đang giữ tệp (database is locked)": met(path, WRITE)}
        db.execute("ROLLBACK")
    found["hãy giải phóng chỗ"] = met(path, "PRAGMA max_page_count=2", WRITE)
    found["hãy cấp quyền ghi"] = met(path, "PRAGMA query_only=1", WRITE)
    found["không mở được tệp"] = opened(tmp_path)
    (tmp_path / "b.sqlite").write_bytes(b"no database " * 100)
    found["hãy kiểm tra đĩa, dừng mọi tiến trình"] = met(tmp_path / "b.sqlite", WRITE)
    for vietnamese, cause in found.items():
        assert vietnamese in worded(cause, "vi")
        assert worded(cause, "en").isascii()
    assert met(path, "SELECT b FROM t") == "no such column: b"


def opened(path):
    with pytest.raises(sqlite3.Error) as error:
        sqlite3.connect(path).execute("SELECT 1 FROM t")
    return why(error.value)
