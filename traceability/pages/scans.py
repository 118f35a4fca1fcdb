"""How often the page of each lot was opened: a count per day, with no cookie, no address, no device.

    page opened ─► Scans.count ─► memory ─► scans.sqlite, every few seconds

A lot that is opened far more often than it has packages is marked. The mark is a sign and no proof: a label
may have been copied, or many people looked at one package, or a machine did. Few openings prove nothing
either.
"""

import logging
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from devices.files import to_read
from devices.salvage import begun
from traceability.digital_link import LotKey

log = logging.getLogger(__name__)
EVERY = 5.0  # seconds between two writes; a crash loses the openings since the last one
# Assumption: a package is opened by a seller, a buyer and a few curious people; ten openings are far more
FAR, FEW = 10, 50  # openings a package, and the least number of openings in all
_SCHEMA = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=NORMAL; -- a power cut may forget some
CREATE TABLE IF NOT EXISTS scan(
  gtin TEXT NOT NULL, lot TEXT NOT NULL, day TEXT NOT NULL, number INTEGER NOT NULL,
  PRIMARY KEY(gtin, lot, day)) WITHOUT ROWID;
"""


class Scans:
    """Counts openings in a file. Safe for several threads and processes; each process adds its counts."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._new: Counter[tuple[str, str, str]] = Counter()
        self._written = -EVERY
        self._path, self._failed, self._stuck = path, False, False
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = begun(path, _SCHEMA, 0.05)
        except sqlite3.Error as error:
            raise OSError(f"the openings of lots, {path}, cannot be counted: {error}") from error

    def count(self, key: LotKey, today: date) -> int:
        """Count an opening; returns the lot's openings so far. A failed write is repeated later."""
        with self._lock:
            self._new[key.gtin, key.lot, today.isoformat()] += 1
            if time.monotonic() - self._written >= EVERY:
                self._written = time.monotonic()
                self._write()
            return self._known(key) + sum(n for (gtin, lot, _), n in self._new.items() if (gtin, lot) == key)

    def close(self) -> None:
        with self._lock:
            self._write()
            self._db.close()

    def _known(self, key: LotKey) -> int:
        """Openings in the file; 0 if it cannot be read, because a lot's page works without them."""
        try:
            (known,) = self._db.execute(
                "SELECT coalesce(sum(number), 0) FROM scan WHERE gtin=? AND lot=?", key
            ).fetchone()
        except sqlite3.Error as error:
            if not self._failed:
                log.warning("openings of lots cannot be read from %s: %s", self._path, error)
            self._failed = True
            return 0
        self._failed = False
        return int(known)

    def _write(self) -> None:
        rows = [(*where, number) for where, number in self._new.items()]
        try:
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                self._db.executemany(
                    "INSERT INTO scan VALUES(?,?,?,?) "
                    "ON CONFLICT DO UPDATE SET number=number+excluded.number",
                    rows,
                )
        except sqlite3.Error as error:
            if not self._stuck:
                log.warning("openings cannot be written to %s, memory keeps them: %s", self._path, error)
            self._stuck = True
        else:
            self._stuck = False
            self._new.clear()


class Opened(NamedTuple):
    """How often a lot's page was opened on one day (ISO 8601, in the pilot's time zone)."""

    key: LotKey
    day: str
    number: int


def read(path: Path) -> list[Opened]:
    """All counts so far, without blocking the pages; empty if no page was opened yet."""
    if not path.exists():
        return []
    with closing(to_read(path)) as db:
        rows = db.execute("SELECT gtin, lot, day, number FROM scan ORDER BY gtin, lot, day")
        return [Opened(LotKey(gtin, lot), day, number) for gtin, lot, day, number in rows]


def packages(addenda: Iterable[dict[str, Any]]) -> int:
    """The number of a lot's packages, by its addenda and their corrections; 0 if none were noted."""
    packed: dict[str, int] = {}
    for one in addenda:
        for event in (one["event"], (one["correction"] or {}).get("after", {})):
            if event.get("event") == "packing":
                packed[event["id"]] = event["packages"]
    return sum(packed.values())


def far_more(opened: int, packed: int) -> bool:
    """Whether a lot was opened far more often than it has packages."""
    return packed > 0 and opened >= FEW and opened > FAR * packed
