"""Paths that people give: what is wrong with one, and what to do, in one line."""

import errno
import os
from pathlib import Path

from devices.texts import Mendable, Misuse

_FULL = (errno.ENOSPC, errno.EDQUOT)
_SHUT = (errno.EACCES, errno.EPERM, errno.EROFS)


def mend(error: Exception, kind: type[Mendable] = Misuse) -> Exception:
    """The error with a sentence that names the path, the cause and the mend, as one of `kind`. Errors that
    are not of a path bring their own sentence.
    """
    if not isinstance(error, OSError) or isinstance(error, Mendable):
        return error
    if error.filename is None:  # writing into an open file does not say which
        return kind("path.disk_full") if error.errno in _FULL else error
    path = Path(str(error.filename))
    if isinstance(error, FileNotFoundError) and path.parent.is_dir():
        return kind("path.none", path=path)
    if isinstance(error, FileNotFoundError):
        return kind("path.no_folder", folder=path.parent, name=path.name)
    if isinstance(error, IsADirectoryError):
        return kind("path.is_folder", path=path)
    if isinstance(error, NotADirectoryError | FileExistsError):
        there = next((one for one in (path, *path.parents) if one.is_file()), path)
        return kind("path.is_file", path=there)
    if error.errno in _SHUT:
        return kind("path.shut", path=path)
    if error.errno in _FULL:
        return kind("path.full", path=path)
    return kind("path.other", path=path, error=error.strerror)


def may_write(path: Path | None, endings: tuple[str, ...] = (), *, new: bool = False) -> None:
    """Raises Misuse or OSError, before anything was done, for a file that could not be written. `new`:
    there may be none yet.
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
    if not path.exists():  # rights alone do not tell: a file system may refuse whoever asks
        path.touch()
        path.unlink()
    elif not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def may_fill(folder: Path) -> None:
    """Make a folder where there is none. Raises OSError where nothing can be put into it."""
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def words(path: Path) -> str:
    """What a text file holds. Raises OSError; Misuse for what is no text."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise Misuse("path.no_text", path=path) from None
