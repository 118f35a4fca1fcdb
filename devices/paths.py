"""Paths that people give: what is wrong with one, and what to do, in one line."""

import errno
import os
from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT)
_SHUT = (errno.EACCES, errno.EPERM, errno.EROFS)


def mend(error: Exception) -> str:
    """A sentence that names the path, the cause and the mend. Errors of ours bring their own sentence."""
    if not isinstance(error, OSError):
        return str(error)
    if error.filename is None:
        if error.errno in _FULL:  # writing into an open file does not say which
            return "there is no room left on the disk; make some, or name a file on another one"
        return str(error)
    path = Path(str(error.filename))
    if isinstance(error, FileNotFoundError) and path.parent.is_dir():
        return f"there is no {path}; look at its name"
    if isinstance(error, FileNotFoundError):
        return f"there is no folder {path.parent} for {path.name}; make it first, or name another"
    if isinstance(error, IsADirectoryError):
        return f"{path} is a folder; name a file"
    if isinstance(error, NotADirectoryError | FileExistsError):
        there = next((one for one in (path, *path.parents) if one.is_file()), path)
        return f"{there} is a file that is there already; name another, or move it away"
    if error.errno in _SHUT:
        return f"{path} is not open to this user; change its rights, or name another"
    if error.errno in _FULL:
        return f"there is no room left on the disk of {path}; make some, or name a file on another one"
    return f"{path}: {error.strerror}"


def may_write(path: Path | None, endings: tuple[str, ...] = (), *, new: bool = False) -> None:
    """Raises ValueError or OSError, before anything was done, for a file that could not be written. `new`:
    there may be none yet.
    """
    if path is None:
        return
    if endings and path.suffix.lower() not in endings:
        raise ValueError(f"{path}: its name must end in one of {', '.join(endings)}")
    if path.is_dir():
        raise ValueError(f"{path} is a folder; name a file in it")
    if new and path.exists():
        raise ValueError(f"{path} is there already; name another file, or remove it")
    if not path.parent.is_dir():
        raise ValueError(f"{path} cannot be written: there is no folder {path.parent}; make it first")
    if not path.exists():  # rights alone do not tell: a file system may refuse whoever asks
        path.touch()
        path.unlink()
    elif not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def words(path: Path) -> str:
    """What a text file holds. Raises OSError; ValueError for what is no text."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text in UTF-8; is it the right file?") from None
