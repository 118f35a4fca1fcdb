"""Our own gateway, as a real process: durable, checked, QoS 1."""

import sqlite3
import subprocess
import sys
from pathlib import Path

from benchmarks.peers.processes import ROOT, Missing, Running
from benchmarks.peers.testbed import Testbed

GROUP = "bench"
BEFORE = "hoiquan gateway of --before"


class Ours:
    """`hoiquan gateway`. Several processes share subscription and data folder, each with its own spool.

    `root`: the checkout whose code runs.
    """

    def __init__(self, processes: int = 1, root: Path = ROOT) -> None:
        self._processes = processes
        self._command = [sys.executable, str(root / "hoiquan.py"), "gateway"]
        self.name = "hoiquan gateway" if processes == 1 else f"hoiquan gateway, {processes} processes"
        if root != ROOT:
            self.name = BEFORE

    def prepare(self) -> None:
        if self._processes > 1:
            usage = subprocess.run(
                [*self._command, "--help"], capture_output=True, text=True, check=True
            ).stdout
            if "--group" not in usage:
                raise Missing("waits for `hoiquan gateway --group`")

    def start(self, bed: Testbed, folder: Path, bucket: str) -> list[Running]:
        return [self._one(bed, folder, bucket, number) for number in range(1, self._processes + 1)]

    def books(self, folder: Path) -> dict[str, int]:
        """The sum of the books of all spools, read from their files."""
        total: dict[str, int] = {}
        for path in folder.glob("data/gateway/spool*.sqlite"):
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as db:
                books = dict(db.execute("SELECT name, value FROM book"))
                (books["spooled"],) = db.execute("SELECT coalesce(sum(messages), 0) FROM segment").fetchone()
            for name, value in books.items():
                total[name] = total.get(name, 0) + value
        return total

    def _one(self, bed: Testbed, folder: Path, bucket: str, number: int) -> Running:
        shared = ["--group", GROUP] if self._processes > 1 else []
        return Running(
            [*self._command, "--data", str(folder / "data"), *shared],
            folder,
            f"gateway-{number}",
            HOIQUAN_MQTT=bed.broker.url,
            HOIQUAN_INFLUX_URL=bed.store.url,
            HOIQUAN_INFLUX_TOKEN=bed.store.token,
            HOIQUAN_INFLUX_ORG=bed.store.org,
            HOIQUAN_INFLUX_BUCKET=bucket,
            HOIQUAN_INSTANCE=f"gateway-{number}",
            COLUMNS="200",
        )
