"""Files that are there whole or not at all, whatever happens to the machine."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from traceability.note import sync_directory


def write_all(files: Mapping[Path, bytes]) -> None:
    """Write new files, each whole or not there, all durable on return. Many together: a disk that makes the
    first durable has then little to do for the rest.
    """
    folders = set[Path]()
    for path in files:
        folders |= {path.parent, path.parent.parent}
        path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as opened:
        drafts = {path: opened.enter_context(path.with_suffix(".tmp").open("wb", 0)) for path in files}
        for path, draft in drafts.items():
            draft.write(files[path])
        for draft in drafts.values():
            os.fsync(draft.fileno())
    for path in files:
        path.with_suffix(".tmp").replace(path)
    for folder in sorted(folders, reverse=True):  # from the inner to the outer
        sync_directory(folder)
