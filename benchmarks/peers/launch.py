"""A gateway to compare, and how it is started on the testbed."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from benchmarks.peers.processes import Running
from benchmarks.peers.testbed import Testbed
from benchmarks.peers.traffic import Traffic

PATIENCE = 40.0  # seconds for a gateway to come up


class Gateway(Protocol):
    """A gateway to compare. `folder` belongs to one measurement; started in it again, a gateway resumes."""

    name: str

    def prepare(self) -> None:
        """Install the gateway, unless that is done. Raises Missing."""

    def start(self, bed: Testbed, folder: Path, bucket: str) -> list[Running]:
        """Start the gateway; returns its processes."""

    def books(self, folder: Path) -> dict[str, int]:
        """The gateway's own books: ours has `stored`, `quarantined` and `spooled`; others have none."""


def wait(condition: Callable[[], object], what: str, running: list[Running]) -> None:
    """Wait for `condition`. Raises RuntimeError with the last output of a process that ended instead."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        for one in running:
            if one.ended():
                raise RuntimeError(f"{what}: it ended: {one.tail()}")
        if time.monotonic() > deadline:
            last = running[0].tail() if running else ""
            raise RuntimeError(f"{what}: not within {PATIENCE:g} s: {last}")
        time.sleep(0.003)


@contextmanager
def subscribed(gateway: Gateway, bed: Testbed, traffic: Traffic) -> Iterator[tuple[list[Running], str]]:
    """Run a gateway during the block, from its subscription on; yields its processes and its bucket, which is
    made for `traffic`. Raises RuntimeError.
    """
    folder = Path(tempfile.mkdtemp(prefix="hoiquan-bench-"))
    bucket, since = bed.bucket(traffic), bed.mark()
    running: list[Running] = []
    try:
        running = gateway.start(bed, folder, bucket)
        wait(
            lambda: any(bed.subscribed(since, name) for name in bed.clients(since)),
            f"{gateway.name} subscribes",
            running,
        )
        yield running, bucket
    finally:
        for one in running:
            one.stop()
        bed.forget(bed.clients(since))
        bed.drop(bucket)
        shutil.rmtree(folder, ignore_errors=True)
