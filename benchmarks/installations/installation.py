"""An installation whose parts may be killed and restarted, and whose messages can be looked up.

nodes ─► tap ─► its broker ─► its gateway, with a spool ─► its store
"""

import json
import sqlite3
import sys
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from benchmarks.installations.tap import Message, Tap
from benchmarks.peers.processes import ROOT, Running
from gateway.ingest.message import Books
from gateway.ingest.spool import Spool
from gateway.stores.sqlite import SqliteStore
from gateway.stores.store import Store
from tests.loopback import free_port
from tests.servers import until

# seconds without a change after which all messages have arrived, and the most that may take
QUIET, PATIENCE = 3.0, 180.0


class Part(NamedTuple):
    """How to kill a part, and how to start it again."""

    kill: Callable[[], None]
    start: Callable[[], None]


class Installation(ABC):
    """An installation. `parts` are named as people call them; `broker` is the part that may lose messages, if
    any; `nodes` is the tap between the nodes and the broker.
    """

    parts: dict[str, Part]
    broker = ""

    def __init__(self, name: str, folder: Path, log: str) -> None:
        """`log`: the name of the file in `folder` to which the gateway prints."""
        self.name, self.folder, self.log = name, folder, folder / log
        self.data, self._port = folder / "data", free_port()
        self.nodes = Tap(self._port)
        self._before = 0  # connections of the gateway before its last start
        self._running: dict[str, Running] = {}

    @abstractmethod
    def start(self) -> None:
        """Start all parts, and wait for the first readings."""

    @abstractmethod
    def silence(self) -> None:
        """Stop the nodes. Messages that they have sent are still delivered."""

    @abstractmethod
    def stop(self) -> None:
        """End every process."""

    @property
    @abstractmethod
    def taken(self) -> dict[Message, float]:
        """The messages that the gateway, or its stand-in, has promised to keep."""

    def gone(self, message: Message, killed: float) -> bool:
        """Whether the broker may have lost an acknowledged message when killed at `killed` (monotonic s)."""
        return False

    def store(self) -> Store:
        return SqliteStore(self.data / "store.sqlite")

    def connected(self) -> bool:
        """Whether the gateway has connected since its last start, and has not lost the connection since."""
        text = self._printed()
        here = text.rfind("connected to") > text.rfind("connection to the broker lost")
        return here and text.count("connected to") > self._before

    def drained(self) -> Books:
        """Stop the nodes, wait until nothing more arrives, and return the books."""
        self.silence()
        until(self.connected, "the gateway's subscription", PATIENCE)
        last, since = None, time.monotonic()
        end = since + PATIENCE
        while time.monotonic() - since < QUIET:
            now = self.books(), len(self.taken)
            if now != last or now[0].spooled:
                last, since = now, time.monotonic()
            assert time.monotonic() < end, f"{self.name}: still on the way: {now}"
            time.sleep(0.2)
        return self.books()

    def books(self) -> Books:
        with closing(Spool.to_read(self.data / "gateway" / "spool.sqlite")) as spool:
            return spool.books()

    def refused(self) -> Counter[str]:
        """Reasons for which messages are in quarantine."""
        with closing(Spool.to_read(self.data / "gateway" / "spool.sqlite")) as spool:
            return Counter(f"{one.reason} {one.field}".strip() for one in spool.quarantined(1000))

    def entries(self) -> set[str]:
        """Ids of the stored diary entries."""
        with closing(sqlite3.connect(self.data / "trace" / "trace.sqlite")) as db:
            return {id for (id,) in db.execute("SELECT id FROM event")}

    def _connections(self) -> int:
        return self._printed().count("connected to")

    def _printed(self) -> str:
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def _start(self, name: str, *words: str, **settings: str) -> None:
        command = [sys.executable, "-m", "hoiquan", *words]
        self._running[name] = Running(command, self.folder, name, **settings, PYTHONPATH=str(ROOT))


def reading_time(message: Message) -> int | None:
    """The epoch ms of a reading; None for any other message."""
    if not message.topic.endswith("/telemetry"):
        return None
    ts: int | None = json.loads(message.payload).get("ts")
    return ts
