"""Files that are there whole or not at all, whatever happens to the machine."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from traceability.note import sync_directory

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
