"""Files: errors about paths that people give, writes that are whole or not at all, SQLite shared or opened to
read.

a path ─► may_write, may_fill, words, value ─► OSError ─► mend: the path, the cause, the mend
bytes  ─► replace (one, over another), write_all (many new ones), create_private (the first one stays),
          write_privately (a new one)
"""

import errno
import json
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

from devices.texts import Mendable, Misuse

PICTURES = (".svg", ".png", ".pdf")  # what a QR code may be written as
TOGETHER = 200  # files that are open at once
SWITCHED = 10.0  # seconds within which all that open a new SQLite file at once have it
_FULL = (errno.ENOSPC, errno.EDQUOT)
_SHUT = (errno.EACCES, errno.EPERM, errno.EROFS)
_SQLITE = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
    sqlite3.SQLITE_READONLY: "readonly",
    sqlite3.SQLITE_IOERR: "io",
    sqlite3.SQLITE_CANTOPEN: "unopened",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
}
_UNSYNCED = (errno.EINVAL, errno.EACCES)  # a file system that syncs no folders; a folder that may not be read


def mend(error: Exception, kind: type[Mendable] = Misuse) -> Exception:
    """The error as one of `kind`, whose sentence names the path, the cause and the mend. An error that is not
    about a path is returned as it is, unless a full disk or SQLite's trouble with a file caused it.
    """
    if isinstance(error, sqlite3.Error):
        return of_sqlite(error, kind) or error
    if not isinstance(error, OSError) or isinstance(error, Mendable):
        return error
    if error.filename is None:  # an error while writing into an open file does not name it
        return kind("path.disk_full") if error.errno in _FULL else error
    path = Path(str(error.filename))
    if isinstance(error, FileNotFoundError) and path.parent.is_dir():
        return kind("path.none", path=path)
    if isinstance(error, FileNotFoundError):
        return kind("path.no_folder", folder=path.parent, name=path.name)
    if isinstance(error, IsADirectoryError):
        return kind("path.is_folder", path=path)
    if isinstance(error, NotADirectoryError | FileExistsError):
        file = next((one for one in (path, *path.parents) if one.is_file()), path)
        return kind("path.is_file", path=file)
    if error.errno in _SHUT:
        return kind("path.shut", path=path)
    if error.errno in _FULL:
        return kind("path.full", path=path)
    return kind("path.other", path=path, error=OSError(error.errno, error.strerror))


def of_sqlite(error: BaseException, kind: type[Mendable] = Mendable) -> Mendable | None:
    """SQLite's error about a file as one of `kind`, with its mend; None for any other error."""
    key = _SQLITE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)  # the rest of the code refines it
    return None if key is None else kind(f"sqlite.{key}", error=" ".join(str(error).split()))


def share(db: sqlite3.Connection) -> None:
    """Let several processes read and write an SQLite file at once (WAL). Raises sqlite3.OperationalError.

    SQLite waits for every lock but this one: of two that switch a new file at the same moment, one is refused
    at once.
    """
    end = time.monotonic() + SWITCHED
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def may_write(path: Path | None, endings: tuple[str, ...] = (), *, new: bool = False) -> None:
    """Raise Misuse or OSError for a file that cannot be written, before any work is done. `new`: the file
    must not exist yet.
    """
    if path is None:
        return
    if endings and path.suffix.lower() not in endings:
        raise Misuse("path.ending", path=path, endings=", ".join(endings))
    if path.is_dir():
        raise Misuse("path.is_folder", path=path)
    if new and path.exists():
        raise Misuse("path.exists", path=path)
    if not path.parent.is_dir():
        raise Misuse("path.no_folder_to_write", path=path, folder=path.parent)
    if not path.exists():  # permissions do not tell all: a file system may refuse anyone
        path.touch()
        path.unlink()
    elif not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def may_fill(folder: Path) -> None:
    """Make a folder if there is none. Raises OSError if nothing can be put into it."""
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def words(path: Path) -> str:
    """The text of a file. Raises OSError, or Misuse if it is not UTF-8."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise Misuse("path.no_text", path=path) from None


def value(path: Path) -> Any:
    """The value of a JSON file. Raises OSError, or Misuse if it is not JSON."""
    try:
        return json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        raise Misuse("path.no_json_at", path=path, line=error.lineno, column=error.colno) from None
    except (ValueError, RecursionError):  # not text, a number of too many digits, or nested too deeply
        raise Misuse("path.no_json", path=path) from None


def to_read(path: Path, timeout: float = 10.0) -> sqlite3.Connection:
    """Open an SQLite file only to read, whatever characters its name has: it is not created if there is none,
    and a write raises sqlite3's error. `timeout`: seconds to wait for locks of others.
    """
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=timeout
    )


def replace(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Write a file, over another or new: whole or not at all, durable on return, with `mode` whatever the
    umask.
    """
    with _draft(path, content.encode() if isinstance(content, str) else content, mode) as draft:
        draft.replace(path)


def write_all(files: Mapping[Path, bytes]) -> None:
    """Write new files, each whole or not there, all durable on return. Syncing many together is cheap: once
    the disk has made the first durable, it has little to do for the rest.
    """
    folders = {folder for path in files for folder in (path.parent, path.parent.parent)}
    for folder in {path.parent for path in files}:
        folder.mkdir(parents=True, exist_ok=True)
    rest = iter(files.items())
    while some := dict(islice(rest, TOGETHER)):
        with ExitStack() as opened:
            drafts = {path: opened.enter_context(path.with_suffix(".tmp").open("wb", 0)) for path in some}
            for path, draft in drafts.items():
                with _named(path):
                    draft.write(some[path])
            for path, draft in drafts.items():
                with _named(path):
                    os.fsync(draft.fileno())
        for path in some:
            path.with_suffix(".tmp").replace(path)
    for folder in sorted(folders, reverse=True):  # inner folders before outer ones
        sync_directory(folder)


def create_private(path: Path, text: str) -> None:
    """Make a file that only its owner may read, if there is none; durable on return. A crash leaves no file
    or the whole file, and at worst a stray draft that nobody reads. Of two processes, the first one's file
    stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _draft(path, text.encode(), 0o600) as draft, suppress(FileExistsError):
        os.link(draft, path)  # unlike a rename, a link never replaces one made meanwhile


def write_privately(path: Path, content: bytes) -> None:
    """Write a new file that only its owner may read, where a person asked for it; durable on return, its name
    as far as the folder can be synced. Raises FileExistsError. It needs no link: a USB stick may not know
    them. A write that fails leaves no file.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with ExitStack() as undo:
        undo.callback(path.unlink, missing_ok=True)
        with _named(path):
            _fill(descriptor, content)
        try:
            sync_directory(path.parent)
        except OSError as error:
            if error.errno not in _UNSYNCED:  # the person chose the folder, such as a shared one
                raise
        undo.pop_all()


def _fill(descriptor: int, content: bytes, mode: int | None = None) -> None:
    """Write a file's whole content to disk, close it, and give it `mode` whatever the umask."""
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Give an error in writing into an open file, which does not name it, the file's name."""
    try:
        yield
    except OSError as error:
        if error.errno and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def _draft(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    """A durable draft beside `path`, to which the block gives its final name; durable at the end."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with _named(path):
            _fill(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), content, mode)
        yield draft
    finally:
        draft.unlink(missing_ok=True)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make changes of the names in a directory durable: new files, renames, removals."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
