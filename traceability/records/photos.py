"""Photographs of lots, each in a file named by the hash of its bytes.

    upload ─► picture.clean ─► sha256 ─► room left today? ─► photos/{sha256}     the hash goes into the diary

A record holds only the hash: the picture may be elsewhere or gone, and a changed picture no longer has the
hash.
"""

import errno
import hashlib
import logging
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from devices.files import mend, write_all
from devices.salvage import begun
from traceability.records import picture
from traceability.records.picture import BadPicture

log = logging.getLogger(__name__)
A_DAY, ALL_A_DAY = 20, 400  # pictures of one account and of all accounts; some 300 kB each
FREE = 1_000_000_000  # bytes of the disk kept free for records and readings
DAY = 86_400
State = Literal["here", "changed", "missing"]
_HASH = re.compile(r"[0-9a-f]{64}")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS photo(sha256 TEXT PRIMARY KEY, account TEXT NOT NULL, time REAL NOT NULL);
CREATE INDEX IF NOT EXISTS taken ON photo(time);
"""


class Photos:
    """The pictures below a folder. Several processes may add to it."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder / "photos"
        self._book = folder / "photos.sqlite"
        self._clock = clock

    def keep(self, account: str, data: bytes) -> str:
        """Keep an account's upload as `picture.clean` makes it, and return the hash of that.

        Durable on return; the same upload again changes nothing. Raises BadPicture.
        """
        cleaned = picture.clean(data)
        name = hashlib.sha256(cleaned).hexdigest()
        if self.state(name) == "here":
            return name
        try:
            self._write(account, name, cleaned)
        except (OSError, sqlite3.Error) as error:
            log.warning("a photograph cannot be kept below %s: %s", self._folder.parent, mend(error))
            full = getattr(error, "errno", None) == errno.ENOSPC or "disk is full" in str(error)
            raise BadPicture("no_room" if full else "not_kept") from error
        return name

    def _write(self, account: str, name: str, data: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        now = self._clock()
        # The transaction is also the lock: two uploads at the same time count each other.
        with closing(begun(self._book, _SCHEMA, 30)) as book, book:
            book.execute("BEGIN IMMEDIATE")
            ours, all_ = book.execute(
                "SELECT coalesce(sum(account=?), 0), count(*) FROM photo WHERE time>?", (account, now - DAY)
            ).fetchone()
            if ours >= A_DAY or all_ >= ALL_A_DAY:
                raise BadPicture("too_many")
            if shutil.disk_usage(self._folder).free < FREE:
                raise BadPicture("no_room")
            write_all({self._folder / name: data})
            book.execute("INSERT OR REPLACE INTO photo VALUES(?,?,?)", (name, account, now))

    def read(self, name: str) -> bytes | None:
        """The JPEG with this hash; None if it is not here or was changed."""
        if not _HASH.fullmatch(name):
            return None
        try:
            data = (self._folder / name).read_bytes()
        except OSError:
            return None
        return data if hashlib.sha256(data).hexdigest() == name else None

    def state(self, name: str) -> State:
        """Whether the picture with this hash is here unchanged. A touched file is hashed again."""
        path = self._folder / name
        try:
            now = path.stat() if _HASH.fullmatch(name) else None
            if now is None:
                return "missing"
            marks = (now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
            return "here" if _hashed(path, marks) == name else "changed"
        except OSError:
            return "missing"


def photos_of(document: dict[str, Any]) -> Iterator[str]:
    """The hashes of the photographs that a record or an addendum names, in their order."""
    for event in document["events"]["rows"] if "events" in document else [document["event"]]:
        yield from event.get("photos", ())


@lru_cache(maxsize=10_000)
def _hashed(path: Path, _marks: tuple[int, ...]) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
