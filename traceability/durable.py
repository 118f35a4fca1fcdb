"""Files that are there whole or not at all, whatever happens to the machine."""

import os
import secrets
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from itertools import islice
from pathlib import Path

TOGETHER = 200  # files that are open at once


def write_all(files: Mapping[Path, bytes]) -> None:
    """Write new files, each whole or not there, all durable on return. Many together: a disk that makes the
    first durable has then little to do for the rest.
    """
    folders = {folder for path in files for folder in (path.parent, path.parent.parent)}
    for folder in {path.parent for path in files}:
        folder.mkdir(parents=True, exist_ok=True)
    rest = iter(files.items())
    while some := dict(islice(rest, TOGETHER)):
        with ExitStack() as opened:
            drafts = {path: opened.enter_context(path.with_suffix(".tmp").open("wb", 0)) for path in some}
            for path, draft in drafts.items():
                draft.write(some[path])
            for draft in drafts.values():
                os.fsync(draft.fileno())
        for path in some:
            path.with_suffix(".tmp").replace(path)
    for folder in sorted(folders, reverse=True):  # from the inner to the outer
        sync_directory(folder)


def create_private(path: Path, text: str) -> None:
    """Make a file that its owner alone may read, if there is none; durable on return. A crash leaves no file,
    or the whole one, and at worst a stray draft that nobody reads; of two processes the first one's stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # unlike a rename, a link never replaces one made meanwhile
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in it durable: new files, renames, removals."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
