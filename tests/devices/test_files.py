"""Files are written whole or not at all, and SQLite files are opened for reading."""

import errno
import os
import sqlite3
import stat
from contextlib import closing

import pytest

from devices import files
from devices.texts import text


@pytest.mark.parametrize("name", ["a#b", "a?mode=rwc", "a%20b", "chợ Mới"])
def test_a_database_is_read_whatever_its_folder_is_called(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    with closing(sqlite3.connect(folder / "x.sqlite")) as db:
        db.execute("CREATE TABLE t AS SELECT 1 AS one")
        db.commit()
    with closing(files.to_read(folder / "x.sqlite")) as db:
        assert db.execute("SELECT one FROM t").fetchall() == [(1,)]
        with pytest.raises(sqlite3.OperationalError):
            db.execute("INSERT INTO t VALUES(2)")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with pytest.raises(sqlite3.OperationalError), closing(files.to_read(folder / "none.sqlite")) as db:
        db.execute("SELECT 1")
    assert not (folder / "none.sqlite").exists()


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640])
def test_a_file_is_replaced_whole_with_the_mode_that_was_asked_for(tmp_path, mode):
    path = tmp_path / "said.json"
    before = os.umask(0o077)
    try:
        files.replace(path, "một")
        files.replace(path, b"hai", mode)
    finally:
        os.umask(before)
    assert path.read_bytes() == b"hai" and path.stat().st_mode & 0o777 == mode
    assert list(tmp_path.iterdir()) == [path], "and no draft is left"


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "said.json"
    files.replace(path, "before")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.replace(path, "after")
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_a_write_on_a_full_disk_names_the_file_and_the_mend(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # as a write into an open file raises it

    monkeypatch.setattr(files.os, "fsync", full)
    path = tmp_path / "kept"
    for write in (files.replace, files.create_private):
        with pytest.raises(OSError) as raised:
            write(path, "content")
        assert files.mend(raised.value).sentence("en") == text("path.full", "en", path=path)


@pytest.mark.parametrize("write", [
    lambda path: files.replace(path, "one"), lambda path: files.write_privately(path, b"one"),
    lambda path: files.create_private(path, "one"), lambda path: files.write_all({path: b"one"}),
], ids=["replace", "write_privately", "create_private", "write_all"])  # fmt: skip
def test_a_new_name_is_durable_once_the_file_is(tmp_path, monkeypatch, write):
    """A file's own sync does not keep its name: its folder is synced after the name is there."""
    path, sync, synced = tmp_path / "said", os.fsync, []

    def spy(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            synced.append((path.exists(), os.path.samestat(os.fstat(descriptor), tmp_path.stat())))
        sync(descriptor)

    monkeypatch.setattr(files.os, "fsync", spy)
    write(path)
    assert (True, True) in synced and path.read_bytes() == b"one"


def test_a_private_file_may_stand_in_a_folder_that_cannot_be_synced(tmp_path, monkeypatch):
    """A folder that a virtual machine shares with its host: the kernel refuses to sync it."""
    sync = os.fsync

    def shared(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        sync(descriptor)

    monkeypatch.setattr(files.os, "fsync", shared)
    files.write_privately(tmp_path / "ticket", b"one")
    assert (tmp_path / "ticket").read_bytes() == b"one"


@pytest.mark.parametrize("unsynced", [stat.S_ISREG, stat.S_ISDIR], ids=["the file", "its folder"])
def test_a_private_file_is_new_whole_and_its_owners_alone(tmp_path, monkeypatch, unsynced):
    path = tmp_path / "ticket"
    files.write_privately(path, b"one")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        files.write_privately(path, b"two")
    assert path.read_bytes() == b"one"

    def full(descriptor):
        if unsynced(os.fstat(descriptor).st_mode):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_privately(tmp_path / "other", b"two")
    assert list(tmp_path.iterdir()) == [path]
